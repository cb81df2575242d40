"""Emulated DOTs of a virtual wearer, as units of the fake BlueZ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dot import MODES
from peripheral import Characteristic, Peripheral

from imu.virtual.units.dot_layout import COMPANY_ID, SERVICES, RefusedError
from imu.virtual.units.dot_unit import DotUnit


class Motion:
    """The clock of a motion that begins when all units have been told to start."""

    def __init__(self, units: Sequence[DotUnit]) -> None:
        self.units = units
        self._begun_s: float | None = None

    def now_s(self) -> float:
        at_s = asyncio.get_running_loop().time()
        if self._begun_s is None:
            if not all(unit.told_to_start for unit in self.units):
                return 0.0
            self._begun_s = at_s
        return at_s - self._begun_s


class WornDot(Peripheral):
    """One emulated unit, with a link that carries the payload of a mode and no longer one."""

    def __init__(self, unit: DotUnit, mode: int, motion: Motion) -> None:
        data, mtu = MODES[mode]
        unit.mtu = mtu
        services = {
            service: [
                Characteristic(uuid, list(properties), held(unit, uuid))
                for uuid, properties in characteristics.items()
            ]
            for service, characteristics in SERVICES.items()
        }
        super().__init__(
            unit.address,
            name=unit.name,
            company_id=COMPANY_ID,
            advertised=[],
            services=services,
            rssi=unit.rssi,
            mtu=mtu,
            data=data,
        )
        self.gaps: list[tuple[float, float]] = []
        """From each loss of the link to the first payload after it, on the motion's clock."""
        self._unit, self._motion = unit, motion
        self._broke_s: float | None = None

    def write(self, uuid: str, value: bytes) -> None:
        self.commands.append((uuid, value))
        self._unit.write(uuid, value, self._motion.now_s())
        self._refresh()

    def _refresh(self) -> None:
        for group in self.services.values():
            for characteristic in group:
                characteristic.value = held(self._unit, characteristic.uuid)

    def lose(self) -> None:
        super().lose()
        unit = self._unit
        unit.release()
        if unit.root_address:  # it agrees with the others once its link is over
            named = (other for other in self._motion.units if other.address == unit.root_address)
            unit.follow(next(named, None))
            self._refresh()

    def tick(self, now_s: float, flow_s: float, break_link: Callable[[], None]) -> list[bytes]:
        at_s, unit = self._motion.now_s(), self._unit
        for group in self.services.values():
            for characteristic in group:
                unit.subscribe(characteristic.uuid, wanted=characteristic.notifying)
        if unit.breaks_s <= at_s:
            self._broke_s = unit.breaks_s
            unit.break_link()
            break_link()
        self.reachable = unit.in_reach(at_s)
        payloads = [payload for _, payload in unit.due(at_s)]
        if payloads and self._broke_s is not None:
            self.gaps.append((self._broke_s, at_s))
            self._broke_s = None
        self.sent += payloads
        return payloads


def held(unit: DotUnit, uuid: str) -> bytes:
    try:
        return unit.read(uuid)
    except RefusedError:
        return b""
