"""`hipturn live` as a person starts it: another process, units on the air, nobody at the keys."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import hipturn
from imu.sample import Side
from imu.virtual.wearer import LinkLoss, WearerSettings, Wearing, on_air, wear

if sys.platform != "linux":
    pytest.skip("emulates BlueZ, which only bleak on Linux speaks to", allow_module_level=True)

from fake_bluez import FakeBluez
from worn import Motion, WornDot

ROOT = Path(__file__).parents[2]
EXERCISE = "seated_internal_rotation"
# Everything as short as a person would ever do it, for this takes as long as it takes: 48 s.
BRISK = WearerSettings(
    reps=6,
    move_s=2.0,
    still_s=1.5,
    stroke_s=(1.0, 1.3),
    hold_s=(0.4, 0.8),
    rest_s=(0.6, 1.0),
)
BROKEN_REP = 2
# How long before and after a gap movements may be lost with it: samples wait for their playout.
AROUND_GAP_S = 0.3
LIMIT_S = 150.0


@dataclass
class Run:
    """One session in another process."""

    mode: int
    wearing: Wearing
    units: list[WornDot]
    exit_code: int | None
    said: str
    complained: str
    folders: list[Path]

    def gaps(self) -> list[tuple[float, float]]:
        """Return the gaps, seconds since the session's first sample."""
        begun_s = -float(self.wearing.truth.time_s[0])
        return [(a - begun_s, b - begun_s) for unit in self.units for a, b in unit.gaps]

    def events(self) -> list[dict[str, Any]]:
        lines = (self.folders[0] / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


async def run(mode: int, lost: int, folder: Path) -> Run:
    """Wear two units, run `hipturn live` on them, and press Ctrl-C when the wearer is done."""
    reps = wear(EXERCISE, "right", mode, BRISK).truth
    at_s = reps.reps[Side.RIGHT][BROKEN_REP].start_s - float(reps.time_s[0]) + 0.4
    losses = {lost: [LinkLoss(at_s, 0.6, restarts=mode == 26)]}
    air, wearing = on_air(EXERCISE, "right", mode, BRISK, losses=losses)
    motion = Motion(air.units)
    units = [WornDot(unit, mode, motion) for unit in air.units]
    bluez = FakeBluez(folder / "bus", limit_s=LIMIT_S)
    bluez.units = list(units)
    async with bluez:
        process = await start(bluez, wearing, folder)
        talk = asyncio.create_task(process.communicate())
        try:
            while not talk.done():
                await asyncio.wait({talk}, timeout=0.05)
                if motion.now_s() > air.units[0].end_s + 0.3:
                    process.send_signal(signal.SIGINT)
                    break
            said, complained = await talk
        finally:
            if process.returncode is None:  # the test failed; nothing of it must stay behind
                process.kill()
    assert bluez.collisions == 0, "a scan or connect was asked for during another one"
    return Run(
        mode,
        wearing,
        units,
        process.returncode,
        said.decode(),
        complained.decode(),
        sorted((folder / "recordings").iterdir()),
    )


async def start(bluez: FakeBluez, wearing: Wearing, folder: Path) -> asyncio.subprocess.Process:
    """Start the command with standard input closed."""
    thigh, shank = (unit.address for unit in wearing.units)
    command = [sys.executable, "-m", "hipturn", "live", "--terminal", "--exercise", EXERCISE]
    command += ["--thigh", thigh, "--shank", shank]
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


async def run_all(folder: Path) -> list[Run]:
    """Run the modes at the same time, each on a bus of its own."""
    runs = []
    async with asyncio.TaskGroup() as tasks:
        for mode, lost in ((26, 0), (24, 1), (5, 0)):
            own = folder / str(mode)
            own.mkdir()
            runs.append(tasks.create_task(run(mode, lost, own)))
    return [task.result() for task in runs]


def test_live_calibrates_counts_and_closes_with_nobody_at_the_keys(tmp_path):
    for session in asyncio.run(run_all(tmp_path)):
        told = f"mode {session.mode}\n{session.said}\n{session.complained}"
        assert session.exit_code == 130, told
        assert "Traceback" not in session.complained, told
        check_recording(session, told)
        check_movements(session, told)


def check_recording(session: Run, told: str) -> None:
    """One closed session, with all that was sent until the stop command."""
    assert len(session.folders) == 1, told
    header = json.loads((session.folders[0] / "session.json").read_text(encoding="utf-8"))
    assert header["state"] == "closed", told
    assert header["calibration"].keys() == {"right"}, told
    samples = list(hipturn.open(session.folders[0]).samples())
    for index, unit in enumerate(session.units):
        recorded = [sample.payload for sample in samples if sample.unit == index]
        assert recorded == unit.sent, told
    assert len(session.gaps()) == 1, told
    kinds = [event["type"] for event in session.events()]
    assert kinds.count("calibration") == kinds.count("reconnected") == 1, told


def check_movements(session: Run, told: str) -> None:
    """Every repetition outside the gap was counted once, and nothing else was."""
    counted = [
        event["peak_s"]
        for event in session.events()
        if event["type"] == "movement" and event["status"] == "valid"
    ]
    reps = session.wearing.truth.reps[Side.RIGHT]
    assert len(reps) == BRISK.reps
    in_gap = []
    for number, rep in enumerate(reps):
        matches = [peak_s for peak_s in counted if rep.start_s <= peak_s <= rep.end_s]
        if any(
            begin_s - AROUND_GAP_S < rep.end_s and rep.start_s < end_s + AROUND_GAP_S
            for begin_s, end_s in session.gaps()
        ):
            in_gap.append(number)
            assert len(matches) <= 1, told
        else:
            assert len(matches) == 1, f"rep {number + 1}, {told}"
    assert BROKEN_REP in in_gap, told
    within = [peak_s for peak_s in counted if any(r.start_s <= peak_s <= r.end_s for r in reps)]
    assert within == counted, told
