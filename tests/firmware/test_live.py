"""`hipturn live` with two boards: the firmware in MicroPython, sensors off by percents."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import re
import signal
import sys
from pathlib import Path

import pytest

import hipturn
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, Wearing, wear

if sys.platform != "linux":
    pytest.skip("emulates BlueZ, which only bleak on Linux speaks to", allow_module_level=True)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "radio"))

from board_units import RATE, Boards, BoardUnit, frames  # noqa: E402
from fake_bluez import FakeBluez  # noqa: E402
from interpreters import micropython  # noqa: E402

EXERCISE = "seated_internal_rotation"
OFF_PER_MILLE = (26, -19)
BRISK = WearerSettings(
    reps=6, move_s=2.0, still_s=1.5, stroke_s=(1.0, 1.3), hold_s=(0.4, 0.8), rest_s=(0.6, 1.0)
)
LIMIT_S = 150.0
RECORD_BYTES = 20
LAGS_S = [lag / 50 for lag in range(-50, 51)]
"""The session's clock and the motion's are not the same; the angle is held to the truth at one."""


async def session(folder: Path, wearing: Wearing) -> tuple[Boards, float, int, str]:
    """Run `hipturn live` on two boards until the motion is over."""
    boards = Boards()
    bluez = FakeBluez(folder / "bus", limit_s=LIMIT_S)
    bluez.units = [BoardUnit(f"10:20:30:A1:B2:C{n}", boards) for n in range(2)]
    lasts_s = len(wearing.traces[0].acc) / BRISK.fusion_hz
    loop = asyncio.get_running_loop()
    async with bluez:
        for index, unit in enumerate(boards.units):
            await unit.switch_on(folder / f"board{index}", OFF_PER_MILLE[index])
        thigh, shank = (unit.address for unit in boards.units)
        words = ["live", "--terminal", "--exercise", EXERCISE, "--thigh", thigh, "--shank", shank]
        process = await hipturn_process(bluez, folder, *words)
        talk = asyncio.create_task(process.communicate())
        try:
            while not talk.done():
                await asyncio.wait({talk}, timeout=0.05)
                if boards.begun_s is not None and loop.time() > boards.begun_s + lasts_s + 0.3:
                    process.send_signal(signal.SIGINT)
                    break
            said, complained = await talk
        finally:
            if process.returncode is None:  # the test failed; nothing of it must stay behind
                process.kill()
            for unit in boards.units:
                await unit.switch_off()
    assert not bluez.faults
    assert [unit.stopped for unit in boards.units] == ["", ""]
    return boards, lasts_s, process.returncode or 0, said.decode() + complained.decode()


async def hipturn_process(
    bluez: FakeBluez, folder: Path, *words: str
) -> asyncio.subprocess.Process:
    """Start a command with standard input closed."""
    command = [sys.executable, "-m", "hipturn", *words]
    environment = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": bluez.address,
        "HIPTURN_RECORDINGS": str(folder / "recordings"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
    }
    return await asyncio.create_subprocess_exec(
        *("sh", "-c", 'exec "$@" <&-', "sh", *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment,
    )


async def configured(folder: Path, *words: str) -> tuple[BoardUnit, str]:
    """Run `hipturn configure` on one board."""
    boards = Boards()
    bluez = FakeBluez(folder / "bus", limit_s=LIMIT_S)
    board = BoardUnit("10:20:30:A1:B2:C3", boards)
    bluez.units = [board]
    async with bluez:
        await board.switch_on(folder, OFF_PER_MILLE[0])
        try:
            process = await hipturn_process(bluez, folder, "configure", board.address, *words)
            said, complained = await process.communicate()
        finally:
            await board.switch_off()
    assert board.stopped == ""
    return board, said.decode() + complained.decode()


def test_a_board_is_set_up_counted_and_named(tmp_path):
    micropython()
    (tmp_path / "trace").write_bytes(bytes(14))
    words = ("--rate", "100", "--name", "hipturn thigh")
    board, told = asyncio.run(configured(tmp_path, *words))
    found = re.search(r"rate 60 → 100 Hz, sends ([\d.]+) Hz \(raw\), battery 50 %", told)
    assert found is not None, told
    assert float(found[1]) == pytest.approx(100.0, abs=15.0)  # counted by arrivals, not 60
    assert board.name == "hipturn thigh"
    assert (tmp_path / "name.txt").read_text() == "hipturn thigh"
    assert {len(payload) for payload in board.sent} == {100}


@pytest.mark.long  # in real time, since MicroPython's is: 50 s
def test_two_boards_with_wrong_oscillators_count_six_of_six_within_a_degree(tmp_path):
    micropython()
    wearing = wear(EXERCISE, "right", 7, BRISK)
    for index, off_per_mille in enumerate(OFF_PER_MILLE):
        (tmp_path / f"board{index}").mkdir()
        trace = frames(wearing.traces[index], off_per_mille, BRISK.fusion_hz)
        (tmp_path / f"board{index}" / "trace").write_bytes(trace)
    boards, lasts_s, exit_code, told = asyncio.run(session(tmp_path, wearing))
    assert exit_code == 130, told
    assert "Traceback" not in told, told
    (folder,) = (tmp_path / "recordings").iterdir()
    header = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert header["state"] == "closed", told
    assert [unit["rate_hz"] for unit in header["units"]] == [60.0, 60.0]
    recorded = hipturn.open(folder)
    samples = list(recorded.samples())
    for index, unit in enumerate(boards.units):
        own = [sample for sample in samples if sample.unit == index]
        sent = b"".join(unit.sent)
        assert b"".join(sample.payload for sample in own if sample.payload) == sent
        assert len(own) == len(sent) // RECORD_BYTES
        # A computer that is busy keeps the boards from running; then both number and time jump.
        for one, other in itertools.pairwise(own):
            late_us = other.device_time - one.device_time
            assert round(late_us * 60 / 1e6) == other.sequence - one.sequence
        assert (RATE, b"\x00\x00") in unit.commands  # stopped at the end
        assert unit.name.startswith("hipturn B2C")
    result = hipturn.analyse(recorded)
    assert (result.reps.status == "valid").sum() == BRISK.reps, told
    angles = result.angles[result.angles.valid & result.angles.set.notna()]
    assert len(angles) > 600
    begun_s = samples[-1].host_time_ns / 1e9 - lasts_s  # about: the motion ends with the session

    def off_deg(lag_s: float) -> float:
        at_s = angles.time_s - begun_s - lag_s + float(wearing.truth.time_s[0])
        truth = wearing.truth.angle_at(Side.RIGHT, at_s)
        return math.sqrt(((angles.hip_internal_rotation_deg - truth) ** 2).mean())

    best_s = min(LAGS_S, key=off_deg)
    assert off_deg(best_s) < 1.0, told
