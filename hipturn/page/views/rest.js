// After a set: how it went and the rest in one card. Answering nothing is fine; the rest goes on.

import { $, el, put } from "../dom.js";
import { commandButton } from "./parts.js";

const SPOKEN_S = [60, 30, 10, 5];

export class RestView {
  name = "result";
  mark = "";

  constructor(page) { this.page = page; }

  get title() {
    const { exercise, plan: p } = this.page.link.stage;
    return `${exercise.name}, ${p.side}`;
  }

  draw() {
    const { link } = this.page, { stage } = link;
    this.page.card([this.card(stage)], [
      commandButton(link, "again", "Again", { do: "again" }),
      commandButton(link, "moreRest", "+ 30 s", { do: "more_rest" }),
      commandButton(link, "skip", "Leave out", { do: "skip" }),
      commandButton(link, "stop", "Stop here", { do: "stop" }, { kind: "danger" }),
      commandButton(link, "next", this.onwards(stage), { do: "next" }, { kind: "primary", before: this.page.unlock }),
    ]);
  }

  card(stage) {
    const { next, plan: p } = stage;
    return el("div", { class: "sheet" },
      el("h2", {}, p.legs > 1 ? `${p.done} of ${p.legs} done` : next ? `Set ${stage.set} of ${p.sets} done` : "Done"),
      el("div", { class: "rows", id: "legs" }, this.rows(stage)),
      scale(this.page.link, stage, "pain", "Pain"), scale(this.page.link, stage, "effort", "Effort"), note(this.page.link, stage),
      next ? el("p", { class: "lead" }, next.moves ? `Move the units to the ${next.side} leg, then tap Next.` : `Then: ${next.name}, ${next.side}${next.same ? `, set ${next.set}` : ""}`) : null,
      el("p", { class: "lead", role: "timer" }, next ? "rest " : "", el("span", { id: "rest" }, this.clock(stage)), stage.silent.length ? ` · waiting for ${stage.silent.join(" and ")}` : ""),
      stage.problem ? el("p", { class: "problem", role: "alert" }, stage.problem) : null);
  }

  /** One row a leg: repetitions of how many, whether that is all, the range of how much. */
  rows({ plan: p, exercise, goals = {} }) {
    const legs = Object.entries(this.page.link.count ?? {}).filter(([side]) => side === "left" || side === "right");
    return legs.map(([side, leg]) => {
      const all = leg.reps >= p.reps;
      const range = leg.range_deg === null ? "" : ` · ${Math.round(leg.range_deg)}°${(goals[side]?.deg ?? null) === null ? "" : ` of ${Math.round(goals[side].deg)}°`}`;
      const words = exercise.counted ? `${leg.reps}/${p.reps}${all ? " ✓" : ""}${range}` : `${Math.round(leg.held_s ?? 0)} of ${Math.round(p.hold_s)} s`;
      return el("div", { class: `row ${all ? "good" : ""}` }, el("span", { class: "sign", "aria-hidden": "true" }, side[0].toUpperCase()), el("span", {}, el("b", {}, words), el("small", {}, side)));
    });
  }

  onwards({ next }) {
    if (!next) return "Summary";
    return next.same ? `Next: set ${next.set}` : next.moves ? `Next: ${next.side} leg` : `Next: ${next.name}`;
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
  return el("label", { class: "field" }, el("span", {}, "Note"), el("input", { id: "note", maxLength: 80, value: answers.note ?? "", autocomplete: "off", onchange: (e) => { if (e.target.value) link.send({ do: "note", text: e.target.value }); } }));
}
