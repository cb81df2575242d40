"""hipturn: hip internal rotation from strapped motion sensors.

>>> import hipturn
>>> session = hipturn.open("recordings/20261122T093000Z_prone_windshield_wiper_right")
>>> result = hipturn.analyse(session)  # result.angles, result.reps, result.summary
>>> result.plot()
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from analysis.session.analyse import Result
    from imu.recording import Session

__all__ = ["__version__", "analyse", "open"]
__version__ = "0.1.0"


def _refuse_hidden_packages() -> None:
    """Refuse to go on when a file of the user's hides one of our packages.

    Raises
    ------
    ImportError
        When `imu` or `analysis` would be imported from another place than beside this package.
    """
    for name in ("imu", "analysis"):
        found, ours = find_spec(name), Path(__file__).parent.parent / name / "__init__.py"
        if found is None or not found.origin or Path(found.origin).resolve() == ours.resolve():
            continue
        other = Path(found.origin)
        other = other.parent if other.name == "__init__.py" else other
        raise ImportError(
            f"{other} hides the package `{name}` that hipturn needs: rename it or move it elsewhere"
        )


_refuse_hidden_packages()


def open(path: str | PathLike[str], *, as_recorded: bool = False) -> Session:
    """Open a recorded session.

    Parameters
    ----------
    path
        Its folder.
    as_recorded
        Leave out what people corrected afterwards (edits.jsonl).

    Raises
    ------
    imu.recording.SessionError
        When it is no session, or one that cannot be read.
    """
    from imu.recording import open_session  # pyarrow only when a session is wanted

    return open_session(str(path), as_recorded=as_recorded)


def analyse(session: Session, *, orientation_filter: str | None = None) -> Result:
    """Return angles, repetitions and summary of a session as pandas DataFrames.

    Parameters
    ----------
    session
        What `hipturn.open` returned.
    orientation_filter
        `vqf`, `madgwick`, `mahony` or `ekf` for units that send raw data; None takes the
        session's own.

    Raises
    ------
    imu.recording.SessionError
        When the session cannot be read, or its exercise is unknown.
    """
    from typing import cast

    from analysis.session import analyse as sessions
    from hipturn.session.pipeline import read_recording

    name = cast("None", orientation_filter)  # a wrong name is refused by the filter itself
    return sessions.analyse(read_recording(session, name))
