"""Check a profile file, and read pasted bytes with it as hipturn would.

For the author of a profile: the file's problems, or what it says, and what each notification
pasted in hex is read as.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imu.drivers import Driver, driver_for
from imu.drivers.reading import Reading
from imu.profiles.hex_template import parse_template
from imu.profiles.profile import ProfileError, load_profile
from imu.profiles.unit_layout import Profile, Stream

SEPARATORS = str.maketrans("", "", " :-\t\n\r")


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What there is to say about a profile file."""

    lines: tuple[str, ...]
    usable: bool
    """Whether the file is a profile, and no notification was refused and some held samples."""


def check_file(
    path: Path, payloads: Sequence[str] = (), *, stream: str | None = None
) -> ProfileReport:
    """Return what is wrong with a profile file, or what it says and how it reads bytes.

    Parameters
    ----------
    path
        The file.
    payloads
        Notifications in hex, in the order in which they came; spaces, colons and a leading `0x`
        do not matter.
    stream
        Which stream they belong to; None is the one that the profile prefers.
    """
    try:
        profile = load_profile(path)
        driver = driver_for(profile, stream=stream)
    except OSError as error:
        return ProfileReport((f"{path} cannot be read: {error.strerror}",), usable=False)
    except ProfileError as error:
        problems = (f"  {problem}" for problem in error.problems)
        return ProfileReport((f"{path.name} is not a usable profile:", *problems), usable=False)
    except ValueError as error:
        return ProfileReport((str(error),), usable=False)
    lines = _describe(profile)
    read, refused = 0, False
    for number, text in enumerate(payloads, start=1):
        said, samples = _read(driver, number, text)
        lines += said
        read += samples or 0
        refused = refused or samples is None
    return ProfileReport(tuple(lines), usable=not refused and (read > 0 or not payloads))


def _describe(profile: Profile) -> list[str]:
    """Return a profile in words."""
    rates = ", ".join(f"{rate:g}" for rate in profile.rates.allowed)
    lines = [
        f"{profile.id} is a usable profile of {profile.name}.",
        f"  rates: {rates} Hz, normally {profile.rates.default:g}",
        f"  writes to: {', '.join(profile.writable) or 'nothing'}",
    ]
    if profile.filter_profile:
        lines.append(f"  filter profiles: {', '.join(profile.filter_profile.choices)}")
    if profile.naming:
        lines.append(f"  keeps a name of up to {profile.naming.length} characters")
    if profile.evidence:
        rests = ", ".join(f"{of.replace('_', ' ')} {on}" for of, on in profile.evidence.items())
        lines.append(f"  evidence: {rests}")
    if profile.notes:
        lines.append(f"  to know: {profile.notes}")
    for name in profile.prefer:
        lines += [f"  stream {name}: {_contents(profile.streams[name])}"]
    return lines


def _contents(stream: Stream) -> str:
    """Return what a stream holds."""
    parts = [
        ("time", stream.time),
        ("packet counter", stream.sequence),
        ("orientation", stream.quat or stream.euler_zyx_deg),
        ("acceleration", stream.acc),
        ("rotation rate", stream.gyr),
    ]
    held = ", ".join(name for name, part in parts if part) or "read by its driver"
    return f"{held}; {stream.heading} heading, needs an MTU of {stream.min_mtu}"


def _read(driver: Driver, number: int, text: str) -> tuple[list[str], int | None]:
    """Return what one pasted notification comes out as, and its samples; None if it is refused.

    One without samples is no fault: it may be half of what the next one completes.
    """
    digits = text.translate(SEPARATORS).removeprefix("0x").removeprefix("0X")
    try:
        payload = parse_template(digits).render({})
    except ValueError as error:
        return [f"notification {number}: this is not hex bytes, the text {error}"], None
    before = dict(driver.rejected)
    readings = driver.decode(payload)
    lines = [f"notification {number}: {len(payload)} bytes, {_samples(len(readings))}"]
    tick_s = driver.unit_fields()["tick_s"]
    lines += [line for reading in readings for line in _words(reading, tick_s)]
    for reason, total in driver.rejected.items():
        times = total - before.get(reason, 0)
        if times:
            lines.append(f"  not taken: {reason} ({times})")
    if not readings and driver.rejected != before:
        return lines, None
    if not readings:
        lines.append("  held back until the next notification completes it")
    return lines, len(readings)


def _samples(number: int) -> str:
    return "1 sample" if number == 1 else f"{number or 'no'} samples"


def _words(reading: Reading, tick_s: float | None) -> list[str]:
    """Return one sample in words."""
    lines = []
    if reading.device_time is not None:
        seconds = f" = {reading.device_time * tick_s:.6f} s" if tick_s else " (unit not known)"
        lines.append(f"  time      {reading.device_time}{seconds}")
    if reading.sequence is not None:
        lines.append(f"  sequence  {reading.sequence}")
    if reading.q is not None:
        w, x, y, z = reading.q
        lines.append(f"  q (wxyz)  {w:+.6f} {x:+.6f} {y:+.6f} {z:+.6f}")
    if reading.acc is not None:
        length = math.hypot(*reading.acc)
        lines.append(f"  acc       {_numbers(reading.acc)} m/s², {length:.3f} in all")
    if reading.gyr is not None:
        degrees = [math.degrees(rate) for rate in reading.gyr]
        lines.append(f"  gyr       {_numbers(degrees)} °/s")
    return lines


def _numbers(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:+.3f}" for number in numbers)
