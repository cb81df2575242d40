"""The unit: it does what it is told, and turns what the sensor measures into notifications.

Any Python runs this file: the sensor, the link, the clock and the board are given to it. `turn` is
called every ten milliseconds or so; only it works, nothing happens in interrupts.
"""

from hipturn_unit.control import Control
from hipturn_unit.grid import Clock, Grid
from hipturn_unit.records import NAME, RATE, Batch, records_at_once

SILENT_US = 500000  # a sensor that gives nothing for so long has failed
BATTERY_US = 20000000
LONGEST_LOOK_US = 1000000  # the sensor's buffer holds a third of it
LONGEST_ALONE_US = 1000000000  # counted no further, below 2**30; the board is off long before
FULL_MV, EMPTY_MV = 4150, 3300  # of a lithium cell under this load, taken as a straight line


class SensorSilent(Exception):  # noqa: N818 - a sentence, as it stands in last_error.txt
    """The sensor gave no sample for half a second."""


class Unit:
    """One unit.

    Parameters
    ----------
    sensor, sample_hz, divisors
        `clear`, `waiting` and `next`; what it is set to; what its sums are divided by.
    link
        `events`, `advertise`, `notify`, `put`, `put_battery`.
    ticks_us, ticks_diff
        The board's clock.
    battery_mv
        Returns the cell's voltage.
    keep_name
        Is given a new name, to keep it over a restart.
    """

    def __init__(
        self, sensor, sample_hz, divisors, link, ticks_us, ticks_diff, battery_mv, keep_name, name
    ):
        self.unsent = 0
        self.alone_us = 0
        self._sensor, self._link = sensor, link
        self._battery_mv, self._keep_name = battery_mv, keep_name
        self._clock = Clock(ticks_us, ticks_diff)
        self._grid = Grid(sample_hz, divisors, self._send)
        self._batch = Batch()
        self._control = Control(name)
        self._connected = self._running = False
        self._at_once = 1
        self._mtu = 23
        self._silent_us = 0
        self._battery_us = 0
        link.put(RATE, self._control.rate_bytes())
        link.put(NAME, name.encode())
        link.put_battery(percent_of(battery_mv()))
        link.advertise(name)

    def turn(self):
        """Do all that is due.

        Raises
        ------
        SensorSilent, OSError
            When the sensor has failed.
        """
        elapsed_us = self._clock.read()
        while self._link.events:
            self._obey(*self._link.events.pop(0))
        if not self._control.sending:
            self._running = False
        elif not self._running:
            self._start()
        else:
            self._look(elapsed_us)
        self.alone_us = 0 if self._connected else min(self.alone_us + elapsed_us, LONGEST_ALONE_US)
        self._battery_us += elapsed_us
        if self._battery_us >= BATTERY_US:
            self._battery_us = 0
            self._link.put_battery(percent_of(self._battery_mv()))

    def _obey(self, what, value):
        """Take what the link noted: `connected`, `lost`, `mtu`, or a written characteristic."""
        control, link = self._control, self._link
        if what == "connected":
            self._connected, self._mtu = True, 23
        elif what == "lost":
            self._connected = control.sending = False
            link.advertise(control.name)
        elif what == "mtu":
            self._mtu = value
        elif what == RATE:
            before_hz = control.rate_hz
            control.write_rate(value)
            self._running = self._running and control.sending and control.rate_hz == before_hz
            link.put(RATE, control.rate_bytes())
        elif what == NAME:
            if control.write_name(value):
                self._keep_name(control.name)
            link.put(NAME, control.name.encode())
        at_once = records_at_once(control.rate_hz, self._mtu)
        if at_once != self._at_once:
            self._at_once = at_once
            self._batch.begin(at_once)

    def _start(self):
        """Begin to send: the first interval starts now."""
        self._sensor.clear()
        self._clock.read()
        self._grid.start(self._control.rate_hz, self._clock.low, self._clock.high)
        self._batch.begin(self._at_once)
        self._silent_us = 0
        self._running = True

    def _look(self, elapsed_us):
        """Fetch what the sensor has measured since the last look."""
        sensor, grid = self._sensor, self._grid
        count = sensor.waiting()
        slack_us = self._clock.since_us()
        if count < 0 or elapsed_us > LONGEST_LOOK_US:
            sensor.clear()
            grid.lost(elapsed_us + self._clock.read())
            return
        grid.look(elapsed_us, slack_us, count)
        for _ in range(count):
            grid.take(sensor.next())
        self._silent_us = 0 if count else self._silent_us + elapsed_us
        if self._silent_us > SILENT_US:
            raise SensorSilent("the sensor gave no sample for half a second")

    def _send(self, grid):
        """Take a record; send the notification that it completes. What does not go out is lost."""
        full = self._batch.add(grid.time_low, grid.time_high, grid.number, grid.values)
        if full is not None and not self._link.notify(full):
            self.unsent += 1


def percent_of(millivolts):
    """Return the charge in percent."""
    return max(0, min(100, (millivolts - EMPTY_MV) * 100 // (FULL_MV - EMPTY_MV)))
