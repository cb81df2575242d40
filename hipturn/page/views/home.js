// The first view: what this is, what one can do, and the demo playing behind it.

import { el, remember } from "../dom.js";
import { recordingOf } from "../recording.js";
import { Transport } from "../transport.js";
import { language, languages, nameOf, word } from "../words.js";
import { button, commandButton } from "./parts.js";

export class HomeView {
  name = "home";
  title = "";
  transport = null;

  constructor(page) { this.page = page; }

  get mark() { return this.transport?.recording.demo ? word("mark.demo") : ""; }

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
    const practise = commandButton(link, "practise", word("home.practise"), { do: "practise" }, { kind: "plain" });
    const { unfinished } = link.stage;
    return el("div", { id: "welcome" },
      el("p", { class: "long" }, word("home.what")),
      el("div", { class: "choices" },
        unfinished ? commandButton(link, "goOn", word("home.go_on", unfinished), { do: "go_on" }, { kind: "primary" }) : null,
        commandButton(link, "connect", word("home.connect"), { do: "wearer" }, { kind: unfinished ? "" : "primary" }),
        commandButton(link, "check", word("home.check"), { do: "check" }, { before: page.unlock }),
        button("wearers", word("home.wearers"), page.listWearers),
        button("open", word("home.open"), page.listRecordings),
        button("look", word("home.look"), () => page.replay(link.hello.first, { fromFirstRep: true, playing: true }))),
      el("p", { class: "long" }, word("home.no_units"), " ", practise, ` ${word("home.no_device")}`),
      el("label", { class: "long" }, `${word("home.language")} `, this.choice()));
  }

  choice() {
    const choose = (event) => { remember("language", event.target.value); location.assign("/"); };
    return el("select", { id: "language", onchange: choose }, languages().map(({ code, name, draft }) =>
      el("option", { value: code, selected: code === language(), lang: code }, draft ? `${name} (${word("home.draft")})` : name)));
  }

  playDemo(key) {
    recordingOf(key).then((recording) => {
      if (!this.page.shows(this) || this.transport) return;
      const from = recording.firstRep_s;
      this.transport = new Transport(recording, { t: from, playing: true, loop: [from, recording.duration_s] });
      this.title = nameOf({ name: recording.exercise.name, side: recording.side });
      this.page.draw();
    }).catch(() => {}); // without a demo the words are enough
  }

  tick(now) {
    if (this.transport) this.page.readout.draw(this.transport.scene(now), now);
  }
}
