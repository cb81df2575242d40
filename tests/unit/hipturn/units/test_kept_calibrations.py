"""What of a visit's calibrations holds for the next session of the same leg."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analysis.calibrate.calibration import calibrate
from analysis.exercises import load
from analysis.leg import LegCalibration
from analysis.session.analyse import windows_of_marks
from analysis.session.announcements import Announcement, Kind
from analysis.session.recording import leg_units
from benchmarks.accuracy.worn import recording_of
from hipturn.units.kept_calibrations import KeptCalibrations, bends_of
from imu.sample import Segment, Side, Unit
from imu.virtual.wearer import wear

NAME = "seated_internal_rotation"
SIDES = (Side.RIGHT, Side.LEFT)


def unit(segment: Segment, side: Side, address: str = "") -> Unit:
    return Unit(segment=segment, side=side, rate_hz=60.0, address=address or f"{side}-{segment}")


UNITS = [unit(segment, side) for side in SIDES for segment in (Segment.THIGH, Segment.SHANK)]
RIGHT = UNITS[:2]


@pytest.fixture(scope="module")
def calibration() -> LegCalibration:
    wearing = wear(NAME, "right", 1)
    recording = recording_of(wearing)
    frames = recording.leg(leg_units(recording.units)[0])
    found = calibrate(frames, windows_of_marks(wearing.marks), load(NAME), Side.RIGHT)
    assert found.calibration is not None
    return found.calibration


@pytest.fixture
def kept(calibration: LegCalibration) -> KeptCalibrations:
    kept = KeptCalibrations()
    kept.proven(calibration, RIGHT, "first", 100.0)
    return kept


def alarm(reason: str, side: Side = Side.RIGHT) -> Announcement:
    return Announcement(Kind.ALARM, 1.0, side, reason=reason, text="")


def test_the_same_units_on_the_same_leg_are_kept_and_one_bend_proves_it(kept):
    found = kept.for_units(RIGHT, 200.0)
    assert bends_of(found) == 1
    assert found.legs[Side.RIGHT].found.kept_from == "first"


@pytest.mark.parametrize(
    "worn",
    [
        [replace(RIGHT[0], address="another"), RIGHT[1]],
        [replace(one, side=Side.LEFT) for one in RIGHT],
        RIGHT[1:],
        UNITS,  # of the left leg nothing is known
    ],
)
def test_another_unit_or_leg_is_calibrated_in_full(kept, worn):
    assert kept.for_units(worn, 200.0) is None
    assert bends_of(None) is None


@pytest.mark.parametrize("reason", ["tilt", "heading"])
def test_after_an_alarm_about_a_strap_its_leg_is_calibrated_in_full(kept, reason):
    kept.hear(alarm(reason, Side.LEFT))
    kept.hear(alarm("silent"))
    kept.hear(alarm("slip"))  # one knee bend proves whether it did
    assert kept.for_units(RIGHT, 200.0) is not None
    kept.hear(alarm(reason))
    assert kept.for_units(RIGHT, 200.0) is None


@pytest.mark.parametrize(("gap_s", "bends"), [(0.0, 1), (5.0, 3), (59.0, 3), (61.0, None)])
def test_after_a_silence_three_bends_prove_it_and_after_a_minute_none_do(kept, gap_s, bends):
    label = RIGHT[1].label
    if gap_s:
        kept.heard([label], 300.0)
        kept.heard([label], 300.0 + gap_s / 2)
    kept.heard([], 300.0 + gap_s)
    assert bends_of(kept.for_units(RIGHT, 500.0)) == bends


def test_a_calibration_that_is_proven_again_has_no_silence_behind_it(kept, calibration):
    kept.heard([RIGHT[1].label], 300.0)
    kept.heard([], 310.0)
    kept.proven(replace(calibration, kept_off_rad=0.01), RIGHT, "second", 320.0)
    assert bends_of(kept.for_units(RIGHT, 330.0)) == 1


def test_an_hour_after_the_last_full_calibration_comes_the_next_one(kept, calibration):
    again: dict[str, Any] = {"kept_off_rad": 0.01, "kept_from": "first"}
    kept.proven(replace(calibration, **again), RIGHT, "second", 3000.0)
    assert kept.for_units(RIGHT, 3699.0) is not None
    assert kept.for_units(RIGHT, 3701.0) is None
    kept.proven(calibration, RIGHT, "third", 3702.0)
    assert kept.for_units(RIGHT, 7000.0) is not None


def test_touched_straps_keep_nothing(kept):
    kept.forget()
    assert kept.for_units(RIGHT, 101.0) is None
