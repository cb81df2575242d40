// Joins the link to the views. The server's stage says which view is shown, unless this page looks
// at a recording of its own choice. Each view keeps what it alone needs; the link keeps what the
// server said last.

import { $, put, recall } from "./dom.js";
import { keepAwake, letSleep } from "./awake.js";
import { banner, drawSound, drawTheme, drawTitle, drawUnits, startHeader } from "./header.js";
import { Link } from "./link.js";
import * as paper from "./paper.js";
import { Readout } from "./readout.js";
import { Sound } from "./sound.js";
import { CheckView } from "./views/check.js";
import { Conditions } from "./views/conditions.js";
import { DoneView } from "./views/done.js";
import { HomeView } from "./views/home.js";
import { LiveView } from "./views/live.js";
import { CompareView, RecordingsView, ResultView } from "./views/recordings.js";
import { ReplayView } from "./views/replay.js";
import { RestView } from "./views/rest.js";
import { SetupView } from "./views/setup.js";
import { TrendView, WearersView } from "./views/wearers.js";
import { learn, saidBy, word } from "./words.js";

const EVENT_MAX_AGE_S = 0.3; // older ones are silent
const BUTTONS_MS = 6000;     // the buttons stay this long after a tap
const FROZEN_MS = 500;       // a longer pause between two pictures: the page was not running

/** Get the texts in the language that was chosen here, else the command's, the wearer's, the browser's. */
const asked = new URLSearchParams(location.search).get("lang") ?? recall("language");
let wearers = "";
const inWords = () => learn(`/api/words?${new URLSearchParams({ lang: asked ?? "", wearer: wearers })}`);
await inWords();

const sound = new Sound(() => drawSound(sound));

const link = new Link({
  link(open) { if (open) banner(""); },
  hello(hello, { again, same }) {
    $("lanMark").hidden = !hello.lan;
    if (!same) { banner(word("other_version")); return; }
    if (again) return;
    setup.learn();
    openFromAddress(hello.look);
  },
  stage({ stage, language: theirs }, before) {
    if (theirs !== undefined && theirs !== wearers) { wearers = theirs; inWords().then((other) => { if (other) drawAnew(); }); }
    if (stage === "calibrate" && before !== stage) { live.begin(); link.frame = null; sound.hush(); document.body.classList.remove("tapped"); }
    if (["countdown", "calibrate", "set", "result"].includes(stage) && before !== stage) { own = null; banner(""); }
    if (!inSession()) $("more").close();
    if (stage === "summary" && before !== stage) letSleep();
    draw();
    conditions.draw();
  },
  conditions({ conditions: list }) { conditions.take(list); },
  count(message) {
    live.takeCount(message);
    if (current() === rest) draw();
  },
  calibration(message) { live.takeCalibration(message); },
  guide(message, age_s) { if (inSession()) live.guide.progress(message, age_s <= EVENT_MAX_AGE_S); },
  units(units) { if (current() === live) drawUnits(units); },
  frame(frame) { live.takeFrame(frame); },
  event(event, age_s) {
    const fresh = age_s <= EVENT_MAX_AGE_S, text = saidBy(event);
    if (text) put($("said"), text); // read out by a screen reader
    if (event.what === "refused") banner(text);
    else if (event.what === "edited") current().edited?.(event);
    else if (event.what === "done") { if (fresh) sound.play("done"); }
    else live.takeEvent(event, fresh && current() === live, text);
  },
});

/** What a view may use of the page. */
const page = Object.freeze({
  link, sound, banner, draw, leave,
  readout: new Readout(sound),
  unlock() { sound.unlock(); keepAwake(); },
  shows: (view) => current() === view,
  card(content, foot) {
    $("card").replaceChildren(...[content].flat());
    $("foot").replaceChildren(...foot.filter(Boolean));
  },
  listRecordings: () => show(new RecordingsView(page)),
  listWearers: () => show(new WearersView(page)),
  trend: (wearer, back) => show(new TrendView(page, wearer, back)),
  replay: (key, choice) => show(new ReplayView(page, key, choice)),
  result: (key) => show(new ResultView(page, key)),
  compare: (key, other) => show(new CompareView(page, key, other)),
});

const home = new HomeView(page), setup = new SetupView(page), live = new LiveView(page), done = new DoneView(page), check = new CheckView(page);
const rest = new RestView(page), conditions = new Conditions(page);
const loading = { name: "loading", title: "", mark: "", draw() {}, tick() {} };

let own = null;   // the view of a recording that this page looks at
let shown = null; // the view that was drawn last

/** Everything again, in another language. */
function drawAnew() {
  drawSound(sound);
  drawTheme();
  shown = null;
  draw();
  conditions.draw();
}

function inSession() { return ["calibrate", "set", "result"].includes(link.stage?.stage); }

function current() {
  if (own) return own;
  const stage = link.stage?.stage;
  return stage ? { home, check, calibrate: live, set: live, result: rest, summary: done }[stage] ?? setup : loading;
}

function draw() {
  const view = current(), changed = view !== shown, focused = document.activeElement?.id;
  shown = view;
  document.body.dataset.view = view.name;
  document.body.dataset.stage = link.stage?.stage ?? "";
  $("guide").hidden = true;
  if (changed) paper.clear();
  view.draw(changed);
  drawTitle(view.title, view.mark);
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
  if (changed) drawUnits(view === live ? link.units ?? [] : []);
}

function show(view) {
  own = view;
  draw();
}

function leave() {
  history.replaceState(null, "", location.pathname);
  show(null);
}

function openFromAddress(look) {
  const asked = new URLSearchParams(location.hash.slice(1)), t = Number(asked.get("t"));
  const { first, speed } = link.hello;
  if (asked.has("session") || asked.has("t")) page.replay(asked.get("session") ?? first, { t: Number.isFinite(t) ? t : 0, speed });
  else if (look) page.replay(first, { playing: true, speed });
}
window.addEventListener("hashchange", () => { if (link.hello) openFromAddress(false); });

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "p" && paper.print()) event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { tagName, id } = document.activeElement ?? {};
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(tagName) && id !== "seek") return;
  if (/^(BUTTON|A)$/.test(tagName) && (event.key === " " || event.key === "Enter")) return;
  if (current().press?.(event)) event.preventDefault();
  else if (event.key.toLowerCase() === "s") $("soundButton").click();
});

/** On a phone on its side the buttons of a session come with a tap, and go by themselves. */
function tapped() {
  document.body.classList.add("tapped");
  clearTimeout(tapped.timer);
  tapped.timer = setTimeout(() => document.body.classList.remove("tapped"), BUTTONS_MS);
}

let frames = 0, ticked = 0;
function tick(now) {
  requestAnimationFrame(tick);
  const frozen = now - ticked > FROZEN_MS;
  ticked = now;
  window.hipturnFrames = ++frames; // for tests and benchmarks
  current().tick(now, frozen);
}

document.addEventListener("pointerup", tapped);
startHeader({ sound, unlock: page.unlock, goHome: () => { if (own) leave(); else link.send({ do: "home" }); } });
requestAnimationFrame(tick);
