"""Other users of this computer, and strangers on the network, while somebody exercises."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import signal
import socket as sockets
import stat
import sys
import time
from pathlib import Path

import pytest
from made_up import TOKEN
from strangers import Busy, another_user, idle, is_cut, snoop, status
from test_security import ROUTES, socket
from websockets.sync.client import connect
from window import eventually

from hipturn.server import serve
from hipturn.server.door import link, porter

POSIX = pytest.mark.skipif(os.name != "posix", reason="other systems have other modes")


def cookie_of(url):
    """Return the cookie that a printed link gives."""
    port, token = re.search(r":(\d+)/\?t=(.+)", url).groups()
    return f"hipturn_{port}={token}"


def recorded(folder):
    """Return a recording that is nobody else's business."""
    session = folder / "recordings" / "s"
    session.mkdir(mode=0o700, parents=True)
    (session / "session.json").write_text('{"wearer": "W-Kestrel-77"}')
    (session / "session.json").chmod(0o600)
    return session / "session.json"


def test_another_user_of_this_computer_reads_and_commands_nothing(hipturn_page, tmp_path):
    program = another_user()
    if program is None:
        pytest.skip("only root can become another user to try")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\nexec sleep 30 >/dev/null 2>&1\n')
    browser.chmod(0o755)
    _, url = hipturn_page(
        "replay", "demo/prone_windshield_wiper", opens=True, DISPLAY=":99", BROWSER=str(browser)
    )
    token, port = url.partition("?t=")[2], int(url.split(":")[2].partition("/")[0])
    opened = Path(tmp_path, "opened")
    eventually(lambda: opened.exists() and opened.read_text().endswith("\n"))
    leading = Path(opened.read_text().strip().removeprefix("file://"))
    for folder in (tmp_path, *tmp_path.parents):  # what keeps a secret is its own mode alone
        if folder != Path("/") and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    paths = [leading, tmp_path / "config" / link.TOKEN_FILE, recorded(tmp_path)]
    assert all(path.exists() for path in paths)
    seen = snoop(program, port, [*ROUTES, "/ws", "/?t=wrong"], paths, token)
    assert len(seen["answers"]) == len(ROUTES) + 2
    assert {answer for _, answer, _ in seen["answers"]} == {403}
    assert not any(token in body for _, _, body in seen["answers"])
    assert seen["read"] == []
    assert seen["told"] == []  # no argument and no environment that `ps` shows holds the link


@POSIX
def test_the_file_that_leads_a_browser_to_the_page_is_its_owners_alone(tmp_path):
    url = "http://127.0.0.1:8777/?t=" + TOKEN
    with link.leading_file(url, tmp_path / "new") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert html.escape(url) in path.read_text()
    assert not path.exists()


@POSIX
def test_where_modes_mean_nothing_the_link_is_kept_elsewhere(tmp_path, monkeypatch):
    real = link.is_private
    monkeypatch.setattr(link, "is_private", lambda p: p.parent != tmp_path and real(p))
    with link.leading_file("http://127.0.0.1:8777/", tmp_path) as path:
        assert path.parent != tmp_path
        assert list(tmp_path.iterdir()) == []
    assert not path.parent.exists()


def test_a_page_that_was_open_keeps_its_token_over_a_restart(own_settings):
    first = link.own_token()
    assert link.own_token() == first
    old = time.time() - link.KEPT_S - 60.0
    os.utime(own_settings / link.TOKEN_FILE, (old, old))
    assert link.own_token() != first


@POSIX
@pytest.mark.parametrize("spoil", ["readable", "link", "garbage"])
def test_a_token_that_others_could_know_is_made_anew(own_settings, spoil):
    first = link.own_token()
    path = own_settings / link.TOKEN_FILE
    if spoil == "readable":
        path.chmod(0o644)
    elif spoil == "link":
        path.rename(own_settings / "other")
        path.symlink_to(own_settings / "other")
    else:
        path.write_text("short")
    assert link.own_token() not in (first, "short")


def test_two_pages_live_side_by_side_in_one_browser():
    one, two = serve.bind(serve.PageChoice(port=0)), serve.bind(serve.PageChoice(port=0))
    with one.bound, two.bound:
        assert one.door.cookie != two.door.cookie


def test_on_the_network_the_token_is_new_at_each_start(monkeypatch):
    monkeypatch.setattr(serve, "lan_address", lambda: "127.0.0.2")
    tokens = set()
    for _ in range(2):
        place = serve.bind(serve.PageChoice(lan=True, port=0))
        place.bound.close()
        tokens.add(place.door.token)
    assert len(tokens | {link.own_token()}) == 3


def test_seventy_connections_that_say_nothing_do_not_blind_the_page(feed):
    links = idle(feed.port, 70)
    try:
        code, took_s = status(feed.port, "/api/exercises", feed.cookie)
        assert code == 200
        assert took_s < porter.STRANGER_S
        with socket(feed) as opened:
            assert json.loads(opened.recv(5))["type"] == "hello"
            eventually(lambda: all(map(is_cut, links)), porter.STRANGER_S + 3)
            feed.frame(30.0)
            assert json.loads(opened.recv(5))["type"] == "frame"  # who has the cookie stays
    finally:
        for one in links:
            one.close()


def test_a_request_that_trickles_in_is_cut_after_five_seconds(feed):
    with sockets.create_connection(("127.0.0.1", feed.port), timeout=10) as slow:
        begun = time.monotonic()
        for byte in b"GET / HTTP/1.1\r\nX-A: " + b"a" * 200:
            slow.sendall(bytes([byte]))
            time.sleep(0.1)
            if is_cut(slow):
                break
        assert porter.STRANGER_S - 0.5 < time.monotonic() - begun < porter.STRANGER_S + 3


def test_a_stranger_has_one_answer_a_connection(feed):
    with sockets.create_connection(("127.0.0.1", feed.port), timeout=10) as link_:
        asked = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{feed.port}\r\n\r\n".encode()
        link_.sendall(asked + asked)
        said = b""
        while piece := link_.recv(4096):
            said += piece
    assert said.count(b"HTTP/1.1 403") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127/8 is this computer")
def test_a_crowd_from_one_address_costs_no_other_address_its_place(feed):
    guest = idle(feed.port, 1, "127.0.0.3")
    crowd = [one for n in (4, 5, 6, 7) for one in idle(feed.port, 16, f"127.0.0.{n}")]
    try:
        eventually(lambda: sum(map(is_cut, crowd)) >= 65 - porter.STRANGERS, 3)
        assert not is_cut(guest[0])
    finally:
        for one in guest + crowd:
            one.close()


@POSIX
def test_where_descriptors_are_few_strangers_do_not_take_them_all(hipturn_page):
    import resource

    limits = (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    process, url = hipturn_page(
        "replay",
        "demo/seated_internal_rotation",
        before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
    )
    port, cookie = int(url.split(":")[2].partition("/")[0]), cookie_of(url)
    status(port, "/api/sessions/demo.seated_internal_rotation", cookie)  # all that starts has
    time.sleep(1.0)
    begun = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    links = idle(port, 150)
    try:
        assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < 50
        assert status(port, "/api/exercises", cookie)[0] == 200
        eventually(lambda: all(map(is_cut, links)), porter.STRANGER_S + 3)
    finally:
        for one in links:
            one.close()
    eventually(lambda: len(list(Path(f"/proc/{process.pid}/fd").iterdir())) <= begun, 10)
    assert process.poll() is None


def frames_in(opened, seconds):
    """Return how many read-outs a second a viewer gets."""
    begun, frames = time.monotonic(), 0
    while (left_s := begun + seconds - time.monotonic()) > 0:
        with contextlib.suppress(TimeoutError):
            frames += json.loads(opened.recv(left_s))["type"] == "frame"
    return frames / seconds


def begin_set(opened):
    """Lead a session of the virtual wearer to its first repetition."""
    answers = {"today": "next", "units": "next", "straps": "done", "ready": "start"}
    asked = set()
    while True:
        message = json.loads(opened.recv(90))
        if message["type"] == "event" and message["what"] == "rep":
            return
        stage = message.get("stage") if message["type"] == "stage" else None
        if stage == "ready" and "delay" not in asked:
            asked.add("delay")
            opened.send(json.dumps({"do": "delay", "delay_s": 0}))
        elif answers.get(stage) in message.get("can", ()):
            opened.send(json.dumps({"do": answers[stage]}))


@pytest.mark.long
@POSIX
def test_thirty_frames_a_second_reach_a_viewer_whatever_strangers_and_downloads_do(
    hipturn_page, tmp_path
):
    """150 idle strangers, 10 downloads at a time and a flood of requests, on loopback only."""
    process, url = hipturn_page("live", "--virtual")
    port, cookie = int(url.split(":")[2].partition("/")[0]), cookie_of(url)
    site, descriptors = f"127.0.0.1:{port}", Path(f"/proc/{process.pid}/fd")
    session = "/api/sessions/demo.prone_windshield_wiper"

    def loiter():
        links = idle(port, 150)
        time.sleep(porter.STRANGER_S)
        for one in links:
            one.close()

    with connect(
        f"ws://{site}/ws",
        origin=f"http://{site}",
        additional_headers={"Cookie": cookie},
        proxy=None,
        max_queue=None,
    ) as opened:
        begin_set(opened)
        status(port, f"{session}/angles.csv", cookie)  # the process that makes files stays
        alone, open_before = frames_in(opened, 4.0), len(list(descriptors.iterdir()))
        busy = [
            Busy(loiter, most=10),
            Busy(lambda: status(port, f"{session}/angles.csv", cookie), threads=10, most=400),
            Busy(lambda: status(port, "/"), threads=4, most=20_000),
        ]
        time.sleep(1.0)
        crowded = frames_in(opened, 10.0)
        for one in busy:
            one.stop()
        done = [one.done for one in busy]
        print(f"{alone:.1f} frames a second alone, {crowded:.1f} in the crowd of {done}")
        assert all(done)
        eventually(lambda: len(list(descriptors.iterdir())) <= open_before, 10)
    assert crowded >= min(30.0, 0.9 * alone)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    (folder,) = (tmp_path / "recordings").iterdir()
    assert json.loads((folder / "session.json").read_text())["state"] == "closed"


def test_an_accept_that_the_system_refuses_is_not_the_last(feed, monkeypatch):
    import asyncio.selector_events as events

    real, refused = events.BaseSelectorEventLoop._sock_accept, []

    def accept(self, future, listening):
        if len(refused) < 3:
            refused.append(1)
            future.set_exception(OSError(24, "Too many open files"))
        else:
            real(self, future, listening)

    monkeypatch.setattr(events.BaseSelectorEventLoop, "_sock_accept", accept)
    for _ in range(3):
        assert status(feed.port, "/api/exercises", feed.cookie)[0] == 200
    assert len(refused) == 3
