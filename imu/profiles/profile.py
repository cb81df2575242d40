"""From firmware_config/*.toml to profiles of units, checked when they are loaded.

`firmware_config/README.md` describes the files. A profile is data: it says which bytes are sent to
a unit and where in its messages which number lies, and nothing else. It writes only to
characteristics that it lists, and never what `imu.profiles.write_guard` forbids.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from imu.profiles.checked_tables import Table
from imu.profiles.profile_reader import read_profile, unsafe
from imu.profiles.unit_layout import Match, Profile, Stream
from imu.strict_toml import read_toml

__all__ = [
    "Profile",
    "ProfileError",
    "Stream",
    "load_profile",
    "load_profiles",
    "match",
    "parse_profile",
    "unsupported",
]

MAX_FILE_BYTES = 65536


class ProfileError(ValueError):
    """A profile cannot be used.

    Attributes
    ----------
    problems
        All that is wrong with it, a sentence each.
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(f"{name} is not a usable profile: {'; '.join(problems)}")
        self.problems = tuple(problems)


def load_profiles() -> dict[str, Profile]:
    """Return all profiles by id, in order of their ids.

    Raises
    ------
    ProfileError
        When a file is missing or wrong; it lists all problems of all files.
    """
    return dict(_load(profile_folder()))


def load_profile(path: Path) -> Profile:
    """Return the profile that a file holds.

    Raises
    ------
    OSError
        When the file cannot be read.
    ProfileError
        When it is not a usable profile; it lists all problems.
    """
    try:
        data = read_toml(path, MAX_FILE_BYTES)
    except ValueError as error:
        raise ProfileError(path.name, [f"cannot be read as TOML: {error}"]) from None
    return parse_profile(data, path.stem)


def match(
    name: str | None,
    service_uuids: Sequence[str],
    company_ids: Collection[int],
    profiles: Mapping[str, Profile],
) -> Profile | None:
    """Return the profile of a unit from what it says on the air, or None.

    A service says most, then the name (the longest match first), then the company; what still
    matches equally is decided by the order of the profiles.

    Parameters
    ----------
    name
        What the unit calls itself.
    service_uuids
        The services it advertises, written out in full.
    company_ids
        The companies of its manufacturer data.
    profiles
        As from `load_profiles`.
    """
    services = frozenset(uuid.lower() for uuid in service_uuids)
    best, best_score = None, (0, 0)
    for profile in profiles.values():
        score = _score(profile.match, name or "", services, company_ids)
        if score > best_score:
            best, best_score = profile, score
    return best


def unsupported(
    name: str | None, service_uuids: Sequence[str], profiles: Mapping[str, Profile]
) -> str:
    """Return why a unit cannot be used though it looks like one of a profile; empty for others."""
    services = frozenset(uuid.lower() for uuid in service_uuids)
    said = (_unsupported(profile.match, name or "", services) for profile in profiles.values())
    return next(filter(None, said), "")


def parse_profile(data: Mapping[str, object], name: str) -> Profile:
    """Return the profile that a TOML document describes.

    Parameters
    ----------
    data
        The document.
    name
        The profile's id, usually the file's name without `.toml`.

    Raises
    ------
    ProfileError
        When anything is wrong; it lists all problems.
    """
    problems: list[str] = []
    profile = read_profile(Table(data, "", problems), name)
    if not problems:
        problems += unsafe(profile)
    if problems:
        raise ProfileError(name, problems)
    return profile


def profile_folder() -> Path:
    """Return where the profiles are: in the installed package, or beside it in a checkout."""
    here = Path(__file__).parent.parent
    installed = here / "firmware_config"
    return installed if installed.is_dir() else here.parent / "firmware_config"


@functools.cache
def _load(folder: Path) -> Mapping[str, Profile]:
    """Return all profiles of a folder by id."""
    found: dict[str, Profile] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found[path.stem] = load_profile(path)
        except OSError as error:
            problems.append(f"{path.name} cannot be read: {error.strerror}")
        except ProfileError as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
    if not found and not problems:
        problems.append("there are no profiles in it: install hipturn again")
    if problems:
        raise ProfileError(str(folder), problems)
    return MappingProxyType(found)


def _score(
    match: Match, name: str, services: frozenset[str], company_ids: Collection[int]
) -> tuple[int, int]:
    """Return how well a unit matches, (0, 0) when it does not."""
    if _unsupported(match, name, services):
        return 0, 0
    if match.service_uuids & services:
        return 3, 0
    pieces = [piece for piece in match.name_prefix if name.startswith(piece)]
    pieces += [piece for piece in match.name_contains if piece in name]
    if pieces:
        return 2, max(map(len, pieces))
    return int(any(company in match.company_ids for company in company_ids)), 0


def _unsupported(match: Match, name: str, services: frozenset[str]) -> str:
    """Return why a unit cannot be used; a service counts where the profile's own is not there."""
    own = match.service_uuids & services
    for other in match.unsupported:
        named = bool(other.name_prefix) and name.startswith(other.name_prefix)
        if named or (other.service_uuids & services and not own):
            return other.text
    return ""
