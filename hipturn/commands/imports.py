"""The commands of `hipturn import`: one for each tool whose files can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hipturn.commands.command_words import example
from hipturn.errors import UserError

if TYPE_CHECKING:
    from hipturn.archive.importing import Wish
    from imu.importers import ImportedSession

FILE = click.Path(dir_okay=False, path_type=Path)
FILTERS = click.Choice(["vqf", "madgwick", "mahony", "ekf"])
PLACES = ("--right-thigh", "--right-shank", "--left-thigh", "--left-shank", "--pelvis")
COMMON = (
    click.option("--exercise", required=True, metavar="ID"),
    click.option("--marks", type=FILE, help="CSV with time_s,label."),
    click.option("--wearer", default="", help="A pseudonym, never a name."),
    click.option("--filter", "orientation_filter", type=FILTERS, default="vqf", show_default=True),
    click.option(
        "--started", metavar="TIME", help="When it began, such as 2026-03-01T10:30+01:00."
    ),
    click.option(
        "--out",
        required=True,
        type=click.Path(path_type=Path),
        metavar="SESSION",
        help="A new folder.",
    ),
)
Command = TypeVar("Command", bound=Callable[..., Any])


def _common(command: Command) -> Command:
    for option in reversed(COMMON):
        command = option(command)
    return command


def _places(**settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 (click's own)
    def decorate(command: Command) -> Command:
        for name in reversed(PLACES):
            command = click.option(name, **settings)(command)
        return command

    return decorate


@click.group(
    "import",
    epilog=example(
        "hipturn import xsens-dot --right-thigh thigh.csv --right-shank shank.csv"
        " --exercise prone_windshield_wiper --out SESSION"
    ),
)
def import_() -> None:
    """Turn other tools' files into a session."""


@import_.command(
    "xsens-dot",
    epilog="Example: hipturn import xsens-dot --right-thigh thigh.csv --right-shank shank.csv"
    " --exercise prone_windshield_wiper --out SESSION",
)
@_places(type=FILE)
@_common
def import_xsens_dot(**options: Any) -> None:  # noqa: ANN401 (click's options)
    """Import CSV files of the Movella (Xsens) DOT app, one for each unit."""
    from imu.importers.xsens.xsens_dot import import_dot

    wish, files = _split(options)
    _run("xsens-dot", wish, lambda: import_dot(files))


@import_.command(
    "xsens-dot-server",
    epilog="Example: hipturn import xsens-dot-server recording.csv --right-thigh d4:ca:6e:f1:82:8c"
    " --right-shank d4:ca:6e:f1:85:58 --exercise prone_windshield_wiper --out SESSION",
)
@click.argument("file", type=FILE)
@_places(metavar="ADDRESS")
@_common
def import_xsens_dot_server(file: Path, **options: Any) -> None:  # noqa: ANN401
    """Import a CSV file of the Xsens DOT server; name each unit's address."""
    from imu.importers.xsens.xsens_dot_server import import_server

    wish, addresses = _split(options)
    _run("xsens-dot-server", wish, lambda: import_server(file, addresses))


@import_.command(
    "metabase",
    epilog="Example: hipturn import metabase --right-thigh thigh_quaternion.csv"
    " --right-shank shank_quaternion.csv --exercise prone_windshield_wiper --out SESSION",
)
@_places(type=FILE, multiple=True)
@_common
def import_metabase(**options: Any) -> None:  # noqa: ANN401
    """Import CSV files of MetaBase; give acceleration and rate by the option twice."""
    from imu.importers.metabase import import_metabase as read

    wish, files = _split(options)
    _run("metabase", wish, lambda: read(files))


@import_.command(
    "opensense",
    epilog="Example: hipturn import opensense orientations.sto --exercise prone_windshield_wiper"
    " --out SESSION",
)
@click.argument("file", type=FILE)
@_common
def import_opensense(file: Path, **options: Any) -> None:  # noqa: ANN401
    """Import an OpenSense .sto file of orientations (femur_r_imu and so on)."""
    from imu.importers.opensense import import_opensense as read

    wish, _ = _split(options)
    _run("opensense", wish, lambda: read(file))


@import_.command(
    "csv",
    epilog="Example: hipturn import csv --right-thigh t.csv --right-shank s.csv --time t:ms"
    " --quaternion qw,qx,qy,qz --save-map map.toml --exercise prone_windshield_wiper --out SESSION",
)
@_places(type=FILE)
@click.option("--map", "map_file", type=FILE, help="A column map that --save-map kept.")
@click.option("--time", metavar="COLUMN[:UNIT]", help="Unit s, ms, us or ns.")
@click.option("--quaternion", metavar="W,X,Y,Z", help="Columns, sensor to earth.")
@click.option("--inverse", is_flag=True, help="The quaternions lead from earth to sensor.")
@click.option("--acceleration", metavar="X,Y,Z[:UNIT]", help="Unit m/s2 or g.")
@click.option("--gyroscope", metavar="X,Y,Z[:UNIT]", help="Unit rad/s or deg/s.")
@click.option("--unit-column", "unit", metavar="COLUMN", help="Says which unit a row is of.")
@click.option("--save-map", type=FILE, help="Keep the column map in a new file.")
@_common
def import_csv(map_file: Path | None, save_map: Path | None, **options: Any) -> None:  # noqa: ANN401
    """Import any CSV files; say which columns are what, once."""
    from imu.importers.column_map import read_map, write_map
    from imu.importers.generic_csv import import_csv as read

    told = {name: options.pop(name) for name in MAPPED}
    columns = read_map(map_file) if map_file else _told_map(told)
    if map_file and any(told.values()):
        raise click.UsageError("give --map or the columns, not both")
    wish, files = _split(options)
    if save_map and save_map.exists():
        raise UserError(f"{save_map}: is already there; choose another name for the column map")
    _import("csv", wish, lambda: read(files, columns))
    if save_map:
        write_map(columns, save_map)
        click.echo(f"column map: {save_map}")
    click.echo(f"session: {wish.out}")


MAPPED = ("time", "quaternion", "inverse", "acceleration", "gyroscope", "unit")


def _told_map(told: dict[str, Any]) -> Any:  # noqa: ANN401 (a ColumnMap, imported late)
    """Return the column map given by the options."""
    from imu.importers.column_map import checked

    data: dict[str, Any] = {"inverse": told["inverse"]}
    for name in ("time", "acceleration", "gyroscope"):
        if told[name]:
            columns, _, unit = str(told[name]).partition(":")
            data[name] = columns if name == "time" else columns.split(",")
            if unit:
                data[f"{name}_unit"] = unit
    if told["quaternion"]:
        data["quaternion"] = str(told["quaternion"]).split(",")
    if told["unit"]:
        data["unit"] = told["unit"]
    try:
        return checked(data)
    except ValueError as error:
        raise UserError(f"the columns: {error}; give them by options or --map") from None


def _split(options: dict[str, Any]) -> tuple[Wish, dict[Any, Any]]:
    """Return what the session is to be, and what was given for each place."""
    from analysis.exercises import load
    from hipturn.archive.importing import Wish, placed

    names = ("out", "exercise", "marks", "wearer", "orientation_filter")
    load(options["exercise"])
    started_at = _moment(options.pop("started"))
    wish = Wish(**{name: options.pop(name) for name in names}, started_at=started_at)
    files = placed(options)
    if options and not files:
        raise click.UsageError("give at least one unit, such as --right-thigh thigh.csv")
    return wish, files


def _moment(text: str | None) -> datetime | None:
    """Return the time that a person gave; without a zone it is that of this computer."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise click.UsageError(
            f"--started {text!r} is no time; write it as 2026-03-01T10:30+01:00"
        ) from None


def _run(form: str, wish: Wish, read: Callable[[], ImportedSession]) -> None:
    _import(form, wish, read)
    click.echo(f"session: {wish.out}")


def _import(form: str, wish: Wish, read: Callable[[], ImportedSession]) -> None:
    from hipturn.archive.importing import import_session

    for sentence in import_session(form, wish, read):
        click.echo(f"note: {sentence}", err=True)
