"""The link to one phone, beside `imu.air.link.UnitLink`: the same states, events and counts.

    searching (for a phone that takes the place) → connecting (checks) → streaming ⇄ silent → lost

The server stamps and queues what a phone sends (`hear`); `run` decodes and delivers it, so that
nothing slow happens in between. What the phone is to show is `said`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from imu.air.link_state import Link, LinkEvent, LinkEventKind, LinkState
from imu.air.radio_errors import RadioError, Trouble
from imu.phone.batch import BatchError
from imu.phone.profile import phone_profile
from imu.phone.stream import Asked, PhoneStream
from imu.sample import Sample

QUEUE_LENGTH = 256
"""Batches that may wait: twelve seconds of them."""
SILENT_S, LOST_S = 1.0, 4.0
"""As of units on the air, which radios stall and then deliver what was kept."""
PATIENCE_S = 600.0
"""For a phone to take its place: its code is dead then."""
LOOK_EVERY_S = 0.1
LATE_S, LATE_AGAIN_S = 0.3, 30.0
"""Batches that arrive so late are told of, and again after so long."""
LATE_SHARE = 0.05
"""A mean over about the last twenty batches, a second of them."""
DRIFT = 2e-4
"""Seconds a second by which two clocks may part: the earliest arrival is forgotten so fast."""


class PhoneTrouble(StrEnum):
    """What is wrong with a phone; the words are what its wearer is told."""

    HIDDEN = (
        "the phone's page is hidden or its screen off: unlock it and bring the page to the front"
    )
    REFUSED = (
        "the phone refuses to tell its motion: clear this site's data, open the link again, and tap"
        " Allow"
    )
    NO_ROTATION = "this browser gives no rotation rate: use another phone"
    UNFIT = "what the phone calls turning does not fit gravity: use another browser"
    NO_ANSWER = (
        "nothing comes from the phone: bring it nearer to the router and its page to the front"
    )
    LET_GO = "the phone was let go: scan the code again to go on"


ASKED = {
    Asked.TURN: "turn the phone over in your hand once, and back",
    Asked.UPRIGHT: "hold the phone upright and still for a moment",
    Asked.OTHER: str(PhoneTrouble.UNFIT),
    Asked.NOTHING: "its axes, units and signs are sound",
}
STREAMS = (
    "streaming: strap it on, its top towards the trunk and its screen outwards, and do not press"
    " its side button"
)
OVER = "Done. You may take it off."


class PhoneLink(Link):
    """Holds the link to the phone of one place.

    Parameters
    ----------
    label
        What people call the place: `right shank`.
    unit
        `Sample.unit` and `LinkEvent.unit`.
    deliver
        Takes each sample, in order of arrival. What it raises ends the link.
    note
        Takes each event, in order with the samples.
    clock_ns
        The session's monotonic clock.
    patience_s
        How long to wait for a phone that never sent a sample.
    """

    def __init__(
        self,
        label: str,
        unit: int,
        deliver: Callable[[Sample], None],
        note: Callable[[LinkEvent], None],
        clock_ns: Callable[[], int],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(unit, note, clock_ns)
        self.said = ""
        """What the phone shows: its state, or what is asked for."""
        self.is_over = False
        """Whether it has run, and ended."""
        self.streams = STREAMS
        """What the phone shows while it streams; its page knows it by the first word."""
        self._label, self._deliver, self._patience_s = f"phone on the {label}", deliver, patience_s
        self.stream = PhoneStream(phone_profile())
        """What is made of what the phone sends."""
        self._queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(QUEUE_LENGTH)
        self._asked: Asked | None = None
        self._is_new_clock = False
        self._trouble: PhoneTrouble | None = None
        self._heard_ns = 0
        self._kept = b""
        """Batches since the last sample."""
        self._floor_s, self._late_s, self._late_told_s = math.inf, 0.0, -math.inf

    @property
    def rejected(self) -> dict[str, int]:
        """Return how many rows were not taken, by reason."""
        return self.stream.dropped

    @property
    def label(self) -> str:
        """Return what people know the unit by."""
        return self._label

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver what the phone sends until told to stop.

        Raises
        ------
        RadioError
            When no phone took the place in time.
        """
        begun_s = self._clock_ns() * 1e-9
        self._enter(LinkState.SEARCHING)
        try:
            while not stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        self._take(*await self._queue.get())
                now_s = self._clock_ns() * 1e-9
                self._look(now_s)
                if not self.counts.connections and now_s - begun_s >= self._patience_s:
                    minutes = f"{self._patience_s / 60.0:.0f} minutes"
                    raise RadioError(
                        Trouble.NOT_FOUND,
                        f"no {self.label} sent its motion within {minutes}: scan the code, tap the"
                        " button, and turn the phone over",
                    )
        finally:
            while not self._queue.empty():
                self._take(*self._queue.get_nowait())
            self._enter(LinkState.CLOSED)
            self.said, self.is_over = OVER, True

    # ---- what the server calls

    def hello(self, phone: str, origin: float, *, points_up: bool = False) -> None:
        """Take that a phone has opened its page, or come back.

        `points_up` says that its acceleration is known to point up at rest.
        """
        is_new = self.stream.hello(phone, origin, points_up=points_up)
        self._is_new_clock |= is_new and self.counts.connections > 0
        self._trouble = None
        self._heard_ns = self._clock_ns()
        self._floor_s = math.inf
        if self._state in (LinkState.SEARCHING, LinkState.LOST):
            self._enter(LinkState.CONNECTING)
        self._ask()

    def hear(self, data: bytes) -> bool:
        """Queue a batch with the time of its arrival; return whether there was room."""
        try:
            self._queue.put_nowait((self._clock_ns(), data))
        except asyncio.QueueFull:
            self.counts.overflowed += 1
            return False
        return True

    def attitude(self, beta_deg: float, gamma_deg: float) -> None:
        """Take a deviceorientation event."""
        while not self._queue.empty():  # the rows before it
            self._take(*self._queue.get_nowait())
        self.stream.attitude(beta_deg, gamma_deg)
        self._ask()

    def battery(self, percent: int) -> None:
        """Take the phone's charge."""
        if percent != self.battery_percent:
            self.battery_percent = percent
            self._tell(LinkEventKind.BATTERY, value=percent)

    def trouble(self, trouble: PhoneTrouble | None) -> None:
        """Take what is wrong with the phone; None: nothing any more."""
        before, self._trouble = self._trouble, trouble
        if trouble is not None and trouble is not before:
            self._tell(LinkEventKind.FAILED, text=str(trouble))
            self.said = str(trouble)
        elif trouble is None:
            self._show()

    def remark(self, text: str) -> None:
        """Tell something about the place that a person has to decide."""
        self._tell(LinkEventKind.ASKED, text=text)

    # ---- what comes of it

    def _take(self, heard_ns: int, data: bytes) -> None:
        """Decode one batch and deliver its samples; the first carries all since the last one."""
        self.counts.notifications += 1
        try:
            readings = self.stream.take(data)
        except BatchError:
            return
        if self._trouble is not PhoneTrouble.HIDDEN:
            self._trouble = None  # its motion comes, whatever was said of it
        self._measure_delay(heard_ns)
        if self.stream.asked is not Asked.NOTHING or self._asked is not Asked.NOTHING:
            self._ask()
        else:
            self._show()
        self._kept += data
        if readings:
            self._heard_ns = heard_ns
            self._come_alive(heard_ns)
        for reading in readings:
            self.counts.samples += 1
            self._deliver(Sample(self._unit, heard_ns, *reading, self._kept or None))
            self._kept = b""

    def _ask(self) -> None:
        """Say what is asked for, when that has changed."""
        asked = self.stream.asked
        if asked is not self._asked:
            self._asked = asked
            self._tell(LinkEventKind.ASKED, text=ASKED[asked])
        self._show()

    def _show(self) -> None:
        if self._trouble is None and self._asked is not None:
            streams = self._state is LinkState.STREAMING
            self.said = self.streams if streams else ASKED[self._asked]

    def _come_alive(self, heard_ns: int) -> None:
        """Tell that samples come: for the first time, again, or by a new clock."""
        if not self.counts.connections:
            self.counts.connections = 1
            self._tell(LinkEventKind.CONNECTED, heard_ns)
        elif self._is_new_clock:
            self.counts.connections += 1
            self._tell(LinkEventKind.RECONNECTED, heard_ns)
        elif self._state in (LinkState.LOST, LinkState.CONNECTING):
            self._tell(LinkEventKind.BACK, heard_ns, text="back")
        self._is_new_clock = False
        self._enter(LinkState.STREAMING)
        self._show()

    def _look(self, now_s: float) -> None:
        """Tell when nothing has come for long."""
        silent_s = now_s - self._heard_ns * 1e-9
        if self._state is LinkState.STREAMING and silent_s >= SILENT_S:
            self._enter(LinkState.SILENT)
        if self._state is LinkState.SILENT and silent_s >= LOST_S:
            self._trouble = self._trouble or PhoneTrouble.NO_ANSWER
            self.said = str(self._trouble)
            self._tell(LinkEventKind.LOST, text=str(self._trouble))
            self._enter(LinkState.LOST)

    def _measure_delay(self, heard_ns: int) -> None:
        """Tell when batches arrive late, beside the earliest of them."""
        heard_s = heard_ns * 1e-9
        apart_s = heard_s - self.stream.sent_s
        if not math.isfinite(apart_s):
            return
        self._floor_s = min(self._floor_s + DRIFT * LOOK_EVERY_S, apart_s)
        self._late_s += LATE_SHARE * (apart_s - self._floor_s - self._late_s)
        if self._late_s > LATE_S and heard_s - self._late_told_s > LATE_AGAIN_S:
            self._late_told_s = heard_s
            text = f"the network is {self._late_s:.1f} s late: move closer to the router"
            self._tell(LinkEventKind.FAILED, heard_ns, text=text)
