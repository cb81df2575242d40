"""hipturn: hip internal rotation from strapped motion sensors."""

__version__ = "0.1.0"
