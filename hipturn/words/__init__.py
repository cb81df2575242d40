"""Every text for people, by key, in one file a language: page, voice, terminal, report.

A text has places for what is filled in: `{name}`; `{name:.1f}` and `{name:.0%}` as Python has them,
with the language's decimal sign; `{side:leg}` for the text `leg.left` of a side that is `left`. A
capital, `{Side:leg}`, begins with a capital. A key with the endings `.one` and `.other` is chosen
by the number `n`. The table `says` has whole sentences by their English: what imu, analysis and the
catalogue of exercises, which do not know this package, say themselves. `hipturn/page/words.js` is
the same for the page, and a test holds the two equal. What a language lacks is in English.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "ENGLISH",
    "Said",
    "Words",
    "best",
    "languages",
    "said_of",
    "told",
    "units_said",
    "words_of",
]

ENGLISH = "en"
FOLDER = Path(__file__).parent
LANGUAGE = re.compile(r"[A-Za-z]{2}\b")
"""The first two letters of `de-AT` or `de;q=0.8`; regions are not distinguished."""
PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
NUMBER = re.compile(r"(\+?)(?:\.(\d))?([fg%])")
FORMS = ("zero", "one", "two", "few", "many", "other")
"""CLDR's plural categories; of the languages here only `one` and `other` occur."""
POINT_LANGUAGES = ("en",)
"""Those that write 1.5; the others write 1,5."""
UNKNOWN = "–"


class Said(str):
    """A text in English, as scripts read it, that knows its key and what is filled in.

    `english` is given where imu or analysis say it themselves, else it is the catalogue's.
    """

    key: str
    args: Mapping[str, Any]
    parts: tuple[str, ...] = ()
    """Of a text that is several ones, each with a key of its own, with what is between them."""
    between: str = " "

    def __new__(cls, key: str, english: str = "", /, **args: Any) -> Said:  # noqa: ANN401
        """Return a text."""
        text = super().__new__(cls, english or words_of()(key, **args))
        text.key, text.args = key, args
        return text

    @classmethod
    def together(cls, parts: Iterable[str], between: str = " ") -> Said:
        """Return several texts as one."""
        kept = tuple(parts)
        text = super().__new__(cls, between.join(kept))
        text.key, text.args, text.parts, text.between = "", {}, kept, between
        return text

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        """Return what makes a copy of it; the rest is copied as of any object."""
        return (self.key, str(self)), dict(self.args)


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language."""

    language: str
    texts: Mapping[str, str]
    """By key; with the English ones for what the language lacks."""

    def __call__(self, key: str, /, **args: Any) -> str:  # noqa: ANN401 (text or number)
        """Return a text with its places filled in.

        Raises
        ------
        KeyError
            When there is no such text, or a place without a value.
        """
        return PLACE.sub(lambda place: self._filled(place, args), self._text(key, args.get("n")))

    def __contains__(self, key: str) -> bool:
        """Say whether there is such a text."""
        return key in self.texts or f"{key}.other" in self.texts

    def of(self, table: str, value: str) -> str:
        """Return the text of a value in a table; the value itself where it has none."""
        return self.texts.get(f"{table}.{value}", value)

    def says(self, text: str) -> str:
        """Return a sentence that imu, analysis or the catalogue of exercises say in English.

        A name before it, as of a unit that is in trouble, stays.
        """
        about, colon, sentence = text.partition(": ")
        known = self.texts.get(f"says.{sentence}")
        return self.texts.get(f"says.{text}", f"{about}{colon}{known}" if known else text)

    def said(self, text: str) -> str:
        """Return a text that is said in English, in this language."""
        if not isinstance(text, Said):
            return self.says(text)
        if text.parts:
            return text.between.join(map(self.said, text.parts))
        return self(text.key, **text.args) if text.key in self else self.says(text)

    def number(self, value: float, spec: str = "g") -> str:
        """Return a number as the language writes it; a dash where it is not known."""
        if value is None or value != value:
            return UNKNOWN
        sign, digits, kind = NUMBER.fullmatch(spec).groups()  # type: ignore[union-attr]
        if kind == "g":
            text = f"{value:g}" if math.isfinite(value) else str(value)
        else:
            scaled = 100.0 * value if kind == "%" else value
            rounded = round(float(scaled), int(digits or 0)) + 0.0  # no minus zero
            text = f"{rounded:{sign if rounded else ''}.{int(digits or 0)}f}"
        text = text.replace("-", "−")
        if self.language not in POINT_LANGUAGES:
            text = text.replace(".", ",")
        return text + (self.texts.get("percent", "%") if kind == "%" else "")

    def _text(self, key: str, n: float | None) -> str:
        if n is not None and key not in self.texts:
            form = "one" if n == 1 else "other"
            return self.texts.get(f"{key}.{form}") or self.texts[f"{key}.other"]
        return self.texts[key]

    def _filled(self, place: re.Match[str], args: Mapping[str, Any]) -> str:
        name, spec = place[1], place[2] or ""
        capital = name[0].isupper()
        value = args[name[0].lower() + name[1:]]
        if spec and not NUMBER.fullmatch(spec):
            text = self.of(spec, str(value))
        elif spec or isinstance(value, int | float):
            text = self.number(value, spec or "g")
        else:
            text = UNKNOWN if value is None else self.said(value)
        return text[:1].upper() + text[1:] if capital else text


def said_of(error: BaseException) -> str:
    """Return what an error says, as the `Said` that it was raised with where it was one."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Said) else str(error)


def units_said(labels: Iterable[str]) -> Said:
    """Return names of units as one says them, one after the other."""
    first, *more = (Said("unit_named", unit=label) for label in labels)
    for unit in more:
        first = Said("and_then", first=first, then=unit)
    return first


def told(text: str) -> dict[str, Any]:
    """Return a text as a message of the page has it: in English, and by key for other languages."""
    if not isinstance(text, Said):
        return {"text": text}
    if text.parts:
        parts = [told(part) for part in text.parts]
        return {"text": text, "parts": parts, "between": text.between}
    args = {n: told(v) if isinstance(v, Said) else v for n, v in text.args.items()}
    return {"text": text, "key": text.key, "args": args}


def languages() -> tuple[str, ...]:
    """Return the languages that there are, English first."""
    others = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != ENGLISH)
    return (ENGLISH, *others)


def best(*wanted: str) -> str:
    """Return the first language of some that there is, else English.

    Each is a language, or several as a browser tells them: `de-AT,de;q=0.9,en;q=0.8`.
    """
    known = languages()
    for text in wanted:
        for one in text.split(","):
            found = LANGUAGE.match(one.strip())
            if found and found[0].lower() in known:
                return found[0].lower()
    return ENGLISH


@cache
def words_of(language: str = ENGLISH) -> Words:
    """Return the texts of a language, English for what it lacks.

    Raises
    ------
    KeyError
        When there is no such language.
    """
    if language not in languages():
        raise KeyError(language)
    own = read(language)
    if language == ENGLISH:
        return Words(language, own)
    plural = {key.rpartition(".")[0] for key in own if key.endswith(".other")}
    english = {
        key: text
        for key, text in words_of(ENGLISH).texts.items()
        if not (key.rpartition(".")[0] in plural and key.rpartition(".")[2] in FORMS)
    }
    return Words(language, english | own)


def read(language: str) -> dict[str, str]:
    """Return what the file of a language says, by key."""
    with (FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(table: Any, before: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 (TOML)
    if isinstance(table, str):
        yield before, table
        return
    pairs = table.items() if isinstance(table, dict) else enumerate(table)
    for name, inner in pairs:
        yield from _flat(inner, f"{before}.{name}" if before else str(name))
