"""A session that was corrected gives the tables that it would have given had it been right."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

import hipturn as package
from hipturn.errors import UserError
from hipturn.export.csv import TABLES, write_tables
from hipturn.history.edits import add_edit, undo_edit
from hipturn.history.index import history_index
from hipturn.history.trend import wearers
from hipturn.session.radio_session import Wish
from hipturn.session.replay import tracker_of
from hipturn.session.start import start_virtual
from hipturn.session_paths import find_sessions
from imu.recording import recover
from imu.recording.edits import read_edits

SAID = ["measured_status", "edited", "counted_by_hand", "pain_max_0_10", "effort_max_0_10"]
NAMES = ["session_id", "wearer"]


def tables(folder, *, as_recorded=False):
    return package.analyse(package.open(folder, as_recorded=as_recorded))


def written(result, folder):
    """Return the bytes of every table."""
    shutil.rmtree(folder, ignore_errors=True)
    return {path.name: path.read_bytes() for path in write_tables(result, folder)}


def rewrite(folder, change):
    path = folder / "session.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def same_figures(one, other):
    """Hold two results' tables against each other, but for who they are and who said what."""
    for name in TABLES:
        left, right = getattr(one, name), getattr(other, name)
        drop = [column for column in (*SAID, *NAMES) if column in left]
        pd.testing.assert_frame_equal(left.drop(columns=drop), right.drop(columns=drop))


def wrong_side(header):
    units = [unit | {"side": "left"} for unit in header["units"]]
    return header | {"units": units, "side": "left"}


def wrong_segments(header):
    other = {"thigh": "shank", "shank": "thigh"}
    for leg in (header["calibration"] or {}).values():
        leg["units"] = {other[part]: unit for part, unit in leg["units"].items()}
    return header | {"units": [u | {"segment": other[u["segment"]]} for u in header["units"]]}


WRONG = {
    "side": (wrong_side, {"value": "right"}),
    "swap": (wrong_segments, {"side": "right"}),
    "exercise": (
        lambda header: header | {"exercise": "prone_rotation_test"},
        {"value": "seated_internal_rotation"},
    ),
    "wearer": (lambda header: header | {"wearer": "K7"}, {"value": "virtual"}),
}


def test_what_was_declared_wrong_is_as_if_it_had_been_right(make_session, tmp_path):
    right = make_session("right")
    expected = tables(right)
    assert expected.summary["valid"].tolist() == [3]
    for kind, (spoil, said) in WRONG.items():
        folder = tmp_path / kind
        shutil.copytree(right, folder)
        rewrite(folder, spoil)
        edit = add_edit(folder, kind, **said)
        found = tables(folder)
        same_figures(found, expected)
        assert found.summary["edited"].tolist() == [kind]
        assert "(therapist, 20" in found.corrections[0]
        before = written(tables(folder, as_recorded=True), tmp_path / "out")
        undo_edit(folder, edit.id)
        assert written(tables(folder), tmp_path / "out") == before


def test_movements_sets_and_doses_are_corrected_and_all_of_it_can_be_undone(make_session, tmp_path):
    folder = make_session()
    recorded = tables(folder)
    before = written(recorded, tmp_path / "out")
    first, second, third = recorded.reps["peak_s"]
    ids = []

    def say(kind, at_s=None, **more):
        ids.append(add_edit(folder, kind, side="right", at_s=at_s, **more).id)
        return tables(folder)

    found = say("reject", second, saw={"status": "valid"})
    assert found.reps["status"].tolist() == ["valid", "rejected", "valid"]
    assert found.reps["rep"].fillna(0).tolist() == [1, 0, 2]
    assert found.angles["rep"].max() == 2
    assert found.summary["valid"].tolist() == [2]
    assert found.sets["rejected"].tolist() == [1]
    assert found.reps["measured_status"].tolist() == ["valid"] * 3
    found = say("count", first, value=4)
    assert found.summary["counted_by_hand"].tolist() == [4]
    assert found.summary["valid"].tolist() == [2]  # `valid` always counts rows
    say("pain", third, value=3)
    say("pain", third, value=6, target="movement")
    say("effort", third + 60.0, value=8)
    found = say("note", first, value="=cough()", target="movement")
    assert found.sets[["pain_0_10", "effort_0_10"]].to_numpy().tolist() == [[3, 8]]
    assert found.summary[["pain_max_0_10", "effort_max_0_10"]].to_numpy().tolist() == [[6, 8]]
    assert found.reps["pain_0_10"].tolist() == ["", "", "6"]
    assert b"'=cough()" in written(found, tmp_path / "out")["reps.csv"]
    found = say("dose", value={"reps": 5, "sets": 2, "hold_s": 1.5})
    assert found.summary["target_reps"].tolist() == [10]
    assert found.recording.entry.dose.hold_s == (1.5, 1.5)
    found = say("bad_from", third - 0.1)
    assert found.reps["reject_reason"].tolist() == ["", "by_hand", "calibration_bad"]
    late = found.angles[found.angles["time_s"] >= third - 0.1]
    assert late["hip_internal_rotation_deg"].isna().all()
    assert late["knee_flexion_deg"].isna().all()
    span = {
        "start_s": float(recorded.sets["start_s"][0]),
        "end_s": float(recorded.sets["end_s"][0]),
    }
    ids.append(add_edit(folder, "trim", value=[first + 2.5, third + 30.0], saw=span).id)
    found = tables(folder)
    assert found.reps["peak_s"].tolist() == pytest.approx([second, third])
    waiting = [note for note in found.sentences if "waits" in note]
    assert len(waiting) == 2  # a count and a note of what is in no set any more
    assert len(found.corrections) + len(waiting) == len(ids)
    for id_ in ids:
        undo_edit(folder, id_)
    assert written(tables(folder), tmp_path / "out") == before
    assert tables(folder).corrections == ()


def test_a_calibration_made_live_is_made_anew_from_what_was_recorded_then(tmp_path, capsys):
    wish = Wish(exercise="seated_internal_rotation", root=str(tmp_path / "live"))
    folder = start_virtual(wish, "right", speed=None)
    right = tables(folder).reps
    rewrite(folder, wrong_segments)
    add_edit(folder, "swap", side="right")
    session = package.open(folder)
    assert session.header.calibration is None
    assert session.recorded.calibration is not None
    found = package.analyse(session).reps
    assert len(found) == len(right) >= 5
    assert (found["rom_deg"] - right["rom_deg"]).abs().max() < 1.0
    assert found["status"].tolist() == right["status"].tolist()


def test_a_replay_shows_the_movements_and_numbers_that_the_tables_have(make_session):
    folder = make_session()
    _, second, third = tables(folder).reps["peak_s"]
    add_edit(folder, "reject", at_s=second)
    add_edit(folder, "bad_from", at_s=third + 10.0)
    session = package.open(folder)
    tracker, _ = tracker_of(session)
    updates = [update for sample in session.samples() for update in tracker.push(sample)]
    updates += tracker.finish()
    said = [
        (str(one.kind), one.set, one.rep)
        for update in updates
        for one in update.announcements
        if one.movement is not None
    ]
    assert said == [("rep", 1, 1), ("rejected", 1, 1), ("rep", 1, 2)]
    late = [leg for u in updates for leg in u.legs.values() if u.time_s >= third + 10.0]
    assert all(leg.rotation_deg != leg.rotation_deg for leg in late)
    plain, _ = tracker_of(package.open(folder, as_recorded=True))
    assert plain.corrected is None


def test_a_session_in_the_bin_is_hidden_until_it_is_taken_out_or_the_bin_emptied(
    make_session, tmp_path, hipturn
):
    root = tmp_path / "recordings"
    folder = make_session("recordings/one")
    shutil.copytree(folder, root / "two")
    code, out, err = hipturn("edit", folder, "bin")
    assert code == 0, err
    id_ = out.split()[1].rstrip(":")
    assert find_sessions([str(root)]) == [root / "two"]
    with history_index(root) as index:
        assert wearers(index)[0]["sessions"] == 1
    assert f"--undo {id_}" in hipturn("bin", "--dir", root)[1]
    assert hipturn("edit", folder, "--undo", id_)[0] == 0
    with history_index(root) as index:
        (row,) = wearers(index)
    assert row["sessions"] == 2
    hipturn("edit", folder, "bin")
    assert hipturn("bin", "--dir", root, "--empty", "--yes")[0] == 0
    assert not folder.exists()
    assert (root / "two").exists()


def test_the_command_says_what_there_is_where_it_is_told_too_little(make_session, hipturn):
    folder = make_session()
    code, _, err = hipturn("edit", folder, "reject", "--at", "1.0")
    assert (code, "no movement at 1.0 s; movements, in s: " in err) == (1, True)
    code, _, err = hipturn("edit", folder, "pain", "11")
    assert (code, "not a whole number from 0 to 10" in err) == (1, True)
    code, _, err = hipturn("edit", folder, "pain", "3", "--set", "4")
    assert (code, "sets: 1" in err) == (1, True)
    code, _, err = hipturn("edit", folder, "exercise", "handstand")
    assert code == 1
    code, _, err = hipturn("edit", folder, "wearer", "Jane Doe")
    assert (code, "no pseudonym" in err) == (1, True)
    assert hipturn("edit", folder, "reject")[0] == 2
    assert hipturn("edit", folder)[0] == 2
    code, _, err = hipturn("edit", "demo/ninety_ninety_lift", "bin")
    assert (code, "copy its folder" in err) == (1, True)
    assert read_edits(folder).edits == ()
    assert hipturn("edit", folder, "pain", "3")[0] == 0
    assert hipturn("edit", folder, "--list")[1].split()[3:6] == ["therapist", "pain", "right"]


def test_cells_filled_by_hand_are_taken_in_and_then_no_longer_in_the_way(
    make_session, hipturn, tmp_path
):
    folder, out = make_session(), tmp_path / "tables"
    analyse = ("analyse", folder, "--out", out, "--no-report")
    assert hipturn(*analyse)[0] == 0
    table = pd.read_csv(out / "reps.csv", dtype=str, keep_default_na=False)
    table.loc[1, ["pain_0_10", "end_feel", "note"]] = ["4", "firm", "she coughed"]
    table.to_csv(out / "reps.csv", index=False)
    add_edit(folder, "effort", side="right", at_s=1e4, value=2)  # so that it is not skipped
    code, _, err = hipturn(*analyse)
    assert (code, "take them in with `hipturn edit" in err) == (1, True)
    code, said, err = hipturn("edit", folder, "--from", out / "reps.csv")
    assert (code, said.split()[:3]) == (0, ["taken", "in:", "3"]), err
    assert hipturn("edit", folder, "--from", out / "reps.csv")[1].split()[2] == "0"
    assert hipturn(*analyse)[0] == 0
    again = pd.read_csv(out / "reps.csv", dtype=str, keep_default_na=False)
    assert again.loc[1, ["pain_0_10", "end_feel", "note"]].tolist() == ["4", "firm", "she coughed"]
    assert again.loc[1, "edited"] == "pain;end_feel;note"
    again.loc[0, "pain_0_10"] = "much"
    again.to_csv(out / "reps.csv", index=False)
    code, _, err = hipturn("edit", folder, "--from", out / "reps.csv")
    assert (code, "line 2, pain_0_10: 'much' is not a whole number" in err) == (1, True)


def test_recover_keeps_the_whole_lines_of_edits(make_session):
    folder = make_session()
    add_edit(folder, "effort", side="right", at_s=1e4, value=2)
    whole = (folder / "edits.jsonl").read_bytes()
    (folder / "edits.jsonl").write_bytes(whole + whole[:40])
    assert recover(folder).exit_code == 3
    assert (folder / "edits.jsonl").read_bytes() == whole
    assert recover(folder).exit_code == 0


def test_an_edit_of_a_pseudonym_only(make_session):
    with pytest.raises(UserError, match="no pseudonym"):
        add_edit(make_session(), "wearer", value="Jane Doe")


def test_every_writer_shows_an_edited_value_as_edited(make_session, hipturn, tmp_path):
    folder = make_session()
    add_edit(folder, "reject", at_s=float(tables(folder).reps["peak_s"][1]))
    add_edit(folder, "count", at_s=1e4, value=4)
    add_edit(folder, "wearer", value="K7")
    html = tmp_path / "report.html"
    assert hipturn("report", folder, "-o", html)[0] == 0
    text = html.read_text()
    assert "Wearer K7†" in text
    assert "<td>2†</td>" in text  # repetitions
    assert "<td>counted by hand</td><td>4†</td>" in text
    assert "† right leg, set 1, counted by hand: 4 (therapist, 20" in text
    assert "not counted, measured: valid," in text
    assert hipturn("export", folder, "--to", "fhir", "--out", tmp_path)[0] == 0
    entries = json.loads((tmp_path / "bundle.json").read_text())["entry"]
    leg, *reps = (entry["resource"] for entry in entries)
    assert (leg["status"], len(reps)) == ("amended", 2)
    assert {part["code"]["text"]: part["valueQuantity"]["value"] for part in leg["component"]}[
        "repetitions, counted by hand"
    ] == 4
    assert any(note["text"].startswith("Corrected: ") for note in leg["note"])
    assert hipturn("export", folder, "--to", "csv", "--xlsx", "--out", tmp_path)[0] == 0
    for name in ("reps", "sets", "summary"):
        assert "reject" in pd.read_csv(tmp_path / f"{name}.csv")["edited"].dropna().str.cat()
    code, out, _ = hipturn("history", "--wearer", "K7", "--dir", folder.parent, "--json")
    assert (code, json.loads(out)["sessions"][0]["valid"]) == (0, 2)
