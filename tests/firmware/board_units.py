"""The firmware in MicroPython, each board a process, as units of the fake BlueZ."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from interpreters import BOARD, FAKES, FIRMWARE, LIBRARY, PROGRAMS, command
from peripheral import Characteristic, Peripheral

from imu.virtual.on_air.delivery import means_over
from imu.virtual.units.sensors import SensorTrace

SERVICE, RATE, RAW, NAME = (f"7d9b000{n}-2f6e-4c1a-9a57-3be0c1d24f68" for n in (1, 3, 4, 5))
ASSIGNED = "0000{}-0000-1000-8000-00805f9b34fb"
BATTERY, SERIAL = (ASSIGNED.format(number) for number in ("2a19", "2a25"))
LEVEL_G, LEVEL_DPS = 4096, 16.4
"""What the sensor counts of 1 g and of 1 °/s."""
SETTLE_S = 2.5
"""From the start of all boards to the motion: the host learns the rate, a board its oscillator."""


def frames(trace: SensorTrace, off_per_mille: int, fusion_hz: float) -> bytes:
    """Return what the sensor's buffer gives of a motion, sampled by its own oscillator."""
    time_s = np.arange(len(trace.acc)) / fusion_hz
    span_s = 0.005 / (1.0 + off_per_mille / 1000.0)
    at_s = np.arange(0.0, time_s[-1], span_s)
    acc = means_over(trace.acc, time_s, at_s, span_s) / 9.80665 * LEVEL_G
    gyr = np.degrees(means_over(trace.gyr, time_s, at_s, span_s)) * LEVEL_DPS
    acc[0], gyr[0] = acc[1], 0.0
    rows = np.column_stack((acc, np.zeros(len(at_s)), gyr))
    return np.rint(np.clip(rows, -32768, 32767)).astype(">i2").tobytes()


class Boards:
    """Several boards whose motion begins a while after all were told to start."""

    def __init__(self) -> None:
        self.units: list[BoardUnit] = []
        self.begun_s: float | None = None
        self._all_s: float | None = None

    def look(self, now_s: float) -> None:
        """Begin the motion when it is time."""
        if self._all_s is None and all(unit.told for unit in self.units):
            self._all_s = now_s
        if self.begun_s is None and self._all_s is not None and now_s > self._all_s + SETTLE_S:
            self.begun_s = now_s
            for unit in self.units:
                unit.say("go")


class BoardUnit(Peripheral):
    """One board on the air."""

    def __init__(self, address: str, boards: Boards) -> None:
        services = {
            SERVICE: [
                Characteristic(RAW, ["notify"]),
                Characteristic(RATE, ["read", "write"]),
                Characteristic(NAME, ["read", "write"]),
            ],
            ASSIGNED.format("180f"): [Characteristic(BATTERY, ["read", "notify"])],
            ASSIGNED.format("180a"): [Characteristic(SERIAL, ["read"])],
        }
        super().__init__(
            address, advertised=[SERVICE], services=services, data=RAW, control=RATE, mtu=247
        )
        self.told = False
        self.stopped = ""
        self._boards, self._linked = boards, False
        self._payloads: list[bytes] = []
        boards.units.append(self)

    async def switch_on(self, folder: Path, off_per_mille: int) -> None:
        """Start the board in a folder that holds the sensor's frames as `trace`."""
        line, environment = command("micropython", PROGRAMS / "on_air.py", [FAKES, LIBRARY])
        chip = self.address.replace(":", "")
        words = ["trace", str(off_per_mille), chip, str(FIRMWARE), str(BOARD)]
        self._process = await asyncio.create_subprocess_exec(
            *line,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=folder,
            env=environment,
        )
        self._hearing = asyncio.create_task(self._hear())

    async def switch_off(self) -> None:
        """End the board."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._hearing

    async def _hear(self) -> None:
        """Take what the board says."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            what, *rest = line.decode().split()
            if what == "sent":
                self._payloads.append(bytes.fromhex(rest[0]))
            elif what == "holds":
                uuid = ASSIGNED.format(f"{int(rest[0]):04x}") if rest[0].isdigit() else rest[0]
                found = self.characteristic(uuid)
                assert found is not None
                found.value = bytes.fromhex(rest[1])
                self.name = found.value.decode() if uuid == NAME else self.name
            else:
                self.stopped += line.decode()

    def say(self, line: str) -> None:
        """Let something happen to the board."""
        assert self._process.stdin is not None
        if self._process.returncode is None:
            self._process.stdin.write(f"{line}\n".encode())

    def write(self, uuid: str, value: bytes) -> None:
        self.commands.append((uuid, value))
        self._link()
        self.say(f"write {uuid} {value.hex()}")
        if uuid == RATE:
            self.told = value != struct.pack("<H", 0)

    def _link(self) -> None:
        """Tell the board of a new link, before anything else on it."""
        if self.connected and not self._linked:
            self._linked = True
            self.say(f"connect {self.mtu}")

    def lose(self) -> None:
        super().lose()
        if self._linked:
            self._linked = False
            self.say("lost")

    def tick(self, now_s: float, flow_s: float, break_link: Callable[[], None]) -> Sequence[bytes]:
        self._link()
        self._boards.look(now_s)
        payloads, self._payloads = self._payloads, []
        raw = self.characteristic(RAW)
        if raw is not None and raw.notifying:
            self.sent += payloads
        return payloads
