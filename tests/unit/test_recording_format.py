"""docs/recording-format.md describes what is on disk, and its example runs."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import hipturn
from hipturn.session.radio_session import Wish
from hipturn.session.start import start_virtual
from imu.recording import SessionHeader
from imu.recording.arrow_stream import SCHEMA
from imu.sample import Unit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recording-format.md").read_text(encoding="utf-8")
DEMO = sorted((ROOT / "recordings" / "demo").glob("*/session.json"))


def rows(heading: str, number: int = 0) -> list[list[str]]:
    """Return the rows of a section's table, each cell as it is written."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    lines = tables[number].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cells: list[str]) -> list[str]:
    """Return the names between backticks."""
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_example_reads_a_demo_session(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example
    found: dict[str, object] = {}
    exec(compile(example[1], "recording-format.md", "exec"), found)  # noqa: S102
    assert capsys.readouterr().out.splitlines()[0].split() == ["count", "min", "max"]
    table = hipturn.open(ROOT / "recordings/demo/prone_windshield_wiper").table()
    samples = found["samples"]
    assert len(samples) == len(table)
    assert samples["time_s"].iloc[-1] == table.host_time_ns[-1] / 1e9
    assert samples["qx"].to_numpy() == pytest.approx(table.q[:, 1])


def test_the_page_lists_every_column_of_the_samples_with_its_type():
    listed = [(names([row[0]])[0], row[1]) for row in rows("samples.arrows")]
    assert listed == [(field.name, str(field.type)) for field in SCHEMA]


def test_the_page_lists_every_field_of_the_header_and_of_a_unit():
    header = names([row[0] for row in rows("session.json")])
    assert header == ["format", "version", *sorted_like(header, SessionHeader)]
    unit = names([row[0] for row in rows("session.json", 1)])
    assert unit == sorted_like(unit, Unit)


def sorted_like(listed: list[str], kind: type) -> list[str]:
    """Return a dataclass's fields in the order of a page, unlisted ones last."""
    known = [field.name for field in fields(kind)]
    return sorted(known, key=lambda name: listed.index(name) if name in listed else len(listed))


def test_demo_sessions_have_the_documented_fields_and_no_others():
    assert len(DEMO) == 3
    documented = set(names([row[0] for row in rows("session.json")]))
    for path in DEMO:
        header = json.loads(path.read_text(encoding="utf-8"))
        assert set(header) == documented - {"samples_hash"}  # of an import
        for unit in header["units"]:
            known = set(names([row[0] for row in rows("session.json", 1)]))
            assert set(unit) == known - {"upright", "tilt_sigma_deg"}  # of a phone


def test_a_live_session_writes_the_documented_events_and_no_others(tmp_path, capsys):
    documented = {
        names([row[0]])[0]: {"type", "time_s", *names([row[1]])} for row in rows("events.jsonl")
    }
    folder = start_virtual(Wish(exercise="ninety_ninety_lift", root=str(tmp_path), active=True))
    demo = (DEMO[0].parent / "events.jsonl").read_text(encoding="utf-8")
    live = (folder / "events.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in (demo + live).splitlines()]
    # nothing went wrong in this session, and nobody said that units are worn otherwise
    troubles = {"reconnected", "rate", "unread", "ended", "misread", "reassigned"}
    assert {event["type"] for event in events} == documented.keys() - troubles
    labels = documented.pop("mark") - {"type", "time_s", "label"}
    for event in events:
        if event["type"] == "mark":
            assert event["label"] in labels
        else:
            # `declared` names the visit where there is one
            told = documented[event["type"]]
            assert set(event) <= told if event["type"] == "declared" else set(event) == told
