"""Calibrations as a session keeps them: read with every problem named, unknown fields ignored.

A session's header holds one JSON object a leg. What a newer version, or another program, wrote
beside the fields below is left alone; what is missing or of another kind is a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from analysis.calibrate.given_axes import GivenAxes
from analysis.calibrate.hold_pose import AnyCalibration, PoseCalibration
from analysis.calibrate.pelvis_unit import PelvisUnit
from analysis.leg import LegCalibration
from imu.quaternion import FLOATS, Quaternion, normalise
from imu.sample import Side

StoredCalibration = AnyCalibration | GivenAxes
LENGTH = (0.9, 1.1)
"""Of a quaternion that is meant to have length one: a hand-rounded one is within it."""
SIGMA_MAX_DEG = 45.0
"""Axes that are known no better tell nothing."""


def stored_calibrations(data: Mapping[str, Any] | None) -> dict[Side, StoredCalibration]:
    """Return the calibration of each leg in a session's header; other keys are ignored.

    Raises
    ------
    ValueError
        Listing every problem, such as `right.y_shank is missing`.
    """
    found: dict[Side, StoredCalibration] = {}
    problems: list[str] = []
    for side in Side:
        leg = (data or {}).get(side)
        if leg is None:
            continue
        if not isinstance(leg, dict):
            problems.append(f"{side} is no object")
            continue
        one = _stored(leg, side, problems)
        if one is not None:
            found[side] = one
    if problems:
        raise ValueError(", ".join(problems))
    return found


def given_axes(
    leg: Mapping[str, Any], side: Side, q_pelvis: Quaternion | None, problems: list[str]
) -> GivenAxes | None:
    """Return the axes that one leg of a calibration file tells; None, with problems, otherwise."""
    before = len(problems)
    told = {name: quaternion(leg, name, str(side), problems) for name in ("thigh", "shank")}
    sigma = leg.get("sigma_deg")
    if sigma is None:
        problems.append(f"{side}.sigma_deg is missing")
    elif not _is_number(sigma) or not 0.0 <= sigma <= SIGMA_MAX_DEG:
        problems.append(f"{side}.sigma_deg is not a number from 0 to {SIGMA_MAX_DEG:.0f}")
    shank = told["shank"]
    if shank is None and len(problems) == before:
        problems.append(f"{side}.shank is missing")
    if shank is None or sigma is None or len(problems) > before:
        return None
    return GivenAxes(
        side=side,
        q_thigh=told["thigh"],
        q_shank=shank,
        q_pelvis=q_pelvis,
        sigma_rad=math.radians(sigma),
    )


def quaternion(
    data: Mapping[str, Any], name: str, place: str, problems: list[str]
) -> Quaternion | None:
    """Return a quaternion w, x, y, z of length one; None where there is none, or a wrong one."""
    value = data.get(name)
    if value is None:
        return None
    where = f"{place}.{name}" if place else name
    if not _are_numbers(4)(value):
        problems.append(f"{where} is not four numbers w, x, y, z")
        return None
    length = math.sqrt(sum(part * part for part in value))
    if not LENGTH[0] <= length <= LENGTH[1]:
        problems.append(f"{where} has the length {length:.3g}, not 1")
        return None
    w, x, y, z = (float(part) for part in value)
    return normalise((w, x, y, z), FLOATS)


def _stored(leg: dict[str, Any], side: Side, problems: list[str]) -> StoredCalibration | None:
    kind = leg.get("kind")
    if kind == "axes":
        pelvis = quaternion(leg, "pelvis", str(side), problems)
        return given_axes(leg, side, pelvis, problems)
    wanted = PoseCalibration if kind == "pose" else LegCalibration
    found = _problems(leg, wanted, str(side))
    if found:
        problems += found
        return None
    known = {field.name: leg[field.name] for field in fields(wanted) if field.name in leg}
    if wanted is PoseCalibration:
        vectors = {name: tuple(known[name]) for name in ("up_thigh", "up_shank")}
        return PoseCalibration(**{**known, **vectors, "side": side})
    return LegCalibration.from_json({**known, "side": side})


def _problems(data: Mapping[str, Any], kind: type[Any], place: str) -> list[str]:
    """Return what is missing or of another kind among the fields of a dataclass."""
    found = []
    for field in fields(kind):
        value, (what, fits) = data.get(field.name), KINDS.get(str(field.type), ANYTHING)
        where = f"{place}.{field.name}"
        if field.name not in data and field.default is MISSING:
            found.append(f"{where} is missing")
        elif field.name in data and not fits(value):
            found.append(f"{where} is not {what}")
    if kind is LegCalibration and isinstance(data.get("pelvis_unit"), dict):
        found += _problems(data["pelvis_unit"], PelvisUnit, f"{place}.pelvis_unit")
    return found


def _is_number(value: Any) -> bool:  # noqa: ANN401 (a JSON value)
    return type(value) in (int, float) and math.isfinite(value)


def _are_numbers(count: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:  # noqa: ANN401
        whole = isinstance(value, list | tuple) and len(value) == count
        return whole and all(map(_is_number, value))

    return fits


def _or_nothing(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _are_axes(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list | tuple) and len(value) == 3 and all(map(_are_numbers(3), value))


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "Side": ("left or right", lambda value: value in tuple(Side)),
    "str": ("a text", lambda value: isinstance(value, str)),
    "float": ("a number", _is_number),
    "float | None": ("a number", _or_nothing(_is_number)),
    "Vector": ("three numbers", _are_numbers(3)),
    "Vector | None": ("three numbers", _or_nothing(_are_numbers(3))),
    "Quaternion": ("four numbers", _are_numbers(4)),
    "tuple[Vector, Vector, Vector]": ("three times three numbers", _are_axes),
    "PelvisUnit | None": ("an object", _or_nothing(lambda value: isinstance(value, dict))),
}
"""What a value of a field's type is called, and how to tell one."""
ANYTHING: tuple[str, Callable[[Any], bool]] = ("", lambda _: True)
