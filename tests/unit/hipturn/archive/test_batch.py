"""Many sessions: what is done stays done, what is damaged stops nothing, each result is traced."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hipturn.archive import batch
from hipturn.archive.journal import JOURNAL_FILE, Journal, read_manifest
from hipturn.archive.manifest import MANIFEST_FILE
from hipturn.archive.processes import DIED, in_processes

TABLES = ("angles.csv", "reps.csv", "sets.csv", "summary.csv")


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with what it holds; the journal also holds times."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != JOURNAL_FILE
    }


@pytest.fixture
def archive(make_session, tmp_path):
    """Return a folder of three sessions."""
    folder = tmp_path / "archive"
    folder.mkdir()
    first = make_session("archive/a")
    for name in ("b", "c"):
        shutil.copytree(first, folder / name)
    return folder


@pytest.fixture
def analysed(monkeypatch):
    """Return a list that grows by the name of each session that is really analysed."""
    done = []
    read = batch.read_recording

    def noted(session, *arguments, **keywords):
        done.append(session.path.name)
        return read(session, *arguments, **keywords)

    monkeypatch.setattr(batch, "read_recording", noted)
    return done


def test_an_unchanged_session_is_not_analysed_again_and_every_byte_stays(
    hipturn, archive, analysed, tmp_path
):
    out = tmp_path / "t"
    assert hipturn("analyse", archive, "--out", out)[0] == 0
    before, lines = everything(out), hipturn("analyse", archive, "--out", out)[1]
    assert analysed == ["a", "b", "c"]
    assert "unchanged and not done again: 3 of 3" in lines
    assert everything(out) == before
    assert hipturn("analyse", archive, "--out", tmp_path / "again")[0] == 0
    assert everything(tmp_path / "again") == before


def test_what_differs_is_done_again_and_nothing_else(hipturn, archive, analysed, tmp_path):
    out = tmp_path / "t"
    hipturn("analyse", archive, "--out", out, "--no-report")
    with (archive / "b" / "events.jsonl").open("a") as file:
        file.write('{"type": "note", "text": "x"}\n')
    (out / "c" / "angles.csv").write_text("cut")
    analysed.clear()
    hipturn("analyse", archive, "--out", out, "--no-report")
    assert analysed == ["b", "c"]
    analysed.clear()
    hipturn("analyse", archive, "--out", out, "--no-report", "--filter", "mahony")
    assert sorted(set(analysed)) == ["a", "b", "c"]  # other options make other tables


def test_several_processes_write_the_same_bytes_as_one(hipturn, archive, tmp_path):
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert hipturn("analyse", archive, "--out", out, "--workers", workers, "--parquet")[0] == 0
    assert everything(tmp_path / "1") == everything(tmp_path / "2")


@pytest.mark.parametrize("workers", [1, 2])
def test_one_damaged_session_never_stops_the_rest(hipturn, archive, tmp_path, workers):
    (archive / "b" / "samples.arrows").write_bytes(b"no stream")
    code, _, err = hipturn("analyse", archive, "--out", tmp_path / "t", "--workers", workers)
    assert code == 1
    assert "samples.arrows" in err
    entries = json.loads((tmp_path / "t" / MANIFEST_FILE).read_text())["sessions"]
    assert {name: bool(entry["problem"]) for name, entry in entries.items()} == {
        "a": False, "b": True, "c": False,
    }  # fmt: skip
    assert len((tmp_path / "t" / "summary.csv").read_text().splitlines()) == 3


def test_a_fault_of_ours_in_one_session_does_not_stop_the_rest(
    hipturn, archive, tmp_path, monkeypatch
):
    read = batch.read_recording

    def broken(session, *arguments, **keywords):
        if session.path.name == "b":
            raise ZeroDivisionError("a bug")
        return read(session, *arguments, **keywords)

    monkeypatch.setattr(batch, "read_recording", broken)
    code, out, err = hipturn("analyse", archive, "--out", tmp_path / "t", "--no-report")
    assert (code, out.count("3 of 20 reps")) == (1, 2)
    assert "a bug in hipturn (ZeroDivisionError: a bug); b is kept" in err


def test_a_result_can_be_traced_to_files_software_and_options(hipturn, archive, tmp_path):
    out = tmp_path / "t"
    hipturn("analyse", archive, "--out", out, "--no-report")
    entry = json.loads((out / MANIFEST_FILE).read_text())["sessions"]["a"]
    for name, digest in entry["inputs"].items():
        assert hashlib.sha256((archive / "a" / name).read_bytes()).hexdigest() == digest
    for name, digest in entry["outputs"].items():
        assert hashlib.sha256((out / "a" / name).read_bytes()).hexdigest() == digest
    assert set(entry["inputs"]) == {"session.json", "samples.arrows", "events.jsonl"}
    assert set(entry["outputs"]) == set(TABLES)
    assert {"hipturn", "numpy", "vqf"} <= set(entry["software"])
    assert entry["options"]["report"] is False


def test_a_stopped_run_goes_on_where_it_was(hipturn, archive, analysed, tmp_path, monkeypatch):
    out = tmp_path / "t"
    note = Journal.note

    def stopped(self, name, entry):
        if name == "c":
            raise KeyboardInterrupt
        note(self, name, entry)

    monkeypatch.setattr(Journal, "note", stopped)
    assert hipturn("analyse", archive, "--out", out, "--no-report")[0] == 130
    assert sorted(read_manifest(out)) == ["a", "b"]
    monkeypatch.setattr(Journal, "note", note)
    analysed.clear()
    assert hipturn("analyse", archive, "--out", out, "--no-report")[0] == 0
    assert analysed == ["c"]
    hipturn("analyse", archive, "--out", tmp_path / "whole", "--no-report")
    assert everything(out) == everything(tmp_path / "whole")


def test_sessions_of_one_name_in_two_folders_keep_their_tables_apart(
    hipturn, make_session, tmp_path
):
    for clinic in ("north", "south"):
        make_session(f"all/{clinic}/monday")
    out = tmp_path / "t"
    assert hipturn("analyse", tmp_path / "all", "--out", out, "--no-report")[0] == 0
    assert {p.parent.name for p in out.glob("*/angles.csv")} == {"north__monday", "south__monday"}


@pytest.mark.parametrize("size", [1, 3])
def test_a_process_that_dies_costs_one_job_at_most(size):
    groups = [list(range(first, first + size)) for first in range(0, 6, size)]
    results = dict(in_processes(half_or_die, lambda _: groups, 2))
    assert results.pop(3) == DIED
    assert results == {n: n / 2 for n in (0, 1, 2, 4, 5)}


def half_or_die(numbers: list[int]) -> Iterator[float]:
    """Yield half of each number; three is the death of the process."""
    for number in numbers:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield number / 2


def test_a_forgotten_wearer_is_in_no_manifest_and_in_no_parquet(hipturn, archive, tmp_path):
    for name, wearer in (("a", "W01"), ("b", "W02"), ("c", "W02")):
        path = archive / name / "session.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"wearer": wearer}))
    out = tmp_path / "t"
    assert hipturn("analyse", archive, "--out", out, "--parquet", "--no-report")[0] == 0
    assert list(out.glob("parquet/*/session=a/*.parquet"))
    assert hipturn("forget", "W01", "--dir", archive, "--tables", out, "--yes")[0] == 0
    assert sorted(read_manifest(out)) == ["b", "c"]
    assert sorted({p.parent.name for p in out.glob("parquet/*/*/*")}) == ["session=b", "session=c"]
