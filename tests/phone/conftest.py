"""Settings of their own, and what the tests here share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "page"):
    sys.path.insert(0, str(folder))


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """Keep the certificate made here out of the settings of who runs the tests."""
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"
