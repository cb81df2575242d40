"""What the unit was told: its rate, whether to send, its name. Any Python runs this file.

Anybody in range may write anything. What is not allowed changes nothing.
"""

from hipturn_unit.records import DEFAULT_RATE_HZ, RATES_HZ

MAX_NAME_BYTES = 20  # what a characteristic keeps, and what a scan response has room for
STOP_HZ = 0


class Control:
    """The unit's settings; after each write the unit puts them into its characteristics."""

    def __init__(self, name):
        self.rate_hz = DEFAULT_RATE_HZ
        self.sending = False
        self.name = name

    def write_rate(self, value):
        """Take a write of the rate: an allowed one starts, 0 stops, anything else is ignored."""
        if len(value) != 2:
            return
        rate_hz = value[0] | value[1] << 8
        if rate_hz == STOP_HZ:
            self.sending = False
        elif rate_hz in RATES_HZ:
            self.rate_hz = rate_hz
            self.sending = True

    def write_name(self, value):
        """Take a write of the name; return whether it is a new one."""
        name = plain_name(value)
        if name is None or name == self.name:
            return False
        self.name = name
        return True

    def rate_bytes(self):
        """Return the rate as its characteristic holds it; it is kept while nothing is sent."""
        return bytes((self.rate_hz & 0xFF, self.rate_hz >> 8))


def plain_name(value):
    """Return bytes as a name; None where they are none: empty, too long, not UTF-8, not printed."""
    if not 0 < len(value) <= MAX_NAME_BYTES:
        return None
    try:
        name = bytes(value).decode("utf-8")
    except UnicodeError:
        return None
    if name.strip() != name or any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        return None
    return name
