"""The same work on a Dask scheduler: `hipturn analyse … --cluster tcp://host:8786`.

A window of groups is handed out at a time, so that a scheduler never holds an archive, and the
first result does not wait for the last task to be sent. Dask watches the workers and does a lost
one's group again; the jobs are those that local processes do, so the results are the same byte for
byte. Sessions and tables lie where every worker sees them under the same path, or behind a URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from hipturn.archive.manifest import software
from hipturn.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

J = TypeVar("J")
R = TypeVar("R")

CONNECT_S = 10.0
"""Far longer than a scheduler in reach takes to answer."""
AHEAD = 2
"""So many groups for each thread of a worker are handed out: it never waits for the next one."""
LOST = "every worker that took it was lost, perhaps for want of memory; run again"


def on_cluster(
    address: str,
    work: Callable[[Sequence[J]], Iterable[R]],
    groups: Callable[[int], Iterable[Sequence[J]]],
) -> Iterator[tuple[J, R | str]]:
    """Do groups of jobs on the cluster; yield each job with its result as its group ends.

    A group whose worker is lost goes to another one. When three are lost over it, its jobs are done
    one by one, and the result of that which loses three more is a sentence that says so.

    Parameters
    ----------
    address
        Of the scheduler.
    work
        Does a group and gives a result for each job, in order.
    groups
        Gives the groups for so many workers; they are taken as they are needed.

    Raises
    ------
    UserError
        When Dask is missing, no scheduler answers at the address, or workers have other software.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
        from distributed.protocol import pickle
    except ImportError:
        raise UserError("--cluster needs Dask: pip install 'hipturn[cluster]'") from None
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        lanes = _check_software(client)
        todo = _small_first(groups(max(2, lanes)), lanes)
        group_of: dict[Any, Sequence[J]] = {}
        running = as_completed()

        def hand_out(group: Sequence[J]) -> None:
            future = client.submit(_results, pickle.dumps((work, group)), pure=False)
            group_of[future] = group
            running.add(future)

        for group in islice(todo, AHEAD * lanes):
            hand_out(group)
        for future in running:
            group = group_of.pop(future)
            try:
                results: Iterable[R | str] = future.result()
            except KilledWorker:
                if len(group) > 1:
                    for job in group:
                        hand_out([job])
                    continue
                results = [LOST]
            future.release()
            for more in islice(todo, max(0, AHEAD * lanes - len(group_of))):
                hand_out(more)
            yield from zip(group, results, strict=True)


def _results(told: bytes) -> list[Any]:
    """Do a group on a worker; the scheduler, which unpickles each task, leaves the bytes closed."""
    from distributed.protocol import pickle

    work, group = pickle.loads(told)
    return list(work(group))


def _small_first(groups: Iterable[Sequence[J]], lanes: int) -> Iterator[Sequence[J]]:
    """Give the first session of each worker alone, so that results begin to come at once."""
    todo = iter(groups)
    for group in islice(todo, lanes):
        yield group[:1]
        if group[1:]:
            yield group[1:]
    yield from todo


def _check_software(client: Client) -> int:
    """Return how many threads the workers have together.

    Raises
    ------
    UserError
        When a worker has other versions: its results would differ without a sign.
    """
    mine = software()
    for worker, theirs in client.run(software).items():
        differing = [name for name in mine if theirs.get(name) != mine[name]]
        if differing:
            names = ", ".join(f"{n} {theirs.get(n)} (here {mine[n]})" for n in differing)
            raise UserError(f"the worker {worker} has {names}: install the same on all")
    return max(1, sum(int(threads) for threads in client.nthreads().values()))
