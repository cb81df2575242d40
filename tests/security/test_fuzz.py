"""Whatever stands in a file or comes over the socket: it is read, or refused in a sentence.

Recordings, unit profiles, notifications and imports have such tests of their own beside their
readers; here are the files that people write by hand, the page's commands and what we keep.
"""

from __future__ import annotations

import contextlib
import copy
import json
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import exercises
from analysis.exercises import CATALOGUE, catalogue
from analysis.exercises.exercise import CatalogueError
from analysis.exercises.exercise_file import parse as parse_exercise
from hipturn.errors import UserError
from hipturn.plan import ROUTINES, load_plan, parse_plan
from hipturn.server.commands import COMMANDS, RefusedCommandError
from hipturn.server.commands import parse as parse_command
from hipturn.units.kit import read_kit
from imu.importers import ImportFileError
from imu.importers.column_map import checked, read_map

IN_A_FILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IN_MEMORY = settings(max_examples=200, deadline=None)

SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),  # more than a float holds
    st.floats(),
    st.sampled_from(["left", "both", "seated_internal_rotation", "M4", "gravity"]),
    st.text(max_size=8),
)
STRAY = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=5,
)


def tables_of(value):
    """Return every table of a document, itself included."""
    if isinstance(value, dict):
        return [value, *(table for inner in value.values() for table in tables_of(inner))]
    if isinstance(value, list):
        return [table for inner in value for table in tables_of(inner)]
    return []


def spoilt(document, data):
    """Return a document with strange values in some places."""
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        tables = [table for table in tables_of(changed) if table]
        if not tables:
            break
        table = data.draw(st.sampled_from(tables))
        table[data.draw(st.sampled_from(sorted(table)))] = data.draw(STRAY)
    return changed


def damaged(text, data):
    """Return bytes with a piece cut out and another put in."""
    raw = text.encode()
    at = data.draw(st.integers(0, len(raw)))
    drop = data.draw(st.integers(0, 20))
    put = data.draw(st.one_of(st.binary(max_size=20), st.sampled_from([b"[" * 5000, b"9" * 9000])))
    return raw[:at] + put + raw[at + drop :]


def one_line(error):
    """Check that an error is a sentence that no terminal trips over."""
    sentence = str(error)
    assert sentence.isprintable(), sentence
    assert len(sentence) < 4000


PLAN = (ROUTINES / "routine_003.toml").read_text(encoding="utf-8")


@IN_MEMORY
@given(st.data())
def test_a_plan_with_anything_anywhere_is_a_plan_or_refused(data):
    try:
        plan = parse_plan(spoilt(tomllib.loads(PLAN), data), "plan.toml")
    except UserError as error:
        one_line(error)
    else:
        assert all(item.dose.sets >= 1 for item in plan.items)


@IN_A_FILE
@given(st.data())
def test_a_damaged_plan_file_is_a_plan_or_refused(tmp_path, data):
    path = tmp_path / "plan.toml"
    path.write_bytes(damaged(PLAN, data))
    try:
        load_plan(str(path))
    except UserError as error:
        one_line(error)


def test_a_plan_that_is_no_plain_file_or_too_long_is_refused(tmp_path):
    (tmp_path / "long.toml").write_text("#" * 200_000)
    for name, said in ((".", "cannot be read"), ("long.toml", "longer than"), ("\0", "cannot be")):
        with pytest.raises(UserError, match=said):
            load_plan(str(tmp_path / name))


@IN_MEMORY
@given(st.data())
def test_an_exercise_file_with_anything_anywhere_is_an_exercise_or_refused(data):
    names = ["seated_internal_rotation", "ninety_ninety_lift", "prone_windshield_wiper"]
    path = CATALOGUE / f"{data.draw(st.sampled_from(names))}.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        parse_exercise(spoilt(document, data), path.stem)
    except CatalogueError as error:
        one_line(error)


@IN_A_FILE
@given(st.data())
def test_a_damaged_exercise_file_is_an_exercise_or_refused(tmp_path, monkeypatch, data):
    source = CATALOGUE / "seated_internal_rotation.toml"
    (tmp_path / "mine.toml").write_bytes(damaged(source.read_text(encoding="utf-8"), data))
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path)
    monkeypatch.setattr(catalogue, "ids", lambda: ("mine",))
    try:
        exercises.load.__wrapped__("mine")
    except CatalogueError as error:
        one_line(error)


MAP = {
    "time": "t", "time_unit": "ms", "quaternion": ["qw", "qx", "qy", "qz"],
    "acceleration": ["ax", "ay", "az"], "acceleration_unit": "g",
    "gyroscope": ["gx", "gy", "gz"], "gyroscope_unit": "deg/s",
}  # fmt: skip
MAP_TEXT = 'time = "t"\ntime_unit = "ms"\nquaternion = ["qw", "qx", "qy", "qz"]\n'


@IN_MEMORY
@given(st.data())
def test_a_column_map_with_anything_anywhere_is_a_map_or_refused(data):
    try:
        checked(spoilt(MAP, data))
    except ValueError as error:
        one_line(error)


@IN_A_FILE
@given(st.data())
def test_a_damaged_column_map_is_a_map_or_refused(tmp_path, data):
    path = tmp_path / "map.toml"
    path.write_bytes(damaged(MAP_TEXT, data))
    try:
        read_map(path)
    except ImportFileError as error:
        one_line(error)


@IN_MEMORY
@given(st.data())
def test_a_message_with_anything_anywhere_is_a_command_or_refused(data):
    command = {
        "do": data.draw(st.sampled_from(sorted(COMMANDS))),
        **{"exercise": "x", "side": "left", "target_deg": 30, "reps": 5, "delay_s": 3},
    }
    changed = spoilt(command, data)
    with contextlib.suppress(ValueError):  # a number of more digits than JSON has text for
        text = json.dumps(changed)
        try:
            obeyed = parse_command(text)
        except RefusedCommandError as error:
            one_line(error)
        else:
            assert obeyed["do"] in COMMANDS


@IN_MEMORY
@given(st.one_of(st.text(max_size=60), st.text(alphabet='{}[]",:019eE+-.du o\\', max_size=60)))
def test_any_text_is_a_command_or_refused(text):
    try:
        parse_command(text)
    except RefusedCommandError as error:
        one_line(error)


KIT = {"right-thigh": {"address": "A", "name": "n", "serial": "s", "profile": "movella_dot"}}


@IN_A_FILE
@given(st.data())
def test_a_damaged_kit_is_a_kit_or_refused(tmp_path, monkeypatch, data):
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path))
    text = json.dumps(KIT)
    if data.draw(st.booleans()):
        with contextlib.suppress(ValueError):
            text = json.dumps(spoilt(KIT, data))
    content = damaged(text, data) if data.draw(st.booleans()) else text.encode()
    (tmp_path / "kit.json").write_bytes(content)
    try:
        kit = read_kit()
    except UserError as error:
        one_line(error)
    else:
        assert all(isinstance(unit.address, str) for unit in kit.values())


def test_a_number_of_thousands_of_digits_is_refused_like_any_other():
    for key in ("sets", "hold_s", "exercise", "sides"):
        with pytest.raises(UserError, match="a huge number"):
            parse_plan({"items": [{"exercise": "ninety_ninety_lift", key: 16**5000}]}, "plan.toml")
