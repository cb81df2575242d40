// The list of recordings, one recording's results, and two recordings over one another.

import { el, grouped, startText } from "../dom.js";
import { forgetRecording, listRecordings, recordingOf } from "../recording.js";
import { prepare } from "../paper.js";
import { compareCard, resultCard, resultFoot } from "../result_cards.js";
import { nameOf, word } from "../words.js";
import { backButton, problem, waiting } from "./parts.js";

/** A view that waits for something and then shows a card of it. */
class LoadedView {
  title = "";
  mark = "";

  constructor(page) { this.page = page; }

  draw(changed) {
    if (!changed) return;
    const { page } = this, back = backButton(page);
    page.card(waiting(word("loading")), [back]);
    this.load().then(([card, foot]) => {
      if (!page.shows(this)) return;
      page.card(card, [back, ...foot]);
      if (this.printed) prepare(this.printed);
    },
      (error) => { if (page.shows(this)) page.card(problem(error), [back]); });
  }

  tick() {}
}

export class RecordingsView extends LoadedView {
  name = "recordings";

  async load() {
    const { rows, broken } = await listRecordings();
    return [el("div", { class: "sheet" }, el("h2", {}, word("recordings.title")), this.byWearer(rows),
      el("div", { id: "broken" }, broken.map((row) => el("p", { class: "quiet" }, word("recordings.broken", { problem: row.problem }))))), []];
  }

  /** The recordings of each wearer under the pseudonym, in the order of the newest. */
  byWearer(rows) {
    const groups = grouped(rows, (row) => row.demo ? "demo" : row.wearer);
    const title = (wearer) => wearer === "demo" ? word("recordings.demo") : wearer || word("recordings.nobody");
    return [...groups].map(([wearer, mine]) => el("section", { class: "rows" },
      el("div", { class: "heading" }, el("h3", {}, title(wearer)),
        wearer && wearer !== "demo" ? el("button", { type: "button", onclick: () => this.page.trend(wearer) }, word("recordings.trend", { wearer })) : null),
      mine.map((row) => this.row(row))));
  }

  row(row) {
    return el("button", { type: "button", class: "recording", onclick: () => this.page.replay(row.key) },
      el("span", {}, el("b", {}, nameOf(row)), el("small", {}, startText(row.started_at))),
      row.demo ? el("span", { class: "mark" }, word("mark.demo")) : row.virtual ? el("span", { class: "mark" }, word("mark.simulated")) : null);
  }
}

export class ResultView extends LoadedView {
  name = "compare";

  constructor(page, key) { super(page); this.key = this.printed = key; }

  async load() {
    const { page, key } = this;
    return [resultCard(await recordingOf(key), (said) => page.link.tell({ do: "edit", key, ...said })), resultFoot(page, key, this.undo)];
  }

  /** Something was said of the recording: show it as it is now. */
  edited({ key, kind, id }) {
    if (key !== this.key) return;
    forgetRecording(key);
    this.undo = kind === "undo" ? null : id;
    this.draw(true);
  }
}

export class CompareView extends LoadedView {
  name = "compare";

  constructor(page, key, other) { super(page); Object.assign(this, { key, other }); }

  async load() {
    const [mine, { rows: list }] = await Promise.all([recordingOf(this.key), listRecordings()]);
    const against = this.other ?? mostAlike(mine, list)?.key;
    return [compareCard(mine, against ? await recordingOf(against) : null, list, this.page), []];
  }
}

/** The recording to compare with: same exercise and side, else same exercise, else any other. */
function mostAlike(mine, list) {
  const others = list.filter((row) => row.key !== mine.key);
  const alike = others.filter((row) => row.exercise === mine.exercise.id);
  return alike.find((row) => row.side === mine.side) ?? alike[0] ?? others[0];
}
