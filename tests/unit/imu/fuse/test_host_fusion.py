"""Raw units are fused alike sample by sample and as a whole recording."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imu.fuse.host_fusion import HostFusion, with_orientations
from imu.quaternion import conjugate, multiply
from imu.sample import Sample, SampleTable, Segment, Side, Unit
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
    q = with_orientations(SampleTable.from_samples(samples), wearing.units, name)[0].q
    assert np.isfinite(q).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(live(samples, wearing.units, name), q)


def test_repeated_and_late_samples_do_not_enter_the_filter():
    wearing = raw_wearing(loss=0.0)
    good = wearing.samples[:1500]
    bad = list(good)
    bad[900:900] = [good[899], good[400]]
    expected, q = live(good, wearing.units, "vqf"), live(bad, wearing.units, "vqf")
    np.testing.assert_array_equal(np.delete(q, [900, 901], axis=0), expected)
    table, _ = with_orientations(SampleTable.from_samples(bad), wearing.units)
    np.testing.assert_array_equal(table.q, q)


def test_units_that_fuse_on_board_pass_unchanged():
    wearing = wear("seated_internal_rotation", "right", 8, WearerSettings(reps=1))
    table = SampleTable.from_samples(wearing.samples)
    assert with_orientations(table, wearing.units)[0] is table
    assert HostFusion(wearing.units).push(wearing.samples[5]) is wearing.samples[5]


# --- units that do not send as they were set to ---------------------------------------------------

TURN_DEG, TURN_S, STILL_S = 40.0, 1.0, 3.0


def turned(sent_hz, asked_hz=60.0, block=1, restart_s=None, tick_s=1e-3):
    """Return a raw unit that rests, turns by `TURN_DEG` about the vertical, and rests."""
    unit = Unit(
        segment=Segment.THIGH, side=Side.RIGHT, rate_hz=asked_hz, tick_s=tick_s, time_bits=32
    )
    samples = []
    for number in range(round((2 * STILL_S + TURN_S) * sent_hz)):
        at_s = number / sent_hz
        turning = STILL_S <= at_s < STILL_S + TURN_S
        gyr = (0.0, 0.0, math.radians(TURN_DEG) / TURN_S if turning else 0.0)
        # as units do: evenly within a message at the rate they think they have
        message, place = divmod(number, block)
        device_s = message * block / sent_hz + place / asked_hz
        host_s = (message + 1) * block / sent_hz
        counted = round(device_s / tick_s) - (round(at_s / tick_s) if restart_s else 0)
        samples.append(Sample(0, round(host_s * 1e9), counted, None, None, (0.0, 0.0, 9.81), gyr))
    return unit, samples


def turn_deg(q):
    """Return the turn from the first orientation known to the last."""
    known = q[~np.isnan(q[:, 0])]
    w, *xyz = multiply(conjugate(tuple(known[0])), tuple(known[-1]))
    return math.degrees(2.0 * math.atan2(math.hypot(*xyz), abs(w)))


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("sent_hz", [57.6, 59.0, 60.0, 62.4, 65.0])
def test_a_turn_of_40_degrees_is_40_whatever_the_clock_shows_within_a_tenth(sent_hz, block):
    unit, samples = turned(sent_hz, block=block)
    q = live(samples, [unit], "vqf")
    assert turn_deg(q) == pytest.approx(TURN_DEG, abs=0.5)
    table, own_rates = with_orientations(SampleTable.from_samples(samples), [unit])
    np.testing.assert_array_equal(table.q, q)
    assert own_rates[0].measured_hz == pytest.approx(sent_hz, rel=0.003)


def test_a_unit_set_to_60_that_sends_100_is_told_and_gives_no_angle():
    unit, samples = turned(100.0)
    assert np.isnan(live(samples, [unit], "vqf")).all()
    table, own_rates = with_orientations(SampleTable.from_samples(samples), [unit])
    assert np.isnan(table.q).all()
    assert own_rates[0].sentence(unit) == (
        "the right thigh unit sends 100 samples a second, not the 60 it was set to: set it again"
        " with `hipturn configure`; it gives no angle until then"
    )


def test_a_unit_four_percent_slow_is_told_and_one_that_keeps_its_rate_is_not():
    for sent_hz, said in [
        (57.6, "the right thigh unit sends 57.6 samples a second, not the 60 it was set to: its"
         " angles follow its own clock"),
        (60.3, ""),
    ]:  # fmt: skip
        unit, samples = turned(sent_hz, tick_s=1e-6)
        _, own_rates = with_orientations(SampleTable.from_samples(samples), [unit])
        assert own_rates[0].sentence(unit) == said


def test_lost_messages_do_not_change_the_rate_that_is_measured():
    unit, samples = turned(57.6, block=8)
    heard = [s for i, s in enumerate(samples) if i // 8 not in (1, 4)]
    _, own_rates = with_orientations(SampleTable.from_samples(heard), [unit])
    assert own_rates[0].measured_hz == pytest.approx(57.6, rel=0.005)


def test_times_on_a_grid_show_the_rate_asked_for_whatever_stalls():
    # a phone's browser that stalls: three rows, then four that never were, again and again
    unit = Unit(segment=Segment.SHANK, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
    fusion = HostFusion([unit])
    for k in [k for k in range(200) if k % 7 < 3]:
        host_ns = (k // 7) * 116_000_000
        device = round(k * 1e6 / 60)
        fusion.push(Sample(0, host_ns, device, None, None, (0.0, 0.0, 9.81), (0.0, 0.0, 0.0)))
    assert fusion.own_rate(0).rate_hz == 60.0
    assert fusion.own_rate(0).sentence(unit) == ""


def test_a_raw_unit_switched_off_and_on_has_orientations_again_as_soon_as_it_rests():
    unit, before = turned(60.0)
    _, after = turned(60.0)
    end_ns = before[-1].host_time_ns + 3_000_000_000
    after = [s._replace(host_time_ns=s.host_time_ns + end_ns) for s in after]
    reconnects = [(0, after[0].host_time_ns)]
    fusion, q = HostFusion([unit]), []
    for sample in before + after:
        if sample is after[0]:
            fusion.new_epoch(0)
        q.append(fusion.push(sample).q or (np.nan,) * 4)
    assert np.isfinite(np.array(q)[len(before) :, 0]).mean() > 0.8
    table, _ = with_orientations(
        SampleTable.from_samples(before + after), [unit], reconnects=reconnects
    )
    np.testing.assert_array_equal(table.q, np.array(q))
