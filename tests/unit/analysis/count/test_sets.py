"""What both legs do together gets one number, and costs no more than it must."""

from __future__ import annotations

from analysis.count.sets import CommonNumbers
from imu.sample import Side


def never():
    raise AssertionError("nobody waits, so nobody needs to know when it was")


def test_when_a_repetition_was_is_asked_only_while_the_other_leg_waits():
    numbers = CommonNumbers()
    first = numbers.announce(Side.LEFT, 1, lambda: (2.0, 3.0))
    second = numbers.announce(Side.RIGHT, 1, lambda: (2.2, 3.0))
    assert (first.rep, second.rep, first.is_alone) == (1, 1, False)
    assert numbers.announce(Side.LEFT, 1, never).rep == 2
