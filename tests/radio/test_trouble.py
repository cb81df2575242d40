"""Whatever fails, a person reads one sentence that says what to do."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from peripheral import CONTROL, SERVICE, Peripheral
from sessions import ReferenceDriver

from imu.air.link import ConnectLock, LinkTiming, UnitLink
from imu.air.radio_errors import SENTENCES, RadioError, Trouble, explain, printable, trouble_of
from imu.air.scan import find, find_device

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THIGH = "D4:22:CD:00:00:01"
QUICK = LinkTiming(search_s=0.5)


async def run(timing: LinkTiming = QUICK) -> RadioError:
    """Link to the unit until that fails, and return how."""
    link = UnitLink(
        THIGH,
        ReferenceDriver(),
        0,
        lambda _: None,
        lambda _: None,
        time.monotonic_ns,
        connect_lock=ConnectLock(),
        timing=timing,
    )
    with pytest.raises(RadioError) as caught:
        await link.run(asyncio.Event())
    return caught.value


def failure(air: FakeBluez, timing: LinkTiming = QUICK) -> RadioError:
    async def attempt() -> RadioError:
        async with air:
            return await run(timing)

    return asyncio.run(attempt())


def test_bluetooth_switched_off(air: FakeBluez) -> None:
    air.powered = False
    error = failure(air)
    assert error.trouble is Trouble.OFF
    assert "switch it on" in str(error)


def test_no_adapter(air: FakeBluez) -> None:
    air.adapters = False
    error = failure(air)
    assert error.trouble is Trouble.NO_ADAPTER
    assert "plug in" in str(error)


def test_a_unit_that_is_not_there(air: FakeBluez) -> None:
    air.units = [Peripheral("D4:22:CD:00:00:09")]
    error = failure(air)
    assert error.trouble is Trouble.NOT_FOUND
    assert str(error).startswith(f"{THIGH}: ")
    assert "wake it" in str(error)
    assert air.scans == 1, "the address was searched for once, in vain"


def test_a_unit_that_refuses_is_given_up_after_three_tries(air: FakeBluez) -> None:
    air.units = [Peripheral(THIGH, refusals=100)]
    error = failure(air)
    assert error.trouble is Trouble.REFUSED
    assert air.units[0].refusals == 97
    assert str(error).startswith(f"hipturn ({THIGH}): ")


def test_a_unit_that_never_answers_is_given_up_after_three_tries(air: FakeBluez) -> None:
    air.units = [Peripheral(THIGH, connect_s=1e9)]
    error = failure(air, LinkTiming(search_s=0.5, connect_s=0.3))
    assert error.trouble is Trouble.NO_ANSWER


def test_a_unit_that_connects_and_sends_nothing_is_given_up_after_three_tries(
    air: FakeBluez,
) -> None:
    unit = Peripheral(THIGH, mute=True)
    air.units = [unit]
    error = failure(air, LinkTiming(first_data_s=0.3))
    assert error.trouble is Trouble.SILENT
    assert unit.connects == unit.starts == 3
    assert not unit.connected


def test_a_unit_without_a_characteristic_of_its_profile(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    kept = [c for c in unit.services[SERVICE] if c.uuid != CONTROL]
    unit.services[SERVICE] = kept
    air.units = [unit]
    error = failure(air)
    assert error.trouble is Trouble.MISFIT
    assert "profile" in str(error)
    assert unit.connects == 1, "trying again would not help"
    assert not unit.connected


def test_no_bus_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nothing'}")
    error = asyncio.run(run())
    assert error.trouble is Trouble.NO_SERVICE
    assert "install BlueZ" in str(error)
    with pytest.raises(RadioError, match="install BlueZ"):
        asyncio.run(find(0.1, {}))
    with pytest.raises(RadioError, match="install BlueZ"):
        asyncio.run(find_device(THIGH, 0.1))


def test_a_bus_that_dies_in_a_scan(air: FakeBluez) -> None:
    async def scan() -> BaseException | object:
        async def die() -> None:
            await asyncio.sleep(0.2)
            air.die()

        async with air:
            results = await asyncio.gather(find_device(THIGH, 0.5), die(), return_exceptions=True)
            return results[0]

    error = asyncio.run(scan())
    assert isinstance(error, RadioError)
    assert error.trouble is Trouble.BUS_LOST


def unavailable(reason: BleakBluetoothNotAvailableReason) -> BleakError:
    return BleakBluetoothNotAvailableError("no", reason)


def dbus(name: str, *body: str) -> BleakError:
    return BleakDBusError(name, list(body))


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (FileNotFoundError(2, "No such file or directory"), Trouble.NO_SERVICE),
        (ConnectionRefusedError(), Trouble.NO_SERVICE),
        (dbus("org.freedesktop.DBus.Error.ServiceUnknown", "not provided"), Trouble.NO_SERVICE),
        (unavailable(BleakBluetoothNotAvailableReason.NO_BLUETOOTH), Trouble.NO_ADAPTER),
        (BleakError("adapter 'hci7' not found"), Trouble.NO_ADAPTER),
        (unavailable(BleakBluetoothNotAvailableReason.POWERED_OFF), Trouble.OFF),
        (dbus("org.bluez.Error.NotReady", "Resource Not Ready"), Trouble.OFF),
        (unavailable(BleakBluetoothNotAvailableReason.DENIED_BY_USER), Trouble.DENIED),
        (PermissionError(13, "Permission denied"), Trouble.DENIED),
        (BleakError("Bleak requires BlueZ >= 5.55."), Trouble.OUTDATED),
        (BleakDeviceNotFoundError(THIGH), Trouble.NOT_FOUND),
        (BleakError("device 'dev_D4' not found"), Trouble.NOT_FOUND),
        (TimeoutError(), Trouble.NO_ANSWER),
        (dbus("org.bluez.Error.Failed", "le-connection-abort-by-remote"), Trouble.REFUSED),
        (dbus("org.bluez.Error.Failed", "le-connection-timeout"), Trouble.NO_ANSWER),
        (dbus("org.bluez.Error.Failed"), Trouble.REFUSED),
        (dbus("org.bluez.Error.InProgress"), Trouble.BUSY),
        (dbus("org.bluez.Error.AuthenticationFailed"), Trouble.PAIRING),
        (BleakGATTProtocolError(0x05), Trouble.PAIRING),
        (BleakGATTProtocolError(0x0D), Trouble.REJECTED),
        (BleakCharacteristicNotFoundError(CONTROL), Trouble.MISFIT),
        (BleakError("Service Discovery has not been performed yet"), Trouble.LOST),
        (BleakError("Not connected"), Trouble.LOST),
        (BleakError("failed to discover services, device disconnected"), Trouble.LOST),
        (EOFError(), Trouble.BUS_LOST),
        (BrokenPipeError(), Trouble.BUS_LOST),
        (AssertionError(), Trouble.BUS_LOST),
        (BleakError("the moon is full"), Trouble.UNKNOWN),
    ],
)
def test_every_error_of_the_radio_says_what_to_do(error: Exception, trouble: Trouble) -> None:
    assert trouble_of(error) is trouble
    said = explain(error)
    assert said.startswith(SENTENCES[trouble])
    assert "\n" not in said
    assert "Error" not in said


def test_every_trouble_has_one_sentence_with_a_remedy() -> None:
    assert set(SENTENCES) == set(Trouble)
    for sentence in SENTENCES.values():
        trouble, _, remedy = sentence.partition(": ")
        assert trouble
        assert remedy
        assert not sentence.endswith(".")


def test_what_an_unknown_error_says_is_shown_without_control_characters() -> None:
    assert explain(BleakError("moon\x1b[2J\x07")).endswith("(moon[2J)")
    assert printable("thigh\u202e\x00\n left" + "x" * 200) == ("thigh left" + "x" * 200)[:64]
