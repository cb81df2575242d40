"""What the report says: the same words and numbers for paper and for HTML.

Whole degrees, because two testers differ by more; a dash for what is not known. What a person has
to judge (end-feel, pain) is an empty line and is never filled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from analysis.exercises import CONTEXT, DETECTABLE, norms_for
from analysis.grade.grade import STROKE_MIN_S
from hipturn.report.entry import Entry

DISCLAIMER = "Not a diagnosis. Not a medical device."
BY_HAND = (
    "End-feel  ______________________",
    "Pain at end range  ____ / 10",
    "Note  ____________________________________________",
)
UNKNOWN = "–"
MARK = "†"
"""Stands at what people corrected; who, when and what was measured stands under data quality."""
HOW = {True: "active", False: "passive", None: "not told"}
NO_DATE = "date not known"
DEMO = "Made by a simulated wearer: no person was measured."


def title(entries: Sequence[Entry]) -> str:
    """Return what the report is of: only hip rotation is called that."""
    if all(entry.exercise.has_hip_angle for entry in entries):
        return "Hip internal rotation"
    return "Hip exercises and tests"


class Table(NamedTuple):
    """A table of the report."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    shares: tuple[float, ...]
    """Relative widths of the columns."""


def figure(value: float, unit: str = "", digits: int = 0, *, signed: bool = False) -> str:
    """Return a number for people, a dash when it is not known."""
    if value is None or value != value:
        return UNKNOWN
    rounded = round(float(value), digits) + 0.0  # no minus zero
    text = f"{rounded:{'+' if signed and rounded else ''}.{digits}f}"
    return f"{text.replace('-', '−')}{unit}"


def date_of(start_time: str) -> str:
    """Return the day and minute of an ISO time, or that it is not known."""
    return start_time[:16].replace("T", " ") or NO_DATE


def plain(text: str) -> str:
    """Return an id as words."""
    return text.replace("_", " ")


def who(entry: Entry) -> list[str]:
    """Return wearer, date, exercise and units, one line each."""
    recording, exercise = entry.result.recording, entry.exercise
    legs = " and ".join(row["side"] for row in entry.rows) or "no"
    dose = exercise.dose
    hold = f", hold {_span(dose.hold_s)} s" if dose.hold_s[1] else ""
    units = Counter(unit.profile or "unit" for unit in recording.units)
    kinds = ", ".join(f"{count} × {name}" for name, count in units.items())
    kinds_said = {kind for row in entry.rows for kind in row["edited"].split(";")}
    marks = {kind: MARK if kind in kinds_said else "" for kind in ("wearer", "side", "exercise")}
    return [
        f"Wearer {recording.wearer or UNKNOWN}{marks['wearer']}   ·  "
        f" {date_of(recording.started_at)}   ·   {legs} leg{marks['side']}   ·   position"
        f" {plain(exercise.position)}{marks['exercise']}   ·   session {recording.session_id}",
        f"Protocol (source {exercise.source}): {_span(dose.reps)} repetitions a side{hold}. "
        f"{_calibrated(entry)} Units: {kinds}, {figure(recording.rate_hz, ' Hz')}.",
        _measured(entry),
    ]


def _measured(entry: Entry) -> str:
    """Return what the number is, from which zero, on which basis and who moved the leg."""
    exercise, active = entry.exercise, entry.result.recording.active
    parts = [f"Measured: {exercise.quantity}: {exercise.measured}.", exercise.zero_text]
    if exercise.has_hip_angle:
        parts.append("Positive is internal rotation on either leg.")
    if exercise.is_counted:
        parts += [f"Basis: {exercise.angle}.", f"Active or passive: {HOW[active]}."]
    return " ".join(filter(None, parts))


def _span(span: tuple[float, float]) -> str:
    low, high = span
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def _calibrated(entry: Entry) -> str:
    done = {
        name
        for windows in entry.result.windows.values()
        for name in ("stand", "pose", "bends")
        if getattr(windows, name)
    }
    words = {"stand": "standing", "pose": "start position", "bends": "knee bends"}
    steps = [text for name, text in words.items() if name in done]
    if steps:
        return f"Calibrated by {', '.join(steps)}."
    stored = any(result.calibration for result in entry.result.calibrations.values())
    return "Calibrated while recording." if stored else "Not calibrated."


def measures(entry: Entry) -> Table:
    """Return the figures of summary.csv, a column for each leg and one for the target."""
    rows, dose = entry.rows, entry.exercise.dose

    def line(name: str, cells: list[str], target: str = "") -> tuple[str, ...]:
        return (name, *cells, target)

    def of(*names: str, unit: str = "°") -> list[str]:
        return [" / ".join(figure(row[name], unit) for name in names) for row in rows]

    strokes = [_strokes(entry, str(row["side"])) for row in rows]
    lines = [
        line("repetitions", _marked(rows, "valid"), _span(dose.reps)),
        *_by_hand(rows, line),
        line("controlled", of("controlled", unit="")),
        line("partial / rejected", of("partial", "rejected", unit="")),
        line("peak, median / largest", of("peak_median_deg", "peak_max_deg")),
        line("range, median / largest", of("rom_median_deg", "rom_max_deg")),
        line("range, middle half within", of("rom_iqr_deg")),
        line(
            "hold, median",
            [figure(row["hold_median_s"], " s", 1) for row in rows],
            f"{_span(dose.hold_s)} s" if dose.hold_s[1] else "",
        ),
        line("out / back, median", strokes, f"≥ {STROKE_MIN_S:.2f} s"),
        line("one repetition, median", [figure(r["tempo_median_s"], " s", 1) for r in rows]),
        *[
            line(f"change since {when}", [figure(row[name], "°", signed=True) for row in rows])
            for when, name in (
                ("last", "change_since_last_deg"),
                ("first", "change_since_baseline_deg"),
            )
        ],
    ]
    if entry.result.tests:
        lines += [
            line("test, mean / largest", of("end_mean_deg", "end_largest_deg")),
            line("test, outwards / arc", of("external_rotation_deg", "total_arc_deg")),
        ]
    legs = [f"{row['side']} leg" for row in rows]
    return Table("", ("", *legs, "target"), lines, (2.15, *[1.15] * len(legs), 0.95))


def _marked(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    """Return a figure of each leg, with a mark where people changed what is counted."""
    changing = ("reject", "accept", "trim", "bad_from", "side", "exercise", "swap")
    return [
        f"{row[name]}{MARK if set(changing) & set(row['edited'].split(';')) else ''}"
        for row in rows
    ]


def _by_hand(
    rows: Sequence[dict[str, Any]], line: Callable[[str, list[str]], tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Return what people counted and said, where they did."""
    names = {
        "counted by hand": "counted_by_hand",
        "pain, largest of 10": "pain_max_0_10",
        "effort, largest of 10": "effort_max_0_10",
    }
    known = {
        text: ["" if str(row[name]) in ("<NA>", "None") else f"{row[name]}{MARK}" for row in rows]
        for text, name in names.items()
    }
    return [line(text, cells) for text, cells in known.items() if any(cells)]


def _strokes(entry: Entry, side: str) -> str:
    reps = entry.result.reps
    valid = reps[(reps["side"] == side) & (reps["status"] == "valid")]
    return " / ".join(
        figure(float(valid[name].median()), " s", 1) if len(valid) else UNKNOWN
        for name in ("up_s", "down_s")
    )


WIDE = ("rep", "status", "start", "peak", "range", "out", "hold", "back", "ends at", "knee",
        "controlled", "faults")  # fmt: skip
NARROW = ("rep", "peak", "range", "out", "hold", "back", "ends at", "faults")


def rep_tables(entry: Entry) -> list[Table]:
    """Return the table of every movement, one for each leg."""
    reps = entry.result.reps
    sides = [str(row["side"]) for row in entry.rows]
    names, shares = (
        (WIDE, (0.6, 1.1, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.9, 0.8, 1.0, 1.9))
        if len(sides) < 2
        else (NARROW, (0.6, 0.55, 0.6, 0.55, 0.55, 0.55, 0.7, 1.6))
    )
    tables = []
    for side in sides:
        records = reps[reps["side"] == side].to_dict("records")
        lines = [
            tuple(_rep_cell(row, name, wide=names is WIDE) for name in names) for row in records
        ]
        tables.append(Table(f"{side} leg", names, lines, shares))
    return tables


def _rep_cell(row: dict[Any, Any], name: str, *, wide: bool) -> str:
    if name == "rep":
        mark = MARK if row["edited"] else ""
        if row["status"] != "valid":
            return f"{UNKNOWN if wide else row['status']}{mark}"
        return f"{row['rep']}{mark}" if row["set"] == 1 else f"{row['set']}.{row['rep']}{mark}"
    if name == "status":
        return f"{row['status']} {plain(row['reject_reason'])}".strip()
    if name == "controlled":
        value = row["controlled"]
        return UNKNOWN if value is None or str(value) == "<NA>" else ("yes" if value else "no")
    if name == "faults":
        return plain(row["faults"]).replace(";", ", ")
    column, unit, digits = {
        "start": ("start_s", " s", 0),
        "peak": ("peak_deg", "°", 0),
        "range": ("rom_deg", "°", 0),
        "out": ("up_s", " s", 1),
        "hold": ("hold_s", " s", 1),
        "back": ("down_s", " s", 1),
        "ends at": ("end_residual_deg", "°", 0),
        "knee": ("knee_flexion_change_deg", "°", 0),
    }[name]
    return figure(row[column], unit, digits)


def is_demo(entry: Entry) -> bool:
    """Return whether a simulated wearer did it."""
    return any("virtual wearer" in note for note in entry.result.recording.notes)


ROTATION = (
    "Angle: hip internal rotation against gravity or, where the thigh is upright, since the last"
    " still return; each page says which. Two units on one leg cannot distinguish hip rotation from"
    " rotation of the pelvis: 5° of pelvis are 5° of angle. The uncertainty is that of the sensors;"
    " what knee and skin may add stands beside it."
)
READING = (
    "A repetition is valid when it is large enough and returns; it is controlled when it also keeps"
    " range, tempo, hold and knee, and returns fully. Partial and rejected movements are listed,"
    " and hatched in the figures.",
    "A difference is judged against the smallest change that is published as detectable for its"
    " posture and kind, where one is: "
    + "; ".join(each.text for each in DETECTABLE)
    + ". A wearer's own, from the same test on five earlier days or more, is preferred. Elsewhere"
    " none is known, and nothing is claimed. In hip osteoarthritis the standard error"
    " of passive hip motions is 3.1 to 4.7° (Pua et al. 2008, n = 22, read as an abstract), from"
    " which we reckon 9 to 13° as detectable.",
    "Every movement: peak and range in degrees, the way out, the hold and the way back in seconds,"
    " where it ends against its start, and how far the knee angle moved. Calibration figures stand"
    " with their limits in brackets.",
    "Values of different positions, of active and passive movement, and of tests and sets are never"
    " compared: positions differ by several degrees, either way.",
)


def reading(entries: Sequence[Entry]) -> list[str]:
    """Return how to read the pages, and what stands behind the values that they show."""
    rotates = any(entry.exercise.has_hip_angle for entry in entries)
    return [*([ROTATION] if rotates else []), *READING, *sources(entries)]


def sources(entries: Sequence[Entry]) -> list[str]:
    """Return what stands behind the published values that the pages show."""
    norms = dict.fromkeys(norm for entry in entries for norm in norms_for(entry.exercise))
    if not norms:
        return []
    return [f"Published values: {'; '.join(norm.text for norm in norms)}.", " ".join(CONTEXT)]


def cover(entries: list[Entry], pages: Sequence[str]) -> Table:
    """Return the table of the cover: a row for each session and leg.

    `pages` says on which page each entry begins; one word for each entry.
    """
    head = ("exercise", "date", "page", "leg", "reps", "controlled", "peak", "range", "hold",
            "change", "lost")  # fmt: skip
    lines: list[tuple[str, ...]] = [
        (
            entry.exercise.name,
            date_of(entry.result.recording.started_at),
            page,
            str(row["side"]),
            f"{row['valid']}/{row['target_reps']}",
            str(row["controlled"]),
            figure(row["peak_median_deg"], "°"),
            figure(row["rom_median_deg"], "°"),
            figure(row["hold_median_s"], " s", 1),
            figure(row["change_since_last_deg"], "°", signed=True),
            figure(row["lost_samples_percent"], " %", 1),
        )
        for page, entry in zip(pages, entries, strict=True)
        for row in entry.rows or [_nothing()]
    ]
    return Table("", head, lines, (2.6, 1.75, 0.6, 0.7, 0.8, 1.1, 0.7, 0.8, 0.8, 0.9, 0.8))


def _nothing() -> dict[str, Any]:
    """Return the row of a session in which no leg has both units."""
    unknown = float("nan")
    names = ("peak_median_deg", "rom_median_deg", "hold_median_s", "change_since_last_deg",
             "lost_samples_percent")  # fmt: skip
    words = {"side": UNKNOWN, "valid": 0, "target_reps": UNKNOWN, "controlled": UNKNOWN}
    return words | dict.fromkeys(names, unknown)
