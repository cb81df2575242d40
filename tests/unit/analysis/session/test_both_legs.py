"""What both legs share and how they differ, per repetition."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.both_legs import BOTH_COLUMNS, both_legs
from analysis.session.analyse import analyse
from imu.virtual.wearer import WearerSettings, wear


@pytest.fixture(scope="module")
def worn(recording_of):
    return {
        roll_deg: analyse(
            recording_of(
                wear(
                    "prone_windshield_wiper",
                    "both",
                    41,
                    WearerSettings(reps=4, pelvis_roll_deg=roll_deg),
                )
            )
        )
        for roll_deg in (0.0, 8.0)
    }


def test_half_the_sum_is_the_mean_and_half_the_difference_the_rest(worn):
    reps = worn[0.0].reps
    table = both_legs(reps)
    assert list(table.columns) == list(BOTH_COLUMNS)
    assert len(table) == 4
    right = reps[reps["side"] == "right"].set_index("rep")["rom_deg"]
    left = reps[reps["side"] == "left"].set_index("rep")["rom_deg"]
    for row in table.itertuples():
        assert row.mean_deg + row.half_difference_deg == pytest.approx(right[row.rep], abs=0.002)
        assert row.mean_deg - row.half_difference_deg == pytest.approx(left[row.rep], abs=0.002)


def test_a_rolling_pelvis_shows_in_the_difference_and_leaves_the_mean(worn):
    steady, rolling = (both_legs(worn[roll].reps).set_index("rep") for roll in (0.0, 8.0))
    moved = rolling - steady
    assert moved["mean_deg"].abs().max() < 1.0
    assert moved["half_difference_deg"].abs().min() > 5.0


def test_one_leg_alone_has_no_rows(recording_of):
    reps = analyse(recording_of(wear("prone_windshield_wiper", "right", 42))).reps
    table = both_legs(reps)
    assert list(table.columns) == list(BOTH_COLUMNS)
    assert table.empty
    assert isinstance(table, pd.DataFrame)
