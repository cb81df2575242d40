"""What the unit sends: its characteristics, its rates, and records of 20 bytes, several at once.

Any Python runs this file. Little-endian, one record:

    0-3    u32       time in µs at the end of the interval, wraps
    4-9    i16 x 3   mean acceleration in g, x 4096
    10-11  i16       temperature as the sensor gives it
    12-13  u16       number, one more a record, wraps
    14-19  i16 x 3   mean rotation rate in degrees/s, x 16
"""

SERVICE = "7d9b0001-2f6e-4c1a-9a57-3be0c1d24f68"
RATE = "7d9b0003-2f6e-4c1a-9a57-3be0c1d24f68"
RAW = "7d9b0004-2f6e-4c1a-9a57-3be0c1d24f68"
NAME = "7d9b0005-2f6e-4c1a-9a57-3be0c1d24f68"

RATES_HZ = (30, 60, 100, 120)
DEFAULT_RATE_HZ = 60

ACC_PER_G = 4096
GYR_PER_DPS = 16

RECORD_BYTES = 20
HEADER_BYTES = 3  # of a notification, within the MTU
BATCH_MS = 50  # 20 notifications a second: units that sent more often have lost links
MOST_RECORDS = 6  # 50 ms at 120 Hz


def records_at_once(rate_hz, mtu):
    """Return how many records one notification carries, from 1 up.

    `rate_hz` is one of `RATES_HZ`; `mtu` is what the link agreed on, in bytes, from 23 up.
    """
    fit = (mtu - HEADER_BYTES) // RECORD_BYTES
    return max(1, min(fit, rate_hz * BATCH_MS // 1000))


def put16(buffer, at, value):
    """Put the low 16 bits of a whole number, negative ones as two's complement."""
    buffer[at] = value & 0xFF
    buffer[at + 1] = (value >> 8) & 0xFF


class Batch:
    """Collects records until they fill a notification."""

    def __init__(self):
        self._bytes = bytearray(RECORD_BYTES * MOST_RECORDS)
        whole = memoryview(self._bytes)
        self._parts = [whole[: RECORD_BYTES * count] for count in range(MOST_RECORDS + 1)]
        self._size = 1
        self._held = 0

    def begin(self, size):
        """Start anew with `size` records a notification; what was held is dropped."""
        self._size = size
        self._held = 0

    def add(self, time_low, time_high, number, values):
        """Add one record; return the notification when it is full, else None.

        `values` holds acceleration, temperature and rotation rate, seven 16-bit numbers. The
        notification is only valid until the next record.
        """
        buffer = self._bytes
        at = self._held * RECORD_BYTES
        put16(buffer, at, time_low)
        put16(buffer, at + 2, time_high)
        put16(buffer, at + 12, number)
        for index in range(4):  # three axes and the temperature
            put16(buffer, at + 4 + 2 * index, values[index])
        for index in range(4, 7):
            put16(buffer, at + 6 + 2 * index, values[index])
        self._held += 1
        if self._held < self._size:
            return None
        self._held = 0
        return self._parts[self._size]
