"""Orientation from acceleration and rotation rate: geometry, gaps, bad samples, live and batch."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.fuse.orientation import HostFilter, fuse, missing_before
from imu.fuse.orientation_filters import levelled
from imu.importers.xsens.xsens_dot import read_dot_file
from imu.quaternion import (
    ARRAYS,
    FLOATS,
    IDENTITY,
    by_rows,
    conjugate,
    from_axis_angle,
    multiply,
    norm,
    rotate,
    rotation_vector,
    table_of,
    xyz,
)

RATE_HZ = 60.0
G = 9.81
UP = np.array([0.0, 0.0, 1.0])
FILTERS = ("vqf", "madgwick", "mahony", "ekf")
every_filter = pytest.mark.parametrize("name", FILTERS)


def clock(n):
    return np.arange(n) / RATE_HZ


def up_error_deg(q, up_sensor):
    """Angle between the estimated and the true direction of up, in the sensor's frame."""
    seen = by_rows(rotate, by_rows(conjugate, q), UP)
    cosine = np.sum(seen * up_sensor, axis=-1)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(seen, up_sensor), axis=-1), cosine))


def turning(axis, speed_radps, n, q_start=IDENTITY):
    """Return q, acc and gyr of a sensor that stays in place and turns about its own axis."""
    axis = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    speed = np.broadcast_to(speed_radps, (n,))
    angle = np.concatenate(([0.0], np.cumsum(speed[1:]) / RATE_HZ))
    q = by_rows(multiply, np.array(q_start), table_of(from_axis_angle(xyz(axis), angle, ARRAYS)))
    return q, by_rows(rotate, by_rows(conjugate, q), G * UP), speed[:, None] * axis


def wobbling(n, seed=0):
    """Return a still second and then a smooth swing about all axes."""
    rng = np.random.default_rng(seed)
    t = np.maximum(clock(n) - 1.0, 0.0)
    angle = np.sin(np.outer(t, rng.uniform(1.0, 3.0, 3)) * (1 - np.exp(-t))[:, None])
    q = table_of(from_axis_angle(xyz(np.array([0.0, 0.0, 1.0])), angle[:, 0], ARRAYS))
    q = by_rows(
        multiply, q, table_of(from_axis_angle(xyz(np.array([0.0, 1.0, 0.0])), angle[:, 1], ARRAYS))
    )
    q = by_rows(
        multiply, q, table_of(from_axis_angle(xyz(np.array([1.0, 0.0, 0.0])), angle[:, 2], ARRAYS))
    )
    step = (
        by_rows(rotation_vector, by_rows(multiply, by_rows(conjugate, q[:-1]), q[1:]), of=ARRAYS)
        * RATE_HZ
    )
    gyr = np.vstack((np.zeros(3), step))
    return q, by_rows(rotate, by_rows(conjugate, q), G * UP), gyr


def stream(time_s, acc, gyr, name):
    host = HostFilter(name, RATE_HZ)
    q, valid = [], []
    for i in range(len(time_s)):
        missing = missing_before(time_s[i] - time_s[i - 1], RATE_HZ) if i else 0
        one = host.update(tuple(acc[i].tolist()), tuple(gyr[i].tolist()), missing)
        q.append(one if one is not None else (math.nan,) * 4)
        valid.append(host.valid)
    return np.array(q), np.array(valid)


# -- geometry ----------------------------------------------------------------------------------


@every_filter
@pytest.mark.parametrize(
    "up", [(0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (1, -2, 0.5)]
)
def test_a_still_tilted_sensor_knows_where_up_is_from_the_first_sample_on(name, up):
    up = np.array(up, dtype=np.float64) / np.linalg.norm(up)
    acc, gyr = np.tile(G * up, (120, 1)), np.zeros((120, 3))
    q, valid = fuse(clock(120), acc, gyr, RATE_HZ, name)
    assert up_error_deg(q[:1], up).max() < 1e-6
    # Madgwick's step of constant length goes to and fro about rest by gain × period = 0.06°
    assert up_error_deg(q, up).max() < 0.1
    assert valid[-1]


@every_filter
def test_a_still_sensor_that_begins_wrong_is_righted_though_its_rotation_is_exactly_zero(name):
    # one sample of 20° error at the start, then rest: zero rotation must not stop the correction
    wrong = (G * math.sin(0.35), 0.0, G * math.cos(0.35))
    host = HostFilter(name, RATE_HZ)
    host.update(wrong, (0.0, 0.0, 0.0))
    for _ in range(20 * 60):
        q = host.update((0.0, 0.0, G), (0.0, 0.0, 0.0))
    assert up_error_deg(np.array(q), UP) < 0.5


# vqf integrates exactly. The ahrs filters step in straight lines, and Madgwick and Mahony compare
# gravity of now with the orientation of a sample ago, which leads by 1.5° at 90 °/s.
@pytest.mark.parametrize(
    ("name", "tolerance_deg"), [("vqf", 0.05), ("madgwick", 0.5), ("mahony", 1.0), ("ekf", 0.3)]
)
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, -1)])
def test_a_constant_turn_ends_where_the_closed_form_says(name, tolerance_deg, axis):
    speed = np.concatenate((np.zeros(60), np.full(60, math.radians(90)), np.zeros(30)))
    truth, acc, gyr = turning(axis, speed, 150, from_axis_angle((0.6, 0.8, 0.0), 0.5, FLOATS))
    q, valid = fuse(clock(150), acc, gyr, RATE_HZ, name)
    turned = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, q[50]), q[-1]), of=ARRAYS
    )
    expected = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, truth[50]), truth[-1]), of=ARRAYS
    )
    assert np.degrees(np.linalg.norm(expected)) == pytest.approx(90.0)
    assert np.degrees(np.linalg.norm(turned - expected)) < tolerance_deg
    assert up_error_deg(q[-1], by_rows(rotate, by_rows(conjugate, truth[-1]), UP)) < tolerance_deg
    assert valid[50:].all()


@pytest.mark.parametrize(
    ("name", "tolerance_deg"), [("vqf", 0.5), ("madgwick", 2.5), ("mahony", 2.0), ("ekf", 0.5)]
)
def test_every_filter_follows_a_swing_without_push(name, tolerance_deg):
    truth, acc, gyr = wobbling(1200)
    q, valid = fuse(clock(1200), acc, gyr, RATE_HZ, name)
    assert (
        up_error_deg(q, by_rows(rotate, by_rows(conjugate, truth), UP))[valid].max() < tolerance_deg
    )
    assert valid[60:].all()


@every_filter
def test_a_gyroscope_bias_tilts_a_still_sensor_by_less_than_a_degree(name):
    n = 1200
    acc = np.tile([0.0, 0.6 * G, 0.8 * G], (n, 1))
    gyr = np.tile(np.radians([0.3, -0.3, 0.3]), (n, 1))
    q, _ = fuse(clock(n), acc, gyr, RATE_HZ, name)
    assert up_error_deg(q, np.array([0.0, 0.6, 0.8])).max() < 1.0


@given(
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: norm(q, FLOATS) > 0.1),
    st.tuples(*[st.floats(-20, 20)] * 3).filter(lambda v: math.hypot(*v) > 0.1),
)
def test_levelling_puts_the_specific_force_upright_and_turns_no_more_than_needed(q, acc):
    q = tuple(part / norm(q, FLOATS) for part in q)
    after = levelled(q, acc)
    assert math.dist(rotate(after, acc), (0, 0, math.hypot(*acc))) < 1e-4
    turn = by_rows(
        rotation_vector,
        by_rows(multiply, np.array(after), by_rows(conjugate, np.array(q))),
        of=ARRAYS,
    )
    needed = up_error_deg(np.array(q), np.array(acc) / math.hypot(*acc))
    assert np.degrees(np.linalg.norm(turn)) == pytest.approx(needed, abs=1e-4)


# -- live against batch ------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(FILTERS))
def test_live_and_batch_give_identical_quaternions_through_gaps_and_bad_samples(seed, name):
    rng = np.random.default_rng(seed)
    _, acc, gyr = wobbling(500, seed)
    acc[300:360], gyr[300:360] = acc[300], 0.0  # a rest
    keep = rng.random(500) > 0.02
    keep[:60] = keep[300:360] = True
    for length in (2, 5, 8, 12, 40):
        start = rng.choice((rng.integers(60, 260), rng.integers(360, 450)))
        keep[start : start + length] = False
    time_s, acc, gyr = clock(500)[keep], acc[keep], gyr[keep]
    acc[rng.integers(60, 200, 3)] = np.nan
    q, valid = fuse(time_s, acc, gyr, RATE_HZ, name)
    q_live, valid_live = stream(time_s, acc, gyr, name)
    np.testing.assert_array_equal(q, q_live)
    np.testing.assert_array_equal(valid, valid_live)
    assert valid[40]
    assert valid[time_s > 5][30]
    assert not valid.all()


def test_jitter_of_a_third_of_a_sample_changes_nothing():
    _, acc, gyr = wobbling(300)
    jitter = np.random.default_rng(1).uniform(-1, 1, 300) / 3 / 2 / RATE_HZ
    even, uneven = (fuse(t, acc, gyr, RATE_HZ)[0] for t in (clock(300), clock(300) + jitter))
    np.testing.assert_array_equal(even, uneven)


# -- gaps --------------------------------------------------------------------------------------


def without(lost, n=1200, seed=0):
    """Return fuse's result and the truth when the samples `lost` never came."""
    truth, acc, gyr = wobbling(n, seed)
    keep = np.ones(n, dtype=np.bool_)
    keep[lost] = False
    q, valid = fuse(clock(n)[keep], acc[keep], gyr[keep], RATE_HZ)
    whole, _ = fuse(clock(n), acc, gyr, RATE_HZ)
    return q, valid, truth[keep], whole[keep]


def test_a_gap_of_100_ms_is_filled_and_stays_valid():
    q, valid, _, whole = without(slice(400, 405))
    assert valid[60:].all()
    turn = by_rows(rotation_vector, by_rows(multiply, by_rows(conjugate, whole), q), of=ARRAYS)
    assert np.degrees(np.linalg.norm(turn, axis=1)).max() < 0.5


def test_a_gap_filled_is_far_better_than_a_gap_ignored():
    truth, acc, gyr = wobbling(600)
    keep = np.ones(600, dtype=np.bool_)
    keep[300:305] = False
    filled, _ = fuse(clock(600)[keep], acc[keep], gyr[keep], RATE_HZ)
    ignored, _ = fuse(clock(595), acc[keep], gyr[keep], RATE_HZ)
    up = by_rows(rotate, by_rows(conjugate, truth[keep]), UP)
    assert 10 * up_error_deg(filled, up)[300] < up_error_deg(ignored, up)[300]


def test_a_gap_of_more_than_100_ms_is_not_valid_for_6_seconds_of_movement():
    q, valid, _, _ = without(slice(400, 406))
    assert np.isfinite(q).all()
    assert valid[60:400].all()
    assert not valid[400 : 400 + 359].any()
    assert valid[400 + 359 :].all()


@every_filter
def test_a_long_gap_holds_the_heading_and_takes_the_inclination_afresh(name):
    # a turn of the heading by 40° is seen; then a tip by 90° happens unseen, and filled, the old
    # gravity would linger for seconds
    speed = np.zeros(300)
    speed[60:100] = math.radians(60)
    _, acc, gyr = turning((0, 0, 1), speed, 300)
    acc[160:] = tipped = rotate(from_axis_angle((1, 0, 0), -math.pi / 2, FLOATS), (0, 0, G))
    keep = np.ones(300, dtype=np.bool_)
    keep[150:180] = False
    q, _ = fuse(clock(300)[keep], acc[keep], gyr[keep], RATE_HZ, name)
    assert up_error_deg(q[150:], np.array(tipped) / G).max() < 0.1
    x, y, _ = by_rows(rotate, q[-1], np.array([1.0, 0.0, 0.0]))
    assert math.degrees(math.atan2(y, x)) == pytest.approx(40.0, abs=0.5)


@every_filter
def test_half_a_second_of_stillness_after_a_gap_makes_it_valid_again(name):
    n = 600
    acc, gyr = np.tile([0.0, 0.0, G], (n, 1)), np.zeros((n, 3))
    keep = np.ones(n, dtype=np.bool_)
    keep[200:300] = False
    q, valid = fuse(clock(n)[keep], acc[keep], gyr[keep], RATE_HZ, name)
    assert np.flatnonzero(~valid).tolist() == [*range(29), *range(200, 229)]
    assert up_error_deg(q, UP).max() < 0.1


def test_stillness_after_a_wild_start_tells_gravity_at_once():
    n = 300
    acc, gyr = np.tile([0.0, 0.0, G], (n, 1)), np.zeros((n, 3))
    acc[:100] += [6.0, 0.0, 0.0]  # pushed sideways for 1.7 s: 31° wrong
    for name in FILTERS:
        q, valid = fuse(clock(n), acc, gyr, RATE_HZ, name)
        assert up_error_deg(q[99], UP) > 10
        assert not valid[:129].any()
        assert valid[129:].all()
        assert up_error_deg(q[130:], UP).max() < 0.1, name


@pytest.mark.parametrize(
    ("name", "seconds"), [("vqf", 3), ("madgwick", 6), ("mahony", 6), ("ekf", 6)]
)
def test_a_start_in_motion_and_a_long_gap_in_motion_are_valid_seconds_later(name, seconds):
    _, acc, gyr = wobbling(1300)
    keep = np.ones(1200, dtype=np.bool_)
    keep[500:600] = False
    time_s = clock(1200)[keep]
    _, valid = fuse(time_s, acc[100:][keep], gyr[100:][keep], RATE_HZ, name)
    first = 60 * seconds - 1
    expected = [*range(first), *range(500, 500 + first)]
    assert np.flatnonzero(~valid).tolist() == expected


def test_where_a_start_in_motion_is_valid_it_is_right_to_three_degrees():
    for seed in range(5):
        truth, acc, gyr = wobbling(1300, seed)
        acc = (
            acc + 2.0 * np.sin(clock(1300) * 7.0)[:, None]
        )  # a push to and fro about once a second
        q, valid = fuse(clock(1200), acc[100:], gyr[100:], RATE_HZ)
        error = up_error_deg(q, by_rows(rotate, by_rows(conjugate, truth[100:]), UP))
        assert error[:60].max() > 5.0
        assert error[valid].max() < 3.0


def sinking_holds(reps):
    """Return the speeds of a limb that is lifted by 30°, sinks in each hold, and goes back."""
    stroke_s, hold_s, rest_s = 1.5, 2.5, 1.0
    up = 30.0 / stroke_s * (1 - np.cos(2 * np.pi * np.arange(90) / 90))
    sinks = np.full(round(hold_s * RATE_HZ), -0.4)
    back = -up * (1.0 - 0.4 * hold_s / 30.0)
    rep = np.concatenate((up, sinks, back, np.zeros(round(rest_s * RATE_HZ))))
    return np.radians(np.concatenate((np.zeros(480), np.tile(rep, reps))))


def test_a_limb_that_sinks_in_every_hold_is_not_taken_for_a_biased_gyroscope():
    speed = sinking_holds(60)
    q_true, acc, gyr = turning((1, 0, 0), speed, len(speed))
    q, _ = fuse(clock(len(speed)), acc, gyr, RATE_HZ)
    error = up_error_deg(q, by_rows(rotate, by_rows(conjugate, q_true), UP))
    assert error[-1000:].max() < 0.25


def test_eight_still_seconds_tell_the_bias_of_the_gyroscope_though_it_is_large():
    speed = sinking_holds(1)
    q_true, acc, gyr = turning((1, 0, 0), speed, len(speed))
    q, _ = fuse(clock(len(speed)), acc, gyr + np.radians((1.0, -0.8, 0.6)), RATE_HZ)
    error = up_error_deg(q, by_rows(rotate, by_rows(conjugate, q_true), UP))
    assert error[480:].max() < 0.25


def test_many_short_gaps_are_not_valid_though_each_alone_would_be():
    _, acc, gyr = wobbling(2400)
    keep = np.ones(2400, dtype=np.bool_)
    for start in range(600, 1200, 20):  # 5 of 20 lost: a quarter
        keep[start : start + 5] = False
    _, valid = fuse(clock(2400)[keep], acc[keep], gyr[keep], RATE_HZ)
    during = clock(2400)[keep]
    assert valid[(during > 1) & (during < 10)].all()
    assert not valid[(during > 13) & (during < 24)].any()
    assert valid[during > 27].all()


def test_gaps_long_ago_are_forgotten():
    _, acc, gyr = wobbling(2400)
    keep = np.ones(2400, dtype=np.bool_)
    for start in (600, 610, 620, 2000, 2010, 2020):  # 250 ms each time, 20 s apart
        keep[start : start + 5] = False
    _, valid = fuse(clock(2400)[keep], acc[keep], gyr[keep], RATE_HZ)
    assert valid[60:].all()


def test_a_run_of_samples_that_cannot_be_is_a_gap():
    _, acc, gyr = wobbling(1200)
    acc[400:406] = np.nan
    _, valid = fuse(clock(1200), acc, gyr, RATE_HZ)
    assert np.flatnonzero(~valid[60:]).tolist() == list(range(340, 340 + 6 + 359))


def test_one_lost_sample_in_a_hundred_stays_valid():
    _, valid, _, _ = without(slice(100, None, 100))
    assert valid[60:].all()


# -- samples that cannot be --------------------------------------------------------------------


@every_filter
@pytest.mark.parametrize(
    ("acc", "gyr"),
    [
        ((math.nan, 0.0, G), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, G), (0.0, math.nan, 0.0)),
        ((0.0, 0.0, math.inf), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, 1e6), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, G), (0.0, 0.0, -1e4)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_a_sample_that_cannot_be_gives_no_orientation_and_harms_no_other(name, acc, gyr):
    host = HostFilter(name, RATE_HZ)
    assert host.update(acc, gyr) is None
    for _ in range(60):
        before = host.update((0.0, 3.0, 9.0), (0.0, 0.0, 0.0))
    assert host.valid
    assert host.update(acc, gyr) is None
    assert not host.valid
    after = host.update((0.0, 3.0, 9.0), (0.0, 0.0, 0.0))
    assert host.valid
    # 0.12°: two steps of Madgwick's; none of the others moves
    assert np.degrees(2 * math.dist(before, after)) < 0.13


def test_a_recording_of_nothing_usable_gives_nothing():
    q, valid = fuse(clock(5), np.full((5, 3), np.nan), np.zeros((5, 3)), RATE_HZ)
    assert np.isnan(q).all()
    assert not valid.any()
    q, valid = fuse(clock(0), np.empty((0, 3)), np.empty((0, 3)), RATE_HZ)
    assert q.shape == (0, 4)
    assert valid.shape == (0,)


@given(st.floats(1e-300, 1e300), st.sampled_from(FILTERS))
@settings(max_examples=40, deadline=None)
def test_no_gap_is_too_long_and_no_rotation_too_small(scale, name):
    time_s = np.array([0.0, 1 / RATE_HZ, 2 / RATE_HZ, 2 / RATE_HZ + scale])
    if time_s[-1] <= time_s[-2]:
        return
    gyr = np.full((4, 3), min(scale, 1e-3))
    q, _ = fuse(time_s, np.tile([0.0, 0.0, -G], (4, 1)), gyr, RATE_HZ, name)
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((clock(9), np.zeros((8, 3)), np.zeros((9, 3)), 60.0), "shapes"),
        ((clock(9)[::-1], np.zeros((9, 3)), np.zeros((9, 3)), 60.0), "run forwards"),
        ((np.zeros(9), np.zeros((9, 3)), np.zeros((9, 3)), 60.0), "run forwards"),
        ((np.full(9, np.nan), np.zeros((9, 3)), np.zeros((9, 3)), 60.0), "run forwards"),
        ((clock(9), np.zeros((9, 3)), np.zeros((9, 3)), 50.0), "not 50.0 Hz"),
        ((clock(9), np.zeros((9, 3)), np.zeros((9, 3)), 30.0), "not 30.0 Hz"),
        ((clock(9), np.zeros((9, 3)), np.zeros((9, 3)), 0.0), "rate_hz"),
        ((clock(9), np.zeros((9, 3)), np.zeros((9, 3)), math.nan), "rate_hz"),
        ((clock(9), np.zeros((9, 3)), np.zeros((9, 3)), 60.0, "aqua"), "'aqua'"),
    ],
)
def test_what_cannot_be_fused_is_refused_with_the_reason(arguments, said):
    with pytest.raises(ValueError, match=said):
        fuse(*arguments)


# -- a real recording --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def knee():
    root = os.environ.get("HIPTURN_TEST_DATA")
    folder = Path(root or "") / "xsens_dot_knee"
    if not root or not folder.is_dir():
        pytest.skip("the recorded knee is not here: set HIPTURN_TEST_DATA to its folder")
    return [read_dot_file(folder / name) for name in ("femur.csv", "tibia.csv")]


@pytest.mark.parametrize("name", FILTERS[1:])
def test_on_a_real_knee_the_filters_agree_about_up_to_a_few_degrees(knee, name):
    # a few degrees is what each errs by in simulated leg swings of such speed
    for dot in knee:
        time_s = (dot.running_us - dot.running_us[0]) * 1e-6
        ours, valid = fuse(time_s, dot.acc, dot.gyr, dot.rate_hz)
        other, _ = fuse(time_s, dot.acc, dot.gyr, dot.rate_hz, name)
        error = up_error_deg(other, by_rows(rotate, by_rows(conjugate, ours), UP))[valid]
        assert math.sqrt(np.mean(error**2)) < 5.0
