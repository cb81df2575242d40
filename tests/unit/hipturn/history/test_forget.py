"""Forgetting finds what every writer writes, says what it does, and leaves the others alone."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from analysis.session.analyse import analyse
from hipturn.errors import UserError
from hipturn.history import forget as forgetting
from hipturn.history.edits import add_edit
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.traces import naming
from hipturn.session.pipeline import read_recording
from imu.recording import open_session
from imu.recording.folder import FolderLock

SPEC = importlib.util.spec_from_file_location(
    "many_sessions", Path(__file__).parents[1] / "many_sessions.py"
)
assert SPEC
assert SPEC.loader
made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(made)

WEARER, OTHER = "P-17", "P-170"


@pytest.fixture(scope="module")
def worn(tmp_path_factory):
    return made.worn(tmp_path_factory.mktemp("worn"))


@pytest.fixture
def root(tmp_path, worn):
    """Return an archive with a folder a clinic and a wearer, with three sessions."""
    folder = tmp_path / "recordings"
    for number, name in enumerate(
        (f"clinic/{WEARER}/a", f"clinic/{WEARER}/b", f"clinic/{OTHER}/c")
    ):
        made.like(
            worn[number % 2],
            folder / name,
            Path(name).parent.name,
            made.STARTED + timedelta(days=number),
            rom_deg=20.0,
        )
    return folder


def forget(root, *others, wearer=WEARER):
    return forgetting.forget(root, wearer, *others)


def through_every_writer(hipturn, root, out):
    """Write all that there is of the wearer and of the other one; return the wearer's own files."""
    mine, both = root / "clinic" / WEARER, root / "clinic"
    commands = [
        ("analyse", both, "--out", out / "tables", "--parquet"),
        *[("report", mine / "a", "-o", out / f"report.{kind}") for kind in ("pdf", "html", "png")],
        *[
            ("history", "--wearer", WEARER, "--dir", mine, "-o", out / f"trend.{kind}")
            for kind in ("pdf", "png", "svg")
        ],
        *[
            ("export", mine / "a", "--to", form, "--out", out / form)
            for form in ("csv", "parquet", "fhir", "opensim")
        ],
        ("export", both, "--to", "motion-bids", "--out", out / "bids"),
    ]
    for command in commands:
        code, _, err = hipturn(*command)
        assert code == 0, (command, err)
    with zipfile.ZipFile(out / "tables.xlsx", "w") as book:
        cells = f"<si><t>session_id</t></si><si><t>{WEARER}</t></si>"
        book.writestr("xl/sharedStrings.xml", cells)


def test_one_wearer_through_every_writer_is_found_in_each_and_then_in_none(root, hipturn, tmp_path):
    out = tmp_path / "out"
    through_every_writer(hipturn, root, out)
    found = {path.relative_to(out).as_posix() for path in naming(out, WEARER)}
    assert found >= {
        "report.pdf", "report.html", "report.png", "trend.pdf", "trend.png", "trend.svg",
        "tables.xlsx", "csv/reps.csv", "csv/summary.csv", "parquet/reps.parquet",
        "parquet/summary.parquet", "fhir/bundle.json", "opensim/orientations.sto",
        "bids/participants.tsv", "tables/summary.csv",
    }  # fmt: skip
    code, said, err = hipturn("forget", WEARER, "--dir", root, "--tables", out, "--yes")
    assert code == 0, said + err
    assert list(naming(out, WEARER)) == []
    assert list(naming(root, WEARER)) == []
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert not any(name.startswith(("csv/", "parquet/", "fhir/", "opensim/")) for name in left)
    assert not (out / "bids" / "sub-P17").exists()
    # the other wearer is as before
    assert (root / "clinic" / OTHER / "c" / "session.json").exists()
    assert set(pd.read_csv(out / "tables" / "summary.csv")["wearer"]) == {OTHER}
    assert (out / "bids" / "sub-P170").is_dir()
    assert OTHER in (out / "bids" / "participants.tsv").read_text()
    assert (out / "tables" / "c" / "angles.csv").exists()


def test_sessions_at_any_depth_are_forgotten_with_the_folder_named_after_the_wearer(root):
    with history_index(root / "clinic" / WEARER):
        pass
    done = forget(root)
    assert done.complete
    assert [path.name for path in done.sessions] == ["a", "b"]
    assert sorted(path.name for path in (root / "clinic").iterdir()) == [OTHER]


def test_an_index_deep_in_an_archive_forgets_too(root, worn):
    made.like(worn[0], root / "clinic" / "d", WEARER, made.STARTED, rom_deg=20.0)
    with history_index(root / "clinic"):
        pass
    assert WEARER.encode() in (root / "clinic" / INDEX_FILE).read_bytes()
    assert forget(root).complete
    assert not (root / "clinic" / INDEX_FILE).exists()  # no session is left beside it


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_to_the_wearers_sessions_stops_before_anything_is_removed(root, tmp_path):
    shutil.move(root / "clinic" / WEARER / "b", tmp_path / "elsewhere")
    (root / "clinic" / "b").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link to sessions"):
        forget(root)
    assert (root / "clinic" / WEARER / "a" / "session.json").exists()


def test_a_session_being_recorded_stops_before_anything_is_removed(root, hipturn, tmp_path):
    hipturn("analyse", root / "clinic", "--out", tmp_path / "tables", "--no-report")
    before = sorted(tmp_path.rglob("*.csv"))
    lock = FolderLock(root / "clinic" / WEARER / "b")
    try:
        code, _, err = hipturn(
            "forget", WEARER, "--dir", root, "--tables", tmp_path / "tables", "--yes"
        )
    finally:
        lock.release()
    assert code == 1
    assert "is being recorded" in err
    assert (root / "clinic" / WEARER / "a" / "session.json").exists()
    assert sorted(tmp_path.rglob("*.csv")) == before


def test_an_error_on_the_way_is_told_with_what_is_gone(root, hipturn, monkeypatch):
    real = shutil.rmtree

    def rmtree(path, *arguments, **more):
        if Path(path).name == "a":
            raise PermissionError(1, "Operation not permitted", str(path))
        real(path, *arguments, **more)

    monkeypatch.setattr(forgetting.shutil, "rmtree", rmtree)
    code, said, err = hipturn("forget", WEARER, "--dir", root, "--yes")
    assert code == 1
    assert f"not removed: {root / 'clinic' / WEARER / 'a'} (Operation not permitted)" in said
    assert f"removed session {root / 'clinic' / WEARER / 'b'}" in said
    assert f"look at it yourself: {root / 'clinic' / WEARER / 'a' / 'session.json'}" in said
    assert "not forgotten everywhere" in err


def test_what_only_a_person_can_have_written_is_told_and_ends_with_1(root, hipturn):
    (root / "letter.txt").write_text(f"Dear {WEARER}")
    code, said, _ = hipturn("forget", WEARER, "--dir", root, "--yes")
    assert code == 1
    assert f"look at it yourself: {root / 'letter.txt'}" in said
    assert (root / "letter.txt").exists()


def test_a_reference_written_in_escapes_is_found(tmp_path):
    (tmp_path / "bundle.json").write_text(json.dumps({"value": "Zoë-1"}))
    assert [path.name for path in naming(tmp_path, "Zoë-1")] == ["bundle.json"]


@pytest.mark.parametrize("name", ["x.pdf", "x.png", "x.parquet", "x.xlsx"])
def test_a_damaged_file_stops_no_search(tmp_path, name):
    (tmp_path / name).write_bytes(b"%PDF-1.4 nothing of the kind")
    (tmp_path / "z.txt").write_text(WEARER)
    assert [path.name for path in naming(tmp_path, WEARER)] == ["z.txt"]


# -- pseudonyms that Motion-BIDS would merge -------------------------------------------------------


def test_pseudonyms_that_bids_would_merge_are_refused(root, worn, hipturn, tmp_path):
    made.like(worn[0], root / "x", "P17", made.STARTED + timedelta(days=9), rom_deg=20.0)
    first = root / "clinic" / WEARER / "a"
    assert hipturn("export", first, "--to", "motion-bids", "--out", tmp_path / "bids")[0] == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("bids/**/*") if path.is_file()}
    code, _, err = hipturn("export", root / "x", "--to", "motion-bids", "--out", tmp_path / "bids")
    assert code == 1
    assert "'P17' and 'P-17' would both be sub-P17" in err
    assert {p: p.read_bytes() for p in before} == before


def test_a_second_export_never_overwrites_another_sessions(root, worn, hipturn, tmp_path):
    for name in ("x", "y"):  # the same wearer, exercise and second: two units' recordings
        made.like(worn[0], root / name, "K1", made.STARTED, rom_deg=20.0)
    out = tmp_path / "bids"
    assert hipturn("export", root / "x", "--to", "motion-bids", "--out", out)[0] == 0
    assert hipturn("export", root / "x", "--to", "motion-bids", "--out", out)[0] == 0
    code, _, err = hipturn("export", root / "y", "--to", "motion-bids", "--out", out)
    assert code == 1
    assert "holds another session (x)" in err


def test_a_session_moved_to_another_wearer_stays_and_names_the_first_no_more(root, hipturn):
    moved = root / "clinic" / WEARER / "a"
    shutil.move(root / "clinic" / WEARER / "b", root / "b")  # remains the wearer's own
    moved = shutil.move(moved, root / "a")
    add_edit(moved, "note", side="right", at_s=40.0, value=f"better than {WEARER} before")
    add_edit(moved, "wearer", value="L2", by=WEARER)
    before = hipturn_of(moved)
    code, said, err = hipturn("forget", WEARER, "--dir", root, "--tables", root, "--yes")
    assert code == 0, said + err
    assert not (root / "b").exists()
    assert list(naming(root, WEARER)) == []
    session = open_session(moved)
    assert session.header.wearer == session.recorded.wearer == "L2"
    assert [edit.value for edit in session.edits] == ["better than (forgotten) before"]
    assert hipturn_of(moved) == before
    assert hipturn("forget", "L2", "--dir", root, "--tables", root, "--yes")[0] == 0
    assert not moved.exists()


def test_a_wearer_whose_only_session_was_moved_away_can_be_forgotten(root):
    for name in ("a", "b"):
        add_edit(root / "clinic" / WEARER / name, "wearer", value="L2")
    done = forget(root)
    assert (done.sessions, len(done.scrubbed)) == ([], 2)
    with pytest.raises(UserError, match="no session of wearer"):
        forget(root)


def hipturn_of(folder):
    """Return the figures of a session."""
    return analyse(read_recording(open_session(folder))).reps["rom_deg"].tolist()
