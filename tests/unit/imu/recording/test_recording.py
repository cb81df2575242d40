"""A session on disk: what was recorded is read, also after a cut, a kill or a full disk."""

import json
import math
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.recording import (
    SessionError,
    SessionHeader,
    SessionWriter,
    check_name,
    open_session,
    recover,
    session_folder,
)
from imu.recording.append_file import AppendFile
from imu.sample import Sample, SampleTable, Segment, Side, Unit

STARTED = datetime(2026, 11, 22, 10, 30, tzinfo=timezone(timedelta(hours=1)))
UNITS = (
    Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, name="DOT \x1b[2J", tick_s=1e-6),
    Unit(segment=Segment.SHANK, side=Side.RIGHT, rate_hz=59.94, serial="D4:22", time_bits=16),
    Unit(segment=Segment.PELVIS, side=None, rate_hz=100.0, heading="magnetic"),
)
HEADER = SessionHeader(
    started_at=STARTED,
    exercise="prone_windshield_wiper",
    side="right",
    units=UNITS,
    source="virtual",
    software="hipturn 0.1.0",
    wearer="Jörg-7",
    clock="shared",
    calibration={"bias": [0.1 + 0.2, 5e-324], "nested": {"pass": True, "why": None}},
    orientation_filter="vqf",
    notes=("The start times were taken as equal.",),
)
END = b"\xff\xff\xff\xff\0\0\0\0"
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX only")


def motion(count, period_ns=8_333_333):
    """Yield samples of two units that turn, each optional part in turn missing."""
    for i in range(count):
        angle = 0.01 * i
        yield Sample(
            unit=i % 2,
            host_time_ns=i * period_ns,
            device_time=None if i % 5 == 0 else i * 8333,
            sequence=None if i % 7 == 0 else i,
            q=None if i % 11 == 3 else (math.cos(angle), math.sin(angle), 0.0, -0.0),
            acc=None if i % 3 == 0 and i % 11 != 3 else (0.1 * i % 9, -9.81, 1e-300),
            gyr=None if i % 4 == 0 and i % 11 != 3 else (0.1, math.pi, -i * 1e-3),
            payload=None if i % 2 else bytes([i % 256]) * 20,
        )


def record(folder, samples, events=()):
    with SessionWriter.create(folder, HEADER) as writer:
        for sample in samples:
            writer.write(sample)
        for event in events:
            writer.event(event)
    return folder


def as_table(samples):
    def vectors(name, width):
        return np.array([getattr(s, name) or (math.nan,) * width for s in samples], dtype=float)

    def whole(name):
        values = (getattr(s, name) for s in samples)
        return np.array([-1 if v is None else v for v in values], dtype=np.int64)

    names = ("unit", "host_time_ns", "device_time", "sequence")
    return SampleTable(*map(whole, names), vectors("q", 4), vectors("acc", 3), vectors("gyr", 3))


def assert_same_table(table, expected):
    for name in ("unit", "host_time_ns", "device_time", "sequence"):
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name))
    for name in ("q", "acc", "gyr"):  # every bit, the sign of zero too
        assert getattr(table, name).tobytes() == getattr(expected, name).tobytes()


def bits(samples):
    """Write floats as exact text: tells −0.0 from 0.0, and None stays None."""

    def exact(vector):
        return vector and tuple(map(float.hex, vector))

    return [s._replace(q=exact(s.q), acc=exact(s.acc), gyr=exact(s.gyr)) for s in samples]


def test_samples_come_back_bit_for_bit_in_the_order_they_arrived(tmp_path):
    recorded = list(motion(500))
    session = open_session(record(tmp_path / "s", recorded))
    assert bits(session.samples()) == bits(recorded)
    assert (session.dropped, session.cut) == ({}, False)


def test_the_table_holds_the_same_as_the_samples(tmp_path):
    session = open_session(record(tmp_path / "s", motion(500)))
    assert_same_table(session.table(), as_table(list(session.samples())))


FLOAT = st.floats(-99.0, 99.0)
SAMPLES = st.lists(
    st.builds(
        Sample,
        st.integers(0, 2),
        st.integers(0, 10**9),
        st.one_of(st.none(), st.integers(0, 2**63 - 1)),
        st.one_of(st.none(), st.integers(0, 2**63 - 1)),
        st.just((0.6, 0.0, -0.8, 0.0)),
        st.one_of(st.none(), st.tuples(FLOAT, FLOAT, FLOAT)),
        st.one_of(st.none(), st.tuples(FLOAT, FLOAT, FLOAT)),
        st.one_of(st.none(), st.binary(max_size=40)),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda sample: sample.device_time or id(sample),
)


@settings(max_examples=40, deadline=None)
@given(SAMPLES)
def test_any_sample_round_trips_exactly(tmp_path_factory, samples):
    samples.sort(key=lambda sample: sample.host_time_ns)
    session = open_session(record(tmp_path_factory.mktemp("any") / "s", samples))
    assert bits(session.samples()) == bits(samples)
    assert_same_table(session.table(), as_table(samples))


def test_the_file_is_a_finished_arrow_stream_that_marks_missing_numbers(tmp_path):
    recorded = list(motion(500))
    record(tmp_path / "live", recorded)
    with SessionWriter.create(tmp_path / "bulk", HEADER) as writer:
        writer.write_table(as_table(recorded))
    for name in ("live", "bulk"):
        path = tmp_path / name / "samples.arrows"
        arrow = pa.ipc.open_stream(path.read_bytes()).read_all()
        assert arrow.column("qw").null_count == sum(s.q is None for s in recorded)
        assert arrow.column("gz").null_count == sum(s.gyr is None for s in recorded)
        assert arrow.column("sequence").null_count == sum(s.sequence is None for s in recorded)
        assert path.read_bytes().endswith(END)


def test_a_table_written_in_bulk_comes_back_bit_for_bit(tmp_path):
    table = as_table(list(motion(40_000, period_ns=1_000_000)))
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        writer.write_table(table)
    session = open_session(tmp_path / "s")
    assert_same_table(session.table(), table)
    assert sum(1 for _ in session.samples()) == 40_000


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("unit", 3, "sample 7 is of no unit of the 3 listed"),
        ("host_time_ns", -5, "sample 7 is before the start or more than 24 h after it"),
        (
            "host_time_ns",
            25 * 3600 * 10**9,
            "sample 7 is before the start or more than 24 h after it",
        ),
        ("host_time_ns", 10, "sample 7 is older than the one before it"),
    ],
)
def test_a_table_that_could_not_be_read_again_is_refused(tmp_path, column, value, problem):
    table = as_table(list(motion(20)))
    getattr(table, column)[7] = value
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    with pytest.raises(SessionError) as caught:
        writer.write_table(table)
    assert str(caught.value) == f"{tmp_path / 's'}: {problem}; check the file that it comes from"
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_header_comes_back_exactly(tmp_path):
    session = open_session(record(tmp_path / "s", motion(10)))
    assert session.header == replace(HEADER, session_id="s", state="closed")
    assert session.header.started_at.utcoffset() == timedelta(hours=1)


def test_events_come_back_in_order_and_exactly(tmp_path):
    events = [
        {"type": "mark", "time_s": 0.1 + 0.2, "label": "stand_start\nline two"},
        {"type": "loss", "time_s": -1, "unit": 1, "why": None},
    ]
    assert open_session(record(tmp_path / "s", motion(10), events)).events() == events


def test_an_event_on_disk_never_speaks_of_samples_that_are_not(tmp_path):
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    for sample in motion(5):  # 40 ms: not yet a batch
        writer.write(sample)
    writer.event({"type": "rep", "time_s": 0.03})
    assert len(list(open_session(tmp_path / "s").samples())) == 5
    writer.close()


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"time_s": 1.0}, "no event: type is missing"),
        ({"type": "mark"}, "no event: time_s is missing"),
        ({"type": "mark", "time_s": True}, "time_s is True, not a number"),
        ({"type": "mark", "time_s": math.nan}, "not JSON compliant"),
        ({"type": 3, "time_s": 1.0}, "type is 3, not a text"),
        ({"type": "mark", "time_s": 1.0, "note": "x" * 1_000_001}, "over the 1000000 allowed"),
    ],
)
def test_an_event_that_could_not_be_read_again_is_refused(tmp_path, event, problem):
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    with pytest.raises(ValueError, match=problem):
        writer.event(event)
    writer.close()
    assert open_session(tmp_path / "s").header.state == "closed"


def test_a_session_is_never_overwritten(tmp_path):
    record(tmp_path / "s", motion(40))
    before = (tmp_path / "s" / "samples.arrows").read_bytes()
    with pytest.raises(SessionError) as caught:
        SessionWriter.create(tmp_path / "s", HEADER)
    assert str(caught.value) == (
        f"{tmp_path / 's'}: is already there; choose another name, nothing is overwritten"
    )
    assert (tmp_path / "s" / "samples.arrows").read_bytes() == before


def test_a_file_that_is_there_is_never_opened_for_appending(tmp_path):
    (tmp_path / "x").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        AppendFile(tmp_path / "x", 100)
    assert (tmp_path / "x").read_bytes() == b"kept"


def test_a_file_that_would_grow_too_long_to_be_read_is_told(tmp_path):
    file = AppendFile(tmp_path / "x", 5)
    file.append(b"12345")
    with pytest.raises(SessionError) as caught:
        file.append(b"6")
    file.close()
    assert str(caught.value) == f"{tmp_path / 'x'}: would grow over 5 bytes; begin a new session"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"units": (replace(UNITS[0], rate_hz=1e9),)},
            "units[0].rate_hz is 1000000000.0, not a number from 1 to 2000",
        ),
        (
            {"calibration": {"bias": math.inf}},
            "Out of range float values are not JSON compliant: inf",
        ),
    ],
)
def test_a_wrong_header_is_refused_before_anything_is_on_disk(tmp_path, changes, problem):
    with pytest.raises(SessionError) as caught:
        SessionWriter.create(tmp_path / "s", replace(HEADER, **changes))
    assert caught.value.problem.startswith(problem.removesuffix(": inf"))  # newer Pythons say inf
    assert list(tmp_path.iterdir()) == []


def test_an_update_that_could_not_be_read_again_leaves_the_header_as_it_was(tmp_path):
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        with pytest.raises(ValueError, match="JSON"):
            writer.update(calibration={"x": math.nan})
        assert open_session(tmp_path / "s").header.calibration == HEADER.calibration
        writer.update(calibration={"x": 1.5}, notes=("a", "b"))
        header = open_session(tmp_path / "s").header
        assert (header.calibration, header.notes, header.state) == ({"x": 1.5}, ("a", "b"), "open")
        names = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert names == ["events.jsonl", "samples.arrows", "session.json", "writer.lock"]


def test_an_exception_leaves_the_session_open_with_everything_recorded(tmp_path):
    def interrupted():
        yield from motion(7)
        raise KeyError

    with pytest.raises(KeyError):
        record(tmp_path / "s", interrupted())
    session = open_session(tmp_path / "s")
    assert session.header.state == "open"
    assert len(session.table()) == 7


def test_a_discarded_session_leaves_nothing_behind(tmp_path):
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    writer.write(next(motion(1)))
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_session_takes_no_more_samples_and_no_unknown_unit(tmp_path):
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        writer.write(next(motion(1)))
        with pytest.raises(ValueError, match="lists no unit 3"):
            writer.write(next(motion(1))._replace(unit=3))
    with pytest.raises(ValueError, match="is closed"):
        writer.write(next(motion(1)))
    writer.close()
    assert len(open_session(tmp_path / "s").table()) == 1


@POSIX
def test_only_the_owner_may_look_into_a_recording(tmp_path):
    record(tmp_path / "root" / "s", motion(10), [{"type": "mark", "time_s": 0.0}])
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert modes == {
        "root": 0o700,
        "s": 0o700,
        "session.json": 0o600,
        "samples.arrows": 0o600,
        "events.jsonl": 0o600,
    }


def test_a_folder_is_named_after_time_exercise_and_side_and_never_twice(tmp_path):
    names = []
    for _ in range(3):
        folder = session_folder(tmp_path, STARTED, "prone_windshield_wiper", "right")
        folder.mkdir()
        names.append(folder.name)
    stem = "20261122T093000Z_prone_windshield_wiper_right"
    assert names == [stem, f"{stem}_2", f"{stem}_3"]


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "/etc", "C:x", "~", "a\0", "a\n", "a b"),
        *("-a", ".hidden", "end.", "x" * 81, "CON", "nul", "com1.txt", "Lpt9", "aux.x"),
    ],
)
def test_a_name_that_climbs_out_or_is_odd_is_refused(tmp_path, name):
    with pytest.raises(SessionError, match="cannot name a session"):
        check_name(name)
    with pytest.raises(SessionError, match="cannot name a session"):
        session_folder(tmp_path, STARTED, f"../{name}", "right")


@given(st.text(max_size=90))
def test_a_name_that_passes_stays_inside_its_folder(name):
    root = Path("/recordings")
    try:
        check_name(name)
    except SessionError:
        return
    assert Path(os.path.normpath(root / name)).parent == root


def small_batches(folder):
    """Four batches of three samples, short so that every byte can be tried."""
    with SessionWriter.create(folder, HEADER) as writer:
        for number, sample in enumerate(motion(12), start=1):
            writer.write(sample)
            if number % 3 == 0:
                writer.flush()
        writer.event({"type": "mark", "time_s": 0.0, "label": "first"})
        writer.event({"type": "mark", "time_s": 0.5, "label": "second"})
        writer.event({"type": "rep", "time_s": 1.25, "peak_deg": 31.5})
    return folder


def batch_ends(data):
    """Where each whole batch ends, by an independent reading of the stream."""
    source = pa.BufferReader(data)
    pa.ipc.read_message(source)
    ends = []
    while source.tell() < len(data) - 8:
        pa.ipc.read_message(source)
        ends.append(source.tell())
    return ends


def test_cut_at_any_byte_every_whole_batch_is_read(tmp_path):
    folder = small_batches(tmp_path / "s")
    file = folder / "samples.arrows"
    data, recorded = file.read_bytes(), bits(motion(12))
    ends = batch_ends(data)
    for length in range(ends[1], len(data) + 1):
        file.write_bytes(data[:length])
        whole = sum(end <= length for end in ends)
        session = open_session(folder)
        assert bits(session.samples()) == recorded[: 3 * whole]
        assert session.cut == (length != len(data)), length  # what was closed has an end
        assert len(session.table()) == 3 * whole
    header = folder / "session.json"
    header.write_text(header.read_text().replace('"closed"', '"open"'))
    for length in (ends[1] - 1, *ends, ends[-1] + 1, len(data)):
        file.write_bytes(data[:length])
        assert open_session(folder).cut == (length not in {*ends, len(data)}), length


def test_a_closed_recording_is_packed_and_keeps_every_bit(tmp_path):
    samples = list(motion(6000))
    folder = record(tmp_path / "s", samples)
    file = folder / "samples.arrows"
    data, ends = file.read_bytes(), batch_ends(file.read_bytes())
    assert len(ends) == 4
    session = open_session(folder)
    assert bits(session.samples()) == bits(samples)
    assert_same_table(session.table(), as_table(samples))
    for length in (ends[1] - 1, ends[1], ends[1] + 1, ends[2] - 1, len(data) - 1):
        file.write_bytes(data[:length])
        whole = open_session(folder)
        assert bits(whole.samples()) == bits(samples[: 1800 * sum(e <= length for e in ends)])
        assert whole.cut


def test_a_closed_recording_of_on_board_orientations_takes_little_room(tmp_path):
    """Noise of half a degree: what units send that fuse on board, without payload."""
    turned = np.random.default_rng(3).normal(scale=0.004, size=(7200, 3)).astype(np.float32)
    samples = [
        Sample(i % 2, i * 8_333_333, i * 8_333, None, (1.0, *map(float, row)))
        for i, row in enumerate(turned)
    ]
    folder = record(tmp_path / "s", samples)
    assert (folder / "samples.arrows").stat().st_size <= 28 * len(samples)
    assert len(open_session(folder).table()) == len(samples)


def test_cut_at_any_byte_every_whole_event_is_read(tmp_path):
    folder = small_batches(tmp_path / "s")
    file = folder / "events.jsonl"
    data, events = file.read_bytes(), open_session(folder).events()
    first, second, third = (i for i, byte in enumerate(data) if byte == 10)
    for length in range(first + 1, len(data) + 1):
        file.write_bytes(data[:length])
        session = open_session(folder)
        # an object that was closed is whole without its line end
        whole = 1 + (length >= second) + (length >= third)
        assert session.events() == events[:whole]
        clean = {first + 1, second, second + 1, third, third + 1}
        assert session.cut == (length not in clean), length


def test_a_cut_inside_the_schema_is_an_error_at_every_byte(tmp_path):
    folder = small_batches(tmp_path / "s")
    file = folder / "samples.arrows"
    data = file.read_bytes()
    schema_end = data.index(b"\xff\xff\xff\xff", 4)
    for length in range(schema_end):
        file.write_bytes(data[:length])
        problem = "is cut or damaged before its first sample" if length else "is empty"
        with pytest.raises(SessionError) as caught:
            open_session(folder)
        assert caught.value.problem == problem
    file.write_bytes(data[:schema_end])
    assert open_session(folder).cut


def test_at_every_moment_all_but_the_last_quarter_second_is_on_disk(tmp_path):
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    for sample in motion(150):
        writer.write(sample)
        if sample.host_time_ns >= 250_000_000:
            latest = open_session(tmp_path / "s").table().host_time_ns[-1]
            assert sample.host_time_ns - latest < 250_000_000
    writer.close()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_recording import HEADER, motion
from imu.recording import SessionWriter
writer = SessionWriter.create(Path(sys.argv[2]), HEADER)
for sample in motion(1000):
    writer.write(sample)
    if sample.host_time_ns >= int(sys.argv[3]):
        {end}
"""


@pytest.mark.parametrize(
    ("end", "time_ns"),
    [
        ("os._exit(9)", 3_777_000_000),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", 1_240_000_000, marks=POSIX),
    ],
)
def test_a_kill_loses_at_most_the_last_quarter_second(tmp_path, end, time_ns):
    here = Path(__file__).parent
    arguments = [str(here), str(tmp_path / "s"), str(time_ns)]
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    script = KILLED.format(end=end)
    run = subprocess.run([sys.executable, "-c", script, *arguments], env=environment, check=False)
    assert run.returncode != 0
    session = open_session(tmp_path / "s")
    assert session.header.state == "open"
    read = list(session.samples())
    assert bits(read) == bits(motion(len(read)))
    assert time_ns - read[-1].host_time_ns <= 250_000_000
    assert recover(tmp_path / "s").exit_code == 0  # its lock died with it
    assert open_session(tmp_path / "s").header.state == "recovered"


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_recording import HEADER, motion
from imu.recording import SessionError, SessionWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 10**9))
writer = SessionWriter.create(Path(sys.argv[2]), HEADER)
try:
    for sample in motion(1000):
        writer.write(sample)
except SessionError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, 10**9))
try:
    writer.close()
except SessionError as error:
    print(error)
"""


@POSIX
def test_a_full_disk_is_told_at_once_and_costs_the_last_batch_only(tmp_path):
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    arguments = [sys.executable, "-c", FULL, str(here), str(tmp_path / "s")]
    run = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    path = tmp_path / "s" / "samples.arrows"
    assert run.stdout.splitlines() == [
        f"{path}: cannot grow ({reason}); free some space; what it holds is kept"
        for reason in ("File too large", "an earlier write failed")
    ]
    session = open_session(tmp_path / "s")
    read = list(session.samples())
    assert len(read) > 60
    assert bits(read) == bits(motion(len(read)))
    assert (session.cut, session.header.state) == (True, "open")


def test_recover_keeps_the_whole_batches_and_the_damaged_originals(tmp_path):
    folder = small_batches(tmp_path / "s")
    data = (folder / "samples.arrows").read_bytes()
    lines = (folder / "events.jsonl").read_bytes()
    (folder / "samples.arrows").write_bytes(data[:-30])
    (folder / "events.jsonl").write_bytes(lines[:-5])
    header = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps(header | {"later": 1, "state": "open"}))

    rescue = recover(folder)

    assert (rescue.samples, rescue.exit_code, rescue.reason) == (9, 3, "")
    assert rescue.seconds == pytest.approx(8 * 8_333_333e-9)
    assert (folder / "samples.arrows.damaged").read_bytes() == data[:-30]
    assert (folder / "events.jsonl.damaged").read_bytes() == lines[:-5]
    assert (folder / "samples.arrows").read_bytes().endswith(END)
    session = open_session(folder)
    assert (session.header.state, session.cut) == ("recovered", False)
    assert bits(session.samples()) == bits(motion(9))
    assert [e["label"] for e in session.events()] == ["first", "second"]
    assert json.loads((folder / "session.json").read_text())["later"] == 1
    assert recover(folder).exit_code == 0


def test_a_second_recovery_keeps_the_first_damaged_original(tmp_path):
    folder = small_batches(tmp_path / "s")
    for copy in ("samples.arrows.damaged", "samples.arrows.damaged_2"):
        data = (folder / "samples.arrows").read_bytes()[:-30]
        (folder / "samples.arrows").write_bytes(data)
        assert recover(folder).exit_code == 3
        assert (folder / copy).read_bytes() == data


def test_recover_drops_a_damaged_event_in_the_middle_and_keeps_the_rest(tmp_path):
    folder = small_batches(tmp_path / "s")
    first, _, third = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(first + b'{"type": "ma\n' + third)
    with pytest.raises(SessionError) as caught:
        open_session(folder).events()
    assert str(caught.value) == (
        f"{folder / 'events.jsonl'}: line 2 is not JSON at line 1, column 10 "
        "(Unterminated string starting at); run `hipturn recover` on the session"
    )
    assert recover(folder).exit_code == 3
    assert [e["type"] for e in open_session(folder).events()] == ["mark", "rep"]


def test_recover_tells_of_a_closed_session_that_was_cut_between_two_batches(tmp_path):
    folder = small_batches(tmp_path / "s")
    file = folder / "samples.arrows"
    data = file.read_bytes()
    file.write_bytes(data[: batch_ends(data)[2]])
    rescue = recover(folder)
    assert (rescue.exit_code, rescue.samples) == (3, 9)
    assert not open_session(folder).cut
    assert open_session(folder).header.state == "recovered"
    assert recover(folder).exit_code == 0


def test_recover_leaves_a_closed_whole_session_as_it_is(tmp_path):
    folder = small_batches(tmp_path / "s")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert recover(folder).exit_code == 0
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_recover_says_when_nothing_can_be_rescued_and_changes_nothing(tmp_path):
    folder = small_batches(tmp_path / "s")
    (folder / "samples.arrows").write_bytes(b"")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    rescue = recover(folder)
    assert (rescue.samples, rescue.exit_code) == (0, 1)
    assert rescue.reason == (
        f"{folder / 'samples.arrows'}: is empty; nothing in it can be rescued, take a copy"
    )
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_recover_does_not_touch_a_session_that_is_being_recorded(tmp_path):
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        for sample in motion(100):
            writer.write(sample)
        with pytest.raises(SessionError) as caught:
            recover(tmp_path / "s")
        assert str(caught.value) == (
            f"{tmp_path / 's'}: is being recorded by another process; end that recording first"
        )
        assert len(open_session(tmp_path / "s").table()) > 60  # looking is allowed
    assert recover(tmp_path / "s").exit_code == 0


def test_a_session_may_be_moved_and_renamed(tmp_path):
    record(tmp_path / "s", motion(10))
    shutil.move(tmp_path / "s", tmp_path / "elsewhere")
    session = open_session(tmp_path / "elsewhere")
    assert (len(session.table()), session.header.session_id) == (10, "s")


def test_the_same_instant_in_another_zone_makes_the_same_name(tmp_path):
    utc = session_folder(tmp_path, STARTED.astimezone(UTC), "x", "left")
    assert utc == session_folder(tmp_path, STARTED, "x", "left")
    with pytest.raises(ValueError, match="time zone"):
        session_folder(tmp_path, STARTED.replace(tzinfo=None), "x", "left")
