// The report on paper: whoever prints a result, by key or by menu, gets the report's pages.

import { $, el } from "./dom.js";
import { language } from "./words.js";

const A4 = 297 / 210;  // height by width of a page
const AFTER_MS = 3000; // a result that is looked at; earlier it would keep other work waiting

let path = "", timer = 0, coming = null;

/** Get the report of a recording ready, soon. */
export function prepare(key) {
  clear();
  path = `/api/sessions/${encodeURIComponent(key)}`;
  timer = setTimeout(load, AFTER_MS);
}

/** Forget it: something else is shown now. */
export function clear() {
  clearTimeout(timer);
  path = "";
  coming = null;
  $("paper").replaceChildren();
}

/** Print the report as soon as it is there; return whether there is one. */
export function print() {
  if (!path) return false;
  load().then(() => window.print());
  return true;
}

function load() {
  clearTimeout(timer);
  coming ??= fill(path).catch(() => {}); // then the result itself is printed
  return coming;
}

async function fill(of) {
  const picture = el("img", { alt: "", src: `${of}/report.png?lang=${language()}` });
  await picture.decode();
  if (path !== of) return;
  const pages = Math.max(1, Math.round(picture.naturalHeight / picture.naturalWidth / A4));
  $("paper").replaceChildren(...Array.from({ length: pages }, (_, k) => {
    const copy = picture.cloneNode();
    copy.style.marginTop = `-${100 * k * A4}vw`;
    return el("div", {}, copy);
  }));
}
