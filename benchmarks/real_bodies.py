"""Calibrate on a real person's stand and lunges, and hold squats and heel raises against markers.

    python -m benchmarks.real_bodies --data DIR

DIR holds the recordings of one person with units on thighs and shanks and joint angles of optical
markers (a file for each repetition; CMU-MBL/IMU_Exercise_Prediction). The stand (`Pose_1`) is given
as stand and start pose, the five lunges as knee bends; nothing else is. Squats and heel raises are
scored in one go after that: knee flexion, the thigh's elevation, and in squats the rotation by
gravity while the thigh is 30° or more from upright. The units' on-board headings are 40° off by the
first squat, so that it shows how a heading is found again; it is told apart from the other four.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis.angle.leg_angles import angles_of_recording
from analysis.calibrate.calibration import CalibrationResult, calibrate
from analysis.exercises import load, rotation_about
from analysis.leg import LegCalibration, LegFrames, Windows
from imu.sample import FloatArray, Side

RATE_HZ = 100.0
GAP_S = 0.5
"""Between two files: their clocks say nothing of each other."""
STAND, BENDS = "Pose_1", tuple(f"Lunge_{i}" for i in range(1, 6))
SQUATS = tuple(f"SqDL_{i}" for i in range(1, 6))
HEEL_RAISES = tuple(f"HeelRaise_{i}" for i in range(1, 11))
TILTED = 0.5
"""Sine of the thigh's angle to the vertical above which gravity shows its roll."""


@dataclass(frozen=True, slots=True)
class Person:
    """One leg of the person: what the units saw and what the markers did, row by row."""

    side: Side
    frames: LegFrames
    movement: FloatArray
    """Name of the file of every row."""
    knee_deg: FloatArray
    femur_up: FloatArray
    """The vertical component of the femur's x, y and z (n, 3), segment axes of ISB."""

    def span(self, names: tuple[str, ...]) -> tuple[float, float]:
        time_s = self.frames.time_s[np.isin(self.movement, names)]
        return float(time_s[0]), float(time_s[-1])


def read(folder: Path, side: Side) -> Person:
    """Return one leg's files as one recording."""
    names = (STAND, *BENDS, *SQUATS, *HEEL_RAISES)
    parts, first_s = [], 0.0
    for name in names:
        file = np.load(folder / f"{name}.npz")
        time_s = file["time_s"] - file["time_s"][0] + first_s
        first_s = time_s[-1] + GAP_S
        legs = (file[f"{side}_{key}"] for key in ("thigh_q", "shank_q", "hip_deg", "knee_deg"))
        parts.append((time_s, *legs, file["pelvis_deg"], np.full(len(time_s), name)))
    time_s, thigh, shank, hip, knee, pelvis, movement = map(
        np.concatenate, zip(*parts, strict=True)
    )
    mirror = np.array([1.0, side.sign, side.sign])
    femur = _turned(pelvis) @ _turned(hip * mirror)
    # their x points right, y forwards and z up, and the laboratory's y is up
    up = femur[:, 1][:, [1, 2, 0]]
    return Person(side, LegFrames(time_s, thigh, shank), movement, -knee, up)


def _turned(xyz_deg: FloatArray) -> FloatArray:
    """Return matrices (n, 3, 3) of intrinsic angles about x, y and z."""
    return np.array(
        [
            rotation_about(0, a) @ rotation_about(1, b) @ rotation_about(2, c)
            for a, b, c in np.radians(xyz_deg)
        ]
    )


def calibrated(person: Person) -> CalibrationResult:
    """Return the calibration from the stand and the lunges."""
    stand = person.span((STAND,))
    windows = Windows(stand=stand, pose=stand, bends=person.span(BENDS))
    return calibrate(person.frames, windows, load("standing_banded_rotation"), person.side)


@dataclass(frozen=True, slots=True)
class Errors:
    """How far the units are from the markers, degrees."""

    rotation: FloatArray
    """Of the squats but the first one."""
    rotation_first: FloatArray
    rotation_sigma: FloatArray
    rotation_from_own: FloatArray
    """With each repetition's own offset removed."""
    knee: FloatArray
    knee_from_stand: FloatArray
    elevation: FloatArray


def errors(person: Person, calibration: LegCalibration) -> Errors:
    """Return what squats and heel raises show."""
    squat = replace(load("squatting_internal_rotation"), angle="gravity", zero="pose")
    absolute = replace(calibration, zero_rad=0.0)
    after = person.frames.time_s > calibration.ready_s
    stand = person.movement == STAND
    found = [
        angles_of_recording(absolute, squat, RATE_HZ, person.frames.rows(rows))
        for rows in (stand, after)
    ]
    person = replace(person, **_rows(person, stand | after))
    rotation, sigma, knee, elevation = (
        np.degrees(np.concatenate([getattr(part, name) for part in found]))
        for name in ("rotation", "sigma", "knee_flexion", "thigh_elevation")
    )
    x_up, y_up, z_up = person.femur_up.T
    true = person.side.sign * np.degrees(np.arctan2(z_up, x_up))
    off = (rotation - true + 180.0) % 360.0 - 180.0
    seen = np.hypot(x_up, z_up) > TILTED
    tilted = np.isin(person.movement, SQUATS[1:]) & seen
    own = [off[tilted & (person.movement == name)] for name in SQUATS[1:]]
    scored = np.isin(person.movement, (*SQUATS, *HEEL_RAISES))
    off_knee = knee - person.knee_deg
    return Errors(
        rotation=off[tilted],
        rotation_first=off[(person.movement == SQUATS[0]) & seen],
        rotation_sigma=sigma[tilted],
        rotation_from_own=np.concatenate([part - part.mean() for part in own]),
        knee=off_knee[scored],
        knee_from_stand=off_knee[scored] - off_knee[person.movement == STAND].mean(),
        elevation=(elevation + np.degrees(np.arcsin(np.clip(y_up, -1.0, 1.0))))[scored],
    )


def _rows(person: Person, rows: np.ndarray) -> dict[str, object]:
    """Return what a person has a row each of, some of the rows."""
    return {
        "frames": person.frames.rows(rows),
        "movement": person.movement[rows],
        "knee_deg": person.knee_deg[rows],
        "femur_up": person.femur_up[rows],
    }


def rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def told(folder: Path, side: Side) -> str:
    """Return what to print of one leg."""
    person = read(folder, side)
    result = calibrated(person)
    if result.calibration is None:
        return f"{side}: refused: " + "; ".join(result.sentences)
    leg, off = result.calibration, errors(person, result.calibration)
    lines = [
        f"{side}: rotation {rms(off.rotation):.1f}°, from each repetition's own"
        f" {rms(off.rotation_from_own):.1f}°; in the first squat {rms(off.rotation_first):.1f}°"
    ]
    for name, values, sigma_rad in (
        ("knee", off.knee, leg.sigma_knee_flexion_rad),
        ("knee from the stand's", off.knee_from_stand, None),
        ("thigh elevation", off.elevation, leg.sigma_thigh_elevation_rad),
    ):
        line = f"  {name} {rms(values):.1f}°"
        if sigma_rad is not None:
            within = [100 * np.mean(np.abs(values) < k * math.degrees(sigma_rad)) for k in (1, 2)]
            line += f", σ {math.degrees(sigma_rad):.1f}°, within {within[0]:.0f}/{within[1]:.0f} %"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    folder = parser.parse_args().data
    for side in Side:
        print(told(folder, side))


if __name__ == "__main__":
    main()
