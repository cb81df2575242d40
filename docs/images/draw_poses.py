"""Draw the strap and start-position pictures of the page from one body model.

    python docs/images/draw_poses.py

writes `hipturn/page/poses/POSITION_SIDE.svg`. Lengths are shares of the body's height; joint angles
follow docs/conventions.md. The left leg's picture is the mirror image of the right leg's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

POSES = Path(__file__).parents[2] / "hipturn" / "page" / "poses"
WIDTH, HEIGHT = 360, 240
THIGH, SHANK, FOOT = 0.245, 0.246, 0.13  # Winter 2009, table 4.1, as shares of the height
TRUNK, NECK, HEAD = 0.29, 0.06, 0.065
HIPS_APART, SHOULDERS_APART = 0.10, 0.22
UPPER_ARM, FOREARM = 0.17, 0.15
SHARE = 0.70
"""Where a unit sits along its segment, from the upper joint: a hand above the lower one."""
PHONE_SHARE = 0.25
"""Of a phone on the shin: a hand below the knee, where it is flat and broad."""
SKIN = {"thigh": 0.04, "shank": 0.03}
"""How far the skin is from the bone, as a share of the height."""
ARROW_DEG = 35.0
GREY, BLUE, DEEP, ORANGE, EDGE = "#8a9bad", "#4a9fe0", "#2f7fc0", "#f0a72e", "#7a4f08"
WORDS = "#7c8ea0"  # legible on the dark page and on the light one


@dataclass(frozen=True)
class Leg:
    """Joint angles in degrees: of the hip, then how far the knee is bent."""

    flexion: float = 0.0
    adduction: float = 0.0
    rotation: float = 0.0
    knee: float = 0.0


@dataclass(frozen=True)
class Pose:
    """A position: how the trunk lies in the room, both legs, and from where it is seen.

    The room's axes: x to the right of the picture, y away from the eye, z up.
    """

    title: str
    forwards: tuple[float, float, float]
    up: tuple[float, float, float]
    right: Leg
    left: Leg
    eye: tuple[float, float, float]
    view: str
    arms: tuple[float, float, float] = (10.0, 10.0, 12.0)
    """Flexion of shoulder and elbow, and how far the arms are out from the trunk, degrees."""
    chair: bool = False
    only: tuple[str, ...] = ()
    """The segments to draw; all where it is empty."""
    labels: tuple[str, ...] = field(default=())
    phone: bool = False


Part = tuple[str, np.ndarray, np.ndarray, float, str]
"""Name, both ends in the room, thickness as a share of the height, and colour."""
BENT = Leg(flexion=90, knee=90)
SIDE = "the side"
STANDING = {"forwards": (0, -1, 0), "up": (0, 0, 1), "right": Leg(), "left": Leg()}
PICTURES = {
    "standing": Pose("Standing still, feet forward", **STANDING, eye=(-0.75, -0.75, 0.2),
                     view="the front"),
    "kneeling": Pose("On all fours", (0, 0, -1), (1, 0, 0), BENT, BENT, (-0.4, -0.85, 0.3), SIDE,
                     arms=(72, 45, 6)),
    "seated": Pose("Seated, thigh level, shin hanging", (1, 0, 0), (0, 0, 1), BENT, BENT,
                   (0.55, -0.8, 0.3), SIDE, arms=(15, 65, 8), chair=True),
    "floor": Pose("Sitting on the floor, one leg bent in front, the other behind", (0, -1, 0),
                  (0, 0, 1), Leg(88, -42, 86, 92), Leg(85, -38, -86, 92), (-0.5, -0.75, 0.5),
                  "above", arms=(5, 10, 24)),
    "prone": Pose("Face down, knees bent, shins up", (0, 0, -1), (1, 0, 0), Leg(knee=90),
                  Leg(knee=90), (-0.5, -0.8, 0.35), "the feet", arms=(165, 30, 30)),
    "supine": Pose("On the back, thigh upright, shin level", (0, 0, 1), (-1, 0, 0), BENT,
                   Leg(flexion=45, knee=90), (0.4, -0.75, 0.5), SIDE, arms=(4, 4, 10)),
    "side_lying": Pose("On the other side, knees bent, the ankle lifts", (0, -1, 0), (1, 0, 0),
                       Leg(45, -4, 12, 85), Leg(40, 6, 0, 85), (-0.35, -0.75, 0.55), "above",
                       arms=(65, 95, 0)),
    "straps": Pose("Where the units go", **STANDING, eye=(-0.75, -0.75, 0.12),
                   view="the front", only=("thigh", "shank", "foot"),
                   labels=("on the outside of the thigh", "a hand above the knee",
                           "on the flat front of the shin", "a hand above the ankle",
                           "snug; either way up")),
    "phone": Pose("Where a phone goes", **STANDING, eye=(-0.6, -0.85, 0.12),
                  view="the front", only=("thigh", "shank", "foot"), phone=True,
                  labels=("the phone", "", "on the front of the shin", "a hand below the knee",
                          "snug; its top up")),
}  # fmt: skip


def turn(axis: int, degrees: float) -> np.ndarray:
    """Return the rotation (3, 3) about an axis: 0 is x, 1 is y, 2 is z."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    m = np.eye(3)
    m[a, a], m[a, b], m[b, a], m[b, b] = c, -s, s, c
    return m


def leg_frames(trunk: np.ndarray, leg: Leg, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return thigh and shank axes (columns: forwards, up the leg, right) in the room."""
    hip = turn(2, leg.flexion) @ turn(0, sign * leg.adduction) @ turn(1, sign * leg.rotation)
    thigh = trunk @ hip
    return thigh, thigh @ turn(2, -leg.knee)


def joints(trunk: np.ndarray, leg: Leg, sign: int) -> dict[str, np.ndarray]:
    """Return hip, knee, ankle and toe of a leg, with the pelvis at the origin."""
    thigh, shank = leg_frames(trunk, leg, sign)
    hip = trunk @ np.array([0.0, 0.0, sign * HIPS_APART / 2])
    knee = hip - THIGH * thigh[:, 1]
    ankle = knee - SHANK * shank[:, 1]
    return {"hip": hip, "knee": knee, "ankle": ankle, "toe": ankle + FOOT * shank[:, 0]}


class Camera:
    """Projects the room onto the picture; mirrors it for the left leg."""

    def __init__(self, eye: tuple[float, float, float], points: np.ndarray, mirror: bool,
                 box: tuple[float, float, float, float]) -> None:  # fmt: skip
        to_eye = np.array(eye) / np.linalg.norm(eye)
        across = np.cross([0.0, 0.0, 1.0], to_eye)
        across /= np.linalg.norm(across)
        self._axes = np.stack([across, -np.cross(to_eye, across), -to_eye])
        flat = points @ self._axes.T
        low, high = flat.min(axis=0), flat.max(axis=0)
        left, top, right, bottom = box
        self.scale = min((right - left) / (high[0] - low[0]), (bottom - top) / (high[1] - low[1]))
        self._middle, self._mirror = (low + high) / 2, mirror
        self._centre = np.array([(left + right) / 2, (top + bottom) / 2])

    def __call__(self, point: np.ndarray) -> np.ndarray:
        """Return where a point is on the picture, and how far behind (x, y, depth)."""
        flat = (self._axes @ point - self._middle) * self.scale
        x, y = self._centre + flat[:2]
        return np.array([WIDTH - x if self._mirror else x, y, flat[2]])


def capsule(a: np.ndarray, b: np.ndarray, width: float, colour: str, name: str = "") -> str:
    """Return a stroke with round ends."""
    ident = f' id="{name}"' if name else ""
    return (
        f'<path{ident} d="M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" stroke="{colour}"'
        f' stroke-width="{width:.1f}" stroke-linecap="round"/>'
    )


def unit(
    camera: Camera,
    name: str,
    upper: np.ndarray,
    lower: np.ndarray,
    outwards: np.ndarray,
    *,
    share: float = SHARE,
    tall: float = 0.075,
) -> tuple[float, str]:
    """Return a unit on the skin of a segment: how far behind it is, and its drawing."""
    on = upper + share * (lower - upper)
    thick = SKIN[name]
    at = on + thick * outwards
    along = (lower - upper) / np.linalg.norm(lower - upper)
    a, b, c = camera(on), camera(at - tall / 2 * along), camera(at + tall / 2 * along)
    middle, span = (b + c) / 2, max(float(np.hypot(*(c - b)[:2])), 0.022 * camera.scale)
    angle = np.degrees(np.arctan2(*(c - b)[1::-1])) - 90
    hidden = camera(at)[2] > a[2] + 0.3 * thick * camera.scale
    wide = 0.04 * camera.scale
    dashes = ' stroke-dasharray="4 3" fill-opacity=".25"' if hidden else ""
    drawn = (
        f'<g id="unit-{name}" data-on="{a[0]:.2f} {a[1]:.2f}" data-hidden="{int(hidden)}"'
        f' transform="translate({middle[0]:.1f} {middle[1]:.1f}) rotate({angle:.1f})">'
        f'<rect x="{-wide / 2:.1f}" y="{-span / 2:.1f}" width="{wide:.1f}" height="{span:.1f}"'
        f' rx="4" fill="{ORANGE}" stroke="{EDGE}" stroke-width="2"{dashes}/></g>'
    )
    return -1e3 if hidden else -2e3, drawn


def arrow(camera: Camera, trunk: np.ndarray, leg: Leg) -> str:
    """Return the arrow along which the foot goes when the hip turns inwards."""
    moved = "ankle" if leg.knee > 40 else "toe"
    path = []
    for deg in np.linspace(0.2, 1.0, 9) * ARROW_DEG:
        turned = Leg(leg.flexion, leg.adduction, leg.rotation + deg, leg.knee)
        path.append(camera(joints(trunk, turned, 1)[moved])[:2])
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in path)
    x, y = path[-1]
    angle = np.degrees(np.arctan2(*(path[-1] - path[-3])[::-1]))
    return (
        f'<g id="arrow" data-part="{moved}"><path d="M{line}" fill="none" stroke="{ORANGE}"'
        f' stroke-width="5" stroke-linecap="round"/><path d="M10 0L-7 -9L-7 9z" fill="{ORANGE}"'
        f' transform="translate({x:.1f} {y:.1f}) rotate({angle:.1f})"/></g>'
    )


def body_parts(pose: Pose, trunk: np.ndarray) -> list[Part]:
    """Return name, ends, thickness and colour of every part in the room."""
    parts = []
    chest, head = trunk @ np.array([0, TRUNK, 0]), trunk @ np.array([0.02, TRUNK + NECK + HEAD, 0])
    for sign, leg, near in ((-1, pose.left, False), (1, pose.right, True)):
        j = joints(trunk, leg, sign)
        names = ("thigh", "shank", "foot") if near else ("", "", "")
        colours = (BLUE, BLUE, DEEP) if near else (GREY, GREY, GREY)
        for k, (a, b, thick) in enumerate((("hip", "knee", 0.078), ("knee", "ankle", 0.058),
                                           ("ankle", "toe", 0.042))):  # fmt: skip
            parts.append((names[k], j[a], j[b], thick, colours[k]))
        shoulder = chest + trunk @ np.array([0, 0, sign * SHOULDERS_APART / 2])
        bend = [turn(2, pose.arms[0]) @ turn(0, -sign * pose.arms[2]), turn(2, pose.arms[1])]
        elbow = shoulder - UPPER_ARM * (trunk @ bend[0])[:, 1]
        hand = elbow - FOREARM * (trunk @ bend[0] @ bend[1])[:, 1]
        parts.append(("", shoulder, elbow, 0.038, GREY))
        parts.append(("", elbow, hand, 0.032, GREY))
    parts.append(("", trunk @ np.array([0, 0.03, 0]), chest, 0.13, GREY))
    parts.append(("head", head, head, 2 * HEAD, GREY))
    return [part for part in parts if not pose.only or part[0] in pose.only]


def ground(camera: Camera, pose: Pose, parts: list[Part]) -> str:
    """Return the floor under the body, and the chair."""
    ends = np.array([p for _, a, b, _, _ in parts for p in (a, b)])
    low = min(float(min(a[2], b[2])) - thick / 2 for _, a, b, thick, _ in parts)
    if pose.only:
        return ""
    (x0, y0), (x1, y1) = ends[:, :2].min(axis=0) - 0.01, ends[:, :2].max(axis=0) + 0.01
    corners = [camera(np.array([x, y, low])) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    drawn = _filled(corners, ' opacity=".3"')
    if pose.chair:
        seat = -0.05
        square = [(-0.14, -0.13), (0.15, -0.13), (0.15, 0.13), (-0.14, 0.13)]
        top = [camera(np.array([x, y, seat])) for x, y in square]
        feet = [camera(np.array([x, y, low])) for x, y in square]
        for a, b in zip(top, feet, strict=True):
            drawn += capsule(a, b, 5, "#6d8299")
        drawn += _filled(top)
    return drawn


def _filled(corners: list[np.ndarray], more: str = "") -> str:
    outline = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in corners)
    return f'<path d="M{outline}Z" fill="#6d8299"{more}/>'


def picture(name: str, side: str) -> str:
    """Return one picture as SVG."""
    pose = PICTURES[name]
    forwards, up = (np.array(v, float) for v in (pose.forwards, pose.up))
    trunk = np.stack([forwards, up, np.cross(forwards, up)], axis=1)
    parts = body_parts(pose, trunk)
    points = np.array([p for _, a, b, _, _ in parts for p in (a, b)])
    box = (20, 20, 170, 222) if pose.only else (72, 26, 340, 206)
    camera = Camera(pose.eye, points, side == "left", box)
    drawn = []
    for part, a, b, thick, colour in parts:
        ends = camera(a), camera(b)
        shape = capsule(*ends, thick * camera.scale, colour, part)
        drawn.append((ends[0][2] + ends[1][2], shape))
    j = joints(trunk, pose.right, 1)
    thigh, shank = leg_frames(trunk, pose.right, 1)
    if pose.phone:
        drawn.append(unit(camera, "shank", j["knee"], j["ankle"], shank[:, 0],
                          share=PHONE_SHARE, tall=0.09))  # fmt: skip
    else:
        drawn.append(unit(camera, "thigh", j["hip"], j["knee"], thigh[:, 2]))
        drawn.append(unit(camera, "shank", j["knee"], j["ankle"], shank[:, 0]))
    drawn.sort(key=lambda pair: -pair[0])
    texts, under = labels(pose, side), ground(camera, pose, parts)
    shapes = [*(shape for _, shape in drawn), arrow(camera, trunk, pose.right)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' font-family="system-ui, sans-serif" fill="{WORDS}">'
        f"<title>{pose.title}, {side} leg</title>\n"
        + "\n".join([under, *shapes, texts, "</svg>\n"])
    )


def labels(pose: Pose, side: str) -> str:
    """Return the words: which leg, from where it is seen, and what to heed."""
    far = WIDTH - 12 if side == "left" and not pose.only else 12
    anchor = "end" if far > 12 else "start"
    if pose.only:
        far, anchor = (12, "start") if side == "left" else (WIDTH - 12, "end")
    said = [
        f'<text id="side" x="{far}" y="44" text-anchor="{anchor}" font-size="40" font-weight="700"'
        f' fill="{BLUE}">{side[0].upper()}<tspan font-size="17"> {side}</tspan></text>',
        f'<text id="view" x="{far}" y="{HEIGHT - 8}" text-anchor="{anchor}" font-size="13">'
        f"seen from {pose.view}</text>",
    ]
    for k, text in enumerate(pose.labels):
        y = (78, 98, 138, 158, 198)[k]
        if text:
            weight = 700 if k in (0, 2) else 400
            said.append(f'<text x="{far}" y="{y}" text-anchor="{anchor}" font-size="15"'
                        f' font-weight="{weight}">{text}</text>')  # fmt: skip
    return "\n".join(said)


def draw_all(folder: Path = POSES) -> list[Path]:
    """Write every picture for either leg; return the files."""
    written = []
    for name in PICTURES:
        for side in ("left", "right"):
            path = folder / f"{name}_{side}.svg"
            path.write_text(picture(name, side), encoding="utf-8")
            written.append(path)
    return written


if __name__ == "__main__":
    for path in draw_all():
        print(path)
