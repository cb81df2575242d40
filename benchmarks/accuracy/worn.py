"""A virtual session as analysis wants it, analysed, with what a score needs beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import exercises
from analysis.calibrate.calibration import LegFrames, Windows
from analysis.exercises import Exercise
from analysis.session import analyse as sessions
from analysis.session.recording import Recording, leg_units
from imu.clocks.losses import losses
from imu.clocks.timeline import align, until_last_complete
from imu.fuse.host_fusion import with_orientations
from imu.sample import FloatArray, SampleTable, Side
from imu.virtual.wearer import WearerSettings, Wearing, wear

GRAVITY = (
    "prone_windshield_wiper",
    "prone_rotation_test",
    "ninety_ninety_lift",
    "seated_internal_rotation",
    "side_lying_ankle_lift",
    "seated_leg_extension_twist",
)
HEADING = ("standing_banded_rotation", "supine_rotation_test")
EXERCISES = (*GRAVITY, *HEADING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """One wearer's session, one leg of it, and what the analysis made of it."""

    wearing: Wearing
    recording: Recording
    result: sessions.Result
    side: Side
    frames: LegFrames
    windows: Windows
    sets_s: list[tuple[float, float]]

    @property
    def exercise(self) -> Exercise:
        return exercises.load(self.recording.exercise)

    @property
    def set_number(self) -> np.ndarray:
        """Return which set each frame lies in, shape (n,); 0 where it lies in none."""
        number = np.zeros(len(self.frames.time_s), dtype=int)
        for count, (start_s, end_s) in enumerate(self.sets_s, start=1):
            number[(self.frames.time_s >= start_s) & (self.frames.time_s <= end_s)] = count
        return number

    @property
    def in_set(self) -> np.ndarray:
        """Return which frames lie in a set, shape (n,)."""
        return self.set_number > 0

    @property
    def resting(self) -> np.ndarray:
        """Return which frames lie between two repetitions of a set, shape (n,)."""
        truth = self.wearing.truth
        rows = np.searchsorted(truth.time_s, self.frames.time_s).clip(0, len(truth.time_s) - 1)
        return self.in_set & (truth.phase[self.side][rows] == "rest")

    @property
    def truth_deg(self) -> FloatArray:
        return self.wearing.truth.angle_at(self.side, self.frames.time_s)

    def in_pose(self) -> np.ndarray:
        start_s, end_s = self.windows.pose or (0.0, 0.0)
        return (self.frames.time_s >= start_s) & (self.frames.time_s <= end_s)


def side_of(seed: int) -> Side:
    """Return which leg a wearer of a seed wears the units on."""
    return Side.LEFT if seed % 2 else Side.RIGHT


def recording_of(wearing: Wearing, *, marks: bool = True) -> Recording:
    """Return a virtual session as analysis wants it, without going through a file."""
    table, _ = with_orientations(SampleTable.from_samples(wearing.samples), wearing.units)
    lost = losses(table, wearing.units)
    return Recording(
        session_id="virtual",
        wearer="virtual",
        started_at="2026-01-01T00:00:00+00:00",
        exercise=wearing.exercise,
        units=wearing.units,
        frames=until_last_complete(align(table, wearing.units, "independent"), wearing.units),
        marks=wearing.marks if marks else (),
        lost_percent=100 * max(loss.share for loss in lost),
        longest_gap_s=max(loss.longest_gap_s for loss in lost),
        silent_s=tuple(loss.silent_s for loss in lost),
    )


def worn(
    exercise: str, side: Side, seed: int, settings: WearerSettings, *, marks: bool = True
) -> Worn:
    """Return one wearer's session, worn, recorded and analysed."""
    wearing = wear(exercise, side.value, seed, settings)
    recording = recording_of(wearing, marks=marks)
    legs = {leg.side: leg for leg in leg_units(recording.units)}
    return Worn(
        wearing=wearing,
        recording=recording,
        result=sessions.analyse(recording),
        side=side,
        frames=recording.leg(legs[side]),
        windows=sessions.windows_of_marks(wearing.marks),
        sets_s=sessions.spans(wearing.marks, "set"),
    )
