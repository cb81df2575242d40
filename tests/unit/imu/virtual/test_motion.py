"""How the virtual wearer moves: every number of it, measured on the motion."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.sample import Side
from imu.virtual.chance import chance_from
from imu.virtual.person.enact import enact
from imu.virtual.person.habits import draw_reps, everyday_script
from imu.virtual.person.motion import plan, sway
from imu.virtual.person.movements import MOVEMENTS, movement_of
from imu.virtual.person.script import KneeBends, Path, Rep, RepSet, Still, TakePosition, Walk
from imu.virtual.person.truth import truth_of
from imu.virtual.settings import WearerSettings

SLOW = WearerSettings(fusion_hz=60.0)
"""The same body on a coarser grid: the motion does not depend on it."""
CALM = {
    "sway_rotation_deg": 0.0,
    "sway_flexion_deg": 0.0,
    "sway_adduction_deg": 0.0,
    "pelvis_sway_deg": 0.0,
}


def truth_for(exercise, seed, settings=SLOW, side=Side.RIGHT):
    movement = movement_of(exercise)
    chance = chance_from(seed)
    script = settings.script or everyday_script(movement, chance, settings, both=False)
    laid = plan(script, (side,))
    body = enact(movement, laid, chance, settings)
    return truth_of(movement, laid, body, 0.0), laid, body


@pytest.fixture(scope="module")
def many_reps():
    """Return the reps of forty seated wearers without sway, per wearer."""
    settings = replace(SLOW, **CALM)
    runs = [truth_for("seated_internal_rotation", seed, settings)[0] for seed in range(40)]
    return [run.reps[Side.RIGHT] for run in runs]


def test_strokes_last_1_to_2_2_s_up_and_down(many_reps):
    for name, ends in (("up", ("start_s", "hold_start_s")), ("down", ("hold_end_s", "end_s"))):
        lasted = [getattr(r, ends[1]) - getattr(r, ends[0]) for reps in many_reps for r in reps]
        assert 1.0 <= min(lasted) < 1.05, name
        assert 2.15 < max(lasted) <= 2.2, name


def test_holds_last_0_4_to_3_s_and_those_of_tests_at_least_1_2_s(many_reps):
    held = [r.hold_s for reps in many_reps for r in reps]
    assert 0.4 <= min(held) < 0.45
    assert 2.95 < max(held) <= 3.0
    movement = movement_of("prone_rotation_test")
    tests = [r.hold_s for s in range(60) for r in draw_reps(movement, chance_from(s), SLOW)]
    assert 1.2 <= min(tests) < 1.3


def test_rests_between_reps_last_0_4_to_1_5_s(many_reps):
    rested = [b.start_s - a.end_s for reps in many_reps for a, b in pairwise(reps)]
    assert 0.4 <= min(rested) < 0.45
    assert 1.45 < max(rested) <= 1.5 + 1e-9


def test_returns_leave_a_residual_of_1_degree_sd(many_reps):
    left = [r.end_deg - reps[0].start_deg for reps in many_reps for r in reps]
    assert np.std(left) == pytest.approx(1.0, abs=0.1)
    assert np.mean(left) == pytest.approx(0.0, abs=0.15)


def test_strokes_follow_the_minimum_jerk_law():
    rep = Rep(amplitude_deg=30.0, up_s=2.0, hold_s=1.0, down_s=2.0)
    settings = replace(SLOW, script=(Still(1.0, "pose"), RepSet((rep,))), **CALM)
    truth, _, _ = truth_for("prone_windshield_wiper", 1, settings)
    start_s = truth.reps[Side.RIGHT][0].start_s
    angle = truth.angle_at(Side.RIGHT, start_s + np.array([0.0, 0.5, 1.0, 1.5, 2.0]))
    # 10τ³ − 15τ⁴ + 6τ⁵ at the quarters: 53/512, 1/2, 459/512
    expected = 30.0 * np.array([0.0, 53 / 512, 0.5, 459 / 512, 1.0])
    np.testing.assert_allclose(angle - angle[0], expected, atol=1e-6)


def test_holds_sag_by_3_percent():
    truth, _, _ = truth_for("prone_windshield_wiper", 5, replace(SLOW, **CALM))
    for rep in truth.reps[Side.RIGHT]:
        held = truth.angle_at(Side.RIGHT, [rep.hold_start_s, rep.hold_end_s])
        above_pose = held[0] - truth.angle_at(Side.RIGHT, truth.reps[Side.RIGHT][0].start_s)
        assert held[0] - held[1] == pytest.approx(0.03 * above_pose, abs=0.02)


def test_the_start_pose_is_off_by_2_degrees_sd_in_each_angle():
    settings = replace(SLOW, reps=1, bends=1, fusion_hz=20.0, **CALM)
    movement = movement_of("side_lying_ankle_lift")
    nominal = (movement.flexion_deg, movement.adduction_deg, movement.rotation_deg)
    off = []
    for seed in range(300):
        _, laid, body = truth_for("side_lying_ankle_lift", seed, settings)
        joints, at = body.joints[Side.RIGHT], np.searchsorted(body.time_s, laid.pose[0] + 1.0)
        hip = (joints.flexion_rad[at], joints.adduction_rad[at], joints.rotation_rad[at])
        off.append([*np.degrees(hip) - nominal, np.degrees(joints.knee_rad[at]) - 80.0])
    np.testing.assert_allclose(np.std(off, axis=0), 2.0, atol=0.3)
    np.testing.assert_allclose(np.mean(off, axis=0), 0.0, atol=0.4)


def test_sway_has_its_size_and_no_part_above_its_limit():
    settings = WearerSettings()
    sizes = (settings.sway_rotation_deg, settings.sway_flexion_deg, settings.sway_adduction_deg)
    assert sizes == (0.15, 0.3, 0.2)
    assert (settings.sway_below_hz, settings.pelvis_sway_below_hz) == (0.3, 0.2)
    assert settings.pelvis_sway_deg == 0.2
    time_s = np.arange(0.0, 600.0, 0.1)
    noise = sway(np.random.default_rng(3), time_s, sizes, 0.3)
    np.testing.assert_allclose(np.sqrt(np.mean(noise**2, axis=1)), sizes, rtol=0.05)
    power = np.abs(np.fft.rfft(noise * np.hanning(len(time_s)), axis=1)) ** 2
    above = np.fft.rfftfreq(len(time_s), 0.1) > 0.305
    assert power[:, above].sum() < 1e-6 * power.sum()


def test_the_body_sways_as_much_as_the_settings_say():
    settings = replace(SLOW, script=(Still(300.0, "pose"),), start_pose_sd_deg=0.0)
    _, _, body = truth_for("supine_rotation_test", 4, settings)
    joints = body.joints[Side.RIGHT]
    for angle, nominal_deg, rms_deg in (
        (joints.rotation_rad, 0.0, 0.15),
        (joints.flexion_rad, 90.0, 0.3),
        (joints.adduction_rad, 0.0, 0.2),
    ):
        size_deg = np.sqrt(np.mean((np.degrees(angle) - nominal_deg) ** 2))
        assert size_deg == pytest.approx(rms_deg, rel=0.1)
    pelvis = Rotation.from_quat(body.q_earth_pelvis, scalar_first=True)
    swayed_deg = np.degrees((pelvis.mean().inv() * pelvis).as_rotvec())
    np.testing.assert_allclose(np.sqrt(np.mean(swayed_deg**2, axis=0)), 0.2, rtol=0.1)


@pytest.mark.parametrize("exercise", MOVEMENTS)
def test_wearers_differ_in_range_as_the_exercise_says_and_stay_within_it(exercise):
    movement = movement_of(exercise)
    settings = replace(SLOW, amplitude_rep_sd_share=0.0, reps=1)
    low, high = movement.amplitude_range_deg
    own = [draw_reps(movement, chance_from(s), settings)[0].amplitude_deg for s in range(300)]
    assert low <= min(own) < max(own) <= high
    assert np.mean(own) == pytest.approx(movement.amplitude_deg, abs=1.0)
    assert np.std(own) == pytest.approx(movement.amplitude_sd_deg, rel=0.2)


def test_the_everyday_script_is_stand_move_pose_five_bends_still_set_still():
    movement = movement_of("prone_windshield_wiper")
    script = everyday_script(movement, chance_from(0), WearerSettings(), both=False)
    assert script[:3] == (Still(4.0, "stand"), TakePosition(4.0), Still(4.0, "pose"))
    assert isinstance(script[3], KneeBends)
    assert len(script[3].bends) == 5
    assert script[4] == script[6] == Still(2.0)
    assert isinstance(script[5], RepSet)
    assert len(script[5].reps) == 10


@pytest.mark.parametrize(
    ("exercise", "sign"), [("prone_windshield_wiper", -1), ("seated_leg_extension_twist", 1)]
)
def test_a_bent_knee_extends_and_a_straight_one_flexes_by_about_55_degrees(exercise, sign):
    truth, laid, _ = truth_for(exercise, 2)
    moments = {label: moment for moment, label in laid.marks}
    bent = (truth.time_s > moments["knee_start"]) & (truth.time_s < moments["knee_end"])
    knee = truth.knee_flexion_deg[Side.RIGHT][bent]
    change = sign * (knee - knee[0])
    assert change.max() == pytest.approx(55.0, abs=8.0 + 0.1)
    assert change.min() > -0.1
    # Five times out, five times back
    assert np.count_nonzero(np.diff(change > 27.0)) == 10


def test_numbers_of_reps_are_the_lower_end_of_the_dose():
    assert {m.exercise: m.reps for m in MOVEMENTS.values()} == {
        "prone_windshield_wiper": 10,
        "ninety_ninety_lift": 8,
        "seated_internal_rotation": 20,
        "side_lying_ankle_lift": 15,
        "seated_leg_extension_twist": 20,
        "standing_banded_rotation": 8,
        "prone_rotation_test": 3,
        "supine_rotation_test": 3,
    }


def test_more_reps_leave_the_earlier_ones_as_they_were():
    movement = movement_of("prone_windshield_wiper")
    few = draw_reps(movement, chance_from(9), replace(SLOW, reps=4))
    many = draw_reps(movement, chance_from(9), replace(SLOW, reps=12))
    assert many[:4] == few


def test_phases_follow_the_rep_from_rest_to_rest():
    rep = Rep(amplitude_deg=20.0, rest_before_s=1.0, up_s=1.0, hold_s=1.0, down_s=1.0)
    settings = replace(SLOW, script=(Still(1.0, "pose"), RepSet((rep,)), Still(1.0)))
    truth, _, _ = truth_for("seated_internal_rotation", 0, settings)
    middles = np.searchsorted(truth.time_s, np.arange(6) + 0.5)
    assert truth.phase[Side.RIGHT][middles].tolist() == [
        "calibrating",
        "rest",
        "up",
        "hold",
        "down",
        "rest",
    ]


def test_a_path_moves_the_leg_and_is_no_rep():
    steps = ((1.0, 8.0), (0.5, 8.0), (1.0, 0.0))
    settings = replace(SLOW, script=(Still(2.0, "pose"), Path(steps), Still(1.0)), **CALM)
    truth, _, _ = truth_for("prone_windshield_wiper", 3, settings)
    angle = truth.angle_at(Side.RIGHT, [2.0, 3.0, 3.5, 4.5])
    np.testing.assert_allclose(angle - angle[0], [0.0, 8.0, 8.0, 0.0], atol=1e-6)
    assert truth.reps[Side.RIGHT] == ()


def test_what_comes_with_a_rep_moves_thigh_knee_and_pelvis_and_goes_back():
    rep = Rep(
        amplitude_deg=20.0, hold_s=0.5, flexion_deg=10.0, knee_deg=15.0, pelvis_deg=5.0, sag_share=0
    )
    settings = replace(
        SLOW, script=(Still(2.0, "pose"), RepSet((rep,)), Still(1.0)), start_pose_sd_deg=0.0, **CALM
    )
    for side in Side:
        truth, _, _ = truth_for("seated_internal_rotation", 3, settings, side)
        (done,) = truth.reps[side]
        # A thigh that lifted by 10° no longer lies along the axis the pelvis turns about.
        assert done.rom_deg == pytest.approx(25.0, abs=0.15)
        held, before, after = np.searchsorted(
            truth.time_s, [done.hold_start_s + 0.2, done.start_s, done.end_s]
        )
        for table, change in (
            (truth.joint_rotation_deg, 20.0),
            (truth.thigh_elevation_deg, 10.0),
            (truth.knee_flexion_deg, 15.0),
        ):
            assert table[side][held] - table[side][before] == pytest.approx(change, abs=0.1)
            assert table[side][after] == pytest.approx(table[side][before], abs=0.01)


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "seated_internal_rotation"])
def test_who_walks_gets_up_strides_and_takes_the_same_position_again(exercise):
    walk = Walk(strides=5, stride_s=1.0, rise_s=2.0)
    settings = replace(
        SLOW,
        script=(Still(4.0, "stand"), TakePosition(2.0), Still(2.0, "pose"), walk, Still(2.0)),
        start_pose_sd_deg=0.0,
        **CALM,
    )
    for side in Side:
        truth, _, _ = truth_for(exercise, 3, settings, side)
        thigh, knee = truth.thigh_elevation_deg[side], truth.knee_flexion_deg[side]

        def at(moment_s, truth=truth):
            return int(np.searchsorted(truth.time_s, moment_s))

        strides = slice(at(10.0), at(15.0))
        assert thigh[at(10.0)] == pytest.approx(-90.0, abs=0.5)
        assert thigh[strides].max() == pytest.approx(-50.0, abs=1.5)
        assert knee[strides].max() == pytest.approx(60.0, abs=1.0)
        assert int(np.sum(np.diff((knee[strides] > 40.0).astype(int)) == 1)) == 5
        for table in (thigh, knee, truth.joint_rotation_deg[side]):
            assert table[-1] == pytest.approx(table[at(7.0)], abs=0.01)
        assert not truth.reps[side]


def test_a_tremor_begins_when_the_calibration_is_done_and_has_its_size():
    rep = Rep(amplitude_deg=0.0)
    script = (Still(4.0, "pose"), RepSet((rep,)), Still(2.0))
    settings = replace(SLOW, script=script, tremor_deg=2.0, tremor_hz=5.0, **CALM)
    truth, _, _ = truth_for("prone_windshield_wiper", 3, settings)
    turned = truth.joint_rotation_deg[Side.RIGHT]
    before = truth.time_s < 3.9
    assert np.ptp(turned[before]) < 0.01
    after = turned[truth.time_s > 4.1] - turned[0]
    assert [after.min(), after.max()] == pytest.approx([-2.0, 2.0], abs=0.1)
    seconds = truth.time_s[-1] - 4.1
    assert np.sum(np.diff(np.sign(after)) > 0) == pytest.approx(5.0 * seconds, abs=2)


def test_a_script_without_a_still_start_pose_is_refused():
    with pytest.raises(ValueError, match="no still start pose"):
        plan((Still(4.0, "stand"), TakePosition(4.0)), (Side.RIGHT,))


def test_a_stroke_that_lasts_no_time_is_refused():
    rep = Rep(amplitude_deg=20.0, up_s=0.0)
    with pytest.raises(ValueError, match="give it more than 0 s"):
        plan((Still(4.0, "pose"), RepSet((rep,))), (Side.RIGHT,))


def test_a_still_that_lasts_less_than_no_time_is_refused():
    with pytest.raises(ValueError, match="lengthen it"):
        plan((Still(4.0, "pose"), Still(-1.0)), (Side.RIGHT,))


def test_settings_that_make_no_sense_are_all_listed_at_once():
    with pytest.raises(ValueError, match=r"rate_hz.*stroke_s.*loss_share"):
        WearerSettings(rate_hz=0.0, stroke_s=(2.0, 1.0), loss_share=0.9)
    with pytest.raises(ValueError, match="sensor_output"):
        WearerSettings(sensor_output="euler")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="acc_bias_sd_mg"):
        WearerSettings(acc_bias_sd_mg=float("nan"))
    with pytest.raises(ValueError, match="start above 0"):
        WearerSettings(stroke_s=(0.0, 1.0))
