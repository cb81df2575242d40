"""Runs main.py as a board does. Words: run, lonely, held, dead, silent or check; two folders."""

import sys

import world

scenario, firmware, board = sys.argv[1:4]
sys.path.append(firmware)
sys.path.append(board)

time = world.World()
sensor = world.Sensor(time)
machine = world.Machine(time, sensor)
sys.modules["time"] = time
sys.modules["machine"] = machine
air = world.AIR

RATE = "7d9b0003-2f6e-4c1a-9a57-3be0c1d24f68"
NAME = "7d9b0005-2f6e-4c1a-9a57-3be0c1d24f68"


def happen():
    """Let the computer do something at its time."""
    while script and time.now_us >= script[0][0]:
        script.pop(0)[1]()


def sleep_ms(ms, wait=time.sleep_ms):
    wait(ms)
    happen()


time.sleep_ms = sleep_ms


def end():
    raise world.Stopped("the test is over")


def fall_silent():
    sensor.silent = True


script = []
if scenario in ("run", "silent"):
    script = [
        (1000000, air.connect),
        (1500000, lambda: air.write(RATE, b"\x3c\x00")),
        (1600000, lambda: air.write(NAME, "hipturn li ✓".encode())),
        (6500000, lambda: air.write(RATE, b"\x00\x00")),
        (7000000, air.disconnect),
        (8000000, end),
    ]
if scenario == "silent":
    script.insert(3, (3000000, fall_silent))
if scenario == "held":
    machine.levels[37] = 0
if scenario == "dead":
    sensor.dead = True

import boot  # noqa: E402, F401 - the board runs it first

try:
    if scenario == "check":
        import check  # noqa: F401
    else:
        import main  # noqa: F401

    print("over")
except world.Stopped as stopped:
    print("stopped:", stopped.args[0])
print("now", time.now_us // 1000000)
print("hold", machine.levels[4])
print("notifications", len(air.sent))
print("longest", machine.longest_us)
if air.shown:
    print("shown", air.shown[-1][2][2:].decode())
