// The read-out: what is drawn sixty times a second, from a socket or from a recording.

import { say } from "./distance.js";
import { $, arrow, degrees, el, fillTo, put, setTo } from "./dom.js";
import { drawGauge } from "./gauge.js";
import { drawLegs } from "./leg.js";
import { drawTrace, rangeOf } from "./trace.js";
import { word } from "./words.js";

export const DIM_S = 0.3, LOST_S = 1.0;
const DIGITS_MS = 100, TRACE_MS = 80;
const ZONE_SHARE = 0.2, ZONE_MIN_DEG = 3, ZONE_SLACK_DEG = 1;
const TURNED_DEG = 3; // beyond this to the other side the word is spoken, not at every sway about zero
const LONGEST_COUNT = 5; // letters of "10/12"; what is longer is told without the number asked for

export class Readout {
  constructor(sound) {
    this.sound = sound;
    this.sides = "";
    this.panes = {};
    this.zone = {};
    this.digits = {};
    this.turned = {};
    this.ticked = 0;
    this.traceAt = 0;
  }

  /** Make a pane for each leg. */
  prepare(sides) {
    if (this.sides === sides.join()) return;
    this.sides = sides.join();
    this.panes = {};
    this.zone = {};
    this.digits = {};
    $("readout").dataset.legs = String(sides.length);
    $("angles").replaceChildren(...sides.map((side) => {
      const pane = {
        num: el("div", { class: "num", role: "img" }, "– –"), tag: el("span", { class: "tag" }, word(`side_letter.${side}`)), arrow: arrow(),
        gauge: el("canvas", { role: "img", "aria-label": word("gauge") }),
      };
      pane.face = el("div", { class: "face" }, pane.tag, pane.arrow, pane.num, pane.gauge);
      pane.box = el("div", { class: "angle", "data-side": side }, pane.face);
      this.panes[side] = pane;
      return pane.box;
    }));
  }

  draw(scene, now) {
    const sides = Object.keys(scene.legs);
    this.prepare(sides);
    const freshness = scene.age > LOST_S ? "lost" : scene.age > DIM_S ? "dim" : "";
    for (const side of sides) this.drawAngle(side, scene, freshness, now);
    this.drawWords(scene, sides, freshness);
    const legs = {};
    for (const side of sides) legs[side] = scene.legs[side];
    drawLegs($("leg"), legs, scene.exercise.position, Boolean(freshness));
    this.drawCount(scene, freshness, now);
    if (now - this.traceAt >= TRACE_MS || scene.seeking) {
      this.traceAt = now;
      const level = Math.min(...sides.map((side) => scene.level[side] ?? 0));
      drawTrace($("trace"), {
        traces: scene.traces, now: scene.time, reps: scene.reps, faded: Boolean(freshness),
        labelled: !scene.live, band: bandOf(scene, sides[0]), range: rangeOf(scene.exercise, scene.targets[sides[0]] ?? scene.exercise.target_deg, level),
      });
    }
  }

  drawAngle(side, scene, freshness, now) {
    const pane = this.panes[side], leg = scene.legs[side];
    const timed = scene.exercise.counted === false; // seconds stand where an angle would
    const lost = freshness === "lost" || (leg.deg === null && !timed);
    const band = bandOf(scene, side);
    const slack = this.zone[side] ? ZONE_SLACK_DEG : 0;
    const inside = band !== null && !freshness && !lost && leg.deg >= band[0] - slack && leg.deg <= band[1] + slack;
    if (inside && !this.zone[side] && scene.sounding && leg.phase === "up") this.sound.play("zone");
    if (!freshness || lost) this.zone[side] = inside;
    const turned = lost || timed || Math.abs(leg.deg) < 0.5 ? "" : leg.deg < 0 ? "out" : "in";
    setTo(pane.box, "class", `angle ${turned} ${inside ? "zone" : ""} ${lost ? "lost" : freshness}`);
    const text = lost ? "– –" : timed ? String(Math.floor(leg.hold)) : degrees(Math.abs(leg.deg)).replace("°", "");
    const last = this.digits[side] ?? -Infinity;
    if (pane.num.textContent !== text && (lost || scene.seeking || now - last >= DIGITS_MS)) {
      this.digits[side] = now;
      pane.num.textContent = text;
      pane.face.dataset.n = String(text.length);
    }
    setTo(pane.num, "aria-label", word(lost ? "angle.none" : timed ? "angle.held" : turned === "out" ? "angle.external" : "angle.internal", { value: text }));
    if (turned && !freshness && Math.abs(leg.deg) > TURNED_DEG) this.turn(side, turned, scene);
    const level = scene.level[side] ?? 0;
    drawGauge(pane.gauge, lost ? null : leg.deg, band, rangeOf(scene.exercise, scene.targets[side] ?? scene.exercise.target_deg, level), inside);
  }

  /** Speak which way a leg is turned, when that changes. */
  turn(side, turned, scene) {
    const before = this.turned[side] ?? "in";
    this.turned[side] = turned;
    if (turned !== before && scene.sounding) this.sound.say(word(Object.keys(this.panes).length > 1 ? "turned_side" : "turned", { side, turned }));
  }

  /** Words over what has no number now: over all, over one leg's half, or, paused, over the count. */
  drawWords(scene, sides, freshness) {
    const lost = sides.filter((side) => freshness === "lost" || scene.legs[side].deg === null);
    const text = lost.length ? scene.cause?.short ?? word("distance.unknown") : scene.paused ? word("distance.paused") : "";
    $("words").hidden = !text;
    if (!text) return;
    setTo($("words"), "data-over", !lost.length ? "below" : lost.length === sides.length ? "all" : String(sides.indexOf(lost[0])));
    say($("words"), text);
  }

  drawCount(scene, freshness, now) {
    const sides = Object.keys(scene.legs);
    const counts = sides.map((side) => scene.counts[side]?.reps ?? 0);
    const same = counts.every((count) => count === counts[0]), done = Math.min(...counts) >= scene.repsWanted;
    const told = same ? String(counts[0]) : counts.join("·"), whole = `${told}/${scene.repsWanted}`;
    put($("repsNow"), told);
    put($("repsOf"), done ? " ✓" : same && whole.length <= LONGEST_COUNT ? `/${scene.repsWanted}` : "");
    setTo($("reps"), "class", done ? "done" : "");
    const holding = sides.map((side) => scene.legs[side]).filter((leg) => leg.phase === "hold");
    const wanted = scene.holdWanted, held = holding.length ? Math.min(...holding.map((leg) => leg.hold)) : 0;
    const full = wanted > 0 && held >= wanted && holding.length > 0;
    setTo($("hold"), "class", holding.length ? (full ? "on full" : "on") : wanted ? "" : "off");
    const share = holding.length && !freshness ? Math.min(1, wanted ? held / wanted : held / 3) : 0;
    fillTo($("holdFill"), share);
    if (now - (this.holdAt ?? 0) >= DIGITS_MS || scene.seeking) {
      this.holdAt = now;
      put($("holdNow"), freshness === "lost" || !holding.length ? "" : word(full ? "hold_full" : "hold_now", { seconds: Math.floor(held) }));
    }
    put($("setLine"), scene.setLine);
    this.tick(held, wanted, holding.length > 0 && scene.sounding && !freshness);
  }

  /** Tick away the last three seconds of a hold, and say when it is done. */
  tick(held, wanted, sounding) {
    if (!sounding || !wanted) { this.ticked = 0; return; }
    const left = Math.ceil(wanted - held);
    const step = held >= wanted ? 9 : left <= 3 ? 4 - left : 0;
    if (step > this.ticked) {
      this.ticked = step;
      this.sound.play(step === 9 ? "held" : "tick");
    }
  }
}

/** The target zone in degrees: the goal and a fifth to either side; null where there is no goal. */
export function bandOf(scene, side) {
  const level = scene.level[side] ?? 0, goal = scene.targets[side] ?? null;
  if (goal === null) return null;
  const half = Math.max(ZONE_MIN_DEG, goal * ZONE_SHARE);
  return [level + goal - half, level + goal + half];
}
