"""What the unit does when it is told something, by hipturn or by a stranger."""

from __future__ import annotations

import random

import pytest
from bench import Bench
from hipturn_unit.records import NAME, RATE
from hipturn_unit.unit import percent_of


def sent_in(bench, seconds=0.5):
    """How many notifications go out."""
    before = len(bench.air.sent)
    bench.run(seconds)
    return len(bench.air.sent) - before


def test_writing_the_rate_starts_and_0_stops():
    bench = Bench()
    bench.air.connect()
    assert sent_in(bench) == 0
    bench.write_rate(100)
    assert sent_in(bench) > 0
    bench.write_rate(0)
    assert sent_in(bench) == 0
    assert bench.air.read(RATE) == b"\x64\x00"  # the rate is kept, for `hipturn configure`


def test_a_second_write_of_the_same_rate_disturbs_nothing():
    bench = Bench()
    bench.start(60)
    bench.run(1)
    bench.write_rate(60)
    bench.run(1)
    numbers = [record[1] for record in bench.records()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 110


def test_another_rate_while_sending_is_taken():
    bench = Bench()
    bench.start(60)
    bench.run(1)
    bench.write_rate(120)
    bench.run(1)
    (a, *_), (b, *_) = bench.records()[-2:]
    assert b - a in (8333, 8334)


@pytest.mark.parametrize(
    "value", [b"", b"\x3c", b"\x3c\x00\x00", b"\x3d\x00", b"\xff\xff", b"\x00\x3c", bytes(20)]
)
def test_a_rate_that_is_not_allowed_changes_nothing_and_reads_as_what_it_is(value):
    bench = Bench()
    bench.start(60)
    bench.run(0.2)
    bench.air.write(RATE, value)
    assert sent_in(bench) > 5
    assert bench.air.read(RATE) == b"\x3c\x00"


def test_two_writes_in_one_turn_are_both_taken():
    bench = Bench()
    bench.air.connect()
    bench.write_rate(100)
    bench.air.write(RATE, b"\xff\xff")
    assert sent_in(bench) > 5
    bench.write_rate(0)
    bench.write_rate(30)
    assert sent_in(bench) > 5
    assert bench.air.read(RATE) == b"\x1e\x00"
    bench.write_rate(60)
    bench.write_rate(0)
    assert sent_in(bench) == 0


@pytest.mark.parametrize(
    "value",
    [b"", b" left", b"left\n", b"\xff\xfe", b"\x00" * 20, "é".encode()[:1], b"a\x7fb", b"   "],
)
def test_what_is_no_name_is_not_taken(value):
    bench = Bench()
    bench.air.connect()
    bench.air.write(NAME, value)
    bench.turn()
    assert bench.names == []
    assert bench.air.read(NAME) == b"hipturn B2C3"


def test_a_new_name_is_kept_and_shown_after_the_link():
    bench = Bench()
    bench.air.connect()
    bench.air.write(NAME, b"right thigh")
    bench.turn()
    assert bench.names == ["right thigh"]
    bench.air.disconnect()
    bench.turn()
    interval_us, shown, answer = bench.air.shown[-1]
    assert answer == b"\x0c\x09right thigh"
    assert len(shown) <= 31
    assert len(answer) <= 31
    assert shown[-16:].hex() == "684fd2c1e03b579a1a4c6e2f01009b7d"
    assert interval_us == 100_000


def test_a_lost_link_stops_and_the_unit_can_be_found_at_once():
    bench = Bench()
    bench.start(100)
    bench.run(1)
    bench.air.disconnect()
    bench.turn()
    assert bench.air.advertising
    assert sent_in(bench) == 0
    last_us = bench.records()[-1][0]
    bench.start(100)
    bench.run(1)
    after = [record for record in bench.records() if record[0] > last_us]
    assert len(after) > 90
    assert after[0][0] - last_us == pytest.approx(500_000, abs=100_000)  # the clock went on


def test_a_link_that_is_lost_and_made_again_in_one_turn_is_heard_of():
    bench = Bench()
    bench.start(100)
    bench.run(1)
    bench.air.disconnect()
    bench.air.connect(23)
    assert sent_in(bench) == 0
    bench.write_rate(100)
    bench.run(1)
    assert len(bench.air.sent[-1]) == 20


def test_no_row_of_writes_stops_a_unit_or_fills_its_memory():
    bench, chance = Bench(), random.Random(1)  # noqa: S311 - not a secret
    bench.air.connect()
    for _ in range(300):
        for _ in range(chance.randrange(60)):
            value = chance.randbytes(chance.randrange(20))
            bench.air.write(chance.choice((RATE, NAME)), value)
        assert len(bench.unit._link.events) <= 33
        bench.turn()
    bench.write_rate(60)
    assert sent_in(bench) > 5
    assert bench.air.read(RATE) == b"\x3c\x00"


def test_the_charge_is_told_every_20_s():
    bench = Bench()
    assert bench.air.read(0x2A19) == b"\x32"
    bench.air.connect()
    bench.unit._battery_mv = lambda: 3385
    bench.run(21)
    assert bench.air.read(0x2A19) == b"\x0a"
    assert [percent_of(mv) for mv in (3000, 3300, 4150, 4300)] == [0, 0, 100, 100]
    assert bench.air.read(0x2A25) == b"A1B2C3"
