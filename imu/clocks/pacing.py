"""Units without a clock: when samples were measured, inferred from the bursts they arrive in.

A connection event brings all samples measured since the last one, so the newest of a burst was
measured less than a sample period before it arrived. That, burst after burst, says where the
sample instants lie, to the greatest common divisor of period and connection interval at best.
Three things blur it. Inertial chips run their own oscillator, up to 1.5 % off the nominal rate. A
packet that had to be repeated holds up itself and all behind it. And a unit that numbers nothing
loses samples unnoticed: from there on each is measured a period later than counted.

A burst that comes late says nothing for long, a lost sample shifts all bursts that follow, a rate
that is off shifts them evenly. So the pacer keeps a histogram filter (Thrun, Burgard and Fox 2005,
Probabilistic Robotics, table 4.1) over the two numbers that matter, how late a sample is against
its count at the nominal rate and how far the unit's rate is off, and weighs both with every burst.
It uses arrivals up to now only; a burst costs 50 µs.
"""

from __future__ import annotations

import numpy as np

from imu.sample import FloatArray, IntArray

# Inertial chips keep their nominal rate within about 1 %.
MAX_RATE_OFF = 0.015
RATES = 25
RATE_DRIFT = 1e-4  # chance, per burst, that the rate moved to the next of the `RATES`, either way
# A period is divided into this many bins; the histogram reaches over five periods.
PERIOD_BINS = 8
BINS = 5 * PERIOD_BINS
BIN_DRIFT = 0.003  # chance, per burst, to be in the next bin, either way: rates between the `RATES`
# What a unit without numbers loses unseen, at worst: the estimate is wrong for two bursts after a
# loss whatever this is, and for longer when it is much too small.
LOST_SHARE = 0.02
# How likely the newest sample of a burst is to be older than a period, against being of a given
# age below it: 5 % of packets are repeated and then anything up to two intervals old.
LATE = 0.03
EARLY = 1e-4  # and to be measured after it arrived: only if the filter has lost its way
LOST_WAY = 2e-3
# Arrivals closer than this share of a period are of one burst: packets take 0.5 to 2.5 ms.
BURST_PERIODS = 0.5
# After this many bursts in a row that are all later than this, more was lost than one by one.
FAR_PERIODS = 2.5
FAR_BURSTS = 5


class BurstPacer:
    """Paces one unit's samples by their number, the rate and the offset learned from arrivals.

    Parameters
    ----------
    rate_hz
        The unit's nominal rate.
    numbered
        Whether steps show lost samples; else these are inferred.
    """

    def __init__(self, rate_hz: float, *, numbered: bool) -> None:
        self._period_s = 1.0 / rate_hz
        self._bin_s = self._period_s / PERIOD_BINS
        self._lost_share = 0.0 if numbered else LOST_SHARE
        self._rate_off: FloatArray = np.linspace(-MAX_RATE_OFF, MAX_RATE_OFF, RATES)
        self._belief_in_rates: FloatArray = np.full(RATES, 1.0 / RATES)
        self._bins: IntArray = np.arange(BINS)
        self._host_s = self._counted_s = self._slack_s = 0.0
        self._steps = 0
        self._restart(0.0)

    @property
    def period_off(self) -> float:
        """Return by which share the unit's period is longer than the nominal one."""
        return float(self._belief_in_rates @ self._rate_off)

    def time_s(self, host_s: float, step: int) -> float:
        """Return when a sample was measured.

        Parameters
        ----------
        host_s
            Its arrival.
        step
            Samples since the last one; negative where an epoch begins: what was learned of the
            rate stays.
        """
        if step < 0:
            self._host_s = self._counted_s = host_s
            self._slack_s, self._steps = 0.0, 0
            self._restart(0.0)
            return host_s + self._late_s
        if host_s - self._host_s > BURST_PERIODS * self._period_s:
            self._weigh()
            self._steps = 0
        self._counted_s += step * self._period_s
        self._steps += step
        self._host_s, self._slack_s = host_s, host_s - self._counted_s
        since_s = self._steps * self._period_s * self._off
        return self._counted_s + min(self._late_s + since_s, self._slack_s)

    def _restart(self, slack_s: float) -> None:
        """Know no more of the offset than that a sample arrived less than a period later."""
        self._origin_s = slack_s - (BINS // 2 + 0.5) * self._bin_s
        self._shift: FloatArray = np.zeros(RATES)  # of each rate's bins, in bins
        self._belief: FloatArray = np.zeros((RATES, BINS))
        own = slice(BINS // 2 - PERIOD_BINS + 1, BINS // 2 + 1)
        self._belief[:, own] = self._belief_in_rates[:, None] / PERIOD_BINS
        self._late_s = slack_s - self._period_s / 2.0
        self._off = self.period_off
        self._far = 0
        self._least_slack_s = np.inf

    def _weigh(self) -> None:
        """Learn from the newest sample of a burst that is over."""
        self._predict()
        age = (self._slack_s - self._origin_s) / self._bin_s - self._shift[:, None] - self._bins
        likely = np.where(age < 0.0, EARLY, np.where(age < PERIOD_BINS, 1.0, LATE))
        belief = self._belief * likely
        total = float(belief.sum())
        if total < LOST_WAY:
            self._restart(self._slack_s)
            return
        self._belief = belief / total
        self._belief_in_rates = self._belief.sum(axis=1)
        self._off = self.period_off
        self._recentre(float(((self._bins + self._shift[:, None]) * self._belief).sum()))
        self._watch()

    def _predict(self) -> None:
        """Move the histogram on by the samples of the burst."""
        self._shift += self._rate_off * (self._steps * PERIOD_BINS)
        whole = np.rint(self._shift).astype(np.int64)
        self._shift -= whole
        for rate in np.flatnonzero(whole).tolist():
            self._belief[rate] = _moved(self._belief[rate], int(whole[rate]))
        old = self._belief
        lost = min(0.5, self._lost_share * self._steps)
        new = (1.0 - lost - 2.0 * BIN_DRIFT) * old
        new[:, PERIOD_BINS:] += lost * old[:, :-PERIOD_BINS]
        new[:, 1:] += BIN_DRIFT * old[:, :-1]
        new[:, :-1] += BIN_DRIFT * old[:, 1:]
        new[1:] += RATE_DRIFT * old[:-1]
        new[:-1] += RATE_DRIFT * old[1:]
        self._belief = new

    def _recentre(self, mean: float) -> None:
        """Note the offset, and keep it near the middle of the histogram."""
        self._late_s = self._origin_s + mean * self._bin_s
        beyond = PERIOD_BINS * ((mean > BINS * 0.625) - (mean < BINS * 0.375))
        if beyond:
            self._origin_s += beyond * self._bin_s
            self._belief = _moved(self._belief, -beyond)

    def _watch(self) -> None:
        """Start again where burst after burst comes too late for what was lost one by one."""
        if self._slack_s - self._late_s <= FAR_PERIODS * self._period_s:
            self._far, self._least_slack_s = 0, np.inf
            return
        self._far += 1
        self._least_slack_s = min(self._least_slack_s, self._slack_s)
        if self._far >= FAR_BURSTS:
            self._restart(self._least_slack_s)


def _moved(belief: FloatArray, bins: int) -> FloatArray:
    """Return a histogram (..., BINS) moved by whole bins; what leaves it is forgotten."""
    moved = np.zeros_like(belief)
    if bins > 0:
        moved[..., bins:] = belief[..., :-bins]
    else:
        moved[..., :bins] = belief[..., -bins:]
    return moved
