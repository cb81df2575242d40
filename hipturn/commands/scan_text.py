"""Units in range, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imu.air.scan import Found


def listing(found: Sequence[Found]) -> str:
    """Return a line per unit, the strongest signal first."""
    lines = [f"{'name':<24}{'address':<20}{'profile':<24}signal"]
    lines += [
        f"{unit.name or '–':<24}{unit.address:<20}{unit.profile.name:<24}{unit.rssi} dBm"
        for unit in found
    ]
    return "\n".join(lines)


def as_data(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return plain values."""
    return [
        {
            "name": unit.name,
            "address": unit.address,
            "profile": unit.profile.name,
            "rssi_dbm": unit.rssi,
        }
        for unit in found
    ]
