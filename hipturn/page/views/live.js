// The read-out of a session: what the server tells, the calibration over it, what is heard.

import { $, el, put } from "../dom.js";
import { Guide } from "../guide.js";
import { LOST_S } from "../readout.js";
import { Trace } from "../trace.js";
import { nameOf, says, word } from "../words.js";
import { commandButton } from "./parts.js";

/** The goal of each leg in degrees; null where there is none: the first set measures. */
function goalsOf({ plan, goals = {}, sides = [] }) {
  return Object.fromEntries(sides.map((side) => [side, goals[side]?.deg ?? plan.target_deg]));
}

const LOST_TONE_MS = 2500; // between two low tones while nothing arrives
const WAKING_MS = 700;     // a page that was frozen finds out what is new first, in silence
const REST_SHOWN_S = 3;    // a shorter rest is the pause between two repetitions
const COASTS_S = 5;        // the time line goes on this long without a read-out

export class LiveView {
  name = "live";

  constructor(page) {
    this.page = page;
    this.guide = new Guide(page.sound);
    this.begin();
  }

  /** Forget the session before. */
  begin() {
    this.counts = {};
    this.reps = [];
    this.traces = {};
    this.startPoses = {};  // the bones of each leg at rest, drawn dashed
    this.startLevels = {}; // degrees at the start pose
    this.lastRep_s = null;
    this.interrupted = false; // whether a unit was silent since the set began
    this.lostAt = null;    // when the tone of a lost unit was heard last
    this.quietUntil = 0;
    this.footOf = "";
    this.guide.clear();
  }

  get title() {
    const { exercise, plan } = this.page.link.stage;
    return nameOf({ name: exercise.name, side: plan.side });
  }

  get mark() { return this.page.link.stage.virtual ? word("mark.simulated") : ""; }

  // ---- what the server tells

  takeCount({ type, at, interrupted, ...counts }) {
    this.counts = counts;
    this.interrupted = interrupted ?? false;
  }

  takeCalibration({ legs }) {
    this.guide.take(legs);
    for (const [side, leg] of Object.entries(legs)) if (leg.start_deg !== null) this.startLevels[side] = leg.start_deg;
  }

  takeFrame(frame) {
    for (const side of ["left", "right"]) {
      const leg = frame[side];
      if (!leg) continue;
      (this.traces[side] ??= new Trace()).push(frame.time_s, leg.deg, leg.sd);
      if (leg.leg && leg.phase === "rest") this.startPoses[side] ??= leg.leg;
    }
  }

  /** Something happened: make it heard while it is new. */
  takeEvent(event, heard, text) {
    const { sound } = this.page;
    const play = (name, words) => { if (heard) { sound.play(name); if (words) sound.say(words); } };
    switch (event.what) {
      case "rep":
        this.reps.push({ from_s: event.from_s, to_s: event.to_s, label: String(event.reps) });
        this.lastRep_s = event.to_s;
        return play("rep", String(event.reps));
      case "partial": return play("partial", word(this.page.link.stage.exercise?.assessment ? "heard.small" : "heard.too_small"));
      case "rejected": return play("partial");
      case "set": return play("set", word("heard.set", { set: event.set }));
      case "step": this.guide.remedy = ""; return play("step", text);
      case "refused_step": this.guide.remedy = text; return play("refused", text);
      case "alarm": return play("refused", text);
      case "cue": return play("step", text);
      case "mark": return put($("said"), word("heard.marked"));
    }
  }

  // ---- what is shown

  draw(changed) {
    const { link } = this.page, can = link.stage.can.join() + link.stage.said, other = link.stage.plan.side === "left" ? "right" : "left";
    if (!changed && this.footOf === can + other) return;
    this.footOf = can + other;
    const [how, cautions] = ["how", "cautions"].map((name) => says(link.stage.exercise[name]));
    put($("moreTitle"), this.title);
    $("moreDo").replaceChildren(...[commandButton(link, "slipped", word("set.slipped"), { do: "slipped" }, { before: () => $("more").close() })].filter(Boolean));
    $("moreHow").replaceChildren(...[...how, ...cautions].map((text) => el("li", {}, text)));
    this.page.card([], [
      commandButton(link, "resume", word("resume"), { do: "resume" }, { kind: "primary" }),
      commandButton(link, "pause", word("pause"), { do: "pause" }),
      link.stage.said === "reject" ? commandButton(link, "undo", word("undo"), { do: "undo" }) : commandButton(link, "notMine", word("correct.not_mine"), { do: "not_mine" }),
      commandButton(link, "mark", word("mark_now"), { do: "mark" }),
      commandButton(link, "done", word("set.done_now"), { do: "done" }),
      link.can("mark") ? null : commandButton(link, "swap", word("units.swapped"), { do: "swap" }),
      link.can("mark") ? null : commandButton(link, "otherLeg", word("remedy.other_leg", { side: other }), { do: "other_leg" }),
      link.can("full") ? commandButton(link, "full", word("calibrate_full"), { do: "full" }) : null,
      commandButton(link, "stop", word("stop"), { do: "stop" }, { kind: "danger" }),
    ]);
  }

  /** Act on a key; return whether it was one of this view's. */
  press(event) {
    const { link } = this.page;
    if (event.key.toLowerCase() === "m") return link.send({ do: "mark" });
    if (event.key.toLowerCase() === "d") return link.send({ do: "done" });
    if (event.key.toLowerCase() === "x") return link.send({ do: "not_mine" });
    if (event.key.toLowerCase() === "u") return link.send({ do: "undo" });
    if (event.key === " ") return link.send({ do: link.stage.paused ? "resume" : "pause" });
    return false;
  }

  tick(now, frozen) {
    const { link, readout } = this.page, scene = this.scene();
    if (frozen) this.quietUntil = now + WAKING_MS;
    if (Object.keys(scene.legs).length) readout.draw(scene, now);
    this.drawGuide(link);
    put($("remedy"), this.guide.remedy || (link.cause()?.text ?? ""));
    this.lostTone(scene.age > LOST_S && this.hasAngle(), now);
  }

  /** What the read-out draws: the newest of each, at the time that it is now. */
  scene() {
    const { link } = this.page, { stage, frame } = link;
    const legs = {}, level = {}, traces = {};
    for (const side of stage.sides ?? []) {
      const leg = frame?.[side];
      legs[side] = { deg: leg?.deg ?? null, sd: leg?.sd ?? null, phase: leg?.phase ?? "rest", hold: leg?.hold ?? 0, leg: leg?.leg ?? null, start: this.startPoses[side] ?? null };
      level[side] = this.startLevels[side] ?? 0;
      traces[side] = this.traces[side] ?? new Trace();
    }
    const age = link.frameAge(), time = (frame?.time_s ?? 0) + Math.min(age, COASTS_S);
    return {
      time, legs, level, traces, age, counts: this.counts, reps: this.reps, cause: link.cause(), paused: stage.paused, live: true, sounding: true,
      exercise: stage.exercise, targets: goalsOf(stage), repsWanted: stage.plan.reps, holdWanted: stage.plan.hold_s,
      setLine: this.setLine(stage, legs, time),
    };
  }

  setLine({ paused, plan }, legs, time) {
    if (paused) return word("set.paused");
    const counts = Object.values(this.counts);
    const set = Math.max(0, ...counts.map((count) => count.set));
    const { interrupted } = this;
    if (!set) return word("set.begin");
    const done = Math.min(...counts.map((count) => count.reps)) >= plan.reps;
    const still = Object.values(legs).every((leg) => leg.phase === "rest" || leg.phase === "away");
    const rest_s = this.lastRep_s === null || !still ? 0 : time - this.lastRep_s;
    return word(plan.sets > 1 ? "set.now_of" : "set.now", { set, of: plan.sets }) + (done ? word("set.done") : "")
      + (interrupted ? word("set.interrupted") : "") + (rest_s > REST_SHOWN_S ? word("set.rest", { seconds: Math.floor(rest_s) }) : "");
  }

  drawGuide(link) {
    const { guide } = this, showing = guide.showing && !link.stage.paused;
    if ($("guide").hidden === showing) $("guide").hidden = !showing;
    if (!showing) return;
    guide.draw(link.stage, link.cause());
  }

  hasAngle() { return this.page.link.frame !== null || Object.keys(this.startPoses).length > 0; }

  lostTone(lost, now) {
    if (now < this.quietUntil) return;
    if (!lost) { this.lostAt = null; return; }
    if (this.lostAt !== null && now - this.lostAt <= LOST_TONE_MS) return;
    this.page.sound.play("lost");
    if (this.lostAt === null) this.page.sound.say(word("heard.no_signal"));
    this.lostAt = now;
  }
}
