// The guided check of units: one thing to do at a time, spoken too, and what it showed.

import { el } from "../dom.js";
import { problemOf, saidBy, word } from "../words.js";
import { checkRow, commandButton } from "./parts.js";

const askedOf = ({ ask, asked }) => ask ? saidBy({ ...asked, text: ask }) : "";

export class CheckView {
  name = "wizard";
  get title() { return word("home.check"); }
  mark = "";
  said = "";

  constructor(page) { this.page = page; }

  draw() {
    const { link, card } = this.page, stage = link.stage, asked = askedOf(stage);
    if (asked && asked !== this.said) this.page.sound.say(asked); // both hands are at the book
    this.said = asked;
    card([el("div", { class: "sheet" }, this.content(stage))], [
      commandButton(link, "back", word("back"), { do: "back" }),
      stage.working ? null : commandButton(link, "check", word("check_again"), { do: "check" }, { kind: "primary" }),
    ]);
  }

  content(stage) {
    if (stage.problem) return el("p", { class: "problem", role: "alert" }, problemOf(stage));
    if (stage.working) {
      return [el("h2", { id: "ask", "aria-live": "polite" }, askedOf(stage) || word("units.looking")), el("progress", { "aria-label": word("units.guided") })];
    }
    const rows = stage.checklist ?? [], bad = rows.filter((row) => !row.good).length;
    return [
      el("h2", {}, bad ? word("to_fix", { n: bad }) : word("units.good")),
      el("div", { class: "rows" }, rows.map((row) => checkRow(saidBy({ ...row.title, text: row.what }), row.good, saidBy(row)))),
    ];
  }

  tick() {}
}
