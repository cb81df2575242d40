// What can be taken along of a recording: the files that the commands write, byte for byte.

import { el } from "./dom.js";
import { tell } from "./header.js";

const WORDS = {
  save: "Save",
  title: "Save this recording",
  about: "As people corrected it. A report takes a few seconds.",
};
const FILES = [
  ["saveReport", "report.pdf", "Report", "PDF, to read and to print"],
  ["saveXlsx", "spreadsheet.xlsx", "Spreadsheet", "for Excel and LibreOffice"],
  ["saveCsv", "tables.zip", "CSV", "all tables in one zip"],
  ["saveTherapist", "for-my-therapist.zip", "For my therapist", "the recording itself; not encrypted: hand it over"],
];

/** The button that offers to save a recording. */
export function saveButton(key, kind = "") {
  return el("button", { type: "button", id: "save", class: kind, "aria-haspopup": "dialog", onclick: () => offer(key) }, WORDS.save);
}

function offer(key) {
  const path = `/api/sessions/${encodeURIComponent(key)}`;
  // a spreadsheet of a country that writes 1,5 reads 1.5 wrongly
  const comma = (1.5).toLocaleString().includes(",") ? "?decimal=comma" : "";
  tell(WORDS.title, WORDS.about, el("ul", { class: "rows", id: "savings" }, FILES.map(([id, file, name, what]) =>
    el("li", {}, el("a", { class: "button saving", id, href: `${path}/${file}${file === "tables.zip" ? comma : ""}`, download: "" }, el("b", {}, name), el("small", {}, what))))));
}
