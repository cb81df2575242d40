"""A real browser as a phone: its sensors are made up, its page, its encryption and network real."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import json
import math
import threading
import time
import urllib.request
from unittest import mock

from phones import attitude
from websockets.sync.client import connect
from window import headless

from hipturn.phone.listener import phones_welcome
from hipturn.phone.worn import WornPhone
from hipturn.session.live import LiveSession
from hipturn.session.radio_session import Wish, hold_session

SENSORS = ("accelerometer", "gyroscope", "linear-acceleration")
FED_HZ = 80.0
"""Sensors run faster than the page reads them."""


def phone_browser():
    """Return a headless Chromium that takes our certificate, or skip."""
    window, _ = headless(
        "--ignore-certificate-errors", "--disable-background-timer-throttling", patience_s=60
    )
    return window


class PhoneInBrowser:
    """One browser that stands for a phone."""

    def __init__(self):
        self.window = phone_browser()
        address = self.window.capabilities["goog:chromeOptions"]["debuggerAddress"]
        with urllib.request.urlopen(f"http://{address}/json") as answer:
            targets = json.load(answer)
        url = next(t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
        self._open = contextlib.ExitStack()
        self._devtools = self._open.enter_context(connect(url, proxy=None, max_size=None))
        self._number = 0
        self._end = threading.Event()
        self._feeder = None
        for kind in SENSORS:
            self.tell("Emulation.setSensorOverrideEnabled", enabled=True, type=kind)

    def tell(self, method, **params):
        """Tell the browser something without waiting for its answer."""
        self._number += 1
        self._devtools.send(json.dumps({"id": self._number, "method": method, "params": params}))
        with contextlib.suppress(TimeoutError):
            while True:
                self._devtools.recv(0)

    def lie(self, row, sign=1, told=True):
        """Have the sensors say a row, and the orientation that goes with it."""
        named = zip(SENSORS, (tuple(sign * a for a in row.acc), row.gyr, (0, 0, 0)), strict=True)
        for kind, (x, y, z) in named:
            reading = {"xyz": {"x": x, "y": y, "z": z}}
            self.tell("Emulation.setSensorOverrideReadings", type=kind, reading=reading)
        if told:
            beta, gamma = attitude(row)
            self.tell(
                "DeviceOrientation.setDeviceOrientationOverride", alpha=0, beta=beta, gamma=gamma
            )

    def feed(self, rows, clock_s, **how):
        """Feed rows at their times, by a clock, in a thread of its own."""
        times = [row.time_s for row in rows]

        def work():
            told_s = -math.inf
            while not self._end.is_set():
                now_s = clock_s()
                at = bisect.bisect(times, now_s)
                if at == len(times):
                    return
                tells = now_s - told_s > 0.1
                told_s = now_s if tells else told_s
                self.lie(between(rows, at, now_s), told=tells, **how)
                time.sleep(1 / FED_HZ)

        self._feeder = threading.Thread(target=work, daemon=True)
        self._feeder.start()

    def open(self, url):
        """Open a link and tap the button."""
        self.window.get(url)
        button = self.window.find_element("id", "be")
        wait = time.monotonic() + 10.0
        while not button.is_displayed() and time.monotonic() < wait:
            time.sleep(0.05)  # until its words are there
        button.click()

    def before_the_page(self, script):
        """Run a script before that of any page."""
        command = "Page.addScriptToEvaluateOnNewDocument"
        self.window.execute_cdp_cmd(command, {"source": script})

    def says(self):
        return self.window.find_element("id", "say").text

    def close(self):
        self._end.set()
        if self._feeder is not None:
            self._feeder.join(10)
        with contextlib.suppress(Exception):
            self._open.close()
        with contextlib.suppress(Exception):  # it may be closed already
            self.window.quit()


def between(rows, at, now_s):
    """Return the row at a time, by a straight line: what sensors would measure then."""
    if at == 0:
        return rows[0]
    a, b = rows[at - 1], rows[at]
    share = (now_s - a.time_s) / (b.time_s - a.time_s)

    def mixed(u, v):
        return tuple(p + (q - p) * share for p, q in zip(u, v, strict=True))

    return type(a)(now_s, mixed(a.acc, b.acc), mixed(a.gyr, b.gyr))


class PhoneSession:
    """A session on the computer in a thread of its own, waiting for phones on loopback."""

    def __init__(self, places, root, exercise="seated_internal_rotation"):
        self.phones = [WornPhone.on(place) for place in places]
        self.urls, self.folder, self.failed = [], None, None
        self.port = 0
        self.frames = []
        """(when it was shown, by the monotonic clock; the update) of every frame."""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(exercise, root), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def _work(self, exercise, root):
        def show(session, update, before=LiveSession._show):
            self.frames.append((time.monotonic(), update))
            before(session, update)

        async def run():
            self._loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            wish = Wish(exercise=exercise, root=str(root), source="virtual")
            async with phones_welcome([one.at for one in self.phones], "127.0.0.1") as listener:
                self.port = listener.port
                self.urls = [listener.url(one.at) for one in self.phones]
                self._ready.set()
                self.folder = await hold_session(self.phones, wish, self.stop)
                await asyncio.sleep(0.5)

        try:
            with mock.patch.object(LiveSession, "_show", show):
                asyncio.run(run())
        except Exception as error:  # told to who waits for the end
            self.failed = error
            self._ready.set()

    def do(self, call):
        """Run something in the session's loop."""
        self._loop.call_soon_threadsafe(call)

    def end(self):
        """End the session and return its folder."""
        self.do(self.stop.set)
        self._thread.join(60)
        if self.failed is not None:
            raise self.failed
        return self.folder
