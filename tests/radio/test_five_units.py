"""Five units at 60 Hz for a minute lose nothing, and cost what five units may."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fast_time import clock_ns, run_fast
from peripheral import Peripheral
from sessions import Catch, ReferenceDriver, linked, until

RATE_HZ, MINUTE_S = 60.0, 60


def streamed(socket: Path, count: int) -> tuple[list[Peripheral], Catch, float]:
    """Stream units for a minute; return them, what came, and the seconds of work it took."""
    from fake_bluez import FakeBluez

    air = FakeBluez(socket, limit_s=200.0)
    air.units = [
        Peripheral(f"D4:22:CD:00:00:0{n}", rate_hz=RATE_HZ, quota=60 * MINUTE_S, seed=n)
        for n in range(count)
    ]

    async def stream() -> Catch:
        driver = lambda: ReferenceDriver(RATE_HZ)  # noqa: E731
        async with air, linked(air.units, driver=driver, clock_ns=clock_ns) as (_, catch):
            await until(lambda: len(catch.samples) == 60 * MINUTE_S * count, 120.0)
        return catch

    begun_s = time.process_time()
    catch = run_fast(stream())
    return air.units, catch, time.process_time() - begun_s


def test_five_units_at_60_hz_for_a_minute_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    two = streamed(tmp_path / "bus", 2)[2]
    units, catch, five = streamed(tmp_path / "bus", 5)
    for index, unit in enumerate(units):
        assert catch.payloads(index) == unit.sent
        assert len(unit.sent) == 60 * MINUTE_S
    assert not catch.texts("lost")
    print(f"five units take {five / two:.1f} times the work of two ({five:.1f} s a minute)")
    assert five / two < 4.0, "work grows with the units, no faster"
