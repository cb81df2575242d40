"""A computer that slept: units are back within two seconds, the gap is marked, time is right."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fast_time import FastLoop, clock_ns, run_fast
from peripheral import Peripheral
from sessions import Catch, ReferenceDriver, linked, missing, until

SLEPT_S = 40.0
BACK_WITHIN_S = 2.0


@pytest.mark.parametrize("links_break", [True, False])
def test_a_suspend_of_40_seconds_is_gone_on_from_within_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links_break: bool
) -> None:
    from fake_bluez import FakeBluez

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    air = FakeBluez(tmp_path / "bus", limit_s=200.0)
    air.units = [Peripheral(f"D4:22:CD:00:00:0{n}", rate_hz=60.0, seed=n) for n in (1, 2)]
    woke_s: list[float] = []
    back_s: list[float] = []

    async def live() -> Catch:
        driver = lambda: ReferenceDriver(60.0)  # noqa: E731
        async with air, linked(air.units, driver=driver, clock_ns=clock_ns) as (_, catch):
            loop = asyncio.get_running_loop()
            await until(lambda: all(len(catch.of(index)) > 60 for index in range(2)))
            for unit in air.units:
                unit.mute = True  # nobody hears what it sends meanwhile
            assert isinstance(loop, FastLoop)
            loop.jump(SLEPT_S)
            await asyncio.sleep(0.05)
            for unit in air.units:
                unit.mute = False
                if links_break:
                    air.break_link(unit)
            woke_s.append(loop.time())
            counts = [len(catch.of(index)) for index in range(2)]
            await until(lambda: all(len(catch.of(i)) > counts[i] + 30 for i in range(2)))
            back_s.append(loop.time())
        return catch

    catch = run_fast(live())
    assert back_s[0] - woke_s[0] < BACK_WITHIN_S
    for index, unit in enumerate(air.units):
        samples = catch.of(index)
        assert catch.payloads(index) == unit.sent
        heard_s = [sample.host_time_ns / 1e9 for sample in samples]
        gaps = [b - a for a, b in itertools.pairwise(heard_s) if b - a > 1.0]
        assert len(gaps) == 1
        assert gaps[0] == pytest.approx(SLEPT_S, abs=BACK_WITHIN_S)
        assert missing(samples) / 60.0 == pytest.approx(SLEPT_S, abs=BACK_WITHIN_S)
    assert len(catch.texts("lost")) == (2 if links_break else 0)


STOPPED = """
import asyncio, json, sys, time
from pathlib import Path
from fake_bluez import FakeBluez
from peripheral import Peripheral
from sessions import ReferenceDriver, linked, missing, until

air = FakeBluez(Path(sys.argv[1]) / "bus", limit_s=300.0)
air.units = [Peripheral(f"D4:22:CD:00:00:0{n}", rate_hz=60.0, seed=n) for n in (1, 2)]

async def live():
    async with air, linked(air.units, driver=lambda: ReferenceDriver(60.0)) as (_, catch):
        await until(lambda: all(len(catch.of(index)) > 60 for index in range(2)))
        for unit in air.units:
            unit.mute = True  # nobody hears what it sends meanwhile
        print("now", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        woke_s, counts = time.monotonic(), [len(catch.of(index)) for index in range(2)]
        for unit in air.units:
            unit.mute = False
            air.break_link(unit)
        await until(lambda: all(len(catch.of(i)) > counts[i] + 30 for i in range(2)))
        back_s = time.monotonic() - woke_s
    return catch, back_s

catch, back_s = asyncio.run(live())
heard_s = [[sample.host_time_ns / 1e9 for sample in catch.of(index)] for index in range(2)]
print(json.dumps({
    "back_s": back_s,
    "gaps_s": [max(b - a for a, b in zip(times, times[1:])) for times in heard_s],
    "missing_s": [missing(catch.of(index)) / 60.0 for index in range(2)],
    "all": all(catch.payloads(i) == unit.sent for i, unit in enumerate(air.units)),
    "lost": len(catch.texts("lost")),
}))
"""


@pytest.mark.long
def test_a_process_that_is_stopped_for_40_seconds_goes_on_within_two(tmp_path: Path) -> None:
    """By a signal, as a shell or a debugger does; the clock runs on meanwhile."""
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path / 'bus'}",
        "PYTHONPATH": os.pathsep.join([str(here.parents[1]), str(here)]),
    }
    with subprocess.Popen(
        [sys.executable, "-u", "-c", STOPPED, str(tmp_path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(SLEPT_S)
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate("awake\n", timeout=60)
    told = json.loads(said)
    assert process.returncode == 0
    assert told["all"]
    assert told["back_s"] < BACK_WITHIN_S
    assert told["gaps_s"] == pytest.approx([SLEPT_S] * 2, abs=BACK_WITHIN_S)
    assert told["missing_s"] == pytest.approx([SLEPT_S] * 2, abs=BACK_WITHIN_S)
    assert told["lost"] >= 2
    print(f"back {told['back_s']:.2f} s after it went on")
