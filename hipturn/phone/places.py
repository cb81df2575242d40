"""A place on the body that a phone can take: its token, who holds it, and what it sends there."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from hipturn.server.door.link import new_token
from hipturn.words import Said
from imu.phone.phone_link import PhoneLink, PhoneTrouble

MAX_TEXT_BYTES = 512
"""Several times the longest message of a phone."""
MAX_NUMBER = 1e15
"""Milliseconds since 1970 are a thousandth of it."""
_PHONE = re.compile(r"[0-9a-f]{16}")
_TROUBLES = {"refused": PhoneTrouble.REFUSED, "no_rotation": PhoneTrouble.NO_ROTATION}


class MessageError(ValueError):
    """A message that no page of ours sends."""


class PhonePlace:
    """One place, which one phone at a time may hold.

    Attributes
    ----------
    token
        Of its code, 128 bits: whoever shows it may ask for the place.
    holder
        The phone that has it; empty for none.
    link
        Where what the phone sends goes; None before the session has begun.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.token = new_token()
        self.holder = ""
        self.link: PhoneLink | None = None
        self._waiting = ""
        self.let_go: Callable[[], None] = lambda: None
        """Closes the connection of the phone that holds the place."""

    def ask(self, phone: str) -> bool:
        """Return whether a phone holds the place; the first that asks has it."""
        if not self.holder:
            self.holder = phone
        if self.holder == phone:
            return True
        if self._waiting != phone:
            self._waiting = phone
            if self.link is not None:
                self.link.remark(Said("phones.asks_here", unit=self.label))
        return False

    @property
    def is_asked_for(self) -> bool:
        """Say whether a second phone waits to be let in."""
        return bool(self._waiting)

    def admit(self) -> None:
        """Give the place to the phone that asked for it last; the one before is let go."""
        if self._waiting:
            self.let_go()
            self.holder, self._waiting = self._waiting, ""

    def give_up(self) -> None:
        """Take that its phone was let go, by who wears it."""
        self.holder = ""
        if self.link is not None:
            self.link.trouble(PhoneTrouble.LET_GO)

    def told(self, message: dict[str, Any]) -> None:
        """Take a message of the phone that holds the place.

        Raises
        ------
        MessageError
            When no page of ours sends such a message.
        """
        link = self.link
        if link is None:
            return
        kind, value = next(iter(message.items()), ("", None))
        if kind == "attitude":
            link.attitude(*_numbers(value, 2))
        elif kind == "hidden":
            link.trouble(PhoneTrouble.HIDDEN if value is True else None)
        elif kind == "battery":
            link.battery(max(0, min(100, round(_numbers([value], 1)[0]))))
        elif kind == "trouble" and isinstance(value, str) and value in _TROUBLES:
            link.trouble(_TROUBLES[value])
        elif kind != "pong":
            raise MessageError("no such message")


class Hello:
    """What a phone says first: who it is, and when its page was opened."""

    def __init__(self, message: dict[str, Any]) -> None:
        """Read it.

        Raises
        ------
        MessageError
            When it is none.
        """
        phone = message.get("id")
        if message.get("hello") != 1 or not isinstance(phone, str) or not is_phone(phone):
            raise MessageError("a phone says hello first")
        self.phone = phone
        self.origin = _numbers([message.get("origin")], 1)[0]


def is_phone(name: str) -> bool:
    """Return whether a phone may be called so."""
    return _PHONE.fullmatch(name) is not None


def read_message(text: str) -> dict[str, Any]:
    """Return a message of a phone: a small JSON object.

    Raises
    ------
    MessageError
        When it is none.
    """
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise MessageError(f"a message has at most {MAX_TEXT_BYTES} bytes")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise MessageError("a message is a JSON object")
    return message


def place_of(token: str, places: Sequence[PhonePlace]) -> PhonePlace | None:
    """Return the place of a token; the time it takes tells nothing of the tokens."""
    same = [hmac.compare_digest(token.encode(), place.token.encode()) for place in places]
    return places[same.index(True)] if True in same else None


def _numbers(value: object, count: int) -> tuple[float, ...]:
    """Return finite numbers.

    Raises
    ------
    MessageError
        When it is no list of so many.
    """
    if not isinstance(value, list) or len(value) != count:
        raise MessageError(f"{count} numbers are wanted")
    if not all(type(one) in (int, float) and abs(one) < MAX_NUMBER for one in value):
        raise MessageError("a number is wanted")  # NaN is below nothing
    return tuple(float(one) for one in value)
