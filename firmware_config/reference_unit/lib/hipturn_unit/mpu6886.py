"""The MPU-6886 over I2C: 200 samples a second into its own buffer, read in order.

Its axes are sent as they are: x, y and z as the chip has them, right-handed. The registers are
those that public drivers of the chip use; not yet tried on a board. Any Python with an `i2c` like
MicroPython's runs this file.
"""

from hipturn_unit.grid import INTERVAL_WEIGHT
from hipturn_unit.records import ACC_PER_G, GYR_PER_DPS

ADDRESS = 0x68
WHO_AM_I, IDENTITY = 0x75, 0x19
PWR_MGMT_1, RESET, BEST_CLOCK = 0x6B, 0x80, 0x01
SMPLRT_DIV, EVERY_FIFTH = 0x19, 4  # of 1000 a second
CONFIG, STOP_WHEN_FULL, GYRO_92_HZ = 0x1A, 0x40, 0x02
GYRO_CONFIG, TO_2000_DPS = 0x1B, 0x18
ACCEL_CONFIG, TO_8_G = 0x1C, 0x10
ACCEL_CONFIG_2, ACCEL_99_HZ = 0x1D, 0x02
FIFO_EN, GYRO_AND_ACCEL = 0x23, 0x18
USER_CTRL, FIFO_ON, FIFO_RESET = 0x6A, 0x40, 0x04
FIFO_COUNT, FIFO_READ = 0x72, 0x74

SAMPLE_HZ = 200
FULL = -1
FRAME_BYTES = 14  # acceleration, temperature, rotation rate, high byte first
MOST_FRAMES = 72  # of 1024 bytes; with one more the buffer may have stopped: 0.36 s
CHUNK_FRAMES = 16  # read at once: 5 ms at 400 kHz

SENSOR_ACC_PER_G = 4096  # at 8 g
SENSOR_GYR_PER_10_DPS = 164  # at 2000 degrees/s
ACC_DIVISOR = INTERVAL_WEIGHT * SENSOR_ACC_PER_G // ACC_PER_G
GYR_DIVISOR = INTERVAL_WEIGHT * SENSOR_GYR_PER_10_DPS // (10 * GYR_PER_DPS)
DIVISORS = (ACC_DIVISOR,) * 3 + (GYR_DIVISOR,) * 3


class MPU6886:
    """The sensor, set up and running.

    Parameters
    ----------
    i2c
        `readfrom_mem_into`, `writeto_mem`; 400 kHz.
    sleep_ms
        Waits.

    Raises
    ------
    OSError
        When no MPU-6886 answers.
    """

    def __init__(self, i2c, sleep_ms):
        self._i2c = i2c
        self._two = bytearray(2)
        self._bytes = bytearray(FRAME_BYTES * CHUNK_FRAMES)
        whole = memoryview(self._bytes)
        self._parts = [whole[: FRAME_BYTES * count] for count in range(CHUNK_FRAMES + 1)]
        self._at = self._end = 0
        self._waiting = 0
        self._sample = [0] * 7
        one = bytearray(1)
        i2c.readfrom_mem_into(ADDRESS, WHO_AM_I, one)
        if one[0] != IDENTITY:
            raise OSError("the sensor says it is 0x%02x, not an MPU-6886: check the board" % one[0])
        self._write(PWR_MGMT_1, RESET)
        sleep_ms(100)
        self._write(PWR_MGMT_1, BEST_CLOCK)
        sleep_ms(50)
        self._write(CONFIG, STOP_WHEN_FULL | GYRO_92_HZ)
        self._write(SMPLRT_DIV, EVERY_FIFTH)
        self._write(GYRO_CONFIG, TO_2000_DPS)
        self._write(ACCEL_CONFIG, TO_8_G)
        self._write(ACCEL_CONFIG_2, ACCEL_99_HZ)
        self._write(FIFO_EN, GYRO_AND_ACCEL)
        self.clear()

    def _write(self, register, value):
        self._i2c.writeto_mem(ADDRESS, register, bytes((value,)))

    def clear(self):
        """Empty the buffer."""
        self._write(USER_CTRL, FIFO_ON | FIFO_RESET)
        self._at = self._end = self._waiting = 0

    def waiting(self):
        """Return how many samples are in the buffer; `FULL` when some may be lost."""
        two = self._two
        self._i2c.readfrom_mem_into(ADDRESS, FIFO_COUNT, two)
        count = (two[0] << 8 | two[1]) // FRAME_BYTES
        if count > MOST_FRAMES:
            return FULL
        self._waiting = count
        return count

    def next(self):
        """Return the next of the samples that were waiting, seven numbers; valid until the next."""
        if self._at == self._end:
            count = min(self._waiting, CHUNK_FRAMES)
            self._waiting -= count
            self._i2c.readfrom_mem_into(ADDRESS, FIFO_READ, self._parts[count])
            self._at, self._end = 0, FRAME_BYTES * count
        at, data, sample = self._at, self._bytes, self._sample
        for index in range(7):
            value = data[at] << 8 | data[at + 1]
            sample[index] = value - 65536 if value & 0x8000 else value
            at += 2
        self._at = at
        return sample
