"""Runs the unit. After an error it is written to last_error.txt, and the board starts again.

Hold button A (the large one) while the board starts, and the program stays out: files can then be
changed. Once it runs, the watchdog restarts the board whenever it is stopped.
"""

import binascii
import sys
import time

import board_setup
import machine
from hipturn_unit.control import plain_name
from hipturn_unit.link import Link
from hipturn_unit.unit import Unit

# Uneven on purpose, and no multiple of the sensor's 5 ms: even looks would meet the sensor at the
# same phase each time, and where its samples lie would stay open.
LOOKS_MS = (8, 11, 9, 13)
ALONE_US = 600 * 1000000
HANG_MS = 8000
RESTART_S = 2
NAME_FILE = "name.txt"
ERROR_FILE = "last_error.txt"


def kept_name(serial):
    """Return the name that the unit was given, or else one from its serial number."""
    try:
        with open(NAME_FILE, "rb") as file:
            name = plain_name(file.read(64))
    except OSError:
        name = None
    return name or "hipturn " + serial[-4:]


def keep_name(name):
    """Keep a name over a restart."""
    with open(NAME_FILE, "wb") as file:
        file.write(name.encode())


def serial_number():
    """Return the last three bytes of the chip's number."""
    return binascii.hexlify(machine.unique_id()[-3:]).decode().upper()


def run(watchdog):
    """Be a unit until nobody has connected for ten minutes."""
    serial = serial_number()
    name = kept_name(serial)
    unit = Unit(
        board_setup.sensor(),
        board_setup.SAMPLE_HZ,
        board_setup.DIVISORS,
        Link(name, serial),
        time.ticks_us,
        time.ticks_diff,
        board_setup.battery_mv,
        keep_name,
        name,
    )
    look = 0
    while unit.alone_us < ALONE_US:
        unit.turn()
        watchdog.feed()
        time.sleep_ms(LOOKS_MS[look])
        look = (look + 1) % len(LOOKS_MS)


def main():
    """Run the unit, switch it off when it is not used, restart it when something fails."""
    if board_setup.button_held():
        print("Button A is held: the unit stays out, files can be changed.")
        return
    watchdog = machine.WDT(timeout=HANG_MS)
    try:
        run(watchdog)
    except Exception as error:
        sys.print_exception(error)
        with open(ERROR_FILE, "w") as file:
            sys.print_exception(error, file)
        time.sleep(RESTART_S)
        machine.reset()
    board_setup.power_off()
    machine.deepsleep()  # on a cable the board stays on: at least it rests


main()
