"""The profile of phones: what is taken of every one of them, from its file."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from imu.profiles.checked_tables import Table
from imu.profiles.profile import MAX_FILE_BYTES, ProfileError, profile_folder
from imu.profiles.profile_reader import read_case
from imu.profiles.unit_layout import Case
from imu.strict_toml import read_toml

FILE = "network/phone.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneProfile:
    """What is taken of every phone; the fields of the same names are those of a unit."""

    name: str
    heading: Literal["arbitrary"]
    rate_hz: float
    tick_s: float
    upright: bool
    tilt_sigma_deg: float
    case: Case


@functools.cache
def phone_profile() -> PhoneProfile:
    """Return the profile of phones.

    Raises
    ------
    ProfileError
        When its file is missing or wrong; lists all problems.
    """
    path = profile_folder() / FILE
    try:
        data = read_toml(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise ProfileError(FILE, [f"cannot be read: {error}; install hipturn again"]) from None
    problems: list[str] = []
    table = Table(data, "", problems)
    table.whole("schema", 1, 1)
    table.text("heading", choices=("arbitrary",))
    profile = PhoneProfile(
        name=table.text("name"),
        heading="arbitrary",
        rate_hz=table.number("rate_hz", 10.0, 200.0),
        tick_s=table.number("tick_s", 1e-9, 1e-3),
        upright=table.flag("upright", None) is True,
        tilt_sigma_deg=table.number("tilt_sigma_deg", 0.0, 45.0),
        case=table.under("case", read_case, required=True) or Case(lay="", ahead="", up=""),
    )
    table.done()
    if problems:
        raise ProfileError(FILE, problems)
    return profile
