"""The interpreters that run the firmware: CPython, MicroPython, and MicroPython with 32 bits."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware_config" / "reference_unit"
FAKES, PROGRAMS, LIBRARY = HERE / "fakes", HERE / "programs", FIRMWARE / "lib"
BOARD = FIRMWARE / "boards" / "m5stickc_plus2"

NODE_MODULES = "HIPTURN_NODE_MODULES"
WASM = "@micropython/micropython-webassembly-pyscript"
MICROPYTHON = "import sys; from micropython_unix import main; sys.exit(main())"
LIMIT_S = 60.0


def micropython() -> list[str]:
    """Return what starts MicroPython; the test is skipped where it is not installed."""
    if importlib.util.find_spec("micropython_unix") is None:
        pytest.skip(
            "needs MicroPython: `pip install hipturn[firmware]` (Linux x86-64, macOS arm64)"
        )
    return [sys.executable, "-c", MICROPYTHON]


def wasm() -> tuple[str, Path]:
    """Return Node and the 32-bit MicroPython; the test is skipped where one is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js, which runs the 32-bit MicroPython")
    folder = Path(os.environ.get(NODE_MODULES, "node_modules"))
    found = (folder / WASM / "micropython.mjs").absolute()
    if not found.exists():
        pytest.skip(f"needs `npm install {WASM}`, and {NODE_MODULES} saying where")
    return node, found


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
