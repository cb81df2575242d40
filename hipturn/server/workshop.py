"""A process of its own for heavy work, one job at a time, so that a session is never kept waiting.

A report made in a thread of the session's process took every third frame from a viewer (40 to 26 a
second while ten were asked for), because threads share one interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from hipturn.errors import UserError, without_stray_warnings

R = TypeVar("R")

NICENESS = 5
"""Of 19: the session's own process goes first. Beside other programs at work on the same computer
15 left a viewer waiting over a minute for what takes a second."""
DIED = "the process that worked on it was ended, perhaps for want of memory; ask again"


class Workshop:
    """Does what can be pickled in a process that is started when it is first needed."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False

    async def do(self, work: Callable[..., R], *given: Any) -> R:  # noqa: ANN401 (the work's own)
        """Return what a function of a module of ours returns, and raise what it raises.

        Raises
        ------
        UserError
            When the process died.
        """
        async with self._turn:
            good, value = await asyncio.to_thread(self._ask, work, given)
        if not good:
            raise value
        result: R = value
        return result

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._closed = True
        self._end()

    def _ask(self, work: Callable[..., Any], given: tuple[Any, ...]) -> tuple[bool, Any]:
        if self._closed:
            return False, UserError(DIED)
        try:
            pipe = self._pipe or self._start()
            pipe.send((work, given))
            good, value = pipe.recv()
        except (EOFError, OSError):
            self._end()
            return False, UserError(DIED)
        return bool(good), value

    def _start(self) -> Connection:
        context = multiprocessing.get_context(
            "spawn"
        )  # a copy of this process would hold its links
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        with _without_interrupts():
            self._process.start()
        theirs.close()
        return self._pipe

    def _end(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if process is not None:
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a process that a Ctrl-C in the terminal does not reach: the session ends it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection) -> None:
    """Do one job after the other until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    without_stray_warnings()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(EOFError, OSError):
        while True:
            work, given = pipe.recv()
            try:
                answer: tuple[bool, Any] = True, work(*given)
            except Exception as error:  # whoever asked decides what to do about it
                answer = False, error
            pipe.send(answer)
