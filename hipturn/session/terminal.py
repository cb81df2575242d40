"""The read-out in a terminal: a large angle, repetitions, hold and quality.

With a real terminal a picture is drawn at most eight times a second; without one, plain lines say
what changed.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from analysis.exercises import SIGNAL_NAMES, Exercise
from analysis.session.leg_monitor import LegUpdate
from hipturn.session.pipeline import Update, rotation_text
from hipturn.session.spoken import sentence
from hipturn.words import Words
from imu.sample import Side

REFRESH_HZ = 8
"""Digits that change faster cannot be read."""
OLD_S = 1.0
"""A picture without news for longer shows no number: it would be taken for the angle now."""
PLAIN_EVERY_S = 5.0
"""Between two lines with the angle, so that announcements stay in view."""
# Digits five lines high, for reading from the mat.
_DIGITS = {
    "0": "█▀▀█|█  █|█  █|█▄▄█", "1": "  ▀█|   █|   █|   █", "2": "▀▀▀█|   █|█▀▀▀|█▄▄▄",
    "3": "▀▀▀█|  ▄█|   █|▄▄▄█", "4": "█  █|█  █|▀▀▀█|   █", "5": "█▀▀▀|█▄▄▄|   █|▄▄▄█",
    "6": "█▀▀▀|█▄▄▄|█  █|█▄▄█", "7": "▀▀▀█|  █ | █  | █  ", "8": "█▀▀█|█▄▄█|█  █|█▄▄█",
    "9": "█▀▀█|█▄▄█|   █|▄▄▄█", "-": "    |▄▄▄▄|    |    ", "–": "    |▄▄▄▄|    |    ",
    "°": "▄▄|▀▀|  |  ", " ": " | | | ",
}  # fmt: skip


NO_NUMBER = "– –"


class Display(Protocol):
    """Where a session is shown."""

    def show(self, update: Update) -> None:
        """Take what one frame brought."""

    def catch_up(self, update: Update) -> None:
        """Take what a frame brought long ago, in silence."""

    def say(self, text: str) -> None:
        """Say something that matters."""

    def close(self) -> None:
        """Give the terminal back."""


def open_display(exercise: Exercise, title: str, words: Words) -> Display:
    """Return a drawn read-out where there is a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        return DrawnDisplay(exercise, title, words)
    return PlainDisplay(exercise, title, words)


def big(text: str) -> Text:
    """Return digits four lines high."""
    rows = [_DIGITS[c].split("|") for c in text if c in _DIGITS]
    return Text("\n".join("  ".join(row[i] for row in rows) for i in range(4)), no_wrap=True)


class PlainDisplay:
    """Lines on standard output, for logs and pipes."""

    def __init__(self, exercise: Exercise, title: str, words: Words) -> None:
        self._exercise, self._words = exercise, words
        self._next_s = 0.0
        self.say(title)

    def show(self, update: Update) -> None:
        """Say every announcement, and the angle every few seconds."""
        for said in update.announcements:
            self.say(sentence(said, self._exercise))
        if update.announcements or update.time_s < self._next_s:
            return
        for side, leg in update.legs.items():
            self._next_s = update.time_s + PLAIN_EVERY_S
            text = reading(leg, self._exercise, self._words)
            words = self._words
            time_s = words.number(update.time_s, ".1f")
            where, phase = words.of("side", str(side)), words.of("phase", leg.phase)
            self.say(f"{time_s:>6} s  {where}  {text}  {phase}")

    def catch_up(self, update: Update) -> None:
        """Print nothing of what was long ago."""

    def say(self, text: str) -> None:
        """Print a line."""
        print(self._words.said(text), flush=True)

    def close(self) -> None:
        """Nothing is held."""


class DrawnDisplay:
    """A picture that is refreshed in place."""

    def __init__(
        self,
        exercise: Exercise,
        title: str,
        words: Words,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exercise, self._title, self._clock_s = exercise, title, clock_s
        self._words = words
        self._said: list[str] = []
        self._update: Update | None = None
        self._shown_s: float | None = None
        self._live = Live(
            get_renderable=self._draw, refresh_per_second=REFRESH_HZ, console=Console()
        )
        self._live.start()

    def show(self, update: Update) -> None:
        """Keep the newest; the picture is drawn at its own pace."""
        self._update, self._shown_s = update, self._clock_s()
        for said in update.announcements:
            self.say(sentence(said, self._exercise))

    def catch_up(self, update: Update) -> None:
        """Keep the newest, in silence."""
        self._update = update

    def say(self, text: str) -> None:
        """Keep the last lines under the read-out."""
        self._said = [*self._said[-3:], self._words.said(text)]

    def close(self) -> None:
        """Leave the last picture standing."""
        self._shown_s = None
        self._live.stop()

    @property
    def _old_s(self) -> float:
        """Return how old the number is once it is too old to be shown; else 0."""
        old_s = 0.0 if self._shown_s is None else self._clock_s() - self._shown_s
        return old_s if old_s > OLD_S else 0.0

    def _draw(self) -> RenderableType:
        update = self._update
        legs: Mapping[Side, LegUpdate] = update.legs if update else {}
        body: list[RenderableType] = []
        if not legs:
            waiting = f"\n{self._words('terminal.calibrating')}\n"
            body.append(Align.center(Text(waiting, style="bold")))
        old_s = self._old_s
        for side, leg in legs.items():
            large = NO_NUMBER if old_s else large_text(leg, self._exercise)
            body.append(Align.center(big(large)))
            body.append(Align.center(self._line(side, leg)))
        body.append(Text("\n" + "\n".join(self._said), style="dim"))
        at = f"{update.time_s:.0f} s" if update else ""
        at += self._words("terminal.no_data", seconds=old_s) if old_s else ""
        return Panel(Group(*body), title=self._title, subtitle=at)

    def _line(self, side: Side, leg: LegUpdate) -> Table:
        row = Table.grid(padding=(0, 3))
        words = self._words
        hold = words.of("phase", leg.phase)
        hold = f"{hold} {leg.hold_s:.0f} s" if leg.phase == "hold" else hold
        known = not math.isnan(told_deg(leg, self._exercise))
        sure = f"± {words.number(leg.sigma_deg, '.1f')}°" if known else words("angle.none")
        basis = words.of("basis", self._exercise.angle) if self._exercise.is_counted else ""
        target = self._exercise.dose.reps[0]
        row.add_row(
            Text(words.of("side", str(side)), style="bold"),
            Text(f"{leg.reps} / {target}", style="bold"),
            hold,
            f"{sure} {basis}",
        )
        return row


def told_deg(leg: LegUpdate, exercise: Exercise) -> float:
    """Return the angle that is shown; NaN where it is refused, even if it is still counted."""
    return leg.rotation_deg if exercise.has_hip_angle else leg.signal_deg


def large_text(leg: LegUpdate, exercise: Exercise) -> str:
    """Return what stands large: the counted angle, or the seconds of a hold or a timer."""
    if exercise.is_counted:
        return rotation_text(told_deg(leg, exercise))
    return f"{leg.hold_s:.0f}"


def reading(leg: LegUpdate, exercise: Exercise, words: Words) -> str:
    """Return the text of a plain line: an angle that is no hip rotation has its own name."""
    if not exercise.is_counted:
        return words("rest.held", seconds=leg.hold_s, of=exercise.dose.hold_s[0])
    angle = rotation_text(told_deg(leg, exercise))
    name = "" if exercise.has_hip_angle else f"{words.says(SIGNAL_NAMES[exercise.signal])} "
    return f"{name}{angle}"
