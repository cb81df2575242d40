// The bar with the target zone: fill, hatching and a pointer, lying or standing as there is room.

import { canvasOf, colour, sizeOf } from "./dom.js";

const drawn = new WeakMap();

export function drawGauge(canvas, deg, band, range, inZone) {
  const key = `${deg?.toFixed(1)} ${band} ${range} ${inZone} ${sizeOf(canvas)} ${colour("ink")}`;
  if (drawn.get(canvas) === key) return;
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const upright = height > width;
  const long = upright ? height - 24 : width - 32, pad = upright ? 12 : 16;
  const place = (v) => {
    const share = Math.max(0, Math.min(1, (v - range[0]) / (range[1] - range[0])));
    return upright ? height - pad - long * share : pad + long * share;
  };
  const thick = upright ? width * 0.42 : height * 0.42, off = upright ? width * 0.4 : height * 0.46;
  const box = (a, b) => upright ? [off, Math.min(a, b), thick, Math.abs(b - a)] : [Math.min(a, b), off, Math.abs(b - a), thick];
  ctx.fillStyle = colour("panel-2");
  ctx.fillRect(...box(place(range[0]), place(range[1])));
  if (band) hatch(ctx, box(place(band[0]), place(band[1])));
  drawn.set(canvas, key);
  if (deg === null || Number.isNaN(deg)) return;
  const zero = place(Math.max(range[0], Math.min(range[1], 0))), now = place(deg);
  ctx.fillStyle = inZone ? colour("green") : colour("blue");
  const fill = box(zero, now);
  if (upright) { fill[0] += thick * 0.25; fill[2] = thick * 0.5; } else { fill[1] += thick * 0.25; fill[3] = thick * 0.5; }
  ctx.fillRect(...fill);
  ctx.fillStyle = colour("ink");
  ctx.beginPath();
  if (upright) { ctx.moveTo(off - 2, now); ctx.lineTo(4, now - 10); ctx.lineTo(4, now + 10); }
  else { ctx.moveTo(now, off - 2); ctx.lineTo(now - 10, 3); ctx.lineTo(now + 10, 3); }
  ctx.fill();
}

function hatch(ctx, zone) {
  ctx.save();
  ctx.beginPath(); ctx.rect(...zone); ctx.clip();
  ctx.fillStyle = colour("band"); ctx.fillRect(...zone);
  ctx.strokeStyle = colour("green"); ctx.lineWidth = 2;
  for (let k = -zone[3]; k < zone[2] + zone[3]; k += 9) {
    ctx.beginPath(); ctx.moveTo(zone[0] + k, zone[1] + zone[3]); ctx.lineTo(zone[0] + k + zone[3], zone[1]); ctx.stroke();
  }
  ctx.restore();
  ctx.strokeStyle = colour("green"); ctx.lineWidth = 3; ctx.strokeRect(...zone);
}
