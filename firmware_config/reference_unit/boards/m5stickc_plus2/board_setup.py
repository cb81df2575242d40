"""The M5StickC Plus2: where its parts are connected. From the maker's pin map; not yet tried."""

import time

from hipturn_unit.mpu6886 import DIVISORS, MPU6886, SAMPLE_HZ
from machine import ADC, I2C, Pin

HOLD, BUTTON_A, BATTERY, SDA, SCL = 4, 37, 38, 21, 22

__all__ = ["DIVISORS", "SAMPLE_HZ", "battery_mv", "button_held", "power_off", "sensor"]


def button_held():
    """Return whether button A, the large one, is pressed."""
    return Pin(BUTTON_A, Pin.IN).value() == 0


def sensor():
    """Return the sensor, set up and running."""
    return MPU6886(I2C(0, scl=Pin(SCL), sda=Pin(SDA), freq=400000), time.sleep_ms)


def battery_mv():
    """Return the cell's voltage; the board measures half of it."""
    return ADC(Pin(BATTERY), atten=ADC.ATTN_11DB).read_uv() * 2 // 1000


def power_off():
    """Let the board switch itself off; on a cable it stays on."""
    Pin(HOLD, Pin.OUT, value=0)
