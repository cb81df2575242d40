"""What wearers are put through: named settings in groups; the rest is the wearer's default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imu.virtual.wearer import WearerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One set of settings with the name that tables show."""

    name: str
    group: str
    changes: dict[str, Any] = field(default_factory=dict)
    exercises: tuple[str, ...] | None = None
    """None: all of them."""

    @property
    def settings(self) -> WearerSettings:
        return WearerSettings(**self.changes)


def _knee(off_deg: float) -> dict[str, Any]:
    return {"pose_off_deg": (0.0, 0.0, 0.0, off_deg)}


def _one_by_one() -> tuple[Condition, ...]:
    """Return the conditions that change one thing, at several sizes each."""
    skin = [("skin", f"skin {s} %", {"thigh_skin_share": s / 100}) for s in (0, 10, 20, 30, 50)]
    mount = [
        ("mount", f"mount {deg}°", {"mount_sd_deg": 0.0, "mount_turn_deg": float(deg)})
        for deg in (0, 15, 30)
    ]
    knee = [("knee", f"knee {deg:+d}°", _knee(deg)) for deg in (-20, -10, 10, 20)]
    creep = [
        ("creep", f"knee creeps {deg:+d}°", {"knee_drift_deg": float(deg)})
        for deg in (-20, -10, 10, 20)
    ]
    loss = [("loss", f"loss {p} %", {"loss_share": p / 100}) for p in (0, 1, 5, 10)]
    rate = [("rate", f"{hz} Hz", {"rate_hz": float(hz)}) for hz in (25, 50, 60, 100, 120)]
    rows = (*skin, *mount, *knee, *creep, *loss, *rate)
    return tuple(Condition(group=group, name=name, changes=c) for group, name, c in rows)


HALF_HOUR = {"sets": 12, "set_rest_s": 100.0, "sway_below_hz": 0.3}
"""Twelve sets with rests: about half an hour, whatever the exercise."""

CONDITIONS = (
    Condition(name="defaults", group="defaults"),
    *_one_by_one(),
    Condition(
        name="skin 50 %, mount 30°",
        group="worst",
        changes={
            "thigh_skin_share": 0.5,
            "shank_skin_share": 0.1,
            "mount_sd_deg": 0.0,
            "mount_turn_deg": 30.0,
        },
    ),
    Condition(name="knee play 3°", group="play", changes={"knee_play_deg": 3.0}),
    Condition(name="pelvis rolls 8°", group="pelvis", changes={"pelvis_roll_deg": 8.0}),
    Condition(
        name="pelvis rolls 8°, unit worn",
        group="pelvis",
        changes={"pelvis_roll_deg": 8.0, "pelvis_unit": True},
    ),
    Condition(name="pose 5° sd", group="pose", changes={"start_pose_sd_deg": 5.0}),
    Condition(name="stand 3° sd", group="stand", changes={"stand_sd_deg": 3.0}),
    Condition(name="raw units", group="raw", changes={"sensor_output": "raw"}),
)
REAL = Condition(
    name="real",
    group="real",
    changes={
        "stand_sd_deg": 6.0,
        "start_pose_sd_deg": 5.0,
        "knee_axis_turn_sd_deg": 2.0,
        "knee_axis_tilt_sd_deg": 5.0,
        "bend_thigh_share": 0.1,
    },
)
"""What bodies of people were seen to be: a stand 3 to 14° off upright, a sitting thigh 5 to 10° off
level, a knee that is no ideal hinge, and a thigh that goes along when the knee is bent."""
DRIFT = Condition(name="half an hour", group="drift", changes=dict(HALF_HOUR))
GROUPS = tuple(dict.fromkeys(condition.group for condition in (*CONDITIONS, REAL, DRIFT)))


def chosen(names: list[str] | None) -> tuple[Condition, ...]:
    """Return the conditions of the named groups, or all but the half hour and real bodies."""
    if not names:
        return CONDITIONS
    return tuple(c for c in (*CONDITIONS, REAL, DRIFT) if c.group in names or c.name in names)
