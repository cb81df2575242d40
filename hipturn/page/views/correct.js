// What can be said of a recording: of a movement, of where a set begins and ends, and of what it is
// at all. Each is done at once and can be undone.

import { $, el } from "../dom.js";
import { tell } from "../header.js";
import { nameOf, number, says, word } from "../words.js";
import { button } from "./parts.js";

const PAIN_MAX = 10;
const STEP_S = 0.1;

/** Which leg an edit is of: both, where a repetition takes both. */
const legOf = (recording, side) => recording.sides.length > 1 && (recording.exercise.both_legs || !side) ? "both" : side ?? recording.sides[0];

const counted = (rep) => rep.status === "valid" || rep.status === "hold";

const titleOf = (rep) => `${word(counted(rep) ? "correct.rep" : "correct.other", { side: rep.side, rep: rep.rep, status: rep.status })}${rep.edited ? " †" : ""}`;

/** What can be said of a movement; `say` sends an edit. */
function ofMovement(recording, rep, say) {
  const saw = { status: rep.measured_status, ...(rep.rom_deg === null ? {} : { range_deg: rep.rom_deg }) };
  const where = { side: legOf(recording, rep.side), at_s: rep.peak_s ?? (rep.start_s + rep.end_s) / 2 };
  const pain = el("select", { id: "painHere", "aria-label": word("correct.pain"), onchange: (e) => say({ kind: "pain", target: "movement", value: Number(e.target.value), ...where }) },
    el("option", { value: "", disabled: true, selected: !rep.pain_0_10 }, word("correct.pain")),
    Array.from({ length: PAIN_MAX + 1 }, (_, n) => el("option", { value: n, selected: rep.pain_0_10 === String(n) }, word("correct.pain_of", { level: n }))));
  return [counted(rep) ? button("notMine", word("correct.not_mine"), () => say({ kind: "reject", saw, ...where })) : button("itCounts", word("correct.counts"), () => say({ kind: "accept", saw, ...where })), pain];
}

const slipped = (recording, side, t, say) => button("badFrom", word("correct.slipped"), () => say({ kind: "bad_from", side: legOf(recording, side), at_s: t }));

const undoing = (undo, say) => undo && button("undo", word("undo"), () => say({ kind: "undo", of: undo }));

function row(what, lines, ...keys) {
  return el("div", { id: "transport", class: "correcting" }, el("p", { id: "corrected" }, what), ...lines, el("div", { class: "keys" }, ...keys.flat().filter(Boolean)));
}

/** What can be said at a moment of a recording; `more` leads to its set, and to the recording itself. */
export function correctionRow(recording, t, undo, say, close, more) {
  const rep = recording.movementAt(t);
  return row(rep ? titleOf(rep) : word("correct.nothing"), [],
    rep ? ofMovement(recording, rep, say) : [],
    slipped(recording, rep?.side, t, say),
    setAt(recording, t) ? button("setEnds", word("correct.ends"), more.ends) : null,
    button("aboutIt", word("correct.about"), more.about),
    undoing(undo, say), button("closeCorrection", word("close"), close));
}

/** The set that holds a moment, else the nearest. */
function setAt(recording, t) {
  const far = (set) => Math.max(set.start_s - t, t - set.end_s, 0);
  return [...recording.sets].sort((a, b) => far(a) - far(b))[0] ?? null;
}

/** Two sliders, for where a set begins and where it ends; the replay shows the moment of each. */
export function endsRow(recording, t, undo, say, seek, close) {
  const set = setAt(recording, t), span = [set.start_s, set.end_s];
  const said = () => word("correct.ends_are", { set: set.set, from: number(span[0], ".1f"), to: number(span[1], ".1f") });
  const slider = (end) => el("input", { type: "range", id: end ? "setTo" : "setFrom", min: 0, max: recording.duration_s, step: STEP_S, value: span[end], "aria-label": word(end ? "correct.to" : "correct.from"),
    oninput: (e) => { span[end] = Number(e.target.value); $("corrected").textContent = said(); seek(span[end]); },
    onchange: () => { if (span[0] < span[1]) say({ kind: "trim", value: [...span], saw: { start_s: set.start_s, end_s: set.end_s } }); } });
  return row(said(), [el("div", { class: "ends" }, slider(0), slider(1))], undoing(undo, say), button("closeCorrection", word("close"), close));
}

/** What the recording is: each is a button, and another value is one tap away. */
export async function aboutRecording(recording, say) {
  const done = (said) => { $("dialog").close(); say(said); };
  const other = { left: "right", right: "left" }[recording.side] ?? "exchanged";
  const exercises = await fetch("/api/exercises").then((answer) => answer.json());
  const name = el("input", { type: "text", id: "otherWearer", maxLength: 20, value: recording.wearer, autocomplete: "off", "aria-label": word("correct.wearer") });
  const take = (event) => { event.preventDefault(); if (name.value && name.value !== recording.wearer) done({ kind: "wearer", value: name.value }); };
  tell(word("correct.about"), nameOf({ name: recording.exercise.name, side: recording.side }),
    el("div", { class: "rows", id: "about" },
      button("otherSide", word(other === "exchanged" ? "correct.exchange" : "remedy.other_leg", { side: other }), () => done({ kind: "side", value: other, saw: { side: recording.side } })),
      recording.units.length > 1 ? button("swapUnits", word("correct.swap"), () => done({ kind: "swap", side: legOf(recording) })) : null,
      el("label", { class: "field" }, el("span", {}, word("correct.exercise")), el("select", { id: "otherExercise", onchange: (e) => done({ kind: "exercise", value: e.target.value, saw: { exercise: recording.exercise.id } }) },
        exercises.map((one) => el("option", { value: one.id, selected: one.id === recording.exercise.id }, says(one.name))))),
      el("form", { class: "field", onsubmit: take }, el("label", { htmlFor: "otherWearer" }, word("correct.wearer")), name, el("button", { type: "submit", id: "takeWearer" }, word("correct.take")))));
}

/** A movement in a table of results: a tap offers what can be said of it. */
export function movementButton(recording, rep, text, say) {
  const done = (said) => { $("dialog").close(); say(said); };
  return el("button", { type: "button", class: "movement", onclick: () => tell(titleOf(rep), word("correct.at", { seconds: number(rep.peak_s ?? rep.start_s, ".1f") }),
    el("div", { class: "rows", id: "saying" }, ofMovement(recording, rep, done), slipped(recording, rep.side, rep.start_s, done))) }, text);
}
