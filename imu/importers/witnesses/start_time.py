"""The start time as recording apps write it: local text with a zone of many spellings."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

# Abbreviations that mean one offset wherever they are used, in hours, and the German ones. All
# others are looked up in the time zone database at the moment told: there IST, CST, PST and their
# like name different zones on different continents.
_ZONE_HOURS = {
    "z": 0.0, "utc": 0.0, "gmt": 0.0, "wet": 0.0, "west": 1.0, "cet": 1.0, "mez": 1.0,
    "cest": 2.0, "mesz": 2.0, "eet": 2.0, "eest": 3.0, "msk": 3.0, "jst": 9.0, "kst": 9.0,
    "aest": 10.0, "aedt": 11.0, "nzst": 12.0, "nzdt": 13.0, "est": -5.0, "edt": -4.0,
    "mdt": -6.0, "pdt": -7.0,
}  # fmt: skip
_MOMENT = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})[_T\s]+(\d{1,2}):(\d{2}):(\d{2})(?:[_.,:](\d{1,9}))?\s*(.*)",
    re.ASCII,
)
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2}):?(\d{2})?", re.ASCII)


def parse_start_time(text: str) -> datetime | None:
    """Return the moment that a `StartTime` line tells.

    Parameters
    ----------
    text : str
        Such as `2025-07-11_20:06:00_086 WEST` or `2025-07-11 20:06:00.086 +0100`.

    Returns
    -------
    datetime.datetime or None
        With a zone when the text names one that is the same everywhere; without a zone (local
        text) when it names none or an ambiguous one; None when the text is no time.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    *parts, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (int(part) for part in parts)
    # digits after the seconds are decimals: `_086` is 86 ms
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond)
        return local.replace(tzinfo=_zone(zone.strip(), local))
    except (ValueError, OverflowError):
        return None


def zone_name(text: str) -> str:
    """Return what stands where a `StartTime` line names its zone; empty when nothing does."""
    match = _MOMENT.fullmatch(text)
    return match.groups()[-1].strip() if match else ""


def zone_offsets(name: str, local: datetime) -> list[timedelta]:
    """Return the offsets that an abbreviation means somewhere on earth at a local moment.

    Parameters
    ----------
    name
        Such as `IST`, which is India's, Israel's and Ireland's.
    local
        Without a zone.
    """
    return list(_offsets(name.upper()[:8], local.replace(minute=0, second=0, microsecond=0)))


@lru_cache(maxsize=16)
def _offsets(name: str, local: datetime) -> tuple[timedelta, ...]:
    found: set[timedelta] = set()
    for key in available_timezones() if name.isalpha() else ():
        here = local.replace(tzinfo=ZoneInfo(key))
        if here.tzname() == name:
            found.add(here.utcoffset() or timedelta(0))
    return tuple(sorted(found))


def _zone(name: str, local: datetime) -> tzinfo | None:
    hours = _ZONE_HOURS.get(name.casefold())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    match = _OFFSET.fullmatch(name.casefold())
    if match is not None:
        sign, whole, minutes = match.groups()
        offset = timedelta(hours=int(whole), minutes=int(minutes or 0))
        return timezone(-offset if sign == "-" else offset)
    if "/" in name and name in available_timezones():  # such as Europe/Berlin
        return timezone(ZoneInfo(name).utcoffset(local) or timedelta(0))
    offsets = zone_offsets(name, local) if name else []
    return timezone(offsets[0]) if len(offsets) == 1 else None
