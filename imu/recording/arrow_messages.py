"""Messages of an Arrow IPC stream, taken from a file whose lengths are not to be trusted.

Layout: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format and the
tables of Message.fbs there. Arrow itself would reserve the memory that a message claims.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

MAX_METADATA_BYTES = 100_000  # ours are under 2 kB
MAX_BODY_BYTES = 64_000_000  # ours are under 5 MB
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"

_CONTINUATION = 0xFFFFFFFF
_BATCH_MESSAGE = 3

Buffer = bytes | memoryview


def read_message(file: BinaryIO, left: int) -> bytes | None:
    """Return the whole message at the file's position, None at the end, a cut or a fault.

    `left` is how many bytes the file holds from there on.
    """
    prefix = file.read(8)
    if len(prefix) < 8:
        return None
    marker, metadata_length = struct.unpack("<II", prefix)
    if marker != _CONTINUATION or not 0 < metadata_length <= MAX_METADATA_BYTES:
        return None
    metadata = file.read(metadata_length)
    try:
        body_length = _body_length(metadata)
    except struct.error:
        return None
    limit = min(MAX_BODY_BYTES, left - len(prefix) - len(metadata))
    if len(metadata) < metadata_length or not 0 <= body_length <= limit:
        return None
    body = file.read(body_length)
    return prefix + metadata + body if len(body) == body_length else None


def _slot(metadata: Buffer, table: int, field: int) -> int:
    """Return where a field of a flatbuffer table lies, 0 when the table leaves it out.

    https://flatbuffers.dev/internals; a position outside raises `struct.error`.
    """
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    (vtable_length,) = struct.unpack_from("<H", metadata, vtable)
    entry = 4 + 2 * field
    if entry >= vtable_length:
        return 0
    offset = int(struct.unpack_from("<H", metadata, vtable + entry)[0])
    return table + offset if offset else 0


def _root(metadata: Buffer) -> int:
    return int(struct.unpack_from("<I", metadata, 0)[0])


def _body_length(metadata: Buffer) -> int:
    """Return Message.bodyLength (field 3 of Message.fbs)."""
    slot = _slot(metadata, _root(metadata), 3)
    return int(struct.unpack_from("<q", metadata, slot)[0]) if slot else 0


def is_plain_batch(message: bytes) -> bool:
    """Return whether a message is a record batch (Message.fbs) without compressed buffers."""
    metadata = memoryview(message)[8:]
    try:
        kind, header = (_slot(metadata, _root(metadata), field) for field in (1, 2))
        if not kind or not header or metadata[kind] != _BATCH_MESSAGE:
            return False
        batch = header + int(struct.unpack_from("<I", metadata, header)[0])
        return _slot(metadata, batch, 3) == 0  # RecordBatch.compression
    except (struct.error, IndexError):
        return False
