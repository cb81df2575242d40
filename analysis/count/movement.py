"""When a movement counts, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from analysis.exercises import Exercise

HIP_ROTATION_MAX_DEG = 75.0
"""No hip turns in by more from its rest; a body that rolls over does."""
HIP_ROTATION_MAX_SHARE = 3.0
"""... nor by more of what is typical: no foot is lifted by 75° where 20° is much."""
PROXY_MAX_DEG = 130.0
"""No thigh and no bent leg goes farther in one movement."""
PROXY_MAX_SHARE = 1.75
ARM_S = 1.0
"""So long is the start position held before counting begins."""
FOOT_ARM_S = 2.0
"""Where a foot is to stay on a place, it is put there and kept there for so long first."""
REJECT_REASONS = (
    "too_short",
    "impact",
    "gap",
    "sensor_shift",
    "posture",
    "stopped_short",
    "timeout",
    "creep",
    "wrong_direction",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepSettings:
    """When a movement counts. Degrees and seconds; the reasons stand beside the numbers."""

    onset_deg: float
    """Smallest movement that is looked at."""
    min_range_deg: float
    """Smallest movement that is a repetition."""
    typical_range_deg: float
    """Stands in until the wearer's own range is known."""
    onset_share: float = 0.15
    reversal_min_deg: float = 2.0
    """Smallest fall from the peak that ends the way up; above the noise of the angle."""
    reversal_share: float = 0.15
    split_share: float = 0.5
    """A fall of this share of the range is a return, wherever it ends."""
    seat_share: float = 0.6
    """Who sat for long lower than this share of a movement rested there before it."""
    close_min_deg: float = 1.5
    close_share: float = 0.30
    final_min_deg: float = 1.0
    final_share: float = 0.10
    quiet_dps: float = 4.0
    """Slower than this over 0.3 s is quiet; the raw rate would call a tremor movement."""
    settled_s: float = 0.25
    """Quiet this long has stopped."""
    steady_s: float = 0.35
    """Within half a degree this long has stopped too: slower than `still_dps`."""
    still_dps: float = 1.5
    """Slower than this rests: drift, but not a slow start nor a slow return."""
    rise_s: float = 0.5
    fall_s: float = 0.1
    """Time constants of the rest level, up and down."""
    new_rest_s: float = 1.5
    """Quiet this long above the old rest position makes a new one."""
    new_home_s: float = 5.0
    """Quiet this long the start pose is here."""
    rest_step_deg: float = 5.0
    """The rest level follows upwards by no more in one shorter rest."""
    min_duration_s: float = 0.4
    """Shorter swings are bumps."""
    stuck_s: float = 6.0
    progress_deg: float = 0.5
    """A movement under way that gets no further than this in `stuck_s` is given up."""
    gap_s: float = 0.5
    """A longer hole in the data during a movement needs both ends on the same stroke."""
    gap_max_s: float = 1.0
    arm_s: float = ARM_S
    """In the start position this long begins the watch."""
    disarm_s: float = 1.5
    """Out of it this long ends the watch."""
    passing_s: float = 0.1
    """Out of it no longer is a knock, not a way past it."""
    strayed_s: float = 0.4
    """Out of it this long during a movement ends the movement: it is another one."""
    absent_s: float = 3.0
    """Away from the start position this long ends a set."""
    calibrated_range_deg: float = 0.0
    """The wearer's own range, where it is known beforehand: half of it is asked of a repetition."""
    max_range_deg: float = math.inf
    """A larger movement is another one, such as rolling over."""
    peak_rest_max_s: float = math.inf
    """Who rests longer at the far end does something else."""
    in_place_s: float = 1.0
    """The start position must have been seen so shortly before a movement begins and returns."""

    @classmethod
    def of(cls, exercise: Exercise) -> RepSettings:
        """Return the settings of a catalogue entry."""
        return cls(
            onset_deg=exercise.onset_deg,
            min_range_deg=exercise.min_range_deg,
            typical_range_deg=exercise.typical_range_deg,
            calibrated_range_deg=exercise.dose.range_deg,
            max_range_deg=_max_range_deg(exercise),
            peak_rest_max_s=exercise.peak_rest_max_s,
            arm_s=FOOT_ARM_S if exercise.foot_stays else ARM_S,
        )

    @property
    def valid_range_deg(self) -> float:
        """Return the smallest movement that is a repetition of this wearer."""
        return max(self.min_range_deg, 0.5 * self.calibrated_range_deg)

    def reversal_deg(self, size_deg: float) -> float:
        """Return how far a movement of a size must turn back to have turned."""
        return max(self.reversal_min_deg, self.reversal_share * size_deg)

    def close_deg(self, size_deg: float) -> float:
        """Return how near to its start a movement of a size has returned."""
        return max(self.close_min_deg, self.close_share * size_deg)

    def final_deg(self, size_deg: float) -> float:
        """Return how near to its start a movement of a size is announced."""
        return max(self.final_min_deg, self.final_share * size_deg)


def _max_range_deg(exercise: Exercise) -> float:
    if exercise.has_hip_angle:
        return min(HIP_ROTATION_MAX_SHARE * exercise.typical_range_deg, HIP_ROTATION_MAX_DEG)
    return min(PROXY_MAX_SHARE * exercise.typical_range_deg, PROXY_MAX_DEG)


class Movement(NamedTuple):
    """One movement that was counted, was too small, or was rejected."""

    status: str
    """`valid`, `partial` or `rejected`."""
    reason: str
    """One of `REJECT_REASONS` when rejected, else empty."""
    onset_s: float
    """When it first exceeded the onset threshold."""
    peak_s: float
    announced_s: float
    back_s: float
    """When it was back or had stopped; later than announced if it paused on the way."""
    level_deg: float
    """Rest level it started from; not the valley of a repetition that did not return."""
    anchor_deg: float
    """Rest position its return is judged by: the start pose, or where the leg last rested long."""
    range_deg: float
    """Peak minus level, of the filtered angle."""
    peaks: int
    stopped_short: bool
    """Whether it fell far enough to count but not back to rest."""
    after_absence: bool
    """Whether the wearer had left the start position for long before it."""
    bumped: bool = False
    """Whether a knock was bridged in it."""


class Outcome(NamedTuple):
    """What one sample brought: a movement to announce, one now complete, or neither."""

    announced: Movement | None
    completed: Movement | None


NOTHING = Outcome(None, None)
