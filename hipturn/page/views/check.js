// The guided check of units: one thing to do at a time, spoken too, and what it showed.

import { el } from "../dom.js";
import { says, word } from "../words.js";
import { checkRow, commandButton } from "./parts.js";

export class CheckView {
  name = "wizard";
  get title() { return word("home.check"); }
  mark = "";
  said = "";

  constructor(page) { this.page = page; }

  draw() {
    const { link, card } = this.page, stage = link.stage;
    if (stage.ask && stage.ask !== this.said) this.page.sound.say(stage.ask); // both hands are at the book
    this.said = stage.ask ?? "";
    card([el("div", { class: "sheet" }, this.content(stage))], [
      commandButton(link, "back", word("back"), { do: "back" }),
      stage.working ? null : commandButton(link, "check", word("check_again"), { do: "check" }, { kind: "primary" }),
    ]);
  }

  content(stage) {
    if (stage.problem) return el("p", { class: "problem", role: "alert" }, says(stage.problem));
    if (stage.working) {
      return [el("h2", { id: "ask", "aria-live": "polite" }, stage.ask ?? word("units.looking")), el("progress", { "aria-label": word("units.guided") })];
    }
    const rows = stage.checklist ?? [], bad = rows.filter((row) => !row.good).length;
    return [
      el("h2", {}, bad ? word("to_fix", { n: bad }) : word("units.good")),
      el("div", { class: "rows" }, rows.map((row) => checkRow(row.what, row.good, row.text))),
    ];
  }

  tick() {}
}
