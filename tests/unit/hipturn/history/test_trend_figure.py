"""The figure of a trend: its days, its dots, and what is within the detectable change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hipturn.clinical_words import check_said
from hipturn.history.show import _trend_lines
from hipturn.history.trend_figure import draw_trend
from hipturn.history.wearers import Goal
from hipturn.words import words_of

STARTED = datetime(2026, 11, 2, 9, 0, tzinfo=timezone(timedelta(hours=1)))


def row(day, deg, mdc_deg=5.0, side="right"):
    return {
        "wearer": "K7", "exercise": "seated_internal_rotation", "position": "seated", "side": side,
        "quantity": "hip internal rotation", "compared": "range", "compared_deg": deg,
        "start_time": (STARTED + timedelta(days=day)).isoformat(), "rom_median_deg": deg,
        "hold_median_s": 2.0, "controlled_share": 0.8, "mdc_deg": mdc_deg, "trials_deg": "",
        "pain_max_0_10": None,
    }  # fmt: skip


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Return a function that draws a trend and gives its figure."""
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: kept.append(figure))

    def draw(rows):
        draw_trend(rows, tmp_path / "trend.png")
        return kept[-1]

    return draw


def bands(ax):
    """Return the lower and upper edges of what is shaded."""
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [(box.get_y(), box.get_y() + box.get_height()) for box in boxes]


def test_the_days_run_from_the_first_session_to_the_last_with_room(drawn):
    figure = drawn([row(0, 20.0), row(40, 29.0)])
    first, last = (date2num(STARTED + timedelta(days=day)) for day in (0, 40))
    for ax in figure.axes:
        low, high = ax.get_xlim()
        assert 0.5 < first - low < 4.0
        assert 0.5 < high - last < 4.0


def test_a_figure_and_the_table_of_a_trend_are_in_the_language_that_is_asked_for(
    tmp_path, monkeypatch
):
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: kept.append(figure))
    rows = [row(0, 20.0), row(7, 26.4)]
    draw_trend(rows, tmp_path / "t.png", language="de")
    labels = [ax.get_ylabel() for ax in kept[0].axes]
    assert labels[0] == "Innenrotation der Hüfte,\nBewegungsumfang (°)"
    assert labels[1:] == ["Umfang, Median (°)", "Halt, Median (s)", "Anteil kontrolliert"]
    table = {
        "valid": 9, "target_reps": 10, "peak_median_deg": 30.0, "end_mean_deg": None,
        "change_since_last_deg": -6.4, "change_exceeds_mdc": True, "mdc_own": None,
        "change_since_baseline_deg": None, "baseline_exceeds_mdc": None,
    }  # fmt: skip
    head, names, first, *_ = _trend_lines(words_of("de"), [one | table for one in rows])
    assert head.endswith(
        ": Innenrotation der Hüfte, verglichen: Bewegungsumfang; kleinste nachweisbare Änderung 5°"
    )
    assert names.split()[:4] == ["Beginn", "Bein", "Wdh.", "kontrolliert"]
    assert first.split()[2:] == ["rechts", "9/10", "80", "%", "30°", "20°", "2,0", "s", "−6°*"]


def test_pain_has_a_panel_where_somebody_told_it_and_goals_are_in_the_range(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: kept.append(figure))
    goal = Goal("seated_internal_rotation", "right", 35.0, STARTED.date())
    draw_trend([row(0, 20.0), row(7, 24.0) | {"pain_max_0_10": 4}], tmp_path / "t.png", [goal])
    *others, pain = kept[0].axes
    assert pain.get_ylabel() == "largest pain (0 to 10)"
    assert [list(line.get_ydata()) for line in pain.lines] == [[4]]
    ranges = next(ax for ax in others if ax.get_ylabel().startswith("range"))
    goals = [line for line in ranges.lines if line.get_label() == "right, goal"]
    assert [list(line.get_ydata()) for line in goals] == [[35.0, 35.0]]


def test_one_session_is_a_dot_on_its_day(drawn):
    figure = drawn([row(0, 20.0)])
    ax = figure.axes[0]
    low, high = ax.get_xlim()
    assert high - low < 3.0
    assert [line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1] == ["o"]
    figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["02 Nov 2026"]


def test_the_detectable_change_is_a_band_where_one_is_known(drawn):
    assert bands(drawn([row(0, 20.0), row(7, 24.0)]).axes[0]) == [(15.0, 25.0)]
    # the newest that is known counts, also where the last session has none
    assert bands(drawn([row(0, 20.0, 4.0), row(7, 24.0, None)]).axes[0]) == [(16.0, 24.0)]
    assert bands(drawn([row(0, 20.0, None), row(7, 24.0, None)]).axes[0]) == []


CHECKS = [key.removeprefix("check.") for key in words_of().texts if key.startswith("check.")]


@pytest.mark.parametrize("name", CHECKS)
def test_a_figure_of_the_calibration_is_told_in_the_words_of_people(name):
    said = check_said(name, 0.5)
    assert "eigenvalue" not in said
    assert "split-half" not in said
    assert any(letter.isdigit() for letter in said)


def test_the_knee_axis_is_sure_to_so_many_degrees():
    assert check_said("hinge split-half angle", 0.52) == "knee axis sure to 0.5°"
    assert check_said("a later check", 1.0) == "a later check"
    assert check_said("hinge split-half angle", float("nan")) == "hinge split-half angle"
