// What is wrong now, worst first, with what one tap does about it. The server tells the whole list on
// change; nothing is kept here.

import { el, pictureOf } from "../dom.js";
import { banner, tell } from "../header.js";
import { says, word } from "../words.js";
import { button, commandButton } from "./parts.js";

const remedy = (command, key, { reason }) => `remedy.${command === "later" && key === "slipped" ? "looked" : command === "slipped" && reason !== "slip" ? "anew" : command}`;

export class Conditions {
  constructor(page) {
    this.page = page;
    this.list = [];
    this.spoken = new Set();
  }

  take(list) {
    this.list = list;
    for (const { id, key, args } of list) {
      if (!this.spoken.has(id)) this.page.sound.say(word(`condition.${key}`, args));
    }
    this.spoken = new Set(list.map(({ id }) => id));
    this.draw();
  }

  draw() {
    const { link } = this.page, [worst, ...more] = this.list;
    const here = ["calibrate", "set", "result"].includes(link.stage?.stage);
    if (!here || !worst) { if (this.shown) banner(""); this.shown = false; return; }
    this.shown = true;
    const { id, key, args } = worst, side = args.side === "left" ? "right" : "left";
    banner(`${word(`condition.${key}`, args)}${more.length ? ` +${more.length}` : ""}`,
      [key === "pose" ? button("remedy-show", word("remedy.show"), () => this.showPose(args)) : null,
        ...worst.can.map((command) => commandButton(link, `remedy-${command}`, word(remedy(command, key, args), { side }), command === "later" ? { do: command, id } : { do: command }))]);
  }

  /** The start position, and how the exercise is done. */
  showPose({ side }) {
    const { exercise } = this.page.link.stage;
    tell(says(exercise.name), word("straps.start", { position: exercise.position }), el("img", { class: "pose", src: pictureOf(exercise.position, side), alt: "" }), el("ul", { class: "list" }, says(exercise.how).map((text) => el("li", {}, text))));
  }
}
