"""Shows a live session on every open page, as the terminal prints it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from analysis.calibrate.guide import Step
from analysis.exercises import Exercise
from analysis.session.announcements import MOVEMENT_KINDS, Announcement, Kind
from analysis.session.leg_monitor import LegUpdate
from hipturn.server.conditions import Conditions
from hipturn.server.hub import Hub, now_ms
from hipturn.server.messages import checks_message, frame_message, leg_message
from hipturn.server.stillness import NEEDED_S, Stillness
from hipturn.session.pipeline import Tracker, Update
from hipturn.session.spoken import asked, sentence, sentences
from hipturn.words import Said, told
from imu.air.link_state import Link
from imu.quaternion import IDENTITY
from imu.sample import Side, Unit

UNITS_EVERY_S = 0.25
"""A lost unit is seen within this time; four messages a second are few beside the read-outs."""
GUIDE_EVERY_S = 0.1
"""Fast enough for a ring that fills while the wearer keeps still."""
RATE_OVER = 8
"""Messages about the units over which the rate is computed: two seconds of them."""
LOSS_OVER = 40
"""Messages over which the loss is computed: ten seconds, so that one burst does not fill it."""
CUES = (Kind.HALF_WAY, Kind.BREATH_IN, Kind.BREATH_OUT, Kind.HOLD_END)
INTERRUPTED_S = 1.0
"""A set whose leg was not seen for longer is told as interrupted."""
SLIPS = ("slip", "tilt", "heading")
"""Alarms of a strap that is no longer where it was."""
SWAPPED = "units in place"
"""The check of a calibration that fails where thigh and shank unit are exchanged."""
SIGN_DEG = 6.0
"""The direction is judged after this much: well above sway at rest, below a small repetition."""


def now_s() -> float:
    """Return the server's clock in seconds, by which conditions come and go."""
    return now_ms() / 1000.0


@dataclass
class _LegSeen:
    stillness: Stillness = field(default_factory=Stillness)
    step: Step | None = None
    checks: list[dict[str, Any]] = field(default_factory=list)
    sign: str = "open"
    count: tuple[int, int] = (0, 0)
    taken_back: int = 0
    """Repetitions of this set that somebody said are none."""
    ranges: list[float] = field(default_factory=list)
    """Of the repetitions of the set, degrees."""
    held_s: float = 0.0
    """The longest hold of the session so far, of a hold or a timer."""
    is_swapped: bool = False
    falls: bool = False
    """Whether the first repetitions went the other way."""


class PageDisplay:
    """Shows a session on every open page."""

    def __init__(
        self,
        hub: Hub,
        tracker: Tracker,
        exercise: Exercise,
        reps: int,
        conditions: Conditions | None = None,
    ) -> None:
        self._hub, self._tracker, self._exercise, self._reps = hub, tracker, exercise, reps
        self._conditions = conditions or Conditions()
        self._quiet = False
        self._is_interrupted = False
        """Whether a leg was not seen for a while since its set began."""
        self._seen_s: dict[Side, float] = {}
        self._legs = {side: _LegSeen() for side in tracker.sides}
        self._start_deg: dict[Side, float] = {}
        self._guide_s = -1.0
        self._set_told = 0
        self._tell_count()
        self._tell_calibration()

    def show(self, update: Update) -> None:
        """Take what one frame brought."""
        for side, news in update.guided.items():
            self._legs[side].checks = checks_message(news.result)
        for side, step in self._tracker.steps.items():
            self._follow_step(side, step, update)
        if update.legs:
            self._show_legs(update)
        elif update.time_s >= self._guide_s + GUIDE_EVERY_S:
            self._guide_s = update.time_s
            self._tell_guide()

    def catch_up(self, update: Update) -> None:
        """Take what a frame brought long ago, in silence."""
        self._quiet = True
        self.show(update)
        self._quiet = False

    def say(self, text: str) -> None:
        """Say something that matters."""
        self._happened("say", **told(text))

    def close(self) -> None:
        """Nothing is held."""

    def _happened(self, what: str, **more: Any) -> None:  # noqa: ANN401 (JSON)
        if not self._quiet:
            self._hub.happened(what, **more)

    def _follow_step(self, side: Side, step: Step, update: Update) -> None:
        seen = self._legs[side]
        leg_side = str(side)
        self._conditions.see(
            "swapped", seen.is_swapped, now_s(), about=leg_side, side=leg_side, remedies=("swap",)
        )
        leg = self._tracker.units_of(side)
        if seen.step is not Step.READY:
            q = update.frame.q
            q_thigh = IDENTITY if leg.thigh is None else q[leg.thigh]
            seen.stillness.push(update.time_s, q_thigh, q[leg.shank])
        news = update.guided.get(side)
        if step is not seen.step or news is not None:
            failed = news.result if news is not None and step is not Step.READY else None
            seen.step = step
            seen.stillness.begin(step)
            self._tell_calibration()
            seen.is_swapped = any(c["name"] == SWAPPED and not c["passed"] for c in seen.checks)
            self._happened(
                "refused_step" if failed else "step",
                side=str(side),
                step=step.name.lower(),
                **told(
                    Said.together(sentences(failed))
                    if failed
                    else asked(step, self._exercise, self._tracker.bends_asked(side))
                ),
            )

    def _tell_guide(self) -> None:
        waiting = [s for s in self._legs.values() if s.step not in (None, Step.READY)]
        if not waiting:
            return
        slowest = min(waiting, key=lambda seen: seen.stillness.still_s)
        step = slowest.step or Step.STAND
        self._hub.newest(
            {
                "type": "guide",
                "step": step.name.lower(),
                "still_s": round(slowest.stillness.still_s, 1),
                "need_s": NEEDED_S[step],
                "moves_dps": round(slowest.stillness.moves_dps, 1),
                "bends": min(s.stillness.bends for s in waiting),
                "bends_asked": max(map(self._tracker.bends_asked, self._tracker.steps)),
            }
        )

    def _tell_calibration(self) -> None:
        legs = {
            str(side): {
                "step": seen.step.name.lower() if seen.step else "",
                "checks": seen.checks,
                "sign": seen.sign,
                "start_deg": self._start_deg.get(side),
            }
            for side, seen in self._legs.items()
        }
        self._hub.newest({"type": "calibration", "legs": legs}, keep=True)

    def _show_legs(self, update: Update) -> None:
        legs = {}
        for side, leg in update.legs.items():
            calibration = self._tracker.calibrations.get(side)
            if calibration is not None and side not in self._start_deg:
                self._start_deg[side] = round(self._tracker.start_levels_deg[side], 1)
                self._tell_calibration()
            q_shank = update.frame.q[self._tracker.units_of(side).shank]
            legs[side] = leg_message(leg, calibration, q_shank)
            self._watch_holes(side, update, leg)
            if calibration is not None:
                self._judge_sign(side, leg.rotation_deg - self._start_deg[side])
                away = leg.phase == "away" and not math.isnan(leg.signal_deg)
                self._conditions.see("pose", away, now_s(), about=str(side), side=str(side))
        for said in update.announcements:
            self._announce(said)
        self._hub.newest(frame_message(update.time_s, legs))

    def _watch_holes(self, side: Side, update: Update, leg: LegUpdate) -> None:
        """Tell that a set was interrupted where its leg was not seen; a new set is whole again."""
        if not self._exercise.is_counted:
            self._legs[side].held_s = max(self._legs[side].held_s, leg.hold_s)
        if update.frame.q[self._tracker.units_of(side).shank] is None:
            return
        hole_s = update.time_s - self._seen_s.get(side, update.time_s)
        self._seen_s[side] = update.time_s
        if hole_s > INTERRUPTED_S and leg.set_open:
            self._is_interrupted = True
            self._tell_count()

    def _judge_sign(self, side: Side, risen_deg: float) -> None:
        seen = self._legs[side]
        if seen.sign == "good" and not seen.falls:
            return
        now = "good" if risen_deg > SIGN_DEG else "falls" if risen_deg < -SIGN_DEG else seen.sign
        falls = now == "falls" or seen.falls
        leg = str(side)
        self._conditions.see(
            "falls", falls, now_s(), about=leg, side=leg, remedies=("other_leg", "swap")
        )
        if now != seen.sign:
            seen.sign = now
            self._tell_calibration()

    def _announce(self, said: Announcement) -> None:
        movement, text = said.movement, sentence(said, self._exercise)
        if said.kind not in MOVEMENT_KINDS or movement is None:
            if said.kind is Kind.ALARM:
                self._alarm(said, text)
            elif said.kind in CUES:  # seconds, sets and faults the page shows by itself
                self._happened("cue", **told(text))
            return
        seen = self._legs[said.side]
        if said.set != seen.count[0] and movement.status == "valid":
            seen.ranges, self._is_interrupted, seen.taken_back = [], False, 0
        if (said.set, said.rep) >= seen.count:  # what a leg has done stays done
            seen.count = (said.set, said.rep)
        if movement.status == "valid":
            seen.ranges.append(movement.range_deg)
        self._tell_count()
        self._happened(
            "rep" if movement.status == "valid" else movement.status,
            side=str(said.side),
            reps=said.rep - seen.taken_back,
            set=said.set,
            range_deg=round(movement.range_deg, 1),
            from_s=round(movement.onset_s, 2),
            to_s=round(movement.announced_s, 2),
            **told(text),
        )
        done = all(
            s.count[0] == said.set and s.count[1] - s.taken_back >= self._reps
            for s in self._legs.values()
        )
        if done and self._set_told != said.set:
            self._set_told = said.set
            self._happened("set", set=said.set)

    def _alarm(self, said: Announcement, text: str) -> None:
        """Say what a person should mend; it is shown as a condition until it is mended."""
        side = str(said.side)
        if said.reason in SLIPS:
            slip = {"side": side, "reason": said.reason, "text": said.text}
            self._conditions.hold("slipped", now_s(), about=side, remedies=("slipped",), **slip)
        elif said.reason == "wrong_way":
            self._legs[said.side].falls = True
        self._happened("alarm", **told(text))

    def recount(self, side: str, by: int) -> None:
        """Show so many repetitions more, or fewer, in the set of a leg, or of both."""
        for leg, seen in self._legs.items():
            if side in (str(leg), "both"):
                seen.taken_back = max(0, seen.taken_back - by)
        self._tell_count()

    def _tell_count(self) -> None:
        counts = {
            str(side): {
                "set": seen.count[0],
                "reps": seen.count[1] - seen.taken_back,
                "range_deg": round(median(seen.ranges), 1) if seen.ranges else None,
                "held_s": round(seen.held_s, 1),
            }
            for side, seen in self._legs.items()
        }
        self._hub.newest(
            {"type": "count", "interrupted": self._is_interrupted, **counts}, keep=True
        )


class BothDisplays:
    """The page and the terminal at once."""

    def __init__(self, *displays: Any) -> None:  # noqa: ANN401 (each is a Display)
        self._displays = displays

    def show(self, update: Update) -> None:
        """Show on each."""
        for display in self._displays:
            display.show(update)

    def catch_up(self, update: Update) -> None:
        """Let each take it in silence."""
        for display in self._displays:
            display.catch_up(update)

    def say(self, text: str) -> None:
        """Say on each."""
        for display in self._displays:
            display.say(text)

    def close(self) -> None:
        """Close each."""
        for display in self._displays:
            display.close()


async def tell_units(
    hub: Hub,
    units: Sequence[Unit],
    links: Sequence[Link],
    clock_ns: Callable[[], int],
    look: Callable[[list[dict[str, Any]]], None] = lambda _: None,
) -> None:
    """Tell link state, battery, rate and loss of every unit, until cancelled; `look` hears it."""
    seen: deque[tuple[float, list[int]]] = deque(maxlen=LOSS_OVER + 1)
    heard_s = [0.0] * len(links)
    while True:
        now_s = clock_ns() * 1e-9
        counts = [link.counts.samples for link in links]
        for index, count in enumerate(counts):
            if not seen or count > seen[-1][1][index]:
                heard_s[index] = now_s
        seen.append((now_s, counts))
        told = [
            {
                "label": unit.label,
                "name": unit.name,
                "state": str(link.state),
                "battery": link.battery_percent,
                "silent_s": round(now_s - heard_s[index], 1),
                **_flow(index, unit.rate_hz, list(seen)),
            }
            for index, (unit, link) in enumerate(zip(units, links, strict=True))
        ]
        hub.newest({"type": "units", "units": told})
        look(told)
        await asyncio.sleep(UNITS_EVERY_S)


def _flow(
    index: int, nominal_hz: float, seen: list[tuple[float, list[int]]]
) -> dict[str, float | None]:
    """Return the present rate and the share lost recently, counted from the first sample."""
    flowing = [(t, counts[index]) for t, counts in seen if counts[index] > 0]
    if len(flowing) < 3:
        return {"rate_hz": None, "lost": None}
    recent = flowing[-1 - RATE_OVER :]
    spans = [
        (b[0] - a[0], b[1] - a[1]) for a, b in ((recent[0], recent[-1]), (flowing[0], flowing[-1]))
    ]
    (near_s, near), (far_s, far) = spans
    if near_s <= 0 or far_s <= 0:
        return {"rate_hz": None, "lost": None}
    lost = max(0.0, 1.0 - far / (far_s * nominal_hz))
    return {"rate_hz": round(near / near_s, 1), "lost": round(100.0 * lost, 1)}
