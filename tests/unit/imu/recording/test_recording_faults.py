"""Sessions that are none, damaged or hostile: one exact line each, and no other error ever."""

import json
import math
import os
import pickle
import struct
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.recording import SessionError, SessionHeader, SessionWriter, open_session, recover
from imu.recording.arrow_stream import SCHEMA
from imu.sample import Sample, Segment, Side, Unit

HEADER = SessionHeader(
    started_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    exercise="prone_windshield_wiper",
    side="right",
    units=(
        Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0),
        Unit(segment=Segment.SHANK, side=Side.RIGHT, rate_hz=60.0),
    ),
    source="virtual",
    software="hipturn 0.1.0",
)
COPY = "take the file from a copy of the session"
GIVE = "give the folder that holds session.json"
MEND = "correct it by hand or take it from a copy"
LOST = "nothing in it can be rescued, take a copy"
NO_SAMPLE = "{}: holds no sample; record or import it again"
END = b"\xff\xff\xff\xff\0\0\0\0"


def good(host_time_ns, unit=0, q=(1.0, 0.0, 0.0, 0.0)):
    return Sample(unit, host_time_ns, host_time_ns // 1000, None, q)


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "s")


def make(folder, samples=None):
    with SessionWriter.create(folder, HEADER) as writer:
        for i, sample in enumerate(samples or [good(i * 8_000_000) for i in range(12)]):
            writer.write(sample)
            if i % 3 == 2:
                writer.flush()
        writer.event({"type": "mark", "time_s": 0.01, "label": "set_start"})
    return folder


def read_all(folder):
    session = open_session(folder)
    table = session.table()
    assert len(list(session.samples())) == len(table)
    session.events()
    return session


def line_of(folder):
    with pytest.raises(SessionError) as caught:
        read_all(folder)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_folder_that_is_not_there_is_told(tmp_path):
    assert line_of(tmp_path / "no") == (
        f"{tmp_path / 'no'}: cannot be opened (No such file or directory); {GIVE}"
    )


def test_a_file_instead_of_a_folder_is_told(folder):
    file = folder / "samples.arrows"
    assert line_of(file) == f"{file}: is a file, and a session is a folder; {GIVE}"


def test_a_folder_without_session_json_is_told(tmp_path):
    assert line_of(tmp_path) == f"{tmp_path}: is not a session, it holds no session.json; {GIVE}"


def test_control_characters_in_a_name_do_not_reach_the_terminal(tmp_path):
    assert line_of(tmp_path / "\x1b[2Jx\n").startswith(f"{tmp_path}/\\x1b[2Jx\\n: ")


def test_an_error_survives_the_way_home_from_a_worker(tmp_path):
    error = SessionError(tmp_path, "is empty", "record again")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


HEADER_TEXTS = [
    (b"", f"not JSON at line 1, column 1 (Expecting value); {MEND}"),
    (
        b'{"format": \n "hip',
        f"not JSON at line 2, column 2 (Unterminated string starting at); {MEND}",
    ),
    (b"\xff\xfe{}", f"not UTF-8 at byte 0; {MEND}"),
    (b"[1]", f"not a JSON object; {MEND}"),
    (b'{"a": NaN}', f"holds NaN, which is not a number; {MEND}"),
    (b'{"a": 1e999}', f"holds 1e999, which is too large a number; {MEND}"),
    (b"{}", f'not a hipturn session (no "format": "hipturn session"); {MEND}'),
    (b"[" * 100_000, f"nested deeper than 32 levels; {MEND}"),
    (b'{"a":' * 33 + b"1" + b"}" * 33, f"nested deeper than 32 levels; {MEND}"),
    (
        b'{"a": "\\"' + b"[" * 99 + b'"}',
        f'not a hipturn session (no "format": "hipturn session"); {MEND}',
    ),
    (b" " * 1_000_001, f"is 1000001 bytes long, over the 1000000 allowed; {COPY}"),
    (
        b'{"format": "hipturn session", "version": 2}',
        "format version 2, and this hipturn reads version 1; "
        "use the hipturn that wrote it, or a newer one",
    ),
]


@pytest.mark.parametrize(("text", "expected"), HEADER_TEXTS, ids=range(len(HEADER_TEXTS)))
def test_a_bad_session_json_is_told_in_one_line(folder, text, expected):
    (folder / "session.json").write_bytes(text)
    assert line_of(folder) == f"{folder / 'session.json'}: {expected}"


def test_a_whole_number_of_a_million_digits_is_told(folder):
    (folder / "session.json").write_bytes(b'{"a": ' + b"9" * 900_000 + b"}")
    assert line_of(folder).startswith(f"{folder / 'session.json'}: ")


HEADER_FIELDS = [
    ({"state": "lost"}, "state is 'lost', not one of open, closed, recovered"),
    ({"side": None}, "side is None, not one of left, right, both"),
    ({"started_at": "2026-11-22T09:30:00"}, "started_at is not an ISO 8601 time with a zone"),
    ({"started_at": "yesterday"}, "started_at is not an ISO 8601 time with a zone"),
    (
        {"exercise": "../../etc/passwd"},
        "exercise is not an id of lower-case letters, digits and underscores",
    ),
    ({"units": []}, "units lists 0 units, not 1 to 16"),
    ({"units": 7}, "units is 7, not a list of objects, units lists 0 units, not 1 to 16"),
    ({"calibration": [1]}, "calibration is [1], not an object or null"),
    ({"notes": [1]}, "notes is [1], not a list of texts"),
    (
        {"wearer": 5, "clock": 0},
        "wearer is 5, not a text, clock is 0, not one of shared, independent",
    ),
]

UNIT_FIELDS = [
    ({"rate_hz": 1e9}, "units[0].rate_hz is 1000000000.0, not a number from 1 to 2000"),
    ({"rate_hz": 0}, "units[0].rate_hz is 0, not a number from 1 to 2000"),
    ({"rate_hz": True}, "units[0].rate_hz is True, not a number from 1 to 2000"),
    ({"tick_s": -1.0}, "units[0].tick_s is -1.0, not a number from 1e-09 to 10"),
    ({"time_bits": 64}, "units[0].time_bits is 64, not a whole number from 1 to 63"),
    ({"time_bits": 2.5}, "units[0].time_bits is 2.5, not a whole number from 1 to 63"),
    ({"segment": "foot"}, "units[0].segment is 'foot', not one of pelvis, thigh, shank"),
    ({"segment": "pelvis"}, "units[0].side is given, and a pelvis has none"),
    ({"segment": "shank"}, "units[1] is a second right shank"),
    ({"heading": "north"}, "units[0].heading is 'north', not one of arbitrary, magnetic"),
    ({"name": 3}, "units[0].name is 3, not a text"),
]


def assert_told(folder, header, expected):
    path = folder / "session.json"
    path.write_text(json.dumps(header))
    assert line_of(folder) == f"{path}: {expected}; {MEND}"


@pytest.mark.parametrize(("changes", "expected"), HEADER_FIELDS, ids=range(len(HEADER_FIELDS)))
def test_a_wrong_field_of_a_session_is_told_by_name(folder, changes, expected):
    header = json.loads((folder / "session.json").read_text())
    assert_told(folder, header | changes, expected)


@pytest.mark.parametrize(("changes", "expected"), UNIT_FIELDS, ids=range(len(UNIT_FIELDS)))
def test_a_wrong_field_of_a_unit_is_told_by_name(folder, changes, expected):
    header = json.loads((folder / "session.json").read_text())
    header["units"][0] |= changes
    assert_told(folder, header, expected)


def test_every_wrong_field_is_told_at_once(folder):
    path = folder / "session.json"
    header = json.loads(path.read_text())
    del header["source"], header["units"][1]["rate_hz"]
    path.write_text(json.dumps(header))
    assert line_of(folder) == f"{path}: units[1].rate_hz is missing, source is missing; {MEND}"


def stream(*batches, schema=SCHEMA, **options):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def columns_of(**changes):
    """Return a batch of two good samples, with some columns in place of theirs."""
    columns = {field.name: pa.array([0, 0], pa.float64()) for field in SCHEMA}
    columns |= {
        "unit": pa.array([0, 0], pa.int16()),
        "host_time_ns": pa.array([0, 8_000_000]),
        "device_time": pa.array([0, 8_000]),
        "sequence": pa.array([0, 1]),
        "qw": pa.array([1.0, 1.0]),
        "payload": pa.nulls(2, pa.binary()),
    }
    return pa.RecordBatch.from_pydict(columns | changes)


def without(name):
    return columns_of().drop_columns([name])


SAMPLES_BYTES = [
    (b"", "is empty"),
    (b"PK\x03\x04 a zip", "is not an Arrow stream"),
    (b"unit,host_time_ns\n0,0\n", "is not an Arrow stream"),
    (b"\xff\xff", "is cut or damaged before its first sample"),
    (END, "is cut or damaged before its first sample"),
    (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\0" * 99, "is cut or damaged before its first sample"),
    (b"\xff\xff\xff\xff\x40\0\0\0" + b"\xff" * 99, "is cut or damaged before its first sample"),
    (
        stream(
            schema=pa.schema([("unit", pa.int32()), ("x\x1b", pa.int8()), ("x\x1b", pa.int8())])
        ),
        "is not a recording of samples: missing columns: host_time_ns; columns of another type: "
        "unit; unknown or repeated columns: x\\x1b, x\\x1b",
    ),
    (
        stream(schema=pa.schema(list(SCHEMA)[::-1])),
        "is not a recording of samples: columns in another order",
    ),
    (
        stream(schema=without("gz").schema),
        "is not a recording of samples: missing columns: gz",
    ),
]


@pytest.mark.parametrize(("data", "expected"), SAMPLES_BYTES, ids=range(len(SAMPLES_BYTES)))
def test_a_samples_file_that_is_none_is_told_in_one_line(folder, data, expected):
    (folder / "samples.arrows").write_bytes(data)
    assert line_of(folder) == f"{folder / 'samples.arrows'}: {expected}; {LOST}"


def test_a_column_name_that_is_not_text_is_told(folder):
    path = folder / "samples.arrows"
    path.write_bytes(path.read_bytes().replace(b"host_time_ns", b"\xc0ost_time_ns"))
    assert line_of(folder) == f"{path}: is cut or damaged before its first sample; {LOST}"


@pytest.mark.parametrize("kind", [0, 2, 3, 5, 129, 255])
def test_a_stream_that_begins_with_another_kind_of_message_does_not_crash(folder, kind):
    path = folder / "samples.arrows"
    data = bytearray(path.read_bytes())
    data[29] = kind  # Message.header_type as Arrow lays our schema out
    path.write_bytes(data)
    assert line_of(folder) == f"{path}: is cut or damaged before its first sample; {LOST}"


def test_a_missing_samples_file_is_told(folder):
    (folder / "samples.arrows").unlink()
    assert line_of(folder) == f"{folder / 'samples.arrows'}: is missing; {COPY}"


def test_a_session_without_any_sample_is_told_and_is_no_error_to_open(folder):
    (folder / "samples.arrows").write_bytes(stream())
    assert not open_session(folder).cut
    assert (
        line_of(folder)
        == f"{folder / 'samples.arrows'}: holds no sample; record or import it again"
    )


@pytest.mark.parametrize("name", ["session.json", "samples.arrows", "events.jsonl"])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, name):
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert line_of(folder) == f"{folder / name}: is a link out of the session's folder; {COPY}"


@pytest.mark.skipif(os.name != "posix", reason="POSIX only")
@pytest.mark.parametrize("name", ["session.json", "samples.arrows", "events.jsonl"])
def test_a_pipe_in_place_of_a_file_does_not_hang(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert line_of(folder) == f"{folder / name}: is not a plain file; {COPY}"


@pytest.mark.parametrize(
    ("name", "limit"),
    [("session.json", 1_000_000), ("samples.arrows", 2_000_000_000), ("events.jsonl", 64_000_000)],
)
def test_a_file_that_is_too_long_is_refused_unread(folder, name, limit):
    os.truncate(folder / name, limit + 1)  # sparse: takes no space
    assert line_of(folder) == (
        f"{folder / name}: is {limit + 1} bytes long, over the {limit} allowed; {COPY}"
    )


def test_a_stray_link_as_lock_is_not_followed(folder, tmp_path):
    (folder / "writer.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SessionError, match="cannot be read or written"):
        recover(folder)
    assert not (tmp_path / "elsewhere").exists()


def message_starts(data):
    """Where messages begin: our small batches hold no other four bytes of ones."""
    return [i for i in range(0, len(data) - 8, 8) if data.startswith(b"\xff\xff\xff\xff", i)]


@pytest.mark.parametrize("length", [2**31 - 1, 2**32 - 1, 0, 99_999])
def test_a_message_that_claims_gigabytes_ends_the_reading_before_it(folder, length):
    path = folder / "samples.arrows"
    data = bytearray(path.read_bytes())
    third_batch = message_starts(data)[3]
    data[third_batch + 4 : third_batch + 8] = struct.pack("<I", length)
    path.write_bytes(data)
    session = read_all(folder)
    assert len(session.table()) == 6
    # a length of zero is how a stream ends
    assert session.cut == (length != 0)


@pytest.mark.parametrize("value", [2**62, 2**40, -8])
def test_a_batch_that_claims_a_huge_body_or_many_rows_ends_the_reading(folder, value):
    path = folder / "samples.arrows"
    clean = path.read_bytes()
    third, fourth = message_starts(clean)[3:5]
    metadata_end = third + 8 + struct.unpack_from("<I", clean, third + 4)[0]
    body_length = fourth - metadata_end
    for wanted in (body_length, 3):  # Message.bodyLength, RecordBatch.length and buffers' lengths
        needle = struct.pack("<q", wanted)
        at = clean.index(needle, third + 8, metadata_end)
        data = bytearray(clean)
        data[at : at + 8] = struct.pack("<q", value)
        path.write_bytes(data)
        session = read_all(folder)
        assert (len(session.table()), session.cut) == (6, True)


def test_only_buffers_packed_as_ours_are_unpacked(folder):
    path = folder / "samples.arrows"
    path.write_bytes(stream(columns_of(), compression="lz4"))
    assert open_session(folder).cut
    assert line_of(folder) == f"{path}: holds no sample; record or import it again"
    path.write_bytes(stream(columns_of(), compression="zstd"))
    assert len(read_all(folder).table()) == 2


def packed(rows):
    """Return a stream of one packed batch, and where its first buffer begins."""
    columns = {field.name: pa.array(np.zeros(rows)).cast(field.type) for field in [*SCHEMA][:-1]}
    columns |= {
        "host_time_ns": pa.array(np.arange(rows) * 8_000_000),
        "sequence": pa.array(np.arange(rows)),
        "qw": pa.array(np.ones(rows)),
        "payload": pa.nulls(rows, pa.binary()),
    }
    batch = columns_of(**columns)
    data = stream(batch, compression="zstd")
    start = message_starts(data)[1]
    return bytearray(data), start + 8 + struct.unpack_from("<I", data, start + 4)[0]


@pytest.mark.parametrize("claimed", [2**62, 64_000_001, 2**31, -2, 17])
def test_a_buffer_that_claims_to_unpack_to_gigabytes_is_not_unpacked(folder, claimed):
    data, body = packed(200)
    path = folder / "samples.arrows"
    path.write_bytes(data)
    assert len(read_all(folder).table()) == 200
    assert struct.unpack_from("<q", data, body) == (400,)  # units of two bytes each
    data[body : body + 8] = struct.pack("<q", claimed)
    path.write_bytes(data)
    before = pa.total_allocated_bytes()
    assert open_session(folder).cut
    assert line_of(folder) == NO_SAMPLE.format(path)
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_buffers_that_claim_too_much_together_are_not_unpacked(folder, monkeypatch):
    data, _ = packed(200)
    (folder / "samples.arrows").write_bytes(data)
    monkeypatch.setattr("imu.recording.arrow_messages.MAX_BODY_BYTES", len(data) * 2)
    assert open_session(folder).cut


@pytest.mark.parametrize(
    "names", [["device_time"], ["sequence", "payload"], ["ax", "ay", "az"], ["gx", "gy", "gz"]]
)
def test_columns_of_what_nobody_sent_may_be_left_out(folder, names):
    (folder / "samples.arrows").write_bytes(
        stream(columns_of().drop_columns(names), schema=columns_of().drop_columns(names).schema)
    )
    first, _ = open_session(folder).samples()
    assert first.q == (1.0, 0.0, 0.0, 0.0)
    assert (first.acc is None) == ("ax" in names)
    assert (first.gyr is None) == ("gx" in names)
    assert (first.device_time is None) == ("device_time" in names)
    assert len(read_all(folder).table()) == 2


def test_a_payload_that_points_outside_of_its_batch_is_not_followed(folder):
    data = stream(columns_of(payload=pa.array([b"abcd", b"efgh"])))
    offsets = struct.pack("<iii", 0, 4, 8)
    assert data.count(offsets) == 1
    (folder / "samples.arrows").write_bytes(
        data.replace(offsets, struct.pack("<iii", 0, 2**30, 2**30 + 4))
    )
    assert open_session(folder).cut
    assert line_of(folder) == NO_SAMPLE.format(folder / "samples.arrows")


def test_more_samples_than_a_session_can_have_are_refused(folder, monkeypatch):
    monkeypatch.setattr("imu.recording.arrow_stream.MAX_ROWS", 11)
    assert line_of(folder) == (
        f"{folder / 'samples.arrows'}: holds over 11 samples; split the recording"
    )


def test_samples_that_cannot_be_true_are_dropped_and_counted(tmp_path):
    bad = [
        good(0),
        good(1, q=(math.nan, 0.0, 0.0, 0.0)),
        good(2, q=(0.0, 0.0, 0.0, 0.0)),
        good(3, q=(math.inf, 0.0, 0.0, 0.0)),
        good(9_000_000),
        good(8_000_000),
        good(9_000_000, unit=1),
        good(9_000_001),
    ]
    session = open_session(make(tmp_path / "s", bad))
    assert [(s.unit, s.host_time_ns) for s in session.samples()] == [
        (0, 0),
        (0, 9_000_000),
        (1, 9_000_000),
    ]
    expected = {"no_orientation": 1, "not_unit": 2, "time_backwards": 1, "repeated": 1}
    assert session.dropped == expected
    again = open_session(tmp_path / "s")
    assert again.dropped == expected
    assert len(again.table()) == 3


def test_a_unit_that_the_session_does_not_list_is_dropped(folder):
    (folder / "samples.arrows").write_bytes(
        stream(
            columns_of(unit=pa.array([0, 2], pa.int16())), columns_of(unit=pa.nulls(2, pa.int16()))
        )
    )
    assert open_session(folder).dropped == {"no_such_unit": 3}
    assert len(list(open_session(folder).samples())) == 1


def test_missing_numbers_in_a_vector_mean_that_it_was_not_sent(folder):
    batch = columns_of(ax=pa.array([None, 1.0]), gy=pa.array([math.nan, 2.0]))
    (folder / "samples.arrows").write_bytes(stream(batch))
    first, second = open_session(folder).samples()
    assert (first.acc, first.gyr) == (None, None)
    assert (second.acc, second.gyr) == ((1.0, 0.0, 0.0), (0.0, 2.0, 0.0))


def test_a_recording_of_nothing_usable_is_told_with_the_reasons(tmp_path):
    zero = (0.0, 0.0, 0.0, 0.0)
    folder = make(tmp_path / "s", [good(0, q=zero), good(1, q=zero), good(2, q=None)])
    assert line_of(folder) == (
        f"{folder / 'samples.arrows'}: holds no usable sample (dropped: 1 no_orientation, "
        "2 not_unit); record or import it again"
    )
    with pytest.raises(SessionError, match="holds no usable sample"):
        list(open_session(folder).samples())
    assert recover(folder).exit_code == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "not JSON at line 1, column 1 (Expecting value)"),
        (b"3", "not a JSON object"),
        (b'{"type": "mark"}', "no event: time_s is missing"),
        (b'{"time_s": 1e9, "type": 0}', "no event: type is 0, not a text, "
         "time_s is 1000000000.0, not a number from -1e+06 to 1e+06"),
        (b'{"a":' * 5000, "nested deeper than 32 levels"),
        (b" " * 1_000_001, "1000001 bytes long, over the 1000000 allowed"),
    ],
)  # fmt: skip
def test_a_finished_line_that_is_no_event_is_told_with_its_place(folder, line, problem):
    path = folder / "events.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    assert line_of(folder) == (f"{path}: line 2 is {problem}; run `hipturn recover` on the session")


def test_a_session_without_events_has_none(folder):
    (folder / "events.jsonl").unlink()
    assert open_session(folder).events() == []


def test_zeros_that_a_power_cut_leaves_at_the_end_are_a_cut(folder):
    for name in ("samples.arrows", "events.jsonl"):
        path = folder / name
        path.write_bytes(path.read_bytes().removesuffix(END) + bytes(4096))
    session = read_all(folder)
    assert (len(session.table()), len(session.events()), session.cut) == (12, 1, True)


NAMES = st.sampled_from(["session.json", "samples.arrows", "events.jsonl"])
EXTREMES = st.sampled_from([b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\0\0\0\x80"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = make(tmp_path_factory.mktemp("hostile") / "s")
    return folder, {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture(scope="module")
def packed_file(shared):
    """Return a folder, its files, and the samples of a closed recording, which are packed."""
    folder, originals = shared
    samples = [good(i * 8_000_000) for i in range(4000)]
    data = (make(folder.parent / "packed", samples) / "samples.arrows").read_bytes()
    assert len(data) < 40 * len(samples)
    return folder, originals, data


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.binary(min_size=1, max_size=8), EXTREMES)),
        min_size=1,
        max_size=5,
    ),
)
def test_no_overwritten_byte_of_a_packed_file_leads_to_any_other_error(packed_file, edits):
    folder, originals, clean = packed_file
    data = bytearray(clean)
    for where, patch in edits:
        at = int(where * len(data))
        data[at : at + len(patch)] = patch
    for file, content in (originals | {"samples.arrows": bytes(data)}).items():
        (folder / file).write_bytes(content)
    assert_only_session_errors(folder)


def assert_only_session_errors(folder):
    for attempt in (read_all, lambda f: open_session(f).cut, recover):
        try:
            attempt(folder)
        except SessionError as error:
            assert "\n" not in str(error)  # noqa: PT017 - nothing else may be raised at all
    for damaged in folder.glob("*.damaged*"):
        damaged.unlink()


@settings(max_examples=150, deadline=None)
@given(
    NAMES,
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.binary(min_size=1, max_size=8), EXTREMES)),
        min_size=1,
        max_size=5,
    ),
)
def test_no_overwritten_byte_leads_to_any_other_error(shared, name, edits):
    folder, originals = shared
    data = bytearray(originals[name])
    for where, patch in edits:
        at = int(where * len(data))
        data[at : at + len(patch)] = patch
    for file, content in (originals | {name: bytes(data)}).items():
        (folder / file).write_bytes(content)
    assert_only_session_errors(folder)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.binary(max_size=300), st.floats(0, 1))
def test_no_flood_of_bytes_leads_to_any_other_error(shared, name, flood, keep):
    folder, originals = shared
    data = originals[name][: int(keep * len(originals[name]))] + flood * 20
    for file, content in (originals | {name: data}).items():
        (folder / file).write_bytes(content)
    assert_only_session_errors(folder)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_value_in_session_json_leads_to_any_other_error(shared, data):
    folder, originals = shared
    header = json.loads(originals["session.json"])
    target = data.draw(st.sampled_from([header, header["units"][0]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSON)
    for file, content in originals.items():
        (folder / file).write_bytes(content)
    (folder / "session.json").write_text(json.dumps(header))
    assert_only_session_errors(folder)
