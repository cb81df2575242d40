"""Phones as the units of a visit: their codes on the page, and their listener for as long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from hipturn.errors import UserError
from hipturn.phone.listener import Listener, phones_welcome
from hipturn.phone.start import CLOSE_DOOR_S
from hipturn.phone.worn import WornPhone
from hipturn.plan import SideChoice
from hipturn.session.open_links import OpenLinks
from hipturn.session.radio_session import clock_from_now
from hipturn.words import Said
from imu.air.link_state import LinkState
from imu.sample import Segment, Side

LOOK_EVERY_S = 0.3
"""What a phone does is seen on the page within this time."""

Show = Callable[[dict[str, Any]], None]


class InvitedPhones(OpenLinks):
    """Links of phones: while they run, the phones are let in, and how each stands is shown.

    Parameters
    ----------
    phones
        Where they are worn.
    show
        Shows `invited`: a row for each, with the code of its link while it is waited for.
    address
        Of this computer, which the phones reach; None: that on its network.
    """

    def __init__(self, phones: Sequence[WornPhone], show: Show, address: str | None = None) -> None:
        super().__init__(phones, clock_from_now())
        self._phones, self._show, self._address = tuple(phones), show, address

    @classmethod
    def worn_on(cls, side: SideChoice, segments: Sequence[str], show: Show) -> InvitedPhones:
        """Return the links of phones on some segments of a leg, or of both."""
        legs = (Side.RIGHT, Side.LEFT) if side == "both" else (Side(side),)
        pelvis = [(Segment.PELVIS, None)] if Segment.PELVIS in segments else []
        of_legs = [
            (Segment(name), leg) for leg in legs for name in segments if name != Segment.PELVIS
        ]
        return cls([WornPhone.on(place) for place in [*of_legs, *pelvis]], show)

    async def run(self, stop: asyncio.Event) -> None:
        """Let the phones in and hold their links until asked to stop.

        Raises
        ------
        UserError
            When there is no network, no port, or the extra [tls] is not installed.
        imu.air.radio_errors.RadioError
            When no phone took its place in time.
        """
        async with phones_welcome([one.at for one in self._phones], self._address) as listener:
            telling = asyncio.create_task(self._tell(listener))
            try:
                await super().run(stop)
            finally:
                telling.cancel()
            await asyncio.sleep(CLOSE_DOOR_S)

    async def ready(self) -> None:
        """Wait until every phone has been turned over in a hand, and streams."""
        while any(link.state is not LinkState.STREAMING for link in self.links):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)

    @property
    def asking(self) -> str:
        """Return the place that a second phone asks for; or nothing."""
        return next((one.at.label for one in self._phones if one.at.is_asked_for), "")

    def admit(self) -> None:
        """Give every place to the phone that asks for it."""
        for one in self._phones:
            one.at.admit()

    async def _tell(self, listener: Listener) -> None:
        """Show how every phone stands, on change."""
        told: list[dict[str, Any]] = []
        warning = {"address": listener.address, "fingerprint": listener.fingerprint}
        codes = {one.at.label: _code(listener.url(one.at)) for one in self._phones}
        while True:
            rows = [
                {
                    "label": one.at.label,
                    "url": listener.url(one.at),
                    "code": [] if one.at.holder else codes[one.at.label],
                    "taken": bool(one.at.holder),
                    "streams": link.state is LinkState.STREAMING,
                    "said": one.at.link.said if one.at.link is not None else "",
                    "place": str(one.place[0]),
                }
                for one, link in zip(self._phones, self.links, strict=True)
            ]
            if rows != told:
                self._show({"invited": rows, "warning": warning})
                told = rows
            await asyncio.sleep(LOOK_EVERY_S)


def _code(url: str) -> list[str]:
    """Return the QR code of a link, a text of 0 and 1 a row.

    Raises
    ------
    UserError
        When the link is too long for one.
    """
    import segno

    try:
        return ["".join(str(cell) for cell in row) for row in segno.make(url, error="l").matrix]
    except segno.DataOverflowError:  # no link of ours is so long
        raise UserError(Said("phones.long_link", url=url)) from None
