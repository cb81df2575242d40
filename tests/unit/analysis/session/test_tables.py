"""The columns that the outside relies on, and that the numbers in them agree with each other."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from analysis.angle.leg_angles import LegAngles
from analysis.count.sets import CommonNumbers
from analysis.exercises import load
from analysis.grade.grade import MeasuredMovement
from analysis.session.analyse import analyse
from analysis.session.assessment import compared_deg, side_flag
from analysis.session.counting import Numbered
from analysis.session.recording import LegRecord, Recording
from analysis.session.tables import angle_table, rep_table, summary_table
from imu.clocks.timeline import align
from imu.sample import FrameTable, SampleTable, Segment, Side, Unit
from imu.virtual.wearer import WearerSettings, wear

ANGLES = """time_s, side, hip_internal_rotation_deg, uncertainty_deg, basis,
hip_flexion_deg, hip_adduction_deg, knee_flexion_deg, thigh_elevation_deg, pelvis_rotation_deg,
valid, set, rep, phase, knee_flexion_uncertainty_deg, thigh_elevation_uncertainty_deg, sensor_shift,
thigh_rotation_gravity_deg"""
REPS = """session_id, wearer, start_time, exercise, side, position, mode, measured,
set, rep, status, reject_reason, start_s, peak_s, end_s, start_deg, peak_deg, rom_deg,
end_residual_deg, up_s, hold_s, down_s,
rest_before_s, peak_velocity_dps, tremor_dps, smoothness_up, smoothness_down,
knee_flexion_change_deg, thigh_elevation_change_deg,
pelvis_change_deg, controlled, faults, flags, peaks, pulses, active, confidence, basis,
uncertainty_deg, gap_ms, pain_0_10, end_feel, note, measured_status, edited"""
SUMMARY = """session_id, wearer, start_time, exercise, side, sets, valid, partial, rejected,
target_reps,
controlled, rom_median_deg, rom_max_deg, rom_iqr_deg, peak_median_deg, peak_max_deg, hold_median_s,
tempo_median_s, side_difference_deg, side_flag,
change_since_last_deg, mdc_deg, change_exceeds_mdc, lost_samples_percent, longest_gap_ms, active,
test_position, trials_deg, trials_left_out, end_mean_deg, end_largest_deg, plateau_s,
external_rotation_deg, total_arc_deg, change_since_baseline_deg, counted_by_hand, pain_max_0_10,
effort_max_0_10, edited"""
SETS = """session_id, wearer, start_time, exercise, side, set, start_s, end_s, valid, partial,
rejected,
target_reps, counted_by_hand, rom_median_deg, hold_median_s, controlled, interrupted_s, pain_0_10,
effort_0_10, note, edited"""
WIPER = load("prone_windshield_wiper")


@cache
def result():
    """Return a virtual set of eight, two of them too small, with losses."""
    wearing = wear("prone_windshield_wiper", "right", 7, WearerSettings(reps=6, loss_share=0.03))
    table = SampleTable.from_samples(wearing.samples)
    recording = Recording(
        session_id="s1", wearer="W1", started_at="2026-11-22T09:30:00.000+01:00",
        exercise=wearing.exercise, units=wearing.units,
        frames=align(table, wearing.units, "independent"), marks=wearing.marks,
        lost_percent=3.0, longest_gap_s=0.2,
    )  # fmt: skip
    return analyse(recording)


def names(text):
    return [name.strip() for name in text.split(",")]


# Columns and types


@pytest.mark.parametrize(
    ("table", "columns"), [("angles", ANGLES), ("reps", REPS), ("summary", SUMMARY), ("sets", SETS)]
)
def test_the_columns_are_exactly_those_promised(table, columns):
    assert list(getattr(result(), table).columns) == names(columns)


def test_the_types_of_the_columns_do_not_depend_on_what_is_in_them():
    reps = result().reps
    whole = ("set", "rep", "peaks", "pulses")
    text = (
        "session_id", "wearer", "start_time", "exercise", "side", "position", "mode", "status",
        "reject_reason", "faults", "flags", "basis", "pain_0_10", "end_feel", "note",
            "measured_status", "edited",
    )  # fmt: skip
    expected = dict.fromkeys(names(REPS), "float64")
    words = str(pd.Series([""]).astype("str").dtype)  # pandas 3 has a type of its own
    expected |= dict.fromkeys(whole, "Int64") | dict.fromkeys(text, words)
    expected |= {"measured": "bool", "controlled": "boolean", "active": "boolean"}
    assert {name: str(kind) for name, kind in reps.dtypes.items()} == expected
    none = rep_table(result().recording, WIPER, {})
    assert {name: str(kind) for name, kind in none.dtypes.items()} == expected
    angles = result().angles
    assert str(angles["set"].dtype) == str(angles["rep"].dtype) == "Int64"
    assert angles["valid"].dtype == np.bool_
    assert isinstance(angles["phase"].dtype, pd.CategoricalDtype)
    assert angles["side"].cat.categories.tolist() == ["left", "right"]


def test_every_table_survives_a_csv_file():
    for name in ("angles", "reps", "summary"):
        table = getattr(result(), name)
        text = table.to_csv(index=False)
        assert "inf" not in text
        assert "-0.0," not in text
        again = pd.read_csv(io.StringIO(text))
        assert list(again.columns) == list(table.columns)
        assert len(again) == len(table)
        for column in table.select_dtypes("float64"):
            np.testing.assert_array_equal(again[column].to_numpy(float), table[column])


# Angles


def test_valid_is_true_exactly_where_the_hip_angle_is_filled():
    angles = result().angles
    filled = angles["hip_internal_rotation_deg"].notna()
    assert 0 < filled.sum() < len(angles)
    assert (angles["valid"] == filled).all()
    assert (angles["uncertainty_deg"].notna() == filled).all()
    assert (angles["basis"].notna() == filled).all()
    assert set(angles["basis"].dropna()) == {"gravity"}


def test_phases_are_of_the_listed_kinds_and_in_their_places():
    angles = result().angles
    listed = {"calibrating", "rest", "up", "hold", "down", "away"}
    assert set(angles["phase"].unique()) <= listed
    assert set(angles["phase"].cat.categories) == listed
    windows = result().windows[Side.RIGHT]
    for window in (windows.stand, windows.pose, windows.bends):
        inside = angles["time_s"].between(*window)
        assert (angles.loc[inside, "phase"] == "calibrating").all()
    moving = angles["phase"].isin(["up", "hold", "down"])
    assert (moving == angles["rep"].notna()).all()


def test_set_and_rep_are_filled_exactly_inside_the_valid_repetitions():
    angles, reps = result().angles, result().reps
    inside = np.zeros(len(angles), dtype=bool)
    for row in reps[reps["status"] == "valid"].itertuples():
        rows = angles["time_s"].between(row.start_s, row.end_s)
        assert set(angles.loc[rows, "rep"]) == {row.rep}
        assert set(angles.loc[rows, "set"]) == {row.set}
        inside |= rows
        phases = angles.loc[rows, "phase"].astype(str)
        assert list(dict.fromkeys(phases)) == ["up", "hold", "down"]
        held = angles[rows & (angles["phase"] == "hold")]["time_s"]
        assert held.max() - held.min() == pytest.approx(row.hold_s, abs=0.05)
    assert angles.loc[~inside, "rep"].isna().all()
    assert angles.loc[~inside, "set"].isna().all()


def test_angles_are_written_to_a_thousandth_and_times_to_a_microsecond():
    angles = result().angles
    for name in angles.select_dtypes("float64"):
        values = angles[name].dropna().to_numpy()
        decimals = 6 if name == "time_s" else 3
        np.testing.assert_array_equal(values, np.round(values, decimals))
    assert (np.diff(angles["time_s"]) > 0).all()


def small_table(rotation_deg, movements=(), windows=None, away=False):
    """Return the angle table of a leg with given angles at 10 Hz."""
    n = len(rotation_deg)
    time_s, rotation = np.arange(n) / 10, np.asarray(rotation_deg, float)
    series = LegAngles(*[np.zeros(n)] * len(LegAngles._fields))
    frames = FrameTable(time_s + 1e-9, np.full((n, 2, 4), np.nan), np.zeros(n, bool))
    recording = replace(result().recording, frames=frames)
    record = LegRecord(
        series, rotation, np.full(n, away), tuple(movements), (), np.zeros(n), rotation
    )
    return angle_table(
        recording, WIPER, {Side.RIGHT: windows.steps if windows else []}, {Side.RIGHT: record}
    )


def test_a_tiny_negative_angle_is_no_minus_zero():
    table = small_table([-0.0001, -0.0006, math.nan])
    values = table["hip_internal_rotation_deg"].tolist()
    assert [str(value) for value in values] == ["0.0", "-0.001", "nan"]
    assert table["time_s"].tolist() == [0.0, 0.1, 0.2]


def test_partial_and_rejected_movements_leave_no_number_and_no_phase():
    for status in ("partial", "rejected"):
        table = small_table(np.zeros(100), [Numbered(measured(status=status), 1, 0)])
        assert table["rep"].isna().all()
        assert set(table["phase"]) == {"rest"}


def test_without_a_hold_a_repetition_is_up_and_down():
    quick = measured(start_s=1.0, hold_start_s=3.0, hold_end_s=3.0, end_s=5.0, hold_s=0.0)
    phases = small_table(np.zeros(100), [Numbered(quick, 1, 1)])["phase"].astype(str)
    assert phases[10:30].eq("up").all()
    assert phases[31:50].eq("down").all()
    assert phases[:10].eq("rest").all()
    assert phases[51:].eq("rest").all()


def test_out_of_the_start_position_is_away():
    assert set(small_table(np.zeros(10), away=True)["phase"]) == {"away"}


# Repetitions


def measured(**given) -> MeasuredMovement:
    made = {
        "status": "valid", "reject_reason": "", "start_s": 2.0, "peak_s": 4.0, "end_s": 8.0,
        "announced_s": 8.0, "start_deg": 1.0, "peak_deg": 31.0, "rom_deg": 30.0,
        "end_residual_deg": 1.5, "up_s": 2.0, "hold_s": 2.0, "hold_start_s": 4.0,
        "hold_end_s": 6.0, "down_s": 2.0, "peak_velocity_dps": 40.0, "tremor_dps": 0.4,
        "smoothness_up": -1.5, "smoothness_down": -1.45, "knee_flexion_change_deg": -2.0,
        "thigh_elevation_change_deg": 1.0, "pelvis_change_deg": math.nan,
        "controlled": True, "faults": (), "flags": (),
        "peaks": 1, "pulses": 0, "confidence": 1.0, "uncertainty_deg": 0.7, "gap_ms": 0.0,
    }  # fmt: skip
    return MeasuredMovement(**(made | given))


def at(start_s, **given):
    """Return a movement like the usual one, somewhere else in time."""
    moments = {"start_s": 0.0, "hold_start_s": 2.0, "peak_s": 2.5, "hold_end_s": 4.0, "end_s": 6.0}
    given = {name: start_s + value for name, value in moments.items()} | given
    return measured(**given)


def record_of(*numbered) -> LegRecord:
    nothing = np.zeros(0)
    series = LegAngles(*[nothing] * len(LegAngles._fields))
    return LegRecord(series, nothing, nothing.astype(bool), tuple(numbered), (), nothing, nothing)


def reps_of(records, exercise=WIPER):
    return rep_table(result().recording, exercise, records)


def test_a_row_says_who_when_what_and_leaves_to_people_what_is_theirs():
    row = result().reps.iloc[0]
    assert row["session_id"] == "s1"
    assert row["wearer"] == "W1"
    assert row["start_time"] == "2026-11-22T09:30:00.000+01:00"
    assert (row["exercise"], row["side"]) == ("prone_windshield_wiper", "right")
    assert (row["position"], row["mode"], row["measured"]) == ("prone", "gravity", True)
    assert row["basis"] == "gravity"
    assert (row["pain_0_10"], row["end_feel"], row["note"]) == ("", "", "")
    assert pd.isna(row["active"])
    assert np.isnan(row["pelvis_change_deg"])


def test_timed_items_are_not_measured():
    timed = replace(WIPER, mode="timer")
    table = reps_of({Side.RIGHT: record_of(Numbered(measured(), 1, 1))}, timed)
    assert not table["measured"].any()


def test_only_valid_movements_have_a_number_and_only_rejected_ones_a_reason():
    record = record_of(
        Numbered(at(0.0), 1, 1),
        Numbered(at(10.0, status="partial", controlled=None), 1, 0),
        Numbered(at(20.0, status="rejected", reject_reason="gap", controlled=None), 1, 0),
        Numbered(at(30.0, controlled=False, faults=("too_fast", "shaky")), 1, 2),
        Numbered(at(40.0, status="partial", controlled=None, flags=("interpolated",)), 0, 0),
    )
    table = reps_of({Side.RIGHT: record})
    assert table["rep"].tolist() == [1, pd.NA, pd.NA, 2, pd.NA]
    assert table["set"].tolist() == [1, 1, 1, 1, pd.NA]
    assert table["reject_reason"].tolist() == ["", "", "gap", "", ""]
    assert table["controlled"].tolist() == [True, pd.NA, pd.NA, False, pd.NA]
    assert table["faults"].tolist() == ["", "", "", "too_fast;shaky", ""]
    assert table["flags"].tolist() == ["", "", "", "", "interpolated"]
    assert table["rest_before_s"].tolist()[1:] == pytest.approx([4.0] * 4)
    assert np.isnan(table["rest_before_s"][0])


def test_repetitions_are_written_to_a_thousandth_and_their_moments_to_a_microsecond():
    exact = measured(start_s=2.00000049, rom_deg=30.00049, confidence=0.98765)
    row = reps_of({Side.RIGHT: record_of(Numbered(exact, 1, 1))}).iloc[0]
    assert (row["start_s"], row["rom_deg"], row["confidence"]) == (2.0, 30.0, 0.988)


# Both legs


def both(left, right):
    """Return the table of two legs whose movements are numbered by leg, as each counts alone."""
    return reps_of(together(left, right))


def together(left, right):
    """Return the records of two legs whose repetitions get their numbers as they end."""
    legs, moving = {Side.LEFT: left, Side.RIGHT: right}, dict.fromkeys(Side, False)
    numbers, given = CommonNumbers(), {}
    moments = [
        moment
        for side, of_leg in legs.items()
        for i, n in enumerate(of_leg)
        for moment in ((n.movement.start_s, 0, side, i), (n.movement.end_s, 1, side, i))
    ]
    for time_s, ended, side, i in sorted(moments):
        m = legs[side][i].movement
        if ended and m.status == "valid":
            when = ((m.hold_start_s + m.hold_end_s) / 2, time_s - m.start_s)
            given[side, i] = numbers.announce(side, legs[side][i].set, lambda when=when: when)
        moving[side] = not ended
        for each in sorted(Side, key=lambda leg: leg is side):
            numbers.see(each, time_s, is_moving=moving[each])
    numbers.end()
    return {side: record_of(*renumbered(of_leg, side, given)) for side, of_leg in legs.items()}


def renumbered(of_leg, side, given):
    for i, alone in enumerate(of_leg):
        number = given.get((side, i))
        if number is None:
            yield alone
            continue
        flags = (*alone.movement.flags, *(["async"] if number.is_alone else []))
        yield Numbered(replace(alone.movement, flags=flags), number.set, number.rep)


def test_a_row_for_both_legs_says_when_and_how_controlled_and_leaves_the_angles_to_the_legs():
    left = Numbered(at(2.0, rom_deg=28.0, gap_ms=40.0), 1, 1)
    off = at(2.2, end_s=8.6, controlled=False, faults=("shaky",), confidence=0.9, peaks=2, pulses=1)
    table = both([left], [Numbered(off, 1, 1)])
    assert table["side"].tolist() == ["both", "left", "right"]
    row = table.iloc[0]
    assert (row["start_s"], row["peak_s"], row["end_s"]) == (2.0, 4.6, 8.6)
    assert (row["controlled"], row["faults"]) == (False, "shaky")
    assert (row["confidence"], row["gap_ms"], row["peaks"], row["pulses"]) == (0.9, 40.0, 2, 1)
    assert np.isnan(row[["rom_deg", "peak_deg", "hold_s", "tremor_dps"]].to_numpy(float)).all()
    assert table["rom_deg"].tolist()[1:] == [28.0, 30.0]
    assert set(table["rep"]) == {1}


@pytest.mark.parametrize(
    ("left", "right", "fault"),
    [(30.0, 24.5, ""), (30.0, 23.5, "asymmetry"), (60.0, 50.5, ""), (60.0, 49.0, "asymmetry")],
)
def test_legs_that_go_unevenly_far_are_the_fault_of_the_repetition(left, right, fault):
    table = both([Numbered(at(2.0, rom_deg=left), 1, 1)], [Numbered(at(2.0, rom_deg=right), 1, 1)])
    assert table["faults"].tolist() == [fault, "", ""]
    assert table["controlled"].tolist() == [True, True, True]  # told, but not graded


def test_legs_that_reach_their_end_range_apart_are_two_repetitions_flagged_async():
    # the duration is 6 s, so that middles up to 1.8 s apart are together
    together = both([Numbered(at(2.0), 1, 1)], [Numbered(at(3.7), 1, 1)])
    assert together["side"].tolist() == ["both", "left", "right"]
    apart = both([Numbered(at(2.0), 1, 1)], [Numbered(at(3.9), 1, 1)])
    assert apart["side"].tolist() == ["left", "right"]
    assert apart["flags"].tolist() == ["async", "async"]
    assert apart["rep"].tolist() == [1, 2]


def test_after_a_leg_missed_one_the_numbers_agree_again():
    left = [Numbered(at(t), 1, i + 1) for i, t in enumerate((0.0, 10.0, 20.0))]
    right = [Numbered(at(t), 1, i + 1) for i, t in enumerate((0.1, 20.1))]
    right.insert(1, Numbered(at(10.1, status="partial", controlled=None), 1, 0))
    table = both(left, right)
    assert table["side"].tolist() == [
        "both", "left", "right", "left", "right", "both", "left", "right",
    ]  # fmt: skip
    assert table["rep"].tolist() == [1, 1, 1, 2, pd.NA, 3, 3, 3]
    assert table["flags"].tolist()[3] == "async"


def test_sets_of_both_legs_agree():
    left = [Numbered(at(0.0), 1, 1), Numbered(at(30.0), 2, 1), Numbered(at(37.0), 2, 2)]
    right = [Numbered(at(30.1), 1, 1), Numbered(at(37.1), 1, 2), Numbered(at(60.0), 2, 1)]
    table = both(left, right)
    assert table["rest_before_s"].tolist()[-4:] == pytest.approx([1.0, 1.0, 1.0, 16.9])
    legs = table[table["side"] != "both"]
    assert legs["set"].tolist() == [1, 2, 2, 2, 2, 3]
    assert legs["rep"].tolist() == [1, 1, 1, 2, 2, 1]


def test_legs_that_begin_a_set_one_after_the_other_begin_the_same_set():
    left = [Numbered(at(0.0), 1, 1), Numbered(at(30.0), 2, 1)]
    right = [Numbered(at(0.2), 1, 1), Numbered(at(37.0), 2, 1)]
    table = both(left, right)
    assert table["side"].tolist() == ["both", "left", "right", "left", "right"]
    assert table["set"].tolist() == [1, 1, 1, 2, 2]
    assert table["rep"].tolist() == [1, 1, 1, 1, 2]


def test_the_rest_before_a_common_repetition_is_that_of_both_legs():
    left = [Numbered(at(0.0), 1, 1), Numbered(at(8.0), 1, 2)]
    right = [Numbered(at(0.5), 1, 1), Numbered(at(8.2), 1, 2)]
    rests = both(left, right)["rest_before_s"].tolist()
    assert rests[3:] == pytest.approx([1.7, 2.0, 1.7])


# Summary


def test_the_summary_says_what_the_repetitions_say():
    reps, row = result().reps, result().summary.iloc[0]
    valid = reps[reps["status"] == "valid"]
    assert row["valid"] == len(valid) == 6
    assert row["partial"] == (reps["status"] == "partial").sum()
    assert row["rejected"] == (reps["status"] == "rejected").sum()
    assert row["controlled"] == valid["controlled"].sum()
    assert row["sets"] == 1
    assert row["target_reps"] == WIPER.dose.reps[0]
    assert row["rom_median_deg"] == pytest.approx(valid["rom_deg"].median(), abs=6e-4)
    assert row["rom_max_deg"] == pytest.approx(valid["rom_deg"].max())
    iqr = valid["rom_deg"].quantile(0.75) - valid["rom_deg"].quantile(0.25)
    assert row["rom_iqr_deg"] == pytest.approx(iqr, abs=6e-4)
    assert row["peak_median_deg"] == pytest.approx(valid["peak_deg"].median(), abs=6e-4)
    assert row["peak_max_deg"] == pytest.approx(valid["peak_deg"].max())
    assert row["hold_median_s"] == pytest.approx(valid["hold_s"].median(), abs=6e-4)
    tempo = (valid["end_s"] - valid["start_s"]).median()
    assert row["tempo_median_s"] == pytest.approx(tempo, abs=6e-4)
    assert (row["lost_samples_percent"], row["longest_gap_ms"]) == (3.0, 200.0)
    assert np.isnan(row["mdc_deg"])  # none is known for lying prone
    assert np.isnan(row["side_difference_deg"])
    assert row["side_flag"] == ""
    assert pd.isna(row["change_exceeds_mdc"])


@pytest.mark.parametrize(
    ("left", "right", "flag"),
    [
        (30.0, 35.9, ""),
        (30.0, 36.0, "borderline"),
        (39.9, 30.0, "borderline"),
        (30.0, 40.0, "asymmetry"),
        (45.0, 30.0, "asymmetry"),
    ],
)
def test_the_difference_of_the_sides_is_right_minus_left_and_flagged_from_6_and_10_degrees(
    left, right, flag
):
    records = {
        side: record_of(
            *(Numbered(at(10.0 * i, peak_deg=rom, rom_deg=30.0), 1, i + 1) for i in range(3))
        )
        for side, rom in ((Side.LEFT, left), (Side.RIGHT, right))
    }
    reps = reps_of(records)
    summary = summary_table(result().recording, WIPER, list(Side), reps, {})
    assert summary["side"].tolist() == ["left", "right"]
    assert summary["valid"].tolist() == [3, 3]  # rows for both legs count for neither
    assert summary["side_difference_deg"].tolist() == pytest.approx([right - left] * 2)
    assert summary["side_flag"].tolist() == [flag] * 2


def test_a_side_without_repetitions_has_no_difference():
    records = {Side.RIGHT: record_of(Numbered(at(0.0), 1, 1)), Side.LEFT: record_of()}
    summary = summary_table(result().recording, WIPER, list(Side), reps_of(records), {})
    assert summary["side_difference_deg"].isna().all()
    assert summary["side_flag"].tolist() == ["", ""]
    assert summary["valid"].tolist() == [0, 1]
    assert summary["rom_median_deg"].isna().tolist() == [True, False]


def test_nothing_worn_gives_a_table_without_rows():
    units = (Unit(segment=Segment.PELVIS, side=None, rate_hz=60.0),)
    recording = replace(result().recording, units=units)
    assert list(angle_table(recording, WIPER, {}, {}).columns) == names(ANGLES)
    assert len(summary_table(recording, WIPER, [], reps_of({}), {})) == 0


def test_what_is_compared_is_the_end_position_or_the_range_by_the_zero():
    row = {"peak_median_deg": 31.0, "rom_median_deg": 25.0, "end_mean_deg": np.nan}
    assert compared_deg(WIPER, row) == 31.0
    assert compared_deg(load("ninety_ninety_lift"), row) == 25.0
    assert compared_deg(load("straight_leg_raise_test"), row) == 25.0
    assert compared_deg(load("prone_rotation_test"), {**row, "end_mean_deg": 33.0}) == 33.0


@pytest.mark.parametrize(
    ("exercise", "flag"),
    [("prone_windshield_wiper", "asymmetry"), ("straight_leg_raise_test", ""),
     ("elevated_split_squat", "")],
)  # fmt: skip
def test_sides_are_flagged_of_rotation_only(exercise, flag):
    assert side_flag(load(exercise), 15.0) == flag
