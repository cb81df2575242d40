"""When not to exercise: told once to each wearer before the first session, and in README.

It is told and never asked: nothing waits for an answer. Without a pseudonym it is told every time,
since nobody can be recognised. `hipturn forget` removes the record of it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from imu.recording.folder import replace_file

SAFETY_FILE = "safety_shown.json"
SAFETY = (
    "Before you begin: hip rotation is not for everyone.",
    "Do not exercise after a hip replacement, recent hip surgery or a fracture unless your"
    " clinician says so: after an operation from behind, bending past 90°, turning in and crossing"
    " the middle are commonly each restricted; after one from the front, stretching back and"
    " turning out. Your surgeon's rules count.",
    "See a doctor first for pain at night, fever, a leg that cannot bear weight, a recent injury,"
    " or a child or adolescent who limps.",
    "Stop when it hurts sharply, pinches in the groin, or the knee complains.",
    "hipturn is no medical device, and its numbers are not a diagnosis.",
)


def untold(root: Path, wearer: str) -> tuple[str, ...]:
    """Return what a wearer has to be told before a session; nothing where it was told before."""
    return () if wearer and wearer in _shown(root) else SAFETY


def tell(root: Path, wearer: str, say: Callable[[str], None]) -> None:
    """Tell a wearer what was not told before, and remember it."""
    for line in untold(root, wearer):
        say(line)
    note_told(root, wearer)


def note_told(root: Path, wearer: str) -> None:
    """Remember that a wearer was told; a folder that cannot be written is told again next time."""
    if not wearer or wearer in _shown(root):
        return
    shown = {**_shown(root), wearer: datetime.now().astimezone().isoformat(timespec="seconds")}
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        _write(root / SAFETY_FILE, shown)


def forget_told(path: Path, wearer: str) -> bool:
    """Remove a wearer from the record; return whether it was there.

    Raises
    ------
    OSError
        When the record cannot be written.
    """
    shown = _shown(path.parent)
    if shown.pop(wearer, None) is None:
        return False
    if shown:
        _write(path, shown)
    else:
        path.unlink()
    return True


def _shown(root: Path) -> dict[str, str]:
    path = root / SAFETY_FILE
    try:
        if path.is_symlink():
            return {}
        # ours, and it grows with every wearer: no limit that is meant for files of others
        data = json.loads(path.read_bytes()).get("shown")
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}  # it is told once more
    if not isinstance(data, dict):
        return {}
    return {name: when for name, when in data.items() if isinstance(when, str)}


def _write(path: Path, shown: dict[str, str]) -> None:
    text = json.dumps({"format": "hipturn safety", "shown": shown}, indent=1, ensure_ascii=False)
    replace_file(path, [text.encode(), b"\n"])
