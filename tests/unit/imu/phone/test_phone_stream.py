"""A phone is believed only after gravity has told its sign and it has been turned over."""

from __future__ import annotations

import contextlib
import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phones import accepted, attitude, hand_rows, told

from imu.phone.batch import (
    HEADER,
    MAX_BYTES,
    MAX_ROWS,
    ROW,
    Batch,
    BatchError,
    Row,
    RowScreen,
    read_batch,
    write_batch,
)
from imu.phone.profile import phone_profile
from imu.phone.sign import SignFinder, up_in_phone
from imu.phone.stream import Asked, PhoneStream

REST = (0.0, 0.0, 0.0)


def postures(count=100):
    """Return so many attitudes in which somebody may hold a phone: beta and gamma in degrees."""
    rng = np.random.default_rng(7)
    return zip(rng.uniform(-180, 180, count), rng.uniform(-90, 90, count), strict=True)


@pytest.fixture
def stream():
    found = PhoneStream(phone_profile())
    found.hello("0" * 16, 1.0)
    return found


def test_a_batch_comes_back_as_it_was_written():
    rows = (Row(1.25, (0.5, -9.5, 0.25), (0.125, 2.0, -1.0)), Row(1.5, REST, REST))
    batch = Batch(65535, 2.0, rows)
    data = write_batch(batch)
    assert len(data) == HEADER.size + 2 * ROW.size == 80
    assert read_batch(data) == batch


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at least 16 bytes"),
        (b"\x02" + bytes(15), "version 2"),
        (write_batch(Batch(0, 0.0, (Row(1.0, REST, REST),)))[:-1], "1 rows"),
        (write_batch(Batch(0, 0.0, (Row(1.0, REST, REST),) * 65)), "of 64 at most"),
    ],
)
def test_what_is_no_batch_is_refused_with_a_sentence(data, why):
    with pytest.raises(BatchError, match=why):
        read_batch(data)


@given(st.binary(max_size=MAX_BYTES + 40))
def test_no_bytes_at_all_do_harm(data):
    stream = PhoneStream(phone_profile())
    stream.hello("0" * 16, 1.0)
    with contextlib.suppress(BatchError):
        assert stream.take(data) == []


ACCEPTED = PhoneStream(phone_profile())
END_S = accepted(ACCEPTED)
NUMBER = st.floats(width=32)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(), *[NUMBER] * 6), max_size=MAX_ROWS))
def test_hostile_rows_give_only_samples_that_can_be_and_in_order(rows):
    stream, end_s = copy.deepcopy(ACCEPTED), END_S
    hostile = tuple(Row(end_s + r[0], r[1:4], r[4:7]) for r in rows)
    found = stream.take(write_batch(Batch(0, 0.0, hostile)))
    times = [one.device_time for one in found]
    assert times == sorted(set(times))
    assert len(found) <= 4 * MAX_ROWS
    for one in found:
        assert all(math.isfinite(v) for v in (*one.acc, *one.gyr))
        assert max(map(abs, one.acc)) <= 200.0
        assert max(map(abs, one.gyr)) <= 40.0


def test_rows_that_cannot_be_are_counted_by_reason():
    screen = RowScreen()
    good = Row(1.0, (0.0, 0.0, 9.8), REST)
    bad = [
        good._replace(time_s=math.nan),
        good._replace(acc=(0.0, 201.0, 0.0)),
        good._replace(gyr=(0.0, 41.0, 0.0)),
        good,
    ]
    assert screen.push(good)
    assert not any(map(screen.push, bad))
    assert screen.dropped == {"not_finite": 1, "out_of_range": 2, "not later than the last": 1}


def test_up_in_the_phone_is_what_the_standard_says():
    assert up_in_phone(0.0, 0.0) == pytest.approx((0.0, 0.0, 1.0))  # on the table, face up
    assert up_in_phone(90.0, 0.0) == pytest.approx((0.0, 1.0, 0.0))  # upright
    assert up_in_phone(0.0, 90.0) == pytest.approx((-1.0, 0.0, 0.0))  # on its right edge


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_is_found_in_all_of_a_hundred_postures(sign):
    for beta, gamma in postures():
        finder = SignFinder()
        acc = tuple(round(sign * 9.81 * u, 1) for u in up_in_phone(beta, gamma))
        for _ in range(10):
            finder.push(beta, gamma, acc, REST)
        assert finder.sign == sign, (beta, gamma)


def test_without_agreement_no_sign_is_taken():
    finder = SignFinder()
    for i in range(100):  # an orientation that has nothing to do with the acceleration
        finder.push(0.0, 0.0, (9.8, 0.0, 0.0) if i % 2 else (0.0, 9.8, 0.0), REST)
        finder.push(0.0, 0.0, (0.0, 0.0, 9.8), (3.0, 0.0, 0.0))
        finder.push(math.nan, 0.0, (0.0, 0.0, 9.8), REST)
    assert finder.sign is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_phone_that_was_turned_over_streams_with_gravity_up(stream, sign):
    rows = hand_rows(sign=sign)
    found = told(stream, rows, sign)
    assert stream.asked is Asked.NOTHING
    assert found  # from the end of the check on
    assert np.mean([one.acc[2] for one in found[-30:]]) == pytest.approx(
        sign * np.mean([row.acc[2] for row in rows[-30:]]), abs=0.05
    )
    steps = np.diff([one.device_time for one in found])
    assert set(steps.tolist()) <= {16666, 16667}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
def test_sound_phones_pass_however_they_are_held(seed, jitter_s):
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(4)
    start = tuple((start / np.linalg.norm(start)).tolist())
    accepted(PhoneStream(phone_profile()), start=start, jitter_s=jitter_s, seed=seed)


WRONG = {
    "z, x, y": lambda row: row._replace(gyr=(row.gyr[2], row.gyr[0], row.gyr[1])),
    "y, x, z": lambda row: row._replace(gyr=(row.gyr[1], row.gyr[0], row.gyr[2])),
    "mirrored": lambda row: row._replace(gyr=(row.gyr[0], row.gyr[1], -row.gyr[2])),
    "backwards": lambda row: row._replace(gyr=tuple(-g for g in row.gyr)),
    "degrees": lambda row: row._replace(gyr=tuple(math.degrees(g) / 4 for g in row.gyr)),
    "radians": lambda row: row._replace(gyr=tuple(math.radians(g) for g in row.gyr)),
    "no turning": lambda row: row._replace(gyr=REST),
    "g": lambda row: row._replace(acc=tuple(a / 9.81 for a in row.acc)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("seed", range(2))
def test_a_phone_whose_turning_does_not_fit_gravity_gives_no_sample(wrong, seed):
    stream = PhoneStream(phone_profile())
    stream.hello("0" * 16, 1.0)
    asked = set()
    for again in range(2):
        rows = hand_rows(at_s=10.0 * again, seed=seed + again)
        found = told(stream, [WRONG[wrong](row) for row in rows])
        assert found == []
        asked.add(stream.asked)
    if wrong not in ("radians", "no turning"):  # of a phone that seems still more turning is asked
        assert Asked.OTHER in asked


def test_without_an_orientation_it_is_asked_to_be_held_upright(stream):
    assert told(stream, hand_rows(), tells=False) == []
    assert stream.asked is Asked.UPRIGHT
    row = hand_rows(at_s=10.0)[0]
    stream.take(write_batch(Batch(0, 0.0, (row,))))
    for _ in range(10):
        stream.attitude(*attitude(row))
    assert stream.asked is Asked.NOTHING


def test_a_page_that_was_reloaded_has_a_new_clock_and_stays_checked(stream):
    accepted(stream)
    assert not stream.hello("0" * 16, 1.0)
    assert stream.hello("0" * 16, 2.0)
    rows = hand_rows(at_s=0.5)[:60]  # by a clock that began anew
    assert len(told(stream, rows, tells=False)) > 50


def test_another_phone_is_checked_from_the_beginning(stream):
    accepted(stream)
    stream.hello("1" * 16, 1.0)
    assert stream.asked is Asked.TURN
    assert told(stream, hand_rows()[:60], tells=False) == []
