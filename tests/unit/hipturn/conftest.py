"""Run the command in this process, and sessions to run it on."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from hipturn.commands.cli import main
from hipturn.session.virtual_session import record_wearing
from imu.virtual.wearer import WearerSettings, wear

STARTED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def hipturn(monkeypatch, capsys):
    """Return a function that runs the command and gives exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hipturn", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def make_session(tmp_path):
    """Return a function that writes a session of three repetitions and returns its folder."""

    def make(name="session", exercise="seated_internal_rotation", side="right", **choices):
        marks = choices.pop("marks", True)
        folder = tmp_path / name
        wearing = wear(exercise, side, 21, WearerSettings(reps=3, **choices))
        record_wearing(folder, wearing, STARTED, marks=marks)
        return folder

    return make
