// After the set: how each repetition was, and two sessions over one another.

import { canvasOf, colour, drawnBy, el, startText } from "./dom.js";
import { saveButton } from "./save.js";
import { at } from "./trace.js";
import { movementButton } from "./views/correct.js";
import { knows, nameOf, number, saidBy, word } from "./words.js";

const reason = (text) => knows(`reason.${text}`) ? word(`reason.${text}`) : text.replaceAll("_", " ");
const one = (value, unit = "") => value === null || value === undefined ? "–" : `${number(value, ".1f")}${unit}`;
const whole = (value, unit = "") => value === null || value === undefined ? "–" : `${Math.round(value)}${unit}`.replace("-", "−");

/** How a recording went; with `say` a tap on a movement offers what can be said of it. */
export function resultCard(recording, say = null) {
  const rows = recording.summary;
  const total = rows.reduce((sum, row) => sum + row.valid, 0);
  const controlled = rows.reduce((sum, row) => sum + row.controlled, 0);
  const first = rows[0] ?? {};
  const legs = rows.length > 1;
  const per = (name, format, unit) => rows.map((row) => format(row[name], unit)).join(" · ");
  const goals = rows.map((row) => whole(recording.goals[row.side], "°")).filter((text) => text !== "–");
  const gaps = recording.gaps, gone = gaps.reduce((sum, [a, b]) => sum + b - a, 0);
  const odd = rows.reduce((sum, row) => sum + row.partial + row.rejected, 0);
  const chart = el("canvas", { class: "chart", role: "img", "aria-label": word("result.chart") });
  drawnBy(chart, () => drawPeaks(chart, recording));
  return el("div", { class: "sheet" },
    el("h2", {}, total ? word(legs ? "result.of_legs" : "result.of", { done: rows.map((row) => row.valid).join(" · "), n: first.target_reps, sides: rows.map((row) => word(`side.${row.side}`)).join(" · ") }) : word("result.nothing")),
    el("p", { class: "lead" }, `${nameOf({ name: recording.exercise.name, side: recording.side })}${recording.virtual ? ` · ${word("result.simulated")}` : ""}`),
    el("div", { class: legs ? "tiles pair" : "tiles" },
      tile(per("rom_median_deg", whole, "°"), word(goals.length ? "result.range_of" : "result.range", { goal: goals.join(" · ") })), tile(per("peak_max_deg", whole, "°"), word("result.peak")),
      tile(per("hold_median_s", one, " s"), word("result.hold")), tile(per("tempo_median_s", one, " s"), word("result.tempo")),
      tile(total ? number(controlled / total, ".0%") : "–", word("result.controlled")),
      tile(word("percent_of", { n: one(first.lost_samples_percent) }), gaps.length ? word("result.gaps", { n: gaps.length, seconds: gone }) : word("result.no_gap")),
      odd ? tile(String(odd), word("result.odd")) : null),
    recording.test.length ? el("div", { class: "panel", id: "test" }, el("h3", {}, word("result.test")), el("ul", { class: "list" }, recording.test_said.map((line) => el("li", {}, saidBy(line).trim())))) : null,
    chart,
    el("div", { class: "panel scroll" }, repTable(recording, say)),
    recording.notes.length ? el("ul", { class: "list fine" }, recording.notes_said.map((text) => el("li", {}, saidBy(text)))) : null,
    el("p", { class: "fine" }, word("result.measured", { quantity: recording.exercise.quantity })));
}

/** What can be done with a result that is shown. */
export function resultFoot(page, key, undo = null) {
  return [
    undo ? el("button", { type: "button", id: "undo", onclick: () => page.link.tell({ do: "edit", key, kind: "undo", of: undo }) }, word("undo")) : null,
    saveButton(key),
    el("button", { type: "button", id: "compare", onclick: () => page.compare(key) }, word("result.compare")),
    el("button", { type: "button", id: "watch", onclick: () => page.replay(key) }, word("result.watch")),
  ].filter(Boolean);
}

function tile(value, label) {
  return el("div", { class: "tile" }, el("b", {}, value), el("span", {}, label));
}

function numberOf(recording, rep, say) {
  const text = `${recording.sides.length > 1 ? `${word(`side.${rep.side}`)} ` : ""}${rep.rep ?? word(`status.${rep.status}`)}${rep.edited ? " †" : ""}`;
  return say && !recording.demo ? movementButton(recording, rep, text, say) : text;
}

function repTable(recording, say) {
  const head = ["rep", "peak", "range", "up", "hold", "down", "controlled"].map((name) => word(`reps.${name}`));
  return el("table", {}, el("caption", { class: "unseen" }, word("result.each")),
    el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, recording.reps.map((rep) => el("tr", {},
      el("td", {}, numberOf(recording, rep, say)), el("td", {}, whole(rep.peak_deg, "°")), el("td", {}, whole(rep.rom_deg, "°")),
      el("td", {}, one(rep.up_s, " s")), el("td", {}, one(rep.hold_s, " s")), el("td", {}, one(rep.down_s, " s")),
      el("td", {}, rep.status !== "valid" ? (rep.reject_reason ? reason(rep.reject_reason) : word(`status.${rep.status}`)) : rep.controlled ? "✓" : `! ${(rep.faults || "").split(";").filter(Boolean).map(reason).join(", ")}`)))));
}

function drawPeaks(canvas, recording) {
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const reps = recording.valid;
  if (!reps.length) return;
  const numbers = [...new Set(reps.map((rep) => `${rep.set}.${rep.rep}`))];
  const top = Math.max(...reps.map((rep) => rep.rom_deg), ...Object.values(recording.goals).map((deg) => deg * 1.1), 10);
  const y = (deg) => height - 28 - (height - 52) * deg / top;
  const slot = (width - 56) / numbers.length;
  ctx.font = "13px system-ui, sans-serif";
  ctx.strokeStyle = colour("green"); ctx.lineWidth = 1.5; ctx.fillStyle = colour("green"); ctx.textAlign = "left";
  for (const deg of new Set(recording.sides.map((side) => recording.goals[side]).filter(Boolean))) {
    ctx.setLineDash([6, 5]); ctx.beginPath(); ctx.moveTo(44, y(deg)); ctx.lineTo(width, y(deg)); ctx.stroke(); ctx.setLineDash([]);
    ctx.fillText(word("result.goal"), 8, y(deg) + 4);
  }
  ctx.textAlign = "center";
  const bar = Math.min(40, slot * 0.8 / recording.sides.length);
  for (const rep of reps) {
    const k = numbers.indexOf(`${rep.set}.${rep.rep}`), leg = recording.sides.indexOf(rep.side);
    const x = 44 + slot * (k + 0.5) + (leg - (recording.sides.length - 1) / 2) * bar;
    ctx.fillStyle = leg ? colour("orange") : colour("blue");
    if (rep.controlled) ctx.fillRect(x - bar / 2 + 1.5, y(rep.rom_deg), bar - 3, y(0) - y(rep.rom_deg));
    else { ctx.strokeStyle = ctx.fillStyle; ctx.lineWidth = 2; ctx.strokeRect(x - bar / 2 + 2.5, y(rep.rom_deg), bar - 5, y(0) - y(rep.rom_deg)); }
    if (bar > 20) { ctx.fillStyle = colour("ink"); ctx.fillText(`${Math.round(rep.rom_deg)}°`, x, y(rep.rom_deg) - 6); }
  }
  ctx.fillStyle = colour("quiet");
  numbers.forEach((number, k) => ctx.fillText(number.split(".")[1], 44 + slot * (k + 0.5), height - 10));
  ctx.textAlign = "right";
  ctx.fillText(word("result.legend"), width - 10, 16);
}

/** Two recordings: every repetition of each from its beginning, the medians side by side. */
export function compareCard(mine, other, list, page) {
  const chart = el("canvas", { class: "chart", id: "overlay", role: "img", "aria-label": word("compare.chart") });
  if (other) drawnBy(chart, () => drawOverlay(chart, mine, other));
  const options = list.filter((row) => row.key !== mine.key);
  const when = (row) => `${nameOf(row)} · ${startText(row.started_at)}${row.demo ? ` · ${word("demo")}` : ""}`;
  return el("div", { class: "sheet" },
    el("h2", {}, word("compare.title")),
    el("label", { class: "field" }, el("span", {}, word("compare.with")),
      el("select", { id: "other", onchange: (e) => page.compare(mine.key, e.target.value) },
        options.map((row) => el("option", { value: row.key, selected: row.key === other?.key }, when(row))))),
    other ? el("div", { class: "legend" }, el("span", {}, el("i"), word("compare.this_of", { day: startText(mine.started_at, 10) })), el("span", {}, el("i", { class: "b" }), word("compare.other_of", { day: startText(other.started_at, 10) })))
      : el("p", { class: "lead" }, word("compare.none")),
    other ? chart : null,
    other ? el("div", { class: "panel scroll" }, compareTable(mine, other)) : null,
    other && mine.exercise.id !== other.exercise.id ? el("p", { class: "problem" }, word("compare.different")) : null);
}

function compareTable(mine, other) {
  const names = [["valid", "compare.repetitions", whole, ""], ["controlled", "result.controlled", whole, ""], ["rom_median_deg", "result.range", one, "°"], ["peak_median_deg", "compare.end", one, "°"], ["end_mean_deg", "compare.test", one, "°"], ["peak_max_deg", "result.peak", one, "°"], ["hold_median_s", "result.hold", one, " s"], ["tempo_median_s", "result.tempo", one, " s"], ["lost_samples_percent", "compare.lost", one, " %"]];
  const value = (recording, name, format, unit) => recording.summary.map((row) => format(row[name], unit)).join(" · ");
  const alike = mine.exercise.id === other.exercise.id && mine.summary[0]?.active === other.summary[0]?.active;
  const mdc = alike ? mine.summary[0]?.mdc_deg : null;
  return [el("table", {}, el("thead", {}, el("tr", {}, ["", word("compare.this"), word("compare.other")].map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, names.map(([name, label, format, unit]) => el("tr", {}, el("td", {}, word(label)), el("td", {}, value(mine, name, format, unit)), el("td", {}, value(other, name, format, unit)))))),
  mdc ? el("p", { class: "fine" }, word("compare.mdc", { compared: mine.exercise.compared, mdc })) : null];
}

function drawOverlay(canvas, mine, other) {
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const pairs = [[mine, colour("blue"), []], [other, colour("orange"), [7, 5]]];
  const all = pairs.flatMap(([recording]) => recording.valid);
  if (!all.length) return;
  const long = Math.max(...all.map((rep) => rep.end_s - rep.start_s)) + 0.6;
  const high = Math.max(...all.map((rep) => rep.rom_deg)) * 1.12;
  const x = (t) => 40 + (width - 50) * (t + 0.3) / long, y = (deg) => height - 26 - (height - 40) * (deg + 3) / (high + 3);
  ctx.font = "12px system-ui, sans-serif"; ctx.fillStyle = colour("quiet"); ctx.strokeStyle = colour("line"); ctx.textAlign = "right";
  for (let deg = 0; deg < high; deg += 10) { ctx.beginPath(); ctx.moveTo(40, y(deg)); ctx.lineTo(width, y(deg)); ctx.stroke(); ctx.fillText(`${deg}°`, 34, y(deg) + 4); }
  ctx.textAlign = "center";
  for (let s = 0; s < long; s++) ctx.fillText(`${s} s`, x(s), height - 8);
  for (const [recording, ink, dash] of pairs) {
    ctx.strokeStyle = ink; ctx.setLineDash(dash); ctx.lineWidth = 1.8; ctx.globalAlpha = 0.75;
    for (const rep of recording.valid) {
      const { deg } = recording.legs[rep.side], t = recording.t;
      ctx.beginPath();
      let pen = false;
      for (let i = at(t, rep.start_s - 0.3); i < t.length && t[i] < rep.end_s + 0.3; i += 2) {
        if (Number.isNaN(deg[i])) { pen = false; continue; }
        ctx[pen ? "lineTo" : "moveTo"](x(t[i] - rep.start_s), y(deg[i] - rep.start_deg));
        pen = true;
      }
      ctx.stroke();
    }
  }
  ctx.globalAlpha = 1; ctx.setLineDash([]);
}

