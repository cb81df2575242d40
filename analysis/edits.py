"""Apply what people said of a recording to the movements that were measured in it.

An edit is of the movement that holds its second, else of the one whose peak is nearest, within half
a second; none there: it waits, and is told. It never makes a movement. The later word on one thing
wins. What is said of a set is of the one that holds the second, or was the last before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from analysis.session.counting import Numbered
from imu.sample import Edit, Side

NEAR_S = 0.5
"""A peak this near is meant: another version may find the ends of a movement elsewhere, and two
repetitions are farther apart."""
SAW_DEG = 1.0
"""A range that differs by more from what the person saw is told; less is the angle's own noise."""
COUNTED = ("valid", "hold")
BY_HAND, BAD = "by_hand", "calibration_bad"
"""Why people reject a movement: they say that it is none, or that the calibration was bad."""
OF_SESSION = ("side", "exercise", "swap", "dose", "goal", "wearer", "trim")
"""What was applied before anything was measured."""
WORDS = {
    "reject": "not counted",
    "accept": "counted",
    "bad_from": "calibration bad from here on",
    "count": "counted by hand: {}",
    "pain": "pain {} of 10",
    "effort": "effort {} of 10",
    "end_feel": "end-feel: {}",
    "note": "note: {}",
    "trim": "set moved",
    "side": "the other leg than recorded",
    "exercise": "another exercise than recorded",
    "swap": "thigh and shank unit exchanged",
    "dose": "another dose",
    "goal": "goal {}°",
    "wearer": "another wearer than recorded",
}


@dataclass(frozen=True, slots=True)
class SaidOfSet:
    """What people said of a set; None and empty where nothing."""

    counted_by_hand: int | None = None
    pain: int | None = None
    effort: int | None = None
    end_feel: str = ""
    note: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """Movements as edited, and what else was said."""

    movements: Mapping[Side, tuple[Numbered, ...]]
    sets: Mapping[tuple[Side, int], SaidOfSet] = field(default_factory=dict)
    """What was said of a leg's set."""
    kinds: Mapping[Side, tuple[str, ...]] = field(default_factory=dict)
    """Which kinds of edit had a say in a leg's figures."""
    bad_from_s: Mapping[Side, float] = field(default_factory=dict)
    """From when on a leg's calibration is bad, where people say so."""
    corrections: tuple[str, ...] = ()
    """Who said what, when, and what was measured: a sentence each."""
    notes: tuple[str, ...] = ()
    """What a person should know: edits that wait, and those made of other figures."""


def apply(
    movements: Mapping[Side, Sequence[Numbered]], edits: Sequence[Edit], *, paired: bool = False
) -> Applied:
    """Return the movements as people corrected them, numbered anew in the sets that changed.

    Parameters
    ----------
    movements
        Of each leg in order of time, as measured.
    edits
        Those that stand, in order of time.
    paired
        Whether a repetition takes both legs, with one number.
    """
    work = _Work(movements)
    for edit in edits:
        if edit.kind in OF_SESSION:
            work.tell(edit, work.sides(edit) if edit.side else list(work.legs))
    _judge(work, [edit for edit in edits if edit.kind in ("reject", "accept")])
    _doubt(work, [edit for edit in edits if edit.kind == "bad_from"])
    legs = list(work.legs)
    for sides in [legs] if paired else [[side] for side in legs]:
        _number(work, sides)
    for edit in edits:
        if edit.kind in ("pain", "end_feel", "note") and edit.target == "movement":
            _say_of_movement(work, edit)
        elif edit.kind in ("count", "pain", "effort", "end_feel", "note"):
            _say_of_set(work, edit)
    return Applied(
        {side: tuple(leg) for side, leg in work.legs.items()},
        work.sets,
        {side: tuple(dict.fromkeys(kinds)) for side, kinds in work.kinds.items()},
        work.bad_from_s,
        tuple(work.corrections),
        tuple(work.notes),
    )


class _Work:
    """What is being edited."""

    def __init__(self, movements: Mapping[Side, Sequence[Numbered]]) -> None:
        self.measured = movements
        self.legs = {side: list(leg) for side, leg in movements.items()}
        self.accepted: dict[tuple[Side, int], str] = {}
        """Which edit counts a movement: what it counts on both legs is one repetition."""
        self.sets: dict[tuple[Side, int], SaidOfSet] = {}
        self.kinds: dict[Side, list[str]] = {side: [] for side in movements}
        self.bad_from_s: dict[Side, float] = {}
        self.corrections: list[str] = []
        self.notes: list[str] = []

    def sides(self, edit: Edit) -> list[Side]:
        """Return the measured legs that an edit is of."""
        return [side for side in self.legs if edit.side in (side, "both")]

    def places(self, edit: Edit) -> list[tuple[Side, int]]:
        """Return which movements an edit is of, by leg and place in it."""
        found = [(side, _place(self.measured[side], _second(edit))) for side in self.sides(edit)]
        return [(side, index) for side, index in found if index is not None]

    def put(self, place: tuple[Side, int], kind: str, movement: Any, **said: str) -> None:  # noqa: ANN401 (a MeasuredMovement)
        """Change a movement, and keep that an edit of a kind did."""
        side, index = place
        before = self.legs[side][index]
        kinds = tuple(dict.fromkeys((*before.said.kinds, kind)))
        status = before.said.measured_status or before.movement.status
        now = before.said._replace(measured_status=status, kinds=kinds, **said)
        self.legs[side][index] = before._replace(movement=movement, said=now)

    def tell(self, edit: Edit, sides: Iterable[Side], where: str = "", measured: str = "") -> None:
        """Keep who said what of which legs, and what was measured."""
        sides = tuple(sides)
        for side in sides:
            self.kinds[side].append(edit.kind)
        leg = f"{' and '.join(sides)} leg" if edit.side else ""
        parts = ", ".join(filter(None, (leg, where, _words(edit), measured)))
        moment = edit.at[:16].replace("T", " ")
        self.corrections.append(f"{parts} ({edit.by or 'nobody named'}, {moment})")

    def wait(self, edit: Edit, why: str) -> None:
        """Tell that an edit changes nothing for now."""
        self.notes.append(
            f"edit {edit.id} waits: {edit.side} leg, {_second(edit):.1f} s, {_words(edit)}: {why}"
        )


def _judge(work: _Work, edits: Sequence[Edit]) -> None:
    """Count and reject movements, by the last word on each."""
    last: dict[tuple[Side, int], Edit] = {}
    for edit in edits:
        places = work.places(edit)
        last |= dict.fromkeys(places, edit)
        if not places:
            work.wait(edit, "there is no movement there")
    for place, edit in last.items():
        side, index = place
        was = work.legs[side][index].movement
        now = was
        if edit.kind == "reject" and was.status != "rejected":
            now = replace(was, **_rejected(BY_HAND))
        elif edit.kind == "accept" and was.status == "hold":
            now = replace(was, faults=())
        elif edit.kind == "accept" and was.status not in COUNTED:
            now = replace(was, status="valid", reject_reason="", controlled=None, faults=())
            work.accepted[place] = edit.id
        work.put(place, edit.kind, now)
        measured = f"measured: {_said(was.status, was.rom_deg)}"
        work.tell(edit, [side], f"{was.peak_s:.1f} s", measured)
        work.notes += _differs(edit, was.status, was.rom_deg)


def _rejected(reason: str) -> dict[str, Any]:
    """Return what is said of a movement that people reject; it is not graded."""
    return {"status": "rejected", "reject_reason": reason, "controlled": None, "faults": ()}


def _doubt(work: _Work, edits: Sequence[Edit]) -> None:
    """Reject what ends after the second from which on a calibration is bad; its angles go."""
    for edit in edits:
        sides = work.sides(edit)
        for side in sides:
            work.bad_from_s[side] = _second(edit)
        if sides:
            work.tell(edit, sides, f"{_second(edit):.1f} s")
        else:
            work.wait(edit, "the leg was not measured")
    for side, from_s in work.bad_from_s.items():
        for index, numbered in enumerate(work.legs[side]):
            was = numbered.movement
            if was.end_s > from_s:
                degrees = [each.name for each in fields(was) if each.name.endswith("_deg")]
                unknown: dict[str, Any] = dict.fromkeys(degrees, math.nan)
                work.put((side, index), "bad_from", replace(was, **_rejected(BAD), **unknown))


def _number(work: _Work, sides: Sequence[Side]) -> None:
    """Give the repetitions of a set new numbers where one came or went."""
    changed: set[int] = set()
    for side in sides:
        leg, measured = work.legs[side], work.measured[side]
        first = min((numbered.set for numbered in measured if numbered.set), default=1)
        for index, (before, now) in enumerate(zip(measured, leg, strict=True)):
            if _counts(before) != _counts(now):
                leg[index] = now._replace(set=now.set or first, rep=0)
                changed.add(leg[index].set)
    for set_ in changed:
        groups: dict[object, list[tuple[Side, int]]] = {}
        for side in sides:
            for index, numbered in enumerate(work.legs[side]):
                if numbered.set == set_ and _counts(numbered):
                    key = work.accepted.get((side, index)) or numbered.rep or (side, index)
                    groups.setdefault(key, []).append((side, index))
        started = sorted(
            groups.values(),
            key=lambda places: min(work.legs[side][i].movement.start_s for side, i in places),
        )
        for rep, places in enumerate(started, start=1):
            for side, index in places:
                work.legs[side][index] = work.legs[side][index]._replace(rep=rep)


def _counts(numbered: Numbered) -> bool:
    return numbered.movement.status in COUNTED


def _say_of_movement(work: _Work, edit: Edit) -> None:
    places = work.places(edit)
    for side, index in places:
        movement = work.legs[side][index].movement
        work.put((side, index), edit.kind, movement, **{edit.kind: str(edit.value)})
    if places:
        work.tell(edit, [side for side, _ in places], f"{_second(edit):.1f} s")
    else:
        work.wait(edit, "there is no movement there")


def _say_of_set(work: _Work, edit: Edit) -> None:
    found = [(side, _set_at(work, side, _second(edit))) for side in work.sides(edit)]
    sets = [(side, set_) for side, set_ in found if set_]
    name = "counted_by_hand" if edit.kind == "count" else edit.kind
    for place in sets:
        said = work.sets.get(place, SaidOfSet())
        kinds = tuple(dict.fromkeys((*said.kinds, edit.kind)))
        work.sets[place] = replace(said, kinds=kinds, **{name: edit.value})
    if sets:
        work.tell(edit, [side for side, _ in sets], f"set {sets[0][1]}")
    else:
        work.wait(edit, "there is no set there")


def _set_at(work: _Work, side: Side, at_s: float) -> int:
    """Return the set that holds a second, else the last one before it; 0 where there is none."""
    found = 0
    for before, now in zip(work.measured[side], work.legs[side], strict=True):
        begun = now.movement.start_s - NEAR_S <= at_s
        if begun and now.set and (_counts(before) or _counts(now)):
            found = now.set
    return found


def _place(leg: Sequence[Numbered], at_s: float) -> int | None:
    """Return which movement of a leg is meant by a second; None where there is none."""
    middles_s = [_middle_s(numbered) for numbered in leg]
    inside = [
        index
        for index, numbered in enumerate(leg)
        if numbered.movement.start_s <= at_s <= numbered.movement.end_s
    ]
    near = inside or [i for i, middle_s in enumerate(middles_s) if abs(middle_s - at_s) <= NEAR_S]
    return min(near, key=lambda index: abs(middles_s[index] - at_s), default=None)


def _middle_s(numbered: Numbered) -> float:
    """Return the peak of a movement; of a hold, which has none, its middle."""
    m = numbered.movement
    return m.peak_s if m.peak_s == m.peak_s else (m.start_s + m.end_s) / 2


def _second(edit: Edit) -> float:
    return math.nan if edit.at_s is None else edit.at_s


def _words(edit: Edit) -> str:
    return WORDS.get(edit.kind, edit.kind).format(edit.value)


def _said(status: object, range_deg: object) -> str:
    known = isinstance(range_deg, int | float) and range_deg == range_deg
    return f"{status}, {range_deg:.0f}°" if known else f"{status}"


def _differs(edit: Edit, status: str, range_deg: float) -> list[str]:
    """Return a sentence where a movement is another one than the person saw."""
    seen, seen_deg = edit.saw.get("status", status), edit.saw.get("range_deg")
    apart = isinstance(seen_deg, int | float) and abs(seen_deg - range_deg) > SAW_DEG
    if seen == status and not apart:
        return []
    return [
        f"edit {edit.id} ({edit.side} leg, {_second(edit):.1f} s, {_words(edit)}) was made of a"
        f" movement that was {_said(seen, seen_deg)}, and is {_said(status, range_deg)} now"
    ]
