"""The server's end of a D-Bus connection: authentication, framing, and nothing about Bluetooth.

All that is private to dbus_fast is used here and nowhere else.
"""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import Callable

from dbus_fast import Message, MessageType
from dbus_fast._private.unmarshaller import Unmarshaller

HEADER = struct.Struct("<4xIII")  # length of the body, serial, length of the header's fields
HEADER_BYTES = 16


def encode(message: Message) -> bytes:
    return bytes(message._marshall(False))


def decode(frame: bytes) -> Message:
    message = Unmarshaller(io.BytesIO(frame)).unmarshall()  # type: ignore[arg-type]
    assert message is not None
    return message


def frame_bytes(head: bytes) -> int:
    body: int
    fields: int
    body, _, fields = HEADER.unpack_from(head)
    return HEADER_BYTES + -(-fields // 8) * 8 + body


class Wire(asyncio.Protocol):
    """One client of the bus."""

    def __init__(
        self,
        name: str,
        receive: Callable[[Wire, Message], None],
        closed: Callable[[Wire], None],
    ) -> None:
        self.name = name
        self.rules: list[dict[str, str]] = []
        self._receive, self._closed = receive, closed
        self._buffer = b""
        self._begun = False
        self._serial = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(self)

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._begun and b"\r\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\r\n", 1)
            self._authenticate(line.lstrip(b"\0"))
        while self._begun and len(self._buffer) >= HEADER_BYTES:
            size = frame_bytes(self._buffer)
            if len(self._buffer) < size:
                return
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            message = decode(frame)
            message.sender = self.name
            self._receive(self, message)

    def _authenticate(self, line: bytes) -> None:
        if line.startswith(b"AUTH EXTERNAL"):
            self._transport.write(b"OK 0123456789abcdef0123456789abcdef\r\n")
        elif line == b"NEGOTIATE_UNIX_FD":
            self._transport.write(b"AGREE_UNIX_FD\r\n")
        elif line == b"BEGIN":
            self._begun = True
        else:
            self._transport.write(b"ERROR\r\n")

    def send(self, message: Message) -> None:
        if self._transport.is_closing():
            return
        self._serial += 1
        message.serial = self._serial
        self._transport.write(encode(message))

    def wants(self, signal: Message) -> bool:
        return any(
            rule.get("interface", signal.interface) == signal.interface
            and rule.get("member", signal.member) == signal.member
            for rule in self.rules
        )


def signal(path: str, interface: str, member: str, signature: str, body: list[object]) -> Message:
    return Message(
        message_type=MessageType.SIGNAL,
        sender=":1.0",
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body,
    )
