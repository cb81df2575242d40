// The first view: what this is, what one can do, and the demo playing behind it.

import { el } from "../dom.js";
import { recordingOf } from "../recording.js";
import { Transport } from "../transport.js";
import { button, commandButton } from "./parts.js";


export class HomeView {
  name = "home";
  title = "";
  transport = null;

  constructor(page) { this.page = page; }

  get mark() { return this.transport?.recording.demo ? "DEMO" : ""; }

  draw(changed) {
    const { link, card } = this.page;
    const offers = JSON.stringify([link.stage.can, link.stage.unfinished]);
    if (changed) this.transport = null;
    if (changed || this.offers !== offers) card([], [this.welcome()]);
    this.offers = offers;
    if (link.hello && !this.transport) this.playDemo(link.hello.first);
  }

  welcome() {
    const { page } = this, { link } = page;
    const practise = commandButton(link, "practise", "Practise with a simulated wearer", { do: "practise" }, { kind: "plain" });
    const { unfinished } = link.stage;
    return el("div", { id: "welcome" },
      el("p", { class: "long" }, "Two motion units on thigh and shank tell how far the hip is turned inwards. This is a recorded demo."),
      el("div", { class: "choices" },
        unfinished ? commandButton(link, "goOn", `Go on: ${unfinished.done} of ${unfinished.of} done`, { do: "go_on" }, { kind: "primary" }) : null,
        commandButton(link, "connect", "Connect sensors", { do: "wearer" }, { kind: unfinished ? "" : "primary" }),
        commandButton(link, "check", "Check units", { do: "check" }, { before: page.unlock }),
        button("wearers", "Wearers", page.listWearers),
        button("open", "Open a recording", page.listRecordings),
        button("look", "Just look", () => page.replay(link.hello.first, { fromFirstRep: true, playing: true }))),
      el("p", { class: "long" }, "No units at hand? ", practise, ". Not a medical device."));
  }

  playDemo(key) {
    recordingOf(key).then((recording) => {
      if (!this.page.shows(this) || this.transport) return;
      const from = recording.firstRep_s;
      this.transport = new Transport(recording, { t: from, playing: true, loop: [from, recording.duration_s] });
      this.title = `${recording.exercise.name}, ${recording.side}`;
      this.page.draw();
    }).catch(() => {}); // without a demo the words are enough
  }

  tick(now) {
    if (this.transport) this.page.readout.draw(this.transport.scene(now), now);
  }
}
