"""The same recording, imported again under another name, is recognised by its samples."""

from __future__ import annotations

import hashlib

import numpy as np

from imu.sample import SampleTable

DIGITS = 32
"""Of the hash: two recordings have the same by chance once in 10**38."""


def samples_hash(table: SampleTable) -> str:
    """Return a hash of what the units measured and when.

    It does not depend on where the units were said to be strapped, on when the session began, nor
    on offsets between the units' clocks: a person may correct all of these in a second import.
    """
    digests = []
    for unit in np.unique(table.unit):
        mine = table.of(int(unit))
        digest = hashlib.sha256((mine.host_time_ns - mine.host_time_ns[0]).tobytes())
        for values in (mine.q, mine.acc, mine.gyr):
            digest.update(np.ascontiguousarray(values).tobytes())
        digests.append(digest.digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:DIGITS]
