"""The board's clock, and records at exact intervals of it from a sensor that runs at its own pace.

A sensor's oscillator is off by percents, and the computer fuses with the step that the times show.
So each record is the mean over one interval of the board's crystal. Where the samples lie in time
is learnt from looks at the sensor's buffer: at each look the newest sample is not from the future,
and the next one is not there yet. These two bounds steer phase and period.

Any Python runs this file. All numbers stay below 2**30, which a board keeps without allocating.
"""

# Times are in ticks of 1/192 µs: 192 is 3 x 64, so the interval of every rate is a whole number,
# and a change of the period by one tick is 1 ppm.
TICKS_A_US = 192
US_A_SECOND = 1000000
INTERVAL_WEIGHT = 12800  # an interval in the units that samples are weighed by: x 2**15 is < 2**30
AXES = 6

# How fast the period follows: a violated bound changes it by a share of the violation, 1/4 at
# first, since the oscillator may be off by 6 %, then less and less, so that a single late look does
# not matter.
FASTEST_SHARE = 4
SLOWEST_SHARE = 128
LOOKS_A_SHARE = 12  # looks until the share is halved; as many find the phase alone after a start
OFF_PER_CENT = 8  # a period farther from the sensor's data sheet is not believed


class Clock:
    """Microseconds since the start, as two halves of 16 bits.

    A board's ticks wrap at 2**30 (18 minutes); a u32 of them would jump there.
    """

    def __init__(self, ticks_us, ticks_diff):
        self._ticks_us = ticks_us
        self._ticks_diff = ticks_diff
        self._last = ticks_us()
        self.low = 0
        self.high = 0

    def read(self):
        """Take the time; return the µs since it was taken last, which is at most 8 minutes."""
        now = self._ticks_us()
        elapsed_us = self._ticks_diff(now, self._last)
        self._last = now
        low = self.low + (elapsed_us & 0xFFFF)
        self.high = (self.high + (elapsed_us >> 16) + (low >> 16)) & 0xFFFF
        self.low = low & 0xFFFF
        return elapsed_us

    def since_us(self):
        """Return the µs since the time was taken last."""
        return self._ticks_diff(self._ticks_us(), self._last)


class Grid:
    """Turns samples into records.

    Parameters
    ----------
    sample_hz
        What the sensor is set to, samples a second by its own oscillator.
    divisors
        For each of the six axes: a weighed sum of samples divided by this is what a record holds.
    emit
        Called with the grid when a record is complete: `time_low`, `time_high`, `number`, `values`.
    """

    def __init__(self, sample_hz, divisors, emit):
        self._divisors = divisors
        self._emit = emit
        self._nominal = US_A_SECOND // sample_hz * TICKS_A_US
        self._period = self._nominal
        self._sums = [0] * AXES
        self.values = [0] * (AXES + 1)
        self.number = 0
        self._share = FASTEST_SHARE

    def start(self, rate_hz, time_low, time_high):
        """Start the first interval now; the sensor's buffer was just emptied.

        The number goes on, and what is known of the sensor's period is kept.
        """
        self._rate_hz = rate_hz
        self._interval = US_A_SECOND * TICKS_A_US // rate_hz
        self._unit = self._interval // INTERVAL_WEIGHT
        self._step_us = self._interval // TICKS_A_US
        self._step_part = self._interval % TICKS_A_US
        self.time_low = time_low
        self.time_high = time_high
        self._part = 0
        self._left = self._interval
        self._whole = True
        self._empty()

    def _empty(self):
        """Begin to cover time from now on; where between two samples now is, is not known."""
        self._uncovered = 0
        self._since = self._period // 2
        self._looks = -LOOKS_A_SHARE
        self._weighed = (self._interval - self._left) // self._unit
        for axis in range(AXES):
            self._sums[axis] = 0

    def lost(self, elapsed_us):
        """Say that all samples since the last look are lost, `elapsed_us` ago.

        Numbers and times go on; the interval that now lies in is lost as well.
        """
        while elapsed_us >= US_A_SECOND:  # a whole number of intervals at every rate
            elapsed_us -= US_A_SECOND
            self.number = (self.number + self._rate_hz) & 0xFFFF
            self._advance(US_A_SECOND)
        gone = self._uncovered + elapsed_us * TICKS_A_US
        while gone >= self._left:
            gone -= self._left
            self._move_on()
        self._left -= gone
        self._whole = False
        self._empty()

    def look(self, elapsed_us, slack_us, count):
        """Learn from one look at the sensor's buffer; each sample is then given to `take`.

        Parameters
        ----------
        elapsed_us
            Since the last look, up to a second.
        slack_us
            How long it took to ask for `count`.
        count
            The samples that are new.
        """
        period = self._period
        elapsed = elapsed_us * TICKS_A_US
        since = self._since + elapsed - count * period  # from the newest sample to now
        early = -since - slack_us * TICKS_A_US
        late = since - period
        if early > 0:  # the newest sample would be from the future
            since += early
            self._steer(-early)
        elif late > 0:  # the next sample would be here
            since -= late
            self._steer(late)
        self._since = since
        self._uncovered += elapsed
        self._looks += 1
        if self._looks >= LOOKS_A_SHARE and self._share < SLOWEST_SHARE:
            self._looks = 0
            self._share *= 2
        # What lies between the sample before and the newest belongs to these samples alike.
        span = max(0, self._uncovered - since)
        if count:
            self._uncovered -= span
            self._span = span // count
            self._longer = span - self._span * count

    def _steer(self, off):
        """Change the period by a share of what the phase was off."""
        if self._looks < 0:
            return
        most = self._nominal * OFF_PER_CENT // 100
        period = self._period + off // self._share
        self._period = min(max(period, self._nominal - most), self._nominal + most)

    def take(self, sample):
        """Take the next sample of the look: acceleration, temperature, rotation rate, as raw."""
        span = self._span
        if self._longer:
            self._longer -= 1
            span += 1
        while span >= self._left:
            span -= self._left
            self._add(sample, INTERVAL_WEIGHT)
            self._complete(sample)
            self._move_on()
            if self._whole:
                self._emit(self)
            self._whole = True
            self._weighed = 0
        self._left -= span
        self._add(sample, (self._interval - self._left) // self._unit)

    def _add(self, sample, until):
        """Weigh a sample from what was weighed before up to here."""
        weight = until - self._weighed
        self._weighed = until
        sums = self._sums
        for axis in range(3):
            sums[axis] += sample[axis] * weight
            sums[axis + 3] += sample[axis + 4] * weight

    def _complete(self, sample):
        """Make the record of the interval that ends; what division leaves goes into the next."""
        sums, values = self._sums, self.values
        for axis in range(AXES):
            mean = sums[axis] // self._divisors[axis]
            sums[axis] -= mean * self._divisors[axis]
            values[axis if axis < 3 else axis + 1] = mean
        values[3] = sample[3]

    def _move_on(self):
        """Go to the end of the interval: its time and its number."""
        self._advance(self._step_us)
        self._part += self._step_part
        if self._part >= TICKS_A_US:
            self._part -= TICKS_A_US
            self._advance(1)
        self.number = (self.number + 1) & 0xFFFF
        self._left = self._interval

    def _advance(self, us):
        """Move the time of the records on."""
        low = self.time_low + (us & 0xFFFF)
        self.time_high = (self.time_high + (us >> 16) + (low >> 16)) & 0xFFFF
        self.time_low = low & 0xFFFF
