"""Distinguishes units without addresses: the wearer shakes the one for the thigh."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from hipturn.errors import UserError
from hipturn.session.radio_session import Place, Strapped, clock_from_now
from hipturn.units.unit_setup import listening, until_all_stream
from hipturn.words import Said
from imu.air.radio_errors import Backend
from imu.air.scan import Found
from imu.drivers import driver_for
from imu.quaternion import Quaternion, turn_rad
from imu.sample import Sample

SHAKEN_RAD_S = math.radians(120.0)
"""Walking legs turn as fast for a moment, but not for a second on end."""
CALM_SHARE = 1.0 / 3.0
"""The others must turn slower than this share of the shaken unit."""
MEMORY_S = 1.0
"""Time constant of the speed, since shaking stops at each turning point."""
PATIENCE_S = 60.0
"""After a minute without a shaken unit the question is given up."""
CONFUSED_S = 2.0
"""After several units have moved at once for this long, the wearer is told."""
POLL_S = 0.1


class ShakeWatch:
    """Says which unit is being shaken, from what all of them send."""

    def __init__(self) -> None:
        self._speed: dict[int, float] = {}
        self._last: dict[int, tuple[int, Quaternion]] = {}

    def push(self, sample: Sample) -> None:
        """Take one sample of any unit."""
        speed = self._speed_of(sample)
        if speed is None:
            return
        turned, share = speed
        before = self._speed.get(sample.unit, 0.0)
        self._speed[sample.unit] = before + share * (turned - before)

    def moving(self, among: Sequence[int]) -> int:
        """Return how many units move as fast as one that is shaken."""
        return sum(self._speed.get(unit, 0.0) > SHAKEN_RAD_S for unit in among)

    def shaken(self, among: Sequence[int]) -> int | None:
        """Return the unit that moves while the others rest, if there is one."""
        speeds = sorted(((self._speed.get(unit, 0.0), unit) for unit in among), reverse=True)
        fastest = speeds[0]
        second = speeds[1][0] if len(speeds) > 1 else 0.0
        alone = second < CALM_SHARE * fastest[0]
        return fastest[1] if fastest[0] > SHAKEN_RAD_S and alone else None

    def speed_rad_s(self, unit: int) -> float:
        """Return how fast a unit has been turning recently."""
        return self._speed.get(unit, 0.0)

    def _speed_of(self, sample: Sample) -> tuple[float, float] | None:
        """Return a unit's angular speed, and what share of the memory this sample renews."""
        if sample.q is None:
            if sample.gyr is None:
                return None
            return math.hypot(*sample.gyr), 1.0 / 60.0
        last = self._last.get(sample.unit)
        # samples of one notification arrive together: the speed is taken from one to the next
        if last is not None and sample.host_time_ns <= last[0]:
            return None
        self._last[sample.unit] = sample.host_time_ns, sample.q
        if last is None:
            return None
        seconds = (sample.host_time_ns - last[0]) * 1e-9
        return turn_rad(last[1], sample.q) / seconds, 1.0 - math.exp(-seconds / MEMORY_S)


async def tell_apart(
    found: Sequence[Found],
    places: Sequence[Place],
    say: Callable[[str], None],
    backend: Backend | None = None,
    watch: ShakeWatch | None = None,
) -> list[Strapped]:
    """Return where each unit goes, by asking for one after the other to be shaken.

    A `watch` that is passed in can be read meanwhile.

    Raises
    ------
    UserError
        When there are not as many units as places, one sends nothing, or no unit is shaken.
    imu.air.radio_errors.RadioError
        When a unit cannot be reached.
    """
    if len(found) != len(places):
        names = ", ".join(unit.name or unit.address for unit in found)
        key = "trouble.not_so_many" if found else "trouble.none_in_range"
        raise UserError(Said(key, needed=len(places), seen=len(found), names=names))
    watch, chosen = watch or ShakeWatch(), dict[Place, int]()
    units = [(unit, driver_for(unit.profile)) for unit in found]
    async with listening(units, watch.push, clock_from_now(), backend) as links:
        say(Said("shake.connecting", n=len(found)))
        await until_all_stream(links, [unit.name or unit.address for unit in found])
        await _ask(watch, found, places, chosen, say)
    return [
        Strapped(place, found[index], driver_for(found[index].profile))
        for place, index in chosen.items()
    ]


async def _ask(
    watch: ShakeWatch,
    found: Sequence[Found],
    places: Sequence[Place],
    chosen: dict[Place, int],
    say: Callable[[str], None],
) -> None:
    left = list(range(len(found)))
    for place in places[:-1]:
        segment, side = place
        name = f"{side} {segment}" if side else str(segment)
        say(Said("shake.ask", unit=name))
        index = await _next_shaken(watch, left, say)
        if index is None:
            raise UserError(Said("trouble.none_shaken", unit=name))
        chosen[place] = index
        left.remove(index)
        unit = found[index]
        known = f"{unit.name} ({unit.address})" if unit.name else unit.address
        say(Said("shake.found", name=known, unit=name))
    chosen[places[-1]] = left[0]


async def _next_shaken(
    watch: ShakeWatch, left: Sequence[int], say: Callable[[str], None]
) -> int | None:
    confused = 0
    for _ in range(round(PATIENCE_S / POLL_S)):
        index = watch.shaken(left)
        if index is not None:
            return index
        confused += watch.moving(left) > 1
        if confused == round(CONFUSED_S / POLL_S):
            say(Said("shake.several"))
        await asyncio.sleep(POLL_S)
    return None
