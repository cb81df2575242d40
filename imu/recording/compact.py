"""Fewer and larger batches in a recording that was closed: read faster, and smaller on the disk.

A recorder writes a batch every quarter second, because a cut costs the last one; a file that is
whole needs that no more. Every sample stays as it is and where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from imu.recording.arrow_messages import END_OF_STREAM
from imu.recording.arrow_stream import SCHEMA, BatchReader, encode_schema
from imu.recording.folder import SessionError, replace_file

BATCHES_MIN = 8
"""A file of fewer is read fast enough."""
ROWS = 96
"""Under a second of two units at 60 Hz: the most that is lost when a closed file is cut."""


def compact(path: Path) -> bool:
    """Put the samples of a whole samples.arrows into large batches; return whether that was done.

    A file that is cut stays as it is. It is replaced at once: a reader, a kill or a power cut sees
    the old or the new one.

    Raises
    ------
    SessionError
        When it cannot be read, or the disk refuses; it is unchanged then.
    """
    reader = BatchReader(path)
    count = sum(1 for _ in reader)
    if reader.cut or count < BATCHES_MIN:
        return False
    replace_file(path, _messages(path))
    return True


def _messages(path: Path) -> Iterator[bytes]:
    yield encode_schema()
    reader, waiting, rows = BatchReader(path), list[pa.RecordBatch](), 0
    for batch in reader:
        waiting.append(batch)
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
    (whole,) = pa.Table.from_batches(batches, SCHEMA).combine_chunks().to_batches()
    message: bytes = whole.serialize().to_pybytes()
    return message
