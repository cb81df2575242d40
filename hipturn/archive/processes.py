"""Groups of jobs in several processes of this computer; one that dies loses one job at most."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")

AHEAD = 2
"""So many groups for each process are handed out at a time: it never waits for the next one."""
DIED = "the process that worked on it was ended from outside, perhaps for want of memory; run again"


def in_processes(
    work: Callable[[Sequence[J]], Iterable[R]],
    groups: Callable[[int], Iterable[Sequence[J]]],
    workers: int,
) -> Iterator[tuple[J, R | str]]:
    """Do groups of jobs in several processes; yield each job with its result as its group ends.

    When a process dies, the groups that were under way are done again, job by job; where a process
    dies again, the result of that job is a sentence that says so.

    Parameters
    ----------
    work
        Does a group and gives a result for each job, in order.
    groups
        Gives the groups for so many workers; they are taken as they are needed.
    workers
        How many processes.
    """
    todo = iter(groups(workers))
    while True:
        suspects: deque[J] = deque()
        yield from _until_broken(work, todo, workers, suspects)
        if not suspects:
            return
        yield from _one_by_one(work, suspects)


def _until_broken(
    work: Callable[[Sequence[J]], Iterable[R]],
    todo: Iterator[Sequence[J]],
    workers: int,
    suspects: deque[J],
) -> Iterator[tuple[J, R | str]]:
    under_way: dict[Future[list[R]], Sequence[J]] = {}
    with ProcessPoolExecutor(workers) as pool:
        while not suspects:
            while len(under_way) < AHEAD * workers and (group := next(todo, None)):
                try:
                    under_way[pool.submit(_listed, work, group)] = group
                except BrokenProcessPool:
                    suspects += group
                    break
            if not under_way:
                return
            ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                group = under_way.pop(future)
                try:
                    results = future.result()
                except BrokenProcessPool:
                    suspects += group
                else:
                    yield from zip(group, results, strict=True)
        for group in under_way.values():
            suspects += group


def _listed(work: Callable[[Sequence[J]], Iterable[R]], group: Sequence[J]) -> list[R]:
    return list(work(group))


def _one_by_one(
    work: Callable[[Sequence[J]], Iterable[R]], jobs: deque[J]
) -> Iterator[tuple[J, R | str]]:
    while jobs:
        with ProcessPoolExecutor(1) as pool:
            while jobs:
                job = jobs.popleft()
                try:
                    (result,) = pool.submit(_listed, work, [job]).result()
                except BrokenProcessPool:
                    yield job, DIED
                    break
                yield job, result
