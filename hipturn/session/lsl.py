"""A live session as Lab Streaming Layer outlets: orientations, hip angles, and what was counted.

Streams, with the session in their source ids:

- `hipturn-right-thigh` and so on, type `Orientation`: qw, qx, qy, qz, sensor to earth; NaN in gaps
- `hipturn-hip-angle`, type `JointAngle`: for each leg the internal rotation and its uncertainty in
  degrees; NaN where there is none
- `hipturn-events`, type `Markers`: a line of text for each movement and each sentence

A sample carries the LSL time at which it was measured, not at which it was sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hipturn.errors import UserError
from hipturn.session.pipeline import Update
from hipturn.session.terminal import Display
from imu.sample import Side, Unit

QUATERNION = ("qw", "qx", "qy", "qz")
REMEDY = "pip install 'hipturn[lsl]', and where its library liblsl is missing, install that too"


def load_library() -> Any:  # noqa: ANN401 (pylsl has no types)
    """Return pylsl.

    Raises
    ------
    UserError
        When it, or the library it needs, is not there.
    """
    try:
        import pylsl
    except (ImportError, RuntimeError, OSError) as error:  # the package, or its shared library
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"Lab Streaming Layer cannot be used ({first}): {REMEDY}") from None
    return pylsl


def name_of(unit: Unit) -> str:
    """Return what a unit's stream is called."""
    return f"hipturn-{unit.label}".replace(" ", "-")


class LslDisplay:
    """Shows a session on another display and streams it at the same time."""

    def __init__(
        self,
        display: Display,
        units: Sequence[Unit],
        name: str,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        """Open the outlets; `now_s` is the clock of the samples' seconds, here and now 0.

        Raises
        ------
        UserError
            When the library is missing.
        """
        self._pylsl = load_library()
        self._display = display
        self._sides = tuple(side for side in Side if any(unit.side == side for unit in units))
        self._now_s = now_s or self._pylsl.local_clock
        self._zero_s = float(self._now_s())
        self._orientations = [
            self._outlet(name_of(unit), "Orientation", QUATERNION, unit.rate_hz, name)
            for unit in units
        ]
        angles = [f"{side}_{what}_deg" for side in self._sides for what in ("rotation", "sigma")]
        rate_hz = max(unit.rate_hz for unit in units)
        self._angles = self._outlet("hipturn-hip-angle", "JointAngle", angles, rate_hz, name)
        markers = self._pylsl.StreamInfo(
            "hipturn-events", "Markers", 1, 0.0, "string", f"hipturn-events-{name}"
        )
        self._events = self._pylsl.StreamOutlet(markers)

    def show(self, update: Update) -> None:
        """Stream one frame, and show it."""
        at_s = self._zero_s + update.time_s
        for outlet, q in zip(self._orientations, update.frame.q, strict=True):
            outlet.push_sample(list(q) if q is not None else [math.nan] * 4, at_s)
        angles: list[float] = []
        for side in self._sides:
            leg = update.legs.get(side)
            angles += [math.nan] * 2 if leg is None else [leg.rotation_deg, leg.sigma_deg]
            if leg is not None and leg.announced is not None:
                moved = leg.announced
                said = f"{side} {moved.status} {leg.reps} {moved.range_deg:.1f}"
                self._events.push_sample([said], self._zero_s + moved.announced_s)
        self._angles.push_sample(angles, at_s)
        self._display.show(update)

    def catch_up(self, update: Update) -> None:
        """Stream nothing of what was long ago: it was streamed then."""
        self._display.catch_up(update)

    def say(self, text: str) -> None:
        """Stream a sentence and say it."""
        self._events.push_sample([text], float(self._now_s()))
        self._display.say(text)

    def close(self) -> None:
        """Close the display; the outlets end with it."""
        self._display.close()
        self._orientations, self._angles, self._events = [], None, None

    def _outlet(
        self, title: str, kind: str, channels: Sequence[str], rate_hz: float, name: str
    ) -> Any:  # noqa: ANN401
        source = f"{title}-{name}"
        info = self._pylsl.StreamInfo(title, kind, len(channels), rate_hz, "float32", source)
        listed = info.desc().append_child("channels")
        for channel in channels:
            listed.append_child("channel").append_child_value("label", channel)
        return self._pylsl.StreamOutlet(info)
