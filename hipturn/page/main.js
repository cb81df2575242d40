// What is on the screen: the server's stage, unless this page looks at a recording.

import { $, el, forgetColours, icon, put, recall, remember, startText } from "./dom.js";
import { keepAwake, letSleep } from "./awake.js";
import { Guide } from "./guide.js";
import { Link } from "./link.js";
import { LOST_S, Readout } from "./readout.js";
import { listRecordings, loadRecording } from "./recording.js";
import { compareCard, resultCard, resultFoot } from "./results.js";
import { Sound } from "./sound.js";
import { Trace } from "./trace.js";
import { Transport } from "./transport.js";
import { wizardCard, wizardFoot } from "./wizard.js";

const EVENT_MAX_AGE_S = 0.3; // older ones are silent
const LOST_TONE_MS = 2500;
const FROZEN_MS = 500, WAKING_MS = 700; // who was frozen first finds out what is new, in silence

const app = {
  stage: null, hello: null, exercises: [], counts: {}, reps: [], traces: {}, start: {}, lastRep: null,
  local: null,          // {view, key, …} while this page looks at a recording
  transport: null, recordings: new Map(), result: null, wasLost: false, quietUntil: 0,
};
app.sound = new Sound(() => drawTools());
app.unlock = () => { app.sound.unlock(); keepAwake(); };
app.send = (command) => app.link.send(command);
const readout = new Readout(app.sound), guide = new Guide(app.sound);

// ---- what the server says

app.link = new Link({
  hello(message, same) {
    const again = app.hello !== null;
    app.hello = message;
    $("lanMark").hidden = !message.lan;
    if (!same) return banner("This page is of another version: load it again.");
    if (!again) fetch("/api/exercises").then((r) => r.json()).then((all) => { app.exercises = all; render(); }).catch(() => {});
    if (!again) openFromAddress(message);
  },
  link(open) { if (open) banner(""); },
  stage(stage) {
    const before = app.stage?.stage;
    app.stage = stage;
    if (stage.stage === "live" && before !== "live") beginLive();
    if (["countdown", "live"].includes(stage.stage) && before !== stage.stage) app.local = null;
    if (stage.stage === "done") app.result = stage.key;
    if (stage.stage !== "live" && before === "live") letSleep();
    render();
  },
  count(message) { const { type, at, ...counts } = message; app.counts = counts; },
  calibration(message) {
    guide.take(message.legs);
    for (const [side, leg] of Object.entries(message.legs)) if (leg.start_deg !== null) app.start[side] = leg.start_deg;
    const falls = Object.values(message.legs).some((leg) => leg.sign === "falls" && leg.step === "ready");
    if (app.stage?.stage === "live") banner(falls ? "The number falls where it should rise: are thigh and shank unit swapped? Or " : "", falls ? otherLeg() : null);
  },
  guide(message, age) { if (app.stage?.stage === "live") guide.progress(message, age <= EVENT_MAX_AGE_S); },
  units() { drawUnits(); },
  frame(frame) {
    for (const side of ["left", "right"]) {
      const leg = frame[side];
      if (!leg) continue;
      (app.traces[side] ??= new Trace()).push(frame.time_s, leg.deg, leg.sd);
      if (leg.leg && leg.phase === "rest" && !app.poses[side]) app.poses[side] = leg.leg;
    }
  },
  event: happened,
});
app.poses = {};

function beginLive() {
  app.counts = {}; app.reps = []; app.traces = {}; app.poses = {}; app.start = {}; app.lastRep = null; app.wasLost = false;
  app.link.frame = null;
  app.sound.hush();
  guide.clear();
}

/** Something happened: make it heard while it is new, and read out by a screen reader. */
function happened(event, age) {
  const heard = age <= EVENT_MAX_AGE_S && app.stage?.stage === "live" && !app.local;
  const play = (name, words) => { if (heard) { app.sound.play(name); if (words) app.sound.say(words); } };
  if (event.text) put($("said"), event.text);
  if (event.what === "rep") {
    app.reps.push({ from_s: event.from_s, to_s: event.to_s, label: String(event.reps) });
    app.lastRep = event.to_s;
    play("rep", String(event.reps));
  } else if (event.what === "partial") play("partial", "too small");
  else if (event.what === "rejected") play("partial");
  else if (event.what === "set") play("set", `set ${event.set} done`);
  else if (event.what === "step") { guide.remedy = ""; play("step", event.text); }
  else if (event.what === "refused_step") { guide.remedy = event.text; play("refused", event.text); }
  else if (event.what === "alarm") { banner(event.text); play("refused", event.text); }
  else if (event.what === "cue") play("step", event.text);
  else if (event.what === "mark") put($("said"), "marked");
  else if (event.what === "refused") banner(event.text);
  else if (event.what === "done" && age <= EVENT_MAX_AGE_S) app.sound.play("done");
}

// ---- which view

function view() {
  if (app.local) return app.local.view;
  const stage = app.stage?.stage;
  if (!stage) return "loading";
  return { home: "home", live: "live", done: "done" }[stage] ?? "wizard";
}

function render() {
  const now = view();
  const changed = document.body.dataset.view !== now;
  document.body.dataset.view = now;
  const focused = document.activeElement?.id;
  $("guide").hidden = true;
  if (now !== "replay" && now !== "home") app.transport = null;
  ({ home: renderHome, live: renderLive, wizard: renderWizard, done: renderDone, replay: renderReplay, recordings: renderRecordings, compare: renderCompare }[now] ?? (() => {}))(changed);
  put($("title"), titleOf(now));
  document.title = `${titleOf(now) ? `${titleOf(now)} – ` : ""}hipturn`;
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
  if (changed && now !== "loading") { drawUnits(); drawTools(); $("demoMark").hidden = true; }
  $("demoMark").hidden = !(app.transport?.recording.demo || (now === "live" && app.stage.virtual));
  put($("demoMark"), app.transport ? "DEMO" : "SIMULATED");
}

function titleOf(now) {
  if (app.transport) return `${app.transport.recording.exercise.name}, ${app.transport.recording.side}`;
  if (now === "live" || now === "wizard") return `${app.stage.exercise.name}, ${app.stage.plan.side}`;
  return "";
}

function card(content, foot) {
  $("card").replaceChildren(...[content].flat());
  $("foot").replaceChildren(...foot);
}

function renderWizard(changed) {
  card(wizardCard(app.stage, app), wizardFoot(app.stage, app));
  if (changed) $("card").scrollTop = 0;
}

function renderHome(changed) {
  if (changed) {
    const button = (id, text, act, main) => el("button", { type: "button", id, class: main ? "primary" : "", onclick: act }, text);
    $("card").replaceChildren();
    $("foot").replaceChildren(el("div", { id: "welcome" },
      el("p", { class: "long" }, "Two motion units on thigh and shank tell how far the hip is turned inwards. This is a recorded demo."),
      el("div", { class: "choices" },
        button("connect", "Connect sensors", () => app.send({ do: "connect", virtual: false }), true),
        button("open", "Open a recording", () => show({ view: "recordings" })),
        button("look", "Just look", () => app.replay(app.hello.first, { t: 0, playing: true }))),
      el("p", { class: "long" }, "No units at hand? ", el("button", { type: "button", id: "practise", class: "plain", onclick: () => app.send({ do: "connect", virtual: true }) }, "Practise with a simulated wearer"), ". Not a medical device.")));
  }
  if (!app.hello || app.transport) return;
  const key = app.hello.first;
  fetchRecording(key).then((recording) => {
    if (view() !== "home") return;
    const first = recording.shown[0]?.start_s ?? 0;
    const from = Math.max(0, first - 1.5);
    app.transport = new Transport(recording, { t: from, playing: true, loop: [from, recording.duration_s] });
    render();
  }).catch(() => {});
}

function renderLive(changed) {
  if (changed) drawUnits();
  const paused = Boolean(app.stage.paused);
  const button = (id, text, command, kind = "") => el("button", { type: "button", id, class: kind, onclick: () => app.send(command) }, text);
  if (changed || app.livePaused !== paused) {
    app.livePaused = paused;
    card([], [
      paused ? button("resume", "Resume", { do: "resume" }, "primary") : button("pause", "Pause", { do: "pause" }),
      button("mark", "Mark", { do: "mark" }), button("skip", "New set", { do: "skip" }),
      button("rezero", "Re-zero", { do: "rezero" }), button("stop", "Stop", { do: "stop" }, "danger"),
    ]);
  }
}

function renderDone() {
  const key = app.stage.key;
  const waiting = app.stage.working || !app.recordings.has(key);
  if (waiting) {
    card(el("div", { class: "sheet middle" }, el("h2", {}, "Working it out…"), el("progress", { "aria-label": "analysing" })), []);
    if (!app.stage.working) fetchRecording(key).then(render, (error) => card(problem(error), []));
    return;
  }
  card(resultCard(app.recordings.get(key)), resultFoot(app, key));
}

function problem(error) {
  return el("div", { class: "sheet middle" }, el("p", { class: "problem", role: "alert" }, error.message));
}

function fetchRecording(key) {
  if (app.recordings.has(key)) return Promise.resolve(app.recordings.get(key));
  return loadRecording(key).then((recording) => {
    while (app.recordings.size >= 3) app.recordings.delete(app.recordings.keys().next().value);
    app.recordings.set(key, recording);
    return recording;
  });
}

// ---- recordings, this page's own business

function show(local) { app.local = local; app.transport = null; render(); }

app.replay = (key, choice = {}) => {
  show({ view: "replay", key });
  fetchRecording(key).then((recording) => {
    if (app.local?.key !== key) return;
    app.transport = new Transport(recording, { ...choice, moved: (t) => addressIs(key, t) });
    addressIs(key, app.transport.t);
    render();
  }).catch((error) => { if (app.local?.key === key) { document.body.dataset.view = "recordings"; card(problem(error), [backButton()]); } });
};

function renderReplay() {
  if (!app.transport) { $("foot").replaceChildren(el("progress", { "aria-label": "loading" })); return; }
  if ($("transport") && $("foot").dataset.key === app.local.key) return;
  $("foot").dataset.key = app.local.key;
  const key = app.local.key;
  $("card").replaceChildren();
  $("foot").replaceChildren(app.transport.controls({ actions: [
    el("button", { type: "button", class: "wide", id: "copyLink", onclick: () => copyLink(key) }, "Link to here"),
    el("button", { type: "button", class: "wide", id: "toResult", onclick: () => { app.local = { view: "compare", key, result: true }; app.transport = null; render(); } }, "Results"),
    el("button", { type: "button", class: "wide", id: "toCompare", onclick: () => app.compare(key) }, "Compare"),
  ] }));
}

function copyLink(key) {
  addressIs(key, app.transport.t);
  navigator.clipboard?.writeText(location.href).catch(() => {});
  put($("said"), "the address bar holds a link to this moment");
}

function addressIs(key, t) {
  history.replaceState(null, "", `#session=${encodeURIComponent(key)}&t=${t.toFixed(1)}`);
}

function openFromAddress(hello) {
  const asked = new URLSearchParams(location.hash.slice(1));
  const t = Number(asked.get("t"));
  if (asked.has("session") || asked.has("t")) app.replay(asked.get("session") ?? hello.first, { t: Number.isFinite(t) ? t : 0, speed: hello.speed });
  else if (hello.look) app.replay(hello.first, { playing: true, speed: hello.speed });
}
window.addEventListener("hashchange", () => { if (app.hello) openFromAddress({ ...app.hello, look: false }); });

function backButton() {
  return el("button", { type: "button", id: "leave", onclick: leave }, "Back");
}
function leave() {
  history.replaceState(null, "", location.pathname);
  show(null);
}

function renderRecordings() {
  card(el("div", { class: "sheet" }, el("h2", {}, "Recordings"), el("progress", { "aria-label": "loading" })), [backButton()]);
  listRecordings().then((rows) => {
    if (view() !== "recordings") return;
    card(el("div", { class: "sheet" }, el("h2", {}, "Recordings"), el("div", { class: "rows" }, rows.map((row) =>
      el("button", { type: "button", class: "recording", onclick: () => app.replay(row.key) },
        el("span", {}, el("b", {}, row.name), el("small", {}, `${row.side} · ${startText(row.started_at)}`)),
        row.demo ? el("span", { class: "mark" }, "DEMO") : row.virtual ? el("span", { class: "mark" }, "SIMULATED") : null)))), [backButton()]);
  }).catch((error) => card(problem(error), [backButton()]));
}

app.compare = (key, other) => show({ view: "compare", key, other });

function renderCompare() {
  const { key, other, result } = app.local;
  card(el("div", { class: "sheet middle" }, el("progress", { "aria-label": "loading" })), [backButton()]);
  Promise.all([fetchRecording(key), listRecordings()]).then(async ([mine, list]) => {
    if (app.local?.key !== key) return;
    if (result) { card(resultCard(mine), [backButton(), ...resultFoot(app, key, { again: false })]); return; }
    const alike = list.filter((row) => row.key !== key && row.exercise === mine.exercise.id);
    const chosen = other ?? (alike.find((row) => row.side === mine.side) ?? alike[0] ?? list.find((row) => row.key !== key))?.key;
    const against = chosen ? await fetchRecording(chosen) : null;
    if (app.local?.key === key) card(compareCard(mine, against, list, app), [backButton()]);
  }).catch((error) => card(problem(error), [backButton()]));
}

// ---- the frame of the page

function banner(text, action = null) {
  $("banner").hidden = !text;
  $("banner").replaceChildren(text, ...(action ? [action] : []));
}

/** The offer to take the units as those of the other leg, and calibrate again. */
function otherLeg() {
  const { side } = app.stage.plan;
  if (side === "both") return null;
  const other = side === "left" ? "right" : "left";
  return el("button", { type: "button", id: "otherLeg", onclick: () => app.send({ do: "rezero", side: other }) }, `it is the ${other} leg`);
}

function drawUnits() {
  const units = view() === "live" ? app.link.units ?? [] : [];
  $("units").replaceChildren(...units.map((unit) => {
    const bad = unit.state !== "streaming" || unit.silent_s > 0.6;
    const known = [unit.rate_hz === null ? null : `${unit.rate_hz.toFixed(0)} Hz`, unit.battery === null ? null : `${unit.battery} %`].filter(Boolean);
    const lost = unit.lost === null ? null : el("span", { class: unit.lost < 5 ? "more small-loss" : "more large-loss" }, `${unit.lost.toFixed(0)} % lost`);
    return el("li", { class: bad ? "bad" : "", title: unit.name }, icon(bad ? "bad" : "good"), el("span", {}, unit.label.replace("right ", "R ").replace("left ", "L ")),
      el("span", { class: bad ? "more" : "more known" }, bad ? (unit.state === "streaming" ? `silent ${unit.silent_s.toFixed(0)} s` : unit.state) : known.join(" · ")), bad ? null : lost);
  }));
}

function drawTools() {
  const on = app.sound.on, button = $("soundButton");
  button.replaceChildren(icon(on ? "sound" : "mute"));
  button.setAttribute("aria-pressed", String(on));
  button.setAttribute("aria-label", on ? "Sound is on" : "Sound is off: tap to switch on");
  $("themeButton").replaceChildren(icon(document.documentElement.dataset.theme === "dark" ? "sun" : "moon"));
}

$("soundButton").addEventListener("click", () => {
  if (app.sound.on) app.sound.setVolume(0);
  else { if (!app.sound.volume) app.sound.setVolume(0.8); app.unlock(); app.sound.play("zone"); }
});
$("themeButton").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
$("homeButton").addEventListener("click", () => {
  if (app.local) leave();
  else if (app.stage?.stage !== "live") app.send({ do: "home" });
});
$("lanMark").addEventListener("click", () => {
  $("dialog").replaceChildren(el("h2", {}, "On this network"), el("p", {}, "Anyone on this network who has the link can see and control this session."),
    el("img", { src: "/qr.svg", alt: "code with the link to this page" }), el("button", { type: "button", class: "primary", onclick: () => $("dialog").close() }, "Close"));
  $("dialog").showModal();
});

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  remember("theme", name);
  forgetColours();
  if (app.transport) app.transport.pictureKey = "";
  drawTools();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName) && document.activeElement.id !== "seek";
  const onButton = document.activeElement?.tagName === "BUTTON" || document.activeElement?.tagName === "A";
  if (inField || (onButton && (event.key === " " || event.key === "Enter"))) return;
  if (app.transport && view() === "replay" && app.transport.key(event)) { event.preventDefault(); return; }
  const key = event.key.toLowerCase();
  if (key === "s") $("soundButton").click();
  else if (view() === "live" && key === "m") app.send({ do: "mark" });
  else if (view() === "live" && key === " ") { event.preventDefault(); app.send({ do: app.stage.paused ? "resume" : "pause" }); }
});

// ---- sixty times a second

app.countdownLeft = (stage) => stage.until === undefined ? stage.plan.delay_s : Math.max(0, Math.ceil((app.link.local(stage.until) - performance.now()) / 1000));

function liveScene() {
  const { stage, link } = app, frame = link.frame;
  const legs = {}, level = {}, traces = {};
  for (const side of stage.sides ?? []) {
    const leg = frame?.[side];
    legs[side] = { deg: leg?.deg ?? null, sd: leg?.sd ?? null, phase: leg?.phase ?? "rest", hold: leg?.hold ?? 0, leg: leg?.leg ?? null, start: app.poses[side] ?? null };
    level[side] = app.start[side] ?? 0;
    traces[side] = app.traces[side] ?? new Trace();
  }
  const age = link.frameAge();
  const time = (frame?.time_s ?? 0) + Math.min(age, 5);
  const sets = Object.values(app.counts).map((count) => count.set);
  const set = Math.max(0, ...sets), reps = Math.min(...Object.values(app.counts).map((count) => count.reps));
  const resting = Object.values(legs).every((leg) => leg.phase === "rest" || leg.phase === "away");
  const rest = app.lastRep !== null && resting && time - app.lastRep > 3 ? ` · rest ${Math.floor(time - app.lastRep)} s` : "";
  const total = stage.exercise.sets;
  return {
    time, legs, counts: app.counts, traces, level, exercise: stage.exercise, age, cause: link.cause(), target: stage.plan.target_deg,
    repsWanted: stage.plan.reps, holdWanted: stage.exercise.hold_s, reps: app.reps, paused: stage.paused, sounding: true,
    setLine: stage.paused ? "paused: nothing counts" : set ? `set ${set}${total > 1 ? ` of ${total}` : ""}${reps >= stage.plan.reps ? " done" : ""}${rest}` : "begin the set",
  };
}

function lostTone(scene, now) {
  if (now < app.quietUntil) return;
  const lost = scene.age > LOST_S && guideOver();
  if (lost && (!app.wasLost || now - app.lostAt > LOST_TONE_MS)) {
    app.sound.play("lost");
    if (!app.wasLost) app.sound.say("no signal");
    app.lostAt = now;
  }
  app.wasLost = lost;
}

function guideOver() { return app.link.frame !== null || Object.keys(app.poses).length > 0; }

let frames = 0, ticked = 0;
function tick(now) {
  requestAnimationFrame(tick);
  if (now - ticked > FROZEN_MS) app.quietUntil = now + WAKING_MS;
  ticked = now;
  window.hipturnFrames = ++frames; // for whoever measures
  const shown = view();
  if (shown === "live") {
    const scene = liveScene();
    if (Object.keys(scene.legs).length) readout.draw(scene, now);
    const guiding = guide.showing && !app.stage.paused;
    if ($("guide").hidden === guiding) $("guide").hidden = !guiding;
    if (guiding) drawGuide();
    lostTone(scene, now);
  } else if (app.transport && (shown === "replay" || shown === "home")) {
    readout.draw(app.transport.scene(now), now);
  } else if (shown === "wizard" && app.stage.stage === "countdown") countDown();
}

function drawGuide() {
  guide.draw(app.stage.exercise);
  const cause = app.link.cause();
  if (cause && !guide.remedy) { $("guideRemedy").hidden = false; put($("guideRemedy"), cause); }
}

function countDown() {
  const left = app.countdownLeft(app.stage), shown = $("countdown");
  if (!shown || shown.textContent === String(left)) return;
  put(shown, String(left));
  if (left >= 1 && left <= 3) { app.sound.play("tick"); app.sound.say(String(left)); } else if (left === 10 || left === 5) app.sound.say(String(left));
}

if (recall("theme") === "light") setTheme("light");
drawTools();
requestAnimationFrame(tick);
