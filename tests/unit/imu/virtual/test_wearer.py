"""A virtual wearer as a whole: same seed same session, and a truth anyone can check."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.sample import Side
from imu.virtual.person.movements import MOVEMENTS, PelvisPosition
from imu.virtual.wearer import WearerSettings, wear

SHORT = WearerSettings(reps=2)


def quaternions(wearing, unit):
    return [sample.q for sample in wearing.samples if sample.unit == unit]


def test_the_same_seed_gives_the_same_session_bit_for_bit():
    settings = WearerSettings(reps=2, sensor_output="quaternion+raw", pelvis_unit=True)
    first, second = (wear("prone_windshield_wiper", "both", 11, settings) for _ in range(2))
    assert repr(first.samples) == repr(second.samples)
    assert first.marks == second.marks
    assert first.truth.reps == second.truth.reps
    for side in Side:
        assert first.truth.angle_deg[side].tobytes() == second.truth.angle_deg[side].tobytes()


def test_another_seed_gives_another_session():
    first, second = (wear("prone_rotation_test", "right", seed, SHORT) for seed in (1, 2))
    assert first.samples[0] != second.samples[0]
    assert first.truth.reps != second.truth.reps


def test_another_unit_or_radio_leaves_the_wearer_and_the_other_units_as_they_were():
    plain = wear("prone_rotation_test", "right", 1, SHORT)
    with_pelvis = wear("prone_rotation_test", "right", 1, WearerSettings(reps=2, pelvis_unit=True))
    for unit in (0, 1):
        assert quaternions(plain, unit) == quaternions(with_pelvis, unit)
    lossless = wear("prone_rotation_test", "right", 1, WearerSettings(reps=2, loss_share=0.0))
    for unit in (0, 1):
        assert set(quaternions(plain, unit)) < set(quaternions(lossless, unit))
    silent = wear(
        "prone_rotation_test", "right", 1, WearerSettings(reps=2, gyro_noise_dps_per_sqrt_hz=0.0)
    )
    assert silent.truth.reps == plain.truth.reps
    assert silent.marks == plain.marks


@pytest.mark.parametrize("exercise", MOVEMENTS)
@pytest.mark.parametrize("side", list(Side))
def test_the_truth_is_the_definition_computed_anew_from_the_true_segments(exercise, side):
    wearing = wear(exercise, str(side), 4, SHORT)
    truth, movement = wearing.truth, MOVEMENTS[exercise]
    moments = {label: moment for moment, label in wearing.marks}
    femur = Rotation.from_quat(truth.q_earth_femur[side], scalar_first=True)
    x, z = (femur.as_matrix()[:, :, column] for column in (0, 2))
    pose = (truth.time_s >= moments["pose_start"]) & (truth.time_s <= moments["pose_end"])
    if movement.angle == "gravity":
        angle = side.sign * np.degrees(np.arctan2(z[:, 2], x[:, 2]))
    else:
        right = z[pose].mean(axis=0) * (1.0, 1.0, 0.0)
        right /= np.linalg.norm(right)
        up = np.array([0.0, 0.0, 1.0])
        if movement.pelvis is PelvisPosition.SUPINE:
            axes = np.stack((up, np.cross(right, up), right), axis=1)
        else:
            axes = np.stack((np.cross(up, right), up, right), axis=1)
        relative = Rotation.from_matrix(axes).inv() * femur[truth.time_s > moments["pose_start"]]
        # With the thigh standing or lying as it should the third angle is far from its lock.
        angle = np.full(len(truth.time_s), np.nan)
        angle[truth.time_s > moments["pose_start"]] = (
            side.sign * relative.as_euler("ZXY", degrees=True)[:, 2]
        )
    zero = {"prone_windshield_wiper": 180.0, "prone_rotation_test": 180.0}.get(exercise)
    if exercise == "seated_internal_rotation":
        zero = 0.0
    if zero is None:
        zero = np.nanmean(angle[pose])
    expected = (angle - zero + 180.0) % 360.0 - 180.0
    measured = truth.time_s > moments["pose_start"]
    np.testing.assert_allclose(truth.angle_deg[side][measured], expected[measured], atol=1e-4)


@pytest.mark.parametrize("exercise", MOVEMENTS)
def test_every_exercise_reads_its_own_reps_on_both_legs(exercise):
    for side in Side:
        wearing = wear(exercise, str(side), 6, SHORT)
        reps = wearing.truth.reps[side]
        low, high = MOVEMENTS[exercise].amplitude_range_deg
        assert len(reps) == 2
        for rep in reps:
            assert rep.start_s < rep.hold_start_s < rep.hold_end_s < rep.end_s
            assert 0.8 * low - 3.0 < rep.rom_deg < 1.2 * high + 3.0
            assert wearing.truth.angle_at(side, rep.peak_s) == pytest.approx(rep.peak_deg)
            assert rep.rom_deg == pytest.approx(rep.peak_deg - rep.start_deg)


def test_marks_come_in_the_order_of_a_session_and_on_its_clock():
    wearing = wear("prone_windshield_wiper", "right", 3, SHORT)
    assert [label for _, label in wearing.marks] == [
        "stand_start",
        "stand_end",
        "pose_start",
        "pose_end",
        "knee_start",
        "knee_end",
        "set_start",
        "set_end",
    ]
    moments = [moment for moment, _ in wearing.marks]
    assert moments == sorted(moments)
    assert moments[0] >= 0.0
    last_s = wearing.samples[-1].host_time_ns * 1e-9
    assert moments[-1] < last_s
    assert wearing.truth.time_s[-1] == pytest.approx(last_s, abs=0.1)


def test_a_unit_says_the_true_inclination_at_the_moment_the_truth_says_so():
    # The clocks of samples and truth agree: shifted by 100 ms the shank would disagree by degrees.
    settings = WearerSettings(reps=2, gyro_bias_sd_dps=0.0, acc_bias_sd_mg=0.0, loss_share=0.0)
    wearing = wear("prone_windshield_wiper", "right", 8, settings)
    shank = [sample for sample in wearing.samples if sample.unit == 1]
    said = Rotation.from_quat([sample.q for sample in shank], scalar_first=True)
    said_up = said.inv().apply([0.0, 0.0, 1.0])
    true = Rotation.from_quat(wearing.traces[1].q_earth_sensor_true, scalar_first=True)
    true_up = true.inv().apply([0.0, 0.0, 1.0])
    arrived_s = np.array([sample.host_time_ns for sample in shank]) * 1e-9
    set_start_s = wearing.marks[6][0]
    errors = {}
    for delay_s in (-0.2, -0.1, 0.0, 0.1, 0.2):
        at = np.searchsorted(wearing.truth.time_s, arrived_s - 0.02 - delay_s)
        at = np.clip(at, 0, len(true_up) - 1)
        off = np.linalg.norm(np.cross(said_up, true_up[at]), axis=1)[arrived_s > set_start_s]
        errors[delay_s] = np.sqrt(np.mean(off**2))
    assert min(errors, key=errors.__getitem__) == 0.0


def test_wipers_with_both_legs_move_together_with_a_small_lag():
    wearing = wear("prone_windshield_wiper", "both", 5)
    assert [unit.label for unit in wearing.units] == [
        "right thigh",
        "right shank",
        "left thigh",
        "left shank",
    ]
    right, left = (wearing.truth.reps[side] for side in (Side.RIGHT, Side.LEFT))
    lag_s = np.array([b.start_s - a.start_s for a, b in zip(right, left, strict=True)])
    assert 0.01 < np.abs(lag_s).max() <= 0.12 + 1e-9
    assert len(right) == 10


def test_no_exercise_but_the_wipers_is_done_with_both_legs():
    with pytest.raises(ValueError, match="one leg at a time; choose the side right or left"):
        wear("ninety_ninety_lift", "both", 1)


def test_a_side_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="choose right, left or both"):
        wear("ninety_ninety_lift", "middle", 1)  # type: ignore[arg-type]


def test_the_angle_outside_the_session_is_nan():
    truth = wear("prone_rotation_test", "right", 1, SHORT).truth
    assert np.isnan(truth.angle_at(Side.RIGHT, [-10.0, 1e6])).all()


def test_settings_have_the_agreed_defaults():
    settings = WearerSettings()
    assert settings.rate_hz == 60.0
    assert settings.fusion_hz == 480.0
    assert settings.knee_play_deg == 0.0
    assert settings.stroke_s == (1.0, 2.2)
    assert settings.rest_s == (0.4, 1.5)
    assert settings.mount_sd_deg == 15.0
    assert (settings.thigh_skin_share, settings.shank_skin_share) == (0.30, 0.05)
    assert (settings.stand_s, settings.move_s, settings.pose_s, settings.still_s) == (4, 4, 4, 2)
    assert (settings.bends, settings.bend_deg) == (5, 55.0)
    assert settings.sensor_output == "quaternion"
    assert settings.pelvis_unit is False
