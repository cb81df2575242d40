"""A recording can be copied to any system: names that Windows could not have are never made."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import pytest

from analysis import exercises
from hipturn.export.motion_bids import label_of
from imu.recording import SessionError, session_folder
from imu.recording.folder import check_name

ROOT = Path(__file__).parents[4]
STARTED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
DEVICES = [
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10)),
]
REFUSED = [
    *DEVICES,
    *["con", "Aux.txt", "nul.tar.gz", "lpt1.csv"],
    *["set.", "set ", " set", "set..", "a:b", "C:", "a:stream", "a<b", "a>b", 'a"b', "a|b", "a?b"],
    *["a*b", "a\\b", "a/b", "..", ".", "", "a\x07b", "a\nb", "x" * 81, "-rf", "$HOME", "a%b"],
]
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
LONGEST_BELOW = 25
"""Characters of any name that we make inside a session, with its separator."""


def portable(name):
    """Return whether Windows could have a file of this name."""
    device = name.split(".")[0].rstrip().upper() in DEVICES
    return bool(name) and not FORBIDDEN.search(name) and not device


@pytest.mark.parametrize("name", REFUSED, ids=repr)
def test_a_name_that_windows_could_not_have_is_refused_on_every_system(name):
    with pytest.raises(SessionError, match="cannot name a session"):
        check_name(name)


def test_sessions_of_every_exercise_have_portable_names(tmp_path):
    for exercise in exercises.ids():
        for side in ("left", "right", "both"):
            name = session_folder(tmp_path, STARTED, exercise, side).name
            assert portable(name)
            # with a deep user folder it still fits into the 260 characters of old Windows
            deep = PureWindowsPath(r"C:\Users") / ("u" * 20) / "Documents" / ("d" * 60) / name
            assert len(str(deep)) + LONGEST_BELOW < 260


def test_files_in_a_session_have_short_portable_names(hipturn, make_session):
    folder = make_session()
    assert hipturn("analyse", folder, "--out", folder.parent / "tables")[0] == 0
    (folder / "samples.arrows").write_bytes((folder / "samples.arrows").read_bytes()[:-4100])
    assert hipturn("recover", folder)[0] == 3
    names = [path.name for path in folder.iterdir()]
    assert len(names) >= 5
    assert all(portable(name) and len(name) < LONGEST_BELOW for name in names), names


@pytest.mark.parametrize("wearer", ["CON", "a/b", "..", "x:y", "W 01.", "Łukasz", "n" * 60])
def test_a_wearer_may_be_called_anything_and_no_file_is(wearer, hipturn, make_session, tmp_path):
    label = label_of(wearer) or "unknown"
    assert portable(f"sub-{label}")


def test_a_path_with_spaces_and_other_letters_is_no_obstacle(hipturn, make_session, tmp_path):
    folder = make_session("Müller & Söhne (2026)/s")
    out = tmp_path / "tables of été"
    code, _, err = hipturn("analyse", folder, "--out", out, "--no-report")
    assert code == 0, err
    assert list(out.rglob("reps.csv"))


def test_a_very_long_path_is_read_and_written(hipturn, make_session, tmp_path):
    deep = "/".join(["a_folder_with_a_rather_long_name_of_fifty_characters"] * 6)
    folder = make_session(f"{deep}/s")
    assert len(str(folder)) > 300
    code, _, err = hipturn("analyse", folder, "--out", folder.parent / "tables", "--no-report")
    assert code == 0, err


def test_every_file_of_the_project_can_be_checked_out_on_windows():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout")
    paths = listed.stdout.splitlines()
    assert [path for path in paths if not all(map(portable, path.split("/")))] == []
    assert len({path.lower() for path in paths}) == len(paths)  # nothing differs by case alone
    assert max(map(len, paths)) < 120
