"""Raw units are fused alike sample by sample and as a whole recording."""

from __future__ import annotations

import numpy as np
import pytest

from imu.fuse.host_fusion import HostFusion, with_orientations
from imu.sample import SampleTable
from imu.virtual.wearer import WearerSettings, wear


def raw_wearing(loss=0.02):
    settings = WearerSettings(reps=1, sensor_output="raw", loss_share=loss)
    return wear("seated_internal_rotation", "right", 8, settings)


def live(samples, units, name):
    fusion = HostFusion(units, name)
    nan = (np.nan,) * 4
    return np.array([fusion.push(sample).q or nan for sample in samples])


@pytest.mark.parametrize("name", ["vqf", "madgwick"])
def test_live_and_whole_recording_give_the_same_orientations(name):
    wearing = raw_wearing()
    samples = wearing.samples[:2500]
    q = with_orientations(SampleTable.from_samples(samples), wearing.units, name).q
    assert np.isfinite(q).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(live(samples, wearing.units, name), q)


def test_repeated_and_late_samples_do_not_enter_the_filter():
    wearing = raw_wearing(loss=0.0)
    good = wearing.samples[:1500]
    bad = list(good)
    bad[900:900] = [good[899], good[400]]
    expected, q = live(good, wearing.units, "vqf"), live(bad, wearing.units, "vqf")
    np.testing.assert_array_equal(np.delete(q, [900, 901], axis=0), expected)
    table = with_orientations(SampleTable.from_samples(bad), wearing.units)
    np.testing.assert_array_equal(table.q, q)


def test_units_that_fuse_on_board_pass_unchanged():
    wearing = wear("seated_internal_rotation", "right", 8, WearerSettings(reps=1))
    table = SampleTable.from_samples(wearing.samples)
    assert with_orientations(table, wearing.units) is table
    assert HostFusion(wearing.units).push(wearing.samples[5]) is wearing.samples[5]
