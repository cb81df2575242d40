"""With the future known: steadier than forwards, no jump of heading where a stretch ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imu.fuse.orientation import fuse
from imu.fuse.orientation_offline import fuse_offline
from imu.quaternion import conjugate_array, multiply_array, rotate_array, rotation_vector_array
from imu.virtual.wearer import WearerSettings, wear

RATE_HZ = 60.0
UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def raw():
    """Return time, specific force, rotation rate and true orientation of a shank unit at 60 Hz."""
    wearing = wear("seated_internal_rotation", "right", 31, WearerSettings(sensor_output="raw"))
    rows = [sample for sample in wearing.samples if sample.unit == 1]
    ticks = np.unwrap(np.array([sample.device_time for sample in rows], float), period=2.0**32)
    time_s = (ticks - ticks[0]) * wearing.units[1].tick_s
    acc, gyr = (np.array([getattr(sample, name) for sample in rows]) for name in ("acc", "gyr"))
    return np.rint(time_s * RATE_HZ) / RATE_HZ, acc, gyr


def tilt_deg(a, b):
    """Return the angle between the ups (n,) that two orientations (n, 4) tell."""
    ups = [rotate_array(conjugate_array(q), np.broadcast_to(UP, (len(q), 3))) for q in (a, b)]
    return np.degrees(np.arccos(np.clip(np.sum(ups[0] * ups[1], axis=1), -1.0, 1.0)))


def test_forwards_and_both_ways_agree_on_gravity_but_both_ways_do_not_wait_to_settle(raw):
    forwards, valid = fuse(*raw, RATE_HZ)
    both, sure = fuse_offline(*raw, RATE_HZ)
    assert sure.all()
    assert valid.mean() < 1.0
    assert np.median(tilt_deg(forwards[valid], both[valid])) < 1.0


def test_the_heading_goes_on_over_a_gap_as_it_does_forwards(raw):
    time_s, acc, gyr = raw
    kept = np.ones(len(time_s), bool)
    for begin_s in (20.0, 41.0):
        kept &= ~((time_s > begin_s) & (time_s < begin_s + 0.2))
    parts = time_s[kept], acc[kept], gyr[kept]
    forwards, valid = fuse(*parts, RATE_HZ)
    both, _ = fuse_offline(*parts, RATE_HZ)
    for begin_s in (20.0, 41.0):
        before = int(np.searchsorted(parts[0], begin_s, "right")) - 1
        assert valid[before]
        assert valid[before + 1]
        turns = [
            rotation_vector_array(multiply_array(q[before + 1], conjugate_array(q[before])))
            for q in (forwards, both)
        ]
        assert math.degrees(float(np.linalg.norm(turns[0] - turns[1]))) < 1.5


def test_a_stretch_too_short_to_know_more_keeps_what_forwards_said(raw):
    time_s, acc, gyr = (column[:120] for column in raw)
    forwards, valid = fuse(time_s, acc, gyr, RATE_HZ)
    both, sure = fuse_offline(time_s, acc, gyr, RATE_HZ)
    np.testing.assert_array_equal(both, forwards)
    np.testing.assert_array_equal(sure, valid)


def test_samples_that_cannot_be_stay_empty(raw):
    time_s, acc, gyr = raw
    broken = gyr.copy()
    broken[500] = np.nan
    both, _ = fuse_offline(time_s, acc, broken, RATE_HZ)
    assert np.isnan(both[500]).all()
    assert not np.isnan(np.delete(both, 500, axis=0)).any()
