"""Whatever fails, a person reads one sentence that says what to do."""

from __future__ import annotations

import asyncio
import itertools
import re
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
from dot import SETTINGS, dot
from peripheral import CONTROL, SERVICE, Peripheral
from sessions import ReferenceDriver, linked, until

from imu.air.link import ConnectLock, LinkEvent, LinkTiming, UnitLink
from imu.air.radio_errors import SENTENCES, RadioError, Trouble, explain, printable, trouble_of
from imu.air.scan import Found, find, find_device
from imu.air.trouble_words import sentence
from imu.drivers import driver_for
from imu.profiles.profile import load_profiles

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_unit_that_refuses_is_given_up_when_patience_is_over(air: FakeBluez) -> None:
    air.units = [Peripheral(THIGH, refusals=100)]
    error = failure(air, LinkTiming(search_s=0.5, patience_s=1.0))
    assert error.trouble is Trouble.REFUSED
    assert air.units[0].refusals < 97
    assert str(error).startswith(f"hipturn ({THIGH}): ")


def test_a_unit_that_refuses_for_twelve_seconds_is_streaming_after_them() -> None:
    """Patience is measured by time, at start as in a session: fifteen seconds."""
    timing = LinkTiming()
    pauses = itertools.accumulate(timing.pause_s(failures) for failures in range(1, 100))
    tries = next(number for number, at_s in enumerate(pauses) if at_s > timing.patience_s)
    assert timing.patience_s == 15.0
    assert 10 < tries < 25, "pauses grow up to a second"


def test_a_unit_that_never_answers_is_given_up_when_patience_is_over(air: FakeBluez) -> None:
    air.units = [Peripheral(THIGH, connect_s=1e9)]
    error = failure(air, LinkTiming(search_s=0.5, connect_s=0.3, patience_s=1.0))
    assert error.trouble is Trouble.NO_ANSWER


def test_a_unit_that_connects_and_sends_nothing_is_given_up_when_patience_is_over(
    air: FakeBluez,
) -> None:
    unit = Peripheral(THIGH, mute=True)
    air.units = [unit]
    error = failure(air, LinkTiming(first_data_s=0.3, patience_s=1.0))
    assert error.trouble is Trouble.SILENT
    assert unit.connects == unit.starts > 1
    assert not unit.connected


UNREADABLE = (
    f"Movella DOT ({THIGH}): the unit sends data that cannot be read"
    " (N of N messages: CAUSE): switch it off and on; if that does not help, choose another profile"
    " or update the unit's firmware"
)


@pytest.mark.parametrize(
    ("disturb", "cause"),
    [
        (lambda _, payload: [payload[:4] + bytes(16)], "zeros or other numbers in"
         " place of an orientation"),
        (lambda _, payload: [payload[:12]], "shorter than its profile says"),
        (lambda _, payload: [payload[:4] + b"\xff" * 16], "numbers that are none"),
    ],
)  # fmt: skip
def test_a_stream_that_cannot_be_read_is_not_streaming_and_is_told_within_two_seconds(
    air: FakeBluez, disturb: Callable[[int, bytes], list[bytes]], cause: str
) -> None:
    air.units = [dot(THIGH, 5, disturb=disturb)]
    states: list[str] = []
    began_s = 0.0

    async def attempt() -> tuple[RadioError, float]:
        nonlocal began_s
        async with air:

            def note(event: LinkEvent) -> None:
                nonlocal began_s
                states.append(str(event.state))
                if event.state == "starting" and not began_s:
                    began_s = air.flow_s
                elif event.kind == "failed":
                    raise Told(event.text, air.flow_s - began_s)

            link = UnitLink(
                THIGH,
                driver_for(load_profiles()["movella_dot"]),
                0,
                lambda _: None,
                note,
                time.monotonic_ns,
                connect_lock=ConnectLock(),
            )
            with pytest.raises(Told) as caught:
                await link.run(asyncio.Event())
            return caught.value.args

    text, after_s = asyncio.run(attempt())
    assert re.sub(r"\d+ of \d+ messages", "N of N messages", text) == UNREADABLE.replace(
        "CAUSE", cause
    )
    assert after_s < 3.0, "two seconds of messages, and the way there"
    assert "streaming" not in states


class Told(Exception):  # noqa: N818 - ends a link as soon as it said something
    """What a link said, and when."""


def test_troubles_of_the_adapter_that_pass_are_waited_out(air: FakeBluez) -> None:
    air.errors["StartDiscovery"] = [
        ("org.bluez.Error.InProgress", "Operation already in progress"),
        ("org.bluez.Error.NotReady", "Resource Not Ready"),
    ]
    air.errors["Connect"] = [
        ("org.bluez.Error.InProgress", "In Progress"),
        ("org.bluez.Error.Failed", "le-connection-abort-by-remote"),
        ("org.bluez.Error.NotReady", "Resource Not Ready"),
        ("org.bluez.Error.Failed", "Software caused connection abort"),
    ]
    air.errors["StartNotify"] = [("org.bluez.Error.InProgress", "In Progress")]
    air.units = [Peripheral(THIGH)]

    async def stream() -> tuple[list[Found], list[str]]:
        async with air:
            found = await find(0.3, load_profiles())
            async with linked(air.units, devices=[found[0].device]) as caught:
                await until(lambda: len(caught[1].samples) > 60)
        return found, caught[1].kinds()

    found, kinds = asyncio.run(stream())
    assert len(found) == 1
    assert "connected" in kinds
    assert not any(air.errors.values())


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
        (dbus("org.bluez.Error.NotReady", "Resource Not Ready"), Trouble.NOT_READY),
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
    for said in SENTENCES.values():
        trouble, _, remedy = said.partition(": ")
        assert trouble
        assert remedy
        assert not said.endswith(".")


def test_what_an_unknown_error_says_is_shown_without_control_characters() -> None:
    assert explain(BleakError("moon\x1b[2J\x07")).endswith("(moon[2J)")
    assert printable("thigh\u202e\x00\n left" + "x" * 200) == ("thigh left" + "x" * 200)[:64]


# All that bleak 3.1 raises by itself, as its source has it, on each system.
WINDOWS = [
    ("Could not get GATT services: Access Denied", Trouble.REFUSED),
    ("Could not start notify on 0012: Unreachable", Trouble.NO_ANSWER),
    ("Could not get GATT services: Unexpected status code 0x07", Trouble.NO_ANSWER),
    ("device does not support GATT sessions", Trouble.MISFIT),
    ("Device does not support pairing", Trouble.PAIRING),
    ("Failure trying to pair with device!", Trouble.PAIRING),
    ("Could not pair with device: AUTHENTICATION_FAILURE", Trouble.PAIRING),
    ("Could not unpair with device: FAILED", Trouble.PAIRING),
    ("characteristic does not support notifications or indications", Trouble.MISFIT),
    ("Scanner already started", Trouble.BUSY),
    ("Failed to start scanner. Is Bluetooth turned on?", Trouble.OFF),
    ("Unexpected watcher status: STOPPING", Trouble.NOT_READY),
    ("Thread is configured for Windows GUI but callbacks are not working.", Trouble.UNUSABLE),
]
MACOS = [
    (
        'failed to connect: Error Domain=CBErrorDomain Code=14 "Peer removed pairing information"',
        Trouble.PAIRING,
    ),
    (
        'failed to connect: Error Domain=CBErrorDomain Code=6 "The connection has timed out"',
        Trouble.NO_ANSWER,
    ),
    ('failed to connect: Error Domain=CBErrorDomain Code=11 "Limit"', Trouble.FULL),
    ('failed to connect: Error Domain=CBErrorDomain Code=12 "Unknown device"', Trouble.NOT_FOUND),
    ("failed to connect: nil", Trouble.NO_ANSWER),
    ("disconnect failed: Error Domain=NSOSStatusErrorDomain", Trouble.LOST),
    ("disconnected", Trouble.LOST),
    ('Failed to discover services Error Domain=CBErrorDomain Code=7 "gone"', Trouble.LOST),
    (
        'Failed to read characteristic 12: Error Domain=CBATTErrorDomain Code=15 "Encryption"',
        Trouble.PAIRING,
    ),
    ("Failed to update the notification status for characteristic 12: Error", Trouble.REJECTED),
    ("Failed to write characteristic 12: Error", Trouble.REJECTED),
    ("Failed to read RSSI: Error", Trouble.REJECTED),
    ("macOS does not support passive scanning", Trouble.UNUSABLE),
]
LINUX = [
    ("Client is already connected", Trouble.BUSY),
    ("Interface org.bluez.Device1 not found for device '/org/bluez/hci0/dev'", Trouble.NOT_FOUND),
    ("Property 'Name' not found for 'org.bluez.Device1' in 'dev'", Trouble.NOT_FOUND),
    ("characteristic at /org/x not found, device may be disconnected", Trouble.LOST),
    ("descriptor at /org/x not found, device may be disconnected", Trouble.LOST),
    ("Could not parse service handle from path: x", Trouble.MISFIT),
    ("Descriptor with handle 3 was not found!", Trouble.MISFIT),
    ("Multiple Services with this UUID, refer to your desired service", Trouble.MISFIT),
    ("Multiple Characteristics with this UUID, refer to your desired one", Trouble.MISFIT),
    ("passive scanning mode requires bluez or_patterns", Trouble.UNUSABLE),
    ("passive scanning on Linux requires BlueZ >= 5.56 with --experimental enabled",
     Trouble.OUTDATED),
    ("Unsupported platform: Plan9", Trouble.UNUSABLE),
    ("Unsupported backend: x", Trouble.UNUSABLE),
]  # fmt: skip


@pytest.mark.parametrize(("said", "trouble"), [*WINDOWS, *MACOS, *LINUX])
def test_what_bleak_says_in_words_has_its_trouble_on_every_system(
    said: str, trouble: Trouble
) -> None:
    assert trouble_of(BleakError(said)) is trouble


class WindowsError_(OSError):  # noqa: N801, N818 - as Python on Windows makes it
    def __init__(self, code: int) -> None:
        super().__init__(5, "as Windows says it")
        self.winerror = code


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (-2147020577, Trouble.OFF),  # the device is not ready for use
        (-2147023729, Trouble.LOST),
        (-2147024891, Trouble.DENIED),
        (-2147483629, Trouble.LOST),  # the object has been closed
        (-2147023673, Trouble.NO_ANSWER),  # cancelled
        (-2140864507, Trouble.PAIRING),  # insufficient authentication
        (-2140864497, Trouble.PAIRING),  # insufficient encryption
        (-2140864499, Trouble.REJECTED),  # invalid attribute value length
        (-2147467259, Trouble.UNKNOWN),  # unspecified
    ],
)
def test_numbers_of_windows_have_their_trouble(code: int, trouble: Trouble) -> None:
    assert trouble_of(WindowsError_(code)) is trouble


@pytest.mark.parametrize(
    ("name", "said", "trouble"),
    [
        ("org.bluez.Error.Failed", "le-connection-key-missing", Trouble.PAIRING),
        ("org.bluez.Error.Failed", "le-connection-concurrent-connection-limit", Trouble.FULL),
        ("org.bluez.Error.Failed", "Software caused connection abort", Trouble.NO_ANSWER),
        ("org.bluez.Error.Failed", "Operation already in progress", Trouble.BUSY),
        ("org.bluez.Error.AlreadyConnected", "Already Connected", Trouble.BUSY),
        ("org.freedesktop.DBus.Error.UnknownMethod", "Method doesn't exist", Trouble.NOT_FOUND),
        ("org.freedesktop.systemd1.NoSuchUnit", "dbus-org.bluez.service", Trouble.NO_SERVICE),
    ],
)
def test_errors_of_bluez_have_their_trouble(name: str, said: str, trouble: Trouble) -> None:
    assert trouble_of(dbus(name, said)) is trouble


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_no_remedy_sends_windows_or_macos_to_the_tools_of_linux(platform: str) -> None:
    for trouble in Trouble:
        said = sentence(trouble, platform)
        assert not re.search(r"systemctl|rfkill|bluetoothctl|apt |BlueZ \(", said), said


def test_bluetooth_switched_off_is_told_in_the_words_of_the_system() -> None:
    assert [sentence(Trouble.OFF, platform) for platform in ("linux", "win32", "darwin")] == [
        "Bluetooth is switched off: switch it on in the system settings, or with `rfkill unblock"
        " bluetooth` and `bluetoothctl power on`",
        "Bluetooth is switched off: switch it on in Settings → Bluetooth & devices",
        "Bluetooth is switched off: switch it on in System Settings → Bluetooth",
    ]


def test_a_unit_that_does_not_take_its_rate_says_which_it_keeps(air: FakeBluez) -> None:
    unit = dot(THIGH, 5)
    kept = unit.characteristic(SETTINGS)
    assert kept is not None
    kept.value = bytes(24) + (30).to_bytes(2, "little") + bytes(6)
    air.units = [unit]

    async def attempt() -> str:
        async with air:
            link = UnitLink(
                THIGH,
                driver_for(load_profiles()["movella_dot"]),
                0,
                lambda _: None,
                lambda _: None,
                time.monotonic_ns,
                connect_lock=ConnectLock(),
                timing=LinkTiming(patience_s=0.5),
            )
            with pytest.raises(RadioError) as caught:
                await link.run(asyncio.Event())
            return str(caught.value)

    assert asyncio.run(attempt()) == (
        f"Movella DOT ({THIGH}): the unit was set to 60 samples a second and says 30: switch it off"
        " and on, or choose another rate with `hipturn configure`"
    )
