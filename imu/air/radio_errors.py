"""What can go wrong on the air, as sentences that say what to do about it.

bleak and the system under it raise some twenty kinds of error for a handful of troubles.
`trouble_of` tells which trouble an error means, for the program; `explain` says it to a person.
"""

from __future__ import annotations

import re
import sys
import unicodedata
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

from imu.air.trouble_words import SENTENCES, Trouble

__all__ = [
    "RADIO_ERRORS",
    "SENTENCES",
    "Backend",
    "RadioError",
    "Trouble",
    "explain",
    "printable",
    "trouble_of",
]

MAX_NAME_CHARACTERS = 64  # names on the air have at most 29 bytes, in a scan response 248


class Backend(NamedTuple):
    """The classes that stand in for the system's Bluetooth in bleak; None is the system's own."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None


# Troubles that trying again does not mend: somebody has to do something first.
NEEDS_A_PERSON = frozenset(
    {
        Trouble.NO_SERVICE,
        Trouble.NO_ADAPTER,
        Trouble.OFF,
        Trouble.DENIED,
        Trouble.OUTDATED,
        Trouble.UNUSABLE,
        Trouble.PAIRING,
        Trouble.MISFIT,
    }
)
# Troubles of the radio itself that pass by themselves: after a resume, beside another program.
PASSES = frozenset({Trouble.BUSY, Trouble.NOT_READY})
# What an error to a reading of a unit must mean for its link to be gone: others are the unit's.
LINK_IS_GONE = frozenset(
    {Trouble.NO_SERVICE, Trouble.NOT_FOUND, Trouble.LOST, Trouble.BUS_LOST, Trouble.OFF}
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
    BleakBluetoothNotAvailableReason.UNKNOWN: Trouble.NOT_READY,  # macOS: resetting, not told yet
}

DBUS_ERRORS = {
    "org.freedesktop.DBus.Error.ServiceUnknown": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn.ChildExited": Trouble.NO_SERVICE,
    "org.freedesktop.systemd1.NoSuchUnit": Trouble.NO_SERVICE,
    "org.freedesktop.DBus.Error.AccessDenied": Trouble.DENIED,
    "org.freedesktop.DBus.Error.UnknownObject": Trouble.NOT_FOUND,
    # so a restarted bluetoothd answers to what it does not know any more
    "org.freedesktop.DBus.Error.UnknownMethod": Trouble.NOT_FOUND,
    "org.freedesktop.DBus.Error.UnknownInterface": Trouble.NOT_FOUND,
    "org.freedesktop.DBus.Error.NoReply": Trouble.BUS_LOST,
    "org.freedesktop.DBus.Error.Timeout": Trouble.BUS_LOST,
    "org.freedesktop.DBus.Error.TimedOut": Trouble.BUS_LOST,
    "org.freedesktop.DBus.Error.Disconnected": Trouble.BUS_LOST,
    "org.bluez.Error.NotReady": Trouble.NOT_READY,
    "org.bluez.Error.NotAvailable": Trouble.NOT_READY,
    "org.bluez.Error.DoesNotExist": Trouble.NOT_FOUND,
    "org.bluez.Error.InProgress": Trouble.BUSY,
    "org.bluez.Error.AlreadyConnected": Trouble.BUSY,
    "org.bluez.Error.NotConnected": Trouble.LOST,
    "org.bluez.Error.NotAuthorized": Trouble.PAIRING,
    "org.bluez.Error.NotPermitted": Trouble.PAIRING,
    "org.bluez.Error.NotSupported": Trouble.MISFIT,
    "org.bluez.Error.InvalidArguments": Trouble.REJECTED,
    "org.bluez.Error.ImproperlyConfigured": Trouble.REJECTED,
    "org.bluez.Error.AuthenticationFailed": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationCanceled": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationRejected": Trouble.PAIRING,
    "org.bluez.Error.AuthenticationTimeout": Trouble.PAIRING,
    "org.bluez.Error.AlreadyExists": Trouble.PAIRING,
    "org.bluez.Error.ConnectionAttemptFailed": Trouble.NO_ANSWER,
}

# What BlueZ puts behind `org.bluez.Error.Failed`: its own words (src/error.h), and those of the C
# library in versions before 5.63.
FAILURES = {
    "le-adapter-not-powered": Trouble.OFF,
    "le-connection-timeout": Trouble.NO_ANSWER,
    "le-connection-abort-by-local": Trouble.NO_ANSWER,  # interference, says bleak
    "le-connection-canceled": Trouble.NO_ANSWER,
    "le-connection-link-layer-protocol-error": Trouble.NO_ANSWER,
    "le-connection-gatt-browsing": Trouble.NO_ANSWER,
    "le-connection-concurrent-connection-limit": Trouble.FULL,
    "le-connection-key-missing": Trouble.PAIRING,
    "le-connection-not-supported": Trouble.MISFIT,
    "br-connection-page-timeout": Trouble.NO_ANSWER,
    "br-connection-profile-unavailable": Trouble.MISFIT,
    "Host is down": Trouble.NO_ANSWER,
    "Connection timed out": Trouble.NO_ANSWER,
    "Software caused connection abort": Trouble.NO_ANSWER,
    "Input/output error": Trouble.NO_ANSWER,
    "Operation aborted": Trouble.NO_ANSWER,
    "le-connection-busy": Trouble.BUSY,
    "le-connection-already-connected": Trouble.BUSY,
    "Device or resource busy": Trouble.BUSY,
    "Operation already in progress": Trouble.BUSY,
    "Operation not permitted": Trouble.OFF,  # the radio is blocked by rfkill
    "Not connected": Trouble.LOST,
}

# CBError of CoreBluetooth, which bleak passes on as text.
CB_ERROR = re.compile(r"Domain=CBErrorDomain Code=(\d+)")
CB_ERRORS = {
    1: Trouble.REJECTED,  # invalid parameters
    2: Trouble.MISFIT,  # invalid handle
    3: Trouble.LOST,  # not connected
    5: Trouble.NO_ANSWER,  # operation cancelled
    6: Trouble.NO_ANSWER,  # connection timed out
    7: Trouble.LOST,  # the unit disconnected
    10: Trouble.NO_ANSWER,  # connection failed
    11: Trouble.FULL,  # connection limit reached
    12: Trouble.NOT_FOUND,  # unknown device
    13: Trouble.MISFIT,  # operation not supported
    14: Trouble.PAIRING,  # the unit removed its pairing
    15: Trouble.PAIRING,  # encryption timed out
    16: Trouble.FULL,  # too many paired units
}
CB_ATT_ERROR = re.compile(r"Domain=CBATTErrorDomain Code=(\d+)")

# HRESULT of Windows, which bleak lets through as OSError with `winerror`.
WIN_ERRORS = {
    0x80000013: Trouble.LOST,  # RO_E_CLOSED
    0x80070005: Trouble.DENIED,  # E_ACCESSDENIED
    0x8007001F: Trouble.NOT_READY,  # ERROR_GEN_FAILURE
    0x80070015: Trouble.NOT_READY,  # ERROR_NOT_READY
    0x80070079: Trouble.NO_ANSWER,  # ERROR_SEM_TIMEOUT
    0x800704C7: Trouble.NO_ANSWER,  # ERROR_CANCELLED
    0x800704DF: Trouble.BUSY,  # ERROR_ALREADY_INITIALIZED
    0x8007048F: Trouble.LOST,  # ERROR_DEVICE_NOT_CONNECTED
    0x80070490: Trouble.NOT_FOUND,  # ERROR_NOT_FOUND
    0x800705B4: Trouble.NO_ANSWER,  # ERROR_TIMEOUT
    0x800706BA: Trouble.NO_SERVICE,  # RPC_S_SERVER_UNAVAILABLE
    0x800706BE: Trouble.NO_SERVICE,  # RPC_S_CALL_FAILED
    0x800710DF: Trouble.OFF,  # ERROR_DEVICE_NOT_AVAILABLE
    0x8007139F: Trouble.NOT_READY,  # ERROR_INVALID_STATE
}
WIN_ATT = 0x80650000  # FACILITY_BLUETOOTH_ATT: the lowest byte is the ATT error

PAIRING_CODES = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)

# Pieces of what plain `BleakError`s say, all of bleak 3.1, in the order in which they are tried.
PHRASES = {
    "requires BlueZ >=": Trouble.OUTDATED,
    "--experimental": Trouble.OUTDATED,
    "Service Discovery": Trouble.LOST,
    "not connected": Trouble.LOST,
    "disconnected": Trouble.LOST,
    "already connected": Trouble.BUSY,
    "already started": Trouble.BUSY,
    "adapter '": Trouble.NO_ADAPTER,
    "Is Bluetooth turned on": Trouble.OFF,
    "watcher status": Trouble.NOT_READY,
    "Unreachable": Trouble.NO_ANSWER,
    "Access Denied": Trouble.REFUSED,
    "pair": Trouble.PAIRING,
    "Failed to connect": Trouble.NO_ANSWER,
    "Failed to discover": Trouble.LOST,
    "Failed to read": Trouble.REJECTED,
    "Failed to write": Trouble.REJECTED,
    "Failed to update": Trouble.REJECTED,
    "disconnect failed": Trouble.LOST,
    "Unexpected status code": Trouble.NO_ANSWER,
    "support GATT sessions": Trouble.MISFIT,
    "Multiple ": Trouble.MISFIT,
    "already present": Trouble.MISFIT,
    "Descriptor ": Trouble.MISFIT,
    "Characteristic ": Trouble.MISFIT,
    "service handle": Trouble.MISFIT,
    "Windows GUI": Trouble.UNUSABLE,
    "Unsupported platform": Trouble.UNUSABLE,
    "Unsupported backend": Trouble.UNUSABLE,
    "passive scanning": Trouble.UNUSABLE,
    "not found": Trouble.NOT_FOUND,
}


def trouble_of(error: BaseException) -> Trouble:
    """Return which trouble an error of bleak, or of the system under it, means."""
    if isinstance(error, RadioError):
        return error.trouble
    if isinstance(error, BleakError):
        return _of_bleak(error)
    winerror = getattr(error, "winerror", None)
    if isinstance(winerror, int):
        return _of_windows(winerror & 0xFFFFFFFF)
    if isinstance(error, TimeoutError):  # an OSError too
        return Trouble.NO_ANSWER
    if isinstance(error, ABSENT):
        return Trouble.NO_SERVICE  # there is no message bus, or nothing behind its socket
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
        return _of_att(error.code)
    if isinstance(error, BleakDBusError):
        default = FAILURES.get(str(error.args[1]) if len(error.args) > 1 else "", Trouble.REFUSED)
        return DBUS_ERRORS.get(error.dbus_error, default)
    return _of_text(str(error))


def _of_text(said: str) -> Trouble:
    """Return the trouble that a plain error's text tells."""
    if told := CB_ERROR.search(said):
        return CB_ERRORS.get(int(told[1]), Trouble.UNKNOWN)
    if told := CB_ATT_ERROR.search(said):
        return _of_att(int(told[1]))
    found = (trouble for phrase, trouble in PHRASES.items() if phrase.lower() in said.lower())
    return next(found, Trouble.UNKNOWN)


def _of_att(code: int) -> Trouble:
    return Trouble.PAIRING if code in PAIRING_CODES else Trouble.REJECTED


def _of_windows(code: int) -> Trouble:
    if code & 0xFFFF0000 == WIN_ATT:
        return _of_att(code & 0xFF)
    return WIN_ERRORS.get(code, Trouble.UNKNOWN)


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
