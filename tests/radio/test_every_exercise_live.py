"""`hipturn live --virtual` runs every item of the catalogue from the start to its summary."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from analysis import exercises
from hipturn.commands.cli import cli
from imu.recording import open_session

pytestmark = pytest.mark.long


@pytest.mark.parametrize("exercise_id", exercises.ids())
def test_the_virtual_wearer_does_every_exercise_live(exercise_id, tmp_path):
    words = ["live", "--virtual", "--exercise", exercise_id, "--speed", "max"]
    done = CliRunner().invoke(cli, [*words, "--dir", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    summary = next(line for line in done.output.splitlines() if line.startswith(f"{exercise_id},"))
    exercise = exercises.load(exercise_id)
    if exercise.is_counted:
        assert f"{exercise.dose.reps[0]} of {exercise.dose.reps[0]} reps" in summary
    else:
        assert f"of {exercise.dose.hold_s[0]:.0f} s" in summary
        assert ("timed, not measured" in summary) == (exercise.is_timed)
    (folder,) = tmp_path.iterdir()
    kinds = {event.get("kind", event["type"]) for event in open_session(folder).events()}
    if exercise.is_counted:
        assert {"movement", "target_reached", "set_end"} <= kinds
    else:
        assert {"hold_second", "half_way", "target_reached", "hold_end"} <= kinds
