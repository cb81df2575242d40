"""What belongs to a wearer stays on this computer, is its owner's alone, and enters no log."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hipturn.commands.cli import main
from hipturn.session.virtual_session import header_of
from hipturn.units.kit import KitUnit, remember
from imu.recording import SessionWriter
from imu.virtual.wearer import WearerSettings, wear

ROOT = Path(__file__).parents[2]
EXERCISE = "seated_internal_rotation"
WEARER = "W-Kestrel-77"
NOTE = "left knee replaced in 2019"


def recorded(root):
    """Record one session of a wearer, as a program of somebody's own would."""
    wearing = wear(EXERCISE, "right", 21, WearerSettings(reps=2, move_s=2.0, still_s=2.0))
    header = header_of(wearing, datetime(2026, 3, 1, 10, 30, tzinfo=UTC), WEARER)
    with SessionWriter.create(root / "s", header) as writer:
        writer.update(notes=(NOTE,))
        for sample in wearing.samples:
            writer.write(sample)


def commands(root, out):
    """Return the commands that work on recordings, with all that they can write."""
    session = root / "s"
    return [
        ("analyse", root, "--out", out / "tables"),
        *[("report", session, "-o", out / f"report.{kind}") for kind in ("pdf", "html", "png")],
        *[("export", session, "--to", f, "--out", out / f) for f in ("csv", "parquet", "fhir")],
        *[("export", session, "--to", f, "--out", out / f) for f in ("opensim", "motion-bids")],
        ("history", "--wearer", WEARER, "--dir", root, "-o", out / "trend.png"),
        ("replay", session, "--terminal", "--speed", "max"),
        ("recover", session),
        (
            *("import", "opensense", out / "opensim" / "orientations.sto"),
            *("--exercise", EXERCISE, "--out", out / "again"),
        ),
        ("exercises",),
        ("kit",),
        ("analyse", out / "nothing", "--out", out / "t"),  # what goes wrong must not tell either
    ]


class Kept(logging.Handler):
    """Keeps every line of every log."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append((record.name, record.getMessage()))


@dataclass(frozen=True)
class Done:
    """What all commands left behind, run one after the other without any socket."""

    folder: Path
    codes: list[int]
    sockets: list[object]
    log: list[tuple[str, str]]
    complaints: str


def run(patch, *arguments):
    """Run the command in this process and return its exit code."""
    patch.setattr(sys, "argv", ["hipturn", *map(str, arguments)])
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
    return 0


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run everything once: sockets are refused, logs kept, the umask is the usual one."""
    folder = tmp_path_factory.mktemp("private")
    recorded(folder / "recordings")
    kept, root_log, sockets, complaints = Kept(), logging.getLogger(), [], io.StringIO()

    def refuse(*arguments, **_):
        sockets.append(arguments)
        raise AssertionError("a socket")

    umask, level = os.umask(0o022), root_log.level
    root_log.addHandler(kept)
    root_log.setLevel(logging.DEBUG)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(complaints):
        patch.setenv("HIPTURN_CONFIG", str(folder / "config"))
        for name in ("socket", "create_connection", "create_server", "getaddrinfo", "socketpair"):
            patch.setattr(socket, name, refuse)
        todo = commands(folder / "recordings", folder / "out")
        codes = [run(patch, *arguments) for arguments in todo]
        remember("right-thigh", KitUnit("D4:22:CD:00:AB:01"))
    root_log.setLevel(level)
    root_log.removeHandler(kept)
    os.umask(umask)
    return Done(folder, codes, sockets, kept.lines, complaints.getvalue())


def test_every_command_does_its_work_without_a_network(done):
    assert done.codes == [0] * (len(done.codes) - 1) + [1], done.complaints


def test_analyse_replay_report_export_and_import_open_no_socket(done):
    assert done.sockets == []


@pytest.mark.skipif(os.name != "posix", reason="other systems have other modes")
def test_sessions_kit_index_tables_reports_and_exports_are_their_owners_alone(done):
    found = list(done.folder.rglob("*"))
    kinds = {".pdf", ".html", ".png", ".csv", ".parquet", ".sqlite", ".json", ".jsonl", ".sto"}
    assert {path.suffix for path in found} >= {*kinds, ".arrows", ".tsv"}
    open_to_others = {
        str(path.relative_to(done.folder)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in found
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others == {}


def test_nothing_of_a_wearer_enters_a_log(done):
    ours = [line for name, line in done.log if name.split(".")[0] in ("imu", "analysis", "hipturn")]
    assert ours == []
    logged = "\n".join(line for _, line in done.log)
    for secret in (WEARER, NOTE):
        assert secret not in logged
    assert WEARER not in done.complaints


WATCH = """
import sys
opened = []
def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        opened.append(f"{event} {arguments[1:]}")
sys.addaudithook(watch)
sys.path.insert(0, sys.argv.pop(1))
from hipturn.commands.cli import main
try:
    main()
except SystemExit as ended:
    print("exit", ended.code or 0)
print("OPENED", [one for one in opened if "__new__" not in one], file=sys.stderr)
"""


def test_a_session_on_the_air_speaks_to_nobody_but_the_radio(tmp_path):
    """The event loop makes a pair of sockets for itself; nothing is bound, connected or sent."""
    arguments = ["live", "--virtual", "--terminal", "--speed", "max", "--exercise", EXERCISE]
    arguments += ["--seconds", "5", "--dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(ROOT), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "session:" in done.stdout, done.stderr
    assert done.stderr.splitlines()[-1] == "OPENED []"


def test_our_code_writes_no_log_at_all():
    calls = re.compile(r"getLogger\((.*?)\)|logging\.(?:debug|info|warning|error|exception|log)\(")
    found = {
        path.relative_to(ROOT).as_posix(): calls.findall(path.read_text(encoding="utf-8"))
        for room in ("imu", "analysis", "hipturn")
        for path in (ROOT / room).rglob("*.py")
    }
    used = {name: loggers for name, loggers in found.items() if loggers}
    # only asyncio's and, without a home, matplotlib's, and these are silenced
    assert used == {"hipturn/errors.py": ['"matplotlib"', '"asyncio"']}
    silenced = re.compile(r"getLogger\((.*?)\)\.setLevel\(logging\.")
    for name, loggers in used.items():
        assert silenced.findall((ROOT / name).read_text(encoding="utf-8")) == loggers


# --- the table of threats ------------------------------------------------------------------------


def test_every_threat_names_tests_that_exist():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)[2:]
    assert len(rows) >= 15
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    defined = set(re.findall(r"^def (test_\w+)\(", code, re.MULTILINE))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= defined, row
