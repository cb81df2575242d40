"""A session as a FHIR R4 Bundle of Observations: one a leg, one for each of its repetitions.

Codes are those on public pages (SNOMED CT range of joint movement, hip joint structure);
no LOINC code for hip internal rotation was found, so `code.text` says what it is and none is made
up. An angle that rests on heading has no absolute value: `dataAbsentReason` says so.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.exercises import norms_for
from hipturn import __version__
from hipturn.clinical_words import NO_OWN, test_lines
from imu.recording.folder import replace_file
from imu.sample import Side

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated
    from analysis.exercises import Exercise
    from analysis.session.analyse import Result
    from analysis.session.assessment import Assessment
    from imu.recording import Session

SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NAMESPACE = uuid.UUID("6d0b6d6c-7d0c-5f0e-9c1b-3a0f7f1f6a11")
"""Of the ids in a bundle: the same session gives the same ids."""
DISCLAIMER = "Measured with body-worn motion units; not a diagnosis."
PELVIS = "Pelvis rotation enters 1:1."
SAID = (
    ("repetitions, counted by hand", "counted_by_hand"),
    ("largest pain, 0 to 10", "pain_max_0_10"),
    ("largest effort, 0 to 10", "effort_max_0_10"),
)
"""What people say of a leg, and its column of the summary."""

Json = dict[str, Any]


def export_fhir(
    result: Result, session: Session, folder: Path, *, own: Mapping[str, Repeated] = NO_OWN
) -> list[Path]:
    """Write `bundle.json` and return its path.

    Parameters
    ----------
    result, session
        What is written, and where it came from.
    folder
        Where it is written to.
    own
        The wearer's own detectable change by leg, where there is one.
    """
    entries: list[Json] = []
    for row in result.summary.to_dict("records"):
        reps = [
            (_url(result, f"{row['side']} {rep['set']}.{rep['rep']}"), rep)
            for rep in result.reps.to_dict("records")
            if rep["side"] == row["side"] and rep["status"] == "valid"
        ]
        leg = _leg(result, session, row, [url for url, _ in reps], own)
        entries.append({"fullUrl": _url(result, str(row["side"])), "resource": leg})
        entries += [{"fullUrl": url, "resource": _rep(result, session, rep)} for url, rep in reps]
    bundle: Json = {"resourceType": "Bundle", "type": "collection"}
    if entries:
        bundle["entry"] = entries
    path = folder / "bundle.json"
    replace_file(path, [json.dumps(bundle, indent=1, ensure_ascii=False).encode(), b"\n"])
    return [path]


def _url(result: Result, what: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{result.recording.session_id} {what}')}"


def _leg(
    result: Result,
    session: Session,
    row: dict[Any, Any],
    members: list[str],
    own: Mapping[str, Repeated],
) -> Json:
    exercise = result.recording.entry
    frames = result.recording.frames
    observation = _observation(result, session, str(row["side"]))
    observation |= _period(result, 0.0, float(frames.time_s[-1]), "auto")
    observation["status"] = _status(row["edited"])
    observation["note"] += [{"text": f"Corrected: {line}"} for line in result.corrections]
    test = result.tests.get(Side(str(row["side"])))
    if test is None:
        observation |= _value(exercise, row["peak_median_deg"])
    else:
        observation |= _test_value(test)
        observation["note"] += [{"text": line.strip()} for line in test_lines([test], own)]
    parts = [
        *_test_parts(test),
        _own_part(own.get(str(row["side"]))),
        _component("largest peak", row["peak_max_deg"] if exercise.angle == "gravity" else None),
        _component("median range (peak minus start)", row["rom_median_deg"]),
        _component("largest range", row["rom_max_deg"]),
        _component("median hold", row["hold_median_s"], "s"),
        _component("median duration of a repetition", row["tempo_median_s"], "s"),
        _component("valid repetitions", row["valid"], "1"),
        *(_component(text, _count(row[name]), "1") for text, name in SAID),
        _component("controlled repetitions", row["controlled"], "1"),
    ]
    observation["component"] = [part for part in parts if part]
    ranges = [{"text": text} for text in _published(exercise)]
    if ranges:
        observation["referenceRange"] = ranges
    if members:
        observation["hasMember"] = [{"reference": url} for url in members]
    return observation


def _test_value(test: Assessment) -> Json:
    """Return a test's mean: an end position, or the range from the start."""
    if test.mean_deg != test.mean_deg:
        return {"dataAbsentReason": _absent("unknown", "Unknown")}
    return {"valueQuantity": _quantity(test.mean_deg, "deg")}


def _test_parts(test: Assessment | None) -> list[Json | None]:
    """Return the components of a test: every trial, and what goes with them."""
    if test is None:
        return []
    what = "end position" if test.is_end_position else "range from the start"
    return [
        _component(f"test, mean {what}", test.mean_deg),
        _component(f"test, largest {what}", test.largest_deg),
        *(
            _component(
                f"test, trial {number}{', left out: ' if trial.left_out else ''}{trial.left_out}",
                trial.value_deg,
            )
            for number, trial in enumerate(test.trials, 1)
        ),
        _component("test, plateau", test.plateau_s, "s"),
        _component("test, external rotation", test.external_deg),
        _component("test, total arc", test.arc_deg),
        _component("test, pelvis", test.pelvis_deg),
    ]


def _own_part(own: Repeated | None) -> Json | None:
    text = "smallest detectable change of the wearer's own tests"
    return None if own is None else _component(text, own.mdc95.value)


def _rep(result: Result, session: Session, rep: dict[Any, Any]) -> Json:
    exercise = result.recording.entry
    observation = _observation(result, session, str(rep["side"]), f", repetition {rep['rep']}")
    observation |= _period(result, float(rep["start_s"]), float(rep["end_s"]), "milliseconds")
    observation |= _value(exercise, rep["peak_deg"])
    observation["status"] = _status(rep["edited"])
    gravity = exercise.angle == "gravity"
    parts = [
        _component("start", rep["start_deg"] if gravity else None),
        _component("range (peak minus start)", rep["rom_deg"]),
        _component("end residual", rep["end_residual_deg"]),
        _component("hold", rep["hold_s"], "s"),
        _component("change of knee flexion", rep["knee_flexion_change_deg"]),
    ]
    observation["component"] = [part for part in parts if part]
    return observation


def _period(result: Result, start_s: float, end_s: float, timespec: str) -> Json:
    """Return when something was; nothing when the session's start is not known."""
    if not result.recording.started_at:
        return {}
    began = datetime.fromisoformat(result.recording.started_at)
    moments = (("start", start_s), ("end", end_s))
    return {
        "effectivePeriod": {
            name: (began + timedelta(seconds=at_s)).isoformat(timespec=timespec)
            for name, at_s in moments
        }
    }


def _observation(result: Result, session: Session, side: str, more: str = "") -> Json:
    recording = result.recording
    exercise = recording.entry
    position = exercise.position.replace("_", " ")
    knee = f"knee {exercise.pose.knee_flexion_deg:.0f}°"
    units = ", ".join(dict.fromkeys(unit.profile or "motion unit" for unit in recording.units))
    hip = exercise.has_hip_angle
    what = exercise.quantity[:1].upper() + exercise.quantity[1:]
    how = {True: ", active", False: ", passive", None: ""}[recording.active]
    code: Json = {"text": f"{what}{how}, {side}, {position}, {knee}, {exercise.name}{more}"}
    if hip:
        code["coding"] = [
            {"system": SNOMED, "code": "364564000", "display": "Range of joint movement"}
        ]
    observation: Json = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "exam"}]}],
        "code": code,
        "bodySite": {
            "coding": [{"system": SNOMED, "code": "24136001", "display": "Hip joint structure"}],
            "text": f"{side} hip joint",
        },
        "method": {
            "text": f"body-worn motion units on thigh and shank, {exercise.angle} reference"
        },
        "device": {
            "display": f"{units}; recorded with {session.header.software},"
            f" analysed with hipturn {__version__}"
        },
        "note": [{"text": text} for text in _notes(exercise)],
    }
    if recording.wearer:
        observation["subject"] = {"identifier": {"value": recording.wearer}}
    return observation


def _status(edited: str) -> str:
    """Return whether people changed it, as FHIR says that."""
    return "amended" if edited else "final"


def _count(value: Any) -> int | None:  # noqa: ANN401 (a table's cell)
    return None if value is None or str(value) == "<NA>" or value != value else int(value)


def _notes(exercise: Exercise) -> list[str]:
    pelvis = PELVIS if exercise.has_hip_angle else ""
    return list(filter(None, (DISCLAIMER, pelvis, exercise.measured, exercise.zero_text)))


def _value(exercise: Exercise, peak_deg: float) -> Json:
    """Return the peak, or why there is none: an angle by heading has no absolute zero."""
    if exercise.angle == "heading":
        return {"dataAbsentReason": _absent("unsupported", "Unsupported")}
    if peak_deg != peak_deg:
        return {"dataAbsentReason": _absent("unknown", "Unknown")}
    return {"valueQuantity": _quantity(peak_deg, "deg")}


def _absent(code: str, display: str) -> Json:
    return {"coding": [{"system": ABSENT, "code": code, "display": display}]}


def _component(text: str, value: float | None, unit: str = "deg") -> Json | None:
    if value is None or value != value:
        return None
    return {"code": {"text": text}, "valueQuantity": _quantity(value, unit)}


def _quantity(value: float, unit: str) -> Json:
    number = int(value) if unit == "1" else round(float(value), 3) + 0.0
    return {"value": number, "unit": unit, "system": UCUM, "code": unit}


def _published(exercise: Exercise) -> list[str]:
    """Return the published values of this posture, as text: they are no limits of normal."""
    return [f"published mean, {norm.text}" for norm in norms_for(exercise)]
