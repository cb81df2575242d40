"""A server for the page whose read-outs the test makes up, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from pathlib import Path

from analysis import exercises
from hipturn.server.desk import Desk
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.server.recorded import exercise_data
from hipturn.server.serve import PageChoice, Place, bind, served
from hipturn.visit import STAGES

TOKEN = "x" * 22  # as long as 128 bits are in this alphabet
EXERCISE = exercises.load("seated_internal_rotation")


class Feed:
    """A server whose read-outs the test makes up."""

    def __init__(self, port=None, root=None, token=TOKEN, tls=None, **greeting):
        self.hub = Hub()
        self.obeyed = []
        self.obey = self.obeyed.append
        self._library = Library(root or Path("nowhere"))
        self._greeting = {"lan": False, "first": "demo.seated_internal_rotation", "look": False}
        self._greeting |= greeting
        place = bind(PageChoice(port=port or free_port()))
        door = replace(place.door, token=token, tls=tls is not None)
        place = Place(place.bound, door, place.url, tls)
        self.port = place.door.port
        self.site = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.url = f"{self.site}/?t={token}"
        self.cookie = f"{door.cookie}={token}"
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        ready = threading.Event()

        async def run():
            async with served(
                place, self.hub, self._library, lambda do: self.obey(do), self._greeting
            ):
                ready.set()
                await self._stop.wait()

        def work():
            self._loop.run_until_complete(run())
            self._library.close()
            self._loop.close()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def lead(self, course, rig, root):
        """Lead through a visit with the simulated wearer of a rig, in place of making it up."""

        def begin():
            said = []
            desk = Desk(
                self.hub, self._library, course, lambda _: rig, root, say=said.append, virtual=True
            )
            desk.visit.delay_s = 0
            desk.begin()
            self.obey = desk.obey

        self.do(begin)

    def do(self, call, *args, **kwargs):
        """Run something in the server's loop and wait for it."""
        done = threading.Event()

        def run():
            call(*args, **kwargs)
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(5)

    def live(self, **more):
        """Go to the read-out, calibrated."""
        stage = {
            "type": "stage",
            "stage": "set",
            "virtual": False,
            "sides": ["right"],
            "plan": {
                "exercise": EXERCISE.id,
                "side": "right",
                "target_deg": 30.0,
                "reps": 10,
                "sets": 1,
                "hold_s": 0.0,
                "delay_s": 0,
                "name": "",
                "names": [],
                "sides": ["right"],
                "item": 1,
                "of": 1,
                "legs": 1,
                "done": 0,
                "test": False,
                "active": None,
            },
            "set": 1,
            "answers": {},
            "silent": [],
            "phones": [],
            "asking": "",
            "said": "",
            "until": 10**7,
            "exercise": exercise_data(EXERCISE),
        }
        stage |= more
        not_now = "pause" if stage.get("paused") else "resume"
        can = [do for do in STAGES[stage["stage"]] if do != not_now]
        self.do(self.hub.newest, {"can": can, **stage}, keep=True)
        legs = {"right": {"step": "ready", "checks": [], "sign": "good", "start_deg": 0.0}}
        self.do(self.hub.newest, {"type": "calibration", "legs": legs}, keep=True)
        count = {
            "type": "count",
            "interrupted": False,
            "right": {"set": 1, "reps": 3, "range_deg": 24.0, "held_s": 0.0},
        }
        self.do(self.hub.newest, count, keep=True)

    def frame(self, deg, time_s=1.0, phase="up", aside=300):
        """Show an angle."""
        leg = {
            "deg": deg,
            "sd": 0.6,
            "phase": phase,
            "hold": 0.0,
            "leg": [990, 0, -140, 0, aside, -950],
        }
        self.do(self.hub.newest, {"type": "frame", "time_s": time_s, "right": leg})

    def units(self, **changed):
        """Tell how a unit is."""
        unit = {
            "label": "right shank",
            "name": "S",
            "state": "streaming",
            "battery": 80,
            "silent_s": 0.0,
            "rate_hz": 60.0,
            "lost": 1.0,
        }
        self.do(self.hub.newest, {"type": "units", "units": [unit | changed]})

    def close(self):
        """End the server as if it were killed: every link is cut."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
