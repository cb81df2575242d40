"""The fake BlueZ, and sessions over it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # what the tests here share

if TYPE_CHECKING:
    from fake_bluez import FakeBluez


@pytest.fixture
def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBluez]:
    """Return a BlueZ that bleak will talk to, not started: `async with air`."""
    if sys.platform != "linux":
        pytest.skip("emulates BlueZ, which only bleak on Linux speaks to")
    from fake_bluez import FakeBluez

    bluez = FakeBluez(tmp_path / "bus")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bluez.address)
    yield bluez
    assert bluez.collisions == 0, "a scan or connect was asked for during another one"
