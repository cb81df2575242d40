"""Shows a live session on every open page, as the terminal prints it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from analysis.calibrate.guide import Step
from analysis.exercises import Exercise
from analysis.session.announcements import MOVEMENT_KINDS, Announcement, Kind
from hipturn.server.hub import Hub
from hipturn.server.messages import checks_message, frame_message, leg_message
from hipturn.server.stillness import NEEDED_S, Stillness
from hipturn.session.pipeline import Tracker, Update
from hipturn.session.spoken import sentence
from hipturn.session.terminal import step_text
from imu.air.link_state import LinkCounts, LinkState
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
SIGN_DEG = 6.0
"""The direction is judged after this much: well above sway at rest, below a small repetition."""


class Link(Protocol):
    """The part of a unit's link that is shown."""

    counts: LinkCounts
    battery_percent: int | None

    @property
    def state(self) -> LinkState:
        """The state of the link."""


@dataclass
class _LegSeen:
    stillness: Stillness = field(default_factory=Stillness)
    step: Step | None = None
    checks: list[dict[str, Any]] = field(default_factory=list)
    sign: str = "open"
    count: tuple[int, int] = (0, 0)


class PageDisplay:
    """Shows a session on every open page."""

    def __init__(self, hub: Hub, tracker: Tracker, exercise: Exercise, reps: int) -> None:
        self._hub, self._tracker, self._exercise, self._reps = hub, tracker, exercise, reps
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

    def say(self, text: str) -> None:
        """Say something that matters."""
        self._hub.happened("say", text=text)

    def close(self) -> None:
        """Nothing is held."""

    def _follow_step(self, side: Side, step: Step, update: Update) -> None:
        seen = self._legs[side]
        leg = self._tracker.units_of(side)
        if seen.step is not Step.READY:
            q = update.frame.q
            q_thigh = IDENTITY if leg.thigh is None else q[leg.thigh]
            seen.stillness.push(update.time_s, q_thigh, q[leg.shank])
        news = update.guided.get(side)
        if step is not seen.step or news is not None:
            refused = news is not None and news.result is not None and step is not Step.READY
            seen.step = step
            seen.stillness.begin(step)
            self._tell_calibration()
            self._hub.happened(
                "refused_step" if refused else "step",
                side=str(side),
                step=step.name.lower(),
                text=" ".join(c["text"] for c in seen.checks if c["text"] and not c["passed"])
                if refused
                else step_text(step, self._exercise),
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
            if calibration is not None:
                self._judge_sign(side, leg.rotation_deg - self._start_deg[side])
        for said in update.announcements:
            self._announce(said)
        self._hub.newest(frame_message(update.time_s, legs))

    def _judge_sign(self, side: Side, risen_deg: float) -> None:
        seen = self._legs[side]
        if seen.sign == "good":
            return
        now = "good" if risen_deg > SIGN_DEG else "falls" if risen_deg < -SIGN_DEG else seen.sign
        if now != seen.sign:
            seen.sign = now
            self._tell_calibration()

    def _announce(self, said: Announcement) -> None:
        movement, text = said.movement, sentence(said, self._exercise)
        if said.kind not in MOVEMENT_KINDS or movement is None:
            if said.kind is Kind.ALARM:
                self._hub.happened("alarm", text=text)
            elif said.kind in CUES:  # seconds, sets and faults the page shows by itself
                self._hub.happened("cue", text=text)
            return
        self._legs[said.side].count = (said.set, said.rep)
        self._tell_count()
        self._hub.happened(
            "rep" if movement.status == "valid" else movement.status,
            side=str(said.side),
            reps=said.rep,
            set=said.set,
            range_deg=round(movement.range_deg, 1),
            from_s=round(movement.onset_s, 2),
            to_s=round(movement.announced_s, 2),
            text=text,
        )
        done = all(s.count[0] == said.set and s.count[1] >= self._reps for s in self._legs.values())
        if done and self._set_told != said.set:
            self._set_told = said.set
            self._hub.happened("set", set=said.set)

    def _tell_count(self) -> None:
        counts = {
            str(side): {"set": seen.count[0], "reps": seen.count[1]}
            for side, seen in self._legs.items()
        }
        self._hub.newest({"type": "count", **counts}, keep=True)


class BothDisplays:
    """The page and the terminal at once."""

    def __init__(self, *displays: Any) -> None:  # noqa: ANN401 (each is a Display)
        self._displays = displays

    def show(self, update: Update) -> None:
        """Show on each."""
        for display in self._displays:
            display.show(update)

    def say(self, text: str) -> None:
        """Say on each."""
        for display in self._displays:
            display.say(text)

    def close(self) -> None:
        """Close each."""
        for display in self._displays:
            display.close()


async def tell_units(
    hub: Hub, units: Sequence[Unit], links: Sequence[Link], clock_ns: Callable[[], int]
) -> None:
    """Tell link state, battery, rate and loss of every unit, until cancelled."""
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
