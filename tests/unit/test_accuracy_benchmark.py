"""The accuracy benchmark is fair: every method is right where it should be, and scored alike."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imu.sample import Side
from imu.virtual.wearer import WearerSettings

ROOT = Path(__file__).parents[2]
PERFECT = WearerSettings(
    reps=3,
    thigh_skin_share=0.0,
    shank_skin_share=0.0,
    start_pose_sd_deg=0.0,
    sway_rotation_deg=0.0,
    sway_flexion_deg=0.0,
    sway_adduction_deg=0.0,
    pelvis_sway_deg=0.0,
    gyro_noise_dps_per_sqrt_hz=0.0,
    gyro_bias_sd_dps=0.0,
    gyro_scale_sd=0.0,
    acc_noise_ug_per_sqrt_hz=0.0,
    acc_bias_sd_mg=0.0,
    loss_share=0.0,
)


@pytest.fixture(scope="module")
def benchmark():
    """Return the benchmark's modules by name; it is not part of the installed package."""
    sys.path.append(str(ROOT))
    names = ("fidgets", "gaps", "methods", "planted", "scores", "tables", "windowed", "worn")
    modules = {name: importlib.import_module(f"benchmarks.accuracy.{name}") for name in names}
    yield modules
    sys.path.remove(str(ROOT))


def hinge(drift_rad_s):
    """Return 60 s of a level hinge seen by two units whose headings drift apart from 1 rad."""
    time_s = np.arange(0.0, 60.0, 1 / 60)
    swing = 0.3 * np.sin(time_s)
    apart = 1.0 + drift_rad_s * time_s
    first = np.stack((np.cos(swing), np.sin(swing), 0.1 * np.ones_like(swing)), axis=-1)
    second = np.stack((np.cos(swing - apart), np.sin(swing - apart), first[:, 2]), axis=-1)
    return time_s, first, second, apart


@pytest.mark.parametrize(("drift_rad_s", "within"), [(0.0, 0.005), (0.002, 0.03)])
def test_the_windowed_correction_finds_and_follows_the_heading(benchmark, drift_rad_s, within):
    time_s, first, second, apart = hinge(drift_rad_s)
    first[600:660] = np.nan
    found = benchmark["windowed"].windowed_heading(time_s, first, second, 0.8)
    assert found[time_s > 40] == pytest.approx(apart[time_s > 40], abs=within)


def test_the_windowed_correction_keeps_its_heading_where_the_hinge_is_vertical(benchmark):
    time_s, first, second, _ = hinge(0.0)
    for axis in (first, second):
        axis[:, :2] *= 0.1
    found = benchmark["windowed"].windowed_heading(time_s, first, second, 0.8)
    assert found == pytest.approx(0.8)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    "exercise", ["seated_internal_rotation", "prone_rotation_test", "side_lying_ankle_lift"]
)
def test_without_any_error_every_method_gives_the_true_angle(benchmark, exercise, side):
    session = benchmark["worn"].worn(exercise, side, 50, PERFECT)
    rows = {row["method"]: row for row in benchmark["scores"].rows_of(session)}
    assert set(rows) == set(benchmark["methods"].METHODS)
    for method in ("ours", "thigh twist", "static pose", "windowed hinge"):
        assert rows[method]["from_pose_deg"] < 0.15, method
    assert rows["ours"]["reps_found"] == 3


def test_the_static_pose_also_sees_a_turn_about_the_vertical(benchmark):
    session = benchmark["worn"].worn("supine_rotation_test", Side.LEFT, 51, PERFECT)
    rows = {row["method"]: row for row in benchmark["scores"].rows_of(session)}
    assert rows["static pose"]["from_pose_deg"] < 0.15


def test_an_error_that_does_not_change_within_a_repetition_is_none_by_heading(benchmark):
    session = benchmark["worn"].worn("prone_rotation_test", Side.RIGHT, 52, PERFECT)
    per_rep = benchmark["scores"].per_rep(np.full(len(session.frames.time_s), 7.0), session)
    assert len(per_rep) > 100
    assert abs(per_rep).max() < 1e-9
    drifting = benchmark["scores"].per_rep(session.frames.time_s * 0.5, session)
    longest = max(r.end_s - r.start_s for r in session.wearing.truth.reps[Side.RIGHT])
    assert drifting.max() == pytest.approx(0.5 * longest, abs=0.1)


def test_swapped_units_raise_a_complaint_and_a_clean_session_none(benchmark):
    planted = benchmark["planted"]
    for name, complains in (("thigh and shank swapped", True), ("clean", False)):
        noticed = planted.noticed(("calibrations", name, 53, True))
        assert noticed["complained"] is complains
        assert noticed["refused"] is complains


def test_the_share_within_sigma_is_counted_over_all_frames_of_a_cell(benchmark):
    def row(exercise, frames, within_1s, within_2s, refused=""):
        return {
            "method": "ours", "condition": "defaults", "exercise": exercise, "refused": refused,
            "frames": frames, "within_1s": within_1s, "within_2s": within_2s,
        }  # fmt: skip

    scores = pd.DataFrame(
        [
            row("prone_rotation_test", 100, 90, 100),
            row("prone_rotation_test", 300, 150, 290),
            row("supine_rotation_test", 10, 7, 9),
            row("supine_rotation_test", 0, 0, 0, refused="it is refused"),
        ]
    )
    (cells,) = benchmark["tables"].coverage(scores).to_dict("records")
    assert cells == {
        "condition": "defaults",
        "prone_rotation_test": "60.0/97.5",
        "supine_rotation_test": "70.0/90.0",
    }


def test_behind_a_gap_an_angle_by_gravity_is_as_wrong_as_without_it(benchmark):
    found = benchmark["gaps"].measured(("seated_leg_extension_twist", 9902, 60.0))
    assert found["gaps"] > 5
    assert found["over"] > 10 * found["adds"]
    assert found["adds"] < 0.02


@pytest.mark.parametrize("seed", [4, 5], ids=["two units", "the shank alone"])
def test_who_fidgets_and_obeys_the_guide_is_ready_within_forty_seconds(benchmark, seed):
    # some seconds: the session is lived through again for each thing that the guide asks for
    row = benchmark["fidgets"].fidgeting(("prone_rotation_test", seed, "obeying"))
    assert (row["fidget"], row["measured"], row["wrong"]) == (4.0, True, False)
    assert row["ready_s"] < 40.0
