// Who exercises, and how each exercise went over the weeks.

import { canvasOf, colour, drawnBy, el, grouped, startText } from "../dom.js";
import { number, problemOf, says, word } from "../words.js";
import { backButton, button, problem, waiting } from "./parts.js";

const DAY_MS = 86_400_000;
const INK = { left: "orange", right: "blue" };

async function told(path) {
  const answer = await fetch(path), found = await answer.json();
  if (!answer.ok) throw new Error(problemOf(found));
  return found;
}

/** Every wearer, with the way to the trend. */
export class WearersView {
  name = "recordings";
  title = "";
  mark = "";

  constructor(page) { this.page = page; }

  draw(changed) {
    if (!changed) return;
    const { page } = this;
    page.card(waiting(word("loading")), [backButton(page)]);
    told("/api/wearers").then((rows) => {
      if (!page.shows(this)) return;
      page.card(el("div", { class: "sheet" }, el("h2", {}, word(rows.length ? "home.wearers" : "wearers.none")),
        el("div", { class: "rows" }, rows.map((row) => this.row(row)))), [backButton(page)]);
    }, (error) => { if (page.shows(this)) page.card(problem(error), [backButton(page)]); });
  }

  row({ wearer, sessions, last }) {
    return el("div", { class: "row" }, el("span", { class: "sign", "aria-hidden": "true" }, "·"),
      el("span", {}, el("b", {}, wearer), el("small", {}, sessions ? word("wearers.sessions", { n: sessions, day: startText(last ?? "", 10) }) : word("wearers.no_session"))),
      el("span", { class: "actions" }, sessions ? button(`trend-${wearer}`, word("wearers.trend"), () => this.page.trend(wearer)) : null));
  }

  tick() {}
}

/** How a wearer's range changed, by exercise, position and leg. */
export class TrendView {
  name = "recordings";
  title = "";
  mark = "";

  constructor(page, wearer, back = page.listWearers) { Object.assign(this, { page, wearer, back }); }

  draw(changed) {
    if (!changed) return;
    const { page } = this, foot = [button("leave", word("back"), this.back)];
    page.card(waiting(word("working"), el("h2", {}, word("working"))), foot);
    told(`/api/wearers/${encodeURIComponent(this.wearer)}/trend`).then((found) => {
      if (!page.shows(this)) return;
      const groups = [...grouped(found.rows, (row) => `${row.exercise} ${row.position} ${row.active} ${row.compared}`).values()];
      page.card(el("div", { class: "sheet" }, el("h2", {}, word("trend.title", { wearer: found.wearer })),
        found.plans.map(({ plan, visits, asked, done }) => el("p", {}, word("trend.plan", { plan, done, asked, visits }))),
        groups.length ? groups.map((rows) => this.exercise(rows, found.goals)) : el("p", { class: "lead" }, word("trend.none"))), foot);
    }, (error) => { if (page.shows(this)) page.card(problem(error), foot); });
  }

  exercise(rows, goals) {
    const { position, quantity, compared, exercise } = rows[0], name = says(rows[0].name);
    const mine = goals.filter((goal) => goal.exercise === exercise);
    const legs = ["left", "right"].filter((leg) => rows.some((row) => row.side === leg));
    const chart = el("canvas", { class: "chart", role: "img", "aria-label": word("trend.chart", { name, compared }) });
    drawnBy(chart, () => drawTrend(chart, rows, mine));
    return el("section", { class: "panel trend" },
      el("h3", {}, word("trend.of", { name, position })),
      el("p", { class: "fine" }, word("trend.what", { quantity, compared })),
      el("div", { class: "legend" }, legs.map((leg) => el("span", {}, el("i", { class: leg === "left" ? "b" : "" }), word(`side.${leg}`))),
        signsOf(rows, mine).map((name) => el("span", {}, el("i", { class: name }), word(`trend.${name}`)))), chart,
      el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": word("trend.every", { name }) }, trendTable(rows, mine)));
  }

  tick() {}
}

/** What the chart has beside the legs' lines: each of these signs stands in the legend. */
function signsOf(rows, goals) {
  return [["first", rows.length > 1], ["trials", rows.some((row) => row.trials_deg)], ["goal", goals.length]]
    .filter(([, there]) => there).map(([name]) => name);
}

function trendTable(rows, goals) {
  const pain = rows.some((row) => row.pain_max_0_10 !== null);
  const sign = (deg) => `${deg > 0 ? "+" : deg < 0 ? "−" : ""}${Math.abs(deg).toFixed(0)}°`;
  const cell = (row) => row.compared_deg === null ? "–" : `${row.compared_deg.toFixed(0)}°${row.mdc_deg === null ? "" : ` ± ${row.mdc_deg.toFixed(0)}°`}`;
  const goalOf = (row) => goals.filter((goal) => goal.leg === row.side && goal.day <= (row.start_time ?? "").slice(0, 10)).sort((a, b) => a.day < b.day ? -1 : 1).pop();
  const head = ["day", "leg", "measured", "goal", "change", "repetitions", "controlled", ...pain ? ["pain"] : []].map((name) => word(`trend.${name}`));
  const sorted = [...rows].sort((a, b) => (a.start_time ?? "") < (b.start_time ?? "") ? 1 : -1);
  return el("table", {}, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, sorted.map((row) => el("tr", {}, el("td", {}, startText(row.start_time ?? "", 10)), el("td", {}, word(`side.${row.side}`)), el("td", {}, cell(row)),
      el("td", {}, goalOf(row) ? `${goalOf(row).deg.toFixed(0)}°` : "–"),
      el("td", {}, row.change_since_last_deg === null ? "–" : `${sign(row.change_since_last_deg)}${row.change_exceeds_mdc ? ` ${word("trend.exceeds")}` : ""}`),
      el("td", {}, word("trend.valid", { n: row.valid, of: row.target_reps })), el("td", {}, row.controlled_share === null ? "–" : number(row.controlled_share, ".0%")),
      pain ? el("td", {}, row.pain_max_0_10 === null ? "–" : word("trend.of_ten", { pain: row.pain_max_0_10 })) : null))));
}

/** Dots a session and small ones its trials, a line a leg, its first value dotted with what chance alone moves, a dashed goal. */
function drawTrend(canvas, rows, goals) {
  const found = canvasOf(canvas);
  if (!found) return;
  const { ctx, width, height } = found;
  const dated = rows.filter((row) => row.start_time && row.compared_deg !== null).map((row) => ({ ...row, at: Date.parse(row.start_time) }));
  if (!dated.length) return;
  const from = Math.min(...dated.map((row) => row.at)), to = Math.max(...dated.map((row) => row.at));
  const room = Math.max(DAY_MS / 2, (to - from) * 0.06);
  const trials = dated.flatMap(({ at, side, trials_deg }) => (trials_deg ?? "").split(";").filter(Boolean).map((deg) => ({ at, side, deg: Number(deg) })));
  const bands = ["left", "right"].map((leg) => bandOf(dated.filter((row) => row.side === leg), leg)).filter(Boolean);
  const values = [...dated.map((row) => row.compared_deg), ...trials.map((trial) => trial.deg), ...bands.flatMap((band) => [band.low, band.high]), ...goals.map((goal) => goal.deg)];
  const low = Math.min(...values) - 3, high = Math.max(...values) + 3;
  const x = (at) => 44 + (width - 54) * (at - from + room) / (to - from + 2 * room);
  const y = (deg) => height - 26 - (height - 38) * (deg - low) / (high - low);
  ctx.font = "13px system-ui, sans-serif"; ctx.lineWidth = 1; ctx.textAlign = "right";
  const step = high - low > 45 ? 20 : high - low > 18 ? 10 : 5;
  for (let deg = Math.ceil(low / step) * step; deg <= high; deg += step) {
    ctx.strokeStyle = colour("line"); ctx.beginPath(); ctx.moveTo(44, y(deg)); ctx.lineTo(width, y(deg)); ctx.stroke();
    ctx.fillStyle = colour("quiet"); ctx.fillText(`${deg}°`.replace("-", "−"), 38, y(deg) + 4);
  }
  for (const { low: a, high: b, leg, first } of bands) {
    ctx.globalAlpha = 0.16; ctx.fillStyle = ctx.strokeStyle = colour(INK[leg]); ctx.fillRect(44, y(b), width - 44, y(a) - y(b)); ctx.globalAlpha = 1;
    if (dated.length > 1) { ctx.setLineDash([2, 4]); ctx.beginPath(); ctx.moveTo(44, y(first)); ctx.lineTo(width, y(first)); ctx.stroke(); ctx.setLineDash([]); }
  }
  for (const goal of goals) {
    const since = Math.max(44, x(Date.parse(goal.day)));
    ctx.strokeStyle = colour("green"); ctx.setLineDash([6, 5]); ctx.lineWidth = 2;
    ctx.beginPath(); ctx.moveTo(Math.min(since, width - 60), y(goal.deg)); ctx.lineTo(width, y(goal.deg)); ctx.stroke(); ctx.setLineDash([]);
  }
  for (const leg of ["left", "right"]) {
    const mine = dated.filter((row) => row.side === leg).sort((a, b) => a.at - b.at);
    ctx.strokeStyle = ctx.fillStyle = colour(INK[leg]); ctx.lineWidth = 2; ctx.setLineDash(leg === "left" ? [7, 5] : []);
    ctx.beginPath(); mine.forEach((row, k) => ctx[k ? "lineTo" : "moveTo"](x(row.at), y(row.compared_deg))); ctx.stroke(); ctx.setLineDash([]);
    for (const row of mine) { ctx.beginPath(); ctx.arc(x(row.at), y(row.compared_deg), 5, 0, 7); ctx.fill(); }
    for (const trial of trials.filter(({ side }) => side === leg)) { ctx.beginPath(); ctx.arc(x(trial.at), y(trial.deg), 2, 0, 7); ctx.fill(); }
  }
  ctx.fillStyle = colour("quiet"); ctx.textAlign = "left"; ctx.fillText(startText(new Date(from).toISOString(), 10), 44, height - 8);
  if (to - from > DAY_MS) { ctx.textAlign = "right"; ctx.fillText(startText(new Date(to).toISOString(), 10), width - 8, height - 8); }
}

/** A leg's first session, and what is within the smallest detectable change of it; no width where none is known. */
function bandOf(rows, leg) {
  const mine = [...rows].sort((a, b) => a.at - b.at), first = mine[0]?.compared_deg, mdc = mine.at(-1)?.mdc_deg ?? 0;
  return mine.length ? { leg, first, low: first - mdc, high: first + mdc } : null;
}
