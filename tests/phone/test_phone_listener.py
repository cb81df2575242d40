"""The listener for phones tells nothing but `/unit`, and a unit may stream and let go."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import time
from pathlib import Path

import pytest
from browsers import PhoneSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phones import attitude, hand_rows
from strangers import another_user, idle, is_cut, snoop
from test_security import ROUTES
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from window import eventually
from worn_phones import SHANK, THIGH

from hipturn.errors import UserError
from hipturn.phone.listener import GONE
from hipturn.phone.places import MessageError, PhonePlace, read_message
from hipturn.server.app import TOO_FAST
from hipturn.server.door import porter
from imu.phone.batch import Batch, write_batch

pytest.importorskip("cryptography", reason="the extra [tls] is not installed")
ONE, TWO = "1" * 16, "2" * 16
TRUST = ssl.create_default_context()
TRUST.check_hostname, TRUST.verify_mode = False, ssl.CERT_NONE


class Client:
    """Speaks to the listener as a browser does, or as a stranger would."""

    def __init__(self, session, place=0):
        self.session, self.port = session, session.port
        self.token = session.phones[place].at.token
        self.site = f"https://127.0.0.1:{self.port}"
        self.cookie = f"hipturn_unit_{self.port}={self.token}"

    def ask(self, path, method="GET", body=None, **headers):
        """Return status, headers and body of an answer."""
        link = http.client.HTTPSConnection("127.0.0.1", self.port, context=TRUST, timeout=30)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            link.close()

    def post(self, body, kind="application/octet-stream", phone=ONE):
        """Post as the page does; return what it is told."""
        headers = {"Cookie": self.cookie, "Origin": self.site, "Content-Type": kind}
        status, _, answer = self.ask(f"/unit/batch?phone={phone}", "POST", body, **headers)
        return json.loads(answer) if status == 200 else status

    @contextlib.contextmanager
    def socket(self, phone=ONE, cookie=None, origin=None, hello=True):
        """Open a socket, and say hello."""
        with connect(
            f"wss://127.0.0.1:{self.port}/unit/ws",
            origin=origin or self.site,
            ssl=TRUST,
            additional_headers={"Cookie": cookie or self.cookie},
            proxy=None,
        ) as opened:
            if hello:
                opened.send(json.dumps({"hello": 1, "id": phone, "origin": 1.0}))
            yield opened


def said(socket, words, seconds=10.0):
    """Wait until the computer says something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = json.loads(socket.recv(seconds))
        if words in message.get("say", ""):
            return True
    return False


def code_of(socket, seconds=10.0):
    """Return the code that a socket is closed with."""
    try:
        while True:
            socket.recv(seconds)
    except ConnectionClosed as closed:
        return closed.rcvd.code


@pytest.fixture
def session(tmp_path):
    opened = PhoneSession([SHANK], tmp_path)
    yield opened
    with contextlib.suppress(UserError):  # no sample came
        opened.end()


def test_the_port_tells_nothing_but_the_unit_page_and_that_only_with_its_token(session):
    client = Client(session)
    elsewhere = [*ROUTES, "/ws", "/page/unit.html", "/qr.svg", "/units", "/unit.html", "/../unit"]
    for path in elsewhere:
        for headers in ({}, {"Cookie": client.cookie}):
            assert client.ask(path, **headers)[0] == 404, path
    for path in ("/unit", "/unit/unit.js", "/unit/ws", "/unit?t=" + "x" * 22):
        status, _, body = client.ask(path)
        assert (status, b"<script" in body) == (403, False), path
    for path in ("/unit/index.html", "/unit/../page/main.js", "/unit/batch/x", "/unit/main.js"):
        assert client.ask(path, Cookie=client.cookie)[0] in (404, 405), path
    status, headers, body = client.ask(f"/unit?t={client.token}")
    assert status == 200
    assert b"unit.js" in body
    assert client.token.encode() not in body
    cookie = headers["set-cookie"]
    assert cookie.startswith(client.cookie)
    assert all(rule in cookie for rule in ("HttpOnly", "Secure", "Path=/unit"))


def test_another_user_of_this_computer_is_no_phone_and_reads_nothing(session, tmp_path):
    program = another_user()
    if program is None:
        pytest.skip("only root can become another user to try")
    client = Client(session)
    with client.socket() as own:  # so that there is a recording
        own.send(write_batch(Batch(0, 1.0, hand_rows()[:30])))
    recorded = eventually(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    for folder in (tmp_path, *tmp_path.parents):  # what keeps a secret is its own mode alone
        if folder != Path("/") and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    routes = ["/unit", "/unit/ws", "/unit/unit.js", "/unit/batch", "/unit?t=" + "x" * 22, *ROUTES]
    seen = snoop(program, client.port, routes, recorded, client.token, tls=True)
    assert len(seen["answers"]) == len(routes)
    assert {answer for _, answer, _ in seen["answers"]} <= {403, 404, 405}
    assert not any(client.token in body for _, _, body in seen["answers"])
    assert (seen["read"], seen["told"]) == ([], [])


def test_the_page_may_read_motion_and_speak_to_this_listener_only(session):
    client = Client(session)
    _, headers, _ = client.ask("/unit", Cookie=client.cookie)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"connect-src 'self' wss://127.0.0.1:{client.port};" in policy
    allowed = headers["permissions-policy"]
    assert "accelerometer=(self), gyroscope=(self)" in allowed
    assert "camera=()" in allowed
    assert headers["cache-control"] == "no-store"


def test_other_names_origins_and_tokens_are_refused(session):
    client = Client(session)
    named = {"Host": f"localhost.evil.example:{client.port}", "Cookie": client.cookie}
    assert client.ask("/unit", **named)[0] == 400
    sent = {"Cookie": client.cookie, "Origin": "https://evil.example"}
    assert client.ask("/unit/batch", "POST", b"", **sent)[0] == 403
    assert client.ask("/unit/batch", "POST", b"", Cookie=client.cookie)[0] == 403
    wrong = {"cookie": client.cookie[:-1] + "_"}, {"origin": "https://evil.example"}
    for how in (*wrong, {"origin": f"http://127.0.0.1:{client.port}"}):
        with pytest.raises(InvalidStatus), client.socket(**how):
            pass
    assert session.phones[0].at.holder == ""


def test_a_token_is_128_bits_and_of_one_place():
    tokens = {PhonePlace("right shank").token for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {22}


def test_a_second_phone_waits_for_a_yes_on_the_computer(session, capfd):
    client, place = Client(session), session.phones[0].at
    with client.socket(ONE) as first, client.socket(TWO) as second:
        assert said(first, "turn the phone over")
        assert said(second, "answer on the computer")
        second.send(write_batch(Batch(0, 1.0, tuple(hand_rows()[:3]))))
        assert place.holder == ONE
        session.do(place.admit)
        assert code_of(first) == GONE
        assert said(second, "turn the phone over")
        assert place.holder == TWO
    assert "press y to take it" in capfd.readouterr().out


def test_a_phone_may_not_command(session):
    for message in ({"do": "stop"}, {"do": "quit"}, {"say": "x"}, {"hidden": True, "do": "stop"}):
        with Client(session).socket() as phone:
            phone.send(json.dumps(message))
            if "hidden" in message:
                assert said(phone, "hidden")
            else:
                assert code_of(phone) == 1003
    assert not session.stop.is_set()


@pytest.mark.parametrize(("sent", "times", "code"), [(16, 60, TOO_FAST), (5000, 1, 1009)])
def test_too_much_is_closed_with_its_code(session, sent, times, code):
    batch = write_batch(Batch(0, 1.0, ()))
    with Client(session).socket() as phone:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(times):
                phone.send(batch + bytes(sent - len(batch)))
        assert code_of(phone) == code


def test_without_a_socket_the_same_batches_are_posted(session):
    client, place = Client(session), session.phones[0].at
    hello = {name: json.dumps({"hello": 1, "id": name, "origin": 1.0}) for name in (ONE, TWO)}
    assert "turn the phone over" in client.post(hello[ONE], "application/json")["say"]
    rows, told = hand_rows(), {}
    for i in range(0, len(rows), 16):
        part = tuple(rows[i : i + 16])
        client.post(write_batch(Batch(i, part[-1].time_s, part)))
        tilt = json.dumps({"attitude": attitude(part[-1])})
        told = client.post(tilt, "application/json")
        if i == 160:  # another phone with the same code changes nothing for the first
            assert "answer on" in client.post(hello[TWO], "application/json", TWO)["say"]
            client.post(write_batch(Batch(i, 900.0, tuple(rows[:3]))), phone=TWO)
    assert told["say"].startswith("streaming")
    assert place.holder == ONE
    assert client.post(hello[TWO], "application/json", ONE)["close"] == 1003
    assert client.post(b"x" * 5000) == 413
    assert client.post(b"", phone="nobody") == 400


def test_a_second_page_of_the_same_phone_ends_the_first(session):
    with Client(session).socket(ONE) as first:
        assert said(first, "turn the phone over")
        with Client(session).socket(ONE) as second:
            assert said(second, "turn the phone over")
            assert code_of(first) == GONE
    assert session.phones[0].at.holder == ONE


def test_after_the_session_the_token_is_dead(tmp_path):
    session = PhoneSession([SHANK], tmp_path)
    client = Client(session)
    with pytest.raises(UserError, match="before a sample came"):
        session.end()
    with pytest.raises(OSError):  # noqa: PT011 (no one listens: what it is called differs)
        client.ask("/unit", Cookie=client.cookie)


def test_two_places_have_two_phones(tmp_path):
    session = PhoneSession([THIGH, SHANK], tmp_path)
    try:
        with Client(session, 0).socket(ONE) as one, Client(session, 1).socket(TWO) as two:
            assert said(one, "turn the phone over")
            assert said(two, "turn the phone over")
        assert [phone.at.holder for phone in session.phones] == [ONE, TWO]
    finally:
        with contextlib.suppress(UserError):
            session.end()


def test_strangers_cost_the_phones_nothing(session):
    client = Client(session)
    with client.socket() as phone:
        links = idle(client.port, 70)
        assert said(phone, "turn the phone over")
        assert client.ask("/unit", Cookie=client.cookie)[0] == 200
        eventually(lambda: all(map(is_cut, links)), porter.STRANGER_S + 8)
        phone.send(json.dumps({"pong": 1}))
        for link in links:
            link.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(st.text(max_size=600))
def test_no_text_at_all_does_harm(text):
    with contextlib.suppress(MessageError):
        read_message(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"attitude": [1e999, 0]}', '{"attitude": [NaN, 0]}', '{"battery": "x"}', '{"attitude": 3}',
        '{"attitude": [' + "9" * 400 + ', 0]}', '{"hello": 1}', '[]', "{" * 300, '{"trouble": []}',
    ],
)  # fmt: skip
def test_hostile_messages_end_the_connection(session, text):
    with Client(session).socket() as phone:
        phone.send(text)
        assert code_of(phone) == 1003
