"""The Bluetooth link, over MicroPython's `bluetooth`: one computer at a time.

The interrupt only notes what happened, in order; `Unit.turn` takes it from `events`. MicroPython
notifies whether or not somebody subscribed, and never learns of it: so writing the rate starts.
"""

import binascii

import bluetooth

from hipturn_unit.records import NAME, RATE, RAW, SERVICE

CENTRAL_CONNECT, CENTRAL_DISCONNECT, GATTS_WRITE, MTU_EXCHANGED = 1, 2, 3, 21
READ, WRITE_WITHOUT_RESPONSE, WRITE, NOTIFY = 0x02, 0x04, 0x08, 0x10
FLAGS, ALL_SERVICES_128, COMPLETE_NAME = 0x01, 0x07, 0x09
GENERAL_DISCOVERABLE = 0x06  # and Bluetooth Low Energy only

MTU = 247  # what most systems grant; twelve records
ADVERTISE_US = 100000
MOST_EVENTS = 32  # a stranger's writes must not fill the memory
MOST_BYTES = 20  # of a write that is kept


def field(kind, value):
    """Return one field of an advertisement."""
    return bytes((len(value) + 1, kind)) + value


class Link:
    """The radio, on, with the unit's services.

    Parameters
    ----------
    name
        What the unit is called.
    serial
        Its serial number, a short text.
    """

    def __init__(self, name, serial):
        self.events = []
        self._connection = None
        self._ble = ble = bluetooth.BLE()
        ble.active(True)
        ble.config(mtu=MTU, gap_name=name)
        ble.irq(self._heard)
        uuid = bluetooth.UUID
        write = READ | WRITE | WRITE_WITHOUT_RESPONSE
        ours = (
            (uuid(RAW), NOTIFY),
            (uuid(RATE), write),
            (uuid(NAME), write),
        )
        handles = ble.gatts_register_services(
            (
                (uuid(SERVICE), ours),
                (uuid(0x180F), ((uuid(0x2A19), READ | NOTIFY),)),
                (uuid(0x180A), ((uuid(0x2A25), READ),)),
            )
        )
        (self._raw, rate, named), (self._battery,), (serial_at,) = handles
        self._handles = {RATE: rate, NAME: named}
        self._names = {rate: RATE, named: NAME}
        ble.gatts_set_buffer(rate, MOST_BYTES)
        ble.gatts_set_buffer(named, MOST_BYTES)
        ble.gatts_write(serial_at, serial.encode())

    def _heard(self, event, data):
        """Note what happened."""
        if event == CENTRAL_CONNECT:
            self._connection = data[0]
            self._note("connected", None)
            try:
                self._ble.gattc_exchange_mtu(self._connection)
            except OSError:
                pass  # the computer asks by itself
        elif event == CENTRAL_DISCONNECT:
            self._connection = None
            self._note("lost", None)
        elif event == MTU_EXCHANGED:
            self._note("mtu", data[1])
        elif event == GATTS_WRITE and data[1] in self._names:
            self._note(self._names[data[1]], bytes(self._ble.gatts_read(data[1])))

    def _note(self, what, value):
        """Keep an event; of too many writes the later ones are dropped, never what the link did."""
        if len(self.events) < MOST_EVENTS or what in ("connected", "lost", "mtu"):
            self.events.append((what, value))

    def advertise(self, name):
        """Be found: the service in the advertisement, the name in the answer to a scan."""
        service = bytes(reversed(binascii.unhexlify(SERVICE.replace("-", ""))))
        shown = field(FLAGS, bytes((GENERAL_DISCOVERABLE,))) + field(ALL_SERVICES_128, service)
        self._ble.config(gap_name=name)
        self._ble.gap_advertise(
            ADVERTISE_US, adv_data=shown, resp_data=field(COMPLETE_NAME, name.encode())
        )

    def notify(self, payload):
        """Send a notification; return whether the radio took it."""
        if self._connection is None:
            return False
        try:
            self._ble.gatts_notify(self._connection, self._raw, payload)
        except OSError:
            return False
        return True

    def put(self, characteristic, value):
        """Let a characteristic of ours hold a value."""
        self._ble.gatts_write(self._handles[characteristic], value)

    def put_battery(self, percent):
        """Let the battery level be this many percent, and tell it to who listens."""
        value = bytes((percent,))
        self._ble.gatts_write(self._battery, value)
        if self._connection is not None:
            try:
                self._ble.gatts_notify(self._connection, self._battery, value)
            except OSError:
                pass  # the radio is full; it is told again in 20 s
