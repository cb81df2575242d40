"""A recording when the process dies, the disk is full, or nobody closed the last one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pytest

import imu.recording.space
import imu.recording.writer
from imu.recording import (
    SessionError,
    SessionHeader,
    SessionWriter,
    check_space,
    find_orphans,
    open_session,
    recover,
    rescue_orphans,
)
from imu.recording.append_file import AppendFile
from imu.recording.arrow_messages import END_OF_STREAM
from imu.recording.space import BYTES_PER_HOUR, HOURS
from imu.sample import Sample, Segment, Side, Unit

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
UNITS = tuple(
    Unit(segment=segment, side=side, rate_hz=60.0, tick_s=1e-6)
    for segment, side in (
        (Segment.PELVIS, None),
        (Segment.THIGH, Side.LEFT),
        (Segment.THIGH, Side.RIGHT),
        (Segment.SHANK, Side.LEFT),
        (Segment.SHANK, Side.RIGHT),
    )
)
HEADER = SessionHeader(
    started_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    exercise="seated_internal_rotation",
    side="both",
    units=UNITS,
    source="virtual",
    software="test",
)
Usage = namedtuple("Usage", "total used free")


def sample(number):
    """Return the samples of five units at 60 Hz, everything filled, one after the other."""
    return Sample(
        unit=number % 5,
        host_time_ns=number * 3_333_333,
        device_time=number * 3333,
        sequence=number % 65536,
        q=(1.0, 0.0, 0.0, 0.0),
        acc=(0.1, 0.2, 9.8),
        gyr=(0.01, 0.02, 0.03),
        payload=number.to_bytes(4, "little") + bytes(59),
    )


def died(folder, count=300, cut=0):
    """Leave a session as a process does that dies while it records."""
    writer = SessionWriter.create(folder, HEADER)
    for number in range(count):
        writer.write(sample(number))
    writer.close(state="open")
    if cut:
        os.truncate(folder / "samples.arrows", (folder / "samples.arrows").stat().st_size - cut)
    return folder


def eventually(found, seconds=20.0):
    """Return whether something becomes true; how soon is not asked."""
    end_s = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def run(script, *arguments, before=()):
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


# --- death ---------------------------------------------------------------------------------------


def test_what_waits_is_handed_to_the_system_though_no_further_sample_comes(tmp_path):
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        writer.write(sample(0))
        empty = (tmp_path / "s" / "samples.arrows").stat().st_size
        assert eventually(lambda: (tmp_path / "s" / "samples.arrows").stat().st_size > empty)
        assert list(open_session(tmp_path / "s").samples()) == [sample(0)]


def test_what_was_handed_over_is_forced_to_the_disk_though_no_further_sample_comes(
    tmp_path, monkeypatch
):
    forced = []
    sync = AppendFile.sync
    monkeypatch.setattr(AppendFile, "sync", lambda file: (sync(file), forced.append(file)))
    monkeypatch.setattr(imu.recording.writer, "SYNC_S", 0.05)
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        writer.write(sample(0))
        assert eventually(lambda: len(forced) == 2)  # samples and events
        time.sleep(0.3)
        assert len(forced) == 2  # nothing new, nothing to force


def test_a_recorder_that_was_forgotten_does_not_live_on_in_its_thread(tmp_path):
    before = threading.active_count()
    writer = SessionWriter.create(tmp_path / "s", HEADER)
    assert threading.active_count() == before + 1
    writer.close()
    assert threading.active_count() == before


def test_events_and_samples_from_two_sides_keep_every_sample_once_and_in_order(tmp_path):
    """The recorder's own thread flushes between any two samples."""
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        flusher = threading.Thread(target=lambda: [writer.flush() for _ in range(300)])
        flusher.start()
        for number in range(3000):
            writer.write(sample(number))
        flusher.join()
    assert list(open_session(tmp_path / "s").samples()) == [sample(n) for n in range(3000)]


# --- no room -------------------------------------------------------------------------------------

FILL = """
import sys
from pathlib import Path
from faults.test_recorder_faults import HEADER, sample
from imu.recording import SessionError, SessionWriter
try:
    with SessionWriter.create(Path(sys.argv[1]), HEADER) as writer:
        for number in range(20_000):
            writer.write(sample(number))
except SessionError as error:
    print(error)
"""

LIMITED = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + (
    "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 10**9))\n"
)

ON_A_TINY_DISK = (
    """
import shutil, subprocess
from pathlib import Path
from imu.recording import open_session, recover
disk = Path(sys.argv[2])
filler = disk / "filler"
"""
    + FILL.replace("import sys\n", "")
    + """
session = open_session(sys.argv[1])
read = list(session.samples())
assert read == [sample(n) for n in range(len(read))], "earlier data"
print(len(read), session.header.state)
try:
    recover(sys.argv[1])
except SessionError as error:
    print(error)
assert list(open_session(sys.argv[1]).samples()) == read, "after the vain rescue"
assert not list(Path(sys.argv[1]).glob("*.damaged")), "after the vain rescue"
filler.unlink()
rescue = recover(sys.argv[1])
print(rescue.exit_code, rescue.samples)
assert list(open_session(sys.argv[1]).samples()) == read, "after the rescue"
"""
)


@POSIX
def test_a_file_that_may_not_grow_ends_the_recording_with_a_sentence_and_earlier_data_opens(
    tmp_path,
):
    ended = run(LIMITED + FILL, tmp_path / "s")
    path = tmp_path / "s" / "samples.arrows"
    remedy = "free some space; what it holds is kept"
    assert ended.stdout.splitlines() == [f"{path}: cannot grow (File too large); {remedy}"]
    read = list(open_session(tmp_path / "s").samples())
    assert len(read) > 1000
    assert read == [sample(number) for number in range(len(read))]
    rescue = recover(tmp_path / "s")
    assert (rescue.exit_code, rescue.samples) == (3, len(read))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a disk of 1 MB")
def test_a_disk_without_room_ends_the_recording_with_a_sentence_and_earlier_data_opens(tmp_path):
    script = "import sys\n" + ON_A_TINY_DISK
    mount = (
        'mount -t tmpfs -o size=1m tmpfs "$0" || exit 77; head -c 700000 /dev/zero > "$0/filler"'
    )
    inside = ["unshare", "--mount", "sh", "-c", f'{mount}; exec "$@"', str(tmp_path)]
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    ended = run(script, tmp_path / "s", tmp_path, before=inside)
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("this system lets nobody mount a disk")
    assert ended.returncode == 0, ended.stderr
    told, kept, vain, rescued = ended.stdout.splitlines()
    assert told == (
        f"{tmp_path / 's' / 'samples.arrows'}: cannot grow (No space left on device);"
        " free some space; what it holds is kept"
    )
    assert int(kept.split()[0]) > 1000
    assert kept.split()[1] == "open"
    assert "No space left on device" in vain
    assert rescued == f"3 {kept.split()[0]}"


def test_what_the_disk_refuses_during_a_silence_is_told_with_the_next_sample(tmp_path, monkeypatch):
    refused = threading.Event()

    def refuse(file, data):
        refused.set()
        raise SessionError(Path("samples.arrows"), "cannot grow (No space left)", "free some")

    writer = SessionWriter.create(tmp_path / "s", HEADER)
    for number in range(100):
        writer.write(sample(number))
    with monkeypatch.context() as patch:
        patch.setattr(AppendFile, "append", refuse)
        assert refused.wait(20.0)
        assert eventually(lambda: writer._failure is not None)
    with pytest.raises(SessionError, match=r"cannot grow \(No space left\)"):
        writer.write(sample(100))
    writer.close(state="open")
    read = list(open_session(tmp_path / "s").samples())
    assert read == [sample(number) for number in range(len(read))]


def test_a_disk_that_is_nearly_full_is_told_before_the_start(tmp_path, monkeypatch):
    usage = Usage(10**12, 10**12, 123_400_000)
    monkeypatch.setattr(imu.recording.space.shutil, "disk_usage", lambda path: usage)
    assert check_space(tmp_path / "not" / "yet") == (
        f"{tmp_path}/not/yet: the disk is nearly full, 123 MB are free and an hour of five units"
        " takes up to 209 MB; free some space or record elsewhere with --dir"
    )


def test_a_disk_with_room_for_two_hours_is_not_worth_a_word(tmp_path, monkeypatch):
    for free, told in ((HOURS * BYTES_PER_HOUR, False), (HOURS * BYTES_PER_HOUR - 1, True)):
        usage = Usage(10**12, 10**12 - free, free)
        monkeypatch.setattr(imu.recording.space.shutil, "disk_usage", lambda path, u=usage: u)
        assert (check_space(tmp_path) is not None) == told


def test_a_disk_that_cannot_be_asked_is_told(tmp_path, monkeypatch):
    def gone(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(imu.recording.space.shutil, "disk_usage", gone)
    assert check_space(tmp_path) == (
        f"{tmp_path}: the free space is unknown (Input/output error); check the disk"
    )


def test_an_hour_takes_what_was_said_and_less_once_closed(tmp_path):
    samples = tmp_path / "s" / "samples.arrows"
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        for number in range(20 * 300):
            writer.write(sample(number))
        writer.flush()
        hour = 180 * samples.stat().st_size
    assert 0.9 * BYTES_PER_HOUR < hour <= BYTES_PER_HOUR
    assert 180 * samples.stat().st_size < 0.95 * hour


# --- orphans -------------------------------------------------------------------------------------


def test_a_session_whose_writer_died_is_an_orphan_until_it_is_rescued(tmp_path):
    died(tmp_path / "dead")
    with SessionWriter.create(tmp_path / "closed", HEADER) as writer:
        writer.write(sample(0))
    (tmp_path / "nothing").mkdir()
    (tmp_path / "file").write_text("no session")
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "session.json").write_text("[" * 100_000)
    assert find_orphans(tmp_path) == [tmp_path / "dead"]
    assert [(p.name, r.exit_code, r.samples) for p, r in rescue_orphans(tmp_path)] == [
        ("dead", 0, 300)
    ]
    assert find_orphans(tmp_path) == []
    assert open_session(tmp_path / "dead").header.state == "recovered"
    assert not (tmp_path / "closed" / "writer.lock").exists()


def test_a_session_that_is_being_recorded_is_no_orphan_from_its_first_moment_on(
    tmp_path, monkeypatch
):
    seen = []
    replace_file = imu.recording.writer.replace_file

    def watched(path, content):
        replace_file(path, content)
        seen.append(find_orphans(tmp_path))

    monkeypatch.setattr(imu.recording.writer, "replace_file", watched)
    with SessionWriter.create(tmp_path / "s", HEADER) as writer:
        writer.write(sample(0))
        assert find_orphans(tmp_path) == []
        assert rescue_orphans(tmp_path) == []
    assert seen == [[], []]  # the first header and the last
    assert open_session(tmp_path / "s").header.state == "closed"


@POSIX
def test_a_link_to_an_orphan_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    died(tmp_path / "elsewhere" / "dead")
    (tmp_path / "here" / "dead").symlink_to(tmp_path / "elsewhere" / "dead")
    assert find_orphans(tmp_path / "here") == []


def test_a_folder_that_is_not_there_has_no_orphans(tmp_path):
    assert find_orphans(tmp_path / "none") == []


def test_one_orphan_that_is_lost_does_not_keep_the_others_from_being_rescued(tmp_path):
    (died(tmp_path / "a") / "samples.arrows").write_bytes(bytes(500))
    died(tmp_path / "b", cut=5000)
    (_, lost), (_, partly) = rescue_orphans(tmp_path)
    assert lost.exit_code == 1
    assert lost.sentence.startswith("nothing could be rescued: ")
    assert "is not an Arrow stream" in lost.sentence
    assert find_orphans(tmp_path) == [tmp_path / "a"]  # somebody may still mend it by hand
    assert partly.exit_code == 3
    assert partly.sentence == (
        f"rescued {partly.samples} samples over {partly.seconds:.1f} s, up to where it was cut or"
        " damaged; the files as they were are kept beside it, ending in .damaged"
    )


def killed_at_once(folder):
    """Leave behind what a process killed before its first sample leaves."""
    SessionWriter.create(folder, HEADER).close()
    header = folder / "session.json"
    header.write_text(header.read_text().replace('"closed"', '"open"'))
    return folder


@pytest.mark.parametrize("samples", [None, 0, 4, 300, 1_000_000])
def test_an_orphan_without_a_sample_is_removed_and_named_once(tmp_path, samples):
    path = killed_at_once(tmp_path / "s") / "samples.arrows"
    if samples is None:
        path.unlink()
        (tmp_path / "s" / "events.jsonl").unlink()
    else:
        path.write_bytes(path.read_bytes()[:samples])
    [(folder, rescue)] = rescue_orphans(tmp_path)
    assert (folder.name, rescue.exit_code) == ("s", 1)
    assert rescue.sentence == (
        "nothing could be rescued: it holds no sample that can be used;"
        " its empty folder was removed"
    )
    assert list(tmp_path.iterdir()) == []
    assert rescue_orphans(tmp_path) == []


@pytest.mark.parametrize("kept", ["events.jsonl", "truth.csv", "samples.arrows", ".hidden"])
def test_an_orphan_with_anything_to_read_is_kept_and_named_once(tmp_path, kept):
    path = killed_at_once(tmp_path / "s") / kept
    begun = path.read_bytes().removesuffix(END_OF_STREAM) if path.exists() else b""
    path.write_bytes(begun + (b'{"type": "mark", "time_s": 0.0}\n' if "json" in kept else b"abc"))
    before = path.read_bytes()
    [(_, rescue)] = rescue_orphans(tmp_path)
    assert rescue.exit_code == 1
    assert rescue.sentence.endswith("what else it holds is kept")
    assert path.read_bytes() == before
    assert rescue_orphans(tmp_path) == []
    assert not (tmp_path / "s" / "writer.lock").exists()


@POSIX
def test_an_orphan_with_samples_and_unreadable_events_stays_as_it_is(tmp_path):
    events = died(tmp_path / "s") / "events.jsonl"
    events.unlink(missing_ok=True)
    events.mkdir()
    [(folder, rescue)] = rescue_orphans(tmp_path)
    assert "is not a plain file" in rescue.sentence
    assert find_orphans(tmp_path) == [folder]


def test_a_session_killed_before_its_first_sample_leaves_no_trace_at_the_next_start(tmp_path):
    code = (
        "import sys, os, signal; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "from test_recorder_faults import HEADER\n"
        "from pathlib import Path\n"
        "from imu.recording import SessionWriter\n"
        "SessionWriter.create(Path(sys.argv[3]), HEADER)\n"
        "os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, 'SIGKILL') else 9)\n"
    )
    folder = tmp_path / "killed"
    arguments = [str(ROOT), str(Path(__file__).parent), str(folder)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert find_orphans(tmp_path) == [folder]
    assert [path.name for path, _ in rescue_orphans(tmp_path)] == ["killed"]
    assert not folder.exists()


def test_a_rescue_says_what_it_found_and_removes_half_written_copies(tmp_path):
    died(tmp_path / "s")
    (tmp_path / "s" / ".session.json.k3j2h1").write_bytes(b'{"format": "hip')
    rescue = recover(tmp_path / "s")
    assert rescue.sentence == "whole, 300 samples over 1.0 s"
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "events.jsonl",
        "samples.arrows",
        "session.json",
    ]
