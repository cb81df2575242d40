"""samples.arrows: samples to and from an Arrow IPC stream, read safely when cut or hostile.

One record batch after another, so that a cut costs the last batch only. While a session is
recorded its batches are plain: on a quarter second zstd saves 13 %. Those of a closed session are
large and packed (see `imu.recording.compact`), and columns that hold nothing are left out. The
lengths a file claims, packed and unpacked, are held against what may be before Arrow sees them (see
`imu.recording.arrow_messages`), and what Arrow read is checked before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from imu.recording.arrow_messages import END_OF_STREAM, is_sound_batch, read_message
from imu.recording.folder import SessionError, check_file, unreadable
from imu.sample import FloatArray, IntArray, Sample, SampleTable

MAX_SAMPLES_BYTES = 2_000_000_000
MAX_ROWS = 50_000_000
READ_AHEAD_BYTES = 1 << 20
ROWS_PER_BATCH = 16_384  # of an import: large enough to be fast, small enough to stream

FLOAT_COLUMNS = ("qw", "qx", "qy", "qz", "ax", "ay", "az", "gx", "gy", "gz")
SCHEMA = pa.schema(
    [
        pa.field("unit", pa.int16()),
        pa.field("host_time_ns", pa.int64()),
        pa.field("device_time", pa.int64()),
        pa.field("sequence", pa.int64()),
        *(pa.field(name, pa.float64()) for name in FLOAT_COLUMNS),
        pa.field("payload", pa.binary()),
    ]
)
OPTIONAL = (
    ("device_time",),
    ("sequence",),
    FLOAT_COLUMNS[:4],
    FLOAT_COLUMNS[4:7],
    FLOAT_COLUMNS[7:],
    ("payload",),
)
"""What no unit of a session need send: these columns may be missing, a vector's all together."""
PACKED = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=3))
_NO_QUATERNION = (None,) * 4
_NO_VECTOR = (None,) * 3


def encode_schema(schema: pa.Schema = SCHEMA) -> bytes:
    """Return the message that begins a stream."""
    message: bytes = schema.serialize().to_pybytes()
    return message


def encode_packed(batch: pa.RecordBatch) -> bytes:
    """Return a record batch message whose buffers are packed by zstd."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=PACKED) as stream:
        stream.write_batch(batch)
    begin = len(encode_schema(batch.schema))
    message: bytes = sink.getvalue().to_pybytes()[begin : -len(END_OF_STREAM)]
    return message


def encode_samples(samples: Sequence[Sample]) -> bytes:
    """Return one record batch message that holds at least one sample."""
    unit, host, device, sequence, q, acc, gyr, payload = zip(*samples, strict=True)
    columns = [
        unit,
        host,
        device,
        sequence,
        # lists, because Python keeps up to 2000 tuples of each length made from a generator
        *zip(*[value or _NO_QUATERNION for value in q], strict=True),
        *zip(*[value or _NO_VECTOR for value in acc], strict=True),
        *zip(*[value or _NO_VECTOR for value in gyr], strict=True),
        payload,
    ]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
    return _encode(arrays)


def encode_table(table: SampleTable) -> Iterator[bytes]:
    """Yield record batch messages for a table; NaN and −1 become missing."""
    for start in range(0, len(table), ROWS_PER_BATCH):
        rows = slice(start, start + ROWS_PER_BATCH)
        counters = (table.device_time[rows], table.sequence[rows])
        vectors = (table.q[rows], table.acc[rows], table.gyr[rows])
        yield _encode(
            [
                pa.array(table.unit[rows], pa.int16()),
                pa.array(table.host_time_ns[rows], pa.int64()),
                *(pa.array(c, pa.int64(), mask=c < 0) for c in counters),
                *(
                    pa.array(column, pa.float64(), mask=np.isnan(column))
                    for vector in vectors
                    for column in vector.T.astype(np.float64, order="C")
                ),
                pa.nulls(len(table.unit[rows]), pa.binary()),
            ]
        )


def _encode(arrays: list[pa.Array]) -> bytes:
    batch = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    message: bytes = batch.serialize().to_pybytes()
    return message


class BatchReader:
    """Iterates over the whole record batches of a samples.arrows, up to a cut or a fault.

    Attributes
    ----------
    end
        Bytes up to which the last iteration found whole messages.
    cut
        True when the last iteration found more bytes after them that are not whole.
    finished
        True when the last iteration found the end that closing a session writes.

    Raises
    ------
    SessionError
        Not a plain file, over 2 GB, empty, cut inside the schema, or not our columns; while
        iterating, over 50 million rows. Nothing else.
    """

    def __init__(self, path: Path) -> None:
        self.end = 0
        self.cut = self.finished = False
        self._path = path
        check_file(path, MAX_SAMPLES_BYTES)
        try:
            with path.open("rb") as file:
                self._schema, self._schema_end = self._check_schema(file)
        except OSError as error:
            raise unreadable(path, error) from None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            with self._path.open("rb", buffering=READ_AHEAD_BYTES) as file:
                yield from self._batches(file)
        except OSError as error:
            raise unreadable(self._path, error) from None

    def _batches(self, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        self.end, self.cut, self.finished, rows = self._schema_end, False, False, 0
        size = os.fstat(file.fileno()).st_size
        file.seek(self.end)
        while message := read_message(file, size - self.end):
            batch = _decode(message, self._schema)
            if batch is None:
                break
            rows += batch.num_rows
            if rows > MAX_ROWS:
                raise SessionError(
                    self._path, f"holds over {MAX_ROWS} samples", "split the recording"
                )
            self.end += len(message)  # asking the file costs as much as reading it
            yield batch
        file.seek(self.end)
        self.finished = file.read(len(END_OF_STREAM)) == END_OF_STREAM
        self.cut = size > self.end and not self.finished

    def _check_schema(self, file: BinaryIO) -> tuple[pa.Schema, int]:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise self._useless("is empty")
        begin = file.read(4)
        file.seek(0)
        if begin != END_OF_STREAM[: min(4, size)]:
            raise self._useless("is not an Arrow stream")
        message = read_message(file, size)
        if message is None:
            raise self._useless("is cut or damaged before its first sample")
        try:
            schema = _decode_schema(message)
            problems = _schema_problems(schema)
        except (pa.ArrowException, OSError, ValueError):  # ValueError: names that are not UTF-8
            raise self._useless("is cut or damaged before its first sample") from None
        if problems:
            raise self._useless(f"is not a recording of samples: {problems}")
        return schema, file.tell()

    def _useless(self, problem: str) -> SessionError:
        return SessionError(self._path, problem, "nothing in it can be rescued, take a copy")


def _decode_schema(message: bytes) -> pa.Schema:
    header = pa.ipc.read_message(message)
    if header.type != "schema":  # Arrow would follow a null pointer
        raise ValueError(f"not a schema: {header.type}")
    return pa.ipc.read_schema(header)


def _schema_problems(schema: pa.Schema) -> str:
    """Return every difference to our columns in words, empty when there is none."""
    found = [field.name for field in schema]
    wrong = [
        f.name
        for f in SCHEMA
        if f.name in found and schema.field(found.index(f.name)).type != f.type
    ]
    left_out = {name for names in OPTIONAL if not set(names) & set(found) for name in names}
    expected = [name for name in SCHEMA.names if name not in left_out]
    problems = {
        "missing columns": [name for name in expected if name not in found],
        "columns of another type": wrong,
        "unknown or repeated columns": [
            ascii(name[:40])[1:-1]
            for i, name in enumerate(found)
            if name not in SCHEMA.names or name in found[:i]
        ],
    }
    text = "; ".join(
        f"{what}: {', '.join(names[:20])}" for what, names in problems.items() if names
    )
    return text or ("" if found == expected else "columns in another order")


def _decode(message: bytes, schema: pa.Schema) -> pa.RecordBatch | None:
    """Return a record batch whose every buffer was checked, None when it is damaged.

    A column that `schema` leaves out holds nothing.
    """
    if not is_sound_batch(message):
        return None
    try:
        batch = pa.ipc.read_record_batch(pa.ipc.read_message(message), schema)
        batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError):
        return None
    if len(schema) == len(SCHEMA):
        return batch
    columns = [
        batch.column(field.name) if field.name in schema.names else pa.nulls(len(batch), field.type)
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def samples_of(batch: pa.RecordBatch) -> Iterator[Sample]:
    """Yield the samples of a record batch as they were recorded.

    A vector is None when any of its numbers is missing, a counter when it is missing or negative,
    the unit and the host time are −1.
    """
    for start in range(0, batch.num_rows, ROWS_PER_BATCH):
        columns = [column.to_pylist() for column in batch.slice(start, ROWS_PER_BATCH).columns]
        for row in zip(*columns, strict=True):
            unit, host, device, sequence, *numbers, payload = row
            yield Sample(
                -1 if unit is None else unit,
                -1 if host is None else host,
                None if device is None or device < 0 else device,
                None if sequence is None or sequence < 0 else sequence,
                _all_or_none(numbers[:4]),
                _all_or_none(numbers[4:7]),
                _all_or_none(numbers[7:]),
                payload,
            )


def _all_or_none(numbers: list[Any]) -> Any:  # noqa: ANN401 - a vector of three or four
    return None if None in numbers else tuple(numbers)


def table_of(batches: list[pa.RecordBatch]) -> SampleTable:
    """Return the samples of record batches in one table, as they were recorded."""
    table = pa.Table.from_batches(batches, SCHEMA)

    def whole(name: str) -> IntArray:
        numbers: IntArray = table.column(name).fill_null(-1).to_numpy().astype(np.int64)
        return numbers

    def vectors(names: Sequence[str]) -> FloatArray:
        out = np.full((len(table), len(names)), np.nan)
        for part, name in enumerate(names):
            column = table.column(name)
            if column.null_count < len(column):  # a unit that fuses on board sends no raw data
                out[:, part] = column.to_numpy()
        return out

    return SampleTable(
        whole("unit"),
        whole("host_time_ns"),
        np.maximum(whole("device_time"), -1),
        np.maximum(whole("sequence"), -1),
        vectors(FLOAT_COLUMNS[:4]),
        vectors(FLOAT_COLUMNS[4:7]),
        vectors(FLOAT_COLUMNS[7:]),
    )
