"""Phones as the units of a visit: invited on the page, let in, turned over, worn."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest
from phones import attitude, hand_rows

from hipturn.course import Course, Item, Stage, one_item
from hipturn.errors import UserError
from hipturn.phone import invited, listener
from hipturn.phone.start import NEVER_TRIED
from hipturn.server.commands import RefusedCommandError, parse
from hipturn.server.desk import Desk
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.session.radio_session import Wish
from hipturn.session.rigs import RadioRig
from hipturn.words import Said
from imu.phone.batch import Batch, write_batch

pytest.importorskip("cryptography", reason="the extra [tls] is not installed")
EXERCISE = "seated_internal_rotation"
ONE, TWO = "1" * 16, "2" * 16


@pytest.fixture
def on_loopback(monkeypatch):
    monkeypatch.setattr(listener, "lan_address", lambda: "127.0.0.1")
    monkeypatch.setattr(invited, "CLOSE_DOOR_S", 0.0)


async def until(found, seconds=30.0):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def at_units(root):
    """Return a desk at the stage `units`, where no unit is on the air."""
    course = Course.one(Item.of(one_item(EXERCISE, "right")))
    rig = RadioRig(lambda _: {}, Wish(exercise=EXERCISE, root=str(root)))
    desk = Desk(Hub(), Library(root), course, lambda _: rig, root, say=lambda _: None)
    desk.begin()
    for do in ("wearer", "nobody", "next"):
        desk.obey({"do": do})
    return desk


def turned_over(link):
    """Give a link what a browser gives while its phone is turned over in a hand."""
    link.hello(ONE, 1.0)
    rows = hand_rows()
    for i in range(0, len(rows), 3):
        part = rows[i : i + 3]
        link.hear(write_batch(Batch(i, part[-1].time_s, part)))
        link.attitude(*attitude(part[-1]))


def test_a_phone_is_invited_turned_over_and_worn_and_a_second_one_let_in(tmp_path, on_loopback):
    async def run():
        desk = await at_units(tmp_path)
        desk.obey({"do": "phone"})
        await until(lambda: "invited" in desk._more)
        (row,) = desk._more["invited"]
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+/unit\?t=[\w-]{22}#right%20shank", row["url"])
        assert len(row["code"]) == len(row["code"][0]) > 30
        assert {"next", "skip"}.isdisjoint(desk.can())  # nothing can be measured yet
        (phone,) = desk.host.links._phones
        phone.at.ask(ONE)
        turned_over(phone.at.link)
        await until(lambda: desk.visit.found)
        await until(lambda: not desk._more["invited"][0]["code"])  # who has come needs none
        phone.at.ask(TWO)
        await until(lambda: desk.visit.asking == "right shank")
        desk.obey({"do": "admit"})
        assert phone.at.holder == TWO
        assert desk.visit.working, desk.visit.problem
        desk.obey({"do": "skip"})
        assert desk.visit.stage is Stage.STRAPS
        assert desk._message()["phones"] == ["shank"]
        assert NEVER_TRIED in desk.host.rig.wish().notes
        desk.obey({"do": "home"})
        await until(lambda: phone.at.link.is_over)
        assert desk.visit.phones == ()
        await desk.close()

    asyncio.run(run())


def test_two_phones_are_thigh_and_shank_and_what_is_no_place_is_refused(tmp_path, on_loopback):
    async def run():
        desk = await at_units(tmp_path)
        desk.obey({"do": "phone", "places": ["shank", "thigh"]})
        await until(lambda: len(desk._more.get("invited", [])) == 2)
        assert {row["label"] for row in desk._more["invited"]} == {"right shank", "right thigh"}
        await desk.close()

    asyncio.run(run())


@pytest.mark.parametrize("places", [["thigh"], [], ["shank", "nose"], "shank", [{}]])
def test_places_without_a_shank_are_refused(places):

    with pytest.raises(RefusedCommandError, match="places is a list"):
        parse(json.dumps({"do": "phone", "places": places}))


def test_without_the_extra_the_page_says_what_to_install(tmp_path, on_loopback, monkeypatch):
    def missing(_):
        raise UserError(Said("trouble.no_encryption"))

    monkeypatch.setattr(listener, "own_identity", missing)

    async def run():
        desk = await at_units(tmp_path)
        desk.obey({"do": "phone"})
        await until(lambda: "hipturn[tls]" in desk.visit.problem)
        assert "phone" in desk.can()
        await desk.close()

    asyncio.run(run())
