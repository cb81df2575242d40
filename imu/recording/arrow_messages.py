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
_ZSTD = 1
_NOT_PACKED = -1

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


def is_sound_batch(message: bytes) -> bool:
    """Return whether a message is a record batch that takes no more memory than one of ours may.

    Its buffers are plain or packed by zstd. What a packed buffer claims to unpack to stands at its
    beginning; Arrow reserves that much, and refuses what unpacks to anything else.
    """
    metadata = memoryview(message)[8:]
    try:
        kind, header = (_slot(metadata, _root(metadata), field) for field in (1, 2))
        if not kind or not header or metadata[kind] != _BATCH_MESSAGE:
            return False
        batch = _at(metadata, header)
        packing = _slot(metadata, batch, 3)  # RecordBatch.compression
        if not packing:
            return True
        codec = _slot(metadata, _at(metadata, packing), 0)  # left out where it is LZ4
        return bool(codec) and metadata[codec] == _ZSTD and _unpacks_to_little(message, batch)
    except (struct.error, IndexError):
        return False


def _unpacks_to_little(message: bytes, batch: int) -> bool:
    """Say whether the buffers of a batch claim to unpack to no more than a body may hold."""
    (metadata_length,) = struct.unpack_from("<I", message, 4)
    metadata, body = memoryview(message)[8:], memoryview(message)[8 + metadata_length :]
    slot, claimed = _slot(metadata, batch, 2), 0  # RecordBatch.buffers
    if not slot:
        return True
    vector = _at(metadata, slot)
    (count,) = struct.unpack_from("<I", metadata, vector)
    if count > len(metadata) // 16:
        return False
    for offset, length in struct.iter_unpack("<qq", metadata[vector + 4 : vector + 4 + 16 * count]):
        if length == 0:
            continue
        if offset < 0 or length < 8:
            return False
        (unpacked,) = struct.unpack_from("<q", body, offset)
        claimed += length if unpacked == _NOT_PACKED else unpacked
        if unpacked < _NOT_PACKED or claimed > MAX_BODY_BYTES:
            return False
    return True


def _at(metadata: Buffer, slot: int) -> int:
    """Return where the table or vector that a slot points to lies."""
    return slot + int(struct.unpack_from("<I", metadata, slot)[0])
