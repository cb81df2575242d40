"""Files that are no files, documents without end, and texts that would say something else."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from hipturn.archive.remote import find_remote
from hipturn.errors import UserError
from hipturn.export.csv import write_table
from hipturn.plan import load_plan
from imu.importers import ImportFileError
from imu.importers.column_map import read_map
from imu.importers.marks import read_marks
from imu.profiles.profile import ProfileError, load_profile
from imu.strict_toml import MAX_DEPTH, MAX_DOTS, read_toml

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes and devices are elsewhere there")
READERS = {
    "--plan": (lambda path: load_plan(str(path)), UserError),
    "--check": (load_profile, (ProfileError, OSError)),
    "--map": (read_map, ImportFileError),
    "--marks": (read_marks, ImportFileError),
}
OPTIONS = {
    "--plan": ("live", "--virtual", "--terminal", "--plan"),
    "--check": ("configure", "--check"),
}


def no_file(kind, folder):
    """Make something that has a name and is no file."""
    path = folder / "thing.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "link to a pipe":
        os.mkfifo(folder / "pipe")
        path.symlink_to(folder / "pipe")
    else:  # a link to itself
        path.symlink_to(path)
    return path


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to a pipe", "ring of links"])
@pytest.mark.parametrize("option", READERS)
def test_what_is_no_file_is_refused_at_once(tmp_path, option, kind):
    read, refusal = READERS[option]
    begun = time.monotonic()
    with pytest.raises(refusal):
        read(no_file(kind, tmp_path))
    assert time.monotonic() - begun < 2.0


@POSIX
@pytest.mark.parametrize("option", OPTIONS)
def test_the_command_says_in_a_line_that_a_pipe_is_no_file(tmp_path, option):
    path = no_file("pipe", tmp_path)
    command = [sys.executable, "-m", "hipturn", *OPTIONS[option], str(path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HIPTURN_CONFIG": str(tmp_path / "c")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=env, cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    said = done.stdout + done.stderr
    assert "no regular file" in said
    assert "Traceback" not in said


ENDLESS = {
    "dotted keys": ".".join(["a"] * 20_000) + " = 1",
    "many dotted keys": "\n".join(f"{'.'.join(['a'] * 150)}.b{n} = 1" for n in range(150)),
    "a table of dots": "[" + ".".join(["a"] * 15_000) + "]",
    "a hexadecimal number": "reps = 0x" + "f" * 50_000,
    "a decimal number": "reps = " + "9" * 50_000,
    "brackets": "a = " + "[" * 20_000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("option", ["--plan", "--check", "--map"])
def test_a_document_without_end_is_refused_in_a_sentence(tmp_path, option, text):
    read, refusal = READERS[option]
    path = tmp_path / "x.toml"
    path.write_text(text)
    begun = time.monotonic()
    with pytest.raises(refusal) as refused:
        read(path)
    assert time.monotonic() - begun < 2.0
    assert len(str(refused.value)) < 1000


def test_a_document_as_deep_as_ours_is_read(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(".".join(["a"] * (MAX_DEPTH - 1)) + ' = "' + "." * (MAX_DOTS - MAX_DEPTH) + '"')
    assert read_toml(path, 10_000)


@pytest.mark.parametrize(
    "url", ["ssh://host/x", "http://host/x", "zip://x::s3://b/x", "github://a:b@c", "memory://x"]
)
def test_a_scheme_that_is_not_on_the_list_is_not_opened(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)  # importing it would raise
    with pytest.raises(UserError, match="are read from file://"):
        find_remote(url)


def test_every_text_cell_is_disarmed_and_loses_its_control_characters(tmp_path):
    texts = ["=1+1", "\t=1+1", " @SUM(A1)", "＝1+1", "a\x1b[2Jb", "left‮thgir", "a,b\nc", "-5"]
    path = write_table(pd.DataFrame({"label": texts}), tmp_path / "x.csv")
    with path.open(encoding="utf-8", newline="") as file:
        cells = [row["label"] for row in csv.DictReader(file)]
    assert cells == [
        "'=1+1", "' =1+1", "' @SUM(A1)", "'＝1+1", "a [2Jb", "left thgir", "a,b c", "'-5",
    ]  # fmt: skip


def test_opensim_marks_are_cells_like_all_others(tmp_path):
    from hipturn.export.opensim import _write_marks

    path = _write_marks(tmp_path / "marks.csv", [(1.0, '=HYPERLINK("x","y")'), (2.0, "a,b")], 0.0)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["time_s", "label"],
        ["1.000000000", '\'=HYPERLINK("x","y")'],
        ["2.000000000", "a,b"],
    ]


def test_html_and_pdf_keep_no_mark_that_turns_text_round():
    from hipturn.report.html import _paragraph
    from hipturn.report.sheet import Sheet
    from hipturn.words import words_of

    turned = "wearer ‮71-P\x1b[2J"
    assert _paragraph(turned, words_of("en")) == "<p>wearer  71-P [2J</p>"
    sheet = Sheet("a4")
    sheet.letters(0.0, 0.0, turned, 8.0)
    assert [text.get_text() for text in sheet.figure.texts] == ["wearer  71-P [2J"]


@POSIX
@pytest.mark.parametrize(
    "home",
    [
        "/nonexistent",
        pytest.param("/dev/null", marks=pytest.mark.long),
        pytest.param(None, marks=pytest.mark.long),
    ],
)
def test_without_a_usable_home_nothing_but_results_is_said(tmp_path, home):
    env = {
        k: v for k, v in os.environ.items() if k not in ("HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    }
    env |= {"PYTHONPATH": str(ROOT)} | ({"HOME": home} if home else {})
    command = [sys.executable, "-m", "hipturn", "report", "demo/seated_internal_rotation"]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "r.png")], capture_output=True, text=True, timeout=120,
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("analysing")]
    assert said == []
