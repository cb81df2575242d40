"""The promises of docs/promises.md, each with a test of its name; one more is in tests/radio."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import hipturn as package
import hipturn.session.radio_session
from analysis import exercises
from hipturn.commands.cli import main
from hipturn.export.csv import write_tables
from hipturn.report import write_report
from hipturn.report.entry import Entry
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker, rotation_text
from hipturn.session.radio_session import Wish
from hipturn.session.replay import tracker_of
from hipturn.session.start import start_virtual
from hipturn.session.virtual_session import header_of, record_wearing
from imu.recording import (
    SessionError,
    SessionWriter,
    check_space,
    find_orphans,
    open_session,
    recover,
    session_folder,
)
from imu.recording.compact import ROWS
from imu.virtual.wearer import WearerSettings, wear

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
EXERCISE = "seated_internal_rotation"
STARTED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
SHORT = WearerSettings(reps=2, move_s=2.0, still_s=2.0)


@pytest.fixture(scope="module")
def wearing():
    """Return a session of two repetitions."""
    return wear(EXERCISE, "right", 21, SHORT)


@pytest.fixture
def session(wearing, tmp_path):
    """Return its folder."""
    record_wearing(tmp_path / "s", wearing, STARTED)
    return tmp_path / "s"


class Quiet:
    """A screen that keeps what it is shown."""

    def __init__(self):
        self.read = []
        self.said = []

    def show(self, update):
        self.read += [
            (update.time_s, leg.rotation_deg, leg.sigma_deg) for leg in update.legs.values()
        ]

    def say(self, text):
        self.said.append(text)

    def close(self):
        pass


def live(folder, wearing, samples=None):
    """Run a guided live session into a folder and return what its screen showed."""
    tracker = Tracker(wearing.units, "independent", exercises.load(EXERCISE), guided=True)
    screen = Quiet()
    with SessionWriter.create(folder, header_of(wearing, STARTED)) as writer:
        session = LiveSession(tracker, screen, writer)
        for sample in wearing.samples if samples is None else samples:
            session.take(sample)
        session.finish()
    return screen


def run(monkeypatch, *arguments):
    """Run the command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hipturn", *map(str, arguments)])
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
    return 0


def digests(folder):
    """Return every file of a folder with what it holds."""
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def program(code, *arguments, before=()):
    """Return a Python program, to be started, that can import the project."""
    command = [*before, sys.executable, "-u", "-c", code, *map(str, arguments)]
    return command, {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


# --- the six promises ----------------------------------------------------------------------------


@POSIX
def test_kill_it_at_any_time_at_most_the_last_quarter_second_is_lost_and_hipturn_recover_says_what_it_did(  # noqa: E501
    session, tmp_path, monkeypatch, capsys
):
    command = [sys.executable, str(ROOT / "benchmarks" / "kill.py"), "--times", "5"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, "--seed", str(os.getpid())], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("5 kills, 0 missing")
    for keep, code, says in (
        (1.0, 0, "whole"),
        (0.7, 3, "rescued"),
        (0.0, 1, "nothing in it can be"),
    ):
        folder = tmp_path / f"cut{code}"
        shutil.copytree(session, folder)
        header = folder / "session.json"
        header.write_text(header.read_text().replace('"closed"', '"open"'))
        samples = folder / "samples.arrows"
        os.truncate(samples, int(keep * samples.stat().st_size))
        assert run(monkeypatch, "recover", folder) == code
        said = capsys.readouterr()
        assert says in said.out + said.err


def test_a_recording_is_never_overwritten_nor_deleted_unasked(
    session, wearing, tmp_path, monkeypatch, capsys
):
    before = digests(session)
    with pytest.raises(SessionError, match="is already there"):
        SessionWriter.create(session, header_of(wearing, STARTED))
    for arguments in (
        ("analyse", session, "--out", tmp_path / "tables", "--no-report"),
        ("export", session, "--to", "csv", "--out", tmp_path / "exported"),
        ("replay", session, "--terminal", "--speed", "max"),
        ("recover", session),
        ("history", "--wearer", "virtual", "--dir", tmp_path),
    ):
        assert run(monkeypatch, *arguments) == 0, capsys.readouterr().err
    kept = digests(session)
    assert {name: kept[name] for name in before} == before
    # a second session of the same second gets a name of its own
    assert session_folder(tmp_path, STARTED, EXERCISE, "right") != session
    # what a rescue cuts away stays beside it
    whole = (session / "samples.arrows").read_bytes()
    (session / "samples.arrows").write_bytes(whole[:-5000])
    recover(session)
    assert (session / "samples.arrows.damaged").read_bytes() == whole[:-5000]


def test_no_invented_data_gaps_stay_empty_the_live_number_goes_blank_and_the_report_tells_them(
    wearing, tmp_path
):
    marks = {label: time_s for time_s, label in wearing.marks}
    begin_s = marks["set_start"] + 1.0
    gap = (begin_s, begin_s + 1.5)
    heard = [
        s for s in wearing.samples if s.unit != 1 or not gap[0] <= s.host_time_ns * 1e-9 < gap[1]
    ]
    screen = live(tmp_path / "s", wearing, heard)
    inside = [deg for at_s, deg, _ in screen.read if gap[0] + 0.2 < at_s < gap[1] - 0.2]
    assert len(inside) > 30
    assert all(math.isnan(deg) for deg in inside)
    assert rotation_text(inside[0]) == "– –"
    assert any(not math.isnan(deg) for at_s, deg, _ in screen.read if at_s > gap[1] + 1.0)
    session = open_session(tmp_path / "s")
    result = package.analyse(session)
    write_tables(result, tmp_path)
    table = pd.read_csv(tmp_path / "angles.csv")
    rows = table[table["time_s"].between(gap[0] + 0.2, gap[1] - 0.2)]
    assert len(rows) > 30
    assert rows["hip_internal_rotation_deg"].isna().all()
    assert not rows["valid"].any()
    page = write_report([Entry(result)], tmp_path / "r.html").read_text("utf-8")
    (longest_ms,) = re.findall(r"longest gap (\d+) ms", page)
    assert 1450 < int(longest_ms) < 1650


def test_a_disk_that_is_nearly_full_is_said_before_recording_starts_and_a_full_one_costs_nothing_that_was_recorded(  # noqa: E501
    tmp_path, monkeypatch
):
    space = importlib.import_module("imu.recording.space")
    usage = type("Usage", (), {"total": 10**12, "used": 10**12, "free": 123_400_000})
    with monkeypatch.context() as patch:
        patch.setattr(space.shutil, "disk_usage", lambda path: usage)
        assert "the disk is nearly full" in (check_space(tmp_path) or "")
        started = []
        patch.setattr(Quiet, "say", lambda self, text: started.append(text))
        patch.setattr(hipturn.session.radio_session, "open_display", lambda *_: Quiet())
        start_virtual(Wish(exercise=EXERCISE, seconds=0.2, root=str(tmp_path / "r")), speed=1.0)
        assert "the disk is nearly full" in started[0]
    if os.name != "posix":
        return
    code = (
        "import sys, signal, resource; from pathlib import Path\n"
        "from faults.test_recorder_faults import HEADER, sample\n"
        "from imu.recording import SessionError, SessionWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 10**9))\n"
        "try:\n"
        "    with SessionWriter.create(Path(sys.argv[1]), HEADER) as writer:\n"
        "        for number in range(20_000): writer.write(sample(number))\n"
        "except SessionError as error: print(error)\n"
    )
    command, environment = program(code, tmp_path / "full")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.rstrip().endswith("free some space; what it holds is kept")
    numbers = [s.device_time // 3333 for s in open_session(tmp_path / "full").samples()]
    assert len(numbers) > 1000
    assert numbers == list(range(len(numbers)))


def test_same_file_in_same_numbers_out_a_replay_gives_the_live_angles_and_the_tables_hold_them(
    wearing, tmp_path
):
    # what a radio sends is as coarse as a recording keeps it, the virtual wearer is finer
    record_wearing(tmp_path / "coarse", wearing, STARTED)
    samples = list(open_session(tmp_path / "coarse").samples())
    shown = live(tmp_path / "s", wearing, samples).read
    session = open_session(tmp_path / "s")
    tracker, _ = tracker_of(session)
    again = []
    for sample in session.samples():
        for update in tracker.push(sample):
            again += [(update.time_s, g.rotation_deg, g.sigma_deg) for g in update.legs.values()]
    for update in tracker.finish():
        again += [(update.time_s, g.rotation_deg, g.sigma_deg) for g in update.legs.values()]
    assert len(again) > 500
    assert repr(again) == repr(shown)
    table = package.analyse(session).angles
    measured = table[table["time_s"] > round(again[0][0], 6) - 1e-4]
    # the end tells what was still open, with the angle of the last frame
    frames = [
        a for a, later in zip(again, [*again[1:], (math.inf,)], strict=True) if a[0] < later[0]
    ]
    np.testing.assert_array_equal(
        measured["hip_internal_rotation_deg"].to_numpy(),
        np.round(np.array([deg for _, deg, _ in frames]), 3),
    )
    for name in ("a", "b"):
        write_tables(package.analyse(open_session(tmp_path / "s")), tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


# --- what else happens to a recording ------------------------------------------------------------


def test_cut_at_any_byte_a_recording_opens_with_everything_before(session, tmp_path):
    whole = open_session(session).table().host_time_ns
    path = session / "samples.arrows"
    data = path.read_bytes()
    begins = 1000  # past the schema
    between = [at for at in range(begins, len(data)) if data[at : at + 4] == b"\xff" * 4]
    cuts = [
        *between[-4:],
        *range(len(data) - 60, len(data)),
        *range(begins, len(data), len(data) // 60),
    ]
    read = {}
    for cut in cuts:
        path.write_bytes(data[:cut])
        try:
            opened = open_session(session)
            times = opened.table().host_time_ns
        except SessionError:
            assert cut < between[1]  # before the end of its first batch there is nothing
            continue
        np.testing.assert_array_equal(times, whole[: len(times)])
        assert opened.cut  # also between two batches: a closed recording has an end
        read[cut] = len(times)
    ordered = [read[cut] for cut in sorted(read)]
    assert ordered == sorted(ordered)
    assert max(np.diff(ordered)) < 1.1 * ROWS  # no cut costs more than about a batch
    assert ordered[-1] == len(whole)


@LINUX
def test_a_read_only_disk_is_refused_in_a_sentence_and_harms_no_recording(session, tmp_path):
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    code = (
        "import sys; from hipturn.commands.cli import main; place = sys.argv[1]\n"
        "live = ['live', '--virtual', '--terminal', '--speed', 'max', '--exercise']\n"
        f"live.append('{EXERCISE}')\n"
        "for words in ([*live, '--dir', place], ['analyse', place + '/s', '--out', place + '/t'],\n"
        "              ['history', '--wearer', 'virtual', '--dir', place]):\n"
        "    sys.argv = ['hipturn', *words]\n"
        "    try:\n"
        "        main()\n"
        "        print('exit', 0)\n"
        "    except SystemExit as ended:\n"
        "        print('exit', ended.code)\n"
    )
    before = digests(session)
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" || exit 77; exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mount, str(tmp_path)]
    command, environment = program(code, tmp_path, before=inside)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("this system lets nobody mount a disk")
    assert re.findall(r"^exit (\d+)", ended.stdout, re.MULTILINE) == ["1", "1", "0"], ended.stderr
    complaints = [line for line in ended.stderr.splitlines() if line.startswith("hipturn: ")]
    assert len(complaints) == 2, ended.stderr
    assert all("ead-only file system" in line for line in complaints)
    assert "Traceback" not in ended.stderr
    assert digests(session) == before


def test_the_clock_on_the_wall_may_jump_and_summer_time_may_end_nothing_moves(
    wearing, tmp_path, monkeypatch
):
    undisturbed = live(tmp_path / "a", wearing).read
    jumps = iter(range(10**9))
    for name in ("time", "time_ns"):
        a_second = 1 if name == "time" else 10**9
        monkeypatch.setattr(
            time, name, lambda s=a_second: (2_000_000_000 + (-1) ** next(jumps) * 3600) * s
        )
    assert abs(time.time() - time.time()) > 7000
    disturbed = live(tmp_path / "b", wearing).read
    assert repr(disturbed) == repr(undisturbed)
    monkeypatch.undo()
    for name in ("samples.arrows", "events.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    # the hour that the wall shows twice: names stay apart and in the order of what happened
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=0)
    second = first.replace(fold=1)
    assert second.timestamp() - first.timestamp() == 3600
    one = session_folder(tmp_path, first, EXERCISE, "right")
    other = session_folder(tmp_path, second, EXERCISE, "right")
    assert one.name < other.name
    kept = []
    for folder, at in ((one, first), (other, second)):
        offset = timezone(at.utcoffset() or timedelta())
        record_wearing(folder, wearing, at.astimezone(offset))
        kept.append(open_session(folder).header.started_at)
    assert kept[1] - kept[0] == timedelta(hours=1)


WALL = re.compile(
    r"\btime\.(?:time|time_ns|localtime|gmtime|ctime|strftime)\(|\bdatetime\.(?:now|utcnow|today)\("
    r"|\bdate\.today\("
)


WALL_CLOCKS = (
    "server/door/link.py",
    "server/door/certificate.py",
    "hipturn/safety.py",
    "history/edits.py",
    "history/present_wearer.py",
    "server/unfinished.py",
    "commands/cli.py",
)
"""How old the page's token, its certificate, a broken-off visit and the last calibration are, and
when a wearer was told what is safe, was chosen, or was corrected."""


def test_of_a_session_only_its_name_comes_from_the_clock_on_the_wall():
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {line.strip()}"
        for room in ("imu", "analysis", "hipturn")
        for path in (ROOT / room).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if WALL.search(line) and not path.as_posix().endswith(WALL_CLOCKS)
    }
    assert found == {
        "hipturn/session/radio_session.py: started_at, side = datetime.now().astimezone(),"
        " recorded_side(units)"
    }


def test_the_counters_of_a_unit_may_wrap_nothing_is_lost_and_no_time_jumps(wearing):
    def followed(samples):
        tracker = Tracker(wearing.units, "independent", exercises.load(EXERCISE), guided=True)
        updates = [update for sample in samples for update in tracker.push(sample)]
        assert tracker.dropped == {}
        return [
            (u.time_s, u.frame.q, [leg.rotation_deg for leg in u.legs.values()]) for u in updates
        ]

    first = {}
    for sample in wearing.samples:
        first.setdefault(sample.unit, (sample.device_time or 0, sample.sequence or 0))

    def counting_from(ticks, number):
        return [
            s._replace(
                device_time=((s.device_time or 0) - first[s.unit][0] + ticks) % 2**32,
                sequence=((s.sequence or 0) - first[s.unit][1] + number) % 2**16,
            )
            for s in wearing.samples
        ]

    plain = followed(counting_from(0, 0))
    wrapping = counting_from(2**32 - 20_000_000, 2**16 - 600)
    for unit in range(2):
        times = [s.device_time for s in wrapping if s.unit == unit]
        assert min(times) < 20_000_000 < max(times)  # it does wrap
    assert repr(followed(wrapping)) == repr(plain)


SUSPENDED = f"""
import sys
from hipturn.session.start import start_virtual
import hipturn.session.start
from imu.virtual.wearer import WearerSettings
hipturn.session.start.settings_for = lambda *_: WearerSettings(reps=3, move_s=2.0, still_s=2.0)
from analysis import exercises
from hipturn.session.radio_session import Wish
wish = Wish(exercise={EXERCISE!r}, root=sys.argv[1], dose=exercises.load({EXERCISE!r}).dose)
start_virtual(wish, seed=4, speed=25.0)
"""


@POSIX
def test_a_process_that_was_suspended_goes_on_and_closes_its_recording(tmp_path):
    command, environment = program(SUSPENDED, tmp_path)
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if "streaming" in line:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 0, said + complained
    assert "Traceback" not in complained
    (folder,) = tmp_path.iterdir()
    session = open_session(folder)
    assert session.header.state == "closed"
    times = [sample.host_time_ns for sample in session.samples()]
    assert all(b >= a for a, b in itertools.pairwise(times))
    assert find_orphans(tmp_path) == []
    assert len(package.analyse(session).angles) > 100


HOLDS = """
import sys; from pathlib import Path
from faults.test_recorder_faults import HEADER, sample
from imu.recording import SessionWriter
writer = SessionWriter.create(Path(sys.argv[1]), HEADER)
for number in range(500): writer.write(sample(number))
writer.flush()
print("recording", flush=True)
sys.stdin.read()
writer.close()
"""


def test_two_processes_never_write_one_recording(tmp_path, wearing, monkeypatch, capsys):
    folder = tmp_path / "s"
    command, environment = program(HOLDS, folder)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "recording\n"
        before = digests(folder)
        with pytest.raises(SessionError, match="is already there"):
            SessionWriter.create(folder, header_of(wearing, STARTED))
        with pytest.raises(SessionError, match="is being recorded by another process"):
            recover(folder)
        assert run(monkeypatch, "recover", folder) == 1
        assert "is being recorded by another process" in capsys.readouterr().err
        assert find_orphans(tmp_path) == []
        assert len(list(open_session(folder).samples())) == 500  # reading is no harm
        assert digests(folder) == before
        other.communicate("")
    assert open_session(folder).header.state == "closed"
    assert recover(folder).exit_code == 0


@LINUX
@pytest.mark.parametrize(
    "hours",
    [
        pytest.param(0.1, id="six minutes"),
        pytest.param(8.0, id="eight hours", marks=pytest.mark.long),
    ],
)
def test_eight_hours_in_one_go_lose_no_sample_take_no_more_memory_and_keep_the_angle_within_its_uncertainty(  # noqa: E501
    hours,
):
    command = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), "--hours", str(hours)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


# --- the table in docs/promises.md ---------------------------------------------------------------


def slug(promise):
    """Return the name of the test of a promise."""
    words = re.findall(r"[a-z0-9]+", promise.lower().replace("'s", "s"))
    return "test_" + "_".join(words)


def test_every_promise_has_a_test_of_the_same_name():
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| \[([^\]]+)\]\(([^)]+)\) \|$", text, re.MULTILINE)
    assert len(rows) >= 13
    for promise, shown, path in rows:
        code = (ROOT / "docs" / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {slug(promise)}\(", code, re.MULTILINE), promise
        assert shown == Path(path).name
