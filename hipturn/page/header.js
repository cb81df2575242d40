// The bar at the top and the sentence below it: units, sound, light or dark, what must be known.

import { $, el, forgetColours, icon, put, recall, remember } from "./dom.js";
import { number, word } from "./words.js";

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
    const known = [unit.rate_hz === null ? null : `${number(unit.rate_hz, ".0f")} Hz`, unit.battery === null ? null : word("percent_of", { n: unit.battery })].filter(Boolean);
    const lost = unit.lost === null ? null : el("span", { class: unit.lost < LOSS_TO_SEE_PERCENT ? "more small-loss" : "more large-loss" }, word("unit_lost", { share: unit.lost }));
    return el("li", { class: bad ? "bad" : "", title: unit.name }, icon(bad ? "bad" : "good"), el("span", {}, word("unit_short", { unit: unit.label })),
      el("span", { class: bad ? "more" : "more known" }, bad ? (unit.state === "streaming" ? word("unit_silent", { seconds: unit.silent_s }) : word(`state.${unit.state}`)) : known.join(" · ")), bad ? null : lost);
  }));
}

export function drawSound(sound) {
  const button = $("soundButton");
  button.replaceChildren(icon(sound.on ? "sound" : "mute"));
  button.setAttribute("aria-pressed", String(sound.on));
  button.title = word("sound_key");
  button.setAttribute("aria-label", word(sound.on ? "sound_on" : "sound_off"));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  remember("theme", name);
  forgetColours();
  drawTheme();
}

export function drawTheme() {
  $("themeButton").title = word("theme");
  $("themeButton").replaceChildren(icon(document.documentElement.dataset.theme === "dark" ? "sun" : "moon"));
}

/** A sentence in a dialog, with what belongs to it. */
export function tell(title, text, ...more) {
  $("dialog").replaceChildren(el("h2", {}, title), el("p", {}, text), ...more,
    el("button", { type: "button", class: "primary", onclick: () => $("dialog").close() }, word("close")));
  $("dialog").showModal();
}

function tellNetwork() {
  tell(word("network_title"), word("network_text"), el("img", { src: "/qr.svg", alt: word("network_code") }));
}

function tellMark() {
  tell($("demoMark").textContent, word("made_up"));
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
