"""A virtual wearer's session on disk, with the truth beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from analysis.exercises import Dose
from hipturn import __version__
from imu.recording import SessionHeader, SessionWriter, recorded_side
from imu.virtual.chance import chance_from
from imu.virtual.person.habits import everyday_script
from imu.virtual.person.movements import movement_of
from imu.virtual.person.script import Still
from imu.virtual.wearer import WearerSettings, Wearing

SET_ENDS_S = 4.0
"""A wearer who follows a plan keeps still until the session has ended by itself."""
VIRTUAL = "virtual"
"""The reference of a simulated wearer that was given none."""
NOTE = "made by the virtual wearer: no person was measured"


def record_wearing(
    folder: Path, wearing: Wearing, started_at: datetime, *, marks: bool = True
) -> None:
    """Write a finished virtual session and its truth.csv.

    Raises
    ------
    imu.recording.SessionError
        When the folder is taken or cannot be written.
    """
    with SessionWriter.create(folder, header_of(wearing, started_at)) as writer:
        for sample in wearing.samples:
            writer.write(sample)
        for time_s, label in wearing.marks if marks else ():
            writer.event({"type": "mark", "time_s": round(time_s, 6), "label": label})
    write_truth(folder, wearing)


def header_of(wearing: Wearing, started_at: datetime, wearer: str = "virtual") -> SessionHeader:
    """Return the header of a virtual session."""
    return SessionHeader(
        started_at=started_at,
        exercise=wearing.exercise,
        side=recorded_side(wearing.units),
        units=wearing.units,
        source="virtual",
        software=f"hipturn {__version__}",
        wearer=wearer,
        notes=(NOTE,),
    )


def write_truth(
    folder: Path, wearing: Wearing, rate_hz: float = 60.0, *, later_s: float = 0.0
) -> None:
    """Write what really happened beside the samples: truth.csv, a row per instant and leg.

    `later_s` is how much later in the session than in `wearing` everything happens.
    """
    truth = wearing.truth
    end_s = float(truth.time_s[-1])
    time_s = np.arange(0.0, end_s, 1.0 / rate_hz)
    lines = ["time_s,side,hip_internal_rotation_deg"]
    for side in truth.angle_deg:
        angles = truth.angle_at(side, time_s)
        lines += [
            f"{t + later_s:.4f},{side},{'' if np.isnan(a) else f'{a:.3f}'}"
            for t, a in zip(time_s.tolist(), angles.tolist(), strict=True)
        ]
    (folder / "truth.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def settings_for(
    exercise: str, side: str, seed: int, dose: Dose, rest_s: float, bends: int | None = None
) -> WearerSettings | None:
    """Return how a virtual wearer does what a plan asks for; None for its own everyday set.

    Where only so many `bends` are asked for, it begins in the start position.
    """
    movement = movement_of(exercise)
    if movement.held_s > 0.0:
        return None
    settings = WearerSettings(reps=dose.reps[0])
    if bends is not None:
        settings = replace(settings, stands=False, bends=bends)
    *before, one_set, after = everyday_script(
        movement, chance_from(seed), settings, both=side == "both"
    )
    further = [part for _ in range(dose.sets - 1) for part in (Still(rest_s), one_set)]
    return WearerSettings(script=(*before, one_set, *further, Still(SET_ENDS_S), after))
