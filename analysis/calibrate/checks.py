"""What a calibration is judged by: figures with their limits, and what to do when one fails."""

from __future__ import annotations

import math
from dataclasses import dataclass

REMEDIES = {
    "silent": "the {segment} unit sent nothing: check that it is charged, switched on and in reach",
    "no pose": "no start pose found: hold the start position still for 3 s before the knee bends",
    "no pose, axes given": "no start pose found: {exercise} takes its zero from the start position:"
    " hold it still for 3 s, or mark it",
    "no pose, plumb": "no start pose found: the zero is plumb, and the headings of the units are"
    " those of the first seconds",
    "no free axes": "nothing tells how the units sit, so every angle is empty: mark where the"
    " wearer stood still (stand_start, stand_end), or give --calibration",
    "no free bends": "no knee bends are marked, so the knee's bend and the thigh's turn are empty:"
    " mark them (knee_start, knee_end), or give --calibration",
    "no bend": "too few knee bends seen: bend and straighten the knee as asked, by 50° or so, then"
    " keep still",
    "axis differs": "the knee axis is {deg:.0f}° from where the last calibration has it: a strap"
    " has moved, so everything is calibrated anew: stand still, feet forward",
    "pose differs": "gravity in the {segment} unit is {deg:.0f}° from where the last start position"
    " had it: a strap has moved, so everything is calibrated anew: stand still, feet forward",
    "no thigh axes": "the calibration says nothing of the thigh unit: give one that does",
    "no frames": "the units have no stretch in common: check the recording",
    "no bends": "no knee bends found: bend and straighten the knee five times from the start"
    " position, by 50° or so, with the thigh still",
    "no stand, wider": "no standing pose found: the shank's long axis is taken from the start pose"
    " and the uncertainty is wider",
    "no stand, refused": "no standing pose found: {exercise} needs one, because its start pose does"
    " not show the leg's long axes: stand still for 3 s, feet forward",
    "away": "a unit was away between the start position and the knee bends and may have started"
    " anew: take the start position again, keep still, and bend the knee",
    "stand as pose": "the leg is where it was when you were asked to stand: stand still for 3 s,"
    " feet forward, then take the start position and bend the knee there",
    "moved": "the leg moved by {deg:.1f}° during the {during}: repeat it and keep still",
    "heading runs": "the heading of the {segment} unit ran away by {deg:.0f}° in {seconds} s while"
    " the leg kept still: let the unit lie still for 10 s to learn its own drift, and repeat",
    "wrong pose": "the {segment} is {deg:.0f}° from the start position of {exercise}: check the"
    " position, and that the units are not swapped",
    "wrong knee": "the knee is bent {deg:.0f}° more or less than the start position of {exercise}"
    " has it: check the position, and that the units kept still on the limb",
    "shank idle": "the shank hardly moved while the knee should have been bent: bend and straighten"
    " it five times, and check that the units are not swapped",
    "few bends": "too few knee bends: bend and straighten the knee five times, by 50° or so",
    "thigh moves": "the thigh did {value:.0%} of the turning during the knee bends, as over a foot"
    " that stays put: keep the thigh still and bend only the knee, with the foot free",
    "hip or knee": "the shank went up or down by only {deg:.0f}° while the knee was bent, as in a"
    " rotation of the hip: bend and straighten the knee by 50° or more, or wear a thigh unit too",
    "hip or knee, lying": "the shank went up or down by {deg:.0f}° while the knee was bent, as in a"
    " rotation of the hip: bend only the knee, or wear a thigh unit too",
    "two axes": "the shank did not turn about one axis while the knee was bent: keep the thigh"
    " still and bend only the knee",
    "axis moved": "the knee axis moved by {deg:.1f}° between the first and the last bends: check"
    " the strap and repeat the bends",
    "swapped": "the thigh and the shank unit are swapped: exchange them, or say which is where, and"
    " calibrate again",
    "look swapped": "the units look exchanged: with thigh and shank unit the other way round the"
    " position fits; exchange them, or say which is where; else check the position",
    "front": "the front of the thigh is {deg:.0f}° from where the exercise wants it: check the"
    " position, and bend only the knee",
    "wrong way": "the knee seems to bend the wrong way: begin the knee bends from the start"
    " position, and check which leg wears the units",
    "hinge disagrees": "the knee did not turn like a hinge between the two units: check both straps"
    " and repeat the bends",
    "pelvis silent": "the pelvis unit sent nothing in the start position: its share is not told",
    "pelvis unknown": "the pelvis unit does not show which way is forwards: after standing, bow"
    " forwards once before taking the start position; without that its share is not told",
    "pelvis upright": "the pelvis unit is {deg:.0f}° from lying as the exercise has it: its share"
    " is not told",
    "hinge askew": "the knee did not bend about the phone's side axis, but {deg:.0f}° off it: strap"
    " it square to the front of the shin, and bend only the knee",
    "upside down": "the {segment} phone is upside down or on its side: turn its top towards the"
    " trunk, along the leg",
    "hinge across": "the knee axis is {deg:.0f}° from being across the shank: stand straighter, and"
    " bend only the knee",
}
"""What to tell the wearer, by what is wrong."""
UPRIGHT_MAX_RAD = math.radians(60.0)
"""A y axis that is known to go up the leg is turned beyond this: upside down it is 180° off, on its
side 90°, and nobody stands as crooked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure of the calibration, its limit, and what to do when it fails."""

    name: str
    value: float
    limit: float
    unit: str
    passed: bool
    sentence: str
    """Empty where there is nothing to say."""
    remedy: str = ""
    """The key of the sentence in `REMEDIES`, for other languages."""
    words: tuple[tuple[str, float | str], ...] = ()
    """What is filled in there."""


def at_most(name: str, value_rad: float, limit_rad: float, remedy: str, **words: str) -> Check:
    """Return the check that an angle (rad) does not exceed a limit; its figures are in degrees."""
    passed = value_rad <= limit_rad
    deg = math.degrees(value_rad)
    return _check(name, deg, math.degrees(limit_rad), "deg", passed, remedy, deg=deg, **words)


def upright_check(segment: str, along: float) -> Check:
    """Return the check that a unit's y axis goes up the leg, by its cosine to that."""
    off = math.acos(max(-1.0, min(1.0, along)))
    name = f"{segment} unit upright"
    return at_most(name, off, UPRIGHT_MAX_RAD, "upside down", segment=segment)


def deg_at_least(name: str, value_rad: float, limit_rad: float, remedy: str) -> Check:
    """Return the check that an angle (rad) reaches a limit; its figures are in degrees."""
    passed, deg = value_rad >= limit_rad, math.degrees(value_rad)
    return _check(name, deg, math.degrees(limit_rad), "deg", passed, remedy, deg=deg)


def share_at_most(name: str, value: float, limit: float, remedy: str) -> Check:
    """Return the check that a share does not exceed a limit."""
    return _check(name, value, limit, "", value <= limit, remedy, value=value)


def at_least(name: str, value: float, limit: float, remedy: str) -> Check:
    """Return the check that a count or a share reaches a limit."""
    return _check(name, float(value), float(limit), "", value >= limit, remedy)


def not_found(name: str, remedy: str, *, passed: bool = False, **words: str) -> Check:
    """Return the check of a step that did not happen; `passed` where it can be done without."""
    return Check(
        name=name,
        value=0.0,
        limit=1.0,
        unit="found",
        passed=passed,
        sentence=REMEDIES[remedy].format(**words),
        remedy=remedy,
        words=tuple(words.items()),
    )


def _check(
    name: str,
    value: float,
    limit: float,
    unit: str,
    passed: bool,
    remedy: str,
    /,
    **words: float | str,
) -> Check:
    """Return a check, with a sentence where it failed."""
    if passed:
        return Check(name=name, value=value, limit=limit, unit=unit, passed=True, sentence="")
    return Check(
        name=name,
        value=value,
        limit=limit,
        unit=unit,
        passed=False,
        sentence=REMEDIES[remedy].format(**words),
        remedy=remedy,
        words=tuple(words.items()),
    )
