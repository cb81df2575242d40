// What several views are built of.

import { el } from "../dom.js";

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
  return button("leave", "Back", page.leave);
}

/** What was checked, whether it is good, and what to do when it is not. */
export function checkRow(what, good, text, more = null) {
  const [kind, said, sign] = good === null ? ["", "left out", "–"] : good ? ["good", "good", "✓"] : ["bad", "to fix", "!"];
  return el("div", { class: `row ${kind}` },
    el("span", { class: "sign", "aria-label": said, role: "img" }, sign),
    el("span", {}, el("b", {}, what), el("small", {}, text)), more);
}
