// A whole recording in memory: any moment of it is a look-up away.

import { at } from "./trace.js";
import { problemOf, word } from "./words.js";

const BEFORE_FIRST_REP_S = 1.5;
const NOT_KNOWN = -32768, HOLD = 1, CALIBRATING = 5;

/** The recordings as `rows`, and as `broken` those that cannot be read. */
export async function listRecordings() {
  const all = await (await fetch("/api/sessions")).json();
  return { rows: all.filter((row) => !row.problem), broken: all.filter((row) => row.problem) };
}

const MOST_KEPT = 3; // recordings in memory: two that are compared, and the demo
const kept = new Map();

export function isLoaded(key) {
  return kept.get(key)?.loaded ?? false;
}

/** A recording by its key, loaded once; the oldest goes when there are too many. */
export function recordingOf(key) {
  if (!kept.has(key)) {
    while (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value);
    const entry = { loaded: false, promise: load(key) };
    kept.set(key, entry);
    entry.promise.then(() => { entry.loaded = true; }, () => { if (kept.get(key) === entry) kept.delete(key); });
  }
  return kept.get(key).promise;
}

/** Forget a recording that was corrected: it is loaded again when it is wanted. */
export function forgetRecording(key) {
  kept.delete(key);
}

async function load(key) {
  const path = `/api/sessions/${encodeURIComponent(key)}`;
  const [described, columns] = await Promise.all([fetch(path), fetch(`${path}/columns`)]);
  const told = await described.json();
  if (!described.ok || !columns.ok) throw new Error(told.problem ? problemOf(told) : word("recordings.unreadable"));
  return new Recording(told, await columns.arrayBuffer());
}

export class Recording {
  constructor(told, buffer) {
    Object.assign(this, told);
    this.reps = told.reps.filter((rep) => told.sides.includes(rep.side)); // without the rows of both legs
    const n = told.frames;
    let from = 0;
    const take = (Type, count) => { const part = new Type(buffer, from, count); from += count * Type.BYTES_PER_ELEMENT; return part; };
    this.t = take(Float32Array, n);
    this.legs = {};
    for (const side of told.sides) {
      const leg = { t: this.t, deg: take(Float32Array, n), sd: take(Float32Array, n), bones: take(Int16Array, 6 * n), phase: take(Uint8Array, n) };
      from += (4 - n % 4) % 4;
      leg.start = this.startOf(leg);
      this.legs[side] = leg;
    }
    this.valid = this.reps.filter((rep) => rep.status === "valid");
    this.shown = this.valid.filter((rep) => rep.side === told.sides[told.sides.length - 1]);
    this.repsShown = this.shown.map((rep) => ({ from_s: rep.start_s, to_s: rep.end_s, label: String(rep.rep) }));
  }

  /** Just before something moves. */
  get firstRep_s() { return Math.max(0, (this.shown[0]?.start_s ?? 0) - BEFORE_FIRST_REP_S); }

  /** The bones of the start pose: where the first repetition begins. */
  startOf(leg) {
    const first = this.reps.find((rep) => rep.status === "valid");
    const i = first ? Math.max(0, at(this.t, first.start_s) - 5) : this.t.length - 1;
    return bones(leg, i);
  }

  /** The movement at a moment, counted or not; null between two. */
  movementAt(t) {
    const near = this.reps.filter((rep) => rep.start_s - 0.5 <= t && t <= rep.end_s + 0.5);
    return near.sort((a, b) => Math.abs(a.peak_s - t) - Math.abs(b.peak_s - t))[0] ?? null;
  }

  /** Where a repetition begins, before or after a moment. */
  step(t, forwards) {
    const starts = this.shown.map((rep) => rep.start_s - 0.5);
    const next = forwards ? starts.find((start) => start > t + 0.05) : starts.filter((start) => start < t - 0.6).pop();
    return next ?? (forwards ? this.duration_s : 0);
  }

  /** What the read-out shows at a moment. */
  sceneAt(t) {
    const i = Math.max(0, Math.min(this.t.length - 1, at(this.t, t + 1e-4) - 1));
    const legs = {}, counts = {}, traces = {};
    for (const side of this.sides) {
      const leg = this.legs[side], deg = leg.deg[i];
      const phase = this.phases[leg.phase[i]];
      let back = i;
      if (leg.phase[i] === HOLD) while (back > 0 && leg.phase[back - 1] === HOLD) back--;
      legs[side] = {
        deg: Number.isNaN(deg) ? null : deg, sd: Number.isNaN(leg.sd[i]) ? null : leg.sd[i], phase,
        hold: leg.phase[i] === HOLD ? this.t[i] - this.t[back] : 0, leg: bones(leg, i), start: leg.phase[i] === CALIBRATING ? null : leg.start,
      };
      const done = this.valid.filter((rep) => rep.side === side && rep.end_s <= t + 1e-3);
      const set = done.length ? done[done.length - 1].set : 0;
      counts[side] = { set, reps: done.filter((rep) => rep.set === set).length };
      traces[side] = leg;
    }
    return {
      time: t, legs, counts, traces, level: this.start_deg, exercise: this.exercise, age: 0,
      cause: null, targets: this.goals ?? {},
      repsWanted: this.exercise.reps, holdWanted: this.exercise.hold_s, reps: this.repsShown, setLine: this.setLine(t, counts),
    };
  }

  setLine(t, counts) {
    const set = Math.max(0, ...Object.values(counts).map((count) => count.set));
    const last = this.shown.filter((rep) => rep.end_s <= t).pop();
    const moving = this.shown.some((rep) => rep.start_s <= t && t < rep.end_s);
    if (!set) return "";
    const rest = last && !moving && t - last.end_s > 3 ? word("set.rest", { seconds: Math.floor(t - last.end_s) }) : "";
    return word("set.now", { set }) + rest;
  }
}

function bones(leg, i) {
  if (i < 0 || leg.bones[6 * i] === NOT_KNOWN) return null;
  return Array.from(leg.bones.subarray(6 * i, 6 * i + 6));
}
