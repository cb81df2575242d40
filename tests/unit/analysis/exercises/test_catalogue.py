"""The catalogue: what loads, what is refused, and that poses are what people call them."""

from __future__ import annotations

import re
import tomllib

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis import exercises
from analysis.exercises import (
    CATALOGUE,
    CatalogueError,
    catalogue,
    level_pelvis,
    load,
    nominal_hip,
    nominal_up,
    parse,
)
from imu.sample import Side

IDS = exercises.ids()
SIDES = tuple(Side)


def document(exercise_id="prone_windshield_wiper"):
    return tomllib.loads((CATALOGUE / f"{exercise_id}.toml").read_text(encoding="utf-8"))


def problems_of(data):
    with pytest.raises(CatalogueError) as caught:
        parse(data, "mine")
    return str(caught.value)


@pytest.mark.parametrize("exercise_id", IDS)
def test_every_file_of_the_catalogue_loads_and_says_what_is_measured(exercise_id):
    exercise = load(exercise_id)
    assert exercise.id == exercise_id
    assert exercise.name
    assert exercise.measured
    assert exercise.how
    assert exercise.dose.reps[0] <= exercise.dose.reps[1]
    assert exercise.onset_deg <= exercise.min_range_deg <= exercise.typical_range_deg


SOURCE_ROWS = {
    "000": {
        "prone_rotation_test": (1, None),
        "front_hip_ball_roll": (60.0, 120.0),
        "lateral_rotator_ball_roll": (60.0, 120.0),
        "floor_knee_drop": (20, 40),
        "side_lying_ankle_lift": (15, 15),
        "hurdle_stretch": None,
        "standing_hip_stretch": None,
        "lying_rotation_stretch": None,
        "banded_hip_stretch": None,
    },
    "001": {
        "floor_internal_rotation": (20, 30),
        "squatting_internal_rotation": (5, 10),
        "ninety_ninety_foot_lift": (20, 30),
        "twisted_legs_stretch": (30.0, 60.0),
        "lying_band_stretch": (30.0, 30.0),
        "side_hip_massage": (120.0, 180.0),
        "seated_internal_rotation": (20, 30),
        "seated_leg_extension_twist": (20, 30),
    },
    "002": {
        "supine_rotation_test": (1, None),
        "straight_leg_raise_test": (1, None),
        "movement_checks": None,
        "arm_bar": None,
        "elevated_split_squat": None,
        "crossover_step_up": None,
    },
    "003": {
        "seated_rotation_drill": (10, 15),
        "ninety_ninety_lift": (8, 12),
        "prone_windshield_wiper": (10, 12),
        "table_top_circles": (5, 8),
        "revolved_pyramid": (15.0, 25.0),
        "warrior_half_moon": (3, 4),
        "standing_banded_rotation": (8, 10),
        "self_checks": None,
    },
}
"""Every item of the four source documents and its dose: repetitions (int), seconds (float), or
None where the source gives none; a test is three trials whatever the source says."""


def test_every_item_of_the_four_sources_is_there_with_its_dose():
    wanted = {
        id_: (source, dose) for source, row in SOURCE_ROWS.items() for id_, dose in row.items()
    }
    assert len(wanted) == 31
    assert set(wanted) <= set(IDS)
    for exercise_id, (source, dose) in wanted.items():
        exercise = load(exercise_id)
        assert exercise.source.startswith(f"{source}, "), exercise_id
        if exercise.assessment:
            assert exercise.dose.reps == (3, 3)
        elif dose is None:
            assert not exercise.dose.given or exercise.questions, exercise_id
        elif isinstance(dose[0], int):
            assert exercise.dose.reps == dose, exercise_id
        else:
            assert exercise.dose.hold_s == dose, exercise_id
    assert load("side_lying_ankle_lift").dose.sets == 2
    assert load("prone_windshield_wiper").dose.hold_s == (2.0, 3.0)
    breaths = load("revolved_pyramid").dose
    assert breaths.breaths == (3, 5)
    assert tuple(n * breaths.breath_s for n in breaths.breaths) == breaths.hold_s


def test_an_exercise_like_another_differs_only_in_what_it_says():
    drill, chair = load("seated_rotation_drill"), load("seated_internal_rotation")
    assert drill.pose == chair.pose
    assert (drill.angle, drill.zero, drill.mode) == (chair.angle, chair.zero, chair.mode)
    assert (drill.dose.reps, drill.min_range_deg) == ((10, 15), 12.0)
    lift, foot = load("ninety_ninety_lift"), load("ninety_ninety_foot_lift")
    assert (foot.pose, foot.min_range_deg) == (lift.pose, lift.min_range_deg)


@pytest.mark.parametrize(
    ("like", "said"),
    [("nothing", "is no other exercise"), ("mine", "is no other exercise"), ("two", "itself like")],
)
def test_like_names_one_other_exercise_that_stands_by_itself(like, said, tmp_path, monkeypatch):
    for name, other in (("mine", like), ("two", "three")):
        (tmp_path / f"{name}.toml").write_text(f'like = "{other}"', encoding="utf-8")
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path)
    monkeypatch.setattr(catalogue, "ids", lambda: ("mine", "two"))
    with pytest.raises(CatalogueError, match=said):
        load("mine")


@pytest.mark.parametrize("exercise_id", IDS)
def test_what_is_no_hip_rotation_is_never_called_so(exercise_id):
    exercise = load(exercise_id)
    if not exercise.has_hip_angle:
        assert not re.search(r"(femur|hip)('s)? turns? in ", exercise.measured)
    if exercise.mode == "M2":
        assert exercise.signal != "hip_rotation"
    if exercise.mode == "M5":
        assert exercise.measured.startswith("nothing")


def test_a_proxy_without_a_signal_and_a_hold_without_a_time_are_refused():
    proxy = document("floor_internal_rotation")
    del proxy["signal"]
    assert "signal is missing" in problems_of(proxy)
    hold = document("hurdle_stretch")
    del hold["dose"]["hold_s"]
    assert "dose.hold_s is missing" in problems_of(hold)


def test_the_eight_exercises_people_ask_for_are_there(start_poses):
    assert set(start_poses) <= set(IDS)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("prone_windscreen_wiper", "prone_windshield_wiper"),
        ("side_lying_ankle_lifts", "side_lying_ankle_lift"),
        ("ninety_lift", "ninety_ninety_lift"),
    ],
)
def test_an_unknown_id_suggests_the_nearest(wrong, right):
    with pytest.raises(CatalogueError, match=rf"no exercise '{wrong}': did you mean {right}\?"):
        load(wrong)


def test_an_id_like_no_other_points_to_the_list():
    with pytest.raises(CatalogueError, match="`hipturn exercises` lists them all"):
        load("zzz")


def test_an_id_that_climbs_out_of_the_catalogue_is_unknown():
    with pytest.raises(CatalogueError, match="there is no exercise"):
        load("../exercises")


def test_a_file_that_is_no_toml_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken.toml").write_text("name = ", encoding="utf-8")
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path)
    monkeypatch.setattr(catalogue, "ids", lambda: ("broken",))
    with pytest.raises(CatalogueError, match=r"broken\.toml is no TOML"):
        load("broken")


def test_a_bad_file_lists_every_problem_at_once():
    data = document()
    del data["measured"]
    del data["pose"]["knee_flexion_deg"]
    del data["dose"]["reps"]
    data["colour"] = "red"
    data["pose"]["elbow_deg"] = 3.0
    data["position"] = "upside down"
    data["angle"] = "magnetic"
    data["zero"] = "never"
    data["mode"] = "M9"
    data["both_legs"] = "yes"
    data["onset_deg"] = "three"
    data["min_range_deg"] = -1.0
    data["how"] = ["Lie down.", 2]
    data["dose"]["hold_s"] = [3.0, 1.0]
    data["dose"]["sets"] = 0
    said = problems_of(data)
    for problem in (
        "measured is missing",
        "pose.knee_flexion_deg is missing",
        "dose.reps is missing",
        "colour is unknown",
        "pose.elbow_deg is unknown",
        "position = 'upside down' is none of prone",
        "angle = 'magnetic' is none of gravity, heading",
        "zero = 'never' is none of absolute, pose",
        "mode = 'M9' is none of M1",
        "both_legs = 'yes' is not true or false",
        "onset_deg = 'three' is not a number",
        "min_range_deg = -1.0 is not above 0",
        "how = ['Lie down.', 2] is not a list of texts",
        "dose.hold_s = [3.0, 1.0] is not a pair of numbers, the lower first",
        "dose.sets = 0 is not a whole number from 1 up",
    ):
        assert problem in said
    assert said.startswith("exercise mine: ")


@pytest.mark.parametrize("value", [3, "text", [1], float("nan")])
@pytest.mark.parametrize("name", ["pose", "dose", "min_range_deg", "position", "how"])
def test_a_value_of_another_kind_is_a_problem_not_a_crash(name, value):
    data = document()
    if name == "min_range_deg" and value == 3:
        assert parse(data | {name: value}, "mine").min_range_deg == 3
    else:
        assert name in problems_of(data | {name: value})


def test_what_may_be_left_out_has_a_default():
    data = document("ninety_ninety_lift")
    dose = parse(data, "mine").dose
    assert dose.sets == 1
    assert dose.hold_s == (0.0, 0.0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("exercise_id", "reading_deg"),
    [
        ("seated_internal_rotation", 0.0),
        ("prone_windshield_wiper", 180.0),
        ("prone_rotation_test", 180.0),
        ("side_lying_ankle_lift", 90.0),
        ("ninety_ninety_lift", 90.0),
        ("seated_leg_extension_twist", -8.0),
    ],
)
def test_the_inclinometer_reads_the_start_pose_alike_on_either_side(exercise_id, reading_deg, side):
    exercise = load(exercise_id)
    up, _ = nominal_up(exercise, side)
    off = side.sign * np.degrees(np.arctan2(up[2], up[0])) - reading_deg
    assert (off + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("exercise_id", "zero_deg"),
    [
        ("seated_internal_rotation", 0.0),
        ("prone_windshield_wiper", 180.0),
        ("prone_rotation_test", 180.0),
        ("side_lying_ankle_lift", None),
        ("ninety_ninety_lift", None),
        ("standing_banded_rotation", None),
    ],
)
def test_the_zero_is_the_inclinometers_or_the_start_pose(exercise_id, zero_deg):
    zero = load(exercise_id).zero_rad
    assert zero == (None if zero_deg is None else pytest.approx(np.radians(zero_deg)))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("position", ["prone", "supine", "side_lying", "standing", "floor"])
def test_a_pelvis_lies_as_its_position_says(position, side):
    x, y, z = level_pelvis(position, side).T
    up = np.array([0.0, 0.0, 1.0])
    facing_up, head_up, right_up = x @ up, y @ up, z @ up
    expected = {
        "prone": (-1.0, 0.0, 0.0),  # face down
        "supine": (1.0, 0.0, 0.0),
        "side_lying": (0.0, 0.0, side.sign),  # the leg of interest on top
        "standing": (0.0, 1.0, 0.0),
        "floor": (0.0, 1.0, 0.0),
    }[position]
    assert (facing_up, head_up, right_up) == pytest.approx(expected)
    assert np.cross(x, y) == pytest.approx(z)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise_id", IDS)
def test_the_start_pose_is_that_of_its_joint_angles_for_both_legs(exercise_id, side):
    exercise = load(exercise_id)
    pose, sign = exercise.pose, side.sign
    hip = (
        Rotation.from_euler("z", pose.hip_flexion_deg, degrees=True)
        * Rotation.from_euler("x", sign * pose.hip_adduction_deg, degrees=True)
        * Rotation.from_euler("y", sign * pose.hip_rotation_deg, degrees=True)
    )
    assert nominal_hip(exercise, side) == pytest.approx(hip.as_matrix(), abs=1e-12)
    femur = Rotation.from_matrix(level_pelvis(exercise.lies, side)) * hip
    shank = femur * Rotation.from_euler("z", -pose.knee_flexion_deg, degrees=True)
    for got, segment in zip(nominal_up(exercise, side), (femur, shank), strict=True):
        assert got == pytest.approx(segment.inv().apply([0.0, 0.0, 1.0]), abs=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_seated_the_thigh_is_level_and_the_shank_hangs(side):
    thigh, shank = nominal_up(load("seated_internal_rotation"), side)
    assert thigh == pytest.approx([1.0, 0.0, 0.0])  # its front faces up
    assert shank == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_prone_the_shank_points_up_and_on_the_side_the_upper_leg_lies_level(side):
    _, shank = nominal_up(load("prone_windshield_wiper"), side)
    assert shank == pytest.approx([0.0, -1.0, 0.0], abs=1e-12)
    thigh, _ = nominal_up(load("side_lying_ankle_lift"), side)
    assert thigh == pytest.approx([0.0, 0.0, side.sign], abs=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_in_ninety_ninety_the_back_shank_lies_behind_on_the_floor(side):
    exercise = load("ninety_ninety_lift")
    femur = level_pelvis("floor", side) @ nominal_hip(exercise, side)
    shank = femur @ Rotation.from_euler("z", -90.0, degrees=True).as_matrix()
    knee, foot = -femur[:, 1], -shank[:, 1]
    # earth: x ahead, y to the left, z up
    assert knee == pytest.approx([np.sqrt(0.5), -side.sign * np.sqrt(0.5), 0.0], abs=1e-12)
    assert foot[2] == pytest.approx(0.0, abs=1e-12)
    assert foot[0] < -0.5
