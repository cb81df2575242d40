"""The same work on a Dask scheduler: `hipturn analyse … --cluster tcp://host:8786`.

Dask hands out, watches the workers and does again what a lost one had; the jobs are those that
local processes do, so the results are the same byte for byte. Sessions and tables lie where every
worker sees them under the same path, or sessions behind a URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hipturn.archive.manifest import software
from hipturn.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

J = TypeVar("J")
R = TypeVar("R")

CONNECT_S = 10.0
"""Far longer than a scheduler in reach takes to answer."""
LOST = "every worker that took it was lost, perhaps for want of memory; run again"


def on_cluster(
    address: str, work: Callable[[J], R], jobs: Sequence[J]
) -> Iterator[tuple[J, R | str]]:
    """Do each job on the cluster and yield it with its result as it ends.

    A job whose worker is lost goes to another one; after three lost ones its result is a sentence
    that says so.

    Raises
    ------
    UserError
        When Dask is missing, no scheduler answers at the address, or workers have other software.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise UserError("--cluster needs Dask: pip install 'hipturn[cluster]'") from None
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        _check_software(client)
        job_of: dict[Any, J] = {
            client.submit(work, job, pure=False, key=f"session-{number}"): job
            for number, job in enumerate(jobs)
        }
        for future in as_completed(job_of):
            job = job_of.pop(future)
            try:
                yield job, future.result()
            except KilledWorker:
                yield job, LOST
            future.release()


def _check_software(client: Client) -> None:
    """Refuse workers of other versions: their results would differ without a sign."""
    mine = software()
    for worker, theirs in client.run(software).items():
        differing = [name for name in mine if theirs.get(name) != mine[name]]
        if differing:
            names = ", ".join(f"{n} {theirs.get(n)} (here {mine[n]})" for n in differing)
            raise UserError(f"the worker {worker} has {names}: install the same on all")
