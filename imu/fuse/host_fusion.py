"""Give orientations to units that send raw acceleration and rotation rate only.

`HostFusion` takes samples one at a time, `with_orientations` a whole recording; both use
`imu.fuse.orientation` and give the same orientations. Units that fuse on board pass unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imu.fuse.orientation import FilterName, HostFilter, fuse, missing_before
from imu.fuse.orientation_offline import fuse_offline
from imu.sample import IntArray, Sample, SampleTable, Unit


class HostFusion:
    """Fuses the raw units of a session, sample by sample."""

    def __init__(self, units: Sequence[Unit], filter_name: FilterName = "vqf") -> None:
        self._units = units
        self._name = filter_name
        self._filters: dict[int, HostFilter] = {}
        self._last: dict[int, int] = {}

    def push(self, sample: Sample) -> Sample:
        """Return the sample with an orientation, or as it came where there is none to rely on.

        A sample that the unit's clock says is repeated or late does not enter the filter.
        """
        if sample.q is not None or sample.acc is None or sample.gyr is None:
            return sample
        unit = self._units[sample.unit]
        counter, period, bits = _counter(unit, sample.device_time, sample.sequence)
        missing = 0
        if counter is not None:
            last = self._last.get(sample.unit)
            step = (counter - last) % (1 << bits) if last is not None else period
            if step == 0 or step >= 1 << (bits - 1):
                return sample
            self._last[sample.unit] = counter
            missing = missing_before(step / period / unit.rate_hz, unit.rate_hz)
        fusion = self._filters.get(sample.unit)
        if fusion is None:
            fusion = self._filters[sample.unit] = HostFilter(self._name, unit.rate_hz)
        q = fusion.update(sample.acc, sample.gyr, missing)
        return sample._replace(q=q) if q is not None and fusion.valid else sample


def with_orientations(
    table: SampleTable,
    units: Sequence[Unit],
    filter_name: FilterName = "vqf",
    *,
    refine: bool = False,
) -> SampleTable:
    """Return the recording with orientations for its raw units; NaN where none can be relied on.

    Parameters
    ----------
    table
        A whole recording in arrival order.
    units
        What `table.unit` counts into.
    filter_name
        `vqf`, `madgwick`, `mahony` or `ekf`.
    refine
        Whether vqf may run over the recording in both directions, as it cannot live.
    """
    raw = np.isnan(table.q[:, 0]) & ~np.isnan(table.acc[:, 0]) & ~np.isnan(table.gyr[:, 0])
    if not raw.any():
        return table
    q = table.q.copy()
    for index, unit in enumerate(units):
        rows = np.flatnonzero(raw & (table.unit == index))
        if len(rows):
            _fuse_unit(table, rows, unit, filter_name, q, refine=refine)
    return replace(table, q=q)


def _fuse_unit(
    table: SampleTable,
    rows: IntArray,
    unit: Unit,
    filter_name: FilterName,
    q: np.typing.NDArray[np.float64],
    *,
    refine: bool,
) -> None:
    first = rows[0]
    device = int(table.device_time[first]) if table.device_time[first] >= 0 else None
    sequence = int(table.sequence[first]) if table.sequence[first] >= 0 else None
    counter, period, bits = _counter(unit, device, sequence)
    if counter is None:
        time_s = np.arange(len(rows)) / unit.rate_hz
    else:
        column = table.device_time if device is not None and unit.tick_s else table.sequence
        rows, running = _forward(rows, column[rows], bits)
        time_s = running / period / unit.rate_hz
    acc, gyr = (np.ascontiguousarray(raw[rows]) for raw in (table.acc, table.gyr))
    if refine and filter_name == "vqf":
        fused, valid = fuse_offline(time_s, acc, gyr, unit.rate_hz)
    else:
        fused, valid = fuse(time_s, acc, gyr, unit.rate_hz, filter_name)
    q[rows[valid]] = fused[valid]


def _forward(rows: IntArray, counter: IntArray, bits: int) -> tuple[IntArray, IntArray]:
    """Return the rows whose counter runs forwards, and their unwrapped counts from 0."""
    span = 1 << bits
    steps = np.diff(counter) & (span - 1)  # modulo `span`, which int64 cannot hold at 63 bits
    if not ((steps == 0) | (steps >= span // 2)).any():
        return rows, np.concatenate(([0], np.cumsum(steps)))
    kept, running = [0], [0]
    for i in range(1, len(counter)):
        step = int(counter[i] - counter[kept[-1]]) % span
        if 0 < step < span // 2:
            kept.append(i)
            running.append(running[-1] + step)
    return rows[kept], np.array(running, dtype=np.int64)


def _counter(
    unit: Unit, device_time: int | None, sequence: int | None
) -> tuple[int | None, float, int]:
    """Return what counts a unit's samples, how much it counts a sample, and its bits."""
    if unit.tick_s and device_time is not None:
        return device_time, 1.0 / (unit.tick_s * unit.rate_hz), unit.time_bits
    return sequence, 1.0, unit.sequence_bits
