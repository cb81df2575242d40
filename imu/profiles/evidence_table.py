"""What each profile rests on, as the table in firmware_config/README.md.

`python -m imu.profiles.evidence_table` prints it; a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from imu.profiles.profile import Profile, load_profiles
from imu.profiles.unit_layout import EVIDENCE_OF

WORDS = {
    "captured": "captured bytes",
    "vendor": "vendor",
    "one source": "one source",
    "derived": "derived",
    None: "–",
}


def evidence_table(profiles: Mapping[str, Profile]) -> str:
    """Return a row for each profile, a column for each thing that evidence is said for."""
    heads = ["profile", *(name.replace("_", " ") for name in EVIDENCE_OF)]
    lines = [" | ".join(heads), "|".join(["---"] * len(heads))]
    for name, profile in profiles.items():
        kinds = [WORDS[profile.evidence.get(of)] for of in EVIDENCE_OF]
        lines.append(" | ".join([f"`{name}`", *kinds]))
    return "".join(f"| {line} |\n" if "---|" not in line else f"|{line}|\n" for line in lines)


if __name__ == "__main__":
    print(evidence_table(load_profiles()), end="")
