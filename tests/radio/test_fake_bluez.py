"""The fake BlueZ ends with a test, and hides nothing of how that ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fake_bluez import FakeBluez


def test_what_a_test_raises_comes_out_as_it_was(air: FakeBluez) -> None:
    async def run() -> None:
        async with air:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(run())


def test_a_test_that_hangs_is_ended(air: FakeBluez) -> None:
    air._limit_s = 0.1

    async def run() -> None:
        async with air:
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_a_fault_of_the_fake_ends_the_test(air: FakeBluez, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ValueError("in the fake")

    monkeypatch.setattr(air, "_turn_for_ever", broken)

    async def run() -> None:
        async with air:
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(run())
    assert [str(error) for error in caught.value.exceptions] == ["in the fake"]


def test_nothing_is_left_of_the_bus(air: FakeBluez) -> None:
    def there() -> bool:
        return Path(air.address.removeprefix("unix:path=")).exists()

    async def run() -> bool:
        async with air:
            return there()

    assert asyncio.run(run())
    assert not there()
