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
from hipturn.clinical_words import detectable_text, norm_text
from hipturn.report.entry import Entry
from hipturn.words import Said

DISCLAIMER = "report.disclaimer"
BY_HAND = ("report.by_hand.end_feel", "report.by_hand.pain", "report.by_hand.note")
"""Keys of what is filled in by hand."""
UNKNOWN = "–"
MARK = "†"
"""Stands at what people corrected; who, when and what was measured stands under data quality."""
HOW = {True: "active", False: "passive", None: "not told"}
DEMO = "report.demo"


def title(entries: Sequence[Entry]) -> Said:
    """Return what the report is of: only hip rotation is called that."""
    rotates = all(entry.exercise.has_hip_angle for entry in entries)
    return Said("report.title_rotation" if rotates else "report.title_other")


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
    key = f"figure.{'signed' if signed else ('whole', 'tenths', 'hundredths')[digits]}"
    return Said(key, value=float(value), unit=unit)


def date_of(start_time: str) -> str:
    """Return the day and minute of an ISO time, or that it is not known."""
    return start_time[:16].replace("T", " ") or Said("date_unknown")


def who(entry: Entry) -> list[str]:
    """Return wearer, date, exercise and units, one line each."""
    recording, exercise = entry.result.recording, entry.exercise
    legs = "_".join(row["side"] for row in entry.rows) or "none"
    dose = exercise.dose
    units = Counter(unit.profile or "unit" for unit in recording.units)
    kinds = ", ".join(f"{count} × {name}" for name, count in units.items())
    kinds_said = {kind for row in entry.rows for kind in row["edited"].split(";")}
    marks = {kind: MARK if kind in kinds_said else "" for kind in ("wearer", "side", "exercise")}
    head = Said(
        "report.head",
        wearer=f"{recording.wearer or UNKNOWN}{marks['wearer']}",
        date=date_of(recording.started_at),
        legs=legs,
        marked_leg=marks["side"],
        position=exercise.position,
        marked=marks["exercise"],
        session=recording.session_id,
    )
    protocol = Said(
        "report.protocol_hold" if dose.hold_s[1] else "report.protocol",
        source=exercise.source,
        reps=_span(dose.reps),
        hold=_span(dose.hold_s),
    )
    worn = Said("report.units", kinds=kinds, rate=figure(recording.rate_hz, " Hz"))
    return [head, Said.together([protocol, _calibrated(entry), worn]), _measured(entry)]


def _measured(entry: Entry) -> Said:
    """Return what the number is, from which zero, on which basis and who moved the leg."""
    exercise, active = entry.exercise, entry.result.recording.active
    what = Said("report.measured", quantity=exercise.quantity, measured=exercise.measured)
    parts: list[str] = [what, exercise.zero_text]
    if exercise.has_hip_angle:
        parts.append(Said("report.positive"))
    if exercise.is_counted:
        parts.append(Said("report.basis", basis=exercise.angle))
        parts.append(Said("report.moved_by", how=HOW[active]))
    return Said.together(filter(None, parts))


def _span(span: tuple[float, float]) -> str:
    low, high = span
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def _calibrated(entry: Entry) -> Said:
    done = {
        name
        for windows in entry.result.windows.values()
        for name in ("stand", "pose", "bends")
        if getattr(windows, name)
    }
    steps = [Said(f"report.by.{name}") for name in ("stand", "pose", "bends") if name in done]
    if steps:
        return Said("report.calibrated", steps=Said.together(steps, ", "))
    stored = any(result.calibration for result in entry.result.calibrations.values())
    return Said("report.calibrated_live" if stored else "report.not_calibrated")


def measures(entry: Entry) -> Table:
    """Return the figures of summary.csv, a column for each leg and one for the target."""
    rows, dose = entry.rows, entry.exercise.dose

    def line(name: str, cells: list[str], target: str = "") -> tuple[str, ...]:
        return (Said(f"report.row.{name}"), *cells, target)

    def of(*names: str, unit: str = "°") -> list[str]:
        return [Said.together((figure(row[n], unit) for n in names), " / ") for row in rows]

    strokes = [_strokes(entry, str(row["side"])) for row in rows]
    lines = [
        line("repetitions", _marked(rows, "valid"), _span(dose.reps)),
        *_by_hand(rows, line),
        line("controlled", of("controlled", unit="")),
        line("partial", of("partial", "rejected", unit="")),
        line("peak", of("peak_median_deg", "peak_max_deg")),
        line("range", of("rom_median_deg", "rom_max_deg")),
        line("middle", of("rom_iqr_deg")),
        line(
            "hold",
            [figure(row["hold_median_s"], " s", 1) for row in rows],
            f"{_span(dose.hold_s)} s" if dose.hold_s[1] else "",
        ),
        line("strokes", strokes, Said("report.least_s", seconds=STROKE_MIN_S)),
        line("tempo", [figure(r["tempo_median_s"], " s", 1) for r in rows]),
        *[
            line(f"since_{when}", [figure(row[name], "°", signed=True) for row in rows])
            for when, name in (
                ("last", "change_since_last_deg"),
                ("first", "change_since_baseline_deg"),
            )
        ],
    ]
    if entry.result.tests:
        lines += [
            line("test", of("end_mean_deg", "end_largest_deg")),
            line("test_out", of("external_rotation_deg", "total_arc_deg")),
        ]
    legs = [Said("report.leg", side=row["side"]) for row in rows]
    return Table("", ("", *legs, Said("report.target")), lines, (2.15, *[1.15] * len(legs), 0.95))


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
        "by_hand": "counted_by_hand",
        "pain": "pain_max_0_10",
        "effort": "effort_max_0_10",
    }
    known = {
        text: ["" if str(row[name]) in ("<NA>", "None") else f"{row[name]}{MARK}" for row in rows]
        for text, name in names.items()
    }
    return [line(text, cells) for text, cells in known.items() if any(cells)]


def _strokes(entry: Entry, side: str) -> str:
    reps = entry.result.reps
    valid = reps[(reps["side"] == side) & (reps["status"] == "valid")]
    medians = (
        figure(float(valid[name].median()), " s", 1) if len(valid) else UNKNOWN
        for name in ("up_s", "down_s")
    )
    return Said.together(medians, " / ")


WIDE = ("rep", "status", "start", "peak", "range", "out", "hold", "back", "ends_at", "knee",
        "controlled", "faults")  # fmt: skip
NARROW = ("rep", "peak", "range", "out", "hold", "back", "ends_at", "faults")


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
        head = tuple(Said(f"report.column.{name}") for name in names)
        tables.append(Table(Said("report.leg", side=side), head, lines, shares))
    return tables


def _rep_cell(row: dict[Any, Any], name: str, *, wide: bool) -> str:
    if name == "rep":
        mark = MARK if row["edited"] else ""
        if row["status"] != "valid":
            return (
                UNKNOWN + mark if wide else Said("report.status", status=row["status"], mark=mark)
            )
        return f"{row['rep']}{mark}" if row["set"] == 1 else f"{row['set']}.{row['rep']}{mark}"
    if name == "status":
        if not row["reject_reason"]:
            return Said("report.status", status=row["status"], mark="")
        return Said("report.status_why", status=row["status"], reason=row["reject_reason"])
    if name == "controlled":
        value = row["controlled"]
        return UNKNOWN if value is None or str(value) == "<NA>" else Said(f"report.{bool(value)!s}")
    if name == "faults":
        faults = (Said("report.reason", reason=name) for name in row["faults"].split(";") if name)
        return Said.together(faults, ", ")
    column, unit, digits = {
        "start": ("start_s", " s", 0),
        "peak": ("peak_deg", "°", 0),
        "range": ("rom_deg", "°", 0),
        "out": ("up_s", " s", 1),
        "hold": ("hold_s", " s", 1),
        "back": ("down_s", " s", 1),
        "ends_at": ("end_residual_deg", "°", 0),
        "knee": ("knee_flexion_change_deg", "°", 0),
    }[name]
    return figure(row[column], unit, digits)


def is_demo(entry: Entry) -> bool:
    """Return whether a simulated wearer did it."""
    return any("virtual wearer" in note for note in entry.result.recording.notes)


def reading(entries: Sequence[Entry]) -> list[str]:
    """Return how to read the pages, and what stands behind the values that they show."""
    rotates = any(entry.exercise.has_hip_angle for entry in entries)
    known = Said.together(map(detectable_text, DETECTABLE), "; ")
    return [
        *([Said("reading.rotation")] if rotates else []),
        Said("reading.valid"),
        Said("reading.difference", known=known),
        Said("reading.movements"),
        Said("reading.positions"),
        *sources(entries),
    ]


def sources(entries: Sequence[Entry]) -> list[str]:
    """Return what stands behind the published values that the pages show."""
    norms = dict.fromkeys(norm for entry in entries for norm in norms_for(entry.exercise))
    if not norms:
        return []
    published = Said("reading.published", norms=Said.together(map(norm_text, norms), "; "))
    return [published, Said.together(CONTEXT)]


def cover(entries: list[Entry], pages: Sequence[str]) -> Table:
    """Return the table of the cover: a row for each session and leg.

    `pages` says on which page each entry begins; one word for each entry.
    """
    names = ("exercise", "date", "page", "leg", "reps", "controlled", "peak", "range", "hold",
             "change", "lost")  # fmt: skip
    head = tuple(Said(f"report.cover.{name}") for name in names)
    lines: list[tuple[str, ...]] = [
        (
            entry.exercise.name,
            date_of(entry.result.recording.started_at),
            page,
            Said("report.side", side=row["side"]),
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
