// After a session: how it went, once the server has worked it out.

import { el } from "../dom.js";
import { prepare } from "../paper.js";
import { isLoaded, recordingOf } from "../recording.js";
import { resultCard, resultFoot } from "../result_cards.js";
import { word } from "../words.js";
import { commandButton, problem, sheet, waiting } from "./parts.js";

export class DoneView {
  name = "done";
  title = "";
  mark = "";

  constructor(page) { this.page = page; }

  draw() {
    const { page } = this, { key, working } = page.link.stage;
    if (!key && !working) { page.card(sheet(el("h2", {}, word("done.nothing"))), [this.home()]); return; }
    if (working || !isLoaded(key)) page.card(waiting(word("working"), el("h2", {}, word("working"))), [this.home()]);
    if (working || this.loading === key) return;
    this.loading = key;
    recordingOf(key).then((recording) => {
      if (!page.shows(this)) return;
      page.card(resultCard(recording), [...resultFoot(page, key), this.home()].filter(Boolean));
      prepare(key);
    }, (error) => { if (page.shows(this)) page.card(problem(error), [this.home()]); }).finally(() => { this.loading = ""; });
  }

  home() {
    return commandButton(this.page.link, "toHome", word("done.home"), { do: "home" }, { kind: "primary" });
  }

  tick() {}
}
