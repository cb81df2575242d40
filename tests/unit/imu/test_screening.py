"""Which samples count, and that live and batch agree on it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.sample import Sample, SampleTable
from imu.screening import Screening, screen_table

NAN, INF = math.nan, math.inf
UP = (1.0, 0.0, 0.0, 0.0)
ACC, GYR = (0.0, 0.0, 9.81), (0.1, 0.2, 0.3)


def sample(unit=0, host=0, device=None, sequence=None, q=UP, acc=None, gyr=None):
    return Sample(unit, host, device, sequence, q, acc, gyr)


def table_of(samples):
    def vectors(values, width):
        return np.array([v or (NAN,) * width for v in values], dtype=float).reshape(-1, width)

    def counters(values):
        return np.array([-1 if v is None else v for v in values], dtype=np.int64)

    unit, host, device, sequence, q, acc, gyr, _ = zip(*samples, strict=True)
    whole = counters(unit), counters(host), counters(device), counters(sequence)
    return SampleTable(*whole, vectors(q, 4), vectors(acc, 3), vectors(gyr, 3))


def push_all(samples, units=2):
    screening = Screening(units)
    return [s for s in map(screening.push, samples) if s is not None], screening.dropped


FAULTS = [
    ("no_such_unit", sample(unit=2)),
    ("no_such_unit", sample(unit=-1)),
    ("time_out_of_range", sample(host=-1)),
    ("time_out_of_range", sample(host=25 * 3600 * 10**9)),
    ("out_of_range", sample(acc=(INF, 0.0, 0.0))),
    ("out_of_range", sample(gyr=(0.0, -INF, 0.0))),
    ("out_of_range", sample(acc=(0.0, 1e300, 0.0))),
    ("out_of_range", sample(gyr=(0.0, 0.0, 101.0))),
    ("no_orientation", sample(q=None)),
    ("no_orientation", sample(q=(NAN, 0.0, 0.0, 0.0))),
    ("no_orientation", sample(q=None, acc=ACC)),
    ("no_orientation", sample(q=None, acc=ACC, gyr=(NAN, 0.0, 0.0))),
    ("not_unit", sample(q=(0.0, 0.0, 0.0, 0.0))),
    ("not_unit", sample(q=(0.5, 0.0, 0.0, 0.0))),
    ("not_unit", sample(q=(0.0, 2.0, 0.0, 0.0))),
    ("not_unit", sample(q=(INF, 0.0, 0.0, 0.0))),
    ("not_unit", sample(q=(1e200, 0.0, 0.0, 0.0))),
]


@pytest.mark.parametrize(("reason", "bad"), FAULTS)
def test_a_sample_that_no_sensor_can_have_said_is_dropped_and_counted(reason, bad):
    assert push_all([bad]) == ([], {reason: 1})
    table, dropped = screen_table(table_of([bad]), units=2)
    assert (len(table), dropped) == (0, {reason: 1})


def test_time_running_backwards_is_dropped_until_it_catches_up():
    kept, dropped = push_all([sample(host=t) for t in (5, 9, 7, 8, 9, 10)])
    assert [s.host_time_ns for s in kept] == [5, 9, 9, 10]
    assert dropped == {"time_backwards": 2}


def test_a_dropped_sample_with_a_wild_time_does_not_take_the_rest_with_it():
    kept, _ = push_all([sample(host=1), sample(host=2**62), sample(host=2)])
    assert [s.host_time_ns for s in kept] == [1, 2]


def test_a_repeated_notification_counts_once_and_only_for_its_own_unit():
    repeats = [sample(0, 1, 7, 3), sample(1, 1, 7, 3), sample(0, 2, 7, 3), sample(0, 3, 8, 3)]
    kept, dropped = push_all(repeats)
    assert [s.host_time_ns for s in kept] == [1, 1, 3]
    assert dropped == {"repeated": 1}


def test_samples_without_a_device_time_are_never_taken_for_repeats():
    kept, dropped = push_all([sample(host=t, sequence=4) for t in (1, 2, 3)])
    assert (len(kept), dropped) == (3, {})


def test_a_raw_sample_without_quaternion_counts():
    (kept,), dropped = push_all([sample(q=(NAN, NAN, NAN, NAN), acc=ACC, gyr=GYR)])
    assert (kept.q, kept.acc, kept.gyr, dropped) == (None, ACC, GYR, {})


def test_a_vector_with_a_nan_in_it_was_not_sent():
    (kept,), _ = push_all([sample(acc=(0.0, NAN, 0.0), gyr=GYR)])
    assert (kept.q, kept.acc, kept.gyr) == (UP, None, GYR)


def test_a_quaternion_of_another_length_is_scaled_to_one():
    (kept,), _ = push_all([sample(q=(0.0, 0.6, 0.0, -0.9))])
    assert math.dist(
        kept.q, (0.0, 0.6 / math.hypot(0.6, 0.9), 0.0, -0.9 / math.hypot(0.6, 0.9))
    ) < (1e-15)


NUMBER = st.one_of(
    st.floats(-1.5, 1.5), st.sampled_from([0.0, -0.0, NAN, INF, -INF, 1e200, 4000.0, 100.0])
)
COUNTER = st.one_of(st.none(), st.integers(0, 2))
SAMPLE = st.builds(
    Sample,
    st.integers(-1, 3),
    st.one_of(st.integers(0, 8), st.sampled_from([-1, 2**62])),
    COUNTER,
    COUNTER,
    st.one_of(st.none(), st.just(UP), st.tuples(NUMBER, NUMBER, NUMBER, NUMBER)),
    st.one_of(st.none(), st.just(ACC), st.tuples(NUMBER, NUMBER, NUMBER)),
    st.one_of(st.none(), st.just(GYR), st.tuples(NUMBER, NUMBER, NUMBER)),
)


@given(st.lists(SAMPLE, min_size=1, max_size=30))
def test_batch_keeps_the_same_samples_as_live_bit_for_bit(samples):
    kept, dropped = push_all(samples, units=3)
    table, dropped_from_table = screen_table(table_of(samples), units=3)
    assert dropped_from_table == dropped
    if kept:
        for column, expected in zip(vars_of(table), vars_of(table_of(kept)), strict=True):
            np.testing.assert_array_equal(column, expected)


def vars_of(table):
    names = ("unit", "host_time_ns", "device_time", "sequence", "q", "acc", "gyr")
    return [getattr(table, name) for name in names]


def test_batch_and_live_scale_quaternions_to_the_same_bits():
    q = np.random.default_rng(5).uniform(-0.9, 0.9, (2000, 4))
    samples = [sample(host=i, q=tuple(row)) for i, row in enumerate(q.tolist())]
    kept, _ = push_all(samples)
    table, _ = screen_table(table_of(samples), units=2)
    assert len(kept) > 1000
    assert table.q.tobytes() == table_of(kept).q.tobytes()


@given(st.lists(SAMPLE, max_size=30))
def test_screening_what_was_screened_changes_nothing(samples):
    once, _ = push_all(samples)
    assert push_all(once) == (once, {})
