"""The session folder: write, read, rescue.

session.json     what it is about (`SessionHeader`); written first, always replaced whole
samples.arrows   an Arrow IPC stream that grows by a record batch at most every quarter second of
                 sample time, or of silence, so a kill loses no more; forced to the disk once a
                 second
events.jsonl     events other than samples, one JSON object a line
edits.jsonl      what people said of it afterwards, one JSON object a line; not there until they do
writer.lock      there only while a process records

A session's time advances by samples only, never by a clock on the wall; that clock only says when
what is there goes to the disk.
"""

from imu.recording.folder import SessionError, check_name, session_folder
from imu.recording.header import UNKNOWN_START, SessionHeader, recorded_side, units_of_leg
from imu.recording.reader import Session, open_session
from imu.recording.rescue import Rescue, find_orphans, recover, rescue_orphans
from imu.recording.space import check_space
from imu.recording.writer import SessionWriter

__all__ = [
    "UNKNOWN_START",
    "Rescue",
    "Session",
    "SessionError",
    "SessionHeader",
    "SessionWriter",
    "check_name",
    "check_space",
    "find_orphans",
    "open_session",
    "recorded_side",
    "recover",
    "rescue_orphans",
    "session_folder",
    "units_of_leg",
]
