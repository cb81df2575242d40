"""The firmware of the reference unit, on a board that is not there."""

from __future__ import annotations

import sys
from pathlib import Path

FIRMWARE = Path(__file__).parents[2] / "firmware_config" / "reference_unit"

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "fakes")]
sys.path.append(str(FIRMWARE / "lib"))
