"""What goes wrong in a set, through the whole chain: wearer, units, radio, clocks, calibration."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis import sessions
from analysis.recording import Recording
from imu.sample import SampleTable
from imu.timeline import align, until_last_complete
from imu.virtual.script import Bend, KneeBends, Path, Rep, RepSet, Still, TakePosition
from imu.virtual.wearer import WearerSettings, wear

pytestmark = pytest.mark.long

CALIBRATION = (
    Still(4.0, "stand"),
    TakePosition(4.0),
    Still(4.0, "pose"),
    KneeBends(tuple(Bend(size_deg=-55.0) for _ in range(5))),
    Still(2.0),
)


def rep(top=30.0, bottom=0.0, up=1.2, hold=0.8, down=1.2, rest=0.8):
    steps = [(up, top), (hold, top), (down, bottom), (rest, bottom)]
    return tuple(step for step in steps if step[0] > 0.0)


def done(parts, side="right", exercise="prone_windshield_wiper", seed=5, **settings):
    """Return how the movements of a script came out, and the wearer's tables."""
    script = (*CALIBRATION, *parts, Still(3.0))
    wearing = wear(exercise, side, seed, WearerSettings(script=script, **settings))
    frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
    recording = Recording(
        session_id="s",
        wearer="w",
        started_at="2026-01-01T00:00:00+00:00",
        exercise=exercise,
        units=wearing.units,
        frames=until_last_complete(frames),
        marks=[mark for mark in wearing.marks if not mark[1].startswith("set")],
    )
    result = sessions.analyse(recording)
    rows = result.reps
    return dict(Counter(rows["reject_reason"].where(rows["reject_reason"] != "", rows["status"])))


PAUSED = ((0.7, 15.0), (3.0, 15.0), (0.7, 30.0), *rep()[1:])
PULSES = rep(bottom=18.0, hold=0.6, down=1.0, rest=0.0) * 9
SHORT = rep(bottom=10.0, hold=0.6, down=1.0, rest=0.0) * 9


def dip(depth):
    return ((1.2, 30.0), (0.5, 30.0 - depth), (0.5, 30.0), (1.2, 0.0), (1.0, 0.0))


def ranges(first, last):
    return tuple(s for i in range(10) for s in rep(first + (last - first) * i / 9))


CASES = {
    "nominal": (rep() * 10, {"valid": 10}),
    "no rest between": (rep(hold=0.0, rest=0.0) * 10, {"valid": 10}),
    "a pause on the way": (PAUSED * 10, {"valid": 10}),
    "double peak of 4 degrees": (dip(4.0) * 10, {"valid": 10}),
    "double peak of 8 degrees": (dip(8.0) * 10, {"valid": 10}),
    "double peak of 12 degrees": (dip(12.0) * 10, {"valid": 10}),
    "dips of 60 percent": (
        ((1.2, 30.0), (0.7, 12.0), (0.7, 30.0), (1.2, 0.0), (1.0, 0.0)) * 10,
        {"valid": 20},
    ),
    "aborted at 2 degrees": (rep(2.0) * 10, {}),
    "aborted at 8 degrees": (rep(8.0) * 10, {"partial": 10}),
    "micro movements": (rep(1.0) * 10, {}),
    "a growing range": (ranges(13.5, 40.0), {"valid": 10}),
    "a shrinking range": (ranges(40.0, 13.5), {"valid": 10}),
    "returns to a third": (SHORT + rep(hold=0.6), {"valid": 10}),
    "pulses": (PULSES + rep(), {"valid": 1}),
    "quick": (rep(up=0.4, hold=0.0, down=0.4, rest=0.3) * 10, {"valid": 10}),
    "slow": (rep(up=7.5, hold=0.0, down=7.5) * 4, {"valid": 4}),
    "holds of 30 s": (rep(hold=30.0) * 3, {"valid": 3}),
}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", CASES)
def test_a_wearer_who_does_so_is_counted_so(name, side):
    steps, expected = CASES[name]
    assert done([Path(tuple(steps))], side) == expected


@pytest.mark.parametrize("rate_hz", [25.0, 60.0, 100.0])
@pytest.mark.parametrize("gain", [0.0, 0.03])
def test_rates_and_gains_change_no_count(rate_hz, gain):
    assert done([Path(rep() * 10)], rate_hz=rate_hz, gyro_scale_sd=gain) == {"valid": 10}


@pytest.mark.parametrize("loss", [{"loss_share": 0.1, "loss_burst": (1, 1)}, {"loss_share": 0.05}])
def test_losses_change_no_count(loss):
    assert done([Path(rep() * 10)], **loss) == {"valid": 10}


def test_long_losses_cost_repetitions_and_are_told():
    found = done([Path(rep() * 10)], loss_share=0.08, loss_burst=(48, 60))
    assert found.get("valid", 0) >= 8
    assert set(found) <= {"valid", "gap"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_turning_the_wrong_way_is_told_and_not_counted(seed):
    found = done([Path(rep(-30.0) * 6)], seed=seed)
    assert found.pop("wrong_direction", 0) >= 2
    assert "valid" not in found


@pytest.mark.parametrize("pelvis_deg", [5.0, 10.0])
def test_a_pelvis_that_helps_is_counted_without_a_unit_on_it(pelvis_deg):
    reps = tuple(Rep(amplitude_deg=25.0, pelvis_deg=pelvis_deg) for _ in range(6))
    assert done([RepSet(reps)]) == {"valid": 6}


@pytest.mark.parametrize("share", [0.5, 1.0, 1.6])
def test_two_peoples_ranges_count_alike(share):
    assert done([Path(rep(30.0 * share) * 8)]) == {"valid": 8}
