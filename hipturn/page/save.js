// What can be taken along of a recording: the files that the commands write, byte for byte.

import { el } from "./dom.js";
import { tell } from "./header.js";
import { language, word } from "./words.js";

const FILES = [["saveReport", "report.pdf", "report"], ["saveXlsx", "spreadsheet.xlsx", "spreadsheet"], ["saveCsv", "tables.zip", "csv"], ["saveTherapist", "for-my-therapist.zip", "therapist"]];

/** The button that offers to save a recording. */
export function saveButton(key, kind = "") {
  return el("button", { type: "button", id: "save", class: kind, "aria-haspopup": "dialog", onclick: () => offer(key) }, word("save.button"));
}

function offer(key) {
  const path = `/api/sessions/${encodeURIComponent(key)}`;
  // a spreadsheet of a country that writes 1,5 reads 1.5 wrongly
  const comma = (1.5).toLocaleString().includes(",") ? "?decimal=comma" : "";
  const asked = { "report.pdf": `?lang=${language()}`, "tables.zip": comma };
  tell(word("save.title"), word("save.about"), el("ul", { class: "rows", id: "savings" }, FILES.map(([id, file, name]) =>
    el("li", {}, el("a", { class: "button saving", id, href: `${path}/${file}${asked[file] ?? ""}`, download: "" }, el("b", {}, word(`save.${name}`)), el("small", {}, word(`save.${name}_is`)))))));
}
