"""The text that people send to us: what the doctor found, and nothing about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import hipturn
from hipturn.commands.cli import cli
from hipturn.units import check_units, doctor, kit
from hipturn.units.check_units import Examined
from hipturn.units.doctor import Finding
from hipturn.units.kit import Checked
from hipturn.units.support_report import support_report
from hipturn.units.unit_verdict import Verdict

UNIT = "Jane left (D4:22:CD:00:00:09)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of somebody with a name."""
    folder = tmp_path / "Jane Doe"
    (folder / "my sessions").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("HIPTURN_RECORDINGS", str(folder / "my sessions"))
    monkeypatch.setenv("HIPTURN_CONFIG", str(folder / "settings"))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12 GB free in {home}/my sessions", "12 GB free in (folder)"),
        ("{home} cannot be written", "(folder) cannot be written"),
        (
            "a package is in the way: /srv/Jane Doe/imu; remove it",
            "a package is in the way: (folder)",
        ),
        (r"it hides: C:\\Users\\Jane Doe\\bleak.py", "it hides: (folder)"),
        (f"{UNIT} turns 4 % too far: 2.1 deg/s", "unit 1 turns 4 % too far: 2.1 deg/s"),
        ("d4:22:cd:00:00:0a did not answer", "(address) did not answer"),
        ("8A7C26C4-12D1-4D6A-9E58-4B7D5C1F3A20 did not answer", "(address) did not answer"),
    ],
)
def test_names_addresses_and_folders_are_left_out(home: Path, text: str, told: str) -> None:
    finding = Finding("thing", good=False, text=text.format(home=home))
    lines = support_report([finding], [], {UNIT: [Finding("gain", good=True, text="right")]})
    assert f"FAULT thing: {told}" in lines
    assert "ok    unit 1: gain: right" in lines
    assert not any("Jane" in line or "Doe" in line for line in lines)


def test_the_command_prints_versions_findings_and_earlier_checks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_bluetooth", lambda: [Finding("Bluetooth", False, "it is off")])
    kit.remember_checked([Checked(UNIT, "A17", "hipturn_reference", "2026-11-01", passed=True)])
    result = CliRunner().invoke(cli, ["doctor", "--report"])
    assert result.exit_code == 1
    assert f"hipturn {hipturn.__version__} on " in result.output
    assert "FAULT Bluetooth: it is off" in result.output
    assert "checked 2026-11-01: hipturn_reference passed" in result.output
    for secret in ("Jane", "Doe", "D4:22", "A17", str(home)):
        assert secret not in result.output


def test_a_guided_check_is_told_without_the_units_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def done(units: tuple[str, ...], say: object) -> Examined:
        finding = Finding("gain", good=False, text=f"{UNIT} turns 4 % too far")
        passed = Checked(
            "D4:22:CD:00:00:09", "A17", "hipturn_reference", "2026-11-01", passed=False
        )
        return Examined((Verdict(UNIT, (finding,)),), (), (passed,))

    monkeypatch.setattr(check_units, "check_units", done)
    result = CliRunner().invoke(cli, ["doctor", "--units", "--report"])
    assert result.exit_code == 1
    assert "FAULT unit 1: gain: unit 1 turns 4 % too far" in result.output
    assert "checked 2026-11-01: hipturn_reference failed" in result.output
    assert "Jane" not in result.output
    assert "D4:22" not in result.output
