"""What is said of a session is the same by command and by a message of the page."""

from __future__ import annotations

import asyncio
import json
import re
import shutil

import pytest

import hipturn as package
from hipturn.export.csv import write_tables
from hipturn.server.library import BY, Library, correct, parse_correction
from hipturn.session_paths import demo_root
from imu.recording.edits import KINDS, read_edits

GOLDEN = demo_root() / "seated_internal_rotation"
LEG = "left"
"""The one that was measured there."""
WHOLE = ("side", "exercise", "swap", "dose", "wearer", "bin")
"""Kinds that are of the whole session; the others are of a leg, a second or a set."""
VALUES = {
    "trim": [30.0, 55.5],
    "count": 9,
    "side": "right",
    "exercise": "prone_rotation_test",
    "dose": {"reps": 8, "sets": 2},
    "goal": 30.0,
    "wearer": "K7",
    "pain": 3,
    "effort": 6,
    "end_feel": "firm",
    "note": "tired today",
}
SAME_SECOND = ("reject", "accept", "bad_from", "pain")
"""Kinds that this test says of a movement; the page says pain of one."""


@pytest.fixture(scope="module")
def measured():
    """Return the golden session's tables, as it was recorded."""
    return package.analyse(package.open(GOLDEN))


def copied(folder):
    shutil.copytree(GOLDEN, folder)
    return folder


def written(folder, *, as_recorded=False):
    """Return the bytes of every table of a session."""
    result = package.analyse(package.open(folder, as_recorded=as_recorded))
    out = folder.parent / "tables"
    shutil.rmtree(out, ignore_errors=True)
    return {path.name: path.read_bytes() for path in write_tables(result, out)}


def words(kind):
    """Return a kind's value as the command takes it."""
    value = VALUES.get(kind, ())
    if isinstance(value, dict):
        return [f"{name}={number}" for name, number in value.items()]
    return value if isinstance(value, list | tuple) else [value]


def of_message(kind, peak_s, span_s):
    """Return what the page says of the same place."""
    said = {"value": VALUES[kind]} if kind in VALUES else {}
    if kind not in WHOLE and kind != "trim":
        said["side"] = LEG
    if kind in SAME_SECOND:
        said["at_s"] = peak_s
    elif KINDS[kind].has_time:
        said["at_s"] = span_s[0]
    elif kind == "trim":  # it finds its set by this
        said["saw"] = {"start_s": span_s[0], "end_s": span_s[1]}
    return said | ({"target": "movement"} if kind == "pain" else {})


def by_page(folder, **said):
    """Say something of a session in a message, and return the edit's id."""
    library = Library(folder.parent)
    try:
        message = json.dumps({"do": "edit", "key": folder.name, **said})
        return asyncio.run(correct(library, parse_correction(message)))["id"]
    finally:
        library.close()


@pytest.mark.long  # every kind is analysed from both copies, before and after
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "undo"])
def test_an_edit_by_command_and_by_page_gives_the_same_tables_and_undone_the_recorded_ones(
    kind, measured, hipturn, tmp_path
):
    command, page = copied(tmp_path / "command" / "mine"), copied(tmp_path / "page" / "mine")
    recorded = written(command)
    peak_s = float(measured.reps["peak_s"][1])
    span_s = [float(measured.sets[name][0]) for name in ("start_s", "end_s")]

    at = ["--side", LEG] if kind not in WHOLE and kind != "trim" else []
    at += ["--at", peak_s] if kind in SAME_SECOND else []
    code, out, err = hipturn("edit", command, kind.replace("_", "-"), *words(kind), *at, "--by", BY)
    assert (code, err) == (0, "")
    told = re.search(r"--undo ([0-9a-f]+)", out)
    ident = by_page(page, kind=kind, **of_message(kind, peak_s, span_s))

    edited = written(command)
    assert written(page) == edited
    assert written(page, as_recorded=True) == recorded
    assert (edited != recorded) == (kind != "bin")

    code, _, err = hipturn("edit", command, "--undo", told[1])
    assert (code, err) == (0, "")
    by_page(page, kind="undo", of=ident)
    assert [len(read_edits(one).standing) for one in (command, page)] == [0, 0]
    assert written(command) == written(page) == recorded
