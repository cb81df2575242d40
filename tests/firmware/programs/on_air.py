"""Runs main.py in real time; the radio is standard input and output, the motion a file.

Words: the sensor's frames of 14 bytes, the oscillator's offset in thousandths, the chip's number in
hexadecimal digits, and the folders of main.py and of the board. Lines in: `connect MTU`,
`write UUID HEX`, `lost`, `go` (the motion begins). Lines out: `holds UUID HEX`, `sent HEX`.
"""

import binascii
import select
import sys
import time as real

import world

trace, off_per_mille, chip, firmware, board = sys.argv[1:6]
sys.path.append(firmware)
sys.path.append(board)
with open(trace, "rb") as file:
    frames = file.read()
LAST = len(frames) // world.FRAME_BYTES - 1


class Time:
    """The computer's own time."""

    def __init__(self):
        self.ticks_us, self.ticks_diff = real.ticks_us, real.ticks_diff
        self._passed_us, self._last = 0, real.ticks_us()
        self._heard = select.poll()
        self._heard.register(sys.stdin, select.POLLIN)

    @property
    def now_us(self):
        now = real.ticks_us()
        self._passed_us += real.ticks_diff(now, self._last)
        self._last = now
        return self._passed_us

    def sleep_ms(self, ms):
        until = real.ticks_add(real.ticks_ms(), ms)
        while True:
            left = real.ticks_diff(until, real.ticks_ms())
            if left <= 0:
                return
            if self._heard.poll(left):
                obey(sys.stdin.readline().split())

    def sleep(self, s):
        self.sleep_ms(1000 * s)


class Radio(world.Air):
    """What it holds and sends goes to standard output."""

    def gatts_write(self, handle, value):
        super().gatts_write(handle, value)
        for uuid, known in self.handles.items():
            if known == handle:
                print("holds", uuid, binascii.hexlify(value).decode())

    def gatts_notify(self, connection, handle, payload):
        if handle == self.handles[RAW]:
            print("sent", binascii.hexlify(payload).decode())


RAW = "7d9b0004-2f6e-4c1a-9a57-3be0c1d24f68"
time, air = Time(), Radio()
begun = None


def moved(index, axis):
    """Return what the sensor measures in a frame."""
    at = 0 if begun is None else min(max(0, index - begun), LAST)
    at = at * world.FRAME_BYTES + 2 * axis
    value = frames[at] << 8 | frames[at + 1]
    return value - 65536 if value & 0x8000 else value


def obey(words):
    """Do what a line says."""
    global begun
    if not words:
        raise world.Stopped("nobody is there")
    if words[0] == "connect":
        air.connect(int(words[1]))
    elif words[0] == "write":
        air.write(words[1], binascii.unhexlify(words[2]))
    elif words[0] == "lost" and air.connected:
        air.disconnect()
    elif words[0] == "go":
        sensor._go_on()
        begun = sensor._made


sensor = world.Sensor(time, int(off_per_mille), moved)
machine = world.Machine(time, sensor)
machine.unique_id = lambda: binascii.unhexlify(chip)
for name, module in (("time", time), ("machine", machine), ("bluetooth", air)):
    sys.modules[name] = module

try:
    import main  # noqa: F401
except world.Stopped as stopped:
    print("stopped", stopped.args[0])
