// After a set: how it went and the rest in one card. Answering nothing is fine; the rest goes on.

import { $, el, put } from "../dom.js";
import { saveButton } from "../save.js";
import { nameOf, says, unitsOf, word } from "../words.js";
import { commandButton } from "./parts.js";

const SPOKEN_S = [60, 30, 10, 5];

export class RestView {
  name = "result";
  mark = "";

  constructor(page) { this.page = page; }

  get title() {
    const { exercise, plan: p } = this.page.link.stage;
    return nameOf({ name: exercise.name, side: p.side });
  }

  draw() {
    const { link } = this.page, { stage } = link;
    this.page.card([this.card(stage)], [
      commandButton(link, "again", word("again"), { do: "again" }),
      commandButton(link, "moreRest", word("rest.more"), { do: "more_rest" }),
      commandButton(link, "skip", word("leave_out"), { do: "skip" }),
      commandButton(link, "stop", word("rest.stop"), { do: "stop" }, { kind: "danger" }),
      commandButton(link, "next", this.onwards(stage), { do: "next" }, { kind: "primary", before: this.page.unlock }),
    ]);
  }

  card(stage) {
    const { next, plan: p } = stage;
    return el("div", { class: "sheet" },
      el("div", { class: "heading" }, el("h2", {}, p.legs > 1 ? word("rest.legs_done", { done: p.done, of: p.legs }) : next ? word("rest.set_done", { set: stage.set, of: p.sets }) : word("rest.done")), el("span", { class: "actions" }, stage.said ? commandButton(this.page.link, "undo", word("undo"), { do: "undo" }) : null, stage.key ? saveButton(stage.key) : null)),
      el("div", { class: "rows", id: "legs" }, this.rows(stage)),
      scale(this.page.link, stage, "pain", word("rest.pain")), scale(this.page.link, stage, "effort", word("rest.effort")), note(this.page.link, stage),
      next ? el("p", { class: "lead" }, word(next.moves ? "rest.move" : next.same ? "rest.then_set" : "rest.then", { ...next, what: nameOf(next) })) : null,
      el("p", { class: "lead", role: "timer" }, next ? `${word("rest.rest")} ` : "", el("span", { id: "rest" }, this.clock(stage)), stage.silent.length ? ` · ${word("waiting_for", { units: unitsOf(stage.silent) })}` : ""),
      stage.problem ? el("p", { class: "problem", role: "alert" }, problemOf(stage)) : null);
  }

  /** One row a leg: repetitions of how many, whether that is all, the range of how much. */
  rows({ plan: p, exercise, goals = {} }) {
    const legs = Object.entries(this.page.link.count ?? {}).filter(([side]) => side === "left" || side === "right");
    return legs.map(([side, leg]) => {
      const all = leg.reps >= p.reps;
      const range = leg.range_deg === null ? "" : ` · ${word((goals[side]?.deg ?? null) === null ? "rest.range" : "rest.range_of", { range: leg.range_deg, goal: goals[side]?.deg ?? null })}`;
      const done = exercise.counted ? `${leg.reps}/${p.reps}${all ? " ✓" : ""}${range}` : word("rest.held", { seconds: leg.held_s ?? 0, of: p.hold_s });
      return el("div", { class: `row ${all ? "good" : ""}` }, el("span", { class: "sign", "aria-hidden": "true" }, word(`side_letter.${side}`)), el("span", {}, el("b", {}, done), el("small", {}, word(`side.${side}`))));
    });
  }

  onwards({ next }) {
    if (!next) return word("rest.summary");
    return word(next.same ? "rest.next_set" : next.moves ? "rest.next_leg" : "rest.next", { ...next, what: says(next.name) });
  }

  secondsLeft(stage) {
    return Math.max(0, Math.ceil((this.page.link.local(stage.until) - performance.now()) / 1000));
  }

  clock(stage) {
    const left = this.secondsLeft(stage);
    return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }

  press(event) {
    const { link } = this.page;
    if (event.key === " " || event.key === "n") return link.send({ do: "next" });
    const level = event.key === "-" ? 10 : /^[0-9]$/.test(event.key) ? Number(event.key) : null;
    if (level !== null) return link.send({ do: "pain" in link.stage.answers ? "effort" : "pain", level });
    if (event.key === "u") return link.send({ do: "undo" });
    if (event.key === "a") return link.send({ do: "again" });
    if (event.key === "+") return link.send({ do: "more_rest" });
    return false;
  }

  tick() {
    const { link, sound } = this.page, shown = $("rest"), { stage } = link;
    if (!shown || stage.stage !== "result") return;
    const text = this.clock(stage);
    if (shown.textContent === text) return;
    put(shown, text);
    const left = this.secondsLeft(stage);
    if (!stage.next || left < 1) return;
    if (left <= 3) sound.play("tick");
    if (left <= 3 || SPOKEN_S.includes(left)) sound.say(String(left));
  }
}

/** 0 to 10 by tap; what is not answered stays empty. Keys answer pain first, then effort. */
function scale(link, { answers }, command, label) {
  if (!link.can(command)) return null;
  return el("div", { class: "field" }, el("span", {}, label), el("div", { class: "segments", role: "group", "aria-label": label, id: command },
    Array.from({ length: 11 }, (_, level) => el("button", { type: "button", id: `${command}-${level}`, "aria-pressed": String(answers[command] === level), onclick: () => link.send({ do: command, level }) }, String(level)))));
}

function note(link, { answers }) {
  if (!link.can("note")) return null;
  return el("label", { class: "field" }, el("span", {}, word("rest.note")), el("input", { type: "text", id: "note", maxLength: 80, value: answers.note ?? "", autocomplete: "off", onchange: (e) => { if (e.target.value) link.send({ do: "note", text: e.target.value }); } }));
}
