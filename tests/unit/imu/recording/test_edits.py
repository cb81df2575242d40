"""What people say of a session survives kills, copies and newer versions, in whatever order."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.recording import SessionError, SessionHeader
from imu.recording.edits import (
    EditLog,
    append_edit,
    edited_header,
    edited_marks,
    format_edit,
    merge_edits,
    parse_edits,
    read_edits,
    rewrite_edits,
)
from imu.recording.folder import EDITS_FILE
from imu.sample import Edit, Segment, Side, Unit

PAIN = Edit(
    id="0000aaaa", at="2026-11-28T14:07:31.000+01:00", by="therapist", kind="pain", side="right",
    at_s=73.2, value=4,
)  # fmt: skip


def edit(number, kind="pain", **more):
    """Return an edit of the n-th second."""
    given_ = {"side": "right", "at_s": 73.2, "value": 4} if kind == "pain" else {}
    at = f"2026-11-28T14:{number // 60:02d}:{number % 60:02d}+01:00"
    return Edit(id=f"{number:08x}", at=at, by="therapist", kind=kind, **(given_ | more))


def test_what_is_said_is_read_back_as_it_was(tmp_path):
    said = [
        PAIN,
        edit(1, "reject", side="left", at_s=12.0, saw={"status": "valid", "range_deg": 21.4}),
        edit(2, "dose", value={"reps": 8, "hold_s": 3.5}),
        edit(3, "note", side="both", at_s=1.0, value="she coughed\n😀", target="movement"),
        edit(4, "undo", of="0000aaaa"),
    ]
    for each in said:
        append_edit(tmp_path, each)
    log = read_edits(tmp_path)
    assert log.edits == tuple(sorted(said, key=lambda one: datetime.fromisoformat(one.at)))
    assert log.problems == ()
    assert PAIN not in log.standing
    assert (tmp_path / EDITS_FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"value": 11}, "value is not a whole number from 0 to 10"),
        ({"value": True}, "value is not a whole number from 0 to 10"),
        ({"side": ""}, "side is missing"),
        ({"at_s": None}, "at_s is missing"),
        ({"kind": "reject"}, "value is not left out"),
        ({"kind": "trim", "value": [5, 4]}, "value is not the set's first and last second"),
        ({"kind": "dose", "value": {"reps": 2.5}}, "value is not an object of sets, reps"),
        ({"kind": "perhaps"}, "its kind, 'perhaps', is unknown"),
        ({"id": "mine"}, "id is not 8 to 32 hexadecimal digits"),
        ({"at": "2026-11-28T14:07:31"}, "at is not an ISO 8601 time with a zone"),
    ],
)
def test_what_no_kind_allows_is_refused_before_it_is_written(changes, problem, tmp_path):
    with pytest.raises(SessionError, match=problem):
        append_edit(tmp_path, replace(PAIN, **changes))
    assert not (tmp_path / EDITS_FILE).exists()


def test_unknown_versions_and_kinds_change_nothing_and_are_told_and_kept(tmp_path):
    newer = json.loads(format_edit(PAIN)) | {"v": 2, "id": "000000b1"}
    other = json.loads(format_edit(PAIN)) | {"kind": "merge", "id": "000000b2"}
    text = b"".join(json.dumps(one).encode() + b"\n" for one in (newer, other))
    (tmp_path / EDITS_FILE).write_bytes(text)
    append_edit(tmp_path, PAIN)
    log = read_edits(tmp_path)
    assert log.standing == (PAIN,)
    assert len(log.problems) == 2
    assert "version 2" in log.problems[0]
    assert "'merge'" in log.problems[1]
    assert (tmp_path / EDITS_FILE).read_bytes() == text + format_edit(PAIN)


def test_an_undo_can_be_taken_back_and_a_ring_of_them_harms_nothing():
    first, undo = edit(1), edit(2, "undo", of="00000001")
    again = edit(3, "undo", of="00000002")
    assert EditLog((first, undo)).standing == ()
    assert EditLog((first, undo, again)).standing == (first,)
    ring = edit(2, "undo", of="00000003")
    assert EditLog((first, ring, again)).standing == (first,)


PLANNED = st.lists(st.sampled_from(["pain", "undo", "reject", "wearer"]), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(kinds=PLANNED, seed=st.integers(0, 10**6), data=st.data())
def test_edits_of_two_copies_in_any_order_cut_anywhere_come_to_the_same(
    kinds, seed, data, tmp_path_factory
):
    chance = random.Random(seed)  # noqa: S311 - a shuffle
    said = []
    for number, kind in enumerate(kinds):
        of = {
            "undo": {"of": f"{chance.randrange(number + 1):08x}"},
            "reject": {"side": "left", "at_s": 5.0},
            "wearer": {"value": f"W{number}"},
        }.get(kind, {})
        said.append(edit(number, kind, **of))
    copies = [tmp_path_factory.mktemp("copy") for _ in range(2)]
    for each in chance.sample(said, len(said)):
        for copy in chance.choice([copies, copies[:1], copies[1:]]):
            append_edit(copy, each)
    # one more is being written to the first copy when its computer loses power
    last = format_edit(edit(99))
    cut = data.draw(st.integers(0, len(last)))
    with (copies[0] / EDITS_FILE).open("ab") as file:
        file.write(last[:cut])
    whole = cut >= len(last) - 1  # only the line's end is missing
    texts = [read_or_nothing(copy) for copy in copies]
    for copy, other in zip(copies, reversed(texts), strict=True):
        merge_edits(copy, other)
    logs = [read_edits(copy) for copy in copies]
    expected = EditLog(tuple(said) + ((edit(99),) if whole else ()))
    for log in logs:
        assert log.edits == expected.edits
        assert log.standing == expected.standing
        assert log.problems == ()
    assert merge_edits(copies[0], texts[0]) == 0


def read_or_nothing(copy):
    path = copy / EDITS_FILE
    return path.read_bytes() if path.exists() else b""


def test_two_edits_with_one_id_come_to_the_same_in_either_order():
    one, other = format_edit(PAIN), format_edit(replace(PAIN, value=7))
    assert parse_edits(one + other).edits == parse_edits(other + one).edits


def test_many_who_speak_at_once_lose_no_line(tmp_path):
    def say(first):
        for number in range(first, first + 10):
            append_edit(tmp_path, edit(number))

    speakers = [threading.Thread(target=say, args=(10 * n,)) for n in range(4)]
    for one in speakers:
        one.start()
    for one in speakers:
        one.join()
    assert len(read_edits(tmp_path).edits) == 40


def test_a_name_is_rewritten_and_the_lock_holds_against_who_waits(tmp_path):
    append_edit(tmp_path, edit(1, "wearer", value="K7"))
    append_edit(tmp_path, edit(2))
    rewrite_edits(tmp_path, lambda one: None if one.kind == "wearer" else one)
    append_edit(tmp_path, edit(3))
    assert [one.id for one in read_edits(tmp_path).edits] == ["00000002", "00000003"]
    assert b"K7" not in (tmp_path / EDITS_FILE).read_bytes()


def header(side="right"):
    legs = tuple(Side) if side == "both" else (Side(side),)
    units = [
        Unit(segment=segment, side=leg, rate_hz=60.0, serial=f"{leg}{segment}")
        for leg in legs
        for segment in (Segment.THIGH, Segment.SHANK)
    ]
    units.append(Unit(segment=Segment.PELVIS, side=None, rate_hz=60.0))
    return SessionHeader(
        started_at=datetime(2026, 11, 28, tzinfo=UTC), exercise="prone_windshield_wiper", side=side,
        units=tuple(units), source="live", software="hipturn", wearer="W1",
        calibration={str(leg): {"y": 1} for leg in legs},
    )  # fmt: skip


def test_swapped_units_and_another_leg_have_the_calibration_made_anew():
    swapped = edited_header(header("both"), [edit(1, "swap", side="left")])
    assert [unit.serial for unit in swapped.units if unit.segment == "thigh"] == [
        "leftshank", "rightthigh",
    ]  # fmt: skip
    assert swapped.calibration == {"right": {"y": 1}}
    other = edited_header(header(), [edit(1, "side", value="left"), edit(2, "swap", side="right")])
    assert other.side == "left"
    assert [unit.label for unit in other.units] == ["left shank", "left thigh", "pelvis"]
    assert other.calibration is None
    same = edited_header(header(), [edit(1, "side", value="left"), edit(2, "side", value="right")])
    assert same == header()
    turned = edited_header(header("both"), [edit(1, "side", value="exchanged")])
    assert turned.side == "both"
    assert [unit.label for unit in turned.units][:2] == ["right thigh", "right shank"]


def test_a_calibration_stands_while_its_units_are_said_to_be_worn_as_it_was_made():
    made = {"left": {"y": 2, "units": {"thigh": 1, "shank": 0}}}
    said_live = replace(header(), calibration={"right": {"y": 1}} | made)
    assert edited_header(said_live, []).calibration == {"right": {"y": 1}}
    side, swap = edit(1, "side", value="left"), edit(2, "swap", side="right")
    assert edited_header(said_live, [side, swap]).calibration == made
    assert edited_header(said_live, [side]).calibration is None
    for strange in (7, {"thigh": "x"}, {"thigh": 99, "shank": 0}, [0, 1]):
        odd = replace(header(), calibration={"right": {"y": 1, "units": strange}})
        assert edited_header(odd, []).calibration == odd.calibration


@pytest.mark.parametrize(
    ("marks", "saw", "trimmed"),
    [
        # marked: what counts on either side of the set goes on, as sets of their own
        ([(30, "set_start"), (90, "set_end")], {"start_s": 33, "end_s": 80},
         [(30, "set_start"), (33, "set_end"), (40, "set_start"), (70, "set_end"),
          (80, "set_start"), (90, "set_end")]),
        # longer than it was marked
        ([(50, "set_start"), (60, "set_end")], {"start_s": 50, "end_s": 60},
         [(40, "set_start"), (70, "set_end")]),
        # nothing was marked: all counts, before and after
        ([], {"start_s": 33, "end_s": 80},
         [(33, "set_end"), (40, "set_start"), (70, "set_end"), (80, "set_start")]),
        # another set stays
        ([(10, "set_start"), (20, "set_end"), (45, "set_start"), (60, "set_end"), (5, "stand_end")],
         {"start_s": 45, "end_s": 60},
         [(5, "stand_end"), (10, "set_start"), (20, "set_end"), (40, "set_start"),
          (70, "set_end")]),
    ],
)  # fmt: skip
def test_a_set_is_trimmed_as_marks_would_have_it(marks, saw, trimmed):
    said = edit(1, "trim", value=[40, 70], saw=saw)
    assert edited_marks(marks, [said]) == trimmed
    assert edited_marks(marks, []) == sorted(marks)
