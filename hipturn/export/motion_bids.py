"""A session as a Motion-BIDS dataset (Jeung et al. 2024, Scientific Data 11:716).

Several sessions may go into one folder: each is `sub-WEARER/ses-START/motion`. The recording is the
common time base: every unit's orientation, the hip angle of every leg, and a LATENCY channel,
because the instants need not be even. What is not known is `n/a`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hipturn import __version__
from hipturn.errors import UserError
from imu.recording.folder import replace_file

if TYPE_CHECKING:
    from analysis.session.analyse import Result
    from imu.recording import Session
    from imu.sample import FloatArray

BIDS_VERSION = "1.10.0"
COMPONENTS = ("quat_w", "quat_x", "quat_y", "quat_z")
LATENCY = "latency"
PARTICIPANTS = "participants.tsv"
FRAME = "global"
CHANNEL_TYPES = (
    "ACCEL", "ANGACCEL", "GYRO", "JNTANG", "LATENCY", "MAGN", "MISC", "ORNT", "POS", "VEL",
)  # fmt: skip
"""All that the standard knows; how many there are of each is told."""


class _Channel(NamedTuple):
    name: str
    component: str
    type: str
    tracked_point: str
    units: str
    placement: str
    reference_frame: str
    values: FloatArray
    decimals: int


def export_motion_bids(result: Result, session: Session, folder: Path) -> list[Path]:
    """Write one session into a Motion-BIDS dataset and return the paths written."""
    recording = result.recording
    subject = label_of(recording.wearer) or "unknown"
    ses = label_of(recording.session_id)
    if recording.started_at:
        ses = f"{datetime.fromisoformat(recording.started_at):%Y%m%dT%H%M%S}"
    task = "".join(word.capitalize() for word in recording.exercise.split("_"))
    place = folder / f"sub-{subject}" / f"ses-{ses}" / "motion"
    stem = f"sub-{subject}_ses-{ses}_task-{task}"
    system = f"{stem}_tracksys-imu"
    _check_subject(folder / PARTICIPANTS, subject, recording.wearer)
    _check_free(place / f"{system}_motion.json", recording.session_id)
    place.mkdir(parents=True, exist_ok=True)
    channels = _channels(result)
    about = _about(result, session, task, channels)
    return [
        *_dataset(folder, subject, recording.wearer),
        _write(place / f"{system}_motion.tsv", _motion_rows(channels)),
        _write_json(place / f"{system}_motion.json", about),
        _write(place / f"{system}_channels.tsv", _channel_rows(channels, recording.rate_hz)),
        _write_json(place / f"{system}_channels.json", _reference_frames()),
        _write(place / f"{stem}_events.tsv", _event_rows(result)),
        _write_json(place / f"{stem}_events.json", _event_columns()),
    ]


def label_of(text: str) -> str:
    """Return a reference as BIDS allows one: letters and digits."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _channels(result: Result) -> list[_Channel]:
    frames = result.recording.frames
    channels = [
        _Channel(LATENCY, "n/a", "LATENCY", "n/a", "s", "n/a", "n/a",
                 frames.time_s - frames.time_s[0], 6)
    ]  # fmt: skip
    for index, unit in enumerate(result.recording.units):
        point = unit.label.replace(" ", "_")
        channels += [
            _Channel(f"{point}_{name}", name, "ORNT", point, "n/a", f"strapped to the {unit.label}",
                     FRAME, frames.q[:, index, i], 9)
            for i, name in enumerate(COMPONENTS)
        ]  # fmt: skip
    for side, rows in result.angles.groupby("side", observed=True):
        angle = rows["hip_internal_rotation_deg"].to_numpy(float)
        channels.append(
            _Channel(f"{side}_hip_internal_rotation", "n/a", "JNTANG", f"{side}_hip", "deg", "n/a",
                     "n/a", angle, 3)
        )  # fmt: skip
    return channels


def _motion_rows(channels: list[_Channel]) -> Iterable[str]:
    """Yield a line a sample, without a header as the standard wants it."""
    columns = [
        [f"{x:.{channel.decimals}f}" if x == x else "n/a" for x in channel.values.tolist()]
        for channel in channels
    ]
    yield from ("\t".join(cells) for cells in zip(*columns, strict=True))


def _channel_rows(channels: list[_Channel], rate_hz: float) -> Iterable[str]:
    yield "\t".join(
        ("name", "component", "type", "tracked_point", "units", "placement", "reference_frame",
         "sampling_frequency")
    )  # fmt: skip
    for channel in channels:
        yield "\t".join((*channel[:7], f"{rate_hz:g}"))


def _reference_frames() -> dict[str, Any]:
    return {
        "reference_frame": {
            "Description": "frame in which the orientation of a channel is given",
            "Levels": {
                FRAME: {
                    "SpatialAxes": "__S",
                    "RotationRule": "right-hand",
                    "RotationOrder": "n/a",
                    "Description": "z points up; the heading of x is each unit's own and arbitrary."
                    " Quaternions take a vector of the sensor to this frame.",
                }
            },
        }
    }


def _about(result: Result, session: Session, task: str, channels: list[_Channel]) -> dict[str, Any]:
    recording, exercise = result.recording, result.recording.entry
    frames, units = recording.frames, recording.units
    counts = {kind: sum(channel.type == kind for channel in channels) for kind in CHANNEL_TYPES}
    effective = (len(frames) - 1) / max(float(frames.time_s[-1] - frames.time_s[0]), 1e-9)
    return {
        "SessionID": recording.session_id,
        "TaskName": task,
        "TaskDescription": f"{exercise.name}: {exercise.rep}",
        "Instructions": " ".join(exercise.how),
        "SamplingFrequency": recording.rate_hz,
        "SamplingFrequencyEffective": round(effective, 3),
        "TrackingSystemName": "IMU",
        "TrackedPointsCount": len(units),
        "MotionChannelCount": sum(channel.type != "LATENCY" for channel in channels),
        **{f"{kind}ChannelCount": count for kind, count in counts.items()},
        "RecordingType": "continuous",
        "RecordingDuration": round(float(frames.time_s[-1] - frames.time_s[0]), 3),
        "MissingValues": "n/a",
        "DeviceSerialNumber": "n/a",  # it would reveal whose units they are
        "ManufacturersModelName": ", ".join(sorted({unit.profile or "unknown" for unit in units})),
        "SoftwareVersions": session.header.software,
    }


def _event_rows(result: Result) -> Iterable[str]:
    """Yield the movements, in seconds of the first sample."""
    yield "\t".join(("onset", "duration", "trial_type", "side", "rep", "peak_deg", "rom_deg"))
    zero_s = float(result.recording.frames.time_s[0])
    reps = result.reps[result.reps["side"] != "both"].sort_values("start_s")
    for row in reps.to_dict("records"):
        rep = "n/a" if str(row["rep"]) == "<NA>" else str(row["rep"])
        peak, rom = (
            "n/a" if row[name] != row[name] else f"{row[name]:.3f}"
            for name in ("peak_deg", "rom_deg")
        )
        onset, duration = row["start_s"] - zero_s, row["end_s"] - row["start_s"]
        when = f"{onset:.6f}", f"{duration:.6f}"
        yield "\t".join((*when, str(row["status"]), str(row["side"]), rep, peak, rom))


def _event_columns() -> dict[str, Any]:
    return {
        "trial_type": {
            "Description": "what a movement counted as",
            "Levels": {
                "valid": "a repetition",
                "partial": "too small to be a repetition",
                "rejected": "no repetition",
                "hold": "a guided hold",
            },
        },
        "side": {"Description": "the leg"},
        "rep": {"Description": "number of the repetition in its set"},
        "peak_deg": {"Description": "largest hip internal rotation", "Units": "deg"},
        "rom_deg": {"Description": "peak minus start", "Units": "deg"},
    }


def other_participants(people: Path, wearer: str) -> list[str] | None:
    """Return the lines of a participants.tsv without a wearer; None when it is not in there."""
    lines = people.read_text(encoding="utf-8").splitlines()
    mine = f"sub-{label_of(wearer)}"
    kept = [line for line in lines if line.split("\t") not in ([mine, wearer], [mine])]
    return None if len(kept) == len(lines) else kept


def _check_subject(people: Path, subject: str, wearer: str) -> None:
    """Refuse a second pseudonym that BIDS would merge with a first: P-01 and P01.

    Raises
    ------
    UserError
        With both.
    """
    if not people.exists():
        return
    for line in people.read_text(encoding="utf-8").splitlines()[1:]:
        known, _, pseudonym = line.partition("\t")
        if known == f"sub-{subject}" and pseudonym not in ("", wearer):
            raise UserError(
                f"{people}: {wearer!r} and {pseudonym!r} would both be {known}, since BIDS keeps"
                " letters and digits only; export to another folder, or record under another"
                " pseudonym"
            )


def _check_free(path: Path, session_id: str) -> None:
    """Refuse to write over another session's files.

    Raises
    ------
    UserError
        With the file.
    """
    if not path.exists():
        return
    try:
        known = json.loads(path.read_text(encoding="utf-8")).get("SessionID", session_id)
    except (OSError, ValueError, AttributeError):
        known = "a damaged file"
    if known != session_id:
        raise UserError(
            f"{path}: holds another session ({known}) that began in the same second; export to"
            " another folder"
        )


def _dataset(folder: Path, subject: str, wearer: str) -> list[Path]:
    """Write the files of the whole dataset; participants listed before are kept."""
    people = folder / PARTICIPANTS
    known = people.read_text(encoding="utf-8").splitlines()[1:] if people.exists() else []
    others = [line for line in known if line.split("\t")[0] != f"sub-{subject}"]
    ids = sorted([*others, f"sub-{subject}\t{wearer or 'n/a'}"])
    about = {
        "Name": "hipturn sessions",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "hipturn", "Version": __version__}],
    }
    readme = (
        "Hip internal rotation exercises, recorded with body-worn motion units and exported by"
        " hipturn. Orientations are as recorded, on the common time base of all units; joint angles"
        " are hipturn's. Not a diagnosis."
    )
    return [
        _write_json(folder / "dataset_description.json", about),
        _write(folder / "README", [readme]),
        _write(people, ["participant_id\tpseudonym", *ids]),
        _write_json(
            folder / "participants.json",
            {"pseudonym": {"Description": "the wearer's reference as it was recorded"}},
        ),
    ]


def _write(path: Path, lines: Iterable[str]) -> Path:
    replace_file(path, ("\n".join(lines).encode(), b"\n"))
    return path


def _write_json(path: Path, data: dict[str, Any]) -> Path:
    return _write(path, [json.dumps(data, indent=2, ensure_ascii=False)])
