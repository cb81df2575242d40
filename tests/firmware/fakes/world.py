"""A board that is not there: its time, its sensor, its radio. Any Python runs this file.

Only whole numbers, so that every interpreter gives the same bytes; the sensor allocates nothing.
"""

import sys

TICKS = 0x3FFFFFFF  # MicroPython's ticks wrap beyond it; also its largest small integer
HALF = 0x20000000

FRAME_BYTES = 14
HELD_FRAMES = 73  # 1022 of 1024 bytes
WHO_AM_I, USER_CTRL, FIFO_COUNT, FIFO_READ = 0x75, 0x6A, 0x72, 0x74


class World:
    """What happens when, in µs."""

    def __init__(self, begun_us=0):
        self.now_us = begun_us
        self.stalls = []
        """(when, how long) the program is kept from running, in µs."""
        self.ticks = []

    def ticks_us(self):
        return self.now_us & TICKS

    def ticks_diff(self, one, other):
        off = (one - other) & TICKS
        return off if off < HALF else off - HALF - HALF

    def sleep_ms(self, ms):
        self.now_us += 1000 * ms
        if self.stalls and self.now_us >= self.stalls[0][0]:
            self.now_us += self.stalls.pop(0)[1]

    def sleep(self, s):
        self.sleep_ms(1000 * s)


def waves(index, axis):
    """Return made-up samples over the whole range; axis 3 is the temperature."""
    return (index * (37 + 211 * axis) + 9973 * axis) % 60000 - 30000


class Sensor:
    """An MPU-6886 on its I2C bus, whose oscillator is off."""

    def __init__(self, world, off_per_mille=0, signal=waves, first_us=3217):
        self.world, self.signal = world, signal
        self.registers = {}
        self.dead = self.silent = False
        self._next_us = world.now_us + first_us
        # 5 ms by its own clock, as whole µs and thousandths.
        self._period = 5000 * 1000 * 1000 // (1000 + off_per_mille)
        self._thousandths = 0
        self._made = self._from = 0

    def _go_on(self):
        while self._next_us <= self.world.now_us:
            self._thousandths += self._period % 1000
            self._next_us += self._period // 1000 + self._thousandths // 1000
            self._thousandths %= 1000
            if not self.silent and self._made - self._from < HELD_FRAMES:
                self._made += 1
            elif not self.silent:  # full: samples are lost
                self._made += 1
                self._from += 1

    def writeto_mem(self, address, register, value):
        if self.dead:
            raise OSError(19)
        self.registers[register] = value[0]
        if register == USER_CTRL and value[0] & 0x04:
            self._go_on()
            self._from = self._made

    def readfrom_mem_into(self, address, register, buffer):
        if self.dead:
            raise OSError(19)
        if register == WHO_AM_I:
            buffer[0] = 0x19
        elif register == FIFO_COUNT:
            self._go_on()
            held = (self._made - self._from) * FRAME_BYTES
            buffer[0], buffer[1] = held >> 8, held & 0xFF
        elif register == FIFO_READ:
            at = 0
            while at < len(buffer):
                for axis in range(7):
                    value = self.signal(self._from, axis)
                    buffer[at] = (value >> 8) & 0xFF
                    buffer[at + 1] = value & 0xFF
                    at += 2
                self._from += 1


class UUID:
    def __init__(self, value):
        self.value = value


class Air:
    """MicroPython's `bluetooth.BLE`, as its documentation reads, and who is at the other end."""

    UUID = UUID

    def __init__(self):
        self.values, self.handles, self.room = {}, {}, {}
        self.sent, self.shown, self.settings = [], [], {}
        self.full = False
        self.advertising = False
        self.connected = False
        self.keep = True

    def BLE(self):  # noqa: N802 - the name that MicroPython gives it
        return self

    def active(self, on):
        pass

    def config(self, **settings):
        self.settings.update(settings)

    def irq(self, handler):
        self.heard = handler

    def gatts_register_services(self, services):
        found = []
        for _, characteristics in services:
            handles = []
            for uuid, _flags in characteristics:
                handle = 10 + len(self.handles)
                self.handles[uuid.value] = handle
                self.values[handle] = b""
                self.room[handle] = 20
                handles.append(handle)
            found.append(tuple(handles))
        return tuple(found)

    def gatts_set_buffer(self, handle, size):
        self.room[handle] = size

    def gatts_write(self, handle, value):
        self.values[handle] = bytes(value)

    def gatts_read(self, handle):
        return self.values[handle]

    def gatts_notify(self, connection, handle, payload):
        if self.full:
            raise OSError(12)
        if self.keep and handle == self.handles["7d9b0004-2f6e-4c1a-9a57-3be0c1d24f68"]:
            self.sent.append(bytes(payload))

    def gattc_exchange_mtu(self, connection):
        raise OSError(114)  # the computer has begun already

    def gap_advertise(self, interval_us, adv_data=b"", resp_data=b""):
        self.advertising = True
        self.shown.append((interval_us, bytes(adv_data), bytes(resp_data)))

    # What the computer does

    def connect(self, mtu=247):
        self.advertising, self.connected = False, True
        self.heard(1, (0, 0, b"\x00" * 6))
        if mtu != 23:
            self.heard(21, (0, mtu))

    def write(self, uuid, value):
        handle = self.handles[uuid]
        self.values[handle] = bytes(value[: self.room[handle]])
        self.heard(3, (0, handle))

    def read(self, uuid):
        return self.values[self.handles[uuid]]

    def disconnect(self):
        self.connected = False
        self.heard(2, (0, 0, b"\x00" * 6))


class Stopped(BaseException):
    """The board is off, or starts again."""


class Machine:
    """MicroPython's `machine`: pins, the cell's voltage, the watchdog."""

    def __init__(self, world, sensor):
        self.world, self.sensor = world, sensor
        self.levels = {37: 1}
        self.fed_us = world.now_us
        self.longest_us = 0
        board = self

        class Pin:
            IN, OUT = 0, 1

            def __init__(self, number, mode=None, value=None):
                self.number = number
                if value is not None:
                    board.levels[number] = value

            def value(self):
                return board.levels[self.number]

        class ADC:
            ATTN_11DB = 3

            def __init__(self, pin, atten):
                pass

            def read_uv(self):
                return 1862500  # half of 3.725 V: 50 %

        class WDT:
            def __init__(self, timeout):
                board.fed_us = world.now_us

            def feed(self):
                board.longest_us = max(board.longest_us, world.now_us - board.fed_us)
                board.fed_us = world.now_us

        self.Pin, self.ADC, self.WDT = Pin, ADC, WDT

    def I2C(self, number, scl, sda, freq):  # noqa: N802 - the name that MicroPython gives it
        return self.sensor

    def unique_id(self):
        return b"\x10\x20\x30\xa1\xb2\xc3"

    def reset(self):
        raise Stopped("reset")

    def deepsleep(self):
        raise Stopped("off")


AIR = Air()
sys.modules["bluetooth"] = AIR
