"""The commands about accuracy: beside a reference, from day to day, between raters."""

from __future__ import annotations

from pathlib import Path

import click

from hipturn.commands.command_words import CALIBRATION, FILE, calibration_of, example
from hipturn.errors import UserError

OUT = click.Path(file_okay=False, path_type=Path)
LAG = click.FloatRange(0.0, 600.0)


@click.command(epilog=example("hipturn validate SESSION --reference lab.csv --out validation"))
@click.argument("session")
@click.option("--reference", type=FILE, required=True, help="CSV with time_s, or OpenSim .mot.")
@click.option("--out", type=OUT, default="validation", show_default=True, metavar="DIR")
@click.option("--side", type=click.Choice(["left", "right"]), help="Of a session of both legs.")
@click.option(
    "--max-lag", "max_lag_s", type=LAG, default=10.0, show_default=True, metavar="SECONDS",
    help="How far apart the two clocks may be.",
)  # fmt: skip
@CALIBRATION
def validate(
    session: str,
    reference: Path,
    out: Path,
    side: str | None,
    max_lag_s: float,
    calibration: str | None,
) -> None:
    """Compare a session with a laboratory's angles: table, figure, paragraph.

    The reference is a CSV file with time_s and any of the angle columns of angles.csv (side too,
    where it holds both legs), or an OpenSim .mot file.
    """
    from hipturn.session_paths import find_sessions
    from hipturn.studies.validate import validate_session
    from imu.sample import Side

    found = find_sessions([session])
    if len(found) != 1:
        raise UserError(f"{session}: holds {len(found)} sessions; name one of them")
    lines = validate_session(
        found[0], reference, out, side=Side(side) if side else None, max_lag_s=max_lag_s,
        calibration=calibration_of(calibration),
    )  # fmt: skip
    for line in lines:
        click.echo(line)


@click.command(epilog=example("hipturn reliability recordings"))
@click.argument("paths", nargs=-1, required=True, metavar="SESSION...")
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def reliability(paths: tuple[str, ...], as_json: bool) -> None:
    """Tell SEM and MDC95 of a wearer's own repeated tests.

    It takes the same test on five days or more, with the units strapped and calibrated anew.
    """
    from hipturn.commands.progress import progress
    from hipturn.session_paths import find_sessions
    from hipturn.studies.reliability import json_of, lines_of, reliability_of

    folders = find_sessions(paths)
    with progress(len(folders), "analysing", quiet=as_json) as done:
        found, left_out = reliability_of(folders, lambda: done(None))
    for text in left_out:
        click.echo(f"note: {text}", err=True)
    if as_json:
        click.echo(json_of(found))
        return
    for line in lines_of(found):
        click.echo(line)


@click.command(epilog=example("hipturn agreement readings.csv --sessions recordings"))
@click.argument("readings", type=FILE)
@click.option(
    "--sessions",
    multiple=True,
    metavar="[RATER=]SESSION",
    help="Add our own readings of these; RATER is who measured, as in the readings.",
)
@click.option("--out", type=OUT, default="agreement", show_default=True, metavar="DIR")
def agreement(readings: Path, sessions: tuple[str, ...], out: Path) -> None:
    """Compare readings of tests between methods, raters and days.

    READINGS is CSV with wearer, leg, test, rater, day, method and deg.
    """
    import pandas as pd

    from hipturn.session_paths import find_sessions
    from hipturn.studies.readings import agreement_of, own_readings, read_readings

    parts = [read_readings(readings)]
    for text in sessions:
        rater, named, folder = text.partition("=")
        rater, folder = (rater, folder) if named and not Path(text).exists() else ("", text)
        parts.append(own_readings(find_sessions([folder]), rater))
    table = pd.concat(parts, ignore_index=True)
    for line in agreement_of(table, out):
        click.echo(line)


STUDIES = (validate, reliability, agreement)
