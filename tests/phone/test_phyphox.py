"""phyphox as a unit, against a made-up phone that answers as its remote access does."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
import tomllib
import urllib.parse
import zipfile
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phones import hand_rows
from worn_phones import SHANK, error_of, in_hand_and_worn, passes, worn

import imu.importers
from hipturn.errors import UserError
from hipturn.phone.phyphox import EXPERIMENT, PhyphoxPhone, codes
from hipturn.phone.places import PhonePlace
from hipturn.phone.worn import WornPhone
from hipturn.session.radio_session import Wish, hold_session
from imu.air.link_state import LinkState
from imu.phone.phyphox import ACC, GYR, PhyphoxError, PhyphoxReader, check_buffers

LAG_S = 0.0037
"""Between the two streams of a phone."""


class Phone:
    """What a phone with phyphox has measured up to now."""

    def __init__(self, rows, session="abc", names=(*ACC, *GYR)):
        self.rows, self.session, self.now_s, self.names = rows, session, 0.0, names
        times = np.array([row.time_s for row in rows])
        gyr = np.array([row.gyr for row in rows])
        self.acc = np.column_stack((times, [row.acc for row in rows]))
        moved = [np.interp(times + LAG_S, times, column) for column in gyr.T]
        self.gyr = np.column_stack((times + LAG_S, *moved))

    def answer(self, query):
        """Answer `/get`: of each buffer what is after its threshold."""
        asked = dict(urllib.parse.parse_qsl(query.partition("?")[2]))
        buffers = {}
        for names, table in ((ACC, self.acc), (GYR, self.gyr)):
            since_s = float(asked[names[0]])
            new = table[(table[:, 0] > since_s) & (table[:, 0] <= self.now_s)]
            for name, column in zip(names, new.T, strict=True):
                assert asked[name].split("|") in ([repr(since_s)], [repr(since_s), names[0]])
                buffers[name] = {"size": 1000, "updateMode": "partial", "buffer": column.tolist()}
        return {"buffer": buffers, "status": {"session": self.session, "measuring": True}}

    def config(self):
        return {"title": "hipturn unit", "buffers": [{"name": n, "size": 0} for n in self.names]}


@contextlib.contextmanager
def served(phone):
    """Serve a phone's remote access on loopback; yield its address."""

    class Remote(BaseHTTPRequestHandler):
        def do_GET(self):
            known = {"/config": phone.config, "/control": lambda: {"result": True}}
            path = self.path.partition("?")[0]
            answer = phone.answer(self.path) if path == "/get" else known[path]()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Remote)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_rows_carry_the_rotation_rate_of_their_own_time():
    rows = hand_rows()
    phone, reader, found = Phone(rows), PhyphoxReader(), []
    for now_s in np.arange(0.1, 7.2, 0.1).tolist():
        phone.now_s = now_s
        found += reader.take(json.loads(json.dumps(phone.answer(reader.query))))
    by_time = {row.time_s: row for row in rows}
    assert len(found) > 0.98 * len(rows)
    for row in found:
        assert row.acc == pytest.approx(by_time[row.time_s].acc)
        assert row.gyr == pytest.approx(by_time[row.time_s].gyr, abs=0.02)


def test_an_experiment_that_was_cleared_begins_anew():
    phone, reader = Phone(hand_rows()), PhyphoxReader()
    phone.now_s = 5.0
    assert len(reader.take(phone.answer(reader.query))) > 200
    phone.session, phone.now_s = "def", 1.0
    assert reader.take(phone.answer(reader.query)) == []
    assert reader.session == "def"
    assert len(reader.take(phone.answer(reader.query))) > 40


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["buffer", "status", "session", *ACC, *GYR]), inner, max_size=5
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(JSON)
def test_any_answer_is_rows_or_a_sentence(answer):
    with contextlib.suppress(PhyphoxError):
        assert PhyphoxReader().take(answer) == []
    with contextlib.suppress(PhyphoxError):
        check_buffers(answer)


def test_the_experiment_measures_what_is_asked_for_and_exports_what_the_import_reads():
    tree = ElementTree.parse(EXPERIMENT)  # noqa: S314 (our own file)
    assert {one.text for one in tree.iter("container")} == {*ACC, *GYR}
    assert {one.text for one in tree.iter("output")} == {*ACC, *GYR}
    assert {one.get("type") for one in tree.iter("sensor")} == {"accelerometer", "gyroscope"}
    text = Path(imu.importers.__file__).with_name("maps").joinpath("phyphox.toml").read_text()
    known = tomllib.loads(text)["map"][0]
    read = [known["time"], *known["acceleration"], known["time"], *known["gyroscope"]]
    assert [one.get("name") for one in tree.iter("data")] == read


def test_the_codes_hold_the_experiment_as_phyphox_reads_them():
    parts = codes()
    data = b"".join(part[13:] for part in parts)
    for number, part in enumerate(parts):
        assert part[:7] == b"phyphox"
        assert part[7:11] == zlib.crc32(data).to_bytes(4, "big")
        assert (part[11], part[12]) == (number, len(parts))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.read("hipturn.phyphox") == EXPERIMENT.read_bytes()
    assert max(map(len, parts)) < 1100  # what a screen shows and a phone scans


@pytest.mark.parametrize("address", ["", "phone:x", "1.2.3.4:70000", ":80"])
def test_an_address_that_is_none_is_said(address):
    with pytest.raises(UserError, match="give the address that phyphox shows"):
        PhyphoxPhone(address, PhonePlace("right shank"))


def test_what_is_not_ready_is_said_and_waited_for():
    said = []
    with served(Phone(hand_rows(), names=ACC)) as address:
        app = PhyphoxPhone(address, PhonePlace("right shank"))
        with pytest.raises(UserError, match="open `hipturn unit` in it"):
            asyncio.run(app.ready(said.append, 0.0))
    with pytest.raises(UserError, match="is its remote access on"):
        asyncio.run(app.ready(said.append, 0.0))


def test_a_phone_with_phyphox_is_asked_and_streams():
    place, samples = PhonePlace("right shank"), []
    phone = Phone(hand_rows())

    async def run(address):
        unit = WornPhone(SHANK, place)
        app, stop = PhyphoxPhone(address, place), asyncio.Event()
        await app.ready(lambda _: None)
        unit.link(0, samples.append, lambda _: None, lambda: int(phone.now_s * 1e9), None)
        link = asyncio.create_task(place.link.run(stop))
        task = asyncio.create_task(app.stream())
        while phone.now_s < 7.0:
            phone.now_s += 0.5
            await asyncio.sleep(0.12)
        state = place.link.state
        task.cancel()
        stop.set()
        await link
        return state

    with served(phone) as address:
        assert asyncio.run(run(address)) is LinkState.STREAMING
    assert len(samples) > 60
    assert np.mean([s.acc[2] for s in samples[-10:]]) == pytest.approx(
        np.mean([row.acc[2] for row in phone.rows[-20:]]), abs=0.1
    )


@pytest.mark.long
def test_a_set_with_phyphox_is_measured(tmp_path):
    wearing, (one,) = worn("seated_internal_rotation", places=(SHANK,), jitter_s=0.0)
    phone, reader, now = Phone(in_hand_and_worn(one)), PhyphoxReader(), [0.0]
    unit = WornPhone.on(SHANK)
    app = PhyphoxPhone("127.0.0.1:1", unit.at)

    async def run():
        stop = asyncio.Event()
        wish = Wish(exercise="seated_internal_rotation", root=str(tmp_path), source="virtual")
        task = asyncio.create_task(
            hold_session([unit], wish, stop, clock_ns=lambda: int(now[0] * 1e9))
        )
        await passes(lambda: unit.at.link is not None)
        unit.at.link.hello("phone", 1.0, points_up=True)
        for now_s in np.arange(0.1, phone.acc[-1, 0], 0.1).tolist():
            phone.now_s, now[0] = now_s, now_s + 0.05
            for batch in app._batches(reader.take(phone.answer(reader.query))):
                unit.at.link.hear(batch)
            await passes(lambda: unit.at.link._queue.empty())
        stop.set()
        return await task

    error, result = error_of(asyncio.run(run()), wearing)
    assert int((result.reps.status == "valid").sum()) == 5
    assert np.sqrt(np.nanmean(error**2)) < 1.0
