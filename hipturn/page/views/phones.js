// A phone as a unit: the code that it scans, how it stands, and where it is strapped.

import { el, pictureOf } from "../dom.js";
import { says, unitsOf, word } from "../words.js";
import { button, commandButton } from "./parts.js";

const CHOICES = [["shank"], ["shank", "thigh"], ["pelvis", "shank"]]; // of the segments

export const usePhone = (link) => link.stage.phones.length ? null : commandButton(link, "usePhone", word("phones.use"), { do: "phone" });

export const admitPhone = (link) => commandButton(link, "admit", word("phones.admit"), { do: "admit" }, { kind: "primary" });

/** The codes and how each phone stands, while phones are waited for. */
export function invitation(stage, page) {
  const invited = stage.invited ?? [], now = [...stage.phones].sort().join("_");
  const choose = (places) => page.link.send({ do: "phone", places });
  return [
    el("h2", {}, word(invited.length || stage.problem ? "phones.title" : "phones.opening")),
    el("div", { class: "field" }, el("span", {}, word("phones.worn")), el("div", { class: "segments", role: "group", "aria-label": word("phones.where") },
      CHOICES.map((places) => {
        const name = places.join("_"), one = button(`phones_${name}`, word(`phone_on.${name}`), () => choose(places));
        one.setAttribute("aria-pressed", String(name === now));
        return one;
      }))),
    stage.asking ? el("p", { class: "problem", role: "alert" }, word("phones.asks", { unit: stage.asking })) : null,
    el("div", { class: "columns", id: "invited" }, invited.map(phone)),
    stage.warning ? el("div", { class: "panel" }, el("h3", {}, word("phones.warning")), el("p", { class: "fine warning" }, word("phones.warns", stage.warning))) : null,
  ];
}

function phone({ label, url, code, place, taken, streams, said }) {
  return el("div", { class: "panel", "data-place": label },
    el("h3", {}, `${streams ? "✓ " : ""}${unitsOf([label])}`),
    taken ? el("p", { class: "said", role: "status" }, says(said)) : [qr(code, label), el("p", { class: "fine" }, `${word("phones.open")} `, el("span", { class: "address" }, url))],
    taken ? el("p", { class: "fine" }, word(`phone_strap.${place}`)) : null);
}

/** How phones are strapped on: their picture and what to heed. */
export function phoneStraps(stage) {
  return [
    el("img", { class: "poses", src: pictureOf("phone", stage.plan.side), alt: word("phones.picture") }),
    el("ul", { class: "list" }, [...stage.phones.map((place) => word(`phone_strap.${place}`)), word("phones.snug"), word("phones.side_button")].map((text) => el("li", {}, text))),
  ];
}

function qr(rows, label) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  const n = rows.length + 4; // two cells of white around
  svg.setAttribute("viewBox", `0 0 ${n} ${n}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", word("phones.code", { unit: label }));
  path.setAttribute("d", rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map(({ index, 0: run }) => `M${index + 2} ${y + 2}h${run.length}v1h-${run.length}z`)).join(""));
  svg.append(path);
  return svg;
}
