"""Conditions come and go with their cause, the worst first."""

from __future__ import annotations

from hipturn.server.conditions import END_SET_S, Conditions, see_units

CAN = ("swap", "other_leg", "done", "later")


def keys(told):
    return [one["key"] for one in told]


def test_a_condition_comes_after_a_second_goes_after_another_and_is_seen_for_two():
    conditions = Conditions()
    told = []
    for tenth in range(60):
        now_s = tenth / 10
        conditions.see("pose", 1.0 <= now_s < 2.4, now_s)
        change = conditions.told(now_s, CAN)
        if change is not None:
            told.append((now_s, keys(change)))
    assert told == [(2.0, ["pose"]), (4.0, [])]


def test_what_lasts_less_than_a_second_is_never_told():
    conditions = Conditions()
    for tenth in range(40):
        conditions.see("pose", 10 <= tenth < 18, tenth / 10)
        assert conditions.told(tenth / 10, CAN) is None


def test_the_worst_is_first_and_only_what_is_possible_is_offered():
    conditions = Conditions()
    for now_s in (0.0, 1.0):
        conditions.see("slow", True, now_s, about="a")
        conditions.see("falls", True, now_s, remedies=("other_leg", "swap"))
        conditions.see("swapped", True, now_s, remedies=("swap",))
        told = conditions.told(now_s, ("swap", "later"))
    assert [(one["key"], one["can"]) for one in told] == [
        ("swapped", ["swap"]), ("falls", ["swap"]), ("slow", ["later"]),
    ]  # fmt: skip
    assert conditions.told(1.0, ("swap", "later")) is None  # only changes are told


def test_a_strap_that_slipped_is_told_until_somebody_has_looked():
    conditions = Conditions()
    conditions.hold("slipped", 5.0, about="right", side="right")
    assert keys(conditions.told(5.0, CAN)) == ["slipped"]
    assert conditions.told(500.0, CAN) is None
    conditions.put_off("slipped:right")
    assert conditions.told(500.1, CAN) == []


def unit(**changed):
    known = {"label": "right shank", "state": "streaming", "battery": 80, "rate_hz": 60.0}
    return {**known, "silent_s": 0.0, "lost": 1.0, **changed}


def test_a_silent_unit_is_told_while_it_is_silent_and_a_set_may_be_ended_after_a_while():
    conditions = Conditions()
    told = {}
    for second in range(40):
        gone_s = float(second) if second < 30 else 0.0
        see_units(conditions, [unit(silent_s=gone_s)], float(second))
        change = conditions.told(float(second), CAN)
        if change is not None:
            told[second] = [(one["args"]["unit"], one["can"]) for one in change]
    assert told[3] == [("right shank", [])]
    assert told[END_SET_S + 1] == [("right shank", ["done"])]
    assert told[30] == [] or told[31] == []


def test_a_unit_that_has_never_sent_anything_is_still_being_connected():
    conditions = Conditions()
    for second in range(10):
        see_units(conditions, [unit(rate_hz=None, silent_s=float(second))], float(second))
        assert conditions.told(float(second), CAN) is None
