"""Rate, filter profile and name are set on a unit over Bluetooth, and read back from it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest
from peripheral import Characteristic, Peripheral

from hipturn.errors import UserError
from hipturn.units.unit_choices import Configured, Wanted, configure

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THINGY = "ef68{}-9b35-4933-9b10-52ffa9740042"
NAME, MOTION, QUATERNION = (THINGY.format(number) for number in ("0101", "0401", "0404"))
BEFORE = struct.pack("<4HB", 200, 300, 400, 10, 1)
ADDRESS = "D4:22:CD:00:00:07"


class Thingy(Peripheral):
    """A Thingy:52, which starts to send when it is subscribed to."""

    deaf = False
    """Whether it takes no setting."""

    def write(self, uuid: str, value: bytes) -> None:
        super().write(uuid, value)
        held = self.characteristic(uuid)
        if held is not None and not self.deaf:
            held.value = value


def thingy() -> Thingy:
    services = {
        THINGY.format("0100"): [Characteristic(NAME, ["read", "write"], b"Thingy")],
        THINGY.format("0400"): [
            Characteristic(MOTION, ["read", "write"], BEFORE),
            Characteristic(QUATERNION, ["notify"]),
        ],
    }
    advertised = [THINGY.format("0100")]
    unit = Thingy(ADDRESS, name="Thingy", advertised=advertised, services=services, rate_hz=60.0)
    unit.data, unit.started = QUATERNION, True
    unit.encode = lambda _, __: struct.pack("<4i", 1 << 30, 0, 0, 0)
    return unit


def done(air: FakeBluez, unit: Peripheral, wanted: Wanted) -> Configured:
    air.units = [unit]

    async def run() -> Configured:
        async with air:
            return await configure(unit.address, wanted)

    return asyncio.run(run())


def test_rate_and_name_are_changed_and_the_other_settings_stay(air: FakeBluez) -> None:
    unit = thingy()
    told = done(air, unit, Wanted(rate_hz=60, name="left knee"))
    assert told.sentences[0] == "name Thingy → left knee"
    assert told.sentences[1].startswith("rate 10 → 60 Hz, sends ")
    assert told.refused == []
    motion, name = unit.characteristic(MOTION), unit.characteristic(NAME)
    assert name is not None
    assert name.value == b"left knee"
    assert motion is not None
    assert motion.value == struct.pack("<4HB", 200, 300, 400, 60, 1)


def test_a_unit_that_takes_nothing_is_found_out(air: FakeBluez) -> None:
    unit = thingy()
    unit.deaf = True
    told = done(air, unit, Wanted(rate_hz=60, name="left knee"))
    assert told.sentences[0] == "name left knee not taken, it says Thingy"
    assert told.sentences[1].startswith("rate 60 Hz not taken, it says 10 Hz, sends ")
    assert told.refused == ["name", "rate"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(filter_profile="general"), "Nordic Thingy:52 has no filter profile"),
        (Wanted(name="eleven char"), "has 1 to 10 characters, and 'eleven char' has 11"),
    ],
)
def test_what_its_profile_does_not_offer_is_not_even_tried(
    air: FakeBluez, wanted: Wanted, said: str
) -> None:
    unit = thingy()
    with pytest.raises(UserError, match=said):
        done(air, unit, wanted)
    assert unit.commands == []
    assert unit.connects == 0
