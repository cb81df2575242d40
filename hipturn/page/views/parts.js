// What several views are built of.

import { el } from "../dom.js";
import { word } from "../words.js";

export function button(id, text, act, kind = "") {
  return el("button", { type: "button", id, class: kind, onclick: act }, text);
}

/** A button for a command; null while the server would refuse it. */
export function commandButton(link, id, text, command, { kind = "", before = () => {} } = {}) {
  if (!link.can(command.do)) return null;
  return button(id, text, () => { before(); link.send(command); }, kind);
}

export function sheet(...content) {
  return el("div", { class: "sheet middle" }, ...content);
}

export function waiting(label, ...above) {
  return sheet(...above, el("progress", { "aria-label": label }));
}

export function problem(error) {
  return sheet(el("p", { class: "problem", role: "alert" }, error.message));
}

export function backButton(page) {
  return button("leave", word("back"), page.leave);
}

/** What was checked, whether it is good, and what to do when it is not. */
export function checkRow(what, good, text, more = null) {
  const [kind, said, sign] = good === null ? ["", "row.left_out", "–"] : good ? ["good", "row.good", "✓"] : ["bad", "row.bad", "!"];
  return el("div", { class: `row ${kind}` },
    el("span", { class: "sign", "aria-label": word(said), role: "img" }, sign),
    el("span", {}, el("b", {}, what), el("small", {}, text)), more);
}
