"""Virtual sessions as recorded with the units mixed up."""

from __future__ import annotations

from dataclasses import replace

from imu.sample import Segment, Side
from imu.virtual.wearer import Wearing


def swap_segments(wearing: Wearing) -> Wearing:
    """Return the session as recorded with thigh and shank units mixed up on every leg."""
    other = {Segment.THIGH: Segment.SHANK, Segment.SHANK: Segment.THIGH}
    return _relabelled(wearing, [(other.get(u.segment, u.segment), u.side) for u in wearing.units])


def swap_sides(wearing: Wearing) -> Wearing:
    """Return the session as recorded with the units of the right and the left leg mixed up.

    The truth keeps the legs as they are: the right leg's is now given as the left one's.
    """
    other = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
    return _relabelled(
        wearing, [(u.segment, other[u.side] if u.side else None) for u in wearing.units]
    )


def _relabelled(wearing: Wearing, places: list[tuple[Segment, Side | None]]) -> Wearing:
    """Return the session with its units said to be elsewhere."""
    units = tuple(
        replace(unit, segment=segment, side=side)
        for unit, (segment, side) in zip(wearing.units, places, strict=True)
    )
    return replace(wearing, units=units)
