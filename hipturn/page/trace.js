// Angle over time: the last 30 seconds, with repetitions, target band and uncertainty.

import { canvasOf, colour } from "./dom.js";

export const SPAN_S = 30;
const APART_S = 0.4; // a gap between what is known; inside one the angle is told to be unknown

/** A trace that grows: three columns that are cut at the front. */
export class Trace {
  constructor() { this.clear(); }
  clear() { this.t = []; this.deg = []; this.sd = []; }
  push(t, deg, sd) {
    const n = this.t.length;
    if (n && t <= this.t[n - 1]) { if (t < this.t[n - 1] - 1) this.clear(); else return; }
    this.t.push(t); this.deg.push(deg ?? NaN); this.sd.push(sd ?? NaN);
    if (this.t.length > 4000) for (const column of [this.t, this.deg, this.sd]) column.splice(0, 1500);
  }
}

/** The first index at or after a time, in an ascending column. */
export function at(column, t) {
  let low = 0, high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < t) low = middle + 1; else high = middle;
  }
  return low;
}

export function rangeOf(exercise, target, level) {
  const low = Math.min(level, 0) - 12;
  const high = Math.max(level + target * 1.45, level + exercise.min_range_deg * 2, 20);
  return [low, high];
}

/**
 * `traces` {side: {t, deg, sd}}, `now` in seconds, `reps` [{from_s, to_s, label, side}],
 * `band` [low, high] in degrees or null, `range` [low, high] of the axis; `labelled` for eyes nearby.
 */
export function drawTrace(canvas, { traces, now, reps, band, range, faded, labelled }) {
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const left = labelled ? 34 : 6, top = 6, bottom = height - 6;
  const x = (t) => left + (width - left - 6) * (t - now + SPAN_S) / SPAN_S;
  const y = (deg) => bottom - (bottom - top) * (deg - range[0]) / (range[1] - range[0]);
  ctx.globalAlpha = faded ? 0.45 : 1;
  if (band) {
    ctx.fillStyle = colour("band");
    ctx.fillRect(left, y(band[1]), width - left, y(band[0]) - y(band[1]));
  }
  grid(ctx, left, width, range, y, labelled);
  for (const rep of reps) {
    if (rep.to_s < now - SPAN_S || rep.from_s > now) continue;
    const a = Math.max(left, x(rep.from_s)), b = Math.min(width, x(rep.to_s));
    ctx.fillStyle = colour("panel-2");
    ctx.globalAlpha = faded ? 0.3 : 0.75;
    ctx.fillRect(a, top, b - a, bottom - top);
    ctx.globalAlpha = faded ? 0.45 : 1;
    ctx.fillStyle = colour("quiet");
    ctx.font = "600 13px system-ui, sans-serif";
    ctx.textAlign = "center";
    if (labelled && b - a > 10) ctx.fillText(rep.label, (a + b) / 2, top + 12);
  }
  ctx.strokeStyle = colour("green");
  ctx.setLineDash([5, 5]); ctx.lineWidth = 1.5;
  for (const edge of band ?? []) { ctx.beginPath(); ctx.moveTo(left, y(edge)); ctx.lineTo(width, y(edge)); ctx.stroke(); }
  ctx.setLineDash([]);
  Object.entries(traces).forEach(([side, trace], index) => line(ctx, trace, x, y, now, width - left, side, index));
  ctx.globalAlpha = 1;
}

function grid(ctx, left, width, range, y, labelled) {
  ctx.strokeStyle = colour("line"); ctx.fillStyle = colour("quiet");
  ctx.lineWidth = 1; ctx.textAlign = "right"; ctx.textBaseline = "middle";
  ctx.font = "12px system-ui, sans-serif";
  const step = range[1] - range[0] > 45 ? 20 : 10;
  for (let deg = Math.ceil(range[0] / step) * step; deg <= range[1]; deg += step) {
    ctx.beginPath(); ctx.moveTo(left, y(deg)); ctx.lineTo(width, y(deg)); ctx.stroke();
    if (labelled && y(deg) > 9) ctx.fillText(`${deg}°`.replace("-", "−"), left - 5, y(deg));
  }
  ctx.textBaseline = "alphabetic";
}

function line(ctx, { t, deg, sd }, x, y, now, width, side, index) {
  const from = at(t, now - SPAN_S), to = at(t, now + 1e-6);
  const step = Math.max(1, Math.ceil((to - from) / width));
  ctx.fillStyle = colour("sigma");
  let run = [];
  const fill = () => {
    if (run.length > 1) {
      ctx.beginPath();
      run.forEach((i, k) => ctx[k ? "lineTo" : "moveTo"](x(t[i]), y(deg[i] + 2 * sd[i])));
      run.reverse().forEach((i) => ctx.lineTo(x(t[i]), y(deg[i] - 2 * sd[i])));
      ctx.fill();
    }
    run = [];
  };
  for (let i = from; i < to; i += step * 3) {
    if (Number.isNaN(deg[i]) || (i > from && t[i] - t[i - 1] > APART_S)) fill();
    if (!Number.isNaN(deg[i])) run.push(i);
  }
  fill();
  ctx.strokeStyle = index ? colour("orange") : colour("blue");
  ctx.setLineDash(index ? [9, 4] : []);
  ctx.lineWidth = 2.5; ctx.lineJoin = "round";
  ctx.beginPath();
  let pen = false;
  for (let i = from; i < to; i += step) {
    if (Number.isNaN(deg[i])) { pen = false; continue; }
    if (pen && t[i] - t[Math.max(from, i - step)] > APART_S) pen = false;
    ctx[pen ? "lineTo" : "moveTo"](x(t[i]), y(deg[i]));
    pen = true;
  }
  ctx.stroke();
  ctx.setLineDash([]);
}
