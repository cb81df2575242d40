"""The interpreters that run the firmware: CPython, MicroPython, and MicroPython with 32 bits."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware_config" / "reference_unit"
FAKES, PROGRAMS, LIBRARY = HERE / "fakes", HERE / "programs", FIRMWARE / "lib"
BOARD = FIRMWARE / "boards" / "m5stickc_plus2"

GIVEN = "HIPTURN_MICROPYTHON_WASM"
"""May name a `micropython.mjs` that is here already."""
WASM = "@micropython/micropython-webassembly-pyscript@1.27.0"
MICROPYTHON = "import sys; from micropython_unix import main; sys.exit(main())"
LIMIT_S = 60.0


def micropython() -> list[str]:
    """Return what starts MicroPython; the test is skipped where it is not installed."""
    if importlib.util.find_spec("micropython_unix") is None:
        pytest.skip(
            "needs MicroPython: `pip install hipturn[firmware]` (Linux x86-64, macOS arm64)"
        )
    return [sys.executable, "-c", MICROPYTHON]


@functools.cache
def wasm() -> tuple[str, Path]:
    """Return Node and the 32-bit MicroPython, of the npm registry; else the test is skipped."""
    node, npm = shutil.which("node"), shutil.which("npm")
    given = os.environ.get(GIVEN, "")
    if node is not None and Path(given).is_file():
        return node, Path(given)
    if node is None or npm is None:
        pytest.skip(f"needs Node.js and npm, which bring the 32-bit MicroPython; or {GIVEN}")
    folder = Path(tempfile.mkdtemp(prefix="hipturn-wasm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    words = [npm, "pack", WASM, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=LIMIT_S, check=False)
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        pytest.skip(f"the npm registry cannot be reached for {WASM}")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return node, folder / "package" / "micropython.mjs"


def command(name: str, program: Path, folders: list[Path]) -> tuple[list[str], dict[str, str]]:
    """Return command line and environment of a program that can import what is in the folders."""
    path = os.pathsep.join(str(folder) for folder in folders)
    if name == "cpython":
        return [sys.executable, str(program)], {**os.environ, "PYTHONPATH": path}
    if name == "micropython":
        return [*micropython(), str(program)], {**os.environ, "MICROPYPATH": f"{path}:.frozen"}
    node, interpreter = wasm()
    runner = str(HERE / "run_wasm.mjs")
    words = [node, runner, str(interpreter), str(program), *(str(folder) for folder in folders)]
    return words, dict(os.environ)


def run(name: str, program: str, *words: str, cwd: Path | None = None) -> str:
    """Run one of the programs here to its end; return what it printed."""
    line, environment = command(name, PROGRAMS / program, [FAKES, LIBRARY])
    done = subprocess.run(
        [*line, *words],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
