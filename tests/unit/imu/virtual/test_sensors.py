"""The virtual wearer's units: their errors, measured on what they put out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch
from scipy.spatial.transform import Rotation

from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotate, rotation_vector
from imu.sample import Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.settings import WearerSettings
from imu.virtual.units.sensors import (
    GRAVITY_MPS2,
    angular_velocity,
    mounting,
    specific_force,
    with_errors,
)
from imu.virtual.wearer import wear

UP = np.array([0.0, 0.0, 1.0])
PERFECT = WearerSettings(
    gyro_noise_dps_per_sqrt_hz=0.0,
    gyro_bias_sd_dps=0.0,
    gyro_scale_sd=0.0,
    acc_noise_ug_per_sqrt_hz=0.0,
    acc_bias_sd_mg=0.0,
    reps=3,
)
THIGH = (Segment.THIGH, Side.RIGHT)


@pytest.fixture(scope="module")
def resting():
    """Return what many units put out that lie still for 60 s: gyro in °/s, acc in mg."""
    still = np.zeros((60 * 480, 3))
    pairs = [
        with_errors(still, still, chance_from(seed).units[THIGH], WearerSettings())
        for seed in range(100)
    ]
    gyro = np.array([gyr for gyr, _ in pairs])
    return np.degrees(gyro), np.array([acc for _, acc in pairs]) / GRAVITY_MPS2 * 1e3


def test_the_gyro_has_0_007_dps_per_root_hz_of_white_noise(resting):
    frequency, power = welch(resting[0][:10], 480.0, axis=1, nperseg=4096)
    density = np.sqrt(power.mean(axis=(0, 2)))
    for low, high in ((1.0, 30.0), (30.0, 120.0), (120.0, 230.0)):
        band = (frequency > low) & (frequency < high)
        assert density[band].mean() == pytest.approx(0.007, rel=0.03)


def test_the_accelerometer_has_120_ug_per_root_hz_of_white_noise(resting):
    frequency, power = welch(resting[1][:10] * 1e3, 480.0, axis=1, nperseg=4096)
    density = np.sqrt(power.mean(axis=(0, 2)))
    for low, high in ((1.0, 30.0), (30.0, 120.0), (120.0, 230.0)):
        band = (frequency > low) & (frequency < high)
        assert density[band].mean() == pytest.approx(120.0, rel=0.03)


def test_biases_are_0_3_dps_and_10_mg_sd(resting):
    # 300 draws: the standard deviation is known to 4 %
    assert resting[0].mean(axis=1).std() == pytest.approx(0.3, rel=0.15)
    assert resting[1].mean(axis=1).std() == pytest.approx(10.0, rel=0.15)


def test_the_gyro_scale_is_off_by_0_3_percent_sd():
    settings = replace(WearerSettings(), gyro_noise_dps_per_sqrt_hz=0.0, gyro_bias_sd_dps=0.0)
    one = np.ones((1, 3))
    scale = [
        with_errors(one, one, chance_from(seed).units[THIGH], settings)[0][0] - 1.0
        for seed in range(200)
    ]
    assert np.std(scale) == pytest.approx(0.003, rel=0.15)


def test_units_are_strapped_square_in_any_of_24_ways_give_or_take_15_degrees_about_each_axis():
    drawn = [mounting(chance_from(s).units[THIGH].mount, WearerSettings())[0] for s in range(300)]
    attitudes = Rotation.from_quat(np.array(drawn), scalar_first=True)
    square = Rotation.create_group("O")
    off = np.array([[(g.inv() * a).magnitude() for g in square] for a in attitudes])
    assert len(set(off.argmin(axis=1))) == 24
    # Three axes of 15° each are 15·√3 = 26° together
    nearest = np.degrees(np.sqrt(np.mean(off.min(axis=1) ** 2)))
    assert nearest == pytest.approx(15.0 * np.sqrt(3.0), rel=0.1)


def test_every_unit_has_a_heading_of_its_own():
    headings = [
        mounting(unit.mount, WearerSettings())[1]
        for seed in range(40)
        for unit in chance_from(seed).units.values()
    ]
    counts, _ = np.histogram(headings, bins=4, range=(0.0, 2.0 * np.pi))
    assert counts.min() > 30


@pytest.mark.parametrize("side", list(Side))
def test_the_skin_of_the_thigh_turns_30_percent_less_and_that_of_the_shank_5_percent(side):
    # Straight knee: the shank turns about its own axis with the hip.
    wearing = wear("seated_leg_extension_twist", str(side), 3, PERFECT)
    truth = wearing.truth
    thigh, shank = (trace.q_earth_sensor_true for trace in wearing.traces)
    turned = truth.joint_rotation_deg[side]
    at = np.searchsorted(truth.time_s, dict(map(reversed, wearing.marks))["set_start"])
    lag = _turn_about_y(truth.q_earth_femur[side], thigh, at)
    expected = -0.30 * side.sign * (turned - turned[at])
    np.testing.assert_allclose(lag[at:], expected[at:], atol=1e-6)
    lag = _turn_about_y(truth.q_earth_shank[side], shank, at)
    knee = np.radians(truth.knee_flexion_deg[side])
    # The knee keeps still in the set, so the share of the turn that is the shank's own is fixed.
    expected = -0.05 * side.sign * (turned - turned[at]) * np.cos(knee)
    np.testing.assert_allclose(lag[at:], expected[at:], atol=1e-6)
    assert np.ptp(lag[at:]) > 0.5


def test_a_unit_that_turns_about_its_axis_measures_that_rate_and_gravity():
    rate_hz, rate_rad_s = 480.0, 1.5
    angle = np.arange(960) / rate_hz * rate_rad_s
    q = np.stack((np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle), axis=-1)
    gyr = angular_velocity(q, rate_hz)
    np.testing.assert_allclose(gyr, np.tile([rate_rad_s, 0.0, 0.0], (960, 1)), atol=1e-9)
    # 0.3 m from the axis, along its own y: centripetal acceleration ω²r inwards, gravity upwards
    force = specific_force(q, by_rows(rotate, q, np.array([0.0, 0.3, 0.0])), rate_hz)[1:-1]
    inwards = np.array([0.0, -(rate_rad_s**2) * 0.3, 0.0])
    expected = inwards + GRAVITY_MPS2 * by_rows(rotate, by_rows(conjugate, q[1:-1]), UP)
    np.testing.assert_allclose(force, expected, atol=1e-4)


def test_the_measured_rates_carry_each_orientation_to_the_next():
    wearing = wear("prone_windshield_wiper", "right", 2, PERFECT)
    for trace in wearing.traces:
        steps = Rotation.from_rotvec(trace.gyr[1:] / 480.0)
        before = Rotation.from_quat(trace.q_earth_sensor_true[:-1], scalar_first=True)
        after = Rotation.from_quat(trace.q_earth_sensor_true[1:], scalar_first=True)
        assert ((before * steps).inv() * after).magnitude().max() < 1e-9


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "supine_rotation_test"])
def test_without_biases_the_fusion_on_board_knows_up_to_1_5_degrees(exercise):
    settings = WearerSettings(gyro_bias_sd_dps=0.0, acc_bias_sd_mg=0.0, reps=3)
    for seed in range(3):
        wearing = wear(exercise, "right", seed, settings)
        settled = wearing.truth.time_s > 2.0
        for trace in wearing.traces:
            true_up = by_rows(rotate, by_rows(conjugate, trace.q_earth_sensor_true), UP)
            said_up = by_rows(rotate, by_rows(conjugate, trace.q_earth_sensor), UP)
            error = np.degrees(np.linalg.norm(np.cross(true_up, said_up), axis=-1))[settled]
            assert np.sqrt(np.mean(error**2)) < 1.0
            assert np.percentile(error, 95) < 1.5


def test_the_pelvis_unit_follows_the_pelvis():
    wearing = wear("prone_rotation_test", "left", 1, replace(PERFECT, pelvis_unit=True))
    assert [unit.label for unit in wearing.units] == ["left thigh", "left shank", "pelvis"]
    trace = wearing.traces[2]
    relative = by_rows(
        multiply, by_rows(conjugate, wearing.truth.q_earth_pelvis), trace.q_earth_sensor_true
    )
    np.testing.assert_allclose(relative, relative[:1].repeat(len(relative), axis=0), atol=1e-12)


def _turn_about_y(q_earth_segment: np.ndarray, q_earth_sensor: np.ndarray, at: int) -> np.ndarray:
    """Return the turn of the sensor on its segment since one instant, about y, in degrees."""
    on_segment = by_rows(multiply, by_rows(conjugate, q_earth_segment), q_earth_sensor)
    since = by_rows(multiply, on_segment, by_rows(conjugate, on_segment[at]))
    turn = np.degrees(by_rows(rotation_vector, since, of=ARRAYS))
    assert np.abs(turn[at:, [0, 2]]).max() < 1e-6
    return turn[:, 1]
