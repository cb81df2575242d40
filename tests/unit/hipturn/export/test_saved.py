"""What the page saves are the files of the commands, byte for byte."""

from __future__ import annotations

import io
import zipfile

import pytest
from click.testing import CliRunner

import hipturn
from hipturn.commands.cli import cli
from hipturn.export.saved import FILES, How, saved
from hipturn.session_paths import demo_root

DEMO = demo_root() / "ninety_ninety_lift"


@pytest.fixture(scope="module")
def result():
    return hipturn.analyse(hipturn.open(DEMO))


def commanded(*words):
    done = CliRunner().invoke(cli, list(map(str, words)))
    assert done.exit_code == 0, done.output


def kept(name, result, decimal="point"):
    return saved(DEMO, name, lambda: result, How(decimal))


def test_report_workbooks_and_packed_recording_are_those_of_the_commands(tmp_path, result):
    commanded("report", DEMO, "-o", tmp_path / "report.pdf")
    commanded("export", DEMO, "--to", "xlsx", "--out", tmp_path)
    commanded("pack", DEMO, "-o", tmp_path / "mine.hipturn.zip")
    for name, file in (
        ("report.pdf", "report.pdf"),
        ("spreadsheet.xlsx", "spreadsheet.xlsx"),
        ("for-my-therapist.zip", "mine.hipturn.zip"),
    ):
        assert kept(name, result) == (tmp_path / file).read_bytes(), name


def test_the_zip_of_tables_holds_what_analyse_writes(tmp_path, result):
    commanded("analyse", DEMO, "--out", tmp_path, "--decimal", "comma")
    with zipfile.ZipFile(io.BytesIO(kept("tables.zip", result, "comma"))) as file:
        assert file.namelist() == ["angles.csv", "reps.csv", "sets.csv", "summary.csv"]
        for name in file.namelist():
            assert file.read(name) == (tmp_path / name).read_bytes(), name


def test_every_file_says_what_it_is_called():
    names = [one.name for one in FILES.values() if one.name]
    assert len(set(names)) == len(names)
