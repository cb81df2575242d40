"""From notifications to messages: as they come, frames with a header, or lines of text.

Some units put several frames into one notification, or one frame into two. What is held back for
the rest of a frame is never more than one frame or line.
"""

from __future__ import annotations

import re
import struct
from typing import Protocol

from imu.drivers.reading import Reason, count
from imu.profiles.unit_layout import Stream

MAX_LINE_BYTES = 256


class Framing(Protocol):
    """Cuts notifications into messages."""

    def frames(self, payload: bytes) -> list[bytes]:
        """Return the messages that are complete with this notification."""

    def reset(self) -> None:
        """Forget what was held back: the link was lost."""


class MessageFraming:
    """Each notification is one message."""

    def frames(self, payload: bytes) -> list[bytes]:
        """Return the notification as it is."""
        return [payload]

    def reset(self) -> None:
        """Do nothing, as nothing is held back."""


class SyncFraming:
    """Frames of one length follow each other and may straddle notifications.

    There is no checksum, so a frame counts when the next one begins exactly where it should. While
    in step, a frame at the end of a notification counts without waiting for the next.

    Parameters
    ----------
    headers
        What a frame may begin with, to find into step.
    sync
        What every frame begins with, to stay in step.
    length
        Bytes of a frame.
    rejected
        Gets the count of times that bytes between frames were skipped.
    """

    def __init__(
        self, headers: tuple[bytes, ...], sync: bytes, length: int, rejected: dict[str, int]
    ) -> None:
        self._headers = headers
        self._sync = sync
        self._length = length
        self._rejected = rejected
        self._buffer = bytearray()
        self._in_step = False

    def reset(self) -> None:
        """Forget what was held back."""
        self._buffer.clear()
        self._in_step = False

    def frames(self, payload: bytes) -> list[bytes]:
        """Return the frames that are complete with this notification."""
        # A notification that nothing was held back for most likely begins with a frame.
        aligned = not self._buffer
        self._buffer += payload
        found, at = [], 0
        while len(self._buffer) - at >= self._length:
            fits = self._fits(at, trusted=self._in_step or (aligned and at == 0))
            if fits is None:
                break
            if fits:
                found.append(bytes(self._buffer[at : at + self._length]))
                at += self._length
            else:
                if self._in_step or at == 0:
                    count(self._rejected, Reason.OUT_OF_STEP)
                at = self._next(at)
            self._in_step = fits
        del self._buffer[:at]
        return found

    def _fits(self, at: int, *, trusted: bool) -> bool | None:
        """Return whether a frame begins here; None when only the next one can show it."""
        begins = (self._sync,) if self._in_step else self._headers
        if not self._buffer.startswith(begins, at):
            return False
        after = bytes(self._buffer[at + self._length : at + self._length + len(self._sync)])
        if not after:
            return True if trusted else None
        return self._sync.startswith(after)

    def _next(self, at: int) -> int:
        """Return where the next frame may begin."""
        following = self._buffer.find(self._sync, at + 1)
        # The first bytes of a frame may be the buffer's last ones.
        return following if following >= 0 else max(at + 1, len(self._buffer) - len(self._sync) + 1)


class LineFraming:
    """Lines of text, each handed on as its numbers, packed as `f64`.

    Parameters
    ----------
    line
        What a line looks like, one group for each number.
    rejected
        Gets the count of lines that look otherwise or never end.
    """

    def __init__(self, line: re.Pattern[str], rejected: dict[str, int]) -> None:
        self._line = line
        self._rejected = rejected
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget the line that was begun."""
        self._buffer.clear()

    def frames(self, payload: bytes) -> list[bytes]:
        """Return the numbers of the lines that end in this notification."""
        self._buffer += payload
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            count(self._rejected, Reason.UNREADABLE_LINE)
            rest = bytearray()
        self._buffer = rest
        return [frame for line in lines if (frame := self._numbers(line)) is not None]

    def _numbers(self, line: bytearray) -> bytes | None:
        """Return a line's numbers; None for one that looks otherwise."""
        if not line.strip():
            return None
        found = None
        if len(line) <= MAX_LINE_BYTES and line.isascii():
            found = self._line.fullmatch(line.decode("ascii"))
        if found is None:
            count(self._rejected, Reason.UNREADABLE_LINE)
            return None
        return struct.pack(f"<{len(found.groups())}d", *map(float, found.groups()))


def framing_of(stream: Stream, rejected: dict[str, int]) -> Framing:
    """Return how a stream's notifications are cut."""
    if stream.framing == "sync":
        return SyncFraming(stream.headers, stream.sync, stream.length, rejected)
    if stream.framing == "line" and stream.line is not None:
        return LineFraming(stream.line, rejected)
    return MessageFraming()
