// The calibration as the wearer does it: what is asked for, how it goes, pass or fail with a number.

import { $, el, put } from "./dom.js";

const STEPS = ["stand", "pose", "bends", "sign"];
const NAMES = { stand: "Stand", pose: "Start position", bends: "Knee bends", sign: "Direction" };
const READY_MS = 3500;

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

  draw(exercise) {
    const step = this.step;
    const steps = STEPS.map((name) => this.row(name, step));
    const key = JSON.stringify(steps.map((row) => [row.state, row.figure]));
    if (key !== this.drawnSteps) {
      this.drawnSteps = key;
      $("guideSteps").replaceChildren(...steps.map((row) => el("li", { class: row.state, "aria-current": row.state === "now" ? "step" : null },
        NAMES[row.name], el("span", { class: "figure" }, row.figure))));
    }
    const picture = `/page/poses/${step === "stand" ? "standing" : exercise.position}.svg`;
    if (!$("guidePicture").src.endsWith(picture)) { $("guidePicture").src = picture; $("guidePicture").alt = step === "stand" ? "Standing" : exercise.position.replace("_", " "); }
    put($("guideAsk"), this.ask(step, exercise));
    const now = this.now ?? { still_s: 0, need_s: 3, bends: 0, moves_dps: 0 };
    const bends = step === "bends";
    const share = step === "ready" ? 1 : bends ? Math.min(1, now.bends / 5) : Math.min(1, now.still_s / now.need_s);
    $("guideFill").style.strokeDasharray = `${(share * 100).toFixed(1)} 100`;
    $("guideRing").setAttribute("class", share >= 1 ? "full" : "");
    put($("guideText"), step === "ready" ? "✓" : bends ? `${Math.min(5, now.bends)}/5` : Math.max(0, now.need_s - now.still_s).toFixed(0));
    put($("guideStill"), step === "ready" ? "The number must rise as the foot goes outwards."
      : bends ? "then keep still" : now.still_s > 0.2 ? `still for ${now.still_s.toFixed(1)} s` : `moving ${now.moves_dps.toFixed(0)}°/s`);
    $("guideRemedy").hidden = !this.remedy;
    put($("guideRemedy"), this.remedy);
  }

  ask(step, exercise) {
    if (step === "stand") return "Stand still, feet forward.";
    if (step === "pose") return exercise.how[0] ?? "Take the start position and keep still.";
    if (step === "bends") return "Bend and straighten the knee five times.";
    return "Ready. Turn the foot outwards once.";
  }

  row(name, step) {
    const order = ["stand", "pose", "bends", "ready"];
    const legs = Object.values(this.calibration);
    if (name === "sign") {
      const signs = legs.map((leg) => leg.sign);
      const state = signs.length && signs.every((sign) => sign === "good") ? "good" : signs.includes("falls") ? "bad" : step === "ready" ? "now" : "";
      return { name, state, figure: state === "bad" ? "the number falls" : state === "good" ? "rises" : "rises outwards" };
    }
    const checks = legs.flatMap((leg) => leg.checks).filter((check) => stepOf(check.name) === name);
    const failed = checks.find((check) => !check.passed);
    const at = order.indexOf(step), own = order.indexOf(name);
    const state = failed ? "bad" : own < at ? "good" : own === at ? "now" : "";
    const told = failed ?? checks[checks.length - 1];
    return { name, state, figure: told ? figure(told) : own < at ? "seen" : "" };
  }
}

function stepOf(check) {
  if (/bend|hinge|share/.test(check)) return "bends";
  if (/stand/.test(check)) return "stand";
  return "pose";
}

export function figure(check) {
  if (check.unit === "found") return check.passed ? "not needed" : "not found";
  const unit = check.unit === "deg" ? "°" : "";
  const digits = check.unit === "deg" ? 1 : check.value % 1 ? 2 : 0;
  return `${check.name} ${check.value?.toFixed(digits)}${unit} (${check.passed ? "limit" : "needs"} ${check.limit?.toFixed(digits)}${unit})`;
}
