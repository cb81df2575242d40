// The bar at the top and the sentence below it: units, sound, light or dark, what must be known.

import { $, el, forgetColours, icon, put, recall, remember } from "./dom.js";

const SILENT_S = 0.6; // as the cause in the read-out has it
const LOSS_TO_SEE_PERCENT = 5;

/** A sentence below the bar, with buttons where something can be done; an empty one takes it away. */
export function banner(text, actions = []) {
  $("banner").hidden = !text;
  $("banner").replaceChildren(text, ...actions.filter(Boolean));
}

export function drawTitle(title, mark) {
  put($("title"), title);
  document.title = `${title ? `${title} – ` : ""}hipturn`;
  $("demoMark").hidden = !mark;
  put($("demoMark"), mark);
}

export function drawUnits(units) {
  $("units").replaceChildren(...units.map((unit) => {
    const bad = unit.state !== "streaming" || unit.silent_s > SILENT_S;
    const known = [unit.rate_hz === null ? null : `${unit.rate_hz.toFixed(0)} Hz`, unit.battery === null ? null : `${unit.battery} %`].filter(Boolean);
    const lost = unit.lost === null ? null : el("span", { class: unit.lost < LOSS_TO_SEE_PERCENT ? "more small-loss" : "more large-loss" }, `${unit.lost.toFixed(0)} % lost`);
    return el("li", { class: bad ? "bad" : "", title: unit.name }, icon(bad ? "bad" : "good"), el("span", {}, unit.label.replace("right ", "R ").replace("left ", "L ")),
      el("span", { class: bad ? "more" : "more known" }, bad ? (unit.state === "streaming" ? `silent ${unit.silent_s.toFixed(0)} s` : unit.state) : known.join(" · ")), bad ? null : lost);
  }));
}

export function drawSound(sound) {
  const button = $("soundButton");
  button.replaceChildren(icon(sound.on ? "sound" : "mute"));
  button.setAttribute("aria-pressed", String(sound.on));
  button.setAttribute("aria-label", sound.on ? "Sound is on" : "Sound is off: tap to switch on");
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  remember("theme", name);
  forgetColours();
  drawTheme();
}

function drawTheme() {
  $("themeButton").replaceChildren(icon(document.documentElement.dataset.theme === "dark" ? "sun" : "moon"));
}

function tell(title, text, ...more) {
  $("dialog").replaceChildren(el("h2", {}, title), el("p", {}, text), ...more,
    el("button", { type: "button", class: "primary", onclick: () => $("dialog").close() }, "Close"));
  $("dialog").showModal();
}

function tellNetwork() {
  tell("On this network", "Anyone on this network who has the link can see and control this session.",
    el("img", { src: "/qr.svg", alt: "code with the link to this page" }));
}

function tellMark() {
  tell($("demoMark").textContent, "Nobody wears these units: the movements are made up, to try hipturn with.");
}

/** Make the buttons of the bar work. */
export function startHeader({ sound, unlock, goHome }) {
  $("soundButton").addEventListener("click", () => {
    if (sound.on) { sound.setVolume(0); return; }
    if (!sound.volume) sound.setVolume(0.8);
    unlock();
    sound.play("zone");
  });
  $("themeButton").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  $("homeButton").addEventListener("click", goHome);
  $("lanMark").addEventListener("click", tellNetwork);
  $("demoMark").addEventListener("click", tellMark);
  $("moreButton").addEventListener("click", () => $("more").showModal());
  if (recall("theme") === "light") setTheme("light");
  drawTheme();
  drawSound(sound);
}
