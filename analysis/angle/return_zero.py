"""The zero of an angle that drifts: renewed at still returns, lost when the wearer walks about."""

from __future__ import annotations

import math


class ReturnZero:
    """The zero of an angle that rests on heading, renewed when the wearer is back and still.

    A stretch of stillness near the zero that lasts long enough becomes the new zero: its mean, not
    the newest angle, so that the slow beginning of a movement is not taken for drift, and only as
    far as units drift while it lasts, and only if the angle does not run on meanwhile, so that a
    slow movement is not either. The offset
    goes there at a limited rate while the leg keeps still, so that the reading never jumps; how far
    the reading was off is kept as the residual.

    A wearer who leaves the start pose may face another direction on return, and so may a unit after
    a long hole: the zero is lost then, and the next stretch of stillness in the start pose is the
    new one, wherever that is.
    """

    STILL_RAD_S = math.radians(4.0)
    STILL_S = 0.3
    NEAR_RAD = math.radians(4.0)
    AGAIN_RAD = math.radians(1.0)
    """What a leg that keeps still sways; more is a slow movement, which is not drift."""
    RUN_RAD_S = math.radians(1.0)
    """Faster than this the angle of a leg that rests does not run: it drifts and sways by less."""
    NEAR_DRIFT_RAD_S = math.radians(0.2)
    """What a common unit's heading drifts at most: the longer ago the zero, the less near."""
    FIRST_DRIFT_RAD_S, FIRST_MAX_RAD = math.radians(0.5), math.radians(10.0)
    """The same, and its limit, until the first return: a unit may not know its bias yet."""
    PACE_RAD_S = math.radians(5.0)  # at 25 Hz 0.2° a sample: no step a person could see
    STEP_S = 0.04
    """After a hole it goes no farther than in one sample at 25 Hz."""
    GAP_S = 0.1
    """Who moved in a longer gap is not known to have kept still."""
    OUT_RAD, OUT_S = math.radians(30.0), 0.2
    """A limb this far from its slope in the start pose for so long steps, and may step round."""
    FAR_RAD = math.radians(75.0)
    """No hip turns so far: its wearer did."""
    ANEW_S = 0.8
    """A rest in a new place, and no pause on the way there."""

    def __init__(self, offset_rad: float, now_s: float) -> None:
        self.offset_rad = self.target_rad = offset_rad
        self.since_s = now_s
        self.residual_rad = 0.0
        self.is_lost = False
        self._out_from = math.inf
        self._returned = False
        self._near_rad: float | None = None
        self._first: tuple[float, float] | None = None
        self._still_from: float | None = None
        self._sum, self._count = 0.0, 0
        self._moments = (0.0, 0.0, 0.0)
        """Sums over a stretch of time, of its square, and of angle by time, from its beginning."""
        self.last_s = math.inf

    def lose(self) -> None:
        """Take that the angle may be another one from now on: the zero is to be found anew."""
        self.is_lost, self._still_from = True, None

    def push(
        self, time_s: float, angle_rad: float, speed_rad_s: float, *, in_pose: bool = True
    ) -> float:
        """Take the raw angle and the leg's speed; return the angle from the current zero.

        `in_pose` is whether the leg is in the start pose, as far as gravity shows it.
        """
        dt = max(time_s - self.last_s, 0.0)
        if dt > self.GAP_S:
            self._near_rad = self._still_from = self._first = None
        dt = min(dt, self.STEP_S)
        self.last_s = time_s
        reading = math.remainder(angle_rad - self.offset_rad, 2.0 * math.pi)
        self._see_whether_lost(time_s, reading, in_pose=in_pose)
        if self.is_lost:
            return self._found_anew(time_s, reading, still=speed_rad_s <= self.STILL_RAD_S)
        if speed_rad_s > self.STILL_RAD_S:
            self._near_rad = self._still_from = self._first = None
            self.target_rad = self.offset_rad  # a repetition keeps the zero that it began with
        else:
            if self._near_rad is None:  # decided once, or a long hold would become near at last
                since_s = time_s - self.since_s
                drifted = self.NEAR_DRIFT_RAD_S * since_s
                if not self._returned:
                    first = min(self.FIRST_DRIFT_RAD_S * since_s, self.FIRST_MAX_RAD)
                    drifted = max(drifted, first)
                self._near_rad = self.NEAR_RAD + drifted
            if abs(reading) <= self._near_rad:
                self._watch(time_s, reading)
            else:
                self._still_from = None
        step = math.remainder(self.target_rad - self.offset_rad, 2.0 * math.pi)
        step = max(-self.PACE_RAD_S * dt, min(self.PACE_RAD_S * dt, step))
        self.offset_rad += step
        return reading - step

    def _see_whether_lost(self, time_s: float, reading: float, *, in_pose: bool) -> None:
        if in_pose:
            self._out_from = math.inf
        elif self._out_from == math.inf:
            self._out_from = time_s
        out = time_s - self._out_from >= self.OUT_S
        if out or (abs(reading) > self.FAR_RAD and not self.is_lost):
            self.is_lost, self._still_from = True, None

    def _found_anew(self, time_s: float, reading: float, *, still: bool) -> float:
        """Return the angle from the zero; where it is a new one, it has just been found."""
        if not still:
            self._still_from = None
            return reading
        mean = self._mean_of_stretch(time_s, reading, self.ANEW_S)
        if mean is None:
            return reading
        reading += self.offset_rad - mean
        self.residual_rad = mean - self.target_rad
        self.offset_rad = self.target_rad = mean
        self.since_s = time_s
        self.is_lost, self._near_rad, self._first = False, None, None
        return reading

    def _mean_of_stretch(self, time_s: float, reading: float, lasts_s: float) -> float | None:
        """Return the mean angle of a still stretch that has lasted so long and did not run on."""
        if self._still_from is None:
            self._still_from, self._sum, self._count = time_s, 0.0, 0
            self._moments = (0.0, 0.0, 0.0)
        angle = self.offset_rad + reading  # the offset may be on its way to the last target
        since_s, (t, tt, at) = time_s - self._still_from, self._moments
        self._moments = (t + since_s, tt + since_s * since_s, at + angle * since_s)
        self._sum += angle
        self._count += 1
        if since_s < lasts_s:
            return None
        self._still_from = None
        return None if abs(self._slope()) > self.RUN_RAD_S else self._sum / self._count

    def _watch(self, time_s: float, reading: float) -> None:
        mean = self._mean_of_stretch(time_s, reading, self.STILL_S)
        if mean is not None:
            if self._first is None:
                self._first = (mean, time_s)
            first_rad, first_s = self._first
            allowed = self.AGAIN_RAD + self.NEAR_DRIFT_RAD_S * (time_s - first_s)
            if abs(mean - first_rad) <= allowed:
                self.residual_rad = mean - self.target_rad
                self.target_rad = mean
                self.since_s = time_s
                self._returned = True

    def _slope(self) -> float:
        """Return how fast (rad/s) the angle ran over the stretch: the line of least squares."""
        n, (t, tt, at) = self._count, self._moments
        spread = n * tt - t * t
        return (n * at - t * self._sum) / spread if spread > 0.0 else 0.0
