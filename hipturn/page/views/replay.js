// A recording with its time line. The address bar follows, so that a link leads to a moment.

import { $, el, put } from "../dom.js";
import { forgetRecording, recordingOf } from "../recording.js";
import { saveButton } from "../save.js";
import { Transport } from "../transport.js";
import { nameOf, word } from "../words.js";
import { aboutRecording, correctionRow, endsRow } from "./correct.js";
import { backButton, button, problem } from "./parts.js";

export class ReplayView {
  name = "replay";
  title = "";
  transport = null;

  constructor(page, key, choice = {}) {
    Object.assign(this, { page, key, choice });
  }

  get mark() { return this.transport?.recording.demo ? word("mark.demo") : ""; }

  draw(changed) {
    if (!changed) return;
    this.page.card([], [el("progress", { "aria-label": word("loading") })]);
    recordingOf(this.key).then((recording) => this.begin(recording), (error) => {
      if (!this.page.shows(this)) return;
      this.name = document.body.dataset.view = "recordings"; // a sentence in place of the read-out
      this.page.card(problem(error), [backButton(this.page)]);
    });
  }

  begin(recording) {
    const { page, key } = this;
    if (!page.shows(this)) return;
    const { fromFirstRep, ...choice } = this.choice;
    if (fromFirstRep) choice.t = recording.firstRep_s;
    this.transport = new Transport(recording, { ...choice, moved: (t) => this.tellAddress(t) });
    this.title = nameOf({ name: recording.exercise.name, side: recording.side });
    this.tellAddress(this.transport.t);
    page.card([], [this.transport.controls({ actions: [
      recording.demo ? null : el("button", { type: "button", id: "correct", "aria-label": word("replay.correct"), title: word("replay.correct"), onclick: () => this.correct(recording) }, "✎"),
      button("copyLink", word("replay.link"), () => this.copyLink(), "wide"),
      saveButton(key),
      button("toResult", word("replay.results"), () => page.result(key)),
      button("toCompare", word("result.compare"), () => page.compare(key), "wide"),
    ] })]);
    page.draw();
  }

  /** Ask what is to be said at this moment; `undo` is the edit just made. */
  correct(recording, undo = null) {
    const { page, key, transport } = this, say = (said) => page.link.tell({ do: "edit", key, ...said });
    const seek = (t) => transport.seek(t);
    const close = () => { this.ends = false; this.begin(recording); };
    const more = { ends: () => { this.ends = true; this.correct(recording); }, about: () => aboutRecording(recording, say) };
    transport.playing = false;
    page.card([], [this.ends && recording.sets.length ? endsRow(recording, transport.t, undo, say, seek, () => { this.ends = false; this.correct(recording); })
      : correctionRow(recording, transport.t, undo, say, close, more)]);
    transport.canvas = null; // its controls are away until the row is closed
  }

  /** Something was said of the recording: show it as it is now. */
  edited({ key, kind, id }) {
    if (key !== this.key || !this.transport) return;
    this.choice = { ...this.choice, t: this.transport.t, playing: false };
    forgetRecording(key);
    recordingOf(key).then((recording) => {
      this.begin(recording);
      this.correct(recording, kind === "undo" ? null : id);
    }, (error) => this.page.banner(error.message, [button("undo", word("undo"), () => this.page.link.tell({ do: "edit", key, kind: "undo", of: id }))]));
  }

  copyLink() {
    this.tellAddress(this.transport.t);
    navigator.clipboard?.writeText(location.href).catch(() => {});
    put($("said"), word("replay.linked"));
  }

  tellAddress(t) {
    history.replaceState(null, "", `#session=${encodeURIComponent(this.key)}&t=${t.toFixed(1)}`);
  }

  press(event) { return this.transport?.key(event) ?? false; }

  tick(now) {
    if (this.transport) this.page.readout.draw(this.transport.scene(now), now);
  }
}
