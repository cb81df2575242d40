"""Phones as units: who may be one, where they connect, and the session with them.

places.py    a place on the body that a phone can take, by its token
listener.py  the encrypted listener that phones connect to: `/unit` and nothing else
phyphox.py   a phone with the app phyphox in place of its browser
worn.py      a phone among the units of a session
start.py     `hipturn live --phone`: codes, what to say, the session
"""
