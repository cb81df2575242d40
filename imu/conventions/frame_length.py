"""What messages that cannot be read look like, beside what the profile says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from imu.profiles.unit_layout import MAX_NOTIFICATION_BYTES, Stream

CLEARLY = 0.6
"""Share of the distances between headers that must agree; a header's bytes occur by chance too."""
FEWEST = 5
NOTHING_ARRIVES = "nothing arrives: switch it off and on, and bring it closer"


def unread_words(stream: Stream, payloads: Sequence[bytes]) -> str:
    """Return why notifications of a stream hold no sample, and the change that would mend it."""
    if not payloads:
        return NOTHING_ARRIVES
    if stream.framing == "sync":
        length = _distance(b"".join(payloads), stream.headers)
        if length is not None and length not in (stream.length, *stream.longer):
            known = ", ".join(map(str, sorted({stream.length, *stream.longer, length})))
            return f"its frames are {length} bytes long: set length of the stream to [{known}]"
        return "no frame begins as its profile says: correct header of the stream"
    size = Counter(map(len, payloads)).most_common(1)[0][0]
    first = next(payload for payload in payloads if len(payload) == size)
    if stream.headers and not first.startswith(stream.headers):
        return f"its messages begin with {first[:2].hex(' ')}: correct header of the stream"
    if size < stream.length:
        return (
            f"its messages have {size} bytes and its profile reads {stream.length}: use another"
            " stream, or correct length"
        )
    return "its messages hold no sample: correct the types and offsets of the stream"


def _distance(data: bytes, headers: Sequence[bytes]) -> int | None:
    """Return how far apart frames begin; None where that is not clear."""
    places = sorted(
        at for header in headers for at in range(len(data)) if data.startswith(header, at)
    )
    apart = Counter(b - a for a, b in pairwise(places) if b - a <= MAX_NOTIFICATION_BYTES)
    if apart.total() < FEWEST:
        return None
    length, times = apart.most_common(1)[0]
    return length if times >= CLEARLY * apart.total() else None
