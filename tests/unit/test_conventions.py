"""docs/conventions.md is true: each row of its tables, from plain geometry through the program.

The wearer is drawn with unit vectors in earth coordinates (north, west, up): where the face and the
head point, from hip to knee, from knee to ankle. Nothing here knows a joint angle or a sign; the
described movement decides which way the thigh turns about its own length.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis import exercises
from analysis.angle import uncertainty as sigma
from analysis.angle.leg_angles import LegFusion, angles_of_recording
from analysis.calibrate.calibration import LegCalibration, LegFrames, Windows, calibrate
from analysis.calibrate.leg_axes import SIGMA_ABSOLUTE_RAD
from analysis.exercises import SIGNAL_NAMES
from analysis.session.leg_monitor import ALWAYS
from analysis.session.recording import RecordedLeg, follow_legs
from imu.quaternion import FLOATS
from imu.sample import Side

PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"
NORTH, WEST, UP = np.eye(3)
EAST, SOUTH, DOWN = -WEST, -NORTH, -UP

RATE_HZ = 50.0
TURN_DEG = 20.0
BEND_DEG = 50.0
STAND, POSE, BENDS, END_S = (0.0, 1.9), (2.0, 3.9), (4.0, 12.0), 15.0
WINDOWS = Windows(stand=STAND, pose=POSE, bends=BENDS)
# The geometry is exact; the rest is the hinge's heading, which settles over the bends.
TOLERANCE_DEG = 0.1

# How the units happen to be strapped on, and where each unit's north is.
STRAPPED = {
    "thigh": Rotation.from_rotvec([0.4, 1.9, -0.7]),
    "shank": Rotation.from_rotvec([-1.2, 0.3, 2.1]),
}
NORTHS = {"thigh": Rotation.from_rotvec([0, 0, 1.1]), "shank": Rotation.from_rotvec([0, 0, -2.3])}


def table(first_column: str) -> list[list[str]]:
    """Return the rows of the page's table whose header begins with these columns."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip(" `") for cell in line.strip("|").split("|")])
    return rows


SIGNS = table("Exercise | Start position")
COLUMNS = table("Column | Start position")
ZEROS = table("Exercise | Basis")
PROXIES = table("Proxy of")
SIGMAS = table("Part")


@dataclass(frozen=True)
class Body:
    """A still wearer: unit vectors in earth coordinates."""

    face: np.ndarray
    head: np.ndarray
    thigh: np.ndarray
    """From hip to knee."""
    shank: np.ndarray
    """From knee to ankle."""

    @property
    def right(self) -> np.ndarray:
        """Return the wearer's right."""
        return np.cross(self.face, self.head)


def slanted(degrees: float, ahead: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """Return a unit vector so many degrees away from one direction towards another."""
    return math.cos(math.radians(degrees)) * ahead + math.sin(math.radians(degrees)) * aside


# Start positions that are alike for both legs, of a wearer who faces, or whose head points, north.
SYMMETRIC = {
    "face down, shin up": Body(DOWN, NORTH, SOUTH, UP),
    "seated, shin hanging": Body(NORTH, UP, NORTH, DOWN),
    "seated, leg straight out, toes up": Body(NORTH, UP, NORTH, slanted(8, NORTH, DOWN)),
    "standing, knee slightly bent": Body(
        NORTH, UP, slanted(10, DOWN, NORTH), slanted(5, DOWN, SOUTH)
    ),
    "on the back, thigh upright, shin level": Body(UP, NORTH, UP, SOUTH),
    "on the floor, knee up, sole flat": Body(
        NORTH, UP, slanted(45, NORTH, UP), slanted(45, NORTH, DOWN)
    ),
    "deep squat": Body(NORTH, UP, NORTH, slanted(55, SOUTH, DOWN)),
    "leg level behind, toes down": Body(DOWN, NORTH, SOUTH, slanted(5, SOUTH, UP)),
    "on all fours": Body(DOWN, NORTH, DOWN, SOUTH),
    "on all fours, hips behind the knees": Body(DOWN, NORTH, slanted(25, DOWN, NORTH), SOUTH),
    "standing, thigh half raised in front": Body(
        NORTH, UP, slanted(45, DOWN, NORTH), slanted(5, DOWN, NORTH)
    ),
    "standing, foot on a high step": Body(NORTH, UP, NORTH, DOWN),
    "on the back, legs straight": Body(UP, NORTH, SOUTH, slanted(1, SOUTH, DOWN)),
}


def body_of(position: str, side: Side) -> Body:
    """Return the wearer in a start position as the page words it."""
    this_side = EAST if side is Side.RIGHT else WEST  # of a wearer who faces north, upright
    if position in SYMMETRIC:
        return SYMMETRIC[position]
    if position == "90-90, this leg behind":
        return Body(NORTH, UP, slanted(45, NORTH, this_side), slanted(45, this_side, SOUTH))
    if position == "on the other side, this leg on top":
        # The head points north; with the right side on top the face looks east.
        face = EAST if side is Side.RIGHT else WEST
        return Body(face, NORTH, slanted(45, SOUTH, face), slanted(35, SOUTH, -face))
    raise AssertionError(f"describe the start position {position!r} here")


def axes(long_axis: np.ndarray, knee_axis: np.ndarray) -> Rotation:
    """Return segment → earth from the direction away from the body and the knee's axis."""
    y = -long_axis
    return Rotation.from_matrix(np.stack((np.cross(y, knee_axis), y, knee_axis), axis=1))


def knee_axis(body: Body) -> np.ndarray:
    """Return the knee's axis: a knee folds the shank back about it, so it needs no side."""
    fold = np.cross(body.shank, body.thigh)
    return fold / np.linalg.norm(fold)


def direction_of(movement: str, body: Body, side: Side) -> np.ndarray:
    """Return where a movement as the page words it goes, in earth coordinates."""
    outwards = side.sign * body.right
    where = re.sub(r"^(foot|toes|knee) (to the wearer's )?", "", movement)
    word, _, aside = where.partition(" ")
    directions = {
        "right": body.right,
        "left": -body.right,
        "up": UP,
        "down": DOWN,
        "forwards": body.face,
        "backwards": -body.face,
        "headwards": body.head,
        "towards": -outwards,
        "outwards": outwards,
    }
    if aside in ("(outwards)", "(inwards)"):
        assert directions[word] @ outwards == pytest.approx(1.0 if aside == "(outwards)" else -1.0)
    return directions[word]


def turned_about_the_thigh(body: Body, movement: str, side: Side) -> Rotation:
    """Return the turn about the thigh's own length that the movement describes."""
    moving = body.shank
    if movement.startswith("toes"):
        shin = axes(body.shank, knee_axis(body))
        moving = shin.apply([1.0, 0.0, 0.0])
    share = np.cross(body.thigh, moving) @ direction_of(movement, body, side)
    assert abs(share) > 0.5, f"turning the thigh does not move the {movement}"
    return Rotation.from_rotvec(math.copysign(math.radians(TURN_DEG), share) * body.thigh)


def swung(body: Body, movement: str, side: Side) -> tuple[Rotation, Rotation]:
    """Return how thigh and shank turn when the knee, or the foot alone, moves as described."""
    part = body.thigh if movement.startswith("knee") else body.shank
    axis = np.cross(part, direction_of(movement, body, side))
    swing = Rotation.from_rotvec(math.radians(TURN_DEG) * axis / np.linalg.norm(axis))
    return (swing if movement.startswith("knee") else Rotation.identity()), swing


def eased(time_s: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """Return a smooth way from 0 to 1."""
    u = np.clip((time_s - start_s) / (end_s - start_s), 0.0, 1.0)
    return u**3 * (10.0 - 15.0 * u + 6.0 * u**2)


def recording(
    body: Body, thigh_move: Rotation, shank_move: Rotation, *, flexes: bool = False
) -> LegFrames:
    """Return what ideal units say: stand, start pose, five bends, the movement, its end held."""
    time_s = np.arange(0.0, END_S, 1.0 / RATE_HZ)
    z = knee_axis(body)
    bent = math.degrees(math.acos(np.clip(body.thigh @ body.shank, -1.0, 1.0)))
    # A bent knee is straightened, which is positive about its axis; a straight one is bent.
    swing = math.radians(BEND_DEG if bent >= 45.0 and not flexes else -BEND_DEG)
    inside = np.clip((time_s - BENDS[0]) / (BENDS[1] - BENDS[0]), 0.0, 1.0)
    bends = Rotation.from_rotvec(np.outer(swing * (1 - np.cos(10 * np.pi * inside)) / 2, z))
    share = eased(time_s, 12.5, 14.0)[:, None]
    standing = axes(DOWN, slanted(50, EAST, SOUTH))  # facing another way than in the start pose
    units = {}
    for name, long_axis, move, bend in (
        ("thigh", body.thigh, thigh_move, Rotation.identity(len(time_s))),
        ("shank", body.shank, shank_move, bends),
    ):
        moved = Rotation.from_rotvec(share * move.as_rotvec()) * bend * axes(long_axis, z)
        q = (NORTHS[name] * moved * STRAPPED[name]).as_quat(scalar_first=True)
        still = (NORTHS[name] * standing * STRAPPED[name]).as_quat(scalar_first=True)
        units[name] = np.where((time_s <= STAND[1])[:, None], still, q)
    return LegFrames(time_s, units["thigh"], units["shank"])


def measured(
    exercise_id: str, side: Side, frames: LegFrames
) -> tuple[LegCalibration, dict[str, tuple[float, float]]]:
    """Return each angle in degrees before and after the movement; live and batch must agree."""
    exercise = exercises.load(exercise_id)
    result = calibrate(frames, WINDOWS, exercise, side)
    assert result.calibration is not None, result.sentences
    frames = frames.between((result.calibration.ready_s, END_S))  # angles begin after the bends
    series = angles_of_recording(result.calibration, exercise, RATE_HZ, frames)
    live = LegFusion(result.calibration, exercise, RATE_HZ, FLOATS)
    for i, time_s in enumerate(frames.time_s.tolist()):
        q_thigh, q_shank = (tuple(q[i].tolist()) for q in (frames.q_thigh, frames.q_shank))
        last = live.push(time_s, q_thigh, q_shank)
    angles = {}
    for name in ("rotation", "flexion", "adduction", "knee_flexion", "thigh_elevation"):
        values = np.degrees(getattr(series, name))
        assert math.degrees(getattr(last, name)) == pytest.approx(values[-1], abs=TOLERANCE_DEG)
        angles[name] = (float(values[0]), float(values[-1]))
    return result.calibration, angles


@pytest.mark.parametrize(
    ("exercise", "position", "leg", "movement", "sign"),
    SIGNS,
    ids=lambda text: text.replace(" ", "_"),
)
def test_the_movement_has_the_sign_of_the_table(exercise, position, leg, movement, sign):
    side, factor = Side(leg), {"+": 1.0, "−": -1.0}[sign]
    body = body_of(position, side)
    turn = turned_about_the_thigh(body, movement, side)
    _, angles = measured(exercise, side, recording(body, turn, turn))
    before, after = angles["rotation"]
    # Every start position is drawn with the shin plumb or is the zero itself.
    assert before == pytest.approx(0.0, abs=TOLERANCE_DEG)
    assert after == pytest.approx(factor * TURN_DEG, abs=TOLERANCE_DEG)


def test_the_sign_table_has_each_measured_exercise_leg_and_direction_once():
    measured_ids = {id_ for id_ in exercises.ids() if exercises.load(id_).has_hip_angle}
    wanted = Counter((id_, side, sign) for id_ in measured_ids for side in Side for sign in "+−")
    assert Counter((row[0], row[2], row[4]) for row in SIGNS) == wanted


@pytest.mark.parametrize(
    ("exercise", "counted", "position", "leg", "movement", "sign"),
    PROXIES,
    ids=lambda text: text.replace(" ", "_"),
)
def test_what_stands_for_the_hip_angle_rises_as_the_table_says(
    exercise, counted, position, leg, movement, sign
):
    side, entry, body = Side(leg), exercises.load(exercise), body_of(position, Side(leg))
    assert SIGNAL_NAMES[entry.signal] == counted
    if movement in ("knee up", "knee down", "knee outwards", "knee headwards of the hip"):
        moves = swung(body, movement, side)
        moves = (moves[0], moves[0])  # the whole leg
    elif movement.startswith("knee"):
        # The knee falls aside about the line from hip to heel, which is what turning in looks like.
        axis = (body.thigh + body.shank) / np.linalg.norm(body.thigh + body.shank)
        share = np.cross(axis, body.thigh) @ direction_of(movement, body, side)
        assert abs(share) > 0.5
        moves = (Rotation.from_rotvec(math.copysign(math.radians(TURN_DEG), share) * axis),) * 2
    else:
        moves = (turned_about_the_thigh(body, movement, side),) * 2
    # bends made standing flex the knee; here they are made in place, which is the same to the knee
    frames = recording(body, *moves, flexes=entry.pose.bends_standing)
    result = calibrate(frames, WINDOWS, entry, side)
    assert result.calibration is not None, result.sentences
    ready_s = result.calibration.ready_s
    leg = RecordedLeg(result.calibration, frames, ALWAYS)
    (follow,) = follow_legs(
        {leg.calibration.side: leg}, entry, RATE_HZ, np.zeros(len(frames.time_s), bool)
    ).values()
    assert np.isnan(follow.rotation_deg).all()
    moved = follow.signal_deg[frames.time_s > ready_s]
    assert sign == "+"
    # a knee that falls aside rolls the sloped leg by more than it falls
    assert 0.95 * TURN_DEG < moved[-1] - moved[0] < 1.45 * TURN_DEG


def test_every_counted_exercise_without_a_hip_angle_is_in_the_table_of_proxies():
    counted = [exercises.load(id_) for id_ in exercises.ids()]
    wanted = {e.id for e in counted if e.is_counted and not e.has_hip_angle}
    assert Counter((row[0], row[3]) for row in PROXIES) == Counter(
        (id_, str(side)) for id_ in wanted for side in Side
    )


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("column", "position", "movement", "sign"), COLUMNS)
def test_the_other_columns_have_the_sign_of_the_table(column, position, movement, sign, side):
    exercise = next(row[0] for row in SIGNS if row[1] == position)
    body = body_of(position, side)
    _, angles = measured(exercise, side, recording(body, *swung(body, movement, side)))
    before, after = angles[column.removesuffix("_deg").removeprefix("hip_")]
    assert sign == "+"
    assert after - before == pytest.approx(TURN_DEG, abs=0.5)


@pytest.mark.parametrize(("exercise", "basis", "zero"), ZEROS)
def test_basis_and_zero_are_those_of_the_catalogue(exercise, basis, zero):
    entry = exercises.load(exercise)
    assert entry.angle == basis
    assert entry.zero == {"plumb": "absolute", "start pose": "pose"}[zero]


def test_the_zero_table_has_each_measured_exercise_once():
    assert sorted(row[0] for row in ZEROS) == sorted({row[0] for row in SIGNS})


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("position", sorted({row[1] for row in SIGNS}))
def test_segment_z_points_to_the_wearers_right_on_both_legs(position, side):
    body = body_of(position, side)
    z = knee_axis(body)
    if position == "90-90, this leg behind":  # turned in by 90°, the knee's axis is upright
        assert z @ UP == pytest.approx(side.sign)
    else:
        assert z @ body.right == pytest.approx(1.0)


@pytest.mark.parametrize("side", Side)
def test_a_frozen_pelvis_keeps_the_start_pose_of_the_book(side):
    body = body_of("seated, shin hanging", side)
    still = Rotation.identity()
    calibration, angles = measured("seated_internal_rotation", side, recording(body, still, still))
    assert angles["flexion"] == pytest.approx((90.0, 90.0), abs=TOLERANCE_DEG)
    assert angles["adduction"] == pytest.approx((0.0, 0.0), abs=TOLERANCE_DEG)
    assert angles["knee_flexion"] == pytest.approx((90.0, 90.0), abs=TOLERANCE_DEG)
    assert calibration.pelvis[1] == pytest.approx((0.0, 0.0, 1.0), abs=1e-9)


def test_the_parts_of_the_uncertainty_have_the_sizes_of_the_table():
    parts = {part: value for part, value in SIGMAS if value[0].isdigit()}
    said = {part: float(value.rstrip("°%")) for part, value in parts.items()}
    slow, fast = (math.degrees(v) for v in (sigma.SLOW_RAD_S, sigma.FAST_RAD_S))
    held = "a knee that is taken to keep its angle (side-lying, 90-90), times the sines of the"
    skin = "of a straight leg's roll, which is read through the shin's skin, either basis"
    is_degrees = {
        "inclination, still": sigma.SIGMA_STILL_RAD,
        f"inclination, moving at {slow:g}°/s": sigma.SIGMA_SLOW_RAD,
        f"inclination, moving at {fast:g}°/s or more": sigma.SIGMA_FAST_RAD,
        "accelerometer without a calibration of its own": sigma.SIGMA_ACCELEROMETER_RAD,
        "the same, where the zero is the start pose, in which it was too": (
            sigma.SIGMA_ACCELEROMETER_POSE_RAD
        ),
        f"{held} thigh's and its axis' slopes": sigma.KNEE_HELD.off_rad,
        "heading, one still return against the next": sigma.SIGMA_RETURN_RAD,
        "heading, drift for each second since that return": sigma.SIGMA_DRIFT_RAD_S,
        "the same, of units that saw no still second before": sigma.SIGMA_DRIFT_UNLEARNT_RAD_S,
        "absolute zero (`plumb`), of a knee axis from knee bends": SIGMA_ABSOLUTE_RAD,
    }
    moved = (
        "the same, of what the common heading has moved since the start pose: units drift, or the"
    )
    knee = sigma.UnseenKnee(0.0, 0.0)
    percent = {
        skin: 100.0 * sigma.ROLL_SHARE,
        f"{moved} knee left its angle": 100.0 * sigma.sigma_knee(knee, 0.1, 1.0, 1.0, FLOATS) / 0.1,
    }
    assert said == pytest.approx({k: math.degrees(v) for k, v in is_degrees.items()} | percent)


def test_every_picture_of_the_page_exists_and_says_what_it_shows():
    pictures = re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]+)"', PAGE.read_text("utf-8"))
    assert len(pictures) == 5
    for name, alternative in pictures:
        svg = (PAGE.parent / name).read_text(encoding="utf-8")
        assert "<title" in svg
        assert "<desc" in svg
        assert len(alternative) > 30
