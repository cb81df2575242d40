// What can be said of one movement of a recording: not mine, it counts, pain here. Each is done at
// once and can be undone.

import { el } from "../dom.js";
import { word } from "../words.js";
import { button } from "./parts.js";

const PAIN_MAX = 10;

/** The row of buttons for the movement at a moment; `say` sends an edit, `close` ends it. */
export function correctionRow(recording, t, undo, say, close) {
  const rep = recording.movementAt(t);
  const row = (what, ...content) => el("div", { id: "transport" }, el("p", { id: "corrected" }, what), el("div", { class: "keys" }, ...content));
  const closing = [undo && button("undo", word("undo"), () => say({ kind: "undo", of: undo })), button("closeCorrection", word("close"), close)];
  if (!rep) return row(word("correct.nothing"), ...closing);
  const side = recording.exercise.both_legs && recording.sides.length > 1 ? "both" : rep.side;
  const saw = { status: rep.measured_status, ...(rep.rom_deg === null ? {} : { range_deg: rep.rom_deg }) };
  const where = { side, at_s: rep.peak_s ?? (rep.start_s + rep.end_s) / 2 };
  const counts = rep.status === "valid" || rep.status === "hold";
  const name = word(counts ? "correct.rep" : "correct.other", { side: rep.side, rep: rep.rep, status: rep.status });
  const pain = el("select", { id: "painHere", onchange: (e) => say({ kind: "pain", target: "movement", value: Number(e.target.value), ...where }) },
    el("option", { value: "", disabled: true, selected: !rep.pain_0_10 }, word("correct.pain")),
    Array.from({ length: PAIN_MAX + 1 }, (_, n) => el("option", { value: n, selected: rep.pain_0_10 === String(n) }, word("correct.pain_of", { level: n }))));
  return row(
    rep.edited ? `${name} †` : name,
    counts ? button("notMine", word("correct.not_mine"), () => say({ kind: "reject", saw, ...where })) : button("itCounts", word("correct.counts"), () => say({ kind: "accept", saw, ...where })),
    pain, ...closing);
}
