"""Every entry of the catalogue, two sessions of one wearer: the same numbers and words everywhere.

One entry of each kind also has three sessions and the other leg.

Each goes through the terminal, the summary, the report, `history`, FHIR and the page's results.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import hipturn as package
from analysis.exercises import ids, load
from analysis.session.assessment import compared_deg
from hipturn.clinical_words import whole
from hipturn.commands.summary_text import summary_lines
from hipturn.export.fhir import export_fhir
from hipturn.history.earlier import candidates, completed, past_of
from hipturn.history.show import show_history
from hipturn.history.stored import store_summary
from hipturn.report import Entry, write_report
from hipturn.server.recorded import description
from hipturn.session.virtual_session import header_of
from imu.recording import SessionWriter
from imu.virtual.person.movements import movement_of
from imu.virtual.wearer import WearerSettings, wear

STARTED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ALWAYS = (
    "prone_rotation_test", "seated_internal_rotation", "straight_leg_raise_test",
    "supine_rotation_test", "crossover_step_up", "hurdle_stretch", "arm_bar",
)  # fmt: skip
"""One of each kind; the others take minutes together, and run with the long tests."""
KNOWN_DEG = {
    "supine_rotation_test": 16.4, "straight_leg_raise_test": 10.2,
    "seated_internal_rotation": 5.4, "seated_rotation_drill": 5.4,
}  # fmt: skip
"""The detectable change of what is declared here: tests passive, exercises active."""


def recorded(root, exercise_id, day, side="right"):
    """Record one session of a wearer, as a person would have declared it, and analyse it."""
    name = f"s{day}" if side == "right" else f"{side}{day}"
    settings = WearerSettings(reps=3 if movement_of(exercise_id).reps else None, fusion_hz=120.0)
    wearing = wear(exercise_id, side, 31 + day, settings)
    minutes = 0 if side == "right" else 10
    header = header_of(wearing, STARTED + timedelta(days=day, minutes=minutes), "W1")
    with SessionWriter.create(root / name, header) as writer:
        if load(exercise_id).assessment:
            writer.event({"type": "declared", "time_s": 0.0, "active": False, "test": False})
        for sample in wearing.samples:
            writer.write(sample)
        for time_s, label in wearing.marks:
            writer.event({"type": "mark", "time_s": round(time_s, 6), "label": label})
    session = package.open(root / name)
    result = package.analyse(session)
    store_summary(root / name, result.summary)
    return session, result


@pytest.mark.parametrize("exercise_id", ALWAYS[::2])
def test_three_sessions_and_the_other_leg_are_compared_like_with_like(exercise_id, tmp_path):
    entry, root = load(exercise_id), tmp_path / "recordings"
    results = [recorded(root, exercise_id, day)[1] for day in range(3)]
    session, left = recorded(root, exercise_id, 2, "left")
    compared = [compared_deg(entry, result.summary.iloc[0]) for result in (*results, left)]
    (text,) = show_history(root, "W1", None, lambda _: nullcontext(print), as_json=True)
    rows = json.loads(text)["sessions"]
    assert [(row["session"], row["side"]) for row in rows] == [
        ("left2", "left"), ("s0", "right"), ("s1", "right"), ("s2", "right"),
    ]  # fmt: skip
    if not entry.is_counted:
        return
    first, second, third, other = compared
    # since the last and since the first; the other leg has none of them
    assert [row["change_since_last_deg"] for row in rows] == [
        None, None, pytest.approx(second - first, abs=2e-3), pytest.approx(third - second, abs=2e-3)
    ]  # fmt: skip
    assert rows[3]["change_since_baseline_deg"] == pytest.approx(third - first, abs=2e-3)
    # the legs of one visit are joined: right minus left, in table, report and FHIR
    past = past_of(left.summary, entry, candidates([root / "left2"])[root / "left2"])
    left = replace(left, summary=completed(left.summary, entry, past))
    (row,) = left.summary.to_dict("records")
    assert row["side_difference_deg"] == pytest.approx(third - other, abs=2e-3)
    assert row["change_since_last_deg"] != row["change_since_last_deg"]
    write_report([Entry(left, past)], tmp_path / "r.html")
    report = (tmp_path / "r.html").read_text().replace("&#x27;", "'")
    apart = whole(abs(third - other))
    near = "within half a degree of the left's"
    assert (
        near
        if apart == "0"
        else f"{apart}° {'larger' if third > other else 'smaller'} than the left's"
    ) in report
    (path,) = export_fhir(left, session, tmp_path)
    assert f'"{entry.quantity}' in path.read_text().lower()


@pytest.mark.parametrize(
    "exercise_id",
    [
        name if name in ALWAYS else pytest.param(name, marks=pytest.mark.long)
        for name in ids()
        if not load(name).is_free
    ],
)
def test_two_sessions_of_every_exercise_say_the_same_everywhere(exercise_id, tmp_path):
    entry, root = load(exercise_id), tmp_path / "recordings"
    (_, earlier), (session, result) = (recorded(root, exercise_id, day) for day in (0, 1))
    past = past_of(result.summary, entry, candidates([root / "s1"])[root / "s1"])
    result = replace(result, summary=completed(result.summary, entry, past))
    (last,) = result.summary.to_dict("records")

    terminal = "\n".join(summary_lines(result))
    write_report([Entry(earlier), Entry(result, past)], tmp_path / "r.html")
    report = (tmp_path / "r.html").read_text().replace("&#x27;", "'")
    (text,) = show_history(root, "W1", None, lambda _: nullcontext(print), as_json=True)
    history = json.loads(text)["sessions"]
    show_history(root, "W1", tmp_path / "h.png", lambda _: nullcontext(print), as_json=False)
    (path,) = export_fhir(result, session, tmp_path)
    leg = json.loads(path.read_text())["entry"][0]["resource"]
    shown = description("k", session, result, demo=False)
    everything = " ".join((terminal, report, path.read_text(), json.dumps(shown)))

    # the right quantity and zero
    assert leg["code"]["text"].lower().startswith(entry.quantity)
    assert shown["exercise"]["quantity"] == entry.quantity
    if not entry.has_hip_angle:
        for said in (report, terminal, leg["code"]["text"]):
            ours = said.replace(entry.source, "").lower()  # whose title may say anything
            assert "hip internal rotation" not in ours.replace(entry.name.lower(), "")
    if entry.is_counted:
        assert entry.zero_text in report
        assert entry.zero_text in [note["text"] for note in leg["note"]]
        assert f"Active or passive: {'passive' if entry.assessment else 'not told'}" in report
    # a test's numbers
    if entry.assessment:
        mean = last["end_mean_deg"]
        assert leg["valueQuantity"]["value"] == history[1]["end_mean_deg"] == mean
        for said in (terminal, report, "\n".join(shown["test"])):
            assert f" {whole(mean)}° (mean of" in said
        trials = [trial.value_deg for trial in result.tests["right"].trials]
        assert [float(cell) for cell in last["trials_deg"].split(";")] == trials
        assert history[1]["trials_deg"] == last["trials_deg"]
        parts = [c for c in leg["component"] if c["code"]["text"].startswith("test, trial")]
        assert [part["valueQuantity"]["value"] for part in parts] == trials
        listed = ", ".join(whole(trial) for trial in trials)
        assert f"(mean of 3: {listed})" in terminal
        lines = show_history(root, "W1", None, lambda _: nullcontext(print), as_json=False)
        shown_trials = ", ".join(f"{whole(trial)}°" for trial in trials)
        assert any(shown_trials in line for line in lines)
    # changes, and what is claimed of them
    assert "equal" not in everything
    if entry.is_counted:
        known_deg = KNOWN_DEG.get(exercise_id)
        assert (last["mdc_deg"] if last["mdc_deg"] == last["mdc_deg"] else None) == known_deg
        assert history[1]["mdc_deg"] == known_deg
        assert history[1]["change_since_last_deg"] == last["change_since_last_deg"]
        assert history[1]["change_since_baseline_deg"] == last["change_since_baseline_deg"]
        assert (history[1]["change_exceeds_mdc"] is None) is (known_deg is None)
        pages = report.partition("<section>")[2]
        assert ("the detectable change of" in pages) is (known_deg is not None)
        if known_deg is not None:
            assert f"the detectable change of {known_deg:.1f}°" in pages
