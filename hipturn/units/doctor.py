"""Checks whether this computer is ready: each line is a fact, or a fault and its remedy."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hipturn.session_paths import recordings_root
from imu.air.radio_errors import RADIO_ERRORS, explain
from imu.recording.space import check_space

OLDEST_BLUEZ = (5, 55)
OUR_PACKAGES = ("imu", "analysis", "hipturn")


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    good: bool
    text: str


def examine() -> list[Finding]:
    """Look at Python, packages, disk and Bluetooth."""
    python = Finding("Python", True, platform.python_version())
    return [python, *_packages(), _disk(), *_bluetooth()]


def _packages() -> Iterator[Finding]:
    home = Path(__file__).resolve().parents[2]
    for name in OUR_PACKAGES:
        spec = importlib.util.find_spec(name)
        where = Path(spec.origin).resolve().parent if spec and spec.origin else None
        good = where == home / name
        text = "ours" if good else f"another package of that name is in the way: {where}; remove it"
        yield Finding(f"package {name}", good, text)
    spec = importlib.util.find_spec("bleak")
    origin = Path(spec.origin) if spec and spec.origin else None
    if origin is None or origin.name != "__init__.py":
        yield Finding("bleak", False, f"{origin or 'missing'}: a file named bleak.py hides it")
    else:
        yield Finding("bleak", True, importlib.metadata.version("bleak"))


def _disk() -> Finding:
    root = recordings_root()
    there = next(path for path in (root, *root.resolve().parents) if path.exists())
    sentence = check_space(there)
    if not os.access(there, os.W_OK):
        return Finding("disk", False, f"{there} cannot be written; choose another with --dir")
    free = shutil.disk_usage(there).free / 1e9
    return Finding("disk", sentence is None, sentence or f"{free:.0f} GB free in {there}")


def _bluetooth() -> Iterator[Finding]:
    if sys.platform == "linux":
        yield from _bluez()
    try:
        asyncio.run(_scan_briefly())
    except RADIO_ERRORS as error:
        yield Finding("Bluetooth", False, explain(error))
    else:
        yield Finding("Bluetooth", True, "can scan")


def _bluez() -> Iterator[Finding]:
    tool = shutil.which("bluetoothctl")
    if tool is None:
        return  # whether Bluetooth works is found out by scanning
    told = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 (our own argument list)
    digits = told.stdout.rpartition(" ")[2].strip()
    version = tuple(int(part) for part in digits.split(".") if part.isdigit())
    good = version >= OLDEST_BLUEZ
    yield Finding("BlueZ", good, digits if good else f"{digits} is older than 5.55: update it")


async def _scan_briefly() -> None:
    from bleak import BleakScanner

    async with BleakScanner():
        await asyncio.sleep(0.1)
