"""A script laid out in time: every joint angle on an even grid, and what happened when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from imu.sample import FloatArray, Side
from imu.virtual.person.script import (
    Bend,
    KneeBends,
    Path,
    Rep,
    RepSet,
    Script,
    Segment,
    Still,
    TakePosition,
    Walk,
)

Mark = tuple[float, str]
"""A moment in seconds and its label."""


class Channel(Enum):
    """What a stroke moves."""

    ROTATION = auto()
    FLEXION = auto()
    ADDUCTION = auto()
    KNEE = auto()
    PELVIS = auto()
    """Turn of the pelvis about the thigh of the start pose."""
    POSITION = auto()
    """Share of the way from standing (0) to the start pose (1)."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One minimum-jerk change of one channel; degrees, or a share for the position."""

    start_s: float
    duration_s: float
    change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepTimes:
    """When one movement started, reached its hold, left it and was back."""

    kind: str
    start_s: float
    hold_start_s: float
    hold_end_s: float
    end_s: float


@dataclass(slots=True)
class Plan:
    """A script in time: strokes per channel and side, marks, phases and repetitions."""

    sides: tuple[Side, ...]
    end_s: float = 0.0
    strokes: dict[tuple[Channel, Side], list[Stroke]] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    phases: dict[Side, list[Mark]] = field(default_factory=dict)
    """Moments at which a phase begins, per side."""
    reps: dict[Side, list[RepTimes]] = field(default_factory=dict)
    level_deg: dict[Side, float] = field(default_factory=dict)
    """Rotation above the start pose that the last stroke left."""
    pose: tuple[float, float] | None = None
    """Start and end of the still start pose."""
    starts_in_position: bool = False

    def move(self, channel: Channel, side: Side, stroke: Stroke) -> None:
        """Add a stroke, unless it changes nothing."""
        if stroke.change != 0.0 and stroke.duration_s <= 0.0:
            raise ValueError(
                f"the stroke at {stroke.start_s:.2f} s of the script lasts "
                f"{stroke.duration_s} s; give it more than 0 s"
            )
        if stroke.change != 0.0:
            self.strokes.setdefault((channel, side), []).append(stroke)


def plan(script: Script, sides: tuple[Side, ...]) -> Plan:
    """Lay a script out in time from 0 s.

    Parameters
    ----------
    script
        What is done, in order.
    sides
        The legs that do it.

    Raises
    ------
    ValueError
        When the script has no still start pose, without which no angle has a zero, or something
        in it lasts no time.
    """
    if not any(isinstance(part, Still) and part.label == "pose" for part in script):
        raise ValueError(
            "the script has no still start pose to measure from; add Still(4.0, 'pose') to it"
        )
    laid = Plan(sides, starts_in_position=not any(isinstance(p, TakePosition) for p in script))
    for side in sides:
        laid.phases[side] = [(0.0, "calibrating")]
        laid.reps[side] = []
        laid.level_deg[side] = 0.0
    for part in script:
        start_s = laid.end_s
        _lay(laid, part)
        if laid.end_s < start_s:
            raise ValueError(f"{part} of the script lasts less than no time; lengthen it")
    return laid


def _lay(laid: Plan, part: Segment) -> None:
    """Add one segment at the end of the plan."""
    match part:
        case Still():
            _lay_still(laid, part)
        case TakePosition():
            stroke = Stroke(laid.end_s, part.duration_s, 1.0)
            for side in laid.sides:
                laid.move(Channel.POSITION, side, stroke)
            laid.end_s += part.duration_s
        case KneeBends():
            _lay_bends(laid, part.bends)
        case RepSet():
            _lay_set(laid, part)
        case Path():
            _lay_path(laid, part)
        case Walk():
            _lay_walk(laid, part)


def _lay_still(laid: Plan, still: Still) -> None:
    start_s, laid.end_s = laid.end_s, laid.end_s + still.duration_s
    if still.label == "pose":
        laid.pose = (start_s, laid.end_s)
    if still.label:
        laid.marks += [(start_s, f"{still.label}_start"), (laid.end_s, f"{still.label}_end")]
    for side in laid.sides:
        _lay_fidget(laid, side, still, start_s)


def _lay_fidget(laid: Plan, side: Side, still: Still, start_s: float) -> None:
    """Let the thigh move by `fidget_deg` and back while the wearer should keep still."""
    fifth_s = still.duration_s / 5.0
    for begin_s, change in ((fifth_s, still.fidget_deg), (3.0 * fifth_s, -still.fidget_deg)):
        laid.move(Channel.FLEXION, side, Stroke(start_s + begin_s, fifth_s, change))


def _lay_bends(laid: Plan, bends: Iterable[Bend]) -> None:
    laid.marks.append((laid.end_s, "knee_start"))
    for bend in bends:
        back_s = laid.end_s + bend.out_s
        for side in laid.sides:
            laid.move(Channel.KNEE, side, Stroke(laid.end_s, bend.out_s, bend.size_deg))
            laid.move(Channel.KNEE, side, Stroke(back_s, bend.back_s, -bend.size_deg))
        laid.end_s = back_s + bend.back_s + bend.rest_s
    laid.marks.append((laid.end_s, "knee_end"))


def _lay_set(laid: Plan, part: RepSet) -> None:
    start_s = laid.end_s
    ends_s = [start_s]
    for side in laid.sides:
        own = part.left if side is Side.LEFT and part.left is not None else part.reps
        laid.phases[side].append((start_s, "rest"))
        at_s = start_s
        for rep in own:
            at_s = _lay_rep(laid, side, rep, at_s)
        ends_s.append(at_s)
    laid.end_s = max(ends_s)
    for side in laid.sides:
        creep = Stroke(start_s, laid.end_s - start_s, part.knee_drift_deg)
        laid.move(Channel.KNEE, side, creep)
    laid.marks += [(start_s, "set_start"), (laid.end_s, "set_end")]


def _lay_rep(laid: Plan, side: Side, rep: Rep, at_s: float) -> float:
    """Add one movement of one leg after `at_s`; return when it ends."""
    start_s = at_s + rep.rest_before_s
    hold_s = start_s + rep.up_s
    down_s = hold_s + rep.hold_s
    sag_deg = rep.sag_share * rep.amplitude_deg if rep.hold_s > 0.0 else 0.0
    up_deg = rep.amplitude_deg - laid.level_deg[side]
    level_deg = rep.amplitude_deg - sag_deg
    laid.move(Channel.ROTATION, side, Stroke(start_s, rep.up_s, up_deg))
    laid.move(Channel.ROTATION, side, Stroke(hold_s, rep.hold_s, -sag_deg))
    if rep.outward_deg:
        across_s = rep.up_s + rep.down_s
        across = Stroke(down_s, across_s, -rep.outward_deg - level_deg)
        laid.move(Channel.ROTATION, side, across)
        down_s, level_deg = down_s + across_s + rep.hold_s, -rep.outward_deg
    end_s = down_s + rep.down_s
    laid.move(Channel.ROTATION, side, Stroke(down_s, rep.down_s, rep.residual_deg - level_deg))
    laid.level_deg[side] = rep.residual_deg
    for channel, change in (
        (Channel.FLEXION, rep.flexion_deg),
        (Channel.ADDUCTION, rep.adduction_deg),
        (Channel.KNEE, rep.knee_deg),
        (Channel.PELVIS, rep.pelvis_deg),
    ):
        laid.move(channel, side, Stroke(start_s, rep.up_s, change))
        laid.move(channel, side, Stroke(down_s, rep.down_s, -change))
    held_to_s = hold_s + rep.hold_s
    laid.phases[side] += [(start_s, "up"), (hold_s, "hold"), (held_to_s, "down"), (end_s, "rest")]
    laid.reps[side].append(
        RepTimes(
            kind=rep.kind, start_s=start_s, hold_start_s=hold_s, hold_end_s=held_to_s, end_s=end_s
        )
    )
    return end_s


def _lay_path(laid: Plan, part: Path) -> None:
    start_s = laid.end_s
    for duration_s, to_deg in part.steps:
        for side in laid.sides:
            change = to_deg - laid.level_deg[side]
            laid.move(Channel.ROTATION, side, Stroke(laid.end_s, duration_s, change))
            laid.level_deg[side] = to_deg
        laid.end_s += duration_s
    if part.label:
        laid.marks += [(start_s, f"{part.label}_start"), (laid.end_s, f"{part.label}_end")]


# One stride: (channel, begins, lasts, changes), times as shares of the stride. The thigh swings
# forwards while the knee bends and straightens, and back while the foot is on the floor, its knee
# giving a little as it takes the weight.
_STRIDE = (
    (Channel.FLEXION, 0.0, 0.40, 40.0),
    (Channel.FLEXION, 0.45, 0.55, -40.0),
    (Channel.KNEE, 0.0, 0.22, 60.0),
    (Channel.KNEE, 0.22, 0.20, -60.0),
    (Channel.KNEE, 0.46, 0.12, 15.0),
    (Channel.KNEE, 0.60, 0.20, -15.0),
    (Channel.ADDUCTION, 0.0, 0.5, 8.0),
    (Channel.ADDUCTION, 0.5, 0.5, -8.0),
    (Channel.ROTATION, 0.0, 0.4, -8.0),
    (Channel.ROTATION, 0.5, 0.5, 8.0),
)


def _lay_walk(laid: Plan, walk: Walk) -> None:
    up_s = laid.end_s + walk.rise_s
    down_s = up_s + walk.strides * walk.stride_s
    for side in laid.sides:
        half = 0.5 * walk.stride_s if side is not laid.sides[0] else 0.0
        laid.move(Channel.POSITION, side, Stroke(laid.end_s, walk.rise_s, -1.0))
        laid.move(Channel.POSITION, side, Stroke(down_s, walk.rise_s, 1.0))
        for stride in range(walk.strides - (half > 0.0)):
            start_s = up_s + half + stride * walk.stride_s
            for channel, begins, lasts, change in _STRIDE:
                begin_s, last_s = (walk.stride_s * share for share in (begins, lasts))
                laid.move(channel, side, Stroke(start_s + begin_s, last_s, change))
    laid.end_s = down_s + walk.rise_s


def grid(end_s: float, rate_hz: float) -> FloatArray:
    """Return even instants from 0 to the end, shape (n,), s."""
    return np.arange(round(end_s * rate_hz) + 1) / rate_hz


def curve(laid: Plan, channel: Channel, side: Side, time_s: FloatArray) -> FloatArray:
    """Return one channel over time, shape (n,), in degrees or as a share, 0 where it starts.

    Strokes follow the minimum-jerk law 10 τ³ − 15 τ⁴ + 6 τ⁵ (Flash and Hogan 1985,
    doi 10.1523/JNEUROSCI.05-07-01688.1985, eq. 3 for a point-to-point movement).
    """
    value = np.zeros_like(time_s)
    for stroke in laid.strokes.get((channel, side), ()):
        first, after = np.searchsorted(
            time_s, (stroke.start_s, stroke.start_s + stroke.duration_s), side="right"
        )
        tau = (time_s[first:after] - stroke.start_s) / stroke.duration_s
        value[first:after] += stroke.change * tau**3 * (10.0 - 15.0 * tau + 6.0 * tau**2)
        value[after:] += stroke.change
    return value


def smooth(share: FloatArray) -> FloatArray:
    """Return how far a minimum-jerk stroke has come after a share of its time, shape (n,)."""
    come: FloatArray = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    return come


def phase_of(
    laid: Plan, side: Side, time_s: FloatArray
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return the phase at each instant, shape (n,): calibrating, rest, up, hold or down."""
    starts_s = np.array([moment for moment, _ in laid.phases[side]])
    labels = np.array([label for _, label in laid.phases[side]])
    return labels[np.maximum(np.searchsorted(starts_s, time_s, side="right") - 1, 0)]


# Sinusoids in one sway: enough for it to look like noise, few enough to be quick.
SWAY_TONES = 16


def sway(
    rng: np.random.Generator, time_s: FloatArray, rms: tuple[float, ...], below_hz: float
) -> FloatArray:
    """Return slow noise without a preferred frequency, shape (len(rms), n), in the unit of rms.

    A sum of tones spread evenly over 0 to `below_hz`, one in each of as many equal bands, with
    random phases: it does not depend on how long the session is.
    """
    u = rng.random((2, len(rms), SWAY_TONES))
    frequency_hz = (np.arange(SWAY_TONES) + u[0]) / SWAY_TONES * below_hz
    total = np.zeros((len(rms), len(time_s)))
    for tone in range(SWAY_TONES):
        radians = 2.0 * np.pi * (frequency_hz[:, tone, None] * time_s + u[1, :, tone, None])
        total += np.sin(radians)
    noise: FloatArray = total * (np.array(rms) * np.sqrt(2.0 / SWAY_TONES))[:, None]
    return noise
