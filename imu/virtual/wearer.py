"""A virtual wearer doing one set: samples as radios would deliver them, and the truth.

`wear` gives the whole session at once; `on_air` puts the same units on the air, to be found,
connected and started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from imu.sample import Sample, Segment, Side, Unit
from imu.virtual.chance import Chance, chance_from
from imu.virtual.on_air.air import VirtualAir
from imu.virtual.on_air.delivery import SEQUENCE_BITS, TICK_S, TIME_BITS, received, transmit, until
from imu.virtual.person.enact import enact
from imu.virtual.person.habits import everyday_script
from imu.virtual.person.motion import Mark, plan
from imu.virtual.person.movements import Movement, movement_of
from imu.virtual.person.script import Still, TakePosition
from imu.virtual.person.truth import Truth, truth_of
from imu.virtual.settings import WearerSettings
from imu.virtual.units.dot_layout import NAME
from imu.virtual.units.dot_unit import DotUnit, LinkLoss
from imu.virtual.units.faults import faults_of
from imu.virtual.units.sensors import SensorTrace, sense

__all__ = [
    "LinkLoss",
    "WearerSettings",
    "Wearing",
    "on_air",
    "standing",
    "wear",
]

WornSide = Literal["right", "left", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearing:
    """One session of a virtual wearer; every second counts from the session's first sample."""

    exercise: str
    units: tuple[Unit, ...]
    """Thigh and shank of the right leg, then of the left, as far as they are worn; then pelvis."""
    samples: list[Sample]
    """Of all units, in order of arrival."""
    marks: list[Mark]
    """(time in s, label): `stand_start` … `set_end`, in order."""
    truth: Truth
    first_s: float
    """When the first sample arrived, seconds after the motion began."""
    traces: tuple[SensorTrace, ...]
    """What each unit measured on board, before the radio; its grid is that of the truth."""


def wear(
    exercise: str,
    side: WornSide,
    seed: int,
    settings: WearerSettings | None = None,
) -> Wearing:
    """Return one session: standing, the start pose, knee bends and one set.

    Parameters
    ----------
    exercise
        The exercise's id.
    side
        The moving leg, which wears the units; `both` where both legs move together.
    seed
        A number from 0 up; the same seed and settings give the same session, bit for bit.
    settings
        How the wearer, the units and the radio behave; None: the defaults.

    Returns
    -------
    Wearing
        Samples, marks and truth.

    Raises
    ------
    ValueError
        When the exercise or the side is unknown, the exercise is not done with both legs at
        once, or the settings' script or faults cannot be carried out.
    """
    settings = settings or WearerSettings()
    return _worn(exercise, side, _chance(seed, settings), settings)


def on_air(
    exercise: str,
    side: WornSide,
    seed: int,
    settings: WearerSettings | None = None,
    speed: float | None = 1.0,
    *,
    losses: Mapping[int, Sequence[LinkLoss]] | None = None,
) -> tuple[VirtualAir, Wearing]:
    """Return the units of a session on the air, and the session that they would give.

    The motion begins when all units have been asked to start measuring. Unit i of the air is unit i
    of the session, and has its address, name and serial.

    Parameters
    ----------
    exercise, side, seed, settings
        As of `wear`. What units send follows from the mode they are started in, not from
        `sensor_output`.
    speed
        Seconds of the wearer in one of the event loop; None is as fast as it goes.
    losses
        Which unit loses its link when, on the motion's clock: that of `VirtualAir.clock_ns`.

    Returns
    -------
    tuple
        The air; the session with marks and truth, whose time counts from the first sample's
        arrival, when at 60 Hz nothing is lost but what the settings say.

    Raises
    ------
    ValueError
        As of `wear`, and when link losses or the speed make no sense.
    """
    settings = settings or WearerSettings()
    wearing = _worn(exercise, side, _chance(seed, settings), settings)
    # The session has used up its streams: the units on the air draw the same numbers once more.
    fresh = _chance(seed, settings).units
    places = list(fresh)
    units = []
    for index, trace in enumerate(wearing.traces):
        place = trace.segment, trace.side
        number = 1 + places.index(place)
        units.append(
            DotUnit(
                trace,
                fresh[place],
                settings,
                address=f"D4:22:CD:00:00:{number:02X}",
                serial=0xD422CD000000 + number,
                rssi=-50 - number,
                losses=(losses or {}).get(index, ()),
            )
        )
    worn = tuple(
        replace(unit, name=NAME, address=dot.address, serial=f"{dot.serial:012X}")
        for unit, dot in zip(wearing.units, units, strict=True)
    )
    return VirtualAir(units, speed), replace(wearing, units=worn)


def _chance(seed: int, settings: WearerSettings) -> Chance:
    """Return the random streams of a session; those of the straps may be an earlier one's."""
    chance = chance_from(seed)
    if settings.mounted_as is None:
        return chance
    worn = chance_from(settings.mounted_as)
    units = {
        place: replace(unit, mount=worn.units[place].mount, errors=worn.units[place].errors)
        for place, unit in chance.units.items()
    }
    return replace(chance, knee=worn.knee, units=units)


def standing(
    exercise: str, side: WornSide, seed: int, seconds: float, speed: float | None = 1.0
) -> tuple[VirtualAir, tuple[Unit, ...]]:
    """Return the units of a wearer who stands still and waits, on the air.

    Parameters
    ----------
    exercise
        Any that is done with this side; what is done follows by `VirtualAir.go_on`.
    side, seed, speed
        As of `on_air`.
    seconds
        How long the wearer stands until the air has ended; the units go on after that.

    Returns
    -------
    tuple
        The air; the units of it, in order.

    Raises
    ------
    ValueError
        As of `on_air`.
    """
    script = (Still(seconds, "stand"), TakePosition(1.0), Still(1.0, "pose"))
    settings = WearerSettings(script=script)
    air, wearing = on_air(exercise, side, seed, settings, speed)
    count = round(seconds * settings.fusion_hz)
    for unit in air.units:
        unit.cut(count)
    return VirtualAir(air.units, speed), wearing.units


def _worn(exercise: str, side: WornSide, chance: Chance, settings: WearerSettings) -> Wearing:
    """Return one session; the random streams are used up."""
    movement = movement_of(exercise)
    sides = _sides(movement, side)
    script = settings.script or everyday_script(movement, chance, settings, both=len(sides) > 1)
    laid = plan(script, sides)
    body = enact(movement, laid, chance, settings)
    places = _places(sides, settings)
    faults = [faults_of(settings.faults, *place, laid) for place in places]
    traces = tuple(
        sense(body, *place, chance.units[place], settings, unit_faults)
        for place, unit_faults in zip(places, faults, strict=True)
    )
    sent = [
        until(transmit(laid.end_s, chance.units[place], settings), unit_faults.silent_from_s)
        for place, unit_faults in zip(places, faults, strict=True)
    ]
    samples, first_s = received(traces, sent, body.time_s, settings)
    return Wearing(
        exercise=exercise,
        units=tuple(_unit(segment, worn, settings) for segment, worn in places),
        samples=samples,
        # What began before the first sample arrived is there from the session's start.
        marks=[(max(0.0, moment - first_s), label) for moment, label in laid.marks],
        truth=truth_of(movement, laid, body, first_s),
        first_s=first_s,
        traces=traces,
    )


def _sides(movement: Movement, side: WornSide) -> tuple[Side, ...]:
    """Return the moving legs, the right one first."""
    if side not in ("right", "left", "both"):
        raise ValueError(f"side is {side!r}; choose right, left or both")
    if side != "both":
        return (Side(side),)
    if not (movement.both_legs or movement.alternating):
        raise ValueError(
            f"{movement.exercise} is done with one leg at a time; choose the side right or left"
        )
    return (Side.RIGHT, Side.LEFT)


def _places(sides: tuple[Side, ...], settings: WearerSettings) -> list[tuple[Segment, Side | None]]:
    """Return where units are strapped, in the session's order."""
    places: list[tuple[Segment, Side | None]] = [
        (segment, side) for side in sides for segment in (Segment.THIGH, Segment.SHANK)
    ]
    if settings.pelvis_unit:
        places.append((Segment.PELVIS, None))
    return places


def _unit(segment: Segment, side: Side | None, settings: WearerSettings) -> Unit:
    place = f"{side}-{segment}" if side else str(segment)
    return Unit(
        segment=segment,
        side=side,
        rate_hz=settings.rate_hz,
        profile="virtual",
        name=f"virtual-{place}",
        serial=f"VIRTUAL-{place.upper()}",
        tick_s=TICK_S,
        time_bits=TIME_BITS,
        sequence_bits=SEQUENCE_BITS,
        upright=settings.upright_units,
        tilt_sigma_deg=settings.tilt_sigma_deg,
    )
