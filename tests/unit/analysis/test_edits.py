"""What people say of a recording changes its movements, by time, and nothing else."""

from __future__ import annotations

import math
import random

import pytest

from analysis.edits import SaidOfSet, apply
from analysis.grade.grade import MeasuredMovement
from analysis.session.counting import Numbered
from imu.sample import Edit, Side

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def moved(start_s, set_=1, rep=1, status="valid", **more):
    """Return a movement of four seconds whose peak is in its middle."""
    figures = {
        "start_s": start_s, "peak_s": start_s + 2.0, "end_s": start_s + 4.0,
        "announced_s": start_s + 4.0, "hold_s": 0.5, "hold_start_s": start_s + 1.0,
        "hold_end_s": start_s + 3.0, "rom_deg": 21.4, "peak_deg": 22.0, "faults": ("shaky",),
        "controlled": True if status == "valid" else None,
    }  # fmt: skip
    reason = {"reject_reason": "gap"} if status == "rejected" else {}
    return Numbered(MeasuredMovement(status=status, **(figures | reason | more)), set_, rep)


def said(kind, at_s=None, side="right", number=1, **more):
    return Edit(
        id=f"{number:08x}", at=f"2026-11-28T14:07:{number:02d}+01:00", by="therapist", kind=kind,
        side=side, at_s=at_s, **more,
    )  # fmt: skip


def three():
    return [moved(10.0), moved(20.0, rep=2), moved(30.0, rep=3)]


def numbers(leg):
    return [(n.movement.status, n.set, n.rep) for n in leg]


def test_without_a_word_everything_stays_as_it_was_measured():
    measured = three()
    found = apply({RIGHT: measured}, [])
    assert found.movements == {RIGHT: tuple(measured)}
    assert found.corrections == found.notes == ()


def test_a_rejected_repetition_is_kept_and_the_others_are_numbered_anew():
    found = apply({RIGHT: three()}, [said("reject", 22.0)])
    leg = found.movements[RIGHT]
    assert numbers(leg) == [("valid", 1, 1), ("rejected", 1, 0), ("valid", 1, 2)]
    assert leg[1].movement.reject_reason == "by_hand"
    assert leg[1].movement.controlled is None
    assert leg[1].said.measured_status == "valid"
    assert found.kinds == {RIGHT: ("reject",)}
    (line,) = found.corrections
    who = "(therapist, 2026-11-28 14:07)"
    assert line == f"right leg, 22.0 s, not counted, measured: valid, 21° {who}"


def test_what_was_not_counted_can_be_counted_and_is_not_graded():
    leg = [moved(10.0), moved(20.0, rep=0, status="partial"), moved(30.0, rep=2)]
    found = apply({RIGHT: leg}, [said("accept", 22.0)]).movements[RIGHT]
    assert numbers(found) == [("valid", 1, 1), ("valid", 1, 2), ("valid", 1, 3)]
    assert (found[1].movement.controlled, found[1].movement.faults) == (None, ())


def test_a_movement_before_any_set_is_counted_into_the_first():
    leg = [moved(2.0, 0, 0, "rejected"), moved(10.0, 1)]
    found = apply({RIGHT: leg}, [said("accept", 3.0)]).movements[RIGHT]
    assert numbers(found) == [("valid", 1, 1), ("valid", 1, 2)]
    alone = apply({RIGHT: leg[:1]}, [said("accept", 3.0)]).movements[RIGHT]
    assert numbers(alone) == [("valid", 1, 1)]


def test_the_later_word_on_a_movement_wins():
    words = [said("reject", 22.0, number=1), said("accept", 21.0, number=2)]
    leg = apply({RIGHT: three()}, words).movements[RIGHT]
    assert numbers(leg) == numbers(three())
    assert leg[1].said.kinds == ("accept",)


@pytest.mark.parametrize(("at_s", "index"), [(20.0, 1), (24.0, 1), (24.4, None), (19.9, None)])
def test_a_second_means_the_movement_that_holds_it(at_s, index):
    leg = apply({RIGHT: three()}, [said("reject", at_s)]).movements[RIGHT]
    changed = [i for i, n in enumerate(leg) if n.movement.status == "rejected"]
    assert changed == ([] if index is None else [index])


def test_a_peak_within_half_a_second_is_meant_where_no_movement_holds_the_second():
    short = moved(20.0, peak_s=20.3, end_s=20.5)
    assert apply({RIGHT: [short]}, [said("reject", 20.7)]).notes == ()
    found = apply({RIGHT: [short]}, [said("reject", 20.9)])
    assert numbers(found.movements[RIGHT]) == [("valid", 1, 1)]
    assert "00000001 waits: right leg, 20.9 s, not counted" in found.notes[0]
    assert found.kinds == {RIGHT: ()}


def test_a_repetition_of_both_legs_keeps_one_number_on_both():
    legs = {LEFT: three(), RIGHT: three()}
    found = apply(legs, [said("reject", 12.0, "both")], paired=True).movements
    assert numbers(found[LEFT]) == numbers(found[RIGHT])
    assert [n.rep for n in found[LEFT]] == [0, 1, 2]
    one = apply(legs, [said("reject", 12.0, "left")], paired=True).movements
    assert [n.rep for n in one[LEFT]] == [0, 2, 3]
    assert [n.rep for n in one[RIGHT]] == [1, 2, 3]
    apart = apply(legs, [said("reject", 12.0, "left")]).movements
    assert [n.rep for n in apart[LEFT]] == [0, 1, 2]


def test_what_is_counted_on_both_legs_is_one_repetition():
    legs = {
        LEFT: [moved(10.0), moved(20.0, 1, 0, "partial")],
        RIGHT: [moved(10.0), moved(20.1, 1, 0, "rejected")],
    }
    found = apply(legs, [said("accept", 22.0, "both")], paired=True).movements
    assert [n.rep for n in found[LEFT]] == [n.rep for n in found[RIGHT]] == [1, 2]


def test_from_a_bad_calibration_on_nothing_counts_and_no_angle_is_told():
    found = apply({RIGHT: three()}, [said("bad_from", 23.0)])
    leg = found.movements[RIGHT]
    assert [n.movement.reject_reason for n in leg] == ["", "calibration_bad", "calibration_bad"]
    assert leg[0].movement.rom_deg == 21.4
    assert math.isnan(leg[1].movement.rom_deg)
    assert found.bad_from_s == {RIGHT: 23.0}


def test_pain_effort_and_notes_stand_with_the_set_or_the_movement_they_are_of():
    leg = [*three(), moved(60.0, 2, 1)]
    words = [
        said("pain", 22.0, value=3, number=1),
        said("pain", 22.0, value=5, target="movement", number=2),
        said("effort", 45.0, value=7, number=3),  # in the rest after the first set
        said("note", 999.0, value="tired", number=4),
        said("count", 61.0, value=9, number=5),
        said("pain", 33.0, value=4, number=6),
        said("effort", 1.0, value=1, number=7),  # before any set
    ]
    found = apply({RIGHT: leg}, words)
    assert found.sets == {
        (RIGHT, 1): SaidOfSet(pain=4, effort=7, kinds=("pain", "effort")),
        (RIGHT, 2): SaidOfSet(counted_by_hand=9, note="tired", kinds=("note", "count")),
    }
    assert found.movements[RIGHT][1].said.pain == "5"
    assert numbers(found.movements[RIGHT]) == numbers(leg)
    assert len(found.notes) == 1


def test_a_hold_that_was_too_short_can_be_counted():
    hold = moved(5.0, status="hold", faults=("hold_short",), peak_s=math.nan)
    (now,) = apply({RIGHT: [hold]}, [said("accept", 6.0)]).movements[RIGHT]
    assert (now.movement.status, now.movement.faults) == ("hold", ())


def test_a_figure_that_is_another_than_the_person_saw_is_told():
    saw = {"status": "valid", "range_deg": 21.0}
    assert apply({RIGHT: three()}, [said("reject", 22.0, saw=saw)]).notes == ()
    other = [said("reject", 22.0, saw={"status": "partial", "range_deg": 12.0})]
    (note,) = apply({RIGHT: three()}, other).notes
    assert "was made of a movement that was partial, 12°, and is valid, 21° now" in note


def test_a_movement_counted_otherwise_by_another_version_keeps_its_edit():
    words = [said("reject", 22.0), said("accept", 32.3)]
    for shift in (-0.4, 0.0, 0.4):
        leg = [moved(20.0 + shift, rep=1), moved(30.0 + shift, 1, 0, "partial")]
        found = apply({RIGHT: leg}, words).movements[RIGHT]
        assert [n.movement.status for n in found] == ["rejected", "valid"]


def test_the_order_in_which_kinds_are_said_does_not_matter():
    words = [
        said("reject", 12.0, number=1),
        said("bad_from", 31.0, number=2),
        said("pain", 22.0, value=3, number=3),
        said("count", 22.0, value=9, number=4),
    ]
    expected = apply({RIGHT: three()}, words)
    for seed in range(5):
        mixed = random.Random(seed).sample(words, len(words))  # noqa: S311 - a shuffle
        found = apply({RIGHT: three()}, mixed)
        assert repr(found.movements) == repr(expected.movements)
        assert found.sets[RIGHT, 1].pain == 3
