"""How many samples a second a raw unit really sends, by its own clock.

Raw data is fused by steps in time. A step that is 4 % too long turns 90° into 93.6°, and a unit set
to 60 that sends 100 makes 66.7° of a turn of 40°. So the step is measured in the first second, and
what was asked for is believed only where it is within a hundredth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imu.sample import FloatArray, IntArray, Unit

MEASURE_S = 1.0
TRUE_SHARE = 0.01
"""The rate asked for is kept where the clock shows it within this: crystals and ticks round."""
TAKEN_SHARE = 0.1
"""The clock's rate is taken up to here: inertial chips run up to some percent off. Beyond it the
unit does not do what it was set to, and its other settings are unknown too."""

UNDISTURBED = 0.25
"""Of the steps between messages at least this share is without a loss."""


@dataclass(frozen=True, slots=True)
class OwnRate:
    """What a unit's clock showed in its first second."""

    asked_hz: float
    measured_hz: float

    @property
    def rate_hz(self) -> float | None:
        """Return the samples a second to fuse with; None where the unit does not do as set."""
        off = abs(self.measured_hz / self.asked_hz - 1.0)
        if off <= TRUE_SHARE:
            return self.asked_hz
        return self.measured_hz if off <= TAKEN_SHARE else None

    def sentence(self, unit: Unit) -> str:
        """Return what is to be said of it; empty where it is as asked for."""
        sent = f"the {unit.label} unit sends {self.measured_hz:.3g} samples a second, not the"
        sent += f" {self.asked_hz:.3g} it was set to"
        if self.rate_hz is None:
            return f"{sent}: set it again with `hipturn configure`; it gives no angle until then"
        return "" if self.rate_hz == self.asked_hz else f"{sent}: its angles follow its own clock"


def measured_hz(device_s: FloatArray, host_ns: IntArray) -> float | None:
    """Return the samples a second by a unit's own clock; None when there are too few.

    Parameters
    ----------
    device_s
        Shape (n,), increasing: the samples' own times.
    host_ns
        Shape (n,): when they arrived. Samples of one message arrive at once, and units put them
        evenly between messages at the rate that they think they have.
    """
    begins = np.flatnonzero(np.diff(host_ns, prepend=host_ns[0] - 1) != 0)
    apart_s, held = np.diff(device_s[begins]), np.diff(begins)
    if len(apart_s) < 2:
        return None
    period_s = float(np.quantile(apart_s / held, UNDISTURBED))
    for _ in range(2):  # clocks that tick coarsely: the second time lost messages are sure
        sent = held * np.maximum(1.0, np.rint(apart_s / held / period_s))
        period_s = float(apart_s.sum() / sent.sum())
    return 1.0 / period_s
