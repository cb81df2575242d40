// The steps before a session, each a card with one main thing to do.

import { $, el, pictureOf, put } from "../dom.js";
import { canLock } from "../awake.js";
import { tell } from "../header.js";
import { language, nameOf, problemOf, saidBy, says, unitsOf, word } from "../words.js";
import { button, checkRow, commandButton } from "./parts.js";
import { admitPhone, invitation, phoneStraps, usePhone } from "./phones.js";

const STEPS = ["wearer", "today", "units", "straps", "ready"];
const DELAYS = [0, 5, 10, 20]; // seconds to lie down in
const SPOKEN_S = [10, 5];      // and, with a tick, the last three

export class SetupView {
  name = "wizard";
  mark = "";

  constructor(page) {
    this.page = page;
    this.exercises = [];
  }

  get title() {
    const { exercise, plan: p } = this.page.link.stage;
    return nameOf({ name: exercise.name, side: p.side });
  }

  /** Fetch the catalogue, once, for the choice of an exercise. */
  learn() {
    fetch("/api/exercises").then((answer) => answer.json()).then((all) => {
      this.exercises = all;
      this.page.draw();
    }).catch(() => {}); // the exercise that is planned can be done without the list
  }

  draw(changed) {
    const { page } = this, { stage } = page.link;
    page.card(stage.stage === "countdown" ? this.countdown(stage) : this.step(stage), this.buttons(stage));
    if (changed) $("card").scrollTop = 0;
  }

  step(stage) {
    const at = STEPS.indexOf(stage.stage);
    const content = { wearer, today, units, straps, ready }[stage.stage](stage, this.page, this.exercises);
    return el("div", { class: "sheet" },
      el("ol", { class: "steps", "aria-label": word("setup.step", { at: at + 1, of: STEPS.length }) },
        STEPS.map((_, i) => el("li", { class: i < at ? "past" : i === at ? "now" : "" }))),
      content,
      stage.problem ? el("p", { class: "problem", role: "alert" }, problemOf(stage)) : null);
  }

  countdown(stage) {
    return el("div", { class: "sheet middle" },
      el("p", { class: "lead" }, stage.silent.length ? word("setup.waiting", { units: unitsOf(stage.silent) }) : word("setup.go")),
      el("div", { class: "countdown", id: "countdown", role: "timer" }, String(this.secondsLeft(stage))),
      el("p", { class: "lead" }, says(stage.exercise.name)));
  }

  /** Back, what can be left out, and on: each is there while its command is possible. */
  buttons(stage) {
    const { link, sound, unlock } = this.page, begin = stage.plan.delay_s ? word("setup.start_in", { seconds: stage.plan.delay_s }) : word("setup.start");
    const main = { kind: "primary" };
    return [
      commandButton(link, "cancel", word("cancel"), { do: "cancel" }),
      commandButton(link, "now", word("setup.now"), { do: "now" }),
      commandButton(link, "back", word("back"), { do: "back" }),
      stage.stage === "wearer" ? commandButton(link, "nobody", word("setup.nobody"), { do: "nobody" }) : null,
      commandButton(link, "swap", word("setup.swap"), { do: "swap" }),
      stage.stage === "units" ? usePhone(link) : null,
      admitPhone(link),
      commandButton(link, "shake", word("setup.shake"), { do: "shake" }),
      commandButton(link, "skip", word("setup.skip"), { do: "skip" }),
      commandButton(link, "retry", word("setup.retry"), { do: "retry" }, stage.problem ? main : {}),
      asks(stage) ? null : commandButton(link, "next", word(stage.stage === "today" ? "setup.connect" : "next"), { do: "next" }, main),
      commandButton(link, "done", word("setup.on"), { do: "done" }, main),
      commandButton(link, "start", stage.safety?.length ? word("setup.read", { begin }) : begin, { do: "start" }, { ...main, before: () => { unlock(); sound.play("zone"); } }),
    ];
  }

  secondsLeft(stage) {
    if (stage.until === undefined) return stage.plan.delay_s;
    return Math.max(0, Math.ceil((this.page.link.local(stage.until) - performance.now()) / 1000));
  }

  tick() {
    const { link, sound } = this.page, shown = $("countdown");
    if (link.stage.stage !== "countdown" || !shown) return;
    const left = this.secondsLeft(link.stage);
    if (shown.textContent === String(left)) return;
    put(shown, String(left));
    if (left >= 1 && left <= 3) sound.play("tick");
    if ((left >= 1 && left <= 3) || SPOKEN_S.includes(left)) sound.say(String(left));
  }
}

function wearer(stage, page) {
  const { link } = page, name = el("input", { type: "text", id: "pseudonym", maxLength: 20, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,19}", autocomplete: "off", "aria-label": word("setup.pseudonym") });
  const add = (event) => { event.preventDefault(); if (name.value) link.send({ do: "new", wearer: name.value, language: language() }); };
  return [
    el("h2", {}, word("setup.who")),
    el("div", { class: "rows", id: "wearers" }, (stage.wearers ?? []).map((known) => commandButton(link, `wearer-${known}`, known, { do: "choose", wearer: known }))),
    el("form", { class: "field", onsubmit: add }, el("label", { htmlFor: "pseudonym" }, word("setup.new")), name, el("button", { type: "submit", id: "newWearer" }, word("setup.take"))),
  ];
}

function today(stage, page, exercises) {
  const { plan: p, exercise } = stage;
  const send = (command, values) => page.link.send({ do: command, ...values });
  const choice = el("select", { id: "exercise", onchange: (e) => send("exercise", { exercise: e.target.value }) },
    exercises.map((x) => el("option", { value: x.id, selected: x.id === exercise.id }, says(x.name))));
  const plans = el("select", { id: "plan", onchange: (e) => send("plan", { plan: e.target.value }) },
    ["", ...p.names].map((name) => el("option", { value: name, selected: name === p.name }, name ? name.replaceAll("_", " ") : word("setup.one"))));
  return el("div", { class: "columns" },
    el("div", { class: "panel" },
      el("h2", {}, word("setup.what")),
      el("div", { class: "field" }, el("span", {}, word("setup.whose")), button("whose", stage.wearer || word("setup.nobody"), () => send("wearer"))),
      el("label", { class: "field" }, el("span", {}, word("setup.plan")), plans),
      el("button", { type: "button", id: "openPlan", "aria-haspopup": "dialog", onclick: () => openPlan(send) }, word("setup.open_plan")),
      p.name ? el("p", { class: "lead" }, word("setup.plan_of", { plan: p.name, exercises: word("setup.exercises", { n: p.of }), legs: word("setup.legs", { n: p.legs }), first: nameOf({ name: exercise.name, side: p.side }) })) : [
        el("label", { class: "field" }, el("span", {}, word("setup.exercise")), choice),
        exercise.questions.length ? null : el("div", { class: "field" }, el("span", {}, word("setup.leg")),
          segments(exercise.both_legs ? ["left", "both", "right"] : ["left", "right", "each"], p.sides.length > 1 ? "each" : p.side, (side) => send("side", { side }), "side")),
      ]),
    p.name ? null : asks(stage) ? questions(stage, send) : el("div", { class: "panel" },
      exercise.counted ? stepper(word("setup.reps"), p.reps, 1, 1, 100, (reps) => send("dose", { reps }), "") : stepper(word("setup.seconds"), Math.round(p.hold_s), 5, 5, 600, (hold_s) => send("dose", { hold_s }), " s"),
      stepper(word("setup.sets"), p.sets, 1, 1, 20, (sets) => send("dose", { sets }), ""),
      aim(stage, send),
      exercise.has_hip_angle ? el("div", { class: "field" }, el("span", {}, word("setup.kind")),
        segments(["exercise", "test"], p.test ? "test" : "exercise", (kind) => send("exercise", { test: kind === "test" }), "kind")) : null,
      p.test || exercise.assessment ? el("div", { class: "field" }, el("span", {}, word("setup.moves")),
        segments(["wearer", "helper"], p.active === null ? "" : p.active ? "wearer" : "helper", (who) => send("exercise", { active: who === "wearer" }), "moves")) : null,
      el("p", { class: "fine" }, says(exercise.measured) + "."),
      el("ul", { class: "list caution" }, says(exercise.cautions).map((text) => el("li", {}, text)))));
}

/** A plan from its file, or by paste. */
function openPlan(send) {
  const text = el("textarea", { id: "planText", rows: 6, spellcheck: false, "aria-label": word("setup.plan_text") });
  const file = el("input", { type: "file", id: "planFile", accept: ".toml,text/plain", "aria-label": word("setup.plan_file"), onchange: async () => { text.value = await file.files[0]?.text() ?? ""; } });
  const take = (event) => { event.preventDefault(); if (text.value.trim()) { $("dialog").close(); send("plan", { toml: text.value }); } };
  tell(word("setup.open_plan"), word("setup.plan_how"), el("form", { class: "rows planned", onsubmit: take }, file, text, el("button", { type: "submit", id: "takePlan" }, word("setup.take"))));
}

const asks = ({ stage, plan, exercise }) => stage === "today" && !plan.name && exercise.questions.length > 0;

/** Questions in place of a set: no unit and no leg. */
function questions({ exercise, answered = [], can, wearer }, send) {
  const typed = document.activeElement; // what is being typed outlives the drawing of what was kept before it
  const answer = (text, question) => {
    const id = `answer-${question}`, value = typed?.id === id ? typed.value : answered[question] ?? "";
    return el("label", { class: "field", htmlFor: id }, text, el("input", { type: "text", id, maxLength: 80, autocomplete: "off", value, disabled: !can.includes("answer"),
      onchange: (event) => send("answer", { question, text: event.target.value }) }));
  };
  return el("div", { class: "panel", id: "questions" }, el("h3", {}, word("setup.questions")), says(exercise.questions).map(answer),
    el("p", { class: "fine" }, wearer ? word("setup.answers_kept", { wearer }) : word("setup.answers_whose")),
    el("p", { class: "fine" }, says(exercise.how).join(" ")));
}

/** The goal of the step with who set it, where there is an angle to reach; a wearer can keep it. */
function aim({ plan: p, wearer, goals = {}, exercise }, send) {
  const legs = Object.entries(goals).filter(([leg]) => p.sides.includes(leg) || p.sides.includes("both"));
  if (!legs.length) return null;
  const mine = legs.find(([, goal]) => goal.deg !== null)?.[1].deg ?? null;
  const told = legs.map(([leg, goal]) => `${legs.length > 1 ? `${word(`side.${leg}`)}: ` : ""}${goal.deg === null ? "" : `${Math.round(goal.deg)}°, `}${word(`goal.${goal.source}`, { wearer })}`);
  return [
    stepper(word("goal.title"), Math.round(mine ?? exercise.target_deg), 1, 5, 60, (target_deg) => send("goal", { target_deg }), "°", mine === null ? "–" : undefined),
    el("p", { class: "fine", id: "goalOf" }, told.join(" · ")),
    wearer && p.target_deg !== null ? el("button", { type: "button", id: "keepGoal", onclick: () => send("goal", { target_deg: p.target_deg, keep: true }) }, word("goal.keep", { wearer })) : null,
  ];
}

function segments(values, now, pick, name) {
  return el("div", { class: "segments", role: "group", "aria-label": word(`setup.${name}`) }, values.map((value) =>
    el("button", { type: "button", id: `${name}-${value}`, "aria-pressed": String(value === now), onclick: () => pick(value) }, typeof value === "string" ? word(`choice.${value}`) : value)));
}

function stepper(label, value, by, low, high, pick, unit, shown = `${value}${unit}`) {
  const move = (d) => () => pick(Math.max(low, Math.min(high, value + d)));
  return el("div", { class: "field" }, el("span", {}, label),
    el("div", { class: "stepper", role: "group", "aria-label": label },
      el("button", { type: "button", "aria-label": word("setup.fewer", { label }), onclick: move(-by) }, "−"),
      el("output", {}, shown),
      el("button", { type: "button", "aria-label": word("setup.more", { label }), onclick: move(by) }, "+")));
}

function units(stage, page) {
  if (stage.phones.length && stage.progress === undefined && !stage.findings) return invitation(stage, page);
  const found = stage.found ?? [], rows = stage.findings ?? [], bad = rows.filter((row) => row.remedy).length;
  const looking = stage.working && stage.progress === undefined, asked = saidBy({ ...stage.asked, text: stage.ask });
  return [
    el("h2", {}, looking ? asked || word("units.looking") : stage.working ? word("units.leave") : stage.problem ? word("units.missing") : bad ? word("to_fix", { n: bad }) : word(rows.length ? "units.good" : "units.unchecked")),
    el("p", { class: "lead" }, word(stage.ask && looking ? "units.shake" : looking ? "units.wake" : "units.rest")),
    stage.working ? el("progress", { value: stage.progress, max: 1, "aria-label": word(looking ? "units.searching" : "units.at_rest") }) : null,
    el("div", { class: "rows" }, rows.length ? rows.map((row) => checkRow(word("the_unit", { unit: row.label }), !row.remedy, row.remedy ? saidBy({ ...row, text: row.remedy }) : word(row.battery === null ? "units.figures" : "units.figures_battery", row)))
      : found.map(foundRow)),
  ];
}

function foundRow(unit) {
  return el("div", { class: `row ${unit.place ? "good" : ""} ${unit.moving > 0.6 ? "lit" : ""}` },
    el("span", { class: "sign", "aria-hidden": "true" }, unit.place ? "✓" : unit.moving > 0.6 ? "≈" : "·"),
    el("span", {}, el("b", {}, unit.place ? word("unit_named", { unit: unit.place }) : unit.name),
      el("small", {}, [...new Set([unit.name, unit.profile])].filter((text) => unit.place || text !== unit.name).join(", ") + ` …${unit.end}`)),
    signal(unit.rssi));
}

function signal(rssi) {
  const bars = rssi > -55 ? 4 : rssi > -67 ? 3 : rssi > -80 ? 2 : 1;
  return el("span", { class: "bars", role: "img", "aria-label": word(rssi === -127 ? "units.no_signal" : "units.signal", { rssi }) },
    [1, 2, 3, 4].map((n) => el("i", { class: n <= bars && rssi !== -127 ? "on" : "" })));
}

function straps(stage) {
  const { exercise } = stage;
  return [
    el("h2", {}, word(stage.phones.length ? "phones.strap" : "straps.title")),
    el("div", { class: "columns" },
      el("div", { class: "panel" },
        el("h3", {}, word("straps.where")),
        stage.phones.length ? phoneStraps(stage) : [el("img", { class: "poses", src: pictureOf("straps", stage.plan.side), alt: word("straps.picture") }),
          el("ul", { class: "list" }, [word("straps.snug"), word("straps.any_way")].map((t) => el("li", {}, t)))],
        el("ul", { class: "list" }, [word("straps.leg", { side: stage.plan.side, worn_on: says(exercise.worn_on) })].map((t) => el("li", {}, t)))),
      el("div", { class: "panel" },
        el("h3", {}, word("straps.begins")),
        el("img", { class: "poses", src: pictureOf(exercise.position, stage.plan.side), alt: word("straps.start", { position: exercise.position }) }),
        el("ul", { class: "list" }, says(exercise.how).map((text) => el("li", {}, text))))),
  ];
}

function ready(stage, page) {
  const rows = stage.checklist ?? [];
  const bad = rows.filter((row) => row.good === false).length;
  return [
    el("h2", {}, stage.problem ? word("ready.failed") : bad ? word("to_fix", { n: bad }) : word("ready.title")),
    stage.safety?.length ? el("div", { class: "panel", id: "safety" }, el("h3", {}, says(stage.safety[0])), el("ul", { class: "list caution" }, says(stage.safety.slice(1)).map((text) => el("li", {}, text)))) : null,
    el("div", { class: "columns" },
      el("div", { class: "rows" },
        rows.map((row) => checkRow(saidBy({ ...row.title, text: row.what }), row.good, saidBy(row))),
        checkRow(word("ready.sound"), true, word("ready.sound_text"), el("button", { type: "button", id: "testSound", onclick: () => { page.unlock(); page.sound.play("zone"); } }, word("ready.test"))),
        checkRow(word("ready.screen"), canLock(), word(canLock() ? "ready.screen_on" : "ready.screen_off"))),
      el("div", { class: "panel" },
        el("div", { class: "field" }, el("span", {}, word("setup.delay")),
          segments(DELAYS, stage.plan.delay_s, (delay_s) => page.link.send({ do: "delay", delay_s }), "delay")),
        el("label", { class: "field" }, el("span", {}, word("ready.loudness")),
          el("input", { type: "range", min: 0, max: 1, step: 0.05, value: page.sound.volume, oninput: (e) => page.sound.setVolume(Number(e.target.value)) })),
        el("p", { class: "fine" }, word("ready.led")))),
  ];
}
