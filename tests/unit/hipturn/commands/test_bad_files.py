"""A file that is no recording, cut, hostile or of another version: one line, exit 1, nothing left.

The sentence names the file, the place and the reason, and says what to do.
"""

from __future__ import annotations

import json
import shutil

import pytest

import hipturn as package
from hipturn.session_paths import demo_root
from imu.recording import open_session

MEND = "correct it by hand or take it from a copy"
LOST = "nothing in it can be rescued, take a copy"
GIVE = "give the folder that holds session.json"


def edit_header(folder, **changes):
    path = folder / "session.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_unit(folder, **changes):
    units = json.loads((folder / "session.json").read_text())["units"]
    edit_header(folder, units=[units[0] | changes, *units[1:]])


def write_json(text):
    return lambda folder: (folder / "session.json").write_text(text)


def write_samples(data):
    return lambda folder: (folder / "samples.arrows").write_bytes(data)


def keep_samples(count):
    def cut(folder):
        path = folder / "samples.arrows"
        path.write_bytes(path.read_bytes()[:count])

    return cut


BAD = {
    "no session.json": (
        lambda folder: (folder / "session.json").unlink(),
        f"s: is not a session, it holds no session.json; {GIVE}",
    ),
    "empty session.json": (
        write_json(""),
        f"s/session.json: not JSON at line 1, column 1 (Expecting value); {MEND}",
    ),
    "another version": (
        lambda folder: edit_header(folder, version=2),
        "s/session.json: format version 2, and this hipturn reads version 1;"
        " use the hipturn that wrote it, or a newer one",
    ),
    "deep JSON": (
        write_json("[" * 100_000),
        f"s/session.json: nested deeper than 32 levels; {MEND}",
    ),
    "absurd rate": (
        lambda folder: edit_unit(folder, rate_hz=1e9),
        f"s/session.json: units[0].rate_hz is 1000000000.0, not a number from 1 to 2000; {MEND}",
    ),
    "NaN in session.json": (
        lambda folder: edit_unit(folder, rate_hz=float("nan")),
        f"s/session.json: holds NaN, which is not a number; {MEND}",
    ),
    "no units": (
        lambda folder: edit_header(folder, units=[]),
        f"s/session.json: units lists 0 units, not 1 to 16; {MEND}",
    ),
    "unknown exercise": (
        lambda folder: edit_header(folder, exercise="prone_wiper"),
        "s/session.json: there is no exercise 'prone_wiper'; did you mean prone_windshield_wiper?",
    ),
    "no samples file": (
        lambda folder: (folder / "samples.arrows").unlink(),
        "s/samples.arrows: is missing; take the file from a copy of the session",
    ),
    "empty samples": (write_samples(b""), f"s/samples.arrows: is empty; {LOST}"),
    "no Arrow stream": (
        write_samples(b"this is no recording" * 20),
        f"s/samples.arrows: is not an Arrow stream; {LOST}",
    ),
    "cut inside the schema": (
        keep_samples(100),
        f"s/samples.arrows: is cut or damaged before its first sample; {LOST}",
    ),
    "huge length": (
        write_samples(b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100)),
        f"s/samples.arrows: is cut or damaged before its first sample; {LOST}",
    ),
    "cut before the first batch": (
        keep_samples(2500),
        "s/samples.arrows: holds no sample; record or import it again",
    ),
    "an event that is none": (
        lambda folder: (folder / "events.jsonl").write_text("no event\n"),
        "s/events.jsonl: line 1 is not JSON at line 1, column 1 (Expecting value);"
        " run `hipturn recover` on the session",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_session_is_one_line_and_leaves_nothing(what, hipturn, make_session, monkeypatch):
    damage, sentence = BAD[what]
    folder = make_session("s")
    damage(folder)
    monkeypatch.chdir(folder.parent)
    code, out, err = hipturn("analyse", "s", "--out", "tables")
    assert (code, err) == (1, f"hipturn: {sentence}\n")
    assert out == ""
    assert not (folder.parent / "tables").exists()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nothere", "cannot be opened (No such file or directory)"),
        ("../nothere", "cannot be opened (No such file or directory)"),
        ("s/session.json", "is a file, and a session is a folder"),
    ],
)
@pytest.mark.parametrize("command", ["analyse", "replay", "recover"])
def test_what_is_no_session_is_said_by_every_command(
    command, path, reason, hipturn, make_session, monkeypatch
):
    monkeypatch.chdir(make_session("s").parent)
    code, _, err = hipturn(command, path)
    assert (code, err) == (1, f"hipturn: {path}: {reason}; {GIVE}\n")


def test_a_recording_cut_in_the_middle_is_analysed_up_to_the_cut(hipturn, make_session, tmp_path):
    folder = make_session("s")
    keep_samples((folder / "samples.arrows").stat().st_size * 3 // 4)(folder)
    code, out, err = hipturn("analyse", folder, "--out", tmp_path / "tables")
    assert code == 0
    assert "the recording's end was cut off; everything before is here" in err
    assert hipturn("recover", folder)[0] == 3
    assert hipturn("recover", folder)[0] == 0
    code, again, err = hipturn("analyse", folder, "--out", tmp_path / "tables")
    assert (code, again) == (0, out)
    assert "cut off" not in err


def test_one_bad_session_does_not_stop_the_others(hipturn, make_session, tmp_path):
    make_session("all/a")
    (make_session("all/b") / "samples.arrows").write_bytes(b"")
    code, out, err = hipturn("analyse", tmp_path / "all", "--out", tmp_path / "t", "--no-report")
    assert code == 1
    assert "samples.arrows: is empty" in err
    assert "3 of 20 reps" in out
    assert (tmp_path / "t" / "a" / "angles.csv").exists()
    assert (tmp_path / "t" / "summary.csv").exists()


HEADER = "PacketCounter,SampleTimeFine,Quat_W,Quat_X,Quat_Y,Quat_Z\n"
ROWS = "".join(f"{i},{16667 * i},1,0,0,0\n" for i in range(1, 200))


FEW = "f.csv, below line 1: fewer than two of {} rows are usable{}; {}"
MODES = (
    "f.csv, line 1: the measurement mode 'freeacc_x+freeacc_y+freeacc_z' carries no orientation;"
    " record in a mode with quaternions (Extended, Complete or Orientation, Custom Mode 3 or 5),"
    " with Euler angles, or with rate quantities"
)
BAD_DOT = {
    "no rows": (HEADER, FEW.format(0, "", "export it again")),
    "NaN": (
        HEADER + "1,16667,nan,nan,nan,nan\n" * 50,
        FEW.format(
            50,
            " (50 with NaN or infinite values; the first: line 2: 'nan')",
            "export it again without empty values",
        ),
    ),
    "infinite": (
        HEADER + "1,16667,inf,0,0,0\n" * 50,
        FEW.format(
            50,
            " (50 with NaN or infinite values; the first: line 2: 'inf')",
            "export it again without empty values",
        ),
    ),
    "zero": (
        HEADER + "1,16667,0,0,0,0\n" * 50,
        FEW.format(
            50,
            " (50 with a quaternion not of length one; the first: line 2: '0')",
            "check which four columns are the quaternion",
        ),
    ),
    "no orientation": ("PacketCounter,SampleTimeFine,FreeAcc_X,FreeAcc_Y,FreeAcc_Z\n", MODES),
    "empty": ("", "f.csv: the file is empty; export it again"),
    "another table": (
        "no,recording\n1,2\n",
        "f.csv: no line starts with PacketCounter; give a CSV file exported by the Movella DOT app",
    ),
    "long line": (
        HEADER + "a" * 10_000,
        "f.csv, line 2: the line is longer than 4000 characters; this is not a file the recording"
        " app wrote, export it again",
    ),
}


@pytest.mark.parametrize("what", BAD_DOT)
def test_a_bad_dot_file_is_one_line_and_leaves_no_session(what, hipturn, tmp_path, monkeypatch):
    text, sentence = BAD_DOT[what]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.csv").write_text(text)
    (tmp_path / "g.csv").write_text(HEADER + ROWS)
    code, out, err = hipturn(
        *("import", "xsens-dot", "--right-thigh", "f.csv", "--right-shank", "g.csv"),
        *("--exercise", "seated_internal_rotation", "--out", "new"),
    )
    assert code == 1
    assert err == f"hipturn: {sentence}\n"
    assert err.count("\n") == 1
    assert "; " in err  # what to do
    assert out == ""
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["..", "a b", "=cmd", "CON", "x" * 90, "dot."])
def test_odd_names_for_a_session_are_refused(name, hipturn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.csv").write_text(HEADER + ROWS)
    before = sorted(tmp_path.parent.rglob("*"))
    code, _, err = hipturn(
        *("import", "xsens-dot", "--right-shank", "g.csv"),
        *("--exercise", "seated_internal_rotation", "--out", name),
    )
    assert code == 1
    assert "cannot name a session" in err
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_session_is_never_overwritten(hipturn, make_session, tmp_path):
    folder = make_session("s")
    before = (folder / "samples.arrows").read_bytes()
    (tmp_path / "g.csv").write_text(HEADER + ROWS)
    code, _, err = hipturn(
        *("import", "xsens-dot", "--right-shank", tmp_path / "g.csv"),
        *("--exercise", "seated_internal_rotation", "--out", folder),
    )
    assert (code, "is already there" in err) == (1, True)
    assert (folder / "samples.arrows").read_bytes() == before


def test_marks_that_make_no_sense_are_refused(hipturn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.csv").write_text(HEADER + ROWS)
    (tmp_path / "m.csv").write_text("time_s,label\n1.0,stand_begin\n")
    code, _, err = hipturn(
        *("import", "xsens-dot", "--right-shank", "g.csv", "--marks", "m.csv"),
        *("--exercise", "seated_internal_rotation", "--out", "new"),
    )
    assert code == 1
    assert "m.csv, line 2" in err
    assert not (tmp_path / "new").exists()


def test_what_a_recording_from_elsewhere_says_does_not_command_the_terminal(
    hipturn, tmp_path, monkeypatch
):
    folder = tmp_path / "recordings" / "s"
    shutil.copytree(demo_root() / "ninety_ninety_lift", folder)
    edit_header(folder, wearer="W\x1b[2J1", notes=["cleared\x1b[2J\nthere"])
    assert "cleared [2J there" in package.analyse(open_session(folder)).sentences
    shutil.copytree(demo_root() / "seated_internal_rotation", folder.with_name("other"))
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)  # as at a terminal
    code, out, _ = hipturn("history", "--dir", folder.parent)
    assert code == 0
    assert "W [2J1" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "command",
    [
        ("analyse", "demo/ninety_ninety_lift", "--no-report", "--out", "taken/t"),
        ("report", "demo/ninety_ninety_lift", "-o", "taken/r.pdf"),
        ("export", "demo/ninety_ninety_lift", "--to", "csv", "--out", "taken/e"),
    ],
    ids=lambda command: command[0],
)
def test_a_place_that_cannot_be_written_is_told_with_what_to_do(
    command, hipturn, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file where a folder is wanted")
    code, _, err = hipturn(*command)
    assert code == 1
    assert err.startswith("hipturn: taken")
    assert "; " in err  # what to do
    assert err.count("\n") == 1
