"""A unit that does not send what it was set to is named, by its samples, live and recorded."""

from __future__ import annotations

import pytest

from imu.clocks.rate_watch import RateWatch, rate_troubles
from imu.sample import Sample, SampleTable, Segment, Side, Unit

CLOSER = ": bring it closer, and take phones and other radios away"
SAYS = [
    (60.0, 60.0, ""),
    (60.0, 50.0, ""),
    (60.0, 30.0, f"the right shank unit sends 30 of 60 samples a second{CLOSER}"),
    (60.0, 100.0, "the right shank unit sends 100 samples a second, not the 60 it was set to: set"
     " it again with `hipturn configure`"),
    (25.0, 25.0, ""),
    (20.0, 20.0, "the right shank unit sends 20 samples a second, too few to follow a leg: set a"
     " higher rate with `hipturn configure`"),
]  # fmt: skip


def units(nominal_hz):
    return [
        Unit(segment=segment, side=Side.RIGHT, rate_hz=rate_hz)
        for segment, rate_hz in ((Segment.THIGH, 60.0), (Segment.SHANK, nominal_hz))
    ]


@pytest.mark.parametrize(("nominal_hz", "rate_hz", "said"), SAYS)
def test_a_rate_is_counted_on_samples_and_says_which_unit(nominal_hz, rate_hz, said):
    watch, told = RateWatch(units(nominal_hz)), []
    for number in range(round(20 * rate_hz)):
        told.append(watch.push(1, number / rate_hz))
        if number % 5 == 0:
            watch.push(0, number / rate_hz)
    assert [text for text in told if text] == ([said] if said else [])


@pytest.mark.parametrize(("nominal_hz", "rate_hz", "said"), SAYS)
def test_a_recording_says_the_same_once_and_when(nominal_hz, rate_hz, said):
    moments = [(at / 60.0, 0) for at in range(90 * 60)]
    moments += [(at / rate_hz, 1) for at in range(round(90 * rate_hz))]
    samples = [
        Sample(unit, round(at_s * 1e9), None, None, (1.0, 0.0, 0.0, 0.0))
        for at_s, unit in sorted(moments)
    ]
    found = rate_troubles(SampleTable.from_samples(samples), units(nominal_hz))
    assert found == ({1: f"{said} (6 s)"} if said else {})


def test_a_stall_is_no_low_rate():
    watch, told = RateWatch(units(60.0)), []
    for number in range(1800):
        at_s = number / 60.0
        told.append(watch.push(0, 11.5 if 10.0 < at_s < 11.5 else at_s))
    assert not any(told)
