"""`--lan --tls`: encrypted with a certificate made here, or with one's own."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import os
import socket as sockets
import ssl
import stat
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from made_up import TOKEN, Feed
from strangers import is_cut
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from window import eventually

from hipturn.commands.cli import cli
from hipturn.errors import UserError
from hipturn.server import serve
from hipturn.server.door import certificate, porter

x509 = pytest.importorskip("cryptography.x509", reason="the extra [tls] is not installed")


def kept(settings):
    return settings / certificate.FILE


def trusting(settings):
    """Return what trusts the certificate made here, as a person does who compared it."""
    context = ssl.create_default_context()
    context.load_verify_locations(kept(settings))
    return context


@pytest.fixture
def encrypted(own_settings):
    opened = Feed(tls=certificate.own_identity("127.0.0.1").context, lan=True)
    yield opened
    opened.close()


def test_the_certificate_is_for_this_address_and_its_owners_alone(own_settings):
    identity = certificate.own_identity("192.168.1.20")
    found = x509.load_pem_x509_certificate(kept(own_settings).read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("192.168.1.20")]
    lasts = found.not_valid_after_utc - found.not_valid_before_utc
    assert lasts <= timedelta(days=397)  # browsers refuse more
    assert found.not_valid_before_utc < datetime.now(UTC)
    if os.name == "posix":
        assert stat.S_IMODE(kept(own_settings).stat().st_mode) == 0o600
    der = ssl.PEM_cert_to_DER_cert(
        "-----BEGIN CERTIFICATE-----"
        + kept(own_settings).read_text().partition("-----BEGIN CERTIFICATE-----")[2]
    )
    assert identity.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_the_certificate_is_kept_until_the_address_changes_or_others_could_read_it(own_settings):
    first = certificate.own_identity("192.168.1.20").fingerprint
    assert certificate.own_identity("192.168.1.20").fingerprint == first
    second = certificate.own_identity("192.168.1.21").fingerprint
    assert second != first
    if os.name == "posix":
        kept(own_settings).chmod(0o644)
        assert certificate.own_identity("192.168.1.21").fingerprint != second


def test_the_page_and_its_socket_are_encrypted(encrypted, own_settings):
    trust = trusting(own_settings)
    link = http.client.HTTPSConnection("127.0.0.1", encrypted.port, context=trust, timeout=30)
    link.request("GET", f"/?t={TOKEN}")
    answer = link.getresponse()
    answer.read()
    assert answer.status == 303
    assert answer.getheader("Set-Cookie").endswith("; Secure")
    assert f"wss://127.0.0.1:{encrypted.port}" in answer.getheader("Content-Security-Policy")
    link.close()
    uri = f"wss://127.0.0.1:{encrypted.port}/ws"
    cookie = {"Cookie": encrypted.cookie}
    with connect(
        uri, origin=encrypted.site, ssl=trust, additional_headers=cookie, proxy=None
    ) as opened:
        assert json.loads(opened.recv(5))["type"] == "hello"
    plain = f"http://127.0.0.1:{encrypted.port}"  # a page in the clear is not ours
    with (
        pytest.raises(InvalidStatus),
        connect(uri, origin=plain, ssl=trust, additional_headers=cookie, proxy=None),
    ):
        pass


def test_nothing_is_told_in_the_clear(encrypted):
    with sockets.create_connection(("127.0.0.1", encrypted.port), timeout=20) as link:
        link.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{encrypted.port}\r\n\r\n".encode())
        said = b""
        while piece := link.recv(4096):
            said += piece
    assert b"HTTP" not in said


def test_a_handshake_that_never_ends_is_cut_after_five_seconds(encrypted, own_settings):
    with sockets.create_connection(("127.0.0.1", encrypted.port), timeout=20) as silent:
        begun = time.monotonic()
        eventually(lambda: is_cut(silent), porter.STRANGER_S + 3)
        assert time.monotonic() - begun > porter.STRANGER_S - 0.5


def test_the_fingerprint_is_said_beside_the_link(monkeypatch, capsys):
    monkeypatch.setattr(serve, "lan_address", lambda: "127.0.0.2")
    choice = serve.PageChoice(lan=True, tls=True, port=0)
    place = serve.bind(choice)
    with place.bound:
        serve.announce(place, choice, print)
    said = capsys.readouterr().out
    assert place.url.startswith("https://127.0.0.2:")
    assert place.fingerprint in said
    assert "127.0.0.2" in said
    assert "nothing is encrypted" not in said


def test_ones_own_certificate_is_used_under_its_name(own_settings, monkeypatch):
    certificate.own_identity("127.0.0.2")
    monkeypatch.setattr(serve, "lan_address", lambda: "127.0.0.2")
    pem = kept(own_settings)
    place = serve.bind(
        serve.PageChoice(
            lan=True, tls=True, port=0, certificate=(pem, pem), hosts=("clinic.example",)
        )
    )
    place.bound.close()
    assert place.url.startswith("https://clinic.example:")
    assert place.door.knows_host("clinic.example")


def test_a_certificate_that_cannot_be_used_is_said(own_settings, tmp_path):
    certificate.own_identity("127.0.0.1")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    pem = kept(own_settings)
    locked = tmp_path / "locked.pem"
    locked.write_text(pem.read_text().replace("BEGIN PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY"))
    for pair in ((nothing, nothing), (pem, nothing), (tmp_path / "none", pem), (pem, locked)):
        with pytest.raises(UserError, match="give a certificate and its key"):
            certificate.given_identity(*pair)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls"], "give --lan too"),
        (["--lan", "--tls-cert", "x.pem"], "give both"),
    ],
)
def test_encryption_without_a_network_or_with_half_a_certificate_is_wrong_usage(options, said):
    done = CliRunner().invoke(cli, ["replay", "demo", "--page", *options])
    assert done.exit_code == 2
    assert said in done.output


def test_without_the_package_that_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(UserError, match=r"pip install 'hipturn\[tls\]'"):
        certificate.own_identity("127.0.0.1")


def test_a_browser_that_was_told_to_go_on_has_the_page_and_its_socket(encrypted, browser):
    browser.window.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": True})
    try:
        encrypted.live()
        browser.open(encrypted.url)
        encrypted.frame(27.0)
        eventually(lambda: browser.number() == "27°", 10)
    finally:
        browser.window.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": False})
