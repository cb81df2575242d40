"""The everyday script: what a wearer does from standing to the end of one set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imu.sample import FloatArray
from imu.virtual.chance import Chance
from imu.virtual.person.movement import Carry, Movement
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
)
from imu.virtual.settings import Span, WearerSettings

# A knee bent less than this has to flex for its calibration bends; a bent one extends.
STRAIGHT_KNEE_BELOW_DEG = 45.0
# A pause between two bends is short: people do them in one go.
BEND_REST_S = (0.0, 0.3)


def everyday_script(
    movement: Movement, chance: Chance, settings: WearerSettings, *, both: bool
) -> Script:
    """Return stand, move, start pose, bends, still, set, still; or what the settings alter of it.

    Parameters
    ----------
    movement
        The exercise.
    chance
        The wearer's random streams; those for tempo, effort, bends and the left leg are used up.
    settings
        Durations, ranges and spreads.
    both
        True when both legs do the set together.
    """
    if movement.held_s > 0.0:
        return (
            Still(settings.stand_s, "stand"),
            TakePosition(settings.move_s),
            Still(settings.pose_s, "pose"),
            Still(movement.held_s),
        )
    reps = draw_reps(movement, chance, settings)
    left = other_leg(reps, chance, settings) if both else None
    if left is not None and movement.alternating:
        reps, left = taking_turns(reps, left)
    bends = draw_bends(movement, chance, settings)
    stand, move = Still(settings.stand_s, "stand", settings.stand_fidget_deg), settings.move_s
    pose = (
        *((TakePosition(move),) if settings.stands else ()),
        Still(settings.pose_s, "pose", settings.pose_fidget_deg),
    )
    between = (bends, Still(settings.still_s), *pose) if movement.bends_standing else (*pose, bends)
    return (
        *((stand,) if settings.stands else ()),
        *between,
        *_foot_outward(settings.foot_outward_deg),
        Still(settings.still_s),
        *_sets(reps, left, settings),
        Still(settings.still_s),
    )


def _foot_outward(turn_deg: float) -> Script:
    """Return the foot going outwards once and back, which shows the sign."""
    steps = ((1.2, turn_deg), (0.6, turn_deg), (1.2, 0.0), (0.6, 0.0))
    return (Path(steps, "outward"),) if turn_deg else ()


def _sets(reps: tuple[Rep, ...], left: tuple[Rep, ...] | None, settings: WearerSettings) -> Script:
    """Return the drawn repetitions as sets of equal length with rests between them."""
    count = len(reps) // settings.sets
    script: list[Segment] = []
    for first in range(0, count * settings.sets, count):
        own, other = (leg and leg[first : first + count] for leg in (reps, left))
        outwards = _wrong_way(reps[0], 0 if first else settings.wrong_way_reps)
        script += [
            Still(settings.set_rest_s),
            RepSet(
                (*outwards, *(own or ())),
                None if other is None else (*outwards, *other),
                knee_drift_deg=settings.knee_drift_deg / settings.sets,
            ),
        ]
    return tuple(script[1:])


def _wrong_way(like: Rep, count: int) -> tuple[Rep, ...]:
    """Return movements outwards, as large as a repetition goes inwards."""
    return (replace(like, amplitude_deg=-like.amplitude_deg, kind="partial"),) * count


def draw_bends(movement: Movement, chance: Chance, settings: WearerSettings) -> KneeBends:
    """Return the knee bends of a calibration: out from a bent knee, in from a straight one."""
    bent = movement.knee_flexion_deg >= STRAIGHT_KNEE_BELOW_DEG and not movement.bends_standing
    extends = bent is not settings.bends_reversed
    tempo, sizes = chance.bends.spawn(2)
    u = tempo.random((settings.bends, 3))
    size = settings.bend_deg + settings.bend_sd_deg * _bounded_normal(sizes, settings.bends)
    out, back, rest = (
        _between(u[:, column], span)
        for column, span in enumerate((settings.stroke_s, settings.stroke_s, BEND_REST_S))
    )
    return KneeBends(
        tuple(
            Bend(
                size_deg=float(-size[i] if extends else size[i]),
                out_s=float(out[i]),
                back_s=float(back[i]),
                rest_s=float(rest[i]),
            )
            for i in range(settings.bends)
        )
    )


def draw_reps(movement: Movement, chance: Chance, settings: WearerSettings) -> tuple[Rep, ...]:
    """Return the repetitions of all sets of one leg: a wearer's range, with its scatter."""
    count = settings.sets * (movement.reps if settings.reps is None else settings.reps)
    low, high = movement.amplitude_range_deg
    drawn = movement.amplitude_deg + movement.amplitude_sd_deg * chance.effort.standard_normal()
    own_deg = min(max(drawn, low), high)
    if settings.amplitude_deg is not None:
        own_deg = settings.amplitude_deg
    hold_s = movement.hold_s if settings.hold_s is None else settings.hold_s
    u = chance.tempo.random((count, 4))
    z = chance.effort.standard_normal((count, 2))
    outward_deg = 0.0
    if movement.outward_deg[0]:
        mean_deg, sd_deg = movement.outward_deg
        outward_deg = mean_deg + sd_deg * float(np.clip(chance.effort.standard_normal(), -2.0, 2.0))
    spans = (settings.rest_s, settings.stroke_s, hold_s, settings.stroke_s)
    rest, up, hold, down = (_between(u[:, i], span) for i, span in enumerate(spans))
    drawn_reps = tuple(
        Rep(
            amplitude_deg=float(own_deg * (1.0 + settings.amplitude_rep_sd_share * z[i, 0])),
            rest_before_s=float(rest[i]),
            up_s=float(up[i]),
            hold_s=float(hold[i]),
            down_s=float(down[i]),
            outward_deg=outward_deg,
            sag_share=settings.hold_sag_share,
            residual_deg=float(settings.return_sd_deg * z[i, 1]),
            pelvis_deg=settings.pelvis_roll_deg,
        )
        for i in range(count)
    )
    return tuple(part for rep in drawn_reps for part in _carried(rep, movement))


def _carried(rep: Rep, movement: Movement) -> tuple[Rep, ...]:
    """Return what a repetition moves, by its range: one movement, or two circles."""
    if movement.second_carry is None:
        return (_moved(rep, movement.carry),)
    first = replace(_moved(rep, movement.carry), kind="circle")
    return first, _moved(rep, movement.second_carry)


def _moved(rep: Rep, carry: Carry) -> Rep:
    size_deg = rep.amplitude_deg
    return replace(
        rep,
        amplitude_deg=carry.rotation * size_deg,
        residual_deg=rep.residual_deg if carry.rotation else 0.0,
        flexion_deg=carry.flexion * size_deg,
        adduction_deg=carry.adduction * size_deg,
        knee_deg=carry.knee * size_deg,
        pelvis_deg=rep.pelvis_deg + carry.pelvis * size_deg,
    )


def other_leg(reps: tuple[Rep, ...], chance: Chance, settings: WearerSettings) -> tuple[Rep, ...]:
    """Return what the left leg does while the right one does `reps`: nearly the same."""
    spread = settings.amplitude_rep_sd_share
    lags, effort = chance.left.spawn(2)
    own = 1.0 + spread * effort.standard_normal()
    lag_s = settings.leg_lag_s * (2.0 * lags.random(len(reps)) - 1.0)
    z = effort.standard_normal((len(reps), 2))
    before_s = np.diff(lag_s, prepend=0.0)
    return tuple(
        replace(
            rep,
            amplitude_deg=float(rep.amplitude_deg * own * (1.0 + spread * z[i, 0])),
            rest_before_s=max(0.0, float(rep.rest_before_s + before_s[i])),
            residual_deg=float(settings.return_sd_deg * z[i, 1]),
        )
        for i, rep in enumerate(reps)
    )


def taking_turns(right: tuple[Rep, ...], left: tuple[Rep, ...]) -> tuple[tuple[Rep, ...], ...]:
    """Return both legs' repetitions with each waiting for the other; the right one begins."""

    def lasts_s(rep: Rep) -> float:
        return rep.rest_before_s + rep.up_s + rep.hold_s + rep.down_s

    first = [
        replace(rep, rest_before_s=rep.rest_before_s + (lasts_s(left[i - 1]) if i else 0.0))
        for i, rep in enumerate(right)
    ]
    second = [
        replace(rep, rest_before_s=rep.rest_before_s + lasts_s(right[i]))
        for i, rep in enumerate(left)
    ]
    return tuple(first), tuple(second)


def _between(u: FloatArray, span: Span) -> FloatArray:
    """Return numbers spread evenly over a range, from numbers spread evenly over 0 to 1."""
    return span[0] + (span[1] - span[0]) * u


def _bounded_normal(rng: np.random.Generator, count: int) -> FloatArray:
    """Return normal numbers cut at two standard deviations: no bend is a wild one."""
    return np.clip(rng.standard_normal(count), -2.0, 2.0)
