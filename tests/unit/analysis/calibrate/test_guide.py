"""The guide leads a wearer through the calibration without hands, and says why when it cannot."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from analysis.calibrate.calibration import LegFrames, calibrate
from analysis.calibrate.find_steps import find_windows
from analysis.calibrate.guide import BENDS_ASKED, Guide, Step
from analysis.exercises import load
from imu.clocks.timeline import align
from imu.sample import SampleTable, Side
from imu.virtual.wearer import WearerSettings, wear

RATE_HZ = 60.0
WORN = [
    ("prone_windshield_wiper", Side.RIGHT, 1),
    ("prone_windshield_wiper", Side.LEFT, 2),
    ("ninety_ninety_lift", Side.LEFT, 3),
    ("seated_internal_rotation", Side.RIGHT, 4),
    ("side_lying_ankle_lift", Side.RIGHT, 5),
    ("seated_leg_extension_twist", Side.LEFT, 6),
    ("standing_banded_rotation", Side.RIGHT, 7),
    ("supine_rotation_test", Side.LEFT, 8),
]


@cache
def worn_frames(exercise, side, seed, **habits):
    """Return what a virtual wearer's two units say, as radios deliver it, and the true marks."""
    wearing = wear(exercise, side.value, seed, WearerSettings(reps=3, **habits))
    table = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
    return LegFrames(table.time_s, table.q[:, 0], table.q[:, 1]), {
        label: moment for moment, label in wearing.marks
    }


def led(exercise, side, frames):
    """Push frames one by one; return (time, update) for each thing the guide says."""
    guide = Guide(load(exercise), side, RATE_HZ)
    said = []
    columns = (frames.time_s.tolist(), frames.q_thigh.tolist(), frames.q_shank.tolist())
    for t, a, b in zip(*columns, strict=True):
        update = guide.push(
            t, tuple(a) if a[0] == a[0] else None, tuple(b) if b[0] == b[0] else None
        )
        if update is not None:
            said.append((t, update))
    return guide, said


def steps(said):
    return [update.step for _, update in said]


def explained(said):
    """Return the sentences of the attempts that did not pass."""
    return [
        " ".join(update.result.sentences)
        for _, update in said
        if update.result is not None and update.result.calibration is None
    ]


@pytest.mark.parametrize(("exercise", "side", "seed"), WORN)
def test_a_wearer_is_led_through_stand_pose_and_bends_to_ready(exercise, side, seed):
    frames, marks = worn_frames(exercise, side, seed)
    guide, said = led(exercise, side, frames)
    assert steps(said) == [Step.POSE, Step.BENDS, Step.READY]
    moments = [moment for moment, _ in said]
    assert marks["stand_start"] + 2.5 < moments[0] < marks["stand_end"] + 0.1
    assert marks["pose_start"] + 1.0 < moments[1] < marks["pose_end"] + 0.1
    assert marks["knee_end"] < moments[2] <= marks["set_start"] + 0.1
    assert guide.step is Step.READY


@pytest.mark.parametrize(("exercise", "side", "seed"), WORN)
def test_live_and_the_whole_recording_find_the_same_windows(exercise, side, seed):
    frames, _ = worn_frames(exercise, side, seed)
    ready_s, update = led(exercise, side, frames)[1][-1]
    whole = find_windows(frames, load(exercise), side)
    assert update.windows == whole
    again = calibrate(frames, whole, load(exercise), side).calibration
    live = update.result.calibration
    assert live.ready_s == ready_s
    assert live.z_shank == again.z_shank
    assert live.y_thigh == again.y_thigh
    assert live.zero_rad == again.zero_rad
    bends = next(c.value for c in update.result.checks if c.name == "knee bends")
    assert bends == BENDS_ASKED


def test_nothing_is_said_after_ready(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 71).calibration().reps(3, 25.0).still(5.0)
    guide, said = led(leg.exercise, leg.side, leg.frames())
    assert steps(said)[-1] is Step.READY
    q = (1.0, 0.0, 0.0, 0.0)
    assert all(guide.push(leg.now_s + i / RATE_HZ, q, q) is None for i in range(600))


def test_a_wearer_who_never_keeps_still_is_asked_nothing_more(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 72)
    for _ in range(10):
        leg.go(1.0, (30.0, 0.0, 0.0, 40.0), 0.0).go(1.0, (0.0, 0.0, 0.0, 0.0), 0.0)
    guide, said = led(leg.exercise, leg.side, leg.frames())
    assert said == []
    assert guide.step is Step.STAND


def test_a_short_pause_between_bends_is_not_their_end(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 73).calibration(rest_s=2.4).still(2.0)
    _, said = led(leg.exercise, leg.side, leg.frames())
    assert steps(said)[-1] is Step.READY
    result = said[-1][1].result
    assert next(c.value for c in result.checks if c.name == "knee bends") == 5.0


def test_three_bends_will_do_for_who_stops_there(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 74).calibration(bends=3).still(2.0)
    _, said = led(leg.exercise, leg.side, leg.frames())
    assert steps(said)[-1] is Step.READY
    assert said[-1][0] > leg.now_s - 2.0  # but the guide waits to see whether more come


@pytest.mark.parametrize(("lost", "counts"), [(10, True), (80, False)])
def test_lost_samples_do_not_end_a_still_period_but_a_silence_does(new_leg, lost, counts):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 75).still(6.0)
    frames = leg.frames()
    for begin in (60, 200):
        frames.q_shank[begin : begin + lost] = np.nan
    said = led(leg.exercise, leg.side, frames)[1]
    assert steps(said) == ([Step.POSE] if counts else [])


# When it does not work


def test_the_wrong_position_is_said_with_its_angle_and_mended(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 76).still(4.0)
    leg.go(3.0, (90.0, 0.0, 0.0, 90.0), 0.0).still(4.0)  # sits instead of lying down
    leg.go(3.0, leg.pose).still(3.0).bends().still(3.0)
    _, said = led(leg.exercise, leg.side, leg.frames())
    (why,) = explained(said)
    assert "the shank is 180° from the start position of Prone windshield wiper" in why
    assert steps(said) == [Step.POSE, Step.POSE, Step.BENDS, Step.READY]


def test_who_moves_but_does_not_bend_is_told_so_once_for_each_try(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 77)
    leg.still(4.0).go(3.0, leg.pose).still(4.0).reps(3, 25.0).still(8.0)
    leg.bends(2).still(4.0).bends().still(3.0)
    _, said = led(leg.exercise, leg.side, leg.frames())
    assert len(explained(said)) == 2
    assert all("no knee bends found" in why for why in explained(said))
    assert steps(said)[-1] is Step.READY


def test_a_fidget_after_being_told_is_no_new_try(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 81)
    leg.still(4.0).go(3.0, leg.pose).still(4.0).bends(2).still(4.0)
    leg.go(0.5, leg.turned(6.0)).still(4.0)
    assert len(explained(led(leg.exercise, leg.side, leg.frames())[1])) == 1


def test_keeping_still_when_asked_for_bends_is_no_failure(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 78)
    leg.still(4.0).go(3.0, leg.pose).still(30.0)
    assert explained(led(leg.exercise, leg.side, leg.frames())[1]) == []


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "standing_banded_rotation"])
def test_bends_on_a_creeping_strap_are_refused_and_the_next_ones_count(new_leg, exercise):
    leg = new_leg(exercise, Side.LEFT, 82)
    leg.still(4.0).go(3.0, leg.pose).still(4.0)
    begun_s = leg.now_s
    leg.bends().still(4.0)
    first_try_s = leg.now_s
    leg.bends().still(4.0)

    def creep(time_s):
        return 16.0 * np.clip((time_s - begun_s) / 14.0, 0.0, 1.0)

    _, said = led(leg.exercise, leg.side, leg.frames("y", creep))
    (why,) = explained(said)
    assert "check the strap and repeat the bends" in why
    assert steps(said)[-1] is Step.READY
    assert said[-1][1].windows.bends[0] > first_try_s - 1.0


def test_a_refused_calibration_says_why_and_the_next_try_counts(new_leg):
    leg = new_leg("ninety_ninety_lift", Side.RIGHT, 79)
    leg.go(0.1, leg.pose).still(4.0).bends().still(4.0)  # nobody stood
    leg.go(3.0, (0.0, 0.0, 0.0, 0.0), 0.0).still(4.0).go(3.0, leg.pose).still(4.0)
    leg.bends().still(4.0)
    _, said = led(leg.exercise, leg.side, leg.frames())
    (why,) = explained(said)
    assert "90-90 lift needs one" in why
    again = [Step.STAND, Step.POSE, Step.BENDS, Step.READY]
    assert steps(said) == [Step.POSE, *again]
    assert said[-1][1].windows.stand is not None
    assert said[-1][0] > leg.now_s - 4.0


LYING = ("prone_windshield_wiper", "prone_rotation_test", "supine_rotation_test")


@pytest.mark.parametrize("exercise", LYING)
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_the_stand_of_who_shifts_in_the_start_pose_is_never_taken_for_it(exercise, seed):
    frames, marks = worn_frames(exercise, Side.RIGHT, seed, pose_fidget_deg=4.0)
    guide, said = led(exercise, Side.RIGHT, frames)
    assert guide.step is not Step.READY
    assert "no start pose found: hold the start position still" in explained(said)[0]
    told_s = next(moment for moment, update in said if update.result is not None)
    assert marks["knee_end"] < told_s < marks["set_start"]
    # nor in the recording, where nobody marked what was what
    whole = find_windows(frames, load(exercise), Side.RIGHT)
    assert (whole.pose, calibrate(frames, whole, load(exercise), Side.RIGHT).calibration) == (
        None,
        None,
    )


@pytest.mark.parametrize("exercise", LYING)
def test_who_shifted_holds_still_and_bends_once_more_without_standing_again(new_leg, exercise):
    leg = new_leg(exercise, Side.LEFT, 83)
    leg.still(4.0).go(3.0, leg.pose).go(0.8, leg.turned(0.0, flexion=6.0)).go(0.8, leg.pose)
    leg.bends().still(4.0).bends().still(4.0)
    _, said = led(exercise, leg.side, leg.frames())
    assert steps(said) == [Step.POSE, Step.POSE, Step.BENDS, Step.READY]
    (why,) = explained(said)
    assert "no start pose found" in why
    assert said[-1][1].windows.stand is not None
    assert said[-1][1].result.calibration.thigh_elevation_rad == pytest.approx(
        np.radians(90.0 if exercise == "supine_rotation_test" else 0.0), abs=0.1
    )


@pytest.mark.parametrize("exercise", LYING)
def test_who_bends_the_knee_standing_is_not_measured_as_if_lying(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 84).still(4.0)
    for _ in range(5):
        leg.go(1.4, (0.0, 0.0, 0.0, 60.0), 0.0).go(1.4, (0.0, 0.0, 0.0, 0.0), 0.0)
    leg.still(4.0)
    bent_s = leg.now_s
    leg.go(3.0, leg.pose).still(4.0).bends().still(4.0)
    _, said = led(exercise, leg.side, leg.frames())
    (why,) = explained(said)
    assert "the leg is where it was when you were asked to stand" in why
    assert steps(said)[-1] is Step.READY
    assert said[-1][1].windows.pose[0] > bent_s
    assert said[-1][1].windows.stand is not None


@pytest.mark.parametrize("exercise", [worn[0] for worn in WORN[1:]])
def test_swapped_units_are_said_and_never_measured(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 80)
    leg.still(4.0).go(3.0, leg.pose).still(4.0).bends().still(4.0)
    frames = leg.frames()
    swapped = LegFrames(frames.time_s, frames.q_shank, frames.q_thigh)
    guide, said = led(exercise, leg.side, swapped)
    assert "are swapped" in " ".join(explained(said))
    assert guide.step is not Step.READY


@pytest.mark.parametrize("exercise", ["prone_rotation_test", "seated_internal_rotation"])
def test_who_waits_in_the_start_pose_with_swapped_units_is_told_so(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 86)
    frames = leg.still(4.0).go(3.0, leg.pose).still(4.0).frames()
    swapped = LegFrames(frames.time_s, frames.q_shank, frames.q_thigh)
    _, said = led(exercise, leg.side, swapped)
    assert "the units look exchanged" in explained(said)[0]
    assert [check.name for check in said[-1][1].result.checks] == ["units in place"]
