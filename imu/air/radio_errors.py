"""What can go wrong on the air, as sentences that say what to do about it.

bleak and the system under it raise some twenty kinds of error for a handful of troubles.
`trouble_of` tells which trouble an error means, for the program; `explain` says it to a person.
"""

from __future__ import annotations

import sys
import unicodedata
from enum import StrEnum
from typing import NamedTuple

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

MAX_NAME_CHARACTERS = 64  # names on the air have at most 29 bytes, in a scan response 248


class Backend(NamedTuple):
    """The classes that stand in for the system's Bluetooth in bleak; None is the system's own."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None


class Trouble(StrEnum):
    """What is wrong with the radio or a unit."""

    NO_SERVICE = "no_service"
    NO_ADAPTER = "no_adapter"
    OFF = "off"
    DENIED = "denied"
    OUTDATED = "outdated"
    NOT_FOUND = "not_found"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    BUSY = "busy"
    PAIRING = "pairing"
    MISFIT = "misfit"
    REJECTED = "rejected"
    SILENT = "silent"
    LOST = "lost"
    BUS_LOST = "bus_lost"
    UNKNOWN = "unknown"


SENTENCES = {
    Trouble.NO_SERVICE: "no Bluetooth service is running on this computer: install BlueZ "
    "(`sudo apt install bluez`) and start it with `sudo systemctl start bluetooth`",
    Trouble.NO_ADAPTER: "this computer has no Bluetooth Low Energy adapter: plug in a Bluetooth "
    "USB adapter (4.0 or later), or `rfkill list` to see whether one is hidden",
    Trouble.OFF: "Bluetooth is switched off: switch it on in the system settings, or with "
    "`rfkill unblock bluetooth` and `bluetoothctl power on`",
    Trouble.DENIED: "this program is not allowed to use Bluetooth: allow it for the terminal in "
    "the system's privacy settings, or on Linux join the group `bluetooth` and log in again",
    Trouble.OUTDATED: "the Bluetooth service is older than BlueZ 5.55: update the system",
    Trouble.NOT_FOUND: "the unit is not in sight: switch it on, move it or press its button to "
    "wake it, bring it within 5 m, and end other apps or phones that hold it",
    Trouble.NO_ANSWER: "the unit does not answer: bring it within 5 m, charge it, or switch it "
    "off and on",
    Trouble.REFUSED: "the unit refused the connection: end other apps or phones that hold it, "
    "or switch it off and on",
    Trouble.BUSY: "the adapter is busy: end other programs that scan or connect, and try again",
    Trouble.PAIRING: "the unit wants to be paired first: pair it in the system's Bluetooth "
    "settings, and remove an old pairing if there is one",
    Trouble.MISFIT: "the unit does not offer what its profile says: choose another profile, or "
    "update the unit's firmware",
    Trouble.REJECTED: "the unit rejected a command: switch it off and on, and check its firmware "
    "against its profile",
    Trouble.SILENT: "the unit is connected but sends nothing: switch it off and on",
    Trouble.LOST: "the link to the unit was lost: bring it within 5 m and keep it charged",
    Trouble.BUS_LOST: "the Bluetooth service went away: switch Bluetooth off and on, or restart "
    "it with `sudo systemctl restart bluetooth`",
    Trouble.UNKNOWN: "Bluetooth failed for an unknown reason: switch the unit and Bluetooth off "
    "and on",
}

# Troubles that trying again does not mend: somebody has to do something first.
NEEDS_A_PERSON = frozenset(
    {
        Trouble.NO_SERVICE,
        Trouble.NO_ADAPTER,
        Trouble.OFF,
        Trouble.DENIED,
        Trouble.OUTDATED,
        Trouble.PAIRING,
        Trouble.MISFIT,
    }
)


class RadioError(Exception):
    """A trouble with the radio or a unit, in one sentence.

    Parameters
    ----------
    trouble
        What is wrong, for the program.
    text
        What is wrong and what to do, for the person; the trouble's own sentence when left out.
    """

    def __init__(self, trouble: Trouble, text: str = "") -> None:
        super().__init__(text or SENTENCES[trouble])
        self.trouble = trouble


# Of these bleak lets some through as they are.
ABSENT: tuple[type[Exception], ...] = (FileNotFoundError, ConnectionRefusedError)
DENIALS: tuple[type[Exception], ...] = (PermissionError,)
BUS_ERRORS: tuple[type[Exception], ...] = ()
if sys.platform == "linux":
    from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

    ABSENT += (InvalidAddressError,)
    DENIALS += (AuthError,)
    BUS_ERRORS += (AuthError, DBusError, InvalidAddressError)

# All that a call into bleak raises when the radio, the system or a unit is at fault. bleak asserts
# that its message bus lives, which fails when the bus dies inside a call.
RADIO_ERRORS: tuple[type[Exception], ...] = (
    RadioError,
    BleakError,
    OSError,  # TimeoutError and the errors of sockets among them
    EOFError,
    AssertionError,
    *BUS_ERRORS,
)

REASONS = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: Trouble.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: Trouble.NO_ADAPTER,
    BleakBluetoothNotAvailableReason.POWERED_OFF: Trouble.OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: Trouble.DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: Trouble.DENIED,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: Trouble.DENIED,
}

DBUS_ERRORS = {
    "org.freedesktop.DBus.Error.ServiceUnknown": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn.ChildExited": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.AccessDenied": Trouble.DENIED,
    "org.freedesktop.DBus.Error.UnknownObject": Trouble.NOT_FOUND,
    "org.freedesktop.DBus.Error.NoReply": Trouble.BUS_LOST,
    "org.freedesktop.DBus.Error.Disconnected": Trouble.BUS_LOST,
    "org.bluez.Error.NotReady": Trouble.OFF,
    "org.bluez.Error.DoesNotExist": Trouble.NOT_FOUND,
    "org.bluez.Error.InProgress": Trouble.BUSY,
    "org.bluez.Error.NotConnected": Trouble.LOST,
    "org.bluez.Error.NotAuthorized": Trouble.PAIRING,
    "org.bluez.Error.NotPermitted": Trouble.PAIRING,
    "org.bluez.Error.NotSupported": Trouble.MISFIT,
    "org.bluez.Error.AuthenticationFailed": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationCanceled": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationRejected": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationTimeout": Trouble.PAIRING,
    "org.bluez.Error.ConnectionAttemptFailed": Trouble.NO_ANSWER,
}

# What BlueZ puts behind `org.bluez.Error.Failed`.
FAILURES = {
    "le-adapter-not-powered": Trouble.OFF,
    "le-connection-timeout": Trouble.NO_ANSWER,
    "le-connection-abort-by-local": Trouble.NO_ANSWER,  # interference, says bleak
    "br-connection-page-timeout": Trouble.NO_ANSWER,
    "Host is down": Trouble.NO_ANSWER,
    "le-connection-busy": Trouble.BUSY,
    "Not connected": Trouble.LOST,
}

PAIRING_CODES = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)

# Pieces of what plain `BleakError`s say, all of bleak 3.1.
PHRASES = {
    "requires BlueZ": Trouble.OUTDATED,
    "Service Discovery": Trouble.LOST,
    "Not connected": Trouble.LOST,
    "not connected": Trouble.LOST,
    "disconnected": Trouble.LOST,
    "adapter '": Trouble.NO_ADAPTER,
    "not found": Trouble.NOT_FOUND,
}


def trouble_of(error: BaseException) -> Trouble:
    """Return which trouble an error of bleak, or of the system under it, means."""
    if isinstance(error, RadioError):
        return error.trouble
    if isinstance(error, BleakError):
        return _of_bleak(error)
    if isinstance(error, TimeoutError):  # an OSError too
        return Trouble.NO_ANSWER
    if isinstance(error, ABSENT):
        return Trouble.NO_SERVICE  # there is no message bus, or nobody behind its socket
    if isinstance(error, DENIALS):
        return Trouble.DENIED
    return Trouble.BUS_LOST if isinstance(error, RADIO_ERRORS) else Trouble.UNKNOWN


def _of_bleak(error: BleakError) -> Trouble:
    """Return the trouble of an error that bleak raised itself."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return REASONS.get(error.reason, Trouble.UNKNOWN)
    if isinstance(error, BleakDeviceNotFoundError):
        return Trouble.NOT_FOUND
    if isinstance(error, BleakCharacteristicNotFoundError):
        return Trouble.MISFIT
    if isinstance(error, BleakGATTProtocolError):
        return Trouble.PAIRING if error.code in PAIRING_CODES else Trouble.REJECTED
    if isinstance(error, BleakDBusError):
        default = FAILURES.get(str(error.args[1]) if len(error.args) > 1 else "", Trouble.REFUSED)
        return DBUS_ERRORS.get(error.dbus_error, default)
    found = (trouble for phrase, trouble in PHRASES.items() if phrase in str(error))
    return next(found, Trouble.UNKNOWN)


def explain(error: BaseException) -> str:
    """Return one sentence that says what is wrong and what to do about it."""
    if isinstance(error, RadioError):
        return str(error)
    trouble = trouble_of(error)
    said = printable(str(error)) or type(error).__name__
    return SENTENCES[trouble] + (f" ({said})" if trouble is Trouble.UNKNOWN else "")


def printable(text: str) -> str:
    """Return a text from the air without control, format and unassigned characters, not long."""
    kept = (c for c in text if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    return "".join(kept).strip()[:MAX_NAME_CHARACTERS]
