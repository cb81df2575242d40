"""Fewer, larger and packed batches in a recording that was closed: a fifth of its size on the disk.

A recorder writes a batch every quarter second, because a cut costs the last one; a file that is
whole needs that no more. Every sample stays as it is and where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from imu.recording.arrow_messages import END_OF_STREAM
from imu.recording.arrow_stream import (
    OPTIONAL,
    SCHEMA,
    BatchReader,
    encode_packed,
    encode_schema,
)
from imu.recording.folder import SessionError, replace_file

BATCHES_MIN = 8
"""A file of fewer and of few rows is small, and read fast enough."""
ROWS = 1800
"""Fifteen seconds of two units at 60 Hz, and the most that is lost where a closed file is cut.
Batches of four times as many are 2 % smaller."""


def compact(path: Path) -> bool:
    """Put the samples of a whole samples.arrows into large batches; return whether that was done.

    A file that is cut stays as it is. It is replaced at once: a reader, a kill or a power cut sees
    the old or the new one.

    Raises
    ------
    SessionError
        When it cannot be read, or the disk refuses; it is unchanged then.
    """
    reader, count, rows, sent = BatchReader(path), 0, 0, set[str]()
    for batch in reader:
        count, rows = count + 1, rows + batch.num_rows
        columns = zip(SCHEMA.names, batch.columns, strict=True)
        sent |= {name for name, column in columns if column.null_count < batch.num_rows}
    if reader.cut or (count < BATCHES_MIN and rows <= ROWS):
        return False
    empty = {name for names in OPTIONAL if not sent & set(names) for name in names}
    replace_file(path, _messages(path, [name for name in SCHEMA.names if name not in empty]))
    return True


def _messages(path: Path, columns: list[str]) -> Iterator[bytes]:
    yield encode_schema(pa.schema([SCHEMA.field(name) for name in columns]))
    reader, waiting, rows = BatchReader(path), list[pa.RecordBatch](), 0
    for batch in reader:
        waiting.append(batch.select(columns))
        rows += batch.num_rows
        if rows >= ROWS:
            yield _joined(waiting)
            waiting, rows = [], 0
    if reader.cut:
        raise SessionError(path, "changed while it was made smaller", "it is kept as it is")
    if waiting:
        yield _joined(waiting)
    yield END_OF_STREAM


def _joined(batches: list[pa.RecordBatch]) -> bytes:
    (whole,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return encode_packed(whole)
