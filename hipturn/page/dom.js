// Elements without markup: text goes in as text, so a name from the air can be anything.

import { language, word } from "./words.js";

export const $ = (id) => document.getElementById(id);

/** The first letters of an ISO time (10: the day, 16: the minute too), or that it is not known. */
export const startText = (time, letters = 16) => time.slice(0, letters).replace("T", " ") || word("date_unknown");

/** Make an element: properties, `on…` listeners, `aria-…` and `data-…` attributes, children. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  sound: "M4 9v6h4l5 4V5L8 9zM16.500 8.500a5 5 0 0 1 0 7M19 6a8.500 8.500 0 0 1 0 12",
  mute: "M4 9v6h4l5 4V5L8 9zM17 9l5 6M22 9l-5 6",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400",
  moon: "M20 14.500A8.500 8.500 0 1 1 9.500 4a6.600 6.600 0 0 0 10.500 10.500",
  good: "M4 12l5 6L20 5",
  bad: "M12 4v10M12 19v.1",
  wait: "M12 4a8 8 0 1 0 8 8",
  up: "M12 0L24 36H16V96H8V36H0z",
};

/** A small line drawing. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("fill", "none");
  svg.setAttribute("stroke", "currentColor");
  svg.setAttribute("stroke-width", "2.5");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Rows by what a function says of each, in the order of the first of them. */
export function grouped(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}

/** The picture of a position, for a leg; both legs are shown by the right one. */
export const pictureOf = (position, side) => `/page/poses/${position}_${side === "left" ? "left" : "right"}.svg?lang=${language()}`;

/** An arrow upwards that fills the box it is given. */
export function arrow() {
  const svg = icon("up");
  svg.setAttribute("class", "arrow");
  svg.setAttribute("viewBox", "0 0 24 96");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("stroke", "none");
  return svg;
}

/** Put text into an element only when it differs, so that no layout is done for nothing. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const sizes = new WeakMap();
const sizing = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) sizes.set(target, [contentRect.width, contentRect.height]);
});

/** The size of a canvas, which is asked for once and told when it changes: asking costs a layout. */
export function sizeOf(canvas) {
  if (!sizes.has(canvas)) {
    sizes.set(canvas, [canvas.clientWidth, canvas.clientHeight]);
    sizing.observe(canvas);
  }
  return sizes.get(canvas);
}

/** The canvas at the resolution of the screen, cleared; null while it has no size. */
export function canvasOf(canvas) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = sizeOf(canvas);
  if (width < 4 || height < 4) return null;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height };
}

/** Set an attribute only when it differs. */
export function setTo(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Fill a bar to a share of its box, 0 to 1; only when that differs. */
export function fillTo(node, share) {
  const wide = `${(100 * share).toFixed(0)}%`;
  if (node.dataset.wide === wide) return;
  node.dataset.wide = wide;
  node.style.width = wide;
}

/** Draw into a canvas once it is laid out, and again whenever it is given another size. */
export function drawnBy(canvas, draw) {
  new ResizeObserver(() => draw(canvas)).observe(canvas);
  return canvas;
}

let colours = null;
/** A colour of the style sheet. */
export function colour(name) {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = {};
    for (const key of ["back", "panel", "panel-2", "line", "edge", "ink", "quiet", "blue", "blue-deep", "orange", "green", "red", "band", "sigma"]) {
      colours[key] = style.getPropertyValue(`--${key}`).trim();
    }
  }
  return colours[name];
}
export const forgetColours = () => { colours = null; };

/** What was chosen before on this device; null where the browser keeps nothing. */
export function recall(key) {
  try { return localStorage.getItem(`hipturn.${key}`); } catch { return null; }
}
export function remember(key, value) {
  try { localStorage.setItem(`hipturn.${key}`, value); } catch { /* private window */ }
}

export const seconds = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
export const degrees = (deg) => deg === null || Number.isNaN(deg) ? "– –" : `${Math.round(deg) === 0 ? 0 : Math.round(deg)}°`.replace("-", "−");
