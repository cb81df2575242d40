"""Safety is told once to each wearer, before the first session, and blocks nothing."""

from __future__ import annotations

from pathlib import Path

from hipturn.history.forget import forget
from hipturn.safety import SAFETY, SAFETY_FILE, note_told, tell, untold


def test_a_wearer_is_told_once_and_without_a_pseudonym_every_time(tmp_path):
    said: list[str] = []
    for wearer in ("W1", "W1", "", ""):
        tell(tmp_path, wearer, said.append)
    assert said == [*SAFETY] * 3
    assert untold(tmp_path, "W2") == SAFETY
    assert untold(tmp_path, "W1") == ()


def test_it_is_told_before_the_first_session_and_not_before_the_second(hipturn, tmp_path):
    live = ("live", "--virtual", "--terminal", "--speed", "max", "--wearer", "W1",
            "--exercise", "revolved_pyramid", "--seconds", "6", "--dir", tmp_path)  # fmt: skip
    first, second = (hipturn(*live)[1] for _ in range(2))
    assert first.index(SAFETY[0]) < first.index("Looking for the units")
    assert SAFETY[0] not in second
    assert "Looking for the units" in second


def test_a_record_that_cannot_be_read_or_written_is_told_again_and_harms_nothing(tmp_path):
    (tmp_path / SAFETY_FILE).write_text("{")
    assert untold(tmp_path, "W1") == SAFETY
    (tmp_path / "no folder").write_text("")
    note_told(tmp_path / "no folder" / "x", "W1")


def test_forgetting_a_wearer_removes_the_record_and_keeps_the_others(tmp_path, monkeypatch):
    for wearer in ("W1", "W2"):
        note_told(tmp_path, wearer)
    monkeypatch.setattr("hipturn.history.forget.sessions_of", lambda *_: [])
    done = forget(tmp_path, "W1")
    assert (done.tables, done.remaining) == ([tmp_path / SAFETY_FILE], [])
    assert untold(tmp_path, "W1")
    assert not untold(tmp_path, "W2")


def test_readme_has_it():
    readme = Path(__file__).parents[4] / "README.md"
    text = " ".join(readme.read_text(encoding="utf-8").split())
    for line in SAFETY[1:]:
        assert line.removesuffix(".") in text
