// Beeps, speech and a flash. Switched on inside a tap, as browsers want it.

import { recall, remember } from "./dom.js";
import { language } from "./words.js";

const TUNES = {
  zone: [[880, 0, 0.09, 0.5]],
  tick: [[1250, 0, 0.035, 0.35]],
  held: [[880, 0, 0.08, 0.5], [1320, 0.1, 0.14, 0.5]],
  rep: [[660, 0, 0.09, 0.55], [990, 0.1, 0.16, 0.55]],
  partial: [[330, 0, 0.16, 0.4]],
  set: [[660, 0, 0.12, 0.6], [880, 0.14, 0.12, 0.6], [1320, 0.28, 0.3, 0.6]],
  done: [[523, 0, 0.16, 0.6], [659, 0.18, 0.16, 0.6], [784, 0.36, 0.16, 0.6], [1047, 0.54, 0.45, 0.6]],
  step: [[740, 0, 0.12, 0.5], [988, 0.14, 0.18, 0.5]],
  refused: [[260, 0, 0.2, 0.5], [208, 0.22, 0.3, 0.5]],
  lost: [[146, 0, 0.55, 0.8]],
};
const FLASHES = { zone: "green", held: "green", rep: "blue", set: "green", done: "green", lost: "orange", refused: "orange", partial: "orange" };

export class Sound {
  constructor(changed) {
    this.changed = changed;
    this.context = null;
    this.volume = Number(recall("volume") ?? 0.8);
    this.wanted = false;
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Call inside the handler of a tap. */
  unlock() {
    const Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) return;
    if (!this.context) {
      this.context = new Context();
      this.out = this.context.createGain();
      this.out.gain.value = this.volume;
      this.out.connect(this.context.destination);
      this.context.onstatechange = () => this.changed();
    }
    this.context.resume();
    this.wanted = true;
    if (window.speechSynthesis) { // iOS speaks later only if it spoke inside a tap
      const silent = new SpeechSynthesisUtterance(" ");
      silent.volume = 0;
      speechSynthesis.speak(silent);
    }
    this.changed();
  }

  look() {
    if (this.wanted && this.context && this.context.state !== "running") this.context.resume();
    this.changed();
  }

  get on() {
    return this.wanted && this.context?.state === "running" && this.volume > 0;
  }

  setVolume(volume) {
    this.volume = volume;
    remember("volume", String(volume));
    if (this.out) this.out.gain.value = volume;
    this.changed();
  }

  play(name) {
    this.flash(FLASHES[name]);
    if (!this.on) return;
    const root = document.documentElement.dataset; // what was played, for tests
    root.sounds = String(Number(root.sounds ?? 0) + 1);
    root.lastSound = name;
    const now = this.context.currentTime + 0.005;
    for (const [hz, after, length, gain] of TUNES[name]) {
      const tone = this.context.createOscillator();
      const shape = this.context.createGain();
      tone.type = hz < 300 ? "sawtooth" : "triangle";
      tone.frequency.value = hz;
      shape.gain.setValueAtTime(0, now + after);
      shape.gain.linearRampToValueAtTime(gain, now + after + 0.008);
      shape.gain.setValueAtTime(gain, now + after + length * 0.6);
      shape.gain.linearRampToValueAtTime(0, now + after + length);
      tone.connect(shape).connect(this.out);
      tone.start(now + after);
      tone.stop(now + after + length + 0.02);
    }
  }

  say(text) {
    if (!this.on || !window.speechSynthesis) return;
    speechSynthesis.cancel();
    const words = new SpeechSynthesisUtterance(text);
    words.lang = language();
    words.volume = this.volume;
    words.rate = 1.05;
    speechSynthesis.speak(words);
  }

  hush() {
    window.speechSynthesis?.cancel();
  }

  flash(colour) {
    if (!colour) return;
    const pane = document.getElementById("flash");
    pane.style.setProperty("--flash", `var(--${colour})`);
    pane.classList.add("on");
    clearTimeout(this.flashTimer);
    this.flashTimer = setTimeout(() => pane.classList.remove("on"), 140);
  }
}
