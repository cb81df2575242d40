"""The angle: thirty degrees read thirty, live and batch agree, gaps stay unknown, σ is honest."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.angle.leg_angles import LegAngles, LegFusion, angles_of_recording
from analysis.calibrate.calibration import LegFrames, calibrate
from analysis.exercises import load
from analysis.session.leg_monitor import ALWAYS, LegMonitor
from analysis.session.recording import RecordedLeg, follow_legs
from imu.quaternion import FLOATS
from imu.sample import Side

RATE_HZ = 60.0
SIDES = tuple(Side)
GRAVITY = (
    "prone_windshield_wiper",
    "prone_rotation_test",
    "ninety_ninety_lift",
    "seated_internal_rotation",
    "side_lying_ankle_lift",
    "seated_leg_extension_twist",
)
HEADING = ("standing_banded_rotation", "supine_rotation_test")
NAMES = LegAngles._fields


def calibrated(leg, *, stand=True, frames=None):
    windows = leg.windows if stand else replace(leg.windows, stand=None)
    result = calibrate(frames or leg.frames(), windows, load(leg.exercise), leg.side)
    assert result.calibration is not None, result.sentences
    return result.calibration


def cut(frames, keep):
    return LegFrames(frames.time_s[keep], frames.q_thigh[keep], frames.q_shank[keep])


def followed(leg, *, stand=True):
    """Return the series of a leg from its calibration on, as the live path would see it."""
    frames = leg.frames()
    calibration = calibrated(leg, stand=stand, frames=frames)
    keep = frames.time_s > calibration.ready_s
    return angles_of_recording(calibration, load(leg.exercise), RATE_HZ, cut(frames, keep))


def read_deg(leg, **how):
    """Return the mean reading over the last half second of a leg that ends in a hold."""
    return math.degrees(float(np.mean(followed(leg, **how).rotation[-30:])))


def live(calibration, exercise, frames, gaps=()):
    """Return `LegAngles` for every frame, None pushed where a unit has a gap."""
    fusion = LegFusion(calibration, exercise, RATE_HZ, FLOATS)
    out = []
    for t, a, b in zip(frames.time_s.tolist(), frames.q_thigh, frames.q_shank, strict=True):
        q_thigh = None if math.isnan(a[0]) else tuple(a.tolist())
        q_shank = None if math.isnan(b[0]) else tuple(b.tolist())
        out.append(fusion.push(t, q_thigh, q_shank))
    return out


# Thirty degrees


@pytest.mark.parametrize("share", [0.3, 0.5])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", GRAVITY)
def test_thirty_degrees_read_thirty_though_the_thighs_skin_lags(new_leg, exercise, side, share):
    leg = new_leg(exercise, side, 21, thigh={"skin_share": share}).calibration()
    assert read_deg(leg.go(1.5, leg.turned(30.0)).still(1.0)) == pytest.approx(30.0, abs=0.2)
    assert read_deg(leg.go(1.5, leg.turned(-12.0)).still(1.0)) == pytest.approx(-12.0, abs=0.2)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", GRAVITY)
def test_thirty_degrees_read_thirty_after_minutes_of_drifting_headings(new_leg, exercise, side):
    leg = new_leg(
        exercise,
        side,
        22,
        thigh={"skin_share": 0.3, "drift_deg_per_min": 3.0},
        shank={"drift_deg_per_min": -3.0},
    ).calibration()
    leg.reps(15, 25.0).go(1.5, leg.turned(30.0)).still(1.0)
    assert read_deg(leg) == pytest.approx(30.0, abs=0.2)


# Hip flexion and adduction that are added to the start pose, such that the thigh slopes by 10°.
SLOPES = {
    "prone_windshield_wiper": (-10.0, 0.0),
    "ninety_ninety_lift": (-10.0, 0.0),
    "seated_internal_rotation": (-10.0, 0.0),
    "side_lying_ankle_lift": (0.0, -10.0),
    "seated_leg_extension_twist": (-10.0, 0.0),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", SLOPES)
def test_a_sloping_thigh_needs_the_headings_corrected_and_gets_it(new_leg, exercise, side):
    pose = new_leg(exercise, side).pose
    sloped = (pose[0] + SLOPES[exercise][0], pose[1] + SLOPES[exercise][1], *pose[2:])
    leg = new_leg(
        exercise,
        side,
        23,
        pose=sloped,
        thigh={"skin_share": 0.3, "drift_deg_per_min": 3.0},
    ).calibration()
    start_deg = leg.inclinometer_deg()[-1]
    leg.reps(12, 25.0).go(1.5, leg.turned(30.0)).still(1.0)
    exercise_ = load(exercise)
    zero_deg = start_deg if exercise_.zero == "pose" else math.degrees(exercise_.zero_rad)
    expected = (leg.inclinometer_deg()[-1] - zero_deg + 180.0) % 360.0 - 180.0
    # the slope is half believed: the book's start pose has none, and a stand may lean as much
    assert read_deg(leg) == pytest.approx(expected, abs=0.4)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", ["seated_internal_rotation", "prone_windshield_wiper"])
def test_ten_degrees_of_abduction_alone_change_nothing(new_leg, exercise, side):
    pose = new_leg(exercise, side).pose
    leg = new_leg(exercise, side, 24, pose=(pose[0], -10.0, *pose[2:])).calibration()
    assert read_deg(leg.go(1.5, leg.turned(30.0)).still(1.0)) == pytest.approx(30.0, abs=0.2)


@pytest.mark.parametrize("side", SIDES)
def test_abduction_with_a_slope_reads_what_the_inclinometer_reads(new_leg, side):
    leg = new_leg("seated_internal_rotation", side, 25, pose=(80.0, -10.0, 0.0, 90.0)).calibration()
    leg.go(1.5, leg.turned(30.0)).still(1.0)
    # x·u = sin f cos r + cos f sin a sin r and z·u = sin f sin r − cos f sin a cos r
    f, a = math.radians(80.0), math.radians(-10.0)
    expected = 30.0 - math.degrees(math.atan2(math.cos(f) * math.sin(a), math.sin(f)))
    assert expected == pytest.approx(31.75, abs=0.01)
    # the slope is half believed: the book's start pose has none, and a stand may lean as much
    assert read_deg(leg) == pytest.approx(expected, abs=0.4)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", HEADING)
def test_heading_exercises_read_the_turn_since_the_last_still_return(new_leg, exercise, side):
    leg = new_leg(
        exercise, side, 26, thigh={"skin_share": 0.3}, shank={"drift_deg_per_min": 3.0}
    ).calibration()
    leg.reps(10, 20.0, 1.0).still(1.5)
    assert read_deg(leg) == pytest.approx(0.0, abs=0.3)  # though the heading drifted by 2°
    leg.go(1.5, leg.turned(30.0)).still(1.0)
    assert read_deg(leg) == pytest.approx(30.0, abs=0.5)
    assert read_deg(leg.go(1.5, leg.pose).still(2.0)) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("side", SIDES)
def test_the_supine_thigh_may_lean_without_reading_as_rotation(new_leg, side):
    leg = new_leg("supine_rotation_test", side, 27).calibration()
    leg.go(1.5, leg.turned(0.0, flexion=-8.0)).still(1.0)
    assert read_deg(leg) == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "exercise", ["seated_internal_rotation", "prone_rotation_test", "seated_leg_extension_twist"]
)
def test_without_a_stand_thirty_degrees_still_read_thirty(new_leg, exercise, side):
    leg = new_leg(exercise, side, 28, thigh={"skin_share": 0.3}).calibration()
    leg.go(1.5, leg.turned(30.0)).still(1.0)
    assert read_deg(leg, stand=False) == pytest.approx(30.0, abs=0.2)
    with_stand, without = followed(leg), followed(leg, stand=False)
    assert without.sigma[-1] > 1.2 * with_stand.sigma[-1]  # both carry a knee axis's 2°
    assert np.isnan(without.knee_flexion).all()
    assert np.isnan(without.thigh_elevation).all()


# The other angles


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "exercise",
    ["prone_windshield_wiper", "seated_internal_rotation", "ninety_ninety_lift"],
)
def test_flexion_adduction_knee_and_elevation_are_those_of_the_leg(new_leg, exercise, side):
    leg = new_leg(exercise, side, 29).calibration()
    moved = leg.turned(20.0, flexion=5.0, adduction=4.0)
    series = followed(leg.go(1.5, moved).still(1.0))
    femur = leg.segments()[1][-1].as_matrix()
    assert math.degrees(series.flexion[-1]) == pytest.approx(moved[0], abs=0.5)
    assert math.degrees(series.adduction[-1]) == pytest.approx(moved[1], abs=0.5)
    assert math.degrees(series.knee_flexion[-1]) == pytest.approx(moved[3], abs=0.5)
    elevation = math.asin(-femur[2, 1])
    assert series.thigh_elevation[-1] == pytest.approx(elevation, abs=0.005)


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "seated_leg_extension_twist"])
def test_a_bending_knee_is_seen_and_does_not_turn_the_hip(new_leg, exercise):
    leg = new_leg(exercise, Side.LEFT, 30).calibration()
    leg.go(1.5, leg.turned(10.0, knee=20.0)).still(1.0)
    series = followed(leg)
    assert math.degrees(series.knee_flexion[-1]) == pytest.approx(leg.pose[3] + 20.0, abs=0.5)
    assert math.degrees(series.rotation[-1]) == pytest.approx(10.0, abs=0.2)


def test_standing_the_thigh_is_upright_and_prone_it_is_level(new_leg):
    for exercise, elevation_deg in (
        ("standing_banded_rotation", -80.0),
        ("prone_windshield_wiper", 0.0),
        ("supine_rotation_test", 90.0),
    ):
        series = followed(new_leg(exercise, Side.RIGHT, 31).calibration().still(1.0))
        assert math.degrees(series.thigh_elevation[-1]) == pytest.approx(elevation_deg, abs=0.5)


def test_the_speed_is_that_of_the_faster_unit(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 32).calibration()
    before = leg.now_s
    leg.go(2.0, leg.turned(40.0)).still(2.0)
    series = followed(leg)
    time_s = leg.frames().time_s[-len(series.speed) :]
    moving = series.speed[(time_s > before) & (time_s < before + 2.0)]
    assert math.degrees(moving.max()) == pytest.approx(1.875 * 40.0 / 2.0, rel=0.1)
    assert math.degrees(series.speed[-1]) < 0.5


# Live and batch


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    exercise=st.sampled_from((*GRAVITY, *HEADING)),
    side=st.sampled_from(SIDES),
    stand=st.booleans(),
)
def test_one_frame_at_a_time_gives_what_a_whole_recording_gives(
    new_leg, seed, exercise, side, stand
):
    rng = np.random.default_rng(seed)
    leg = new_leg(exercise, side, seed % 1000).calibration()
    stand = stand or exercise in ("ninety_ninety_lift", "side_lying_ankle_lift")
    calibration = calibrated(leg, stand=stand)
    steps = rng.normal(0.0, 0.03, size=(2, 300, 3))
    frames = LegFrames(
        calibration.ready_s + np.cumsum(rng.uniform(0.01, 0.04, 300)),
        wander(leg.frames().q_thigh[-1], steps[0]),
        wander(leg.frames().q_shank[-1], steps[1]),
    )
    for q in (frames.q_thigh, frames.q_shank):
        for begin in rng.integers(0, 300, 4):
            q[begin : begin + rng.integers(1, 20)] = np.nan
    exercise_ = load(exercise)
    series = angles_of_recording(calibration, exercise_, RATE_HZ, frames)
    one_by_one = np.array(live(calibration, exercise_, frames))
    for name, column in zip(LegAngles._fields, one_by_one.T, strict=True):
        whole = getattr(series, name)
        assert np.array_equal(np.isnan(whole), np.isnan(column)), name
        off = np.abs(whole - column)
        off = np.minimum(off, np.abs(off - 2 * np.pi))
        assert np.nanmax(off, initial=0.0) < 1e-9, name


def wander(start, steps):
    """Return orientations (n, 4) that wander off from a start by small turns (n, 3)."""
    out = [start]
    for x, y, z in steps[1:]:
        w, a, b, c = out[-1]
        q = np.array((w - a * x - b * y - c * z, a + w * x, b + w * y, c + w * z))
        out.append(q / np.linalg.norm(q))
    return np.array(out)


# Gaps


@pytest.mark.parametrize("missing", ["q_thigh", "q_shank"])
@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "standing_banded_rotation"])
def test_a_gap_of_either_unit_gives_unknown_and_never_a_held_value(new_leg, exercise, missing):
    leg = new_leg(exercise, Side.RIGHT, 33).calibration()
    leg.go(1.5, leg.turned(20.0)).still(3.0)
    calibration, frames = calibrated(leg), leg.frames()
    frames = cut(frames, frames.time_s > calibration.ready_s)
    gap = (frames.time_s > leg.now_s - 2.0) & (frames.time_s < leg.now_s - 1.0)
    getattr(frames, missing)[gap] = np.nan
    series = angles_of_recording(calibration, load(exercise), RATE_HZ, frames)
    for name in NAMES:
        assert np.isnan(getattr(series, name)[gap]).all(), name
    assert not np.isnan(series.rotation[~gap]).any()
    for angles, inside in zip(live(calibration, load(exercise), frames), gap.tolist(), strict=True):
        assert all(map(math.isnan, angles)) == inside


def test_what_comes_after_a_gap_reads_right_at_once(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 34).calibration()
    leg.go(1.5, leg.turned(20.0)).still(3.0)
    calibration, frames = calibrated(leg), leg.frames()
    gap = (frames.time_s > leg.now_s - 4.0) & (frames.time_s < leg.now_s - 1.0)
    frames.q_shank[gap] = np.nan
    series = angles_of_recording(calibration, load(leg.exercise), RATE_HZ, frames)
    first = int(np.flatnonzero(gap)[-1]) + 1
    assert math.degrees(series.rotation[first]) == pytest.approx(20.0, abs=0.2)


def test_a_recording_without_any_orientation_is_all_unknown(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 35).calibration()
    nothing = LegFrames(np.arange(5.0), np.full((5, 4), np.nan), np.full((5, 4), np.nan))
    series = angles_of_recording(calibrated(leg), load(leg.exercise), RATE_HZ, nothing)
    assert all(np.isnan(getattr(series, name)).all() for name in NAMES)


# Uncertainty


def test_sigma_grows_towards_a_vertical_thigh_and_the_angle_is_refused_beyond_the_limit(new_leg):
    leg = new_leg("seated_internal_rotation", Side.RIGHT, 36).calibration()
    leg.go(6.0, leg.turned(0.0, flexion=-89.0)).still(1.0)
    calibration, exercise, frames = calibrated(leg), load(leg.exercise), leg.frames()
    frames = cut(frames, frames.time_s > leg.now_s - 7.0)
    series = angles_of_recording(calibration, exercise, RATE_HZ, frames)
    elevation, sigma_deg = np.abs(series.thigh_elevation), np.degrees(series.sigma)
    sensors_deg = np.sqrt(sigma_deg**2 - math.degrees(calibration.sigma_axes_rad) ** 2)
    for steep_deg in (45.0, 60.0, 80.0, 87.0):
        at = int(np.argmin(np.abs(np.degrees(elevation) - steep_deg)))
        expected = sensors_deg[0] / math.cos(elevation[at])
        assert sensors_deg[at] == pytest.approx(expected, rel=0.35)  # more in motion
    leg = RecordedLeg(calibration, frames, ALWAYS)
    (record,) = follow_legs(
        {calibration.side: leg}, exercise, RATE_HZ, np.zeros(len(frames.time_s), bool)
    ).values()
    whole = record.rotation_deg
    monitor = LegMonitor(calibration, exercise, RATE_HZ)
    rows = zip(
        frames.time_s.tolist(), frames.q_thigh.tolist(), frames.q_shank.tolist(), strict=True
    )
    one_by_one = [monitor.push(t, tuple(a), tuple(b), False).rotation_deg for t, a, b in rows]
    refused = sigma_deg > exercise.max_sigma_deg
    assert 10 < refused.sum() < len(refused) - 10
    assert np.array_equal(np.isnan(whole), refused | record.away)
    assert np.array_equal(np.isnan(one_by_one), refused | record.away)


def test_sigma_is_larger_in_fast_motion_and_holds_the_calibrations_own(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 37).calibration()
    leg.go(0.4, leg.turned(40.0)).still(2.0)
    series = followed(leg)
    calibration = calibrated(leg)
    sensors = np.sqrt(series.sigma**2 - calibration.sigma_axes_rad**2)
    still, fastest = sensors[-1], sensors[np.argmax(series.speed)]
    assert 0.5 < math.degrees(still) < 1.0
    assert fastest > 1.5 * still
    worse = replace(calibration, sigma_axes_rad=math.radians(4.0))
    sure = angles_of_recording(calibration, load(leg.exercise), RATE_HZ, leg.frames()).sigma[-1]
    unsure = angles_of_recording(worse, load(leg.exercise), RATE_HZ, leg.frames()).sigma[-1]
    added = math.radians(4.0) ** 2 - calibration.sigma_axes_rad**2
    assert unsure**2 == pytest.approx(sure**2 + added)


def test_a_knee_that_leaves_the_angle_it_is_taken_to_keep_makes_the_angle_less_sure(new_leg):
    flexion, _, *others = new_leg("side_lying_ankle_lift", Side.RIGHT).pose
    sigma_deg, off_deg = [], []
    for knee in (0.0, -20.0):
        leg = new_leg(
            "side_lying_ankle_lift", Side.RIGHT, 38, pose=(flexion, -10.0, *others)
        ).calibration()
        start_deg = leg.inclinometer_deg()[-1]
        leg.go(20.0, leg.turned(0.0, knee=knee)).still(20.0)
        off_deg.append(abs(read_deg(leg) - (leg.inclinometer_deg()[-1] - start_deg)))
        sigma_deg.append(math.degrees(followed(leg).sigma[-1]))
    assert off_deg[1] > 2.0 * sigma_deg[0]
    assert off_deg[1] < 1.5 * sigma_deg[1]


def test_a_heading_angles_sigma_grows_until_the_next_still_return(new_leg):
    leg = new_leg("standing_banded_rotation", Side.RIGHT, 38).calibration()
    leg.go(1.5, leg.turned(30.0)).still(30.0).go(1.5, leg.pose).still(2.0)
    sigma_deg = np.degrees(followed(leg).sigma)
    at_hold, end_of_hold, returned = sigma_deg[-1900], sigma_deg[-240], sigma_deg[-1]
    assert end_of_hold > at_hold + 1.5
    assert end_of_hold == pytest.approx(0.1 * 32.0, abs=0.5)
    assert returned < 1.3


def test_who_steps_away_has_no_angle_until_standing_still_in_the_start_pose_again(new_leg):
    leg = new_leg("standing_banded_rotation", Side.LEFT, 44).calibration()
    leg.reps(2, 15.0).still(1.0)
    away_s = leg.now_s
    leg.go(0.5, leg.turned(30.0, flexion=40.0, knee=60.0)).go(0.5, leg.turned(0.0)).still(2.0)
    frames, calibration, exercise = leg.frames(), calibrated(leg), load(leg.exercise)
    after = cut(frames, frames.time_s > calibration.ready_s)
    series = angles_of_recording(calibration, exercise, RATE_HZ, after)
    lost_s = after.time_s[series.lost == 1.0]
    assert away_s < lost_s[0] < away_s + 0.7
    assert away_s + 1.8 < lost_s[-1] < away_s + 2.5
    assert np.all(np.diff(lost_s) < 1.5 / RATE_HZ)
    assert series.rotation[-1] == pytest.approx(0.0, abs=math.radians(0.2))
    leaving = (after.time_s > away_s + 0.1) & (after.time_s < lost_s[0])
    assert np.all(np.diff(series.sigma[leaving]) > 0.0)  # the loss makes nothing surer
    leg = RecordedLeg(calibration, frames, ALWAYS)
    (record,) = follow_legs(
        {calibration.side: leg}, exercise, RATE_HZ, np.zeros(len(frames.time_s), bool)
    ).values()
    is_lost = np.isin(frames.time_s, lost_s)
    assert np.isnan(record.rotation_deg[is_lost]).all()
    assert not np.isnan(record.rotation_deg[frames.time_s > lost_s[-1]]).any()
