"""Which requests the page server answers, and what happens to all others."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import re

import pytest
from made_up import TOKEN, Feed
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from window import eventually

from hipturn.errors import UserError
from hipturn.server import serve
from hipturn.server.app import PAGE
from hipturn.server.commands import RefusedCommandError, parse
from hipturn.server.door.guard import Door
from hipturn.server.hub import MAX_VIEWERS

ROUTES = [
    "/",
    "/page/main.js",
    "/page/base.css",
    "/api/exercises",
    "/api/sessions",
    "/api/sessions/demo.seated_internal_rotation",
    "/api/sessions/demo.seated_internal_rotation/columns",
    "/api/sessions/demo.seated_internal_rotation/reps.csv",
    "/api/sessions/demo.seated_internal_rotation/report.pdf",
    "/api/sessions/demo.seated_internal_rotation/for-my-therapist.zip",
    "/qr.svg",
]


@pytest.fixture(scope="module")
def local():
    opened = Feed()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def network():
    opened = Feed(token=TOKEN, lan=True, url=f"http://127.0.0.1/?t={TOKEN}")
    yield opened
    opened.close()


def ask(feed, path="/", method="GET", headers=None, hosts=()):
    """Return the answer to a request made by hand."""
    link = http.client.HTTPConnection("127.0.0.1", feed.port, timeout=60)
    link.putrequest(method, path, skip_host=bool(hosts) or hosts is None)
    for host in hosts or ():
        link.putheader("Host", host)
    for name, value in ({"Cookie": feed.cookie} if headers is None else headers).items():
        link.putheader(name, value)
    link.endheaders()
    answer = link.getresponse()
    answer.body = answer.read()
    link.close()
    return answer


def socket(feed, *, origin="ours", cookie="ours", **more):
    """Open the page's socket as a browser would."""
    cookie = feed.cookie if cookie == "ours" else cookie
    headers = {"Cookie": cookie} if cookie else {}
    origin = f"http://127.0.0.1:{feed.port}" if origin == "ours" else origin
    uri = f"ws://127.0.0.1:{feed.port}/ws"
    return connect(uri, origin=origin, additional_headers=headers, proxy=None, **more)


def listen(opened):
    """Listen until the link ends."""
    while True:
        opened.recv(5)


def flood(opened):
    """Send far too many commands."""
    for _ in range(2000):
        opened.send('{"do":"mark"}')
    listen(opened)


GOOD_HOSTS = [
    "localhost:{port}",
    "127.0.0.1:{port}",
    "LOCALHOST:{port}",
    "[::1]:{port}",
    "localhost",
]
BAD_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.com",
    "localhost.evil.com:{port}",
    "127.0.0.1.nip.io:{port}",
    "127.0.0.1.:{port}",
    "localhost.:{port}",
    "localhost:1",
    "0.0.0.0:{port}",
    "localhost:{port}:{port}",
    "user@localhost:{port}",
    "evil.example#localhost",
    "xlocalhost:{port}",
    "2130706433:{port}",
    "localhost:{port}evil",
    "",
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_our_own_names_are_answered(local, host):
    assert ask(local, hosts=[host.format(port=local.port)]).status == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_name_that_is_not_ours_is_refused(local, host):
    assert ask(local, hosts=[host.format(port=local.port)]).status == 400


def test_a_request_without_or_with_two_names_is_refused(local):
    assert ask(local, hosts=None).status == 400
    assert ask(local, hosts=[f"localhost:{local.port}", "evil.example"]).status == 400


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.com:{port}", "localhost.:{port}"])
def test_the_socket_looks_at_the_name_too(local, host):
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": f"http://127.0.0.1:{local.port}",
        "Cookie": local.cookie,
    }
    assert ask(local, "/ws", headers=headers, hosts=[host.format(port=local.port)]).status == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", "http://localhost:{port}"])
def test_our_own_page_may_open_the_socket(local, origin):
    with socket(local, origin=origin.format(port=local.port)) as opened:
        assert json.loads(opened.recv(5))["type"] == "hello"


BAD_ORIGINS = [
    None,
    "null",
    "",
    "http://evil.example",
    "http://evil.example:{port}",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost.evil.com:{port}",
    "file://",
    "http://127.0.0.1:{port}.evil.com",
    "http://127.0.0.1:{port}@evil.com",
    "chrome-extension://abc",
]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_another_page_may_not_open_the_socket(local, origin):
    with (
        pytest.raises(InvalidStatus) as refused,
        socket(local, origin=origin and origin.format(port=local.port)),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/ws", "/api/sessions"])
def test_nothing_is_changed_by_a_request(local, method, path):
    assert ask(local, path, method).status == 405
    assert local.obeyed == []


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "hipturn_{port}=",
        f"hipturn_{{port}}={TOKEN[:-1]}",
        f"hipturn_{{port}}={TOKEN}x",
        f"hipturn={TOKEN}",
        f"hipturn_1={TOKEN}",
        'hipturn_{port}="é"; x',
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_on_the_network_nothing_is_told_without_the_token(network, path, cookie):
    told = {"Cookie": cookie.replace("{port}", str(network.port)).encode()} if cookie else {}
    answer = ask(network, path, headers=told)
    assert answer.status == 403
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize(
    "query", ["", "?t=", "?t=wrong", f"?x={TOKEN}", f"?t={TOKEN[:-1]}", "?t=%FF%00"]
)
def test_a_wrong_token_opens_nothing(network, query):
    answer = ask(network, "/" + query, headers={})
    assert answer.status == 403
    assert answer.getheader("Set-Cookie") is None


def test_without_the_cookie_the_socket_is_closed_to_all(network):
    for cookie in (None, f"hipturn_{network.port}=wrong"):
        with pytest.raises(InvalidStatus) as refused, socket(network, cookie=cookie):
            pass
        assert refused.value.response.status_code == 403


def test_the_printed_link_gives_a_cookie_that_scripts_cannot_read(network):
    answer = ask(network, f"/?t={TOKEN}", headers={})
    assert answer.status == 303
    assert answer.getheader("Location") == "/"
    rules = "HttpOnly; SameSite=Lax; Path=/"
    assert answer.getheader("Set-Cookie") == f"hipturn_{network.port}={TOKEN}; {rules}"
    cookie = {"Cookie": f"a=b; hipturn_{network.port}={TOKEN}"}
    for path in ROUTES:
        assert ask(network, path, headers=cookie).status == 200, path
    with socket(network) as opened:
        hello = opened.recv(5)
    assert json.loads(hello)["lan"] is True
    assert TOKEN not in hello


def test_no_log_line_holds_the_token(network, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    ask(network, f"/?t={TOKEN}", headers={})
    ask(network, "/?t=wrong", headers={})
    said = capfd.readouterr()
    assert TOKEN not in caplog.text + said.out + said.err


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_comes_with_the_rules_for_the_browser(local, path):
    answer = ask(local, path)
    policy = answer.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../cli.py",
        "/page/%2e%2e/cli.py",
        "/page/..%2fcli.py",
        "/page/poses/../../cli.py",
        "/page/.env",
        "/page//etc/passwd",
        "/page/MAIN.JS",
        "/api/sessions/..%2f..%2fetc",
        "/api/sessions/%2e%2e",
        "/api/sessions/demo.seated_internal_rotation/..%2freps.csv",
        "/api/sessions/nobody/reps.csv",
        "/api/sessions/demo.seated_internal_rotation/secrets.csv",
    ],
)
def test_no_path_leads_out_of_the_page_or_the_recordings(local, path):
    assert ask(local, path).status == 404


FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_the_page_is_served_and_names_no_other_place(local, path):
    name = path.relative_to(PAGE).as_posix()
    assert ask(local, f"/page/{name}").status == 200
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text) == []
    )
    assert re.findall(r"<script(?![^>]*src)|\son[a-z]+=\"|<style|style=\"", text) == []


def test_by_default_only_this_computer_is_served_and_only_with_the_token(own_settings):
    place = serve.bind(serve.PageChoice(port=0))
    with place.bound:
        assert place.bound.getsockname()[0] == "127.0.0.1"
        assert len(place.door.token) == 22  # 128 bits
        assert place.url.endswith(f"/?t={place.door.token}")


def test_on_request_one_address_of_the_network_is_served(monkeypatch, capsys):
    monkeypatch.setattr(serve, "lan_address", lambda: "127.0.0.2")  # any other address of our own
    choice = serve.PageChoice(lan=True, port=0)
    place = serve.bind(choice)
    with place.bound:
        assert place.bound.getsockname()[0] == "127.0.0.2"
        token = place.url.partition("?t=")[2]
        assert len(token) == 22  # 128 bits
        assert place.door == Door(frozenset({"127.0.0.2"}), place.door.port, token)
        serve.announce(place, choice, print)
    said = capsys.readouterr().out
    assert "Anyone on this network" in said
    assert place.url in said


def test_without_a_network_that_is_said(monkeypatch):
    def unreachable(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(serve.socket.socket, "connect", unreachable)
    with pytest.raises(UserError, match="on no network"):
        serve.lan_address()


def test_a_taken_port_is_said_with_what_to_do(local):
    with pytest.raises(UserError, match="--port"):
        serve.bind(serve.PageChoice(port=local.port))


def test_the_ninth_viewer_is_told_why_not(local):
    with contextlib.ExitStack() as eight:
        for _ in range(MAX_VIEWERS):
            eight.enter_context(socket(local)).recv(5)
        with socket(local) as ninth, pytest.raises(ConnectionClosed) as closed:
            ninth.recv(5)
    assert closed.value.rcvd.code == 4008
    assert "eight pages" in closed.value.rcvd.reason
    eventually(lambda: local.hub.viewers == [])


def test_a_flood_of_commands_ends_the_link_and_nothing_else(local):
    local.obeyed.clear()
    with socket(local) as good, socket(local) as flooding:
        with pytest.raises(ConnectionClosed) as closed:
            flood(flooding)
        assert closed.value.rcvd.code == 4029
        assert len(local.obeyed) <= 20
        assert json.loads(good.recv(5))["type"] == "hello"


def test_a_message_of_more_than_four_kilobytes_ends_the_link(local):
    with socket(local) as opened:
        opened.send('{"do":"mark","label":"' + "x" * 5000 + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            listen(opened)
    assert closed.value.rcvd.code == 1009


NONSENSE = [
    "",
    "null",
    "[]",
    "7",
    '{"do":7}',
    '{"do":"format c:"}',
    '{"do":"dose","reps":0}',
    '{"do":"dose","reps":1e9}',
    '{"do":"dose","hold_s":0}',
    '{"do":"goal","target_deg":NaN}',
    '{"do":"goal","target_deg":1e999}',
    '{"do":"side","side":"middle"}',
    '{"do":"exercise","exercise":"../../passwd","path":"/etc"}',
    '{"do":"exercise","test":"yes"}',
    '{"do":"exercise","active":0}',
    '{"do":"new","wearer":"Jane Doe"}',
    '{"do":"mark","label":7}',
    "[" * 3000,
    '{"do":"delay","delay_s":true}',
    '{"do":"mark","label":"' + "x" * 81 + '"}',
    "\x00",
]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_refused_with_a_sentence(text):
    with pytest.raises(RefusedCommandError) as refused:
        parse(text)
    assert 10 < len(str(refused.value)) < 400


def test_nonsense_leaves_the_link_open(local):
    local.obeyed.clear()
    with socket(local) as opened:
        opened.recv(5)
        opened.send("[]")
        told = json.loads(opened.recv(5))
        assert told["what"] == "refused"
        opened.send('{"do":"mark","label":"\\u001b[2Jhere"}')
        eventually(lambda: local.obeyed)
    assert local.obeyed == [{"do": "mark", "label": "[2Jhere"}]
