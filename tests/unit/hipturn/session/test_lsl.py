"""Lab Streaming Layer: what is streamed, when it was measured, and what is said without it."""

from __future__ import annotations

import builtins
import math

import pytest

from hipturn.errors import UserError
from hipturn.session.lsl import LslDisplay, load_library, name_of
from hipturn.session.pipeline import Update
from hipturn.session.replay import tracker_of
from imu.recording import open_session
from imu.sample import Frame


class Recorder:
    """Stands in for pylsl: keeps what outlets were told."""

    def __init__(self):
        self.streams = {}

    def local_clock(self):
        return 1000.0

    def StreamInfo(self, name, kind, count, rate, form, source):  # noqa: N802 (pylsl's name)
        self.streams[name] = {"kind": kind, "rate": rate, "count": count, "samples": []}
        return Info(name)

    def StreamOutlet(self, info):  # noqa: N802
        return Outlet(self.streams[info.name]["samples"])


class Info:
    def __init__(self, name):
        self.name = name

    def desc(self):
        return self

    def append_child(self, _):
        return self

    def append_child_value(self, *_):
        return self


class Outlet:
    def __init__(self, samples):
        self.samples = samples

    def push_sample(self, values, at_s):
        self.samples.append((values, at_s))


class Quiet:
    def show(self, update): ...

    def say(self, text): ...

    def close(self): ...


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.setattr("hipturn.session.lsl.load_library", lambda: made)
    return made


def test_units_angles_and_movements_are_streamed_with_the_time_they_were_measured(
    recorder, make_session
):
    session = open_session(make_session())
    tracker, _ = tracker_of(session)
    screen = LslDisplay(Quiet(), session.header.units, "s")
    frames = 0
    for sample in session.samples():
        for update in tracker.push(sample):
            screen.show(update)
            frames += 1
    screen.close()
    assert set(recorder.streams) == {
        "hipturn-right-thigh", "hipturn-right-shank", "hipturn-hip-angle", "hipturn-events",
    }  # fmt: skip
    assert [len(recorder.streams[name]["samples"]) for name in
            ("hipturn-right-thigh", "hipturn-hip-angle")] == [frames, frames]  # fmt: skip
    angles = recorder.streams["hipturn-hip-angle"]["samples"]
    times = [at for _, at in angles]
    assert times == sorted(times)
    assert times[0] == pytest.approx(1000.0, abs=0.5)
    assert max(values[0] for values, _ in angles if not math.isnan(values[0])) > 15
    said = [values[0] for values, _ in recorder.streams["hipturn-events"]["samples"]]
    assert [text.rsplit(" ", 1)[0] for text in said] == [f"right valid {n}" for n in (1, 2, 3)]


def test_a_gap_is_nan_and_not_the_last_value(recorder, make_session):
    units = open_session(make_session()).header.units
    screen = LslDisplay(Quiet(), units, "s")
    screen.show(Update(1.0, Frame(1.0, ((1.0, 0.0, 0.0, 0.0), None), False), {}, {}))
    ((values, at_s),) = recorder.streams[name_of(units[1])]["samples"]
    assert all(math.isnan(value) for value in values)
    assert at_s == 1001.0


def test_without_the_library_it_says_what_to_install_and_begins_no_session(
    hipturn, monkeypatch, tmp_path
):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "pylsl":
            raise RuntimeError("LSL binary library file was not found.\nmore")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"hipturn\[lsl\]"):
        load_library()
    code, _, err = hipturn(
        "live", "--virtual", "--speed", "max", "--lsl", "--exercise", "ninety_ninety_lift",
        "--dir", tmp_path,
    )  # fmt: skip
    assert code == 1
    assert err.startswith("hipturn: Lab Streaming Layer cannot be used (LSL binary library")
    assert list(tmp_path.iterdir()) == []


def test_an_inlet_of_the_real_library_receives_it(make_session):
    pylsl = pytest.importorskip("pylsl", reason="pip install hipturn[lsl]", exc_type=Exception)
    units = open_session(make_session()).header.units
    screen = LslDisplay(Quiet(), units, "test-session")
    source = f"{name_of(units[0])}-test-session"
    found = pylsl.resolve_byprop("source_id", source, timeout=5)
    if not found:
        pytest.skip("this computer's network lets no stream be found")
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(timeout=5)
    for k in range(10):
        screen.show(Update(k / 60, Frame(k / 60, ((1.0, 0.0, 0.0, 0.0),) * 2, False), {}, {}))
    values, at_s = inlet.pull_sample(timeout=5)
    screen.close()
    assert values == [1.0, 0.0, 0.0, 0.0]
    assert at_s is not None
