// Moving through a recording: the time line, play and pause, speed, step by repetition, a link.

import { canvasOf, colour, el, put, seconds } from "./dom.js";
import { at } from "./trace.js";
import { number, word } from "./words.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

export class Transport {
  constructor(recording, { t = 0, playing = false, speed = 1, loop = null, moved = () => {} } = {}) {
    this.recording = recording;
    this.t = Math.max(0, Math.min(recording.duration_s, t));
    this.playing = playing;
    this.speed = SPEEDS.includes(speed) ? speed : 1;
    this.loop = loop;
    this.moved = moved;
    this.last = null;
    this.seeking = true;
    this.picture = document.createElement("canvas");
    this.pictureKey = "";
  }

  /** Build the controls. */
  controls({ actions = [] } = {}) {
    const r = this.recording;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.slider = el("input", { type: "range", id: "seek", min: 0, max: r.duration_s, step: 0.01, "aria-label": word("replay.moment") });
    this.slider.value = String(this.t);
    this.slider.addEventListener("input", () => { this.seek(Number(this.slider.value)); });
    this.playButton = el("button", { type: "button", class: "primary", id: "play", onclick: () => this.toggle() });
    this.clock = el("output", { class: "clock", id: "clock" });
    const speed = el("select", { id: "speed", "aria-label": word("replay.speed"), onchange: (e) => { this.speed = Number(e.target.value); } },
      SPEEDS.map((s) => el("option", { value: s, selected: s === this.speed }, `${number(s)}×`)));
    return el("div", { id: "transport" },
      el("div", { class: "line" }, this.canvas, this.slider, el("span")),
      el("div", { class: "keys" },
        el("button", { type: "button", "aria-label": word("replay.previous"), title: "[", onclick: () => this.stepRep(false) }, "|◀"),
        this.playButton,
        el("button", { type: "button", "aria-label": word("replay.next"), title: "]", onclick: () => this.stepRep(true) }, "▶|"),
        this.clock, speed, ...actions.filter(Boolean)));
  }

  toggle() {
    if (!this.playing && this.t >= this.recording.duration_s - 0.01) this.seek(0);
    this.playing = !this.playing;
    this.last = null;
    if (!this.playing) this.moved(this.t);
  }

  seek(t) {
    this.t = Math.max(0, Math.min(this.recording.duration_s, t));
    this.seeking = true;
    this.last = null;
    this.moved(this.t);
  }

  stepRep(forwards) {
    this.seek(this.recording.step(this.t, forwards));
  }

  key(event) {
    const far = event.shiftKey ? 5 : 1;
    const does = {
      " ": () => this.toggle(), ArrowLeft: () => this.seek(this.t - far), ArrowRight: () => this.seek(this.t + far),
      "[": () => this.stepRep(false), "]": () => this.stepRep(true), Home: () => this.seek(0), End: () => this.seek(this.recording.duration_s),
    }[event.key];
    if (!does) return false;
    does();
    return true;
  }

  /** Go on by the page's clock and return the scene. */
  scene(now) {
    if (this.playing && this.last !== null) {
      this.t += this.speed * Math.min(0.25, (now - this.last) / 1000);
      const end = this.loop ? this.loop[1] : this.recording.duration_s;
      if (this.t >= end) {
        if (this.loop) this.t = this.loop[0];
        else { this.t = end; this.playing = false; this.moved(this.t); }
      }
    }
    this.last = now;
    const scene = this.recording.sceneAt(this.t);
    scene.seeking = this.seeking;
    scene.sounding = this.playing && this.speed === 1 && !this.loop;
    this.seeking = false;
    this.draw();
    return scene;
  }

  draw() {
    if (!this.canvas) return;
    put(this.playButton, this.playing ? `❚❚ ${word("pause")}` : `▶ ${word("replay.play")}`);
    put(this.clock, `${seconds(this.t)}${number(Math.floor(this.t % 1 * 10) / 10, ".1f").slice(1)} / ${seconds(this.recording.duration_s)}`);
    if (document.activeElement !== this.slider || this.playing) this.slider.value = String(this.t);
    this.slider.setAttribute("aria-valuetext", word("replay.seconds", { seconds: this.t }));
    const found = canvasOf(this.canvas);
    if (!found) return;
    const { ctx, width, height } = found;
    const key = `${width}x${height}${document.documentElement.dataset.theme}`;
    if (key !== this.pictureKey) { this.pictureKey = key; this.paint(width, height); }
    ctx.drawImage(this.picture, 0, 0, width, height);
    const x = width * this.t / this.recording.duration_s;
    ctx.fillStyle = colour("ink");
    ctx.fillRect(x - 1.5, 0, 3, height);
    ctx.beginPath(); ctx.arc(x, 7, 6, 0, 7); ctx.fill();
  }

  /** Paint the whole session once: repetitions, angle, holds, gaps, marks. */
  paint(width, height) {
    const r = this.recording, scale = Math.min(window.devicePixelRatio || 1, 2);
    this.picture.width = width * scale; this.picture.height = height * scale;
    const ctx = this.picture.getContext("2d");
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    const x = (t) => width * t / r.duration_s;
    ctx.font = "600 12px system-ui, sans-serif"; ctx.textAlign = "center";
    for (const rep of r.shown) {
      ctx.fillStyle = colour("panel-2");
      ctx.fillRect(x(rep.start_s), 0, Math.max(1, x(rep.end_s) - x(rep.start_s)), height);
      ctx.fillStyle = colour("quiet");
      if (x(rep.end_s) - x(rep.start_s) > 14) ctx.fillText(String(rep.rep), (x(rep.start_s) + x(rep.end_s)) / 2, 13);
    }
    let low = 0, high = 20;
    for (const side of r.sides) for (const deg of r.legs[side].deg) { if (deg < low) low = deg; if (deg > high) high = deg; }
    const y = (deg) => height - 12 - (height - 30) * (deg - low) / (high - low);
    r.sides.forEach((side, index) => {
      const { deg, phase } = r.legs[side];
      ctx.strokeStyle = index ? colour("orange") : colour("blue");
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      for (let px = 0; px < width; px++) {
        const from = at(r.t, r.duration_s * px / width), to = Math.max(from + 1, at(r.t, r.duration_s * (px + 1) / width));
        let a = Infinity, b = -Infinity;
        for (let i = from; i < to && i < deg.length; i++) { if (deg[i] < a) a = deg[i]; if (deg[i] > b) b = deg[i]; }
        if (a <= b) { ctx.moveTo(px + 0.5, y(a) + 0.7); ctx.lineTo(px + 0.5, y(b) - 0.7); }
      }
      ctx.stroke();
      ctx.fillStyle = colour("green");
      for (let i = 0; i < phase.length; i++) {
        if (phase[i] !== 1) continue;
        let end = i;
        while (end < phase.length && phase[end] === 1) end++;
        ctx.fillRect(x(r.t[i]), height - 7 + index * 4, Math.max(1, x(r.t[Math.min(end, phase.length - 1)]) - x(r.t[i])), 3);
        i = end;
      }
    });
    ctx.strokeStyle = colour("orange"); ctx.lineWidth = 1;
    for (const [from, to] of r.gaps) {
      const a = x(from), b = Math.max(a + 2, x(to));
      ctx.strokeRect(a, 1, b - a, height - 2);
    }
    ctx.fillStyle = colour("orange");
    for (const [t, label] of r.marks) {
      if (/_(start|end)$/.test(label) && !/^set/.test(label)) continue;
      ctx.beginPath(); ctx.moveTo(x(t), height - 14); ctx.lineTo(x(t) - 5, height - 22); ctx.lineTo(x(t) + 5, height - 22); ctx.fill();
    }
  }
}

