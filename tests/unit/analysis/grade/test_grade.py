"""Grading on movements whose tempo, hold, return, tremor and company are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.count.movement import Movement
from analysis.exercises import load
from analysis.grade.grade import LEAD_S, Grader, MovementSamples
from analysis.grade.metrics import smoothed, sparc, tremor_dps, velocity
from analysis.grade.strokes import Course, find_reach, find_strokes

SEATED = load("seated_internal_rotation")
WIPER = load("prone_windshield_wiper")
HEADING = load("standing_banded_rotation")


def smooth(share):
    return share**3 * (10 - 15 * share + 6 * share**2)


def samples_of(
    top=30.0, *, start=0.0, bottom=0.0, up_s=1.5, hold_s=2.5, down_s=1.5, rate_hz=60, **company
):
    """Return the samples around one movement: 2 s of rest, out, hold, back, 1 s of rest.

    `company` are knee, thigh, swing and pelvis: what they are at the top, 0 in between; `added` is
    a function of time put on the angle. `knee_crept` is how far the knee has left the start pose.
    """
    time_s = np.arange(0.0, 3.0 + up_s + hold_s + down_s, 1.0 / rate_hz)
    out = smooth(np.clip((time_s - 2.0) / up_s, 0.0, 1.0))
    back = smooth(np.clip((time_s - 2.0 - up_s - hold_s) / down_s, 0.0, 1.0))
    added, shifted = company.pop("added", None), company.pop("shifted", 0.0)
    angle = start + (top - start) * out + (bottom - top) * back
    columns = {name: 10.0 + company.get(name, 0.0) * (out - back) for name in COMPANY}
    columns["knee"] -= 10.0 - company.pop("knee_crept", 0.0)
    return MovementSamples(
        time_s=time_s,
        angle_deg=angle + added(time_s) if added else angle,
        **{f"{name}_deg": values for name, values in columns.items()},
        sigma_deg=np.full(len(time_s), 0.7),
        interpolated=np.zeros(len(time_s)),
        shifted=np.full(len(time_s), shifted),
    )


COMPANY = ("knee", "thigh", "swing", "pelvis")


def movement_of(samples: MovementSamples, **given) -> Movement:
    """Return what the rep machine says of such a movement."""
    time_s, angle = samples.time_s, samples.angle_deg
    peak = int(np.nanargmax(angle))
    onset = int(np.argmax(angle > angle[0] + 4.5))
    back = peak + int(np.argmax(angle[peak:] < angle[-1] + 2.0))
    made = Movement(
        status="valid",
        reason="",
        onset_s=float(time_s[onset]),
        peak_s=float(time_s[peak]),
        announced_s=float(time_s[back]),
        back_s=float(time_s[back]),
        level_deg=0.0,
        anchor_deg=0.0,
        range_deg=float(angle[peak]),
        peaks=1,
        stopped_short=False,
        after_absence=False,
    )
    return made._replace(**given)


def graded(samples, grader=None, **given):
    grader, movement = grader or Grader(SEATED), movement_of(samples, **given)
    course = Course.of(samples.time_s, samples.angle_deg)
    strokes = find_strokes(movement, course, find_reach(movement, course))
    return grader.measure(movement, samples, strokes)


# Figures


@pytest.mark.parametrize("rate_hz", [25, 60, 100])
def test_the_figures_of_a_movement_are_those_it_was_made_with(rate_hz):
    row = graded(samples_of(rate_hz=rate_hz))
    assert row.start_s == pytest.approx(2.0, abs=0.12)
    assert row.end_s == pytest.approx(7.5, abs=0.12)
    assert 3.5 - 0.1 <= row.peak_s <= 6.0 + 0.1
    assert row.start_deg == pytest.approx(0.0, abs=0.05)
    assert row.peak_deg == pytest.approx(30.0, abs=0.05)
    assert row.rom_deg == pytest.approx(row.peak_deg - row.start_deg)
    assert row.end_residual_deg == pytest.approx(0.0, abs=0.1)
    assert row.hold_s == pytest.approx(2.5, abs=0.4)
    assert row.up_s == pytest.approx(1.5, abs=0.3)
    assert row.down_s == pytest.approx(1.5, abs=0.3)
    assert row.up_s + row.hold_s + row.down_s == pytest.approx(row.end_s - row.start_s)
    # 15/8 of the mean speed is the peak of a minimum-jerk stroke
    assert row.peak_velocity_dps == pytest.approx(15 / 8 * 30.0 / 1.5, rel=0.03)
    assert row.uncertainty_deg == pytest.approx(0.7)
    assert (row.confidence, row.gap_ms, row.flags, row.peaks, row.pulses) == (1.0, 0.0, (), 1, 0)


def test_without_a_hold_both_strokes_meet_at_the_peak():
    row = graded(samples_of(up_s=1.0, hold_s=0.0, down_s=1.0))
    assert row.hold_s == 0.0
    assert row.hold_start_s == row.hold_end_s == row.peak_s
    assert row.up_s == pytest.approx(1.0, abs=0.1)
    assert row.down_s == pytest.approx(1.0, abs=0.1)


def test_start_and_end_are_found_under_tremor_too():
    def tremor(time_s):
        return np.sin(2 * np.pi * 6.0 * time_s)

    row = graded(samples_of(added=tremor))
    assert row.start_s == pytest.approx(2.0, abs=0.35)
    assert row.end_s == pytest.approx(7.5, abs=0.35)
    assert row.start_deg == pytest.approx(0.0, abs=0.7)


@pytest.mark.parametrize("stroke_s", [4.0, 6.0, 10.0])
def test_the_slow_beginning_of_a_movement_belongs_to_its_range(stroke_s):
    samples = samples_of(up_s=stroke_s, hold_s=0.0, down_s=stroke_s)
    movement = movement_of(samples)
    kept = samples.time_s >= movement.onset_s - LEAD_S
    columns = {name: getattr(samples, name)[kept] for name in MovementSamples.__dataclass_fields__}
    row = graded(MovementSamples(**columns), onset_s=movement.onset_s)
    assert row.rom_deg == pytest.approx(30.0, abs=0.6)
    assert row.end_residual_deg == pytest.approx(0.0, abs=0.6)


@pytest.mark.parametrize("name", COMPANY[:2])
@pytest.mark.parametrize("change", [9.0, -9.0])
def test_changes_of_knee_and_thigh_are_signed(name, change):
    row = graded(samples_of(**{name: change}))
    found = {"knee": row.knee_flexion_change_deg, "thigh": row.thigh_elevation_change_deg}
    assert found[name] == pytest.approx(change, abs=0.1)
    assert sum(found.values()) == pytest.approx(change, abs=0.1)


@pytest.mark.parametrize("crept", [16.0, -16.0])
def test_a_knee_that_crept_away_over_the_set_is_named_though_this_repetition_keeps_it(crept):
    row = graded(samples_of(knee_crept=crept, knee=-math.copysign(1.0, crept)))
    assert row.knee_flexion_change_deg == pytest.approx(crept, abs=0.1)
    assert row.faults == ("knee_angle",)
    assert graded(samples_of(knee_crept=0.8 * crept)).faults == ()


def test_what_is_unknown_stays_empty_and_makes_no_fault():
    samples = samples_of()
    empty = np.full(len(samples.time_s), math.nan)
    row = graded(replace(samples, knee_deg=empty, thigh_deg=empty, swing_deg=empty))
    assert math.isnan(row.knee_flexion_change_deg)
    assert math.isnan(row.thigh_elevation_change_deg)
    assert row.faults == ()


def test_confidence_is_the_share_that_is_neither_missing_nor_filled():
    samples = samples_of()
    filled, angle = samples.interpolated.copy(), samples.angle_deg.copy()
    filled[200:230] = 1.0
    angle[250:262] = math.nan
    row = graded(replace(samples, angle_deg=angle, interpolated=filled))
    length = (row.end_s - row.start_s) * 60 + 1
    assert row.confidence == pytest.approx(1 - 42 / length, abs=1e-6)
    assert row.flags == ("interpolated",)
    assert row.gap_ms == pytest.approx(1000 * 13 / 60, abs=1.0)


def test_a_repetition_after_one_that_did_not_return_is_measured_from_the_rest_level():
    samples = samples_of(start=10.0, bottom=10.0)
    row = graded(samples, level_deg=0.0, stopped_short=True)
    assert row.start_deg == 0.0
    assert row.rom_deg == pytest.approx(30.0, abs=0.1)
    assert row.end_residual_deg == pytest.approx(10.0, abs=0.2)
    assert row.flags == ("stopped_short",)


def test_the_return_is_judged_by_the_anchor_but_for_a_heading_by_the_movements_own_start():
    samples = samples_of(start=4.0, bottom=7.0)
    gravity = graded(samples, level_deg=4.0, anchor_deg=0.0)
    assert gravity.end_residual_deg == pytest.approx(7.0, abs=0.1)
    assert "not_returned" in gravity.faults
    heading = graded(samples, Grader(HEADING), level_deg=4.0, anchor_deg=0.0)
    assert heading.end_residual_deg == pytest.approx(3.0, abs=0.1)
    assert "not_returned" not in heading.faults


def test_pulses_are_the_times_it_turned_back_and_went_on():
    row = graded(samples_of(), peaks=10)
    assert (row.peaks, row.pulses) == (10, 9)


@pytest.mark.parametrize("status", ["partial", "rejected"])
def test_what_is_not_valid_is_measured_but_not_graded(status):
    row = graded(samples_of(8.0, up_s=0.4), status=status, reason="gap")
    assert row.status == status
    assert row.reject_reason == "gap"
    assert row.controlled is None
    assert row.faults == ()
    assert row.rom_deg == pytest.approx(8.0, abs=0.1)


# Criteria


def tremble(time_s):
    return np.sin(2 * np.pi * 8.0 * time_s)


@pytest.mark.parametrize(
    ("fault", "off", "good"),
    [
        ("too_fast", {"up_s": 0.6}, {"up_s": 1.1}),
        ("too_fast", {"down_s": 0.6}, {"down_s": 1.1}),
        ("not_returned", {"bottom": 7.0}, {"bottom": 5.0}),
        ("not_returned", {"bottom": -7.0}, {"bottom": -5.0}),
        ("knee_angle", {"knee": 17.0}, {"knee": 13.0}),
        ("knee_angle", {"knee": -17.0}, {"knee": -13.0}),
        ("thigh_lift", {"thigh": 13.0}, {"thigh": 11.0}),
        ("thigh_lift", {"thigh": -13.0}, {"thigh": -11.0}),
        ("shaky", {"added": tremble}, {"added": lambda t: 0.1 * tremble(t)}),
    ],
)
def test_each_criterion_alone_takes_the_control_and_is_named(fault, off, good):
    fine = graded(samples_of(**good))
    assert (fine.faults, fine.controlled) == ((), True)
    row = graded(samples_of(**off))
    assert (row.faults, row.controlled) == ((fault,), False)


def test_a_swinging_thigh_is_told_and_does_not_take_the_control():
    row = graded(samples_of(swing=13.0))
    assert (row.faults, row.controlled) == (("thigh_swing",), True)
    assert graded(samples_of(swing=11.0)).faults == ()


def test_what_the_movement_itself_always_shows_is_not_judged():
    grader = Grader(replace(WIPER, not_judged=("knee_angle", "thigh_lift")))
    assert graded(samples_of(knee=30.0, thigh=30.0), grader).faults == ()
    strict = Grader(replace(WIPER, knee_fault_deg=5.0))
    assert graded(samples_of(knee=7.0), strict).faults == ("knee_angle",)


def test_a_second_peak_takes_the_control_without_being_a_fault():
    row = graded(samples_of(), peaks=2)
    assert (row.faults, row.controlled) == ((), False)


@pytest.mark.parametrize(("hold_s", "faults"), [(0.5, ("hold_short",)), (1.9, ())])
def test_a_prescribed_hold_must_last_four_fifths_of_it(hold_s, faults):
    assert WIPER.dose.hold_s[0] == 2.0
    assert graded(samples_of(hold_s=hold_s), Grader(WIPER)).faults == faults
    assert graded(samples_of(hold_s=hold_s), Grader(SEATED)).faults == ()


def test_lifting_the_thigh_counts_by_the_limit_of_the_exercise():
    lift = load("ninety_ninety_lift")
    assert lift.thigh_lift_fault_deg < 8.0 < SEATED.thigh_lift_fault_deg
    samples = samples_of(12.0, thigh=8.0)
    assert graded(samples, Grader(lift)).faults == ("thigh_lift",)
    assert graded(samples, Grader(SEATED)).faults == ()


def test_all_faults_together_are_listed_in_one_order():
    bad = samples_of(bottom=8.0, up_s=0.6, hold_s=0.0, knee=20, thigh=20, swing=20, added=tremble)
    assert graded(bad, Grader(WIPER)).faults == (
        "knee_angle", "thigh_lift", "thigh_swing", "too_fast", "not_returned", "hold_short",
        "shaky",
    )  # fmt: skip


# The wearer's own range and tempo


def test_the_range_is_short_against_the_first_three_correct_repetitions():
    grader = Grader(SEATED)
    for top in (38.0, 40.0, 42.0):
        assert graded(samples_of(top), grader).faults == ()
    assert graded(samples_of(33.0), grader).faults == ()
    assert graded(samples_of(31.0), grader).faults == ("range_short",)


def test_partial_and_rejected_movements_teach_nothing():
    grader = Grader(SEATED)
    for _ in range(3):
        graded(samples_of(40.0), grader, status="partial")
        graded(samples_of(40.0), grader, status="rejected", reason="gap")
    for _ in range(3):
        graded(samples_of(20.0), grader)
    assert graded(samples_of(18.0), grader).faults == ()


def test_repetitions_with_a_fault_teach_nothing():
    grader = Grader(SEATED)
    for bad in ({"knee": 20.0}, {"thigh": 20.0}, {"bottom": 12.0}, {"added": tremble}):
        graded(samples_of(60.0, **bad), grader)
    graded(samples_of(60.0), grader, peaks=2)
    for _ in range(3):
        assert graded(samples_of(20.0), grader).faults == ()
    assert graded(samples_of(18.0), grader).faults == ()
    assert graded(samples_of(15.0), grader).faults == ("range_short",)


def test_what_follows_the_first_three_no_longer_moves_the_measure():
    grader = Grader(SEATED)
    for top in (40.0, 40.0, 40.0, 20.0, 20.0, 20.0, 20.0):
        row = graded(samples_of(top), grader)
    assert row.faults == ("range_short",)


def test_who_is_quick_by_habit_is_not_too_fast_but_who_hurries_is():
    grader = Grader(SEATED)
    quick = {"up_s": 0.8, "down_s": 0.8, "hold_s": 0.0}
    for _ in range(3):
        assert graded(samples_of(**quick), grader).faults == ("too_fast",)
    assert graded(samples_of(**quick), grader).faults == ()
    hasty = {"up_s": 0.45, "down_s": 0.45, "hold_s": 0.0}
    assert graded(samples_of(**hasty), grader).faults == ("too_fast",)


def test_skipping_the_hold_of_the_first_repetitions_is_too_fast():
    grader = Grader(SEATED)
    for _ in range(3):
        assert graded(samples_of(hold_s=3.0), grader).faults == ()
    assert graded(samples_of(hold_s=0.5), grader).faults == ("too_fast",)


# Tremor and smoothness


@pytest.mark.parametrize("rate_hz", [25, 60, 100])
@pytest.mark.parametrize("tremor_hz", [5.0, 8.0, 11.0])
def test_the_rms_of_a_tremor_of_known_amplitude_is_right(rate_hz, tremor_hz):
    def tremor(time_s):
        return 0.5 * np.sin(2 * np.pi * tremor_hz * time_s + 0.4)

    true_dps = 0.5 * 2 * math.pi * tremor_hz / math.sqrt(2)
    samples = samples_of(added=tremor, rate_hz=rate_hz)
    assert graded(samples).tremor_dps == pytest.approx(true_dps, rel=0.08)


@pytest.mark.parametrize("slow_hz", [0.5, 2.0])
def test_movement_below_4_hz_is_no_tremor(slow_hz):
    time_s = np.arange(0.0, 5.0, 1 / 60)
    assert tremor_dps(time_s, 2.0 * np.sin(2 * np.pi * slow_hz * time_s)) < 0.3
    assert graded(samples_of()).tremor_dps < 0.1
    assert graded(samples_of(up_s=0.5, down_s=0.5, hold_s=0.5)).tremor_dps < 2.0


def test_a_lost_tenth_of_the_samples_leaves_the_tremor_nearly_as_it_is():
    time_s = np.arange(0.0, 6.0, 1 / 60)
    kept = np.random.default_rng(2).random(len(time_s)) > 0.1
    angle = np.sin(2 * np.pi * 6.0 * time_s)
    whole = tremor_dps(time_s, angle)
    assert tremor_dps(time_s[kept], angle[kept]) == pytest.approx(whole, rel=0.1)


def test_half_a_movement_far_from_zero_is_no_tremor():
    time_s = np.arange(60) / 60
    assert tremor_dps(time_s, 170.0 + 30.0 * smooth(time_s)) < 0.5


def test_tremor_is_empty_where_the_rate_or_the_length_does_not_show_12_hz():
    slow = np.arange(0.0, 5.0, 1 / 20)
    assert math.isnan(tremor_dps(slow, np.sin(slow)))
    short = np.arange(10) / 60
    assert math.isnan(tremor_dps(short, short))


@pytest.mark.parametrize("rate_hz", [25, 60, 100])
@pytest.mark.parametrize("seconds", [0.8, 1.2, 2.0])
def test_a_minimum_jerk_stroke_has_a_sparc_of_minus_1_4_to_1_6(rate_hz, seconds):
    time_s = np.arange(0.0, seconds + 1e-9, 1 / rate_hz)
    assert -1.6 <= sparc(time_s, 30.0 * smooth(time_s / seconds)) <= -1.4


def test_a_jerky_stroke_has_a_lower_sparc_and_its_size_and_direction_do_not_matter():
    time_s = np.arange(0.0, 1.5, 1 / 60)
    even = 30.0 * smooth(time_s / 1.5)
    jerky = even + 1.0 * np.sin(2 * np.pi * 3.0 * time_s)
    assert sparc(time_s, jerky) < sparc(time_s, even) - 0.5
    assert sparc(time_s, -2.0 * even) == pytest.approx(sparc(time_s, even))


def test_smoothness_is_of_the_strokes_alone_and_empty_where_they_are_too_short():
    row = graded(samples_of(hold_s=6.0))
    assert -1.75 <= row.smoothness_up <= -1.35
    assert -1.75 <= row.smoothness_down <= -1.35
    time_s = np.arange(7) / 25
    assert math.isnan(sparc(time_s, time_s))
    assert math.isnan(sparc(np.arange(60) / 60, np.full(60, 3.0)))


def test_velocity_of_a_line_is_its_slope_and_of_a_few_samples_nothing():
    time_s = np.arange(0.0, 1.0, 1 / 60)
    assert velocity(time_s, 20.0 * time_s, 0.05)[20:40] == pytest.approx(np.full(20, 20.0))
    assert velocity(time_s[:2], time_s[:2], 0.05).tolist() == [0.0, 0.0]


def test_nobody_is_blamed_for_what_a_slipped_strap_did():
    left_off, slipped = (
        graded(samples_of(bottom=12.0)),
        graded(samples_of(bottom=12.0, shifted=1.0)),
    )
    assert left_off.faults == ("not_returned",)
    assert slipped.faults == ()
    assert slipped.flags == ("sensor_shift",)


def test_a_movement_of_one_sample_is_measured_without_a_fuss():
    samples = samples_of()
    one = MovementSamples(
        **{name: getattr(samples, name)[:1] for name in MovementSamples.__dataclass_fields__}
    )
    row = graded(one, status="rejected", reason="gap")
    assert row.rom_deg == 0.0
    assert math.isnan(row.tremor_dps)


@pytest.mark.parametrize("rows", [1, 5, 300])
def test_smoothing_is_scipys_gaussian_filter(rows):
    from scipy.ndimage import gaussian_filter1d

    values = np.random.default_rng(rows).normal(size=rows)
    assert smoothed(values, 3.0) == pytest.approx(
        gaussian_filter1d(values, 3.0, mode="nearest"), abs=1e-14
    )
