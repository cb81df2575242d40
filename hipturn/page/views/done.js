// After a session: how it went, once the server has worked it out.

import { el } from "../dom.js";
import { prepare } from "../paper.js";
import { forgetRecording, isLoaded, recordingOf } from "../recording.js";
import { resultCard, resultFoot } from "../result_cards.js";
import { word } from "../words.js";
import { button, commandButton, problem, sheet, waiting } from "./parts.js";

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
      const undo = this.edit?.key === key ? this.edit.id : null;
      page.card(resultCard(recording, (said) => page.link.tell({ do: "edit", key, ...said })), [...resultFoot(page, key, undo), this.trend(), this.home()].filter(Boolean));
      prepare(key);
    }, (error) => { if (page.shows(this)) page.card(problem(error), [this.home()]); }).finally(() => { this.loading = ""; });
  }

  /** Something was said of the recording: show it as it is now. */
  edited({ key, kind, id }) {
    if (key !== this.page.link.stage.key) return;
    forgetRecording(key);
    this.edit = kind === "undo" ? null : { key, id };
    this.draw();
  }

  /** The way to how it went over the weeks. */
  trend() {
    const { wearer } = this.page.link.stage;
    return wearer ? button("toTrend", word("recordings.trend", { wearer }), () => this.page.trend(wearer, this.page.leave)) : null;
  }

  home() {
    return commandButton(this.page.link, "toHome", word("done.home"), { do: "home" }, { kind: "primary" });
  }

  tick() {}
}
