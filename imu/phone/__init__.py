"""A phone as a unit: what it sends over the network, and when that may be believed.

batch.py       bytes → rows, and which of them count
sign.py        which way the acceleration points, by the phone's own orientation
hand_check.py  axes and units of measurement, while it is turned over in the hand
stream.py      batches → samples on an even grid, once both checks have passed
phone_link.py  the life of one phone: waiting, checking, streaming, silent, lost
phyphox.py     what the app phyphox answers → rows
profile.py     firmware_config/network/phone.toml
"""
