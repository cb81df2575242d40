"""What commands share: the example of their help, a speed, a duration, a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hipturn.units.calibration_file import Calibration

DAY_S = 86_400.0  # no battery of a unit lasts longer
FILE = click.Path(dir_okay=False, path_type=Path)


class SpeedType(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """A multiple of real time, or `max`."""

    name = "speed"

    def convert(
        self,
        value: Any,  # noqa: ANN401 (click gives text or a default)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float | None:
        """Return the speed, None for `max`."""
        if value == "max":
            return None
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0.1 <= speed <= 1000:
            self.fail("give a number from 0.1 to 1000, or max", param, ctx)
        return speed


class SecondsType(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """How long something lasts."""

    name = "seconds"

    def convert(
        self,
        value: Any,  # noqa: ANN401 (click gives text)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0.0 < seconds <= DAY_S:
            self.fail(f"give seconds above 0, up to {DAY_S:.0f}", param, ctx)
        return seconds


CALIBRATION = click.option(
    "--calibration",
    metavar="FILE|SESSION",
    help="How the units sit: calibration.json, or a session that knows.",
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
