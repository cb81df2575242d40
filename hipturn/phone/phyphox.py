"""phyphox on a phone as a unit: its codes, and who asks it ten times a second.

The app is the way for phones whose browser refuses. Its remote access is neither encrypted nor
asks who asks: for a network that one trusts.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hipturn.errors import UserError
from hipturn.phone.places import PhonePlace
from hipturn.words import Said
from imu.phone.batch import MAX_ROWS, Batch, Row, write_batch
from imu.phone.phyphox import NOT_PHYPHOX, PhyphoxError, PhyphoxReader, check_buffers

EXPERIMENT = Path(__file__).parent / "hipturn.phyphox"
PORT = 8080
"""Of Android; on iPhones it is 80, and the app shows it."""
EVERY_S = 0.1
AGAIN_S = 1.0
ANSWER_S = 3.0
"""Longer than a busy phone takes."""
READY_S = 180.0
"""For a person to scan the codes, open the experiment and switch remote access on."""
MAX_ANSWER_BYTES = 2_000_000
CODE_BYTES = 1000
"""Of the experiment in one code: more cells than that are hard to scan from a screen."""


def codes() -> list[bytes]:
    """Return the experiment as the contents of codes, which phyphox scans one after the other.

    Each is `phyphox`, the CRC-32 of all data (big endian), the code's number from 0, how many there
    are, and its part of a zip file that holds the experiment.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            zipfile.ZipInfo(EXPERIMENT.name), EXPERIMENT.read_bytes(), zipfile.ZIP_DEFLATED
        )
    data = packed.getvalue()
    parts = [data[i : i + CODE_BYTES] for i in range(0, len(data), CODE_BYTES)]
    crc = zlib.crc32(data).to_bytes(4, "big")
    return [
        b"phyphox" + crc + bytes((number, len(parts))) + part for number, part in enumerate(parts)
    ]


class PhyphoxPhone:
    """One phone with phyphox, which is asked for what it measured."""

    def __init__(self, address: str, place: PhonePlace) -> None:
        """Ask the phone at `address` (`192.168.1.30:8080`) for the unit of a place."""
        host, _, port = address.rpartition(":") if ":" in address else (address, "", str(PORT))
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise UserError(Said("phones.phyphox_address", address=address))
        self._host, self._port, self._address = host, int(port), address
        self._place = place
        self._reader = PhyphoxReader()
        self._number = 0

    async def ready(self, say: Callable[[str], None], patience_s: float = READY_S) -> None:
        """Wait until our experiment runs on the phone.

        Raises
        ------
        UserError
            When it does not in time.
        """
        end_s, told = asyncio.get_running_loop().time() + patience_s, ""
        while True:
            try:
                check_buffers(await self._ask("/config"))
                await self._ask("/control?cmd=start")
            except (OSError, http.client.HTTPException, PhyphoxError) as error:
                known = isinstance(error, PhyphoxError)
                why = str(error) if known else Said("phones.phyphox_silent")
                at = Said("phones.phyphox_at", address=self._address, why=why)
                if asyncio.get_running_loop().time() >= end_s:
                    raise UserError(at) from None
                if why != told:
                    say(at)
                    told = why
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def stream(self) -> None:
        """Ask again and again, until cancelled; what goes wrong shows as silence."""
        while True:
            try:
                answer = await self._ask(self._reader.query)
                before = self._reader.session
                rows = self._reader.take(answer)
            except (OSError, http.client.HTTPException, PhyphoxError):
                await asyncio.sleep(AGAIN_S)
                continue
            link = self._place.link
            if link is not None:
                if self._reader.session != before or not self._place.holder:
                    self._place.holder = self._address
                    link.hello(self._address, float(zlib.crc32(self._reader.session.encode())),
                               points_up=True)  # fmt: skip
                for batch in self._batches(rows):
                    link.hear(batch)
            await asyncio.sleep(EVERY_S)

    def _batches(self, rows: list[Row]) -> Iterator[bytes]:
        for first in range(0, len(rows), MAX_ROWS):
            part = tuple(rows[first : first + MAX_ROWS])
            self._number += 1
            yield write_batch(Batch(self._number, rows[-1].time_s, part))

    async def _ask(self, path: str) -> object:
        """Return what the phone answers, JSON.

        Raises
        ------
        OSError, http.client.HTTPException
            When it does not.
        PhyphoxError
            When it is no JSON.
        """
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> object:
        link = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        try:
            link.request("GET", path, headers={"Connection": "close"})
            data = link.getresponse().read(MAX_ANSWER_BYTES)
        finally:
            link.close()
        try:
            answer: object = json.loads(data)
        except (ValueError, RecursionError):
            raise PhyphoxError(NOT_PHYPHOX) from None
        return answer
