// The read-out: what is drawn sixty times a second, from a socket or from a recording.

import { $, degrees, el, put, setTo } from "./dom.js";
import { drawGauge } from "./gauge.js";
import { drawLegs } from "./leg.js";
import { drawTrace, rangeOf } from "./trace.js";

export const DIM_S = 0.3, LOST_S = 1.0;
const DIGITS_MS = 100, TRACE_MS = 80;
const ZONE_SHARE = 0.2, ZONE_MIN_DEG = 3, ZONE_SLACK_DEG = 1;
const PHASE_SIGNS = { up: "↑", down: "↓", rest: "·", away: "⤴", calibrating: "·", hold: "" };

export class Readout {
  constructor(sound) {
    this.sound = sound;
    this.sides = "";
    this.panes = {};
    this.zone = {};
    this.digits = {};
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
    $("angles").dataset.legs = String(sides.length);
    $("angles").replaceChildren(...sides.map((side) => {
      const pane = {
        num: el("div", { class: "num" }, "– –"), sd: el("span", { class: "sd" }), tag: el("span", { class: "tag" }),
        gauge: el("canvas", { role: "img", "aria-label": "angle and target zone" }), cause: el("p", { class: "cause" }),
      };
      pane.box = el("div", { class: "angle", "data-side": side }, pane.num, pane.tag, pane.sd, pane.gauge, pane.cause);
      pane.num.setAttribute("role", "img");
      this.panes[side] = pane;
      return pane.box;
    }));
  }

  draw(scene, now) {
    const sides = Object.keys(scene.legs);
    this.prepare(sides);
    const freshness = scene.age > LOST_S ? "lost" : scene.age > DIM_S ? "dim" : "";
    for (const side of sides) this.drawAngle(side, scene, freshness, now);
    const legs = {};
    for (const side of sides) legs[side] = scene.legs[side];
    drawLegs($("leg"), legs, scene.exercise.position, Boolean(freshness));
    this.drawCount(scene, freshness, now);
    if (now - this.traceAt >= TRACE_MS || scene.seeking) {
      this.traceAt = now;
      const level = Math.min(...sides.map((side) => scene.level[side] ?? 0));
      drawTrace($("trace"), {
        traces: scene.traces, now: scene.time, reps: scene.reps, faded: Boolean(freshness),
        band: bandOf(scene, sides[0]), range: rangeOf(scene.exercise, scene.target, level),
      });
    }
  }

  drawAngle(side, scene, freshness, now) {
    const pane = this.panes[side], leg = scene.legs[side];
    const timed = scene.exercise.counted === false; // seconds stand where an angle would
    const lost = freshness === "lost" || (leg.deg === null && !timed);
    const band = bandOf(scene, side);
    const slack = this.zone[side] ? ZONE_SLACK_DEG : 0;
    const inside = !freshness && !lost && leg.deg >= band[0] - slack && leg.deg <= band[1] + slack;
    if (inside && !this.zone[side] && scene.sounding && leg.phase === "up") this.sound.play("zone");
    if (!freshness || lost) this.zone[side] = inside;
    setTo(pane.box, "class", `angle ${inside ? "zone" : ""} ${lost ? "lost" : freshness}`);
    const text = lost ? "– –" : timed ? `${Math.floor(leg.hold)} s` : degrees(leg.deg);
    const last = this.digits[side] ?? -Infinity;
    if (pane.num.textContent !== text && (lost || scene.seeking || now - last >= DIGITS_MS)) {
      this.digits[side] = now;
      pane.num.replaceChildren(el("span", {}, text.replace(/[°s]$/, "").trim(), lost ? null : el("span", { class: "unit" }, timed ? " s" : "°")));
      pane.num.dataset.n = String(text.length + (text.startsWith("–") ? 1 : text.startsWith("−") ? 1 : 0));
      pane.num.setAttribute("aria-label", lost ? "no angle" : timed ? `${text} held` : `${text} internal rotation`);
    }
    if (timed) { put(pane.tag, side); put(pane.sd, ""); } else put(pane.tag, `${side} · turned ${!lost && leg.deg < -0.5 ? "out" : "in"}`);
    if (!timed) put(pane.sd, lost || leg.sd === null ? "" : `± ${leg.sd.toFixed(1)}°`);
    put(pane.cause, lost ? scene.cause || "the angle is not known well enough" : "");
    const level = scene.level[side] ?? 0;
    drawGauge(pane.gauge, lost ? null : leg.deg, band, rangeOf(scene.exercise, scene.target, level), inside);
  }

  drawCount(scene, freshness, now) {
    const sides = Object.keys(scene.legs);
    const counts = sides.map((side) => scene.counts[side]?.reps ?? 0);
    const same = counts.every((count) => count === counts[0]);
    put($("repsNow"), same ? String(counts[0]) : counts.join("·"));
    setTo($("reps"), "data-n", String(`${counts.length > 1 && !same ? counts.join("·") : counts[0]}${scene.repsWanted}`.length));
    put($("repsOf"), ` / ${scene.repsWanted}`);
    const holding = sides.map((side) => scene.legs[side]).filter((leg) => leg.phase === "hold");
    const ring = $("ring"), wanted = scene.holdWanted;
    const held = holding.length ? Math.min(...holding.map((leg) => leg.hold)) : 0;
    const full = wanted > 0 && held >= wanted;
    setTo(ring, "class", full && holding.length ? "full" : "");
    const share = holding.length && !freshness ? Math.min(1, wanted ? held / wanted : held / 3) : 0;
    const arc = `${(100 * share).toFixed(1)} 100`;
    if (this.arc !== arc) { this.arc = arc; $("ringFill").style.strokeDasharray = arc; }
    const phase = scene.legs[sides[0]]?.phase ?? "rest";
    if (now - (this.ringAt ?? 0) >= DIGITS_MS || scene.seeking) {
      this.ringAt = now;
      put($("ringText"), freshness === "lost" ? "–" : holding.length ? (full ? "✓" : held.toFixed(1)) : PHASE_SIGNS[phase] ?? "·");
      put($("ringWord"), scene.paused ? "paused" : holding.length ? (full ? "held" : wanted ? `hold ${wanted} s` : "hold s") : phase);
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

/** The target zone in degrees: the goal and a fifth to either side. */
export function bandOf(scene, side) {
  const level = scene.level[side] ?? 0;
  const half = Math.max(ZONE_MIN_DEG, scene.target * ZONE_SHARE);
  return [level + scene.target - half, level + scene.target + half];
}
