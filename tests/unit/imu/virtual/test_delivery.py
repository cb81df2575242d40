"""The virtual wearer's radio: clocks, connection events, bursts and losses, measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu.quaternion import FLOATS, norm
from imu.sample import Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.on_air.delivery import arrivals, losses, transmit
from imu.virtual.settings import WearerSettings
from imu.virtual.wearer import wear

THIGH = (Segment.THIGH, Side.RIGHT)
DEFAULTS = WearerSettings()


@pytest.fixture(scope="module")
def sent():
    """Return what 200 units sent in 60 s each."""
    return [transmit(60.0, chance_from(seed).units[THIGH], DEFAULTS) for seed in range(200)]


def test_units_send_60_samples_a_second_by_their_own_clocks_40_ppm_sd_apart(sent):
    drift_ppm = []
    for unit in sent:
        ticks = np.unwrap(unit.device_time.astype(float), period=2.0**32)
        fast = np.polyfit(unit.instant_s, ticks * 1e-6, 1)[0]
        drift_ppm.append((fast - 1.0) * 1e6)
        steps = np.diff(ticks)[np.diff(unit.sequence) == 1]
        np.testing.assert_allclose(steps, 1e6 / 60.0, atol=1.0)
    assert np.std(drift_ppm) == pytest.approx(40.0, rel=0.15)
    assert abs(np.mean(drift_ppm)) < 10.0


def test_clocks_and_sequences_start_anywhere_in_their_counters(sent):
    epochs = np.array([unit.device_time[0] for unit in sent]) / 2.0**32
    numbers = np.array([unit.sequence[0] for unit in sent]) / 2.0**16
    for start in (epochs, numbers):
        counts, _ = np.histogram(start, bins=4, range=(0.0, 1.0))
        assert counts.min() > 30


def test_connection_intervals_are_30_to_45_ms_in_steps_of_1_25_ms(sent):
    intervals = np.array([unit.interval_s for unit in sent]) * 1e3
    assert intervals.min() == 30.0
    assert intervals.max() == 45.0
    np.testing.assert_allclose(intervals % 1.25, 0.0, atol=1e-9)


def test_samples_arrive_with_the_next_connection_event_and_never_before_they_were_measured(sent):
    for unit in sent[:50]:
        waited = unit.arrival_s - unit.instant_s
        assert waited.min() >= 0.0
        assert waited.max() <= unit.interval_s + 0.002
        assert np.diff(unit.arrival_s).min() > 0.0
        # Several samples wait for the same event and come in one go, half a millisecond apart.
        together = np.diff(unit.arrival_s) < 0.001
        assert 0.3 < together.mean() < 0.7


def test_samples_that_meet_the_same_event_keep_their_order():
    arrival = arrivals(np.array([0.001, 0.018, 0.034, 0.051]), 0.040, 0.0)
    np.testing.assert_allclose(arrival, [0.040, 0.0405, 0.041, 0.080])


def test_one_percent_is_lost_in_bursts_of_1_to_11():
    lengths, share = [], []
    for seed in range(20):
        lost = losses(60_000, chance_from(seed).units[THIGH].loss, DEFAULTS)
        share.append(lost.mean())
        edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(int), [0]))))
        lengths += (edges[1::2] - edges[::2]).tolist()
    assert np.mean(share) == pytest.approx(0.01, rel=0.1)
    # Two bursts may follow each other after one sample only, but never merge.
    assert set(lengths) == set(range(1, 12))
    assert np.mean(lengths) == pytest.approx(6.0, abs=0.3)


def test_lost_samples_leave_a_hole_in_the_sequence(sent):
    holes = [int(step) for unit in sent for step in np.diff(unit.sequence) % 2**16 if step != 1]
    assert holes
    assert 2 <= min(holes) <= max(holes) <= 12


def test_nothing_is_lost_when_nothing_should_be():
    unit = transmit(60.0, chance_from(1).units[THIGH], replace(DEFAULTS, loss_share=0.0))
    assert set(np.diff(unit.sequence) % 2**16) == {1}


def test_a_clock_that_starts_near_its_end_wraps():
    settings = replace(DEFAULTS, device_epoch_ticks=2**32 - 5_000_000)
    unit = transmit(60.0, chance_from(1).units[THIGH], settings)
    assert (np.diff(unit.device_time) < 0).sum() == 1
    assert unit.device_time.max() < 2**32


def test_samples_of_all_units_come_in_order_of_arrival_from_zero():
    wearing = wear("prone_windshield_wiper", "both", 2, WearerSettings(reps=2))
    host = [sample.host_time_ns for sample in wearing.samples]
    assert host[0] == 0
    assert host == sorted(host)
    assert {sample.unit for sample in wearing.samples} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("output", "fused", "raw"),
    [("quaternion", True, False), ("quaternion+raw", True, True), ("raw", False, True)],
)
def test_units_send_what_they_are_set_to_in_four_bytes_a_number(output, fused, raw):
    wearing = wear("prone_rotation_test", "right", 2, WearerSettings(reps=1, sensor_output=output))
    for sample in wearing.samples[::50]:
        assert (sample.q is not None) == fused
        assert (sample.acc is not None) == (sample.gyr is not None) == raw
        for values in (sample.q, sample.acc, sample.gyr):
            assert values is None or all(float(np.float32(v)) == v for v in values)
        if sample.q is not None:
            assert norm(sample.q, FLOATS) == pytest.approx(1.0, abs=1e-6)


def test_sent_rates_are_means_since_the_last_sample():
    settings = WearerSettings(reps=1, sensor_output="raw", loss_share=0.0)
    wearing = wear("prone_rotation_test", "right", 2, settings)
    trace = wearing.traces[0]
    gyr = np.array([sample.gyr for sample in wearing.samples if sample.unit == 0])
    # Nothing is turned twice or left out: what the samples add up to is what the gyro measured.
    np.testing.assert_allclose(
        gyr.sum(axis=0) / 60.0, trace.gyr.sum(axis=0) / 480.0, atol=np.radians(0.05)
    )
    # Averaged over 8 of its own samples, the noise of 0.007 °/s/√Hz is that of a 30 Hz band.
    still = (
        gyr[10:200] - np.array([np.convolve(c, np.ones(9) / 9, "same") for c in gyr.T]).T[10:200]
    )
    assert np.degrees(still.std()) == pytest.approx(0.007 * np.sqrt(30.0 * 8 / 9), rel=0.15)
