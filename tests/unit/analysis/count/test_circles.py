"""Table-top circles: two in order are one repetition, and no circle is dropped in silence."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.count.circles import CircleMachine
from analysis.count.movement import RepSettings
from analysis.count.start_position import Posture
from analysis.exercises import load

SETTINGS = RepSettings.of(load("table_top_circles"))
ALL_RATES = pytest.mark.parametrize("rate_hz", [25, 60, 100])


def circled(order, rate_hz=60, rest_s=0.8, end_s=3.0):
    """Return completed and announced movements; `order` is of L (shin level) and H (foot high)."""
    angle, foot = [np.full(2 * rate_hz, -90.0)], [np.zeros(2 * rate_hz)]
    tau = np.linspace(0, 1, int(1.2 * rate_hz))
    up = tau**3 * (10 - 15 * tau + 6 * tau**2)
    for kind in order:
        stroke = np.concatenate((up, up[::-1], np.zeros(int(rest_s * rate_hz))))
        angle.append(-90.0 + 75.0 * stroke)
        foot.append((0.5 if kind == "H" else 0.05) * stroke)
    angle.append(np.full(int(end_s * rate_hz), -90.0))
    foot.append(np.zeros(int(end_s * rate_hz)))
    machine = CircleMachine(SETTINGS, -90.0)
    announced, completed = [], []
    time_s = 0.0
    for i, (x, high) in enumerate(zip(np.concatenate(angle), np.concatenate(foot), strict=True)):
        time_s = i / rate_hz
        where = Posture.START if x < -65 else Posture.THIGH
        step = machine.push(time_s, float(x), int(where), float(high))
        announced += [step.announced] if step.announced else []
        completed += [step.completed] if step.completed else []
    step = machine.finish(time_s)
    announced += [step.announced] if step.announced else []
    completed += [step.completed] if step.completed else []
    assert [m.onset_s for m in announced] == [m.onset_s for m in completed]
    assert [m.status for m in announced] == [m.status for m in completed]
    return completed


@ALL_RATES
@pytest.mark.parametrize("rest_s", [0.0, 0.8])
def test_both_circles_in_order_are_one_repetition(rate_hz, rest_s):
    movements = circled("LH" * 5, rate_hz, rest_s)
    assert [m.status for m in movements] == ["valid"] * 5
    assert movements[0].onset_s < 2.6
    assert movements[0].announced_s > 4.5  # after the second circle
    assert [m.range_deg for m in movements] == pytest.approx([75.0] * 5, abs=3.0)


@pytest.mark.parametrize(
    ("order", "statuses"),
    [
        ("LLH", ["partial", "valid"]),
        ("HLH", ["partial", "valid"]),
        ("LHL", ["valid", "partial"]),
        ("LL", ["partial", "partial"]),
        ("HH", ["partial", "partial"]),
        ("LHLHH", ["valid", "valid", "partial"]),
    ],
)
def test_a_circle_without_its_other_half_is_partial(order, statuses):
    assert [m.status for m in circled(order)] == statuses
