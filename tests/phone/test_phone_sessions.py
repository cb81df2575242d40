"""Sessions with phones, without a browser: the whole chain from batches to the tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
from worn_phones import SHANK, THIGH, error_of, session_of, worn

import hipturn
from hipturn.session.live import LiveSession
from hipturn.session.replay import tracker_of
from imu.phone.batch import read_batch


def counted(result):
    return int((result.reps.status == "valid").sum())


def events_of(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("exercise", "places"),
    [
        ("seated_internal_rotation", (SHANK,)),
        ("seated_internal_rotation", (THIGH, SHANK)),
        pytest.param("prone_rotation_test", (SHANK,), marks=pytest.mark.long),
        pytest.param("side_lying_ankle_lift", (THIGH, SHANK), marks=pytest.mark.long),
        pytest.param("ninety_ninety_lift", (SHANK,), marks=pytest.mark.long),
    ],
)
def test_phones_measure_and_count_and_are_recorded(exercise, places, tmp_path, capsys):
    wearing, phones = worn(exercise, places=places)
    folder = session_of(exercise, phones, tmp_path)
    error, result = error_of(folder, wearing)
    assert counted(result) == 5
    assert np.isnan(error).mean() < 0.02
    assert np.sqrt(np.nanmean(error**2)) < 1.0
    assert "calibrated" in capsys.readouterr().out


def test_an_iphone_is_read_the_right_way_round(tmp_path):
    wearing, phones = worn("seated_internal_rotation", places=(SHANK,))
    folder = session_of("seated_internal_rotation", phones, tmp_path, sign=-1)
    error, result = error_of(folder, wearing)
    # the hand's phone told its orientation as it is, its acceleration the other way round
    assert counted(result) == 5
    assert np.sqrt(np.nanmean(error**2)) < 1.0


def test_a_recorded_session_is_the_live_one_again_and_holds_every_batch(tmp_path):
    _, phones = worn("seated_internal_rotation", places=(SHANK,))
    shown = []
    show, LiveSession._show = LiveSession._show, lambda self, u: (shown.append(u), show(self, u))
    try:
        folder = session_of("seated_internal_rotation", phones, tmp_path)
    finally:
        LiveSession._show = show
    session = hipturn.open(folder)
    tracker, _ = tracker_of(session)
    again = [u for sample in session.samples() for u in tracker.push(sample)] + tracker.finish()
    live = [u for u in shown if u.legs]
    replayed = [u for u in again if u.legs]
    assert len(live) == len(replayed) > 1000
    for a, b in zip(live, replayed, strict=True):
        assert a.time_s == b.time_s
        assert repr(a.legs) == repr(b.legs)  # bit for bit, NaN included
    payloads = [s.payload for s in session.samples() if s.payload]
    rows = sum(len(read_batch(p).rows) for p in payloads if len(p) <= 16 + 32 * 3)
    assert rows >= 0.99 * len(phones[0].rows)
    unit = session.header.units[0]
    assert (unit.profile, unit.upright, unit.tilt_sigma_deg) == ("phone", True, 1.7)


def test_an_upside_down_phone_is_told_and_gives_no_angle(tmp_path, capsys):
    _, phones = worn("seated_internal_rotation", places=(SHANK,))
    phones[0].rows = [turned(row, (-1, -1, 1)) for row in phones[0].rows]
    folder = session_of("seated_internal_rotation", phones, tmp_path)
    assert "upside down" in capsys.readouterr().out
    assert not [e for e in events_of(folder) if e["type"] == "calibration"]
    assert hipturn.analyse(hipturn.open(folder)).angles.hip_internal_rotation_deg.isna().all()


def test_a_phone_on_the_side_of_the_shin_is_told_and_gives_no_angle(tmp_path, capsys):
    _, phones = worn("seated_internal_rotation", places=(SHANK,))
    phones[0].rows = [sideways(row) for row in phones[0].rows]
    folder = session_of("seated_internal_rotation", phones, tmp_path)
    assert "strap it square" in capsys.readouterr().out
    assert not [e for e in events_of(folder) if e["type"] == "calibration"]


def turned(row, signs):
    return row._replace(
        acc=tuple(s * a for s, a in zip(signs, row.acc, strict=True)),
        gyr=tuple(s * g for s, g in zip(signs, row.gyr, strict=True)),
    )


def sideways(row):
    """Return what a phone measures that is turned by 90° about its long axis."""
    return row._replace(
        acc=(row.acc[2], row.acc[1], -row.acc[0]), gyr=(row.gyr[2], row.gyr[1], -row.gyr[0])
    )
