"""What is never written to a unit, whatever a profile says.

Profiles are data and may come from strangers. A profile writes only to the characteristics that it
lists; and none may list those that replace firmware, or send the bytes that start a bootloader,
switch a unit off, erase its memory, or write its flash each time a session starts.
"""

from __future__ import annotations

from collections.abc import Callable

# Characteristics through which firmware is replaced.
FIRMWARE_UPDATE = frozenset(
    {
        "8ec90001-f315-4f60-9fb8-838830daea50",  # Nordic secure DFU: control, packets, buttonless
        "8ec90002-f315-4f60-9fb8-838830daea50",
        "8ec90003-f315-4f60-9fb8-838830daea50",
        "8ec90004-f315-4f60-9fb8-838830daea50",
        "00001531-1212-efde-1523-785feabcd123",  # Nordic legacy DFU
        "00001532-1212-efde-1523-785feabcd123",
        "f000ffc1-0451-4000-b000-000000000000",  # Texas Instruments over-the-air download
        "f000ffc2-0451-4000-b000-000000000000",
        "da2e7828-fbce-4e01-ae9e-261174997c48",  # Zephyr and MCUboot management
        "00000001-000e-11e1-ac36-0002a5d5c51b",  # BlueST debug console, which updates firmware
    }
)

DOT_CONTROL = "15171002-4947-11e9-8646-d663bd873d93"
DOT_MESSAGES = "15177001-4947-11e9-8646-d663bd873d93"
WIT_COMMAND = "0000ffe9-0000-1000-8000-00805f9a34fb"
METAWEAR_COMMAND = "326a9001-85cb-9195-d9dd-464cfbbae75a"
MOVESENSE_COMMAND = "34800001-7185-4d5d-b431-630e7050e8f0"
POLAR_CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
CAPTURE2GO_COMMAND = "80030002-e629-4c98-9324-aa7fc0c66de7"

CAPTURE2GO_HARMFUL = frozenset({0x0110, 0x0112, 0x0509, 0x050D})


def _dot_control(payload: bytes) -> str:
    # Byte 0 says which settings count; 0x02 are the power options, whose bit 0 switches off.
    if payload[:1] and payload[0] & 0x02 and payload[2:3] and payload[2] & 0x01:
        return "switches the unit off"
    return ""


def _dot_messages(payload: bytes) -> str:
    known = payload[:3] == b"\x02\x07\x01" or payload == b"\x02\x01\x02\xfb"
    return "" if known else "is neither the start nor the end of a synchronisation"


def _wit(payload: bytes) -> str:
    if b"\xff\xaa\x65" in payload:
        return "starts the bootloader (register 0x65)"
    if b"\xff\xaa\x00" in payload:
        return "writes the flash memory or resets the unit (register 0x00)"
    return ""


def _metawear(payload: bytes) -> str:
    return "resets the unit or starts its bootloader" if payload[:1] == b"\xfe" else ""


def _movesense(payload: bytes) -> str:
    if payload[:1] in (b"\x05", b"\x06", b"\x07", b"\x09"):
        return "erases, records or switches off"
    return ""


def _polar(payload: bytes) -> str:
    # 1 asks for settings, 2 starts and 3 stops a measurement; others record or change modes.
    return "" if payload[:1] in (b"\x01", b"\x02", b"\x03") else "records or changes its mode"


def _capture2go(payload: bytes) -> str:
    if int.from_bytes(payload[6:8], "little") in CAPTURE2GO_HARMFUL:
        return "erases or switches off"
    return ""


HARMFUL: dict[str, Callable[[bytes], str]] = {
    DOT_CONTROL: _dot_control,
    DOT_MESSAGES: _dot_messages,
    WIT_COMMAND: _wit,
    METAWEAR_COMMAND: _metawear,
    MOVESENSE_COMMAND: _movesense,
    POLAR_CONTROL: _polar,
    CAPTURE2GO_COMMAND: _capture2go,
}


def forbidden(uuid: str, payload: bytes) -> str:
    """Return why bytes must not be written to a characteristic, or nothing when they may be.

    Parameters
    ----------
    uuid
        The characteristic, 36 lower-case characters.
    payload
        What is to be written.
    """
    if uuid in FIRMWARE_UPDATE:
        return "is for firmware updates"
    check = HARMFUL.get(uuid)
    return check(payload) if check else ""
