"""Give orientations to units that send raw acceleration and rotation rate only.

`HostFusion` takes samples one at a time, `with_orientations` a whole recording; both use
`imu.fuse.orientation` and give the same orientations. Units that fuse on board pass unchanged.

A unit with a clock is fused with the step that its clock shows (`imu.fuse.own_rate`). Its first
second, in which that is measured, has no orientation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from imu.clocks.unit_times import Reconnects
from imu.fuse.orientation import FilterName, HostFilter, fuse, missing_before
from imu.fuse.own_rate import MEASURE_S, OwnRate, measured_hz
from imu.quaternion import Quaternion
from imu.sample import FloatArray, IntArray, Sample, SampleTable, Unit

ON_GRID = 1e-3
"""Share of a period: times that keep to whole periods show the rate as asked, whatever is lost."""
RECONNECT_S = 1.0
"""The gap that a new connection counts as: too long to be filled, since the turn is unknown."""


class HostFusion:
    """Fuses the raw units of a session, sample by sample."""

    def __init__(self, units: Sequence[Unit], filter_name: FilterName = "vqf") -> None:
        self._units = [_UnitFusion(unit, filter_name) for unit in units]

    def push(self, sample: Sample) -> Sample:
        """Return the sample with an orientation, or as it came where there is none to rely on.

        A sample that the unit's clock says is repeated or late does not enter the filter.
        """
        if sample.q is not None or sample.acc is None or sample.gyr is None:
            return sample
        q = self._units[sample.unit].push(sample)
        return sample if q is None else sample._replace(q=q)

    def new_epoch(self, unit: int) -> None:
        """Say that a unit was reconnected: its clock may have restarted."""
        self._units[unit].new_epoch()

    def own_rate(self, unit: int) -> OwnRate | None:
        """Return what the clock of a raw unit showed, None until it is measured."""
        return self._units[unit].own_rate


class _UnitFusion:
    """Fuses one raw unit."""

    def __init__(self, unit: Unit, name: FilterName) -> None:
        self.own_rate: OwnRate | None = None
        self._unit, self._name = unit, name
        self._filter: HostFilter | None = None
        self._forward: _Forward | None = None
        self._held: list[tuple[int, Sample]] = []
        """The samples of the first second and what was counted up to each, until it is over."""
        self._refused = False

    def new_epoch(self) -> None:
        """Take the next sample as one after a gap too long to be filled."""
        if self._forward is not None:
            self._forward.new_epoch()

    def push(self, sample: Sample) -> Quaternion | None:
        """Return the orientation at a sample; None where there is none to rely on."""
        counter, tick_s, bits = _counter(self._unit, sample.device_time, sample.sequence)
        step: int | None = 1
        if counter is not None:
            self._forward = self._forward or _Forward(bits, tick_s)
            step = self._forward.step(counter)
        if step is None or self._refused:
            return None
        if self._filter is None and not self._begin(sample, step, tick_s):
            return None
        return self._fuse(sample, step * tick_s)

    def _begin(self, sample: Sample, step: int, tick_s: float) -> bool:
        """Choose the filter's rate as soon as it is known; return whether it is."""
        unit = self._unit
        if not _clocked(unit, sample.device_time):
            self._filter = HostFilter(self._name, unit.rate_hz)
            return True
        self._held.append((self._held[-1][0] + step if self._held else 0, sample))
        if self._held[-1][0] * tick_s < MEASURE_S:
            return False
        device_s = np.array([count * tick_s for count, _ in self._held])
        host_ns = np.array([held.host_time_ns for _, held in self._held], dtype=np.int64)
        rate_hz, self.own_rate = _judged(unit, device_s, host_ns)
        self._refused = rate_hz is None
        held, self._held = self._held[:-1], []
        if rate_hz is None:
            return False
        self._filter = HostFilter(self._name, rate_hz)
        before = 0
        for count, one in held:
            self._fuse(one, (count - before) * tick_s)
            before = count
        return True

    def _fuse(self, sample: Sample, step_s: float) -> Quaternion | None:
        fusion = self._filter
        assert fusion is not None  # noqa: S101 (`_begin` has chosen it)
        assert sample.acc is not None  # noqa: S101 (raw)
        assert sample.gyr is not None  # noqa: S101
        q = fusion.update(sample.acc, sample.gyr, missing_before(step_s, fusion.rate_hz))
        return q if fusion.valid else None


def with_orientations(
    table: SampleTable,
    units: Sequence[Unit],
    filter_name: FilterName = "vqf",
    reconnects: Reconnects = (),
) -> tuple[SampleTable, dict[int, OwnRate]]:
    """Return the recording with orientations for its raw units; NaN where none can be relied on.

    Parameters
    ----------
    table
        A whole recording in arrival order.
    units
        What `table.unit` counts into.
    filter_name
        `vqf`, `madgwick`, `mahony` or `ekf`.
    reconnects
        Where a unit counts anew, as `HostFusion.new_epoch` says live.

    Returns
    -------
    table, own_rates
        The recording, and what the clocks of its raw units showed.
    """
    raw = np.isnan(table.q[:, 0]) & ~np.isnan(table.acc[:, 0]) & ~np.isnan(table.gyr[:, 0])
    if not raw.any():
        return table, {}
    q = table.q.copy()
    own_rates: dict[int, OwnRate] = {}
    for index, unit in enumerate(units):
        rows = np.flatnonzero(raw & (table.unit == index))
        again_ns = [since_ns for reconnected, since_ns in reconnects if reconnected == index]
        if len(rows):
            rows, time_s = _times(table, rows, unit, again_ns)
            found = _fuse_unit(table, rows, time_s, unit, filter_name, q)
            if found is not None:
                own_rates[index] = found
    return replace(table, q=q), own_rates


def _fuse_unit(
    table: SampleTable,
    rows: IntArray,
    time_s: FloatArray,
    unit: Unit,
    filter_name: FilterName,
    q: FloatArray,
) -> OwnRate | None:
    """Put one unit's orientations into `q`; return what its clock showed."""
    rate_hz, own_rate, known = unit.rate_hz, None, 0
    if _clocked(unit, int(table.device_time[rows[0]])):
        known = int(np.searchsorted(time_s, time_s[0] + MEASURE_S))
        if known == len(rows):
            return None
        first = slice(0, known + 1)
        judged_hz, own_rate = _judged(unit, time_s[first], table.host_time_ns[rows[first]])
        if judged_hz is None:
            return own_rate
        rate_hz = judged_hz
    acc, gyr = (np.ascontiguousarray(raw[rows]) for raw in (table.acc, table.gyr))
    fused, valid = fuse(time_s, acc, gyr, rate_hz, filter_name)
    valid[:known] = False
    q[rows[valid]] = fused[valid]
    return own_rate


def _judged(
    unit: Unit, device_s: FloatArray, host_ns: IntArray
) -> tuple[float | None, OwnRate | None]:
    """Return the rate to fuse with, None for none, and what the clock showed in its second."""
    steps = np.diff(device_s) * unit.rate_hz
    one = np.median(np.rint(steps)) == 1.0 if len(steps) else False
    on_grid = bool(one and np.all(np.abs(steps - np.rint(steps)) < ON_GRID))
    found_hz = unit.rate_hz if on_grid else measured_hz(device_s, host_ns)
    if found_hz is None:
        return unit.rate_hz, None
    own_rate = OwnRate(unit.rate_hz, found_hz)
    return own_rate.rate_hz, own_rate


def _times(
    table: SampleTable, rows: IntArray, unit: Unit, again_ns: Sequence[int]
) -> tuple[IntArray, FloatArray]:
    """Return the rows whose counter runs forwards, and their times from 0."""
    first = rows[0]
    device = int(table.device_time[first]) if table.device_time[first] >= 0 else None
    sequence = int(table.sequence[first]) if table.sequence[first] >= 0 else None
    counter, tick_s, bits = _counter(unit, device, sequence)
    if counter is None:
        return rows, np.arange(len(rows)) / unit.rate_hz
    column = table.device_time if _clocked(unit, device) else table.sequence
    again = set(np.searchsorted(table.host_time_ns[rows], again_ns).tolist())
    forward, steps = _Forward(bits, tick_s), list[int | None]()
    for i, count in enumerate(column[rows].tolist()):
        if i in again:
            forward.new_epoch()
        steps.append(forward.step(count))
    running = accumulate(step for step in steps if step is not None)
    time_s = np.array([count * tick_s for count in running])
    return rows[[step is not None for step in steps]], time_s


class _Forward:
    """Follows a wrapping counter of so many bits forwards, live and recorded."""

    def __init__(self, bits: int, tick_s: float) -> None:
        self._span = 1 << bits
        self._jump = round(RECONNECT_S / tick_s)
        self._last: int | None = None
        self._again = False

    def new_epoch(self) -> None:
        """Say that the counter may start anywhere at the next count."""
        self._again = self._last is not None

    def step(self, counter: int) -> int | None:
        """Return the step from the count before, 0 to the first; None to one repeated or late.

        To the first count of a new epoch it is `RECONNECT_S`.
        """
        step = 0 if self._last is None else (counter - self._last) % self._span
        if self._again:
            step = self._jump
        elif self._last is not None and not 0 < step < self._span // 2:
            return None
        self._last, self._again = counter, False
        return step


def _clocked(unit: Unit, device_time: int | None) -> bool:
    """Return whether the unit has a clock of its own."""
    return bool(unit.tick_s) and device_time is not None and device_time >= 0


def _counter(
    unit: Unit, device_time: int | None, sequence: int | None
) -> tuple[int | None, float, int]:
    """Return what counts a unit's samples, the seconds of a count, and its bits."""
    if unit.tick_s and device_time is not None:
        return device_time, unit.tick_s, unit.time_bits
    return sequence, 1.0 / unit.rate_hz, unit.sequence_bits
