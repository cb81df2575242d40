"""What commands share: the example of their help, a speed, a duration, a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn.words import ENGLISH, languages

if TYPE_CHECKING:
    from hipturn.units.calibration_file import Calibration

DAY_S = 86_400.0  # no battery of a unit lasts longer
FILE = click.Path(dir_okay=False, path_type=Path)


class NumberType(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """A number from the lowest to the highest allowed, or a word that stands for no number."""

    def __init__(self, name: str, low: float, high: float, wanted: str, word: str = "") -> None:
        """Ask for `wanted` when something else is given."""
        self.name, self._low, self._high = name, low, high
        self._wanted, self._word = wanted, word

    def convert(
        self,
        value: Any,  # noqa: ANN401 (click gives text or a default)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float | None:
        """Return the number, None for the word."""
        if self._word and value == self._word:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._low <= number <= self._high:
            self.fail(f"give {self._wanted}", param, ctx)
        return number


SPEED = NumberType("speed", 0.1, 1000.0, "a number from 0.1 to 1000, or max", "max")
"""A multiple of real time, or `max`."""
SECONDS = NumberType("seconds", math.ulp(0.0), DAY_S, f"seconds above 0, up to {DAY_S:.0f}")
"""How long something lasts."""


CALIBRATION = click.option(
    "--calibration",
    metavar="FILE|SESSION",
    help="How the units sit: calibration.json, or a session that knows.",
)


AS_RECORDED = click.option(
    "--as-recorded", is_flag=True, help="Leave out what people corrected afterwards."
)


LANGUAGE = click.option(
    "--language",
    type=click.Choice(languages()),
    default=ENGLISH,
    show_default=True,
    help="Of reports, cards and trends; tables are the same in each.",
)


def calibration_of(text: str | None) -> Calibration | None:
    """Return the calibration that `--calibration` names, None without the option."""
    if text is None:
        return None
    from hipturn.units.calibration_file import read_calibration  # numpy only when wanted

    return read_calibration(text)


def example(text: str) -> str:
    """Return the example that closes a command's help."""
    return f"Example: {text}"


def refuse_beside_phones(options: Mapping[str, object]) -> None:
    """Refuse the options of `live` that a session with phones cannot have.

    Raises
    ------
    click.UsageError
        Naming the first that is given.
    """
    given = next((name for name, value in options.items() if value), None)
    if given is not None:
        raise click.UsageError(f"a phone as a unit goes without {given}: leave one of them out")
