"""A server with a made-up session, the command with its page, and a real browser to look with."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # what the tests here share

from made_up import Feed, free_port
from window import Page, headless

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """Keep the token of these pages out of the settings of who runs the tests."""
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def feed():
    """Return a server with nothing on it."""
    opened = Feed()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium."""
    window, service = headless()
    yield Page(window, service.process.pid)
    window.quit()


@pytest.fixture
def hipturn_page(tmp_path):
    """Return a function that starts the command with its page and returns process and address."""
    running = []

    def start(*arguments, opens=False, before=None, **environment):
        port = free_port()
        command = [sys.executable, "-u", "-m", "hipturn", *map(str, arguments)]
        command += ["--page", "--port", str(port), *([] if opens else ["--no-browser"])]
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HIPTURN_CONFIG": str(tmp_path / "config"),
            "HIPTURN_RECORDINGS": str(tmp_path / "recordings"),
            **environment,
        }
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=env,
            cwd=tmp_path,
            preexec_fn=before,
        )
        running.append(process)
        for line in process.stdout:
            if line.startswith("page: "):
                return process, line.removeprefix("page: ").strip()
        raise AssertionError(process.stderr.read())

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=15)
        if process.poll() is None:
            process.kill()
            process.communicate()
        process.stdout.close()
        process.stderr.close()
