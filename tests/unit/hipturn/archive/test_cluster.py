"""The same sessions on a Dask cluster: same bytes, no session missing or double, workers lost."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest

from hipturn.archive import batch
from hipturn.archive.cluster import on_cluster
from hipturn.archive.journal import JOURNAL_FILE, Journal
from hipturn.errors import UserError

COUNT = 8

pytest.importorskip("distributed", reason="needs the extra [cluster]")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with what it holds."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != JOURNAL_FILE
    }


@pytest.fixture
def archive(make_session, tmp_path):
    """Return a folder of eight sessions with the same samples."""
    first = make_session("archive/s0")
    for number in range(1, COUNT):
        shutil.copytree(first, tmp_path / "archive" / f"s{number}")
    return tmp_path / "archive"


@pytest.fixture
def cluster(tmp_path):
    """Return a Dask cluster of two worker processes on this computer."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
        silence_logs=50,
    ) as made:
        yield made


def test_a_cluster_that_loses_a_worker_half_way_gives_the_bytes_of_the_local_run(
    hipturn, archive, cluster, tmp_path, monkeypatch
):
    local, remote = tmp_path / "local", tmp_path / "remote"
    code, _, err = hipturn("analyse", archive, "--out", local, "--parquet", "--no-report")
    assert code == 0, err
    victim = next(iter(cluster.workers.values())).process.process.pid
    noted = []
    note = Journal.note

    def killing(self, name, entry):
        noted.append(name)
        if len(noted) == COUNT // 2:
            os.kill(victim, signal.SIGKILL)
        note(self, name, entry)

    monkeypatch.setattr(Journal, "note", killing)
    address = cluster.scheduler_address
    code, out, err = hipturn(
        "analyse", archive, "--out", remote, "--cluster", address, "--no-report"
    )
    assert code == 0, err
    assert sorted(noted) == [f"s{number}" for number in range(COUNT)]
    assert out.count("3 of 20 reps") == COUNT
    assert everything(remote) == everything(local)


def test_what_a_cluster_wrote_is_read_as_one_table_by_pandas_and_duckdb(
    hipturn, archive, cluster, tmp_path
):
    address, out = cluster.scheduler_address, tmp_path / "t"
    assert hipturn("analyse", archive, "--out", out, "--cluster", address, "--no-report")[0] == 0
    reps = pd.read_parquet(out / "parquet" / "reps")
    assert reps.groupby("session", observed=True).size().to_dict() == {
        f"s{number}": 3 for number in range(COUNT)
    }
    duckdb = pytest.importorskip("duckdb", reason="reads Parquet, is no dependency")
    reps = duckdb.read_parquet(f"{out}/parquet/reps/**/*.parquet", hive_partitioning=True)
    rows = reps.aggregate("session, count(*)", "session").order("session").fetchall()
    assert rows == [(f"s{number}", 3) for number in range(COUNT)]


def test_sessions_behind_a_url_give_the_same_tables(hipturn, archive, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    hipturn("analyse", archive, "--out", here, "--no-report")
    code, _, err = hipturn("analyse", f"file://{archive}", "--out", there, "--no-report")
    assert code == 0, err
    tables = {name: data for name, data in everything(here).items() if name.endswith(".csv")}
    assert len(tables) == 4 * COUNT + 1
    got = everything(there)
    assert {name: got.get(name) for name in tables} == tables
    code, out, _ = hipturn("analyse", f"file://{archive}", "--out", there, "--no-report")
    assert f"not done again: {COUNT} of {COUNT}" in out


@pytest.mark.parametrize("place", ["memory://archive-test/{}", "file://{}"])
def test_tables_behind_a_url_are_those_of_a_folder(hipturn, archive, tmp_path, place):
    from fsspec.core import url_to_fs

    here, there = tmp_path / "here", place.format(tmp_path / "there")
    options = ("--no-report", "--parquet", "--workers", "2")
    assert hipturn("analyse", archive, "--out", here, *options)[0] == 0
    for expected in ("tables:", f"not done again: {COUNT} of {COUNT}"):
        code, out, err = hipturn("analyse", archive, "--out", there, *options)
        assert code == 0, err
        assert expected in out
    system, root = url_to_fs(there)
    got = {path[len(root) + 1 :]: system.cat_file(path) for path in system.find(root)}
    del got[JOURNAL_FILE]
    assert got == everything(here)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("file:///nowhere/at/all",), "holds no session"),
        (("nosuchkind://x/y",), "are read from file://, s3://"),
        (("ssh://somebody@host/x",), "are read from file://"),
        (("zip://x::https://elsewhere/x.zip",), "are read from file://"),
        (("http://plain/x",), "are read from file://"),
        (("demo", "--out", "http://plain/x"), "are written to file://"),
        (("demo", "--cluster", "tcp://127.0.0.1:9"), "no Dask scheduler answers"),
    ],
)
def test_what_cannot_be_reached_is_one_line(hipturn, monkeypatch, tmp_path, arguments, said):
    monkeypatch.setattr("hipturn.archive.cluster.CONNECT_S", 0.5)
    code, _, err = hipturn("analyse", "--out", tmp_path / "t", *arguments)
    assert (code, err.count("\n")) == (1, 1)
    assert said in err


def test_a_worker_of_another_version_is_refused(hipturn, archive, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("hipturn.archive.cluster.software", other_software)
    address = cluster.scheduler_address
    with pytest.raises(UserError, match="install the same on all"):
        list(on_cluster(address, batch.analyse_group, lambda _: []))


def other_software() -> dict[str, str]:
    """Return versions that differ from one process to the next."""
    return {"hipturn": str(os.getpid())}
