"""Real browsers as phones: made-up sensors, real pages, encryption and network.

A session lasts as long as the wearer's, so all but the first of these are long.
"""

from __future__ import annotations

import contextlib
import json
import time

import numpy as np
import pytest
from browsers import PhoneInBrowser, PhoneSession
from phones import hand_rows
from window import eventually
from worn_phones import SHANK, THIGH, WORN_AT_S, best_fit, in_hand_and_worn, worn

import hipturn
from hipturn.errors import UserError
from hipturn.session.replay import tracker_of
from imu.air.link_state import LinkState
from imu.fuse.orientation import BRIDGE_S
from imu.sample import Side

TRIES = 2
"""A machine that does much else stops a browser for longer than a phone ever stalls."""

pytest.importorskip("cryptography", reason="the extra [tls] is not installed")


@pytest.fixture
def phones():
    """Return a function that opens a browser as a phone."""
    with contextlib.ExitStack() as opened:

        def start():
            phone = PhoneInBrowser()
            opened.callback(phone.close)
            return phone

        yield start


def events_of(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_phone_is_turned_over_streams_is_hidden_comes_back_and_is_let_go(phones, tmp_path):
    # 20 s: the one story of a real browser that every run tells
    session = PhoneSession([SHANK], tmp_path)
    phone = phones()
    phone.open(session.urls[0])
    assert "t=" not in phone.window.current_url  # the token is not left in the address
    begun = time.monotonic()
    rows = hand_rows()
    again = [row._replace(time_s=row.time_s + 7.0 * k) for k in range(1, 9) for row in rows[:80]]
    rows = [*rows, *again]
    phone.feed(rows, lambda: time.monotonic() - begun)
    eventually(lambda: phone.says().startswith("turn the phone over"))
    eventually(lambda: phone.says().startswith("streaming"), 30)
    link = session.phones[0].at.link
    assert link.state is LinkState.STREAMING
    phone.window.execute_script(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    eventually(lambda: "hidden" in link.said, 10)
    phone.window.execute_script(
        "Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    eventually(lambda: phone.says().startswith("streaming"), 10)
    phone.window.find_element("id", "let-go").click()
    eventually(lambda: "was let go" in phone.says(), 10)
    assert session.phones[0].at.holder == ""
    folder = session.end()
    said = [event["text"] for event in events_of(folder) if event["type"] == "link"]
    assert any("hidden or its screen off" in text for text in said)
    assert any("was let go" in text for text in said)
    assert [e for e in phone.window.get_log("browser") if e["level"] == "SEVERE"] == []


@pytest.mark.long
def test_where_a_browser_refuses_the_socket_the_same_is_posted(phones, tmp_path):
    session = PhoneSession([SHANK], tmp_path)
    phone = phones()
    refuses = (
        "globalThis.WebSocket = class { static OPEN = 1; readyState = 3; close() {}"
        " constructor() { setTimeout(() => this.onclose({}), 9); } }"
    )
    phone.before_the_page(refuses)
    phone.open(session.urls[0])
    eventually(lambda: phone.says().startswith("turn the phone over"), 20)
    begun = time.monotonic()
    rows = hand_rows()
    again = [row._replace(time_s=row.time_s + 7.0 * k) for k in range(1, 5) for row in rows[:80]]
    rows = [*rows, *again]
    phone.feed(rows, lambda: time.monotonic() - begun)
    eventually(lambda: phone.says().startswith("streaming"), 30)
    phone.window.find_element("id", "let-go").click()
    eventually(lambda: "was let go" in phone.says(), 10)
    session.end()


@pytest.mark.long
def test_a_phone_that_refuses_its_motion_says_so_on_both_sides(phones, tmp_path):
    session = PhoneSession([SHANK], tmp_path)
    phone = phones()
    denies = "DeviceMotionEvent.requestPermission = () => Promise.resolve('denied')"
    phone.before_the_page(denies)
    phone.open(session.urls[0])
    eventually(lambda: "refuses to tell its motion" in session.phones[0].at.link.said, 20)
    eventually(lambda: "refuses to tell its motion" in phone.says(), 20)
    with contextlib.suppress(UserError):  # no sample came
        session.end()


@pytest.mark.long
@pytest.mark.parametrize(
    ("exercise", "places", "sign"),
    [
        ("seated_internal_rotation", (SHANK,), 1),
        ("seated_internal_rotation", (THIGH, SHANK), 1),
        ("prone_rotation_test", (SHANK,), 1),
        ("side_lying_ankle_lift", (THIGH, SHANK), 1),
        ("ninety_ninety_lift", (SHANK,), -1),
    ],
)
def test_a_set_measured_by_real_browsers(phones, tmp_path, exercise, places, sign):
    for attempt in range(TRIES):
        wearing, session, folder, begun = a_set(
            phones, tmp_path / str(attempt), exercise, places, sign
        )
        recording = hipturn.open(folder)
        stalled_s = longest_stall_s(recording)
        if stalled_s <= BRIDGE_S:
            break
    else:
        pytest.skip(
            f"too busy: it stopped a browser for {stalled_s:.2f} s in each of {TRIES} tries"
        )
    shown = [(at - begun - WORN_AT_S, update) for at, update in session.frames if update.legs]
    assert shown, "it was not calibrated"
    live = np.array([(at, u.legs[Side.RIGHT].rotation_deg) for at, u in shown], dtype=float)
    lag_s, rmse = best_fit(live[:, 0], live[:, 1], wearing)
    result = hipturn.analyse(recording)
    print(f"{exercise}: lag {lag_s:.2f} s, RMSE {rmse:.2f}°, longest stall {stalled_s:.2f} s")
    assert int((result.reps.status == "valid").sum()) == 5
    assert rmse < 1.0
    assert lag_s < 0.15
    tracker, _ = tracker_of(recording)
    again = [u for sample in recording.samples() for u in tracker.push(sample)] + tracker.finish()
    replayed = [u for u in again if u.legs]
    assert [repr(u.legs) for _, u in shown] == [repr(u.legs) for u in replayed]


def a_set(phones, root, exercise, places, sign):
    """Hold a session with browsers as phones; return the wearer, it, its folder, and its begin."""
    wearing, worn_phones = worn(exercise, places=places)
    session = PhoneSession([one.place for one in worn_phones], root, exercise)
    opened = [phones() for _ in worn_phones]
    for phone, url in zip(opened, session.urls, strict=True):
        phone.open(url)
    begun = time.monotonic()
    for phone, one in zip(opened, worn_phones, strict=True):
        # an iPhone's acceleration points the other way, its orientation does not
        phone.feed(in_hand_and_worn(one), lambda: time.monotonic() - begun, sign=sign)
    time.sleep(worn_phones[0].rows[-1].time_s - 0.5)
    folder = session.end()
    for phone in opened:
        phone.close()
    return wearing, session, folder, begun


def longest_stall_s(recording):
    """Return the longest time for which a phone measured nothing, by its own clock.

    After a quarter of a second nobody knows how far it turned: an angle is known again after three,
    and knee bends that a stall cuts in two are asked for again. This wearer bends once.
    """
    table = recording.table()
    times = [table.device_time[table.unit == unit] * 1e-6 for unit in np.unique(table.unit)]
    return max(float(np.diff(own).max()) for own in times)
