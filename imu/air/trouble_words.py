"""From a trouble with the radio or a unit to a sentence: what is wrong, and what mends it here.

What is wrong is the same on every system; what mends it often is not.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import NamedTuple


class Trouble(StrEnum):
    """What is wrong with the radio or a unit."""

    NO_SERVICE = "no_service"
    NO_ADAPTER = "no_adapter"
    OFF = "off"
    NOT_READY = "not_ready"
    DENIED = "denied"
    OUTDATED = "outdated"
    UNUSABLE = "unusable"
    NOT_FOUND = "not_found"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    BUSY = "busy"
    FULL = "full"
    PAIRING = "pairing"
    MISFIT = "misfit"
    REJECTED = "rejected"
    SILENT = "silent"
    UNREADABLE = "unreadable"
    LOST = "lost"
    BUS_LOST = "bus_lost"
    UNKNOWN = "unknown"


class Remedy(NamedTuple):
    """What to do about a trouble, on each system."""

    linux: str
    windows: str
    macos: str


class Words(NamedTuple):
    """What is said of a trouble."""

    cause: str
    remedy: Remedy


def _everywhere(remedy: str) -> Remedy:
    return Remedy(remedy, remedy, remedy)


_ON_WINDOWS = "switch it on in Settings → Bluetooth & devices"
_ON_MACOS = "switch it on in System Settings → Bluetooth"

WORDS = {
    Trouble.NO_SERVICE: Words(
        "no Bluetooth service is running on this computer",
        Remedy(
            "install BlueZ (`sudo apt install bluez`) and start it with"
            " `sudo systemctl start bluetooth`",
            'start "Bluetooth Support Service" in Services (services.msc), or restart Windows',
            "restart the Mac",
        ),
    ),
    Trouble.NO_ADAPTER: Words(
        "this computer has no Bluetooth Low Energy adapter",
        Remedy(
            "plug in a Bluetooth USB adapter (4.0 or later), or `rfkill list` to see whether one"
            " is hidden",
            "plug in a Bluetooth USB adapter (4.0 or later), or enable it in the Device Manager",
            "plug in a Bluetooth USB adapter (4.0 or later)",
        ),
    ),
    Trouble.OFF: Words(
        "Bluetooth is switched off",
        Remedy(
            "switch it on in the system settings, or with `rfkill unblock bluetooth` and"
            " `bluetoothctl power on`",
            _ON_WINDOWS,
            _ON_MACOS,
        ),
    ),
    Trouble.NOT_READY: Words(
        "Bluetooth is switched off or not ready yet",
        _everywhere("switch it on, or wait a few seconds after waking the computer"),
    ),
    Trouble.DENIED: Words(
        "this program is not allowed to use Bluetooth",
        Remedy(
            "join the group `bluetooth` and log in again",
            "allow it in Settings → Privacy & security → Bluetooth",
            "allow it for the terminal in System Settings → Privacy & Security → Bluetooth",
        ),
    ),
    Trouble.OUTDATED: Words(
        "the Bluetooth service is older than BlueZ 5.55", _everywhere("update the system")
    ),
    Trouble.UNUSABLE: Words(
        "Bluetooth cannot be used from this program",
        Remedy(
            "run hipturn in a terminal of Linux, Windows or macOS",
            "run hipturn in a terminal; a program with a window of its own must leave the"
            " thread to Bluetooth (docs/platforms.md)",
            "run hipturn in a terminal of Linux, Windows or macOS",
        ),
    ),
    Trouble.NOT_FOUND: Words(
        "the unit is not in sight",
        _everywhere(
            "switch it on, move it or press its button to wake it, bring it within 5 m, and end"
            " other apps or phones that hold it"
        ),
    ),
    Trouble.NO_ANSWER: Words(
        "the unit does not answer",
        _everywhere("bring it within 5 m, charge it, or switch it off and on"),
    ),
    Trouble.REFUSED: Words(
        "the unit refused the connection",
        _everywhere("end other apps or phones that hold it, or switch it off and on"),
    ),
    Trouble.BUSY: Words(
        "the adapter is busy",
        _everywhere("end other programs that scan or connect, and try again"),
    ),
    Trouble.FULL: Words(
        "the adapter holds as many links as it can",
        _everywhere("disconnect other Bluetooth devices, or use a second adapter"),
    ),
    Trouble.PAIRING: Words(
        "the unit wants to be paired first",
        Remedy(
            "remove an old pairing with `bluetoothctl remove ADDRESS` if there is one, and pair"
            " it in the system's Bluetooth settings",
            "remove it in Settings → Bluetooth & devices if it is there, and pair it anew",
            "forget it in System Settings → Bluetooth if it is there, and say yes when the Mac"
            " asks to pair",
        ),
    ),
    Trouble.MISFIT: Words(
        "the unit does not offer what its profile says",
        _everywhere("choose another profile, or update the unit's firmware"),
    ),
    Trouble.REJECTED: Words(
        "the unit rejected a command",
        _everywhere("switch it off and on, and check its firmware against its profile"),
    ),
    Trouble.SILENT: Words(
        "the unit is connected but sends nothing", _everywhere("switch it off and on")
    ),
    Trouble.UNREADABLE: Words(
        "the unit sends data that cannot be read",
        _everywhere(
            "switch it off and on; if that does not help, choose another profile or update the"
            " unit's firmware"
        ),
    ),
    Trouble.LOST: Words(
        "the link to the unit was lost", _everywhere("bring it within 5 m and keep it charged")
    ),
    Trouble.BUS_LOST: Words(
        "the Bluetooth service went away",
        Remedy(
            "switch Bluetooth off and on, or restart it with `sudo systemctl restart bluetooth`",
            "switch Bluetooth off and on",
            "switch Bluetooth off and on",
        ),
    ),
    Trouble.UNKNOWN: Words(
        "Bluetooth failed for an unknown reason",
        _everywhere("switch the unit and Bluetooth off and on"),
    ),
}


def sentence(trouble: Trouble, platform: str = sys.platform) -> str:
    """Return what is wrong and what to do about it, on a system as `sys.platform` names it."""
    words = WORDS[trouble]
    remedy = words.remedy
    here = {"win32": remedy.windows, "darwin": remedy.macos}.get(platform, remedy.linux)
    return f"{words.cause}: {here}"


SENTENCES = {trouble: sentence(trouble) for trouble in Trouble}
"""The sentences on this system."""
