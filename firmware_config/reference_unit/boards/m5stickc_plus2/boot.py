"""Keeps the M5StickC Plus2 on: without its pin 4 high the board switches itself off."""

from machine import Pin

Pin(4, Pin.OUT, value=1)
