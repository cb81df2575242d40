// After a session: how it went, once the server has worked it out.

import { el } from "../dom.js";
import { isLoaded, recordingOf } from "../recording.js";
import { resultCard, resultFoot } from "../result_cards.js";
import { commandButton, problem, waiting } from "./parts.js";

export class DoneView {
  name = "done";
  title = "";
  mark = "";

  constructor(page) { this.page = page; }

  draw() {
    const { page } = this, { key, working } = page.link.stage;
    if (working || !isLoaded(key)) page.card(waiting("analysing", el("h2", {}, "Working it out…")), []);
    if (working) return;
    recordingOf(key).then((recording) => {
      if (page.shows(this)) page.card(resultCard(recording), [...resultFoot(page, key), this.again()].filter(Boolean));
    }, (error) => { if (page.shows(this)) page.card(problem(error), []); });
  }

  again() {
    return commandButton(this.page.link, "again", "Again", { do: "start" }, { kind: "primary", before: this.page.unlock });
  }

  tick() {}
}
