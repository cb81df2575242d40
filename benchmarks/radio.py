"""What four units at 120 Hz cost to receive, and whether any sample is lost.

    python benchmarks/radio.py [--seconds 60] [--units 4] [--hz 120]

Linux only. An emulated BlueZ with the units runs in a process of its own; this one receives through
bleak's unmodified BlueZ backend and `imu.air.link`, decoding included. Counts must be equal. The
CPU share is of one core, of the receiving process alone, from the first sample on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "radio")]

from fake_bluez import FakeBluez  # noqa: E402
from peripheral import Peripheral  # noqa: E402
from sessions import linked, until  # noqa: E402


def make_units(options: argparse.Namespace) -> list[Peripheral]:
    quota = round(options.seconds * options.hz)
    return [
        Peripheral(f"D4:22:CD:00:00:{number:02X}", rate_hz=options.hz, quota=quota, seed=number)
        for number in range(options.units)
    ]


async def emulate(socket: Path, units: list[Peripheral]) -> None:
    """Be BlueZ until standard input ends, then tell what was sent."""
    bluez = FakeBluez(socket, limit_s=None)
    bluez.units = units
    async with bluez:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps([len(unit.sent) for unit in units]))


async def receive(units: list[Peripheral]) -> tuple[list[int], list[int], float, float]:
    """Return samples received and notifications thrown away per unit, CPU and wall seconds."""
    expected = sum(unit.quota or 0 for unit in units)
    async with linked(units) as (links, catch):
        await until(lambda: len(catch.samples) > 0)
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        longest_s = expected / len(units) / units[0].rate_hz + 60.0
        await until(lambda: len(catch.samples) >= expected, longest_s)
        spent = time.process_time() - cpu_s, time.perf_counter() - begun_s
    received = [len(catch.of(index)) for index in range(len(units))]
    return received, [link.counts.overflowed for link in links], *spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--hz", type=float, default=120.0)
    parser.add_argument("--emulate", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    units = make_units(options)
    if options.emulate:
        asyncio.run(emulate(options.emulate, units))
        return
    with tempfile.TemporaryDirectory() as place:
        socket = Path(place, "bus")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={socket}"
        command = [sys.executable, __file__, *sys.argv[1:], "--emulate", str(socket)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as emulation:
            assert emulation.stdout is not None
            emulation.stdout.readline()
            received, overflowed, cpu_s, wall_s = asyncio.run(receive(units))
            sent = json.loads(emulation.communicate()[0])
    print(f"{options.units} units, {options.hz:g} Hz, {wall_s:.1f} s")
    print(f"sent      {sum(sent):7d}  {sent}")
    print(f"received  {sum(received):7d}  {received}")
    print(f"overflow  {sum(overflowed):7d}")
    print(f"CPU       {cpu_s / wall_s:7.1%} of one core")
    assert received == sent, "samples were lost"


if __name__ == "__main__":
    main()
