// The leg from the real segment orientations: seen from the feet's side, a little from aside and above.

import { canvasOf, colour } from "./dom.js";

const THIGH = 0.43, SHANK = 0.42, FOOT = 0.2; // of 1 m of leg
const HIP_APART = 0.17;
const ASIDE = 0.5, ABOVE = 0.42; // rad: where the eye is

const scaled = (v, k) => [v[0] * k, v[1] * k, v[2] * k];
const plus = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
function unit(v) { const n = Math.hypot(...v) || 1; return scaled(v, 1 / n); }

/** Project (ahead, aside, up) for an eye ahead of the wearer; returns x right, y down, depth. */
function seen(v, turn) {
  const c = Math.cos(turn), s = Math.sin(turn);
  const ahead = v[0] * c + v[1] * s, aside = v[1] * c - v[0] * s;
  const tilt = Math.cos(ABOVE), lift = Math.sin(ABOVE);
  return [aside, -(v[2] * tilt - ahead * lift), ahead * tilt + v[2] * lift];
}

function jointsOf(leg, x) {
  const thigh = unit(leg.slice(0, 3)), shank = unit(leg.slice(3, 6));
  const hip = [0, x, 0], knee = plus(hip, scaled(thigh, THIGH)), ankle = plus(knee, scaled(shank, SHANK));
  let toes = plus(thigh, scaled(shank, -dot(thigh, shank)));
  if (Math.hypot(...toes) < 0.25) toes = plus([0, 0, 1], scaled(shank, -shank[2])); // a straight knee
  return { hip, knee, ankle, toe: plus(ankle, scaled(unit(toes), FOOT)), shank };
}

function capsule(ctx, a, b, width, fill, edge, dashed) {
  ctx.lineCap = "round";
  ctx.setLineDash([]);
  if (dashed) {
    ctx.strokeStyle = fill; ctx.lineWidth = 2.5; ctx.setLineDash([6, 7]);
    ctx.beginPath(); ctx.moveTo(a[0], a[1]); ctx.lineTo(b[0], b[1]); ctx.stroke();
    ctx.setLineDash([]);
    return;
  }
  for (const [w, style] of [[width + 4, edge], [width, fill]]) {
    ctx.lineWidth = w; ctx.strokeStyle = style;
    ctx.beginPath(); ctx.moveTo(a[0], a[1]); ctx.lineTo(b[0], b[1]); ctx.stroke();
  }
}

/**
 * Draw the legs. `legs` is {side: {leg: [6 thousandths], deg, start: [6]}}; `position` the start
 * position's name.
 */
export function drawLegs(canvas, legs, position, faded) {
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const sides = Object.keys(legs).filter((side) => legs[side].leg);
  if (!sides.length) return;
  const right = position === "prone" ? 1 : -1;
  const turn = sides.length > 1 ? 0.12 : ASIDE * (sides[0] === "right" ? -right : right);
  const drawn = sides.map((side) => {
    const x = sides.length > 1 ? (side === "right" ? right : -right) * HIP_APART : 0;
    const now = jointsOf(legs[side].leg, x);
    return { side, now, rest: legs[side].start ? jointsOf(legs[side].start, x) : null, deg: legs[side].deg };
  });
  // the frame holds every pose about the start, so that it never jumps
  const reach = THIGH + SHANK;
  const anchors = drawn.flatMap(({ rest, now }) => [(rest ?? now).hip, (rest ?? now).knee, (rest ?? now).ankle, (rest ?? now).toe])
    .map((v) => seen(v, turn));
  const middle = [0, 1].map((i) => (Math.min(...anchors.map((p) => p[i])) + Math.max(...anchors.map((p) => p[i]))) / 2);
  const tall = Math.max(...anchors.map((p) => p[1])) - Math.min(...anchors.map((p) => p[1]));
  const wide = Math.max(...anchors.map((p) => p[0])) - Math.min(...anchors.map((p) => p[0]));
  const scale = Math.min(height / (tall + 0.24), width / (wide + (sides.length > 1 ? 0.72 : 0.6)), 1.5 * Math.min(width, height) / reach);
  const at = (v) => { const p = seen(v, turn); return [width / 2 + (p[0] - middle[0]) * scale, height / 2 + (p[1] - middle[1]) * scale, p[2]]; };
  ctx.globalAlpha = faded ? 0.35 : 1;
  drawn.sort((a, b) => at(a.now.knee)[2] - at(b.now.knee)[2]);
  for (const { now, rest, deg } of drawn) {
    const [hip, knee, ankle, toe] = [now.hip, now.knee, now.ankle, now.toe].map(at);
    const thick = 0.115 * scale;
    const parts = [
      [hip[2] + knee[2], () => capsule(ctx, hip, knee, thick * 1.15, colour("edge"), colour("panel"))],
      [knee[2] + ankle[2] + 0.01, () => capsule(ctx, knee, ankle, thick, colour("blue"), colour("panel"))],
      [ankle[2] + toe[2] + 0.02, () => capsule(ctx, ankle, toe, thick * 0.66, colour("blue-deep"), colour("panel"))],
    ].sort((a, b) => a[0] - b[0]);
    for (const [, paint] of parts) paint();
    if (rest) sweep(ctx, now, rest, at, scale, deg);
    ctx.fillStyle = colour("ink");
    ctx.beginPath(); ctx.arc(knee[0], knee[1], thick * 0.24, 0, 7); ctx.fill();
  }
  ctx.globalAlpha = 1;
}

/** The start pose as a dashed line, and an arc from there to where the shank is now. */
function sweep(ctx, now, rest, at, scale, deg) {
  const knee = at(now.knee);
  const tip = at(plus(now.knee, scaled(rest.shank, SHANK * 1.08)));
  capsule(ctx, knee, tip, 2, colour("quiet"), null, true);
  const cosine = Math.max(-1, Math.min(1, dot(now.shank, rest.shank)));
  const whole = Math.acos(cosine);
  if (whole < 0.04) return;
  ctx.strokeStyle = colour("orange");
  ctx.lineWidth = Math.max(4, 0.025 * scale);
  ctx.beginPath();
  for (let i = 0; i <= 12; i++) {
    const a = Math.sin((1 - i / 12) * whole) / Math.sin(whole), b = Math.sin(i / 12 * whole) / Math.sin(whole);
    const p = at(plus(now.knee, scaled(plus(scaled(rest.shank, a), scaled(now.shank, b)), SHANK * 0.86)));
    if (i) ctx.lineTo(p[0], p[1]); else ctx.moveTo(p[0], p[1]);
  }
  ctx.stroke();
}
