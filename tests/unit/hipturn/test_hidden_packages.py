"""A file of the user's that has the name of one of our packages is named, not stumbled over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(script, *options):
    """Run a script, or a module, in its own folder; its folder comes before ours."""
    return subprocess.run(
        [sys.executable, *options, script.name],
        capture_output=True,
        text=True,
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("name", ["analysis.py", "imu.py", "analysis/__init__.py"])
def test_a_file_that_hides_a_package_of_ours_is_named_with_what_to_do(tmp_path, name):
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.write_text("rows = []\n")
    script = tmp_path / "mine.py"
    script.write_text("import hipturn\n")
    done = run(script)
    assert done.returncode == 1
    named = hiding.parent if "/" in name else hiding
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {named} hides the package `")
    assert "rename it" in done.stderr.splitlines()[-1]
    assert done.stderr.count("  File ") <= 3  # the script, and where hipturn noticed


def test_a_script_that_is_called_like_a_package_of_ours_hears_so(tmp_path):
    script = tmp_path / "analysis.py"
    script.write_text("import hipturn\n\nhipturn.open('demo')\n")
    done = run(script)
    assert f"ImportError: {script} hides the package `analysis`" in done.stderr


def test_other_files_beside_a_script_are_nothing_to_us(tmp_path):
    (tmp_path / "sample.py").write_text("raise RuntimeError\n")
    script = tmp_path / "mine.py"
    script.write_text("import hipturn; print(hipturn.__version__)\n")
    assert run(script).stdout.strip()
