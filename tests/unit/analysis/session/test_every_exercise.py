"""Every exercise of the catalogue, once through the whole chain: the counts do not move unnoticed.

The golden file holds what one virtual wearer's set gives, beside what was true of it. After a meant
change: `python tests/unit/analysis/session/test_every_exercise.py`, look at the difference, and say
it in CHANGELOG.md under "Changes to the numbers".
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from analysis import exercises
from analysis.session import analyse as sessions
from analysis.session.recording import Recording
from imu.clocks.timeline import align, until_last_complete
from imu.sample import SampleTable, Side
from imu.virtual.wearer import wear

GOLDEN = Path(__file__).parents[3] / "data" / "golden_sets.json"
SEED = 11

ASKED = [e for e in exercises.ids() if not exercises.load(e).is_free]
"""What a wearer can be asked to do."""


def done(exercise_id: str, *, marks: bool = True) -> dict[str, Any]:
    """Return what a virtual wearer's set gave, and what was true of it."""
    wearing = wear(exercise_id, "right", SEED)
    frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
    recording = Recording(
        session_id="s",
        wearer="w",
        started_at="2026-01-01T00:00:00+00:00",
        exercise=exercise_id,
        units=wearing.units,
        frames=until_last_complete(frames, wearing.units),
        marks=wearing.marks if marks else (),
    )
    result = sessions.analyse(recording)
    reps, true = result.reps, wearing.truth.reps[Side.RIGHT]
    return {
        "true_reps": sum(rep.kind == "rep" for rep in true),
        "statuses": reps["status"].tolist(),
        "controlled": int(reps["controlled"].fillna(False).sum()),
        "measured": bool(reps["measured"].all()),
        "rom_deg": [None if math.isnan(v) else round(v, 2) for v in reps["rom_deg"]],
        "hold_s": [round(v, 2) for v in reps["hold_s"]],
        "hip_angle": bool(result.angles["valid"].any()),
    }


@pytest.mark.parametrize("exercise_id", ASKED)
def test_a_set_of_every_exercise_gives_what_it_gave(exercise_id):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[exercise_id]
    found = done(exercise_id)
    exercise = exercises.load(exercise_id)
    assert found["hip_angle"] == exercise.has_hip_angle
    assert found["measured"] == (not exercise.is_timed)
    if exercise.is_counted:
        assert found["statuses"] == ["valid"] * found["true_reps"]
    else:
        assert found["statuses"] == ["hold"]
        assert found["hold_s"][0] >= exercise.dose.hold_s[0]
    for name in ("true_reps", "statuses", "controlled"):
        assert found[name] == golden[name], name
    assert found["hold_s"] == pytest.approx(golden["hold_s"], abs=0.05)
    for now, then in zip(found["rom_deg"], golden["rom_deg"], strict=True):
        assert now == (then if then is None else pytest.approx(then, abs=0.1))


@pytest.mark.parametrize(
    "exercise_id", [e for e in exercises.ids() if exercises.load(e).pose.bends_standing]
)
def test_bends_made_standing_are_found_without_marks(exercise_id):
    found = done(exercise_id, marks=False)
    assert found["statuses"] == ["valid"] * found["true_reps"]


def test_squats_are_counted_for_each_leg_and_listed_in_turn(recording_of):
    recording = recording_of(wear("squatting_internal_rotation", "both", SEED))
    reps = sessions.analyse(recording).reps
    assert reps["side"].tolist() == ["right", "left"] * 5
    assert reps["status"].tolist() == ["valid"] * 10
    assert reps["rep"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert reps["start_s"].is_monotonic_increasing


if __name__ == "__main__":
    sets = {exercise_id: done(exercise_id) for exercise_id in ASKED}
    lines = ",\n".join(f'"{name}": {json.dumps(value)}' for name, value in sets.items())
    GOLDEN.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
