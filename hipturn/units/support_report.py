"""Gives the doctor's findings as a text to send to us, without anything about a person.

Names and addresses of units become `unit 1`, `unit 2`; folders become `(folder)`. Sessions are not
looked at.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import hipturn
from hipturn.session_paths import recordings_root
from hipturn.units.doctor import Finding
from hipturn.units.kit import Checked

HEADER = "What follows names no person, unit or folder. Send it with one sentence on what you did."
PACKAGES = ("bleak", "numpy", "vqf")
FOLDER = "(folder)"
# Bluetooth addresses, and what macOS gives in their place.
ADDRESS = re.compile(
    r"\b(?:[0-9A-F]{2}(?::[0-9A-F]{2}){5}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})\b",
    re.IGNORECASE,
)
# A path, to the end of the text: its folders may have spaces.
PATH = re.compile(r"(?<!\S)(?:~|[A-Za-z]:)?[\\/]\S.*", re.DOTALL)


def support_report(
    findings: Sequence[Finding],
    checked: Sequence[Checked],
    of_units: Mapping[str, Sequence[Finding]] | None = None,
) -> list[str]:
    """Return the lines of the report.

    Parameters
    ----------
    findings
        What was looked at on the computer, or of all units together.
    checked
        What the kit remembers of guided checks.
    of_units
        A unit, as people know it → what its check showed now.
    """
    of_units = of_units or {}
    hidden = {name: f"unit {number}" for number, name in enumerate(of_units, start=1)}
    lines = [HEADER, *_versions()]
    lines += [_line(finding, "", hidden) for finding in findings]
    for unit, shown in of_units.items():
        lines += [_line(finding, f"{hidden[unit]}: ", hidden) for finding in shown]
    for one in checked:
        lines.append(f"checked {one.on}: {one.profile} {'passed' if one.passed else 'failed'}")
    return lines


def _versions() -> Iterator[str]:
    """Yield what runs here; never the computer's name."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield f"hipturn {hipturn.__version__} on {system}, Python {platform.python_version()}"
    yield ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)


def _line(finding: Finding, of: str, hidden: Mapping[str, str]) -> str:
    """Return one finding without names, addresses and folders."""
    text = finding.text
    for name, told in hidden.items():
        text = text.replace(name, told)
    root = recordings_root().resolve()
    for folder in (root, *root.parents, Path.home(), Path.cwd()):
        if folder != folder.parent:
            text = text.replace(str(folder), FOLDER)
    text = ADDRESS.sub("(address)", PATH.sub(FOLDER, text))
    return f"{'ok   ' if finding.good else 'FAULT'} {of}{finding.what}: {text}"
