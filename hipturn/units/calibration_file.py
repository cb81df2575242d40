"""How the units sit on their segments, as a file: `calibration.json`, or a session that has one.

`{"format": "hipturn-calibration", "version": 1, "legs": {"right": {"thigh": [w, x, y, z],
"shank": [w, x, y, z], "sigma_deg": 1.5}}, "pelvis": [w, x, y, z]}`. Each quaternion turns a vector
from the unit's axes into the segment's: x forwards, y up the leg, z to the wearer's right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.calibrate.given_axes import GivenAxes, axes_given_by
from analysis.leg import LegCalibration
from analysis.session.stored import given_axes, quaternion, stored_calibrations
from hipturn.errors import UserError, printable
from hipturn.session_paths import SESSION_FILE, find_sessions, recordings_root
from imu.recording import SessionError, open_session
from imu.recording.edits import read_edited_header
from imu.recording.strict_json import parse_object
from imu.sample import Side, Unit

if TYPE_CHECKING:
    from imu.recording import SessionHeader

FORMAT = "hipturn-calibration"
VERSION = 1
KEPT_MAX_MIN = 60.0
"""Straps creep: so long after a full calibration the last one is no longer taken by itself."""
DECIMALS = 9
"""Of a quaternion: a hundred thousandth of a degree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the units of one or both legs sit, and where that is known from."""

    legs: Mapping[Side, GivenAxes]
    source: Path
    units: Sequence[Unit] = field(default=())
    """The units it was made with; none where a file does not tell."""

    def for_units(self, units: Sequence[Unit]) -> dict[Side, GivenAxes]:
        """Return the legs of some units.

        Raises
        ------
        UserError
            When it tells nothing of them, or was made with other units in their places.
        """
        worn = {unit.side for unit in units if unit.side}
        legs = {side: axes for side, axes in self.legs.items() if side in worn}
        if not legs:
            told, there = " and ".join(self.legs), " and ".join(sorted(side for side in worn))
            raise UserError(
                f"{self.source}: is of the {told} leg and the units are on the {there} one;"
                " give the calibration of the same leg"
            )
        before = {unit.label: unit.address or unit.serial for unit in self.units}
        for unit in units:
            known, now = before.get(unit.label, ""), unit.address or unit.serial
            if known and now and known != now:
                raise UserError(
                    f"{self.source}: the {unit.label} wore {printable(known)} and wears"
                    f" {printable(now)} now; calibrate anew, or strap the same unit there"
                )
        return legs


def read_calibration(text: str) -> Calibration:
    """Return the calibration in a file, or that of a session.

    Raises
    ------
    UserError
        When the file is none, listing every problem, or the session has none.
    imu.recording.SessionError
        When the session cannot be read.
    """
    path = Path(text)
    if path.is_dir() or not path.exists():
        (folder, *more) = find_sessions([text])
        if more:
            raise UserError(f"{text}: holds {len(more) + 1} sessions; name one of them")
        if not folder.exists():
            raise UserError(f"{text}: there is no such file or session; check the path")
        return session_calibration(folder)
    if path.name == SESSION_FILE:
        return session_calibration(path.parent)
    try:
        return Calibration(legs=parse_calibration(path.read_bytes()), source=path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:
        raise UserError(
            f"{path}: {error}; give a file that `hipturn export SESSION --to calibration` wrote"
        ) from None


def parse_calibration(text: bytes) -> dict[Side, GivenAxes]:
    """Return the legs of a calibration file; what it holds besides is ignored.

    Raises
    ------
    ValueError
        Listing every problem.
    """
    data = parse_object(text)
    if data.get("format") != FORMAT:
        raise ValueError(f'is no calibration (no "format": "{FORMAT}")')
    if data.get("version") != VERSION:
        shown = printable(str(data.get("version"))[:20])
        raise ValueError(f"has the version {shown}, and this hipturn reads version {VERSION}")
    problems: list[str] = []
    q_pelvis = quaternion(data, "pelvis", "", problems)
    legs = data.get("legs")
    told = {side: legs.get(side) for side in Side} if isinstance(legs, dict) else {}
    found: dict[Side, GivenAxes] = {}
    for side, leg in told.items():
        if leg is None:
            continue
        if not isinstance(leg, dict):
            problems.append(f"legs.{side} is no object")
            continue
        axes = given_axes(leg, side, q_pelvis, problems)
        if axes is not None:
            found[side] = axes
    if not found and not problems:
        problems.append("legs holds neither left nor right")
    if problems:
        raise ValueError(", ".join(problems))
    return found


def format_calibration(legs: Mapping[Side, GivenAxes]) -> bytes:
    """Return the text of a calibration file."""
    pelvis = next((leg.q_pelvis for leg in legs.values() if leg.q_pelvis is not None), None)
    data: dict[str, Any] = {"format": FORMAT, "version": VERSION, "legs": {}}
    for side, leg in sorted(legs.items()):
        told = {"thigh": leg.q_thigh, "shank": leg.q_shank}
        quaternions = {name: _rounded(q) for name, q in told.items() if q is not None}
        sigma = {"sigma_deg": round(math.degrees(leg.sigma_rad), 3)}
        data["legs"][str(side)] = {**quaternions, **sigma}
    if pelvis is not None:
        data["pelvis"] = _rounded(pelvis)
    return json.dumps(data, indent=2).encode() + b"\n"


def session_calibration(folder: Path) -> Calibration:
    """Return how the units sat in a session, from its own calibration.

    Raises
    ------
    UserError
        When no leg of it could be calibrated.
    imu.recording.SessionError
        When it cannot be read.
    """
    session = open_session(str(folder))
    try:
        stored = stored_calibrations(session.header.calibration)
    except ValueError as error:
        raise UserError(
            f"{folder}: its calibration cannot be used: {error}; take another session's"
        ) from None
    legs = {side: axes for side, one in stored.items() if (axes := _axes(one, folder.name))}
    if not legs:
        import hipturn

        result = hipturn.analyse(session)
        found = {side: one.calibration for side, one in result.calibrations.items()}
        legs = {side: axes_given_by(leg, folder.name) for side, leg in found.items() if leg}
        if not legs:
            why = "; ".join(text for one in result.calibrations.values() for text in one.sentences)
            raise UserError(f"{folder}: has no calibration to take ({why or 'none was made'})")
    return Calibration(legs=legs, source=folder, units=session.header.units)


def last_calibration(root: str | None, wearer: str, now: datetime) -> Calibration:
    """Return the newest calibration of a wearer among the sessions of a folder.

    Raises
    ------
    UserError
        When there is none, or the straps were calibrated in full too long before `now`.
    """
    folder = recordings_root(root)
    headers: list[tuple[Path, SessionHeader]] = []
    for path in folder.glob(f"*/{SESSION_FILE}"):
        try:
            header, binned = read_edited_header(path.parent)
            headers += [] if binned else [(path.parent, header)]
        except SessionError:
            continue  # said when the session itself is opened
    for path, header in sorted(headers, key=lambda one: one[1].started_at, reverse=True):
        if header.calibration and (not wearer or header.wearer == wearer):
            try:
                found = session_calibration(path)
            except (SessionError, UserError):
                continue  # a guided hold's, or a damaged one: an older one may do
            _refuse_old(found, {path.name: header.started_at for path, header in headers}, now)
            return found
    whose = f" of {wearer!r}" if wearer else ""
    raise UserError(
        f"{folder}: there is no session{whose} with a calibration; calibrate once without"
        " --calibration"
    )


def _refuse_old(found: Calibration, started_at: Mapping[str, datetime], now: datetime) -> None:
    """Refuse straps that were calibrated in full too long ago."""
    for leg in found.legs.values():
        origin = leg.found.kept_from if leg.found else ""
        begun = started_at.get(origin) or started_at[found.source.name]
        minutes = (now - begun).total_seconds() / 60.0
        if minutes > KEPT_MAX_MIN:
            raise UserError(
                f"{found.source}: the straps were calibrated {minutes:.0f} min ago, and after"
                f" {KEPT_MAX_MIN:.0f} min they count as moved; calibrate once without"
                " --calibration, or name the session if you are sure"
            )


def _axes(stored: object, session_id: str) -> GivenAxes | None:
    if isinstance(stored, LegCalibration):
        return axes_given_by(stored, session_id)
    return stored if isinstance(stored, GivenAxes) else None


def _rounded(q: tuple[float, ...]) -> list[float]:
    return [round(part, DECIMALS) + 0.0 for part in q]
