"""`hipturn doctor --units --phone`: the guided check of units, of a phone.

A phone is first turned over in a hand, as before every session: that shows whether its rotation
rate fits gravity. Laid on a book and turned like any unit it then shows whether its axes are those
of its screen, which way its acceleration points, how far it turns, its rate, its clock and what is
lost on the way. Nothing of a phone can be set: most faults are mended by another browser.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hipturn.phone.listener import phones_welcome
from hipturn.phone.phyphox import PhyphoxPhone
from hipturn.phone.places import PhonePlace
from hipturn.phone.start import CLOSE_DOOR_S, show_code, show_experiment, warn
from hipturn.phone.worn import WornPhone
from hipturn.units.check_units import Examined, GuidedCheck
from hipturn.units.doctor import Finding
from hipturn.units.unit_check import TASK_S
from hipturn.units.unit_verdict import verdicts
from hipturn.words import Said, words_of
from imu.air.link_state import LinkEvent, LinkEventKind
from imu.conventions.reread import AXES, Convention
from imu.even_rate import GAP_S
from imu.phone.batch import read_batches
from imu.phone.phone_link import PhoneLink
from imu.phone.profile import phone_profile
from imu.phone.stream import Asked
from imu.profiles.unit_layout import Case
from imu.sample import Sample, Segment

FEWEST_HZ = 2.0 / GAP_S
"""Of a slower phone a single missing event leaves a gap, in which no angle is known."""
HIDDEN_TURN_DEG = 150.0
"""Gravity that turned so far under a rotation rate of nearly nothing was turned by a hand."""
OUT_OF_RANGE_SHARE = 0.1
"""More of its rows than this are no slip of a sensor."""
ALIKE = {
    **dict.fromkeys(("acc_in_g", "acc_in_mps", "scale_acc", "no_gravity"), "acc_wrong"),
    **dict.fromkeys(("half", "twice"), "unexplained"),
    **dict.fromkeys(("gyr_axes", "gyr_in_deg", "gyr_in_rad", "gyr_scale"), "gyr_wrong"),
    "rate_lost": "rate_other",
}
"""Faults of units that have one remedy in a phone."""
TOLD = {LinkEventKind.ASKED, LinkEventKind.FAILED, LinkEventKind.LOST}
"""What happens to its link is said, of these kinds."""


@dataclass(frozen=True, slots=True)
class PhoneSubject:
    """A phone that is checked."""

    link: PhoneLink

    @property
    def name(self) -> str:
        """Return what people call it."""
        return Said("looked_at.the_phone")

    @property
    def convention(self) -> Convention:
        """Return that of every phone: z up, fused on this computer."""
        return Convention()

    @property
    def case(self) -> Case | None:
        """Return where a phone's axes are: y to its top, z out of its screen."""
        return phone_profile().case

    def seen(self, key: str, **figures: Any) -> Said:  # noqa: ANN401 (text or number)
        """Return what is seen of it, and what mends a phone, of which nothing can be set."""
        key = ALIKE.get(key, key)
        own = f"phone_seen.{key}"
        return Said(own if own in words_of() else f"seen.{key}", **figures)

    def change(self, fits: Sequence[Convention]) -> str:
        """Return what mends a phone that is read otherwise than it was turned."""
        down = any(one.acc_flipped == AXES or one.earth != self.convention.earth for one in fits)
        return self.seen("points_down" if down else "unexplained")

    def unread(self) -> str:
        """Return why it gave no sample, and what to do."""
        stream = self.link.stream
        dropped = sum(stream.dropped.values())
        if stream.asked is Asked.OTHER:
            return self.seen("misfit", what=stream.misfit or "–")
        if stream.asked is Asked.UPRIGHT:
            return self.seen("no_up")
        if dropped > OUT_OF_RANGE_SHARE * max(1, stream.taken + dropped):
            return self.seen("out_of_range", dropped=dropped, of=stream.taken + dropped)
        if stream.hidden_turn_deg > HIDDEN_TURN_DEG:
            return self.seen("hidden_turn", deg=stream.hidden_turn_deg)
        return self.seen("not_turned_over" if stream.taken else "nothing")

    def more(self, resting: Sequence[Sample]) -> Iterator[Finding]:
        """Return which way its acceleration points, and how evenly it measures."""
        key = "fits_turned_round" if self.link.stream.sign == -1 else "fits"
        yield Finding(Said("looked_at.turning_over"), True, self.seen(key))
        yield self._events(resting)

    def _events(self, resting: Sequence[Sample]) -> Finding:
        """Return how often the phone measured, by its own clock, before it was put on a grid."""
        batches = [batch for one in resting if one.payload for batch in read_batches(one.payload)]
        times = [row.time_s for batch in batches for row in batch.rows]
        steps = np.array([b - a for a, b in pairwise(times) if b > a])
        rate_hz = 1.0 / float(steps.mean()) if len(steps) else 0.0
        good = rate_hz >= FEWEST_HZ
        text = self.seen(
            "events" if good else "few_events",
            rate_hz=rate_hz,
            longest_ms=1000.0 * float(steps.max(initial=0.0)),
            fewest=FEWEST_HZ,
        )
        return Finding(Said("looked_at.events"), good, text)


class PhoneCheck:
    """One guided check of a phone.

    Parameters
    ----------
    say
        Tells the person what to do; the phone shows it too.
    clock_ns
        What samples are stamped with.
    """

    def __init__(self, say: Callable[[str], None], clock_ns: Callable[[], int]) -> None:
        # where it will be strapped does not matter here
        self.phone = WornPhone((Segment.PELVIS, None), PhonePlace("check"))
        self._say, self._clock_ns = say, clock_ns
        self._heard_ns: int | None = None
        unit, case = self.phone.unit, phone_profile().case
        lay = Said("book.each", kind=unit.name, lay=case.lay)
        self._guided = GuidedCheck(lambda: [unit], lay, self._ask, clock_ns)
        self.link = PhoneLink("book", 0, self._guided.take, self._note, clock_ns)
        self.phone.at.link = self.link

    async def run(self) -> Examined:
        """Lead through the check and return what it showed."""
        check = await self._guided.lead([self.link], self._is_hopeless)
        return Examined(tuple(verdicts(check, [PhoneSubject(self.link)])))

    def _ask(self, text: str) -> None:
        """Say what is to be done, on the phone too."""
        self.link.streams = f"streaming: {text}"
        self._say(text)

    def _note(self, event: LinkEvent) -> None:
        if event.kind in TOLD:
            self._say(event.text)

    def _is_hopeless(self) -> bool:
        """Return whether the phone will give no sample: it does not fit, or not in a minute."""
        stream = self.link.stream
        if stream.asked is Asked.OTHER:
            return True
        if not stream.is_known or stream.asked is Asked.NOTHING:
            self._heard_ns = None
            return False
        self._heard_ns = self._clock_ns() if self._heard_ns is None else self._heard_ns
        return (self._clock_ns() - self._heard_ns) * 1e-9 > TASK_S


async def check_phone(
    say: Callable[[str], None],
    *,
    address: str | None = None,
    phyphox: str | None = None,
    clock_ns: Callable[[], int] = time.monotonic_ns,
) -> Examined:
    """Let a phone in and go through the guided check with it.

    Parameters
    ----------
    say
        Tells the person what to do.
    address
        Of this computer, which the phone reaches; None: that on its network.
    phyphox
        Where the phone's app phyphox answers; None: its browser is used.
    clock_ns
        What samples are stamped with.

    Raises
    ------
    UserError
        When there is no network, no port, or the extra [tls] is not installed; when phyphox does
        not answer.
    """
    check = PhoneCheck(say, clock_ns)
    if phyphox is not None:
        app = PhyphoxPhone(phyphox, check.phone.at)
        show_experiment(say)
        await app.ready(say)
        streaming = asyncio.create_task(app.stream())
        try:
            return await check.run()
        finally:
            streaming.cancel()
    async with phones_welcome([check.phone.at], address) as listener:
        warn(listener, say)
        show_code(check.phone, listener, say)
        done = await check.run()
        await asyncio.sleep(CLOSE_DOOR_S)
    return done
