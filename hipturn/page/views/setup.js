// The steps before a session, each a card with one main thing to do.

import { $, el, pictureOf, put } from "../dom.js";
import { canLock } from "../awake.js";
import { checkRow, commandButton } from "./parts.js";

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
    return `${exercise.name}, ${p.side}`;
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
      el("ol", { class: "steps", "aria-label": `Step ${at + 1} of ${STEPS.length}` },
        STEPS.map((_, i) => el("li", { class: i < at ? "past" : i === at ? "now" : "" }))),
      content,
      stage.problem ? el("p", { class: "problem", role: "alert" }, stage.problem) : null);
  }

  countdown(stage) {
    return el("div", { class: "sheet middle" },
      el("p", { class: "lead" }, stage.silent.length ? `Waiting for ${stage.silent.join(" and ")}: switched on, within 5 m?` : "Go to where you begin: stand still, feet forward."),
      el("div", { class: "countdown", id: "countdown", role: "timer" }, String(this.secondsLeft(stage))),
      el("p", { class: "lead" }, stage.exercise.name));
  }

  /** Back, what can be left out, and on: each is there while its command is possible. */
  buttons(stage) {
    const { link, sound, unlock } = this.page, begin = stage.plan.delay_s ? `Start in ${stage.plan.delay_s} s` : "Start";
    const main = { kind: "primary" };
    return [
      commandButton(link, "cancel", "Cancel", { do: "cancel" }),
      commandButton(link, "now", "Begin now", { do: "now" }),
      commandButton(link, "back", "Back", { do: "back" }),
      stage.stage === "wearer" ? commandButton(link, "nobody", "Nobody", { do: "nobody" }) : null,
      commandButton(link, "swap", "Swap thigh and shank", { do: "swap" }),
      commandButton(link, "shake", "Shake them", { do: "shake" }),
      commandButton(link, "skip", "Skip this check", { do: "skip" }),
      commandButton(link, "retry", "Try again", { do: "retry" }, stage.problem ? main : {}),
      commandButton(link, "next", stage.stage === "today" ? "Connect" : "Next", { do: "next" }, main),
      commandButton(link, "done", "They are on", { do: "done" }, main),
      commandButton(link, "start", stage.safety?.length ? `I have read it: ${begin}` : begin, { do: "start" }, { ...main, before: () => { unlock(); sound.play("zone"); } }),
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
  const { link } = page, name = el("input", { id: "pseudonym", maxLength: 20, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,19}", autocomplete: "off", "aria-label": "pseudonym" });
  const add = (event) => { event.preventDefault(); if (name.value) link.send({ do: "new", wearer: name.value }); };
  return [
    el("h2", {}, "Who is it?"),
    el("div", { class: "rows", id: "wearers" }, (stage.wearers ?? []).map((known) => commandButton(link, `wearer-${known}`, known, { do: "choose", wearer: known }))),
    el("form", { class: "field", onsubmit: add }, el("label", { htmlFor: "pseudonym" }, "New: a pseudonym, never a name"), name, el("button", { type: "submit", id: "newWearer" }, "Take it")),
  ];
}

function today(stage, page, exercises) {
  const { plan: p, exercise } = stage;
  const send = (command, values) => page.link.send({ do: command, ...values });
  const choice = el("select", { id: "exercise", onchange: (e) => send("exercise", { exercise: e.target.value }) },
    exercises.map((x) => el("option", { value: x.id, selected: x.id === exercise.id }, x.name)));
  const plans = el("select", { id: "plan", onchange: (e) => send("plan", { plan: e.target.value }) },
    ["", ...p.names].map((name) => el("option", { value: name, selected: name === p.name }, name ? name.replaceAll("_", " ") : "one exercise")));
  return el("div", { class: "columns" },
    el("div", { class: "panel" },
      el("h2", {}, "What will you do?"),
      el("label", { class: "field" }, el("span", {}, "Plan"), plans),
      p.name ? el("p", { class: "lead" }, `${p.name}: ${p.of} exercises, ${p.legs} legs. First ${exercise.name}, ${p.side}.`) : [
        el("label", { class: "field" }, el("span", {}, "Exercise"), choice),
        el("div", { class: "field" }, el("span", {}, "Leg with the units"),
          segments(exercise.both_legs ? ["left", "both", "right"] : ["left", "right", "each"], p.sides.length > 1 ? "each" : p.side, (side) => send("side", { side }), "side")),
      ]),
    p.name ? null : exercise.questions.length ? el("div", { class: "panel", id: "questions" }, el("h3", {}, "Questions, and no units"),
      el("ul", { class: "list" }, exercise.questions.map((text) => el("li", {}, text))), el("p", { class: "fine" }, exercise.how.join(" "))) : el("div", { class: "panel" },
      exercise.counted ? stepper("Repetitions", p.reps, 1, 1, 100, (reps) => send("dose", { reps }), "") : stepper("Seconds", Math.round(p.hold_s), 5, 5, 600, (hold_s) => send("dose", { hold_s }), " s"),
      stepper("Sets", p.sets, 1, 1, 20, (sets) => send("dose", { sets }), ""),
      aim(stage, send),
      exercise.has_hip_angle ? el("div", { class: "field" }, el("span", {}, "What is it?"),
        segments(["exercise", "test"], p.test ? "test" : "exercise", (kind) => send("exercise", { test: kind === "test" }), "kind")) : null,
      p.test || exercise.assessment ? el("div", { class: "field" }, el("span", {}, "Who moves the leg?"),
        segments(["the wearer", "a helper"], p.active === null ? "" : p.active ? "the wearer" : "a helper", (who) => send("exercise", { active: who === "the wearer" }), "moves")) : null,
      el("p", { class: "fine" }, exercise.measured + "."),
      el("ul", { class: "list caution" }, exercise.cautions.map((text) => el("li", {}, text)))));
}

/** The goal of the step with who set it, where there is an angle to reach; a wearer can keep it. */
function aim({ plan: p, wearer, goals = {}, exercise }, send) {
  const legs = Object.entries(goals).filter(([leg]) => p.sides.includes(leg) || p.sides.includes("both"));
  if (!legs.length) return null;
  const mine = legs.find(([, goal]) => goal.deg !== null)?.[1].deg ?? null;
  const from = { plan: "for this time", wearer: `${wearer}'s goal`, "last time": "as far as last time", none: "the first set measures" };
  const told = legs.map(([leg, goal]) => `${legs.length > 1 ? `${leg}: ` : ""}${goal.deg === null ? "" : `${Math.round(goal.deg)}°, `}${from[goal.source]}`);
  return [
    stepper("Goal, from the start position", Math.round(mine ?? exercise.target_deg), 1, 5, 60, (target_deg) => send("goal", { target_deg }), "°", mine === null ? "–" : undefined),
    el("p", { class: "fine", id: "goalOf" }, told.join(" · ")),
    wearer && p.target_deg !== null ? el("button", { type: "button", id: "keepGoal", onclick: () => send("goal", { target_deg: p.target_deg, keep: true }) }, `Keep as ${wearer}'s goal`) : null,
  ];
}

function segments(values, now, pick, name) {
  return el("div", { class: "segments", role: "group", "aria-label": name }, values.map((value) =>
    el("button", { type: "button", id: `${name}-${String(value).replace(" ", "-")}`, "aria-pressed": String(value === now), onclick: () => pick(value) }, value)));
}

function stepper(label, value, by, low, high, pick, unit, shown = `${value}${unit}`) {
  const move = (d) => () => pick(Math.max(low, Math.min(high, value + d)));
  return el("div", { class: "field" }, el("span", {}, label),
    el("div", { class: "stepper", role: "group", "aria-label": label },
      el("button", { type: "button", "aria-label": `${label}: fewer`, onclick: move(-by) }, "−"),
      el("output", {}, shown),
      el("button", { type: "button", "aria-label": `${label}: more`, onclick: move(by) }, "+")));
}

function units(stage) {
  const found = stage.found ?? [], rows = stage.findings ?? [], bad = rows.filter((row) => row.remedy).length;
  const looking = stage.working && stage.progress === undefined;
  return [
    el("h2", {}, looking ? stage.ask ?? "Looking for units…" : stage.working ? "Leave the units on the table." : stage.problem ? "Not all units are here." : bad ? `${bad} to fix.` : rows.length ? "The units are good." : "Not checked."),
    el("p", { class: "lead" }, stage.ask && looking ? "Hold one unit in the hand and shake it; the row that moves lights up."
      : looking ? "Switch the units on and move them to wake them. The strongest signal comes first."
        : "Five seconds at rest tell whether they keep their rate, lose samples, or drift."),
    stage.working ? el("progress", { value: stage.progress, max: 1, "aria-label": looking ? "searching" : "check at rest" }) : null,
    el("div", { class: "rows" }, rows.length ? rows.map((row) => checkRow(`${row.label} unit`, !row.remedy, row.remedy ||
      `${row.rate_hz.toFixed(0)} of ${row.nominal_hz.toFixed(0)} samples a second · ${row.lost_percent.toFixed(1)} % lost · turns ${row.drift_dps.toFixed(2)}°/s${row.battery === null ? "" : ` · battery ${row.battery} %`}`))
      : found.map(foundRow)),
  ];
}

function foundRow(unit) {
  return el("div", { class: `row ${unit.place ? "good" : ""} ${unit.moving > 0.6 ? "lit" : ""}` },
    el("span", { class: "sign", "aria-hidden": "true" }, unit.place ? "✓" : unit.moving > 0.6 ? "≈" : "·"),
    el("span", {}, el("b", {}, unit.place ? `${unit.place}` : unit.name),
      el("small", {}, [...new Set([unit.name, unit.profile])].filter((text) => unit.place || text !== unit.name).join(", ") + ` …${unit.end}`)),
    signal(unit.rssi));
}

function signal(rssi) {
  const bars = rssi > -55 ? 4 : rssi > -67 ? 3 : rssi > -80 ? 2 : 1;
  return el("span", { class: "bars", role: "img", "aria-label": rssi === -127 ? "signal not known" : `signal ${rssi} dBm` },
    [1, 2, 3, 4].map((n) => el("i", { class: n <= bars && rssi !== -127 ? "on" : "" })));
}

function straps(stage) {
  const { exercise } = stage;
  return [
    el("h2", {}, "Strap the units on."),
    el("div", { class: "columns" },
      el("div", { class: "panel" },
        el("h3", {}, "Where they go"),
        el("img", { class: "poses", src: pictureOf("straps", stage.plan.side), alt: "One unit on the outside of the thigh a hand above the knee, one on the flat front of the shin a hand above the ankle; either way up." }),
        el("ul", { class: "list" }, ["Snug, so that the skin moves rather than the unit.", "Any way up: the calibration finds out.", `Which leg: ${stage.plan.side}, ${exercise.worn_on}.`].map((t) => el("li", {}, t)))),
      el("div", { class: "panel" },
        el("h3", {}, "How it begins"),
        el("img", { class: "poses", src: pictureOf(exercise.position, stage.plan.side), alt: `Start position: ${exercise.position.replace("_", " ")}` }),
        el("ul", { class: "list" }, exercise.how.map((text) => el("li", {}, text))))),
  ];
}

function ready(stage, page) {
  const rows = stage.checklist ?? [];
  const bad = rows.filter((row) => row.good === false).length;
  return [
    el("h2", {}, stage.problem ? "That did not work." : bad ? `${bad === 1 ? "One thing" : `${bad} things`} to fix.` : "You are ready."),
    stage.safety?.length ? el("div", { class: "panel", id: "safety" }, el("h3", {}, stage.safety[0]), el("ul", { class: "list caution" }, stage.safety.slice(1).map((text) => el("li", {}, text)))) : null,
    el("div", { class: "columns" },
      el("div", { class: "rows" },
        rows.map((row) => checkRow(row.what, row.good, row.text)),
        checkRow("sound", true, "comes on with the Start button; you hear a test beep", el("button", { type: "button", id: "testSound", onclick: () => { page.unlock(); page.sound.play("zone"); } }, "Test")),
        checkRow("screen", canLock(), canLock() ? "stays on while you exercise" : "set this device's screen time-out to 10 minutes")),
      el("div", { class: "panel" },
        el("div", { class: "field" }, el("span", {}, "Time to lie down"),
          segments(DELAYS, stage.plan.delay_s, (delay_s) => page.link.send({ do: "delay", delay_s }), "delay")),
        el("label", { class: "field" }, el("span", {}, "Loudness"),
          el("input", { type: "range", min: 0, max: 1, step: 0.05, value: page.sound.volume, oninput: (e) => page.sound.setVolume(Number(e.target.value)) })),
        el("p", { class: "fine" }, "You will be led without hands: stand still, take the start position, bend the knee five times. Each step is seen by itself and spoken. Turn a phone on its side: the buttons then come with a tap."))),
  ];
}
