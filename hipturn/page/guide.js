// The calibration as the wearer does it: what is asked for, how it goes, pass or fail with a number.

import { say } from "./distance.js";
import { $, el, fillTo, pictureOf, put, setTo } from "./dom.js";
import { knows, number, word } from "./words.js";

const STEPS = ["stand", "pose", "bends", "sign"];
const READY_MS = 3500;
const BENDS = 5; // of a whole calibration; fewer where the last one is kept

export class Guide {
  constructor(sound) {
    this.sound = sound;
    this.clear();
  }

  clear() {
    this.calibration = {};
    this.now = null;
    this.asked = "";
    this.spoken = 9;
    this.readyAt = null;
    this.remedy = "";
  }

  /** Take how each leg's calibration stands. */
  take(legs) {
    this.calibration = legs;
    const ready = Object.values(legs).length > 0 && Object.values(legs).every((leg) => leg.step === "ready");
    if (ready && this.readyAt === null) this.readyAt = performance.now();
    if (!ready) this.readyAt = null;
  }

  /** Whether the calibration is what the screen should show. */
  get showing() {
    const signs = Object.values(this.calibration).map((leg) => leg.sign);
    if (this.readyAt !== null && signs.every((sign) => sign === "good")) return false;
    return this.readyAt === null || performance.now() - this.readyAt < READY_MS;
  }

  get step() {
    const order = ["", "stand", "pose", "bends", "ready"];
    const at = Object.values(this.calibration).map((leg) => order.indexOf(leg.step));
    return order[at.length ? Math.max(0, Math.min(...at)) : 0] || "stand"; // nothing is done before it is told
  }

  progress(message, heard) {
    this.now = message;
    const left = Math.ceil(message.need_s - message.still_s);
    if (message.step === "bends" || message.still_s < 0.4) { this.spoken = 9; return; }
    if (left < this.spoken && left >= 1 && left <= 3) { // three, two, one
      this.spoken = left;
      if (!heard) return;
      this.sound.play("tick");
      this.sound.say(String(left));
    }
  }

  /** How many knee bends are asked for. */
  get bendsAsked() {
    return this.now?.bends_asked ?? BENDS;
  }

  draw({ exercise, plan: { side } }, cause) {
    const step = this.step, asked = this.bendsAsked;
    const steps = STEPS.filter((name) => name !== "stand" || asked >= BENDS).map((name) => this.row(name, step));
    const key = JSON.stringify(steps.map((row) => [row.state, row.figure]));
    if (key !== this.drawnSteps) {
      this.drawnSteps = key;
      $("guideSteps").replaceChildren(...steps.map((row) => el("li", { class: row.state, "aria-current": row.state === "now" ? "step" : null },
        word(`guide.${row.name}`), el("span", { class: "figure" }, row.figure))));
    }
    $("guideBars").replaceChildren(...steps.map((row) => el("i", { class: row.state })));
    const position = step === "stand" ? "standing" : exercise.position, picture = pictureOf(position, side);
    if (!$("guidePicture").src.endsWith(picture)) { $("guidePicture").src = picture; $("guidePicture").alt = word(`position.${position}`); }
    const now = this.now ?? { still_s: 0, need_s: 3, bends: 0, moves_dps: 0 };
    const bends = step === "bends" && now.bends < asked;
    setTo($("guide"), "class", this.remedy ? "again" : "");
    say($("guideAsk"), cause?.short ?? this.ask(step, exercise, now));
    const share = step === "ready" || (step === "bends" && !bends) ? 1 : bends ? now.bends / asked : Math.min(1, now.still_s / now.need_s);
    fillTo($("guideFill"), share);
    setTo($("guideDone"), "class", share >= 1 ? "full" : "");
    put($("guideText"), step === "ready" ? "✓" : bends ? `${now.bends}/${asked}` : step === "bends" ? "✓" : Math.max(0, now.need_s - now.still_s).toFixed(0));
    put($("guideStill"), step === "ready" ? word("guide.must_rise") : step === "bends" ? word("guide.bend", { n: asked })
      : now.still_s > 0.2 ? word("guide.still", { seconds: now.still_s }) : word("guide.moving", { speed: now.moves_dps }));
  }

  /** What to do now, in the few words that are read from afar; the sentence is spoken. */
  ask(step, exercise, now) {
    const again = Boolean(this.remedy);
    if (step === "bends") {
      const n = this.bendsAsked;
      return now.bends >= n ? word("distance.keep") : word(again ? "distance.bend_again" : "distance.bend", { n });
    }
    const asked = { stand: "stand", ready: "ready" }[step] ?? exercise.position;
    return word(again ? "distance.again" : `distance.${asked}`, { asked });
  }

  row(name, step) {
    const order = ["stand", "pose", "bends", "ready"];
    const legs = Object.values(this.calibration);
    if (name === "sign") {
      const signs = legs.map((leg) => leg.sign);
      const state = signs.length && signs.every((sign) => sign === "good") ? "good" : signs.includes("falls") ? "bad" : step === "ready" ? "now" : "";
      return { name, state, figure: word(`guide.sign_${state === "bad" || state === "good" ? state : "open"}`) };
    }
    const checks = legs.flatMap((leg) => leg.checks).filter((check) => stepOf(check.name) === name);
    const failed = checks.find((check) => !check.passed);
    const at = order.indexOf(step), own = order.indexOf(name);
    const state = failed ? "bad" : own < at ? "good" : own === at ? "now" : "";
    const told = failed ?? checks[checks.length - 1];
    return { name, state, figure: told ? figure(told) : own < at ? word("guide.seen") : "" };
  }
}

function stepOf(check) {
  if (/bend|hinge|share/.test(check)) return "bends";
  if (/stand/.test(check)) return "stand";
  return "pose";
}

export function figure(check) {
  if (check.unit === "found") return word(check.passed ? "guide.not_needed" : "guide.not_found");
  const unit = check.unit === "deg" ? "°" : "";
  const digits = check.unit === "deg" ? 1 : check.value % 1 ? 2 : 0;
  const what = knows(`check.${check.name}`) && check.value !== null ? word(`check.${check.name}`, check) : check.said;
  return word(check.passed ? "guide.limit" : "guide.needs", { what, limit: `${number(check.limit, `.${digits}f`)}${unit}` });
}
