"""`hipturn` without a command."""

from __future__ import annotations

import html
import http.cookiejar
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from window import eventually

ROOT = Path(__file__).parents[2]


def command(tmp_path, **more):
    environment = {
        key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}
    return subprocess.Popen(
        [sys.executable, "-m", "hipturn"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )


def cookies_kept():
    """Return what opens links as a browser does, which keeps the cookie it is given."""
    jar = http.cookiejar.CookieJar()
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))


def test_without_a_display_or_terminal_it_explains_itself(tmp_path):
    process = command(tmp_path)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.startswith("Usage: ")
    assert "replay" in said


@pytest.mark.skipif(sys.platform != "linux", reason="a display is told by $DISPLAY on Linux only")
def test_at_a_display_it_opens_the_page_on_the_demo(tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    process = command(tmp_path, DISPLAY=":99", BROWSER=str(browser))
    try:
        url = next(line for line in process.stdout if line.startswith("page: "))[6:].strip()
        with cookies_kept().open(url) as answer:
            assert b"<title>hipturn</title>" in answer.read()
        eventually(lambda: opened.exists() and opened.read_text().endswith("\n"))
        (link,) = opened.read_text().split()  # the browser's argument is no secret: `ps` shows it
        assert "t=" not in link
        path = Path(link.removeprefix("file://"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert html.escape(url) in path.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert not path.exists()
