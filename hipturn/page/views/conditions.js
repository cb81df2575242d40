// What is wrong now, worst first, with what one tap does about it. The server tells the whole list on
// change; nothing is kept here.

import { banner } from "../header.js";
import { commandButton } from "./parts.js";

const leg = (args) => args.side ? `${args.side} leg` : "";
const WORDS = {
  silent: (args) => `${args.unit} unit silent`,
  swapped: (args) => `Units swapped, ${leg(args)}`,
  falls: () => "Wrong leg? The number falls",
  slipped: (args) => `Strap slipped, ${leg(args)}`,
  pose: (args) => `Not in position, ${leg(args)}`,
  slow: (args) => `${args.unit} unit: move closer`,
  battery: (args) => `${args.unit} unit: battery ${args.percent} %`,
  disk: () => "The disk is nearly full",
};
const REMEDIES = { done: () => "End set", swap: () => "Use them so", other_leg: (side) => `It is the ${side}`, later: (_, key) => key === "slipped" ? "I looked" : "Later" };

export class Conditions {
  constructor(page) {
    this.page = page;
    this.list = [];
    this.spoken = new Set();
  }

  take(list) {
    this.list = list;
    for (const { id, key, args } of list) {
      if (!this.spoken.has(id)) this.page.sound.say(WORDS[key](args));
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
    banner(`${WORDS[key](args)}${more.length ? ` +${more.length}` : ""}`,
      worst.can.map((command) => commandButton(link, `remedy-${command}`, REMEDIES[command](side, key), command === "later" ? { do: command, id } : { do: command })));
  }
}
