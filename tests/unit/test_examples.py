"""Every example of docs/examples runs, from anywhere, and leaves the demo sessions alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def test_there_is_an_example_for_each_thing_people_do():
    assert {path.stem for path in EXAMPLES} == {
        "live", "replay", "analyse_in_pandas", "bring_your_own_csv", "add_a_unit",
        "add_an_exercise", "validate_on_open_data",
    }  # fmt: skip


RUN = [
    # it measures real people, for a minute
    pytest.param(path, marks=pytest.mark.long if path.stem == "validate_on_open_data" else ())
    for path in EXAMPLES
]


@pytest.mark.parametrize("path", RUN, ids=[path.stem for path in EXAMPLES])
def test_the_example_runs(path, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_opens_as_a_notebook(path):
    """Cells begin with `# %%`, prose cells hold nothing but comments."""
    cells = path.read_text(encoding="utf-8").split("# %%")
    assert cells[0] == ""
    assert cells[1].startswith(" [markdown]\n# # ")
    for cell in cells[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            assert all(line.startswith("#") for line in body.splitlines() if line.strip())
        else:
            compile(body, str(path), "exec")
