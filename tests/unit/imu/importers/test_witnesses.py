"""What a file says in several ways, compared: when nothing is told, and when it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imu.importers import ImportFileError
from imu.importers.witnesses.gravity import sized
from imu.importers.witnesses.stamps import repeats, spread
from imu.importers.witnesses.turning import turned_rightly

PATH = Path("thigh.csv")


def test_a_movement_without_rest_says_nothing_about_the_unit_of_acceleration():
    time_s = np.arange(300) / 100
    acc = np.column_stack((6 * np.sin(9 * time_s), np.zeros(300), 9.8 + 6 * np.cos(9 * time_s)))
    found, notes = sized(PATH, acc, needed=False)
    assert found is acc
    assert notes == []


@pytest.mark.parametrize(
    ("factor", "said"), [(1 / 9.80665, "in g"), (1000 / 9.80665, "in mg"), (9.80665, "in m/s²")]
)
def test_an_acceleration_of_another_unit_is_known_by_its_size_at_rest(factor, said):
    acc = np.tile([0.0, 3.0, 9.3], (300, 1)) * 9.80665 / np.hypot(3.0, 9.3)
    found, notes = sized(PATH, acc * factor, needed=True)
    np.testing.assert_allclose(found, acc)
    assert said in notes[0]


def test_samples_of_a_packet_are_spread_between_it_and_the_one_before():
    stamps = np.repeat(np.arange(1, 6) * 0.3, 3)
    np.testing.assert_allclose(spread(stamps), np.arange(1, 16) * 0.1 + 0.0)


def test_a_packet_after_a_loss_keeps_the_usual_rate():
    stamps = np.repeat([0.3, 0.6, 0.9, 3.0, 3.3], 3)
    np.testing.assert_allclose(spread(stamps)[9:12], [2.8, 2.9, 3.0])


def test_a_still_unit_s_packets_are_no_repeats_and_a_doubled_file_is():
    stamps = np.repeat(np.arange(40) * 0.3, 2)
    moving = np.arange(80.0)[:, None]
    still = np.where(moving < 20, 0.0, moving)
    assert not repeats(stamps, still).any()
    assert repeats(stamps, np.repeat(np.arange(40.0), 2)[:, None]).sum() == 40


def test_a_raw_unit_whose_rates_and_gravity_tell_of_different_turns_is_refused():
    time_s = np.arange(1800) / 60
    tilt = 0.4 * np.sin(1.5 * time_s)
    acc = 9.81 * np.column_stack((np.zeros(1800), np.sin(tilt), np.cos(tilt)))
    right = np.column_stack((np.gradient(tilt, time_s), np.zeros(1800), np.zeros(1800)))
    _, gyr, notes = turned_rightly(PATH, time_s, None, acc, right)
    assert gyr is right
    assert notes == []
    with pytest.raises(ImportFileError, match=r"the unit contradicts itself: .* no angle"):
        turned_rightly(PATH, time_s, None, acc, np.roll(3.0 * right, (40, 1), axis=(0, 1)))
