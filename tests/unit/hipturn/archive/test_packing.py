"""Sessions in one file come out as they went in; what is no such file does no harm."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest

from hipturn.archive import packing
from hipturn.archive.packing import LIST_FILE, pack, unpack
from hipturn.errors import UserError
from hipturn.history.edits import add_edit
from hipturn.session_paths import demo_root
from imu.recording.edits import read_edits

FILES = ("session.json", "samples.arrows", "events.jsonl")


@pytest.fixture
def sessions(tmp_path):
    made = []
    for name in ("one", "two"):
        folder = tmp_path / "here" / name
        folder.mkdir(parents=True)
        for each in FILES:
            shutil.copy(demo_root() / "ninety_ninety_lift" / each, folder / each)
        made.append(folder)
    return made


@pytest.fixture
def packed(sessions, tmp_path):
    return pack(sessions, tmp_path / "K7.hipturn.zip")


def test_what_is_packed_comes_out_the_same_elsewhere_and_only_once(sessions, packed, tmp_path):
    add_edit(sessions[0], "effort", side="right", at_s=60.0, value=3)
    again = pack(list(reversed(sessions)), tmp_path / "again.hipturn.zip")
    there = tmp_path / "there"
    assert unpack(packed, there).new == ["one", "two"]
    for name in ("one", "two"):
        for each in FILES:
            assert (there / name / each).read_bytes() == (sessions[0] / each).read_bytes()
            assert (there / name / each).stat().st_mode & 0o077 == 0
    assert not (there / "one" / "edits.jsonl").exists()
    add_edit(there / "one", "effort", side="right", at_s=60.0, value=5)
    assert unpack(again, there).there == [("one", 1), ("two", 0)]
    assert [edit.value for edit in read_edits(there / "one").edits] == [3, 5]
    assert unpack(again, there).there == [("one", 0), ("two", 0)]
    assert sorted(path.name for path in there.iterdir()) == ["one", "two"]
    (sessions[0] / "edits.jsonl").unlink()
    assert pack(sessions, tmp_path / "b.zip").read_bytes() == packed.read_bytes()
    with pytest.raises(UserError, match="nothing is overwritten"):
        pack(sessions, packed)


def test_another_session_of_the_same_name_stays_as_it_is(sessions, packed, tmp_path):
    events = sessions[0] / "events.jsonl"
    events.write_bytes(events.read_bytes()[:200] + b"\n")
    done = unpack(packed, tmp_path / "here")
    assert done.there == [("two", 0)]
    assert "another session here has this name" in done.refused[0]
    assert len(events.read_bytes()) == 201


def spoiled(packed, change, tmp_path):
    """Return the file with other entries: name → text, as `change` has them."""
    with zipfile.ZipFile(packed) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    out = tmp_path / "spoiled.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in change(entries):
            file.writestr(name, text)
    return out


def climbing(entries):
    return [(name.replace("one/", "../one/"), text) for name, text in entries.items()]


def bomb(entries):
    return [*entries.items(), ("three/events.jsonl", b" " * 5_000_000)]


def unlisted(entries):
    return [*entries.items(), ("three/events.jsonl", b"{}\n")]


def no_session(entries):
    return [*entries.items(), ("one/run.exe", b"MZ")]


def without_list(entries):
    return [(name, text) for name, text in entries.items() if name != LIST_FILE]


def newer(entries):
    text = json.dumps(json.loads(entries[LIST_FILE]) | {"version": 2})
    return [*without_list(entries), (LIST_FILE, text)]


def long_list(entries):
    return [*without_list(entries), (LIST_FILE, b" " * 1_000_001)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (climbing, "cannot name a session.s file"),
        (bomb, "unpacks to more than is plausible"),
        (unlisted, "not of the files in it"),
        (no_session, "is no file of a session"),
        (without_list, "has no list of sessions"),
        (newer, "of another version"),
        (long_list, "too long"),
    ],
)
def test_a_file_that_could_do_harm_is_refused_before_anything_is_unpacked(
    change, why, packed, tmp_path
):
    there = tmp_path / "there"
    with pytest.raises(UserError, match=why):
        unpack(spoiled(packed, change, tmp_path), there)
    assert not there.exists()


def test_too_many_files_are_refused_by_their_number(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "SESSIONS_MAX", 1)
    with pytest.raises(UserError, match="more than 1 sessions have"):
        unpack(packed, tmp_path / "there")


def test_what_is_damaged_on_the_way_is_told_and_the_rest_is_taken(packed, tmp_path):
    def change(entries):
        text = entries["one/events.jsonl"].replace(b"stand_start", b"stand_stare")
        return (entries | {"one/events.jsonl": text}).items()

    done = unpack(spoiled(packed, change, tmp_path), tmp_path / "there")
    assert done.new == ["two"]
    assert "its events.jsonl is damaged" in done.refused[0]
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["two"]


@pytest.mark.parametrize("kept", [0, 10, 2000])
def test_a_file_that_was_cut_is_a_sentence(packed, tmp_path, kept):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(packed.read_bytes()[:kept])
    with pytest.raises(UserError, match="is damaged, or no file of"):
        unpack(cut, tmp_path / "there")


def test_the_commands_say_that_it_is_not_encrypted(sessions, hipturn, tmp_path):
    root, out = sessions[0].parent, tmp_path / "out.hipturn.zip"
    code, said, err = hipturn("pack", "--wearer", "virtual", "--dir", root, "-o", out)
    assert (code, "not encrypted: hand it over" in said) == (0, True), err
    code, said, _ = hipturn("unpack", out, "--dir", tmp_path / "there")
    assert (code, said.count("new: ")) == (0, 2)
    code, _, err = hipturn("pack", "--wearer", "K9", "--dir", root)
    assert (code, "no session of wearer 'K9'" in err) == (1, True)
    assert hipturn("pack")[0] == 2
