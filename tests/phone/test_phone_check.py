"""The guided check finds what is planted in a phone, and lets sound phones pass."""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from phones import attitude
from scipy.spatial.transform import Rotation
from worn_phones import SHANK, WORN_AT_S, WornRows, in_hand_and_worn, passes

from hipturn.commands.cli import cli
from hipturn.phone.checked import PhoneCheck
from hipturn.units import unit_check
from hipturn.units.check_units import POLL_S
from hipturn.units.unit_check import TASK_S, TASKS
from imu.phone.batch import Batch, Row, write_batch

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/hipturn/units"))
from held_units import hold

AS_ASKED = Rotation.from_euler("z", -90, degrees=True)
"""Screen up, its top away from the person."""
REST_S = 6.0
BATCH = 6


@pytest.fixture(autouse=True)
def _short_rest(monkeypatch):
    monkeypatch.setattr(unit_check, "REST_S", REST_S)


def on_the_book(seed, mount=AS_ASKED, every=1, step=0.1):
    """Return what a phone measures in a hand and on the book, rounded as browsers do."""
    askew = Rotation.from_euler("xyz", [1.0, -1.0, 4.0], degrees=True)
    held = hold(seed, rest_s=REST_S + 3.0, mount=askew * mount, held_s=2.5, gain=1.01)
    acc = np.round(held.acc / step) * step
    rows = [
        Row(WORN_AT_S + t, tuple(a), tuple(g))
        for t, a, g in zip(held.time_s.tolist(), acc.tolist(), held.gyr.tolist(), strict=True)
    ]
    return in_hand_and_worn(WornRows(SHANK, rows))[::every]


def checked(rows, spoil=lambda row: row, tells=attitude, lost=()):
    """Return what is said of a phone that measures rows, spoilt, and what it was asked."""
    said, now = [], [0.0]
    check = PhoneCheck(said.append, lambda: int(now[0] * 1e9))

    async def run():
        task = asyncio.create_task(check.run())
        await asyncio.sleep(0)
        check.link.hello("0" * 16, 1.0)
        for number in range(0, len(rows), BATCH):
            if task.done():
                break
            true = rows[number : number + BATCH]
            part = tuple(spoil(row) for row in true)
            now[0] = true[-1].time_s + 0.02
            if not any(a <= now[0] < b for a, b in lost):
                check.link.hear(write_batch(Batch(number, true[-1].time_s, part)))
            if now[0] < WORN_AT_S and tells is not None:
                check.link.attitude(*tells(part[-1] if tells is not attitude else true[-1]))
            await asyncio.sleep(0)
            await passes(lambda: task.done() or check.link._queue.empty())
        while not task.done():  # nothing more comes
            now[0] += TASK_S
            await asyncio.sleep(POLL_S)
        return await task

    done = asyncio.run(run())
    (verdict,) = done.verdicts
    return verdict, said


def faults(verdict):
    return " | ".join(f"{f.what}: {f.text}" for f in verdict.findings if not f.good)


def found(verdict):
    return {finding.what: finding.text for finding in verdict.findings}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_sound_phone_passes(seed):
    verdict, said = checked(on_the_book(seed))
    assert verdict.passed, faults(verdict)
    assert set(found(verdict)) == {
        *("rate", "clock", "loss", "drift", "turning over", "events"),
        *("acceleration", "orientation", "rotation rate", "axes"),
    }
    assert "y ahead and z up" in found(verdict)["axes"]
    first = f"{TASKS[0].text} Each phone: screen up, its top pointing away from you."
    asked = said[said.index(first) : said.index("That was all.") + 1]
    assert asked == [first, *(task.text for task in TASKS[1:]), "That was all."]


def test_an_iphone_passes_and_its_acceleration_is_told_to_be_turned_round():
    negated = checked(on_the_book(3), lambda row: row._replace(acc=tuple(-a for a in row.acc)))[0]
    assert negated.passed, faults(negated)
    assert "points down, as on every iPhone, and is turned round" in found(negated)["turning over"]


PERMUTED = {
    "z, x, y": lambda v: (v[2], v[0], v[1]),
    "y, -x, z": lambda v: (v[1], -v[0], v[2]),
}
PLANTED = {
    "rates of other axes": (
        lambda row: row._replace(gyr=PERMUTED["z, x, y"](row.gyr)),
        "its rotation rate has other axes or signs (x is y, y is z, z is x of what it tells)",
    ),
    "rates backwards": (
        lambda row: row._replace(gyr=tuple(-g for g in row.gyr)),
        "(x is -x, y is -y, z is -z of what it tells)",
    ),
    "degrees for radians": (
        lambda row: row._replace(gyr=tuple(math.degrees(g) for g in row.gyr)),
        "degrees may be taken for radians",
    ),
    "radians for degrees": (
        lambda row: row._replace(gyr=tuple(math.radians(g) for g in row.gyr)),
        "or radians are taken for degrees",
    ),
    "no rotation rate": (
        lambda row: row._replace(gyr=(0.0, 0.0, 0.0)),
        "its rotation rate stayed near 0",
    ),
    "g": (
        lambda row: row._replace(acc=tuple(a / 9.81 for a in row.acc)),
        "its acceleration at rest is 0.10 g",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_does_not_fit_gravity_is_named_in_the_hand(name):
    spoil, told = PLANTED[name]
    verdict, _ = checked(on_the_book(4), spoil)
    assert [finding.what for finding in verdict.findings] == ["samples"]
    assert told in faults(verdict), faults(verdict)
    assert "use another browser or another phone" in faults(verdict)


def by_itself(row):
    """Return the orientation that a phone would tell were its acceleration right."""
    return attitude(row)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda row: row._replace(acc=tuple(-a for a in row.acc)),
            "its acceleration points down where up is",
        ),
        (
            lambda row: row._replace(
                acc=PERMUTED["z, x, y"](row.acc), gyr=PERMUTED["z, x, y"](row.gyr)
            ),
            "axes: the phone's y points ahead and its z up, and it turns as if z and x did",
        ),
        (
            lambda row: row._replace(
                acc=PERMUTED["y, -x, z"](row.acc), gyr=PERMUTED["y, -x, z"](row.gyr)
            ),
            "it turns as if x and z did",
        ),
    ],
)
def test_what_hand_and_orientation_do_not_show_the_book_does(spoil, told):
    verdict, _ = checked(on_the_book(5), spoil, tells=by_itself)
    assert told in faults(verdict), faults(verdict)


def test_axes_that_the_orientation_contradicts_are_told_after_a_minute():
    spoil = PLANTED["rates of other axes"][0]
    both = checked(
        on_the_book(6),
        lambda row: spoil(row)._replace(acc=PERMUTED["z, x, y"](row.acc)),
    )[0]
    assert "do not agree on where up is" in faults(both)


def test_a_page_that_is_slow_is_told():
    slow = checked(on_the_book(7, every=2))[0]
    assert "events: 30.0 a second by its own clock" in faults(slow)
    assert "keep its page in front" in faults(slow)


def test_a_network_that_loses_much_is_told():
    gaps = [(10.0 + t, 10.25 + t) for t in range(8)]
    lossy = checked(on_the_book(8), lost=gaps)[0]
    assert "move closer to the router" in faults(lossy)


def test_a_phone_that_lies_otherwise_than_asked_is_told():
    turned = checked(on_the_book(9, mount=Rotation.identity()))[0]
    assert "if it lay as asked (screen up, its top pointing away from you)" in faults(turned)


def test_a_phone_that_is_not_turned_over_or_says_nothing_ends_the_check():
    rows = [row for row in on_the_book(10) if row.time_s < 1.4]
    assert "it was not turned over in a hand" in faults(checked(rows)[0])
    assert "nothing came from it" in faults(checked([])[0])


@pytest.mark.parametrize("more", [["--phone"], ["--units", "--phone", "D4:22"], ["--phyphox", "x"]])
def test_a_phone_is_checked_alone(more):
    done = CliRunner().invoke(cli, ["doctor", *more])
    assert done.exit_code == 2
    assert "a phone is checked alone" in done.output
