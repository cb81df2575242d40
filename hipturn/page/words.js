// Every text of the page, in the viewer's language. hipturn/words/ has the texts and says how their
// places are filled in; a test holds this file and `hipturn.words` equal.

const PLACE = /\{(\w+)(?::([^{}]*))?\}/g, NUMBER = /^(\+?)(?:\.(\d))?([fg%])$/;
const UNKNOWN = "–", AGAIN_MS = 1000;

let texts = {}, plurals = new Intl.PluralRules("en");
let told = { language: "en", languages: [] };

/** Get the texts; return whether they are of another language than before. */
export async function learn(address) {
  const before = told.language;
  told = await fetched(address);
  texts = told.words;
  plurals = new Intl.PluralRules(told.language);
  document.documentElement.lang = told.language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
  return told.language !== before;
}

async function fetched(address) {
  for (;;) {
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok) return answer.json();
    await new Promise((done) => setTimeout(done, AGAIN_MS)); // hipturn is being started again
  }
}

export const language = () => told.language;
export const languages = () => told.languages;

/** A text with its places filled in; of a key with `.one` and `.other` the one for the number `n`. */
export function word(key, args = {}) {
  const text = texts[key] ?? texts[`${key}.${plurals.select(args.n ?? 0)}`] ?? texts[`${key}.other`] ?? key;
  return text.replace(PLACE, (_, name, spec) => {
    const value = args[name[0].toLowerCase() + name.slice(1)];
    const filled = spec && !NUMBER.test(spec) ? texts[`${spec}.${value}`] ?? String(value)
      : spec || typeof value === "number" ? number(value, spec) : value?.text ? saidBy(value) : says(value) ?? UNKNOWN;
    return name[0] === name[0].toLowerCase() ? filled : filled[0].toUpperCase() + filled.slice(1);
  });
}

export const knows = (key) => key in texts || `${key}.other` in texts;

/** A sentence that the server has in English only, with the name before it, or a list of them. */
export function says(text) {
  if (Array.isArray(text)) return text.map(says);
  const from = text?.indexOf?.(": ") + 2, known = from > 1 && texts[`says.${text.slice(from)}`];
  return texts[`says.${text}`] ?? (known ? text.slice(0, from) + known : text);
}

/** A message of the server: by its key, else as it is in English. */
export function saidBy({ key, args, text, parts, between }) {
  return parts ? parts.map(saidBy).join(between) : key && knows(key) ? word(key, args) : says(text);
}

/** Why something failed, of a message or an answer. */
export const problemOf = ({ problem, problem_said }) => saidBy({ ...problem_said, text: problem });

/** A number as the language writes it: of `.1f`, `+.0f`, `.0%` or, for all its digits, `g`. */
export function number(value, spec = "g") {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  const [, sign, digits, kind] = NUMBER.exec(spec);
  const exactly = kind === "g" ? { maximumSignificantDigits: 6 } : { minimumFractionDigits: Number(digits ?? 0), maximumFractionDigits: Number(digits ?? 0) };
  const scaled = kind === "%" ? 100 * value : value;
  const text = new Intl.NumberFormat(told.language, { useGrouping: false, signDisplay: sign ? "exceptZero" : "negative", ...exactly }).format(scaled);
  return text.replace("-", "−") + (kind === "%" ? texts.percent ?? "%" : "");
}

/** An exercise with its leg, and the names of units, as one says them. */
export const nameOf = ({ name, side }) => word("exercise_side", { exercise: says(name), side });
export const unitsOf = (labels) => labels.map((unit) => word("unit_named", { unit })).reduce((first, then) => word("and_then", { first, then }));
