"""Many jobs in several processes of this computer; a process that dies loses one job at most."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")

AHEAD = 2
"""So many jobs for each process are handed out at a time: it never waits for the next one."""
DIED = "the process that worked on it was ended from outside, perhaps for want of memory; run again"


def in_processes(
    work: Callable[[J], R], jobs: Sequence[J], workers: int
) -> Iterator[tuple[J, R | str]]:
    """Do each job in one of several processes and yield it with its result as it ends.

    When a process dies, those that were under way are done again, each alone in a process of its
    own; where that one dies too, the result is a sentence that says so.
    """
    todo = deque(jobs)
    while todo:
        suspects: list[J] = []
        yield from _until_broken(work, todo, min(workers, len(todo)), suspects)
        for job in suspects:
            yield job, _alone(work, job)


def _until_broken(
    work: Callable[[J], R], todo: deque[J], workers: int, suspects: list[J]
) -> Iterator[tuple[J, R | str]]:
    under_way: dict[Future[R], J] = {}
    with ProcessPoolExecutor(workers) as pool:
        while (todo or under_way) and not suspects:
            try:
                while todo and len(under_way) < AHEAD * workers:
                    under_way[pool.submit(work, todo[0])] = todo[0]
                    todo.popleft()
            except BrokenProcessPool:
                suspects += under_way.values()
                return
            ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                job = under_way.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(job)
                else:
                    yield job, result
        suspects += under_way.values()


def _alone(work: Callable[[J], R], job: J) -> R | str:
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(work, job).result()
        except BrokenProcessPool:
            return DIED
