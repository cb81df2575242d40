"""What goes wrong in a set, through the whole chain: wearer, units, radio, clocks, calibration."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from analysis.session import analyse as sessions
from analysis.session.recording import Recording
from imu.clocks.timeline import align, until_last_complete
from imu.quaternion import multiply
from imu.sample import SampleTable, Segment, Side
from imu.virtual.person.script import Bend, KneeBends, Path, Rep, RepSet, Still, TakePosition, Walk
from imu.virtual.units.faults import StrapSlip
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


STANDING = (*CALIBRATION[:3], KneeBends((Bend(size_deg=55.0),) * 5), Still(2.0))
SET_S = 30.0
"""When the set begins."""
REP_S = 4.0
ALONG, ACROSS = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
"""Axes that a strap slips about: the segment's own, and the one a bent knee's hip turns about."""


def analysed(
    parts, side="right", exercise="prone_windshield_wiper", seed=5, alter=list, **settings
):
    """Return what a script gave, after something has been done to the samples on their way."""
    calibration = STANDING if exercise.startswith("standing") else CALIBRATION
    script = (*calibration, *parts, Still(3.0))
    wearing = wear(exercise, side, seed, WearerSettings(script=script, **settings))
    table = SampleTable.from_samples(alter(wearing.samples))
    recording = Recording(
        session_id="s",
        wearer="w",
        started_at="2026-01-01T00:00:00+00:00",
        exercise=exercise,
        units=wearing.units,
        frames=until_last_complete(align(table, wearing.units, "independent"), wearing.units),
        marks=[mark for mark in wearing.marks if not mark[1].startswith("set")],
    )
    return sessions.analyse(recording)


def outcome(result):
    rows = result.reps
    return dict(Counter(rows["reject_reason"].where(rows["reject_reason"] != "", rows["status"])))


def done(parts, side="right", exercise="prone_windshield_wiper", seed=5, **settings):
    """Return how the movements of a script came out."""
    return outcome(analysed(parts, side, exercise, seed, **settings))


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


@pytest.mark.parametrize("creep_deg", [20.0, -20.0])
@pytest.mark.parametrize(
    "exercise",
    [
        "prone_windshield_wiper",
        "prone_rotation_test",
        "seated_internal_rotation",
        "seated_leg_extension_twist",
        "standing_banded_rotation",
        "supine_rotation_test",
    ],
)
def test_a_knee_that_creeps_by_20_degrees_over_a_set_is_named_and_costs_no_repetition(
    recording_of, exercise, creep_deg
):
    wearing = wear(exercise, "left", 9727, WearerSettings(knee_drift_deg=creep_deg))
    reps = sessions.analyse(recording_of(wearing)).reps
    assert reps["status"].tolist() == ["valid"] * len(wearing.truth.reps[Side.LEFT])
    named = reps["faults"].str.contains("knee_angle").tolist()
    assert named[-1]
    assert named == sorted(named)  # from some repetition on
    assert not named[0]


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


# Tremor, knocks, slips


@pytest.mark.parametrize("hz", [4.0, 6.0, 8.0, 12.0])
@pytest.mark.parametrize("tremor_deg", [1.0, 2.0, 3.0])
def test_a_tremor_changes_no_count_and_is_told(hz, tremor_deg):
    result = analysed([Path(rep() * 10)], tremor_deg=tremor_deg, tremor_hz=hz)
    assert outcome(result) == {"valid": 10}
    assert result.reps["faults"].str.contains("shaky").all()


def knocks(offset_s, size_deg, segment):
    """Return a unit thrown about for 65 ms in each of ten repetitions."""
    return tuple(
        StrapSlip(segment=segment, at=moment, turn_deg=turn, axis=ACROSS, lasts_s=0.02)
        for i in range(10)
        for moment, turn in (
            (SET_S + REP_S * i + offset_s, size_deg),
            (SET_S + REP_S * i + offset_s + 0.065, -size_deg),
        )
    )


@pytest.mark.parametrize("segment", [Segment.THIGH, Segment.SHANK])
@pytest.mark.parametrize("size_deg", [40.0, -40.0, 15.0])
@pytest.mark.parametrize("offset_s", [0.6, 1.6, 2.6, 3.7])
def test_knocks_change_no_count(offset_s, size_deg, segment):
    faults = knocks(offset_s, size_deg, segment)
    assert done([Path(rep() * 10)], faults=faults) == {"valid": 10}


@pytest.mark.parametrize("lasts_s", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("turn_deg", [10.0, -10.0])
@pytest.mark.parametrize(
    ("segment", "axis"), [(Segment.THIGH, ALONG), (Segment.SHANK, ALONG), (Segment.SHANK, ACROSS)]
)
@pytest.mark.parametrize("at_s", [SET_S + 22.0, SET_S + 8.6], ids=["at rest", "in a stroke"])
def test_a_strap_that_slips_costs_no_repetition_and_is_told_where_it_moves_the_angle(
    segment, axis, turn_deg, lasts_s, at_s
):
    slip = StrapSlip(segment=segment, at=at_s, turn_deg=turn_deg, axis=axis, lasts_s=lasts_s)
    result = analysed([Path(rep() * 5), Still(4.0), Path(rep() * 5)], faults=(slip,))
    found = outcome(result)
    assert found.pop("valid") == 10
    assert set(found) <= {"sensor_shift"}
    # turned about its own axis, the shank's unit moves no angle: the knee absorbs it
    if (segment, axis) != (Segment.SHANK, ALONG):
        assert [a for each in result.alarms.values() for a in each if a.kind == "slip"]


@pytest.mark.parametrize(
    ("exercise", "size_deg"), [("ninety_ninety_lift", 12.0), ("side_lying_ankle_lift", 18.0)]
)
@pytest.mark.parametrize("turn_deg", [25.0, -25.0])
def test_a_strap_that_slips_far_where_the_hinge_is_upright_does_not_end_the_counting(
    exercise, size_deg, turn_deg
):
    slip = StrapSlip(segment=Segment.SHANK, at=SET_S + 22.0, turn_deg=turn_deg)
    parts = [Path(rep(size_deg) * 5), Still(4.0), Path(rep(size_deg) * 5)]
    assert done(parts, exercise=exercise, faults=(slip,)) == {"valid": 10}


# Between the sets


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("exercise", "size_deg"),
    [
        ("prone_windshield_wiper", 30.0),
        ("seated_internal_rotation", 30.0),
        ("ninety_ninety_lift", 12.0),
        ("side_lying_ankle_lift", 18.0),
        ("standing_banded_rotation", 18.0),
    ],
)
def test_twenty_seconds_of_walking_between_two_sets_add_nothing(exercise, size_deg, side):
    reps = Path(rep(size_deg) * 5)
    found = done([reps, Walk(strides=18), Still(1.5), reps], side, exercise)
    assert found.pop("valid") == 10
    assert set(found) <= {"posture", "partial"}


def facing(turn_deg, from_s):
    """Return a function that turns all units about the vertical from some second on."""
    half = math.radians(turn_deg) / 2.0
    turn = (math.cos(half), 0.0, 0.0, math.sin(half))

    def turned(samples):
        return [
            s._replace(q=multiply(turn, s.q)) if s.q and s.host_time_ns > from_s * 1e9 else s
            for s in samples
        ]

    return turned


@pytest.mark.parametrize("turn_deg", [0.0, 15.0, -40.0, 120.0])
@pytest.mark.parametrize(
    ("exercise", "size_deg"), [("standing_banded_rotation", 18.0), ("supine_rotation_test", 25.0)]
)
def test_who_walks_between_the_sets_may_come_back_facing_another_way(exercise, size_deg, turn_deg):
    reps = Path(rep(size_deg) * 5)
    walks_s = SET_S + 5 * REP_S
    result = analysed(
        [reps, Walk(strides=18), Still(4.0), reps],
        exercise=exercise,
        alter=facing(turn_deg, walks_s + 8.0),
    )
    assert outcome(result) == {"valid": 10}
    assert result.reps["start_deg"].abs().max() < 3.0
    assert result.reps["peak_deg"].tolist() == pytest.approx([size_deg] * 10, abs=4.0)
    angles = result.angles
    away = angles["time_s"].between(walks_s + 10.0, walks_s + 20.0)
    assert not angles["valid"][away].any()
    assert not [alarm for each in result.alarms.values() for alarm in each]


@pytest.mark.parametrize("side", ["right", "left"])
def test_rolling_over_and_back_between_two_sets_adds_nothing(side):
    over = Rep(amplitude_deg=0.0, pelvis_deg=90.0, hold_s=3.0, kind="partial")
    found = done([Path(rep() * 5), RepSet((over,)), Still(2.0), Path(rep() * 5)], side)
    assert found.pop("valid") == 10
    assert found in ({}, {"posture": 1})


# The pelvis


PELVIS = pytest.mark.parametrize(
    "exercise",
    ["prone_windshield_wiper", "seated_internal_rotation", "standing_banded_rotation"],
)


def helped(exercise, hip_deg, pelvis_deg, *, unit):
    reps = tuple(Rep(amplitude_deg=hip_deg, pelvis_deg=pelvis_deg) for _ in range(6))
    return analysed([RepSet(reps)], exercise=exercise, pelvis_unit=unit)


@PELVIS
def test_a_unit_on_the_pelvis_takes_its_roll_off_and_tells_it(exercise):
    result = helped(exercise, 25.0, 10.0, unit=True)
    assert outcome(result) == {"valid": 6}
    assert result.reps["rom_deg"].median() == pytest.approx(25.0, abs=2.0)
    assert result.reps["faults"].str.contains("pelvis").all()
    without = helped(exercise, 25.0, 10.0, unit=False)
    assert without.reps["rom_deg"].median() == pytest.approx(35.0, abs=2.0)


@PELVIS
def test_a_pelvis_that_does_it_all_is_no_repetition_where_it_wears_a_unit(exercise):
    assert outcome(helped(exercise, 0.0, 25.0, unit=True)) == {}
    assert outcome(helped(exercise, 0.0, 25.0, unit=False)) == {"valid": 6}  # nobody can tell


# Units, radio, clocks


@pytest.mark.parametrize("bias_dps", [0.03, 0.1, 1.0])
def test_headings_that_drift_change_no_count_by_gravity(bias_dps):
    assert done([Path(rep() * 10)], gyro_bias_sd_dps=bias_dps) == {"valid": 10}


def doubled(samples):
    return [s for i, sample in enumerate(samples) for s in [sample] * (1 + (i % 7 == 0))]


def overtaken(samples):
    out = list(samples)
    for i in range(10, len(out) - 1, 9):
        out[i], out[i + 1] = out[i + 1], out[i]
    return out


def stepped(seconds):
    def alter(samples):
        half = len(samples) // 2
        later = round(seconds * 1e9)
        return [
            sample._replace(host_time_ns=sample.host_time_ns + later * (i >= half))
            for i, sample in enumerate(samples)
        ]

    return alter


def from_25_to_100_hz(samples):
    half = len(samples) // 2
    return [s for i, s in enumerate(samples) if i >= half or s.sequence % 4 == 0]


@pytest.mark.parametrize(
    "alter", [doubled, overtaken, stepped(0.3), stepped(1.0), stepped(-0.5)],
    ids=["doubled", "overtaken", "+0.3 s", "+1 s", "-0.5 s"],
)  # fmt: skip
def test_what_the_radio_and_the_hosts_clock_do_changes_no_count(alter):
    assert outcome(analysed([Path(rep() * 10)], alter=alter)) == {"valid": 10}


def test_a_rate_that_changes_from_25_to_100_hz_changes_no_count():
    result = analysed([Path(rep() * 10)], alter=from_25_to_100_hz, rate_hz=100.0)
    assert outcome(result) == {"valid": 10}
