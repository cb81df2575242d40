"""The plan and the journal of an archive: any names, any order, any size."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hipturn import safety
from hipturn.archive.batch import Options, Outcome, analyse_group
from hipturn.archive.journal import JOURNAL_FILE, Journal, Noted, read_manifest
from hipturn.archive.manifest import MANIFEST_FILE, OUTPUTS, signature
from hipturn.archive.plan import Plan
from hipturn.archive.run import Run
from hipturn.history import traces

STARTED = datetime(2026, 1, 5, 9, tzinfo=UTC)


def header(folder, wearer, day, **more):
    """Write the header of a session that is only planned, never opened."""
    folder.mkdir(parents=True)
    started_at = (STARTED + timedelta(days=day)).isoformat()
    words = {"wearer": wearer, "exercise": "seated_internal_rotation", "started_at": started_at}
    (folder / "session.json").write_text(json.dumps(words | more))


def days(earlier):
    return [(datetime.fromisoformat(one.start) - STARTED).days for one in earlier]


def test_a_session_is_compared_with_its_wearer_s_last_twelve_and_first_three(tmp_path):
    names = [f"{number:02d}" for number in range(40)]
    random.Random(5).shuffle(names)  # noqa: S311 (an order)
    for number, name in enumerate(names):
        header(tmp_path / ("ab"[number % 2]) / name, "xy"[number % 2], number // 2)
    with Plan([str(tmp_path)]) as plan:
        found = {one.path: days(earlier) for one, earlier in plan.in_order()}
        named = [Path(one.path).name for one in plan.named()]
    for number, name in enumerate(names):
        day = number // 2
        expected = list(range(day - 1, max(-1, day - 13), -1))
        expected += [first for first in (2, 1, 0) if first < day - 12]
        assert found[str(tmp_path / "ab"[number % 2] / name)] == expected
    assert named == sorted(names[::2]) + sorted(names[1::2])


def test_what_is_beside_a_session_is_compared_with_and_not_analysed(tmp_path):
    for day in range(3):
        header(tmp_path / f"s{day}", "W1", day)
    header(tmp_path / "other", "W2", 0)
    header(tmp_path / "undated", "W1", 0, started_at="1970-01-01T00:00:00+00:00")
    header(tmp_path / "s1_again", "W1", 1, samples_hash="a")
    header(tmp_path / "s1_twice", "W1", 1, samples_hash="a")  # a copy counts once
    with Plan([str(tmp_path / "s2")]) as plan:
        ((one, earlier),) = plan.in_order()
    assert one.path == str(tmp_path / "s2")
    assert [Path(other.path).name for other in earlier] == ["s1_again", "s1", "s0"]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"started_at": 3}', b"[" * 100_000, b"\xff", b"{}"])
def test_a_header_that_cannot_be_read_is_planned_alone(tmp_path, text):
    header(tmp_path / "good", "W1", 0)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "session.json").write_bytes(text)
    with Plan([str(tmp_path)]) as plan:
        assert [days(earlier) for _, earlier in plan.in_order()] == [[], []]


def known(out, name):
    """Return what the journal of a folder noted of a session."""
    journal = Journal(out)
    try:
        return journal.known(name)
    finally:
        journal.leave()


def test_a_journal_and_a_manifest_of_any_size_are_read(tmp_path):
    journal, count = Journal(tmp_path), 1200
    for number in range(count):
        (tmp_path / f"s{number}").mkdir()
        entry = json.dumps({"session": "x" * 1500, "problem": ""})
        journal.note(f"s{number}", Noted(entry, True, "", "a", "b", "row\n", "[]"))
    journal.close()
    assert (tmp_path / MANIFEST_FILE).stat().st_size > 1_500_000
    assert len(read_manifest(tmp_path)) == count
    assert known(tmp_path, "s7").rows == "row\n"
    (tmp_path / JOURNAL_FILE).unlink()
    assert len(read_manifest(tmp_path)) == count
    assert known(tmp_path, "s7").complete


def test_a_damaged_journal_knows_nothing_and_stops_nothing(tmp_path):
    (tmp_path / JOURNAL_FILE).write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    journal = Journal(tmp_path)
    assert journal.known("a") is None
    journal.note("a", Noted("{}", True, "", "", "", "", ""))
    journal.leave()
    assert known(tmp_path, "a") is not None


def simulated(jobs):
    """Write a summary of one row for each job, as analysis would."""
    for job in jobs:
        job.out.mkdir(parents=True, exist_ok=True)
        (job.out / "summary.csv").write_text(f"head\n{job.name}\n")
        seen = signature(job.out, OUTPUTS)
        yield Outcome({"problem": "", "notes": []}, f"{job.name}\n", [], seen)


def in_turn(handed):
    """Return a runner that notes what it is given and does simulated work."""

    def run(_, groups):
        for group in groups(2):
            handed.extend(job.name for job in group)
            yield from zip(group, simulated(group), strict=True)

    return run


def test_what_is_unchanged_is_not_handed_out_and_what_it_is_compared_with_counts(tmp_path):
    for number in range(30):
        header(tmp_path / "all" / f"s{number:02d}", f"W{number % 2}", number)
    handed = []
    for expected in (30, 0):
        handed.clear()
        with Plan([str(tmp_path / "all")]) as plan:
            run = Run(plan, tmp_path / "t", Options())
            assert run.analyse(lambda _: None, run=in_turn(handed)).good == 30
            run.close()
        assert len(handed) == expected
    lines = (tmp_path / "t" / "summary.csv").read_text().splitlines()[1:]
    assert lines == [f"s{number:02d}" for number in range(30)]
    (tmp_path / "t" / "s04" / "summary.csv").write_text("changed by hand")
    (tmp_path / "all" / "s20" / "samples.arrows").write_text("more")
    handed.clear()
    with Plan([str(tmp_path / "all")]) as plan:
        run = Run(plan, tmp_path / "t", Options())
        run.analyse(lambda _: None, run=in_turn(handed))
        run.close()
    assert sorted(handed) == ["s04", "s20", "s22", "s24", "s26", "s28"]


def test_each_session_is_analysed_once_in_whatever_order_and_compared_the_same(
    make_session, tmp_path, monkeypatch
):
    first = make_session("archive/m")
    for name, day in (("m", 0), ("z", 1), ("a", 2)):
        folder = tmp_path / "archive" / name
        if name != "m":
            shutil.copytree(first, folder)
        path = folder / "session.json"
        started_at = (STARTED + timedelta(days=day)).isoformat()
        text = json.loads(path.read_text()) | {"wearer": "W1", "started_at": started_at}
        path.write_text(json.dumps(text))
    from analysis.session import analyse as sessions

    real, analysed = sessions.analyse, []
    monkeypatch.setattr(sessions, "analyse", lambda r: analysed.append(r.started_at) or real(r))
    # nothing can be kept in the sessions' folders, as on a disk that is only read
    monkeypatch.setattr("hipturn.archive.batch.store_legs", lambda *_: None)
    tables = []
    for run in (None, backwards):
        out = tmp_path / f"t{len(tables)}"
        with Plan([str(tmp_path / "archive")]) as plan:
            one = Run(plan, out, Options())
            assert one.analyse(lambda _: None, run=run).good == 3
            one.close()
        assert len(analysed) == len(set(analysed)) == 3
        analysed.clear()
        tables.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*.[cj]s*")})
    assert tables[0] == tables[1]
    rows = (out / "summary.csv").read_text().splitlines()
    column = rows[0].split(",").index("change_since_last_deg")
    changes = {row.split(",")[2][:10]: row.split(",")[column] for row in rows[1:]}
    assert changes == {"2026-01-05": "", "2026-01-06": "0", "2026-01-07": "0"}


def backwards(work, groups):
    """Do the last session first."""
    for group in reversed(list(groups(2))):
        for job in reversed(group):
            yield job, *work([job])


def test_the_record_of_who_was_told_has_no_size_at_which_it_is_forgotten(tmp_path):
    told = {
        f"wearer-{number:05d}-{'x' * 40}": "2026-01-05T09:00:00+00:00" for number in range(9999)
    }
    safety._write(tmp_path / safety.SAFETY_FILE, told)
    assert (tmp_path / safety.SAFETY_FILE).stat().st_size > 800_000
    safety._write(
        tmp_path / safety.SAFETY_FILE, told | {f"more-{n}": "x" * 90 for n in range(4000)}
    )
    assert not safety.untold(tmp_path, next(iter(told)))


def test_a_summary_of_any_size_is_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "MAX_BYTES", 10)
    (tmp_path / "summary.csv").write_text("session_id,wearer\n1,P-17\n")
    assert "P-17" in traces.text_in(tmp_path / "summary.csv")


def test_work_on_a_group_is_one_outcome_a_job(tmp_path):
    assert list(analyse_group([])) == []
