"""The commands of `hipturn import`: one for each tool whose files can be read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hipturn.commands.command_words import calibration_of, example
from hipturn.commands.grouped_help import GroupedCommand, GroupedOption, examples
from hipturn.errors import UserError

if TYPE_CHECKING:
    from hipturn.archive.importing import Wish
    from imu.importers import Hints, ImportedSession

FILE = click.Path(dir_okay=False, path_type=Path)
FILTERS = click.Choice(["vqf", "madgwick", "mahony", "ekf"])
PLACES = ("--right-thigh", "--right-shank", "--left-thigh", "--left-shank", "--pelvis")
SESSION, TIMES, COLUMNS = "The session", "Times and several files", "What the columns are"
WORN = "Where each unit was strapped"
COMMON = (
    click.option(
        "--exercise", required=True, metavar="ID|FILE", cls=GroupedOption, heading=SESSION
    ),
    click.option(
        "--calibration", metavar="FILE|SESSION", cls=GroupedOption, heading=SESSION,
        help="How the units sit: calibration.json, or a session that knows.",
    ),
    click.option(
        "--marks", type=FILE, help="CSV with time_s,label.", cls=GroupedOption, heading=SESSION
    ),
    click.option(
        "--wearer", default="", help="A pseudonym, never a name.", cls=GroupedOption,
        heading=SESSION,
    ),
    click.option(
        "--filter", "orientation_filter", type=FILTERS, default="vqf", show_default=True,
        help="Fuses acceleration and rate where there is no orientation.", cls=GroupedOption,
        heading=SESSION,
    ),
    click.option(
        "--started", metavar="TIME", help="When it began, such as 2026-03-01T10:30+01:00.",
        cls=GroupedOption, heading=SESSION,
    ),
    click.option(
        "--out", required=True, type=click.Path(path_type=Path), metavar="SESSION",
        help="A new folder.", cls=GroupedOption, heading=SESSION,
    ),
    click.option(
        "--append", is_flag=True, cls=GroupedOption, heading=TIMES,
        help="A unit's files follow each other; times that do not follow begin 1 s later.",
    ),
    click.option(
        "--rate", "rate_hz", type=click.FloatRange(0.9, 1000.0), metavar="HZ", cls=GroupedOption,
        heading=TIMES, help="Samples per second, where there is no time column.",
    ),
    click.option(
        "--offset", multiple=True, metavar="PLACE=S", cls=GroupedOption, heading=TIMES,
        help="Seconds to add to a unit's times, such as right-shank=0.120.",
    ),
)  # fmt: skip
Command = TypeVar("Command", bound=Callable[..., Any])


def _common(command: Command) -> Command:
    for option in reversed(COMMON):
        command = option(command)
    return command


def _places(**settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 (click's own)
    def decorate(command: Command) -> Command:
        for name in reversed(PLACES):
            option = click.option(name, cls=GroupedOption, heading=WORN, **settings)
            command = option(command)
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
    cls=GroupedCommand,
    epilog=example(
        "hipturn import xsens-dot --right-thigh thigh.csv --right-shank shank.csv"
        " --exercise prone_windshield_wiper --out SESSION"
    ),
)
@_places(type=FILE, multiple=True)
@_common
def import_xsens_dot(**options: Any) -> None:  # noqa: ANN401 (click's options)
    """Import CSV files of the Movella (Xsens) DOT app, one for each unit."""
    from imu.importers.xsens.xsens_dot import import_dot

    def read(files: dict[Any, list[Path]], hints: Hints) -> ImportedSession:
        for paths in files.values():
            if len(paths) > 1:
                raise click.UsageError(
                    f"{paths[1]}: a unit's second file; with --append they follow each other"
                )
        return import_dot({place: paths[0] for place, paths in files.items()}, hints)

    wish, files, hints, append = _split(options)
    _run("xsens-dot", wish, _reader(files, hints, read, append, lambda _: ""))


@import_.command(
    "xsens-dot-server",
    cls=GroupedCommand,
    epilog=example(
        "hipturn import xsens-dot-server recording.csv --right-thigh d4:ca:6e:f1:82:8c"
        " --right-shank d4:ca:6e:f1:85:58 --exercise prone_windshield_wiper --out SESSION"
    ),
)
@click.argument("file", type=FILE, nargs=-1, required=True)
@_places(metavar="ADDRESS")
@_common
def import_xsens_dot_server(file: tuple[Path, ...], **options: Any) -> None:  # noqa: ANN401
    """Import a CSV file of the Xsens DOT server; name each unit's address."""
    from imu.importers.xsens.xsens_dot_server import import_server

    wish, addresses, hints, append = _split(options)
    read = partial(import_server, addresses=addresses, hints=hints)
    _run("xsens-dot-server", wish, _file_reader(file, read, append))


@import_.command(
    "metabase",
    cls=GroupedCommand,
    epilog=example(
        "hipturn import metabase --right-thigh thigh_quaternion.csv"
        " --right-shank shank_quaternion.csv --exercise prone_windshield_wiper --out SESSION"
    ),
)
@_places(type=FILE, multiple=True)
@_common
def import_metabase(**options: Any) -> None:  # noqa: ANN401
    """Import CSV files of MetaBase; give acceleration and rate by the option twice."""
    from imu.importers import metabase

    wish, files, hints, append = _split(options)
    reader = _reader(files, hints, metabase.import_metabase, append, metabase.holds)
    _run("metabase", wish, reader)


@import_.command(
    "opensense",
    cls=GroupedCommand,
    epilog=example(
        "hipturn import opensense orientations.sto --exercise prone_windshield_wiper --out SESSION"
    ),
)
@click.argument("file", type=FILE, nargs=-1, required=True)
@_common
def import_opensense(file: tuple[Path, ...], **options: Any) -> None:  # noqa: ANN401
    """Import an OpenSense .sto file of orientations (femur_r_imu and so on)."""
    from imu.importers.opensense import import_opensense as read

    wish, _, hints, append = _split(options)
    _run("opensense", wish, _file_reader(file, partial(read, hints=hints), append))


def _column_option(*names: str, **settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401
    return click.option(*names, cls=GroupedOption, heading=COLUMNS, **settings)


@import_.command(
    "csv",
    cls=GroupedCommand,
    epilog=examples(
        "hipturn import csv --right-thigh t.csv --right-shank s.csv --time t:ms"
        " --quaternion qw,qx,qy,qz --save-map map.toml --exercise prone_windshield_wiper"
        " --out SESSION",
        "hipturn import csv --right-thigh t_acc.csv --right-thigh t_gyr.csv"
        " --right-shank s_acc.csv --right-shank s_gyr.csv --map phyphox"
        " --exercise prone_windshield_wiper --out SESSION",
        "hipturn import csv --right-thigh both.csv --right-shank both.csv --rate 100"
        " --quaternion right-thigh=w1,x1,y1,z1 --quaternion right-shank=w2,x2,y2,z2"
        " --exercise prone_windshield_wiper --out SESSION",
    ),
)
@_places(type=FILE, multiple=True)
@_column_option(
    "--map",
    "map_name",
    metavar="NAME|FILE",
    help=("Ready-made: androsensor, mt-manager, phyphox, sensor-logger; or a file of --save-map."),
)
@_column_option("--time", multiple=True, metavar="COLUMN[:UNIT]", help="Unit s, ms, us or ns.")
@_column_option(
    "--quaternion",
    multiple=True,
    metavar="[PLACE=]W,X,Y,Z",
    help=("Sensor to earth. PLACE, such as right-thigh, where one file holds several units."),
)
@_column_option(
    "--euler", multiple=True, metavar="[PLACE=]R,P,Y", help=("Instead: angles about x, y and z.")
)
@_column_option(
    "--euler-order",
    metavar="ZYX[:UNIT]",
    help=(
        "Of the turns, about the axes as they turn along (zyx: about fixed ones). Unit deg or rad."
    ),
)
@_column_option(
    "--matrix",
    multiple=True,
    metavar="[PLACE=]C11,C12,…",
    help=("Instead: nine columns of a rotation matrix, row by row."),
)
@_column_option("--inverse", is_flag=True, help="The orientations lead from earth to sensor.")
@_column_option(
    "--earth",
    type=click.Choice(["z-up", "z-down", "y-up"]),
    default="z-up",
    show_default=True,
    help="Axes of their earth.",
)
@_column_option(
    "--acceleration",
    multiple=True,
    metavar="[PLACE=]X,Y,Z[:UNIT]",
    help=("With gravity. Unit m/s2, g or mg."),
)
@_column_option(
    "--gyroscope",
    multiple=True,
    metavar="[PLACE=]X,Y,Z[:UNIT]",
    help=("Unit rad/s, deg/s or mdeg/s."),
)
@_column_option(
    "--scale",
    multiple=True,
    metavar="[QUANTITY=]N",
    help=("What one raw count is in that unit, such as 0.000244 or gyroscope=0.061."),
)
@_column_option("--unit-column", "unit", metavar="COLUMN", help="Says which unit a row is of.")
@_column_option("--save-map", type=FILE, help="Keep the column map in a new file.")
@_common
def import_csv(map_name: str | None, save_map: Path | None, **options: Any) -> None:  # noqa: ANN401
    """Import any CSV files; say which columns are what, once.

    Names that hold commas or colons are quoted: '"Acc: x","Acc: y","Acc: z":g'.
    """
    from dataclasses import replace

    from hipturn.commands.column_options import named_maps, scales, told_map
    from imu.importers import generic_csv
    from imu.importers.column_map import write_map

    told = {name: options.pop(name) for name in MAPPED}
    given = [name for name in MAPPED if told[name] and name not in ("scale", "earth")]
    wish, files, hints, append = _split(options)
    timed = hints.rate_hz is None
    if map_name and (given or told["earth"] != "z-up"):
        raise click.UsageError("give --map or the columns, not both")
    if map_name:
        scaled: dict[str, Any] = scales(told["scale"])
        maps = [replace(one, **scaled) for one in named_maps(map_name, timed=timed)]
    else:
        maps = [told_map(told, timed=timed)]
        if told["time"] and not timed:
            raise click.UsageError("give --time or --rate, not both")
    if save_map and save_map.exists():
        raise UserError(f"{save_map}: is already there; choose another name for the column map")
    if save_map and len(maps) > 1:
        raise click.UsageError("--save-map keeps one's own columns, not a ready-made map")

    def read(parts: dict[Any, list[Path]], hints: Hints) -> ImportedSession:
        return generic_csv.import_csv(parts, maps[0] if len(maps) == 1 else maps, hints)

    _import("csv", wish, _reader(files, hints, read, append, partial(_holds, maps)))
    if save_map:
        write_map(maps[0], save_map)
        click.echo(f"column map: {save_map}")
    click.echo(f"session: {wish.out}")


MAPPED = (
    "time", "quaternion", "euler", "euler_order", "matrix", "inverse", "earth", "acceleration",
    "gyroscope", "scale", "unit",
)  # fmt: skip


def _holds(maps: Sequence[Any], path: Path) -> Hashable:
    from imu.importers.generic_csv import holds

    return holds(path, maps)


def _reader(
    files: dict[Any, Sequence[Path]],
    hints: Hints,
    read: Callable[[Any, Hints], ImportedSession],
    append: bool,
    holds: Callable[[Path], Hashable],
) -> Callable[[], ImportedSession]:
    """Return what reads each unit's files, one after the other where they are to be appended."""

    def read_all() -> ImportedSession:
        from imu.importers.sequence import in_sequence, parts_of

        if not append:
            return read({place: list(paths) for place, paths in files.items()}, hints)
        parts = parts_of(files, holds)
        names = [next(iter(part.values()))[0].name for part in parts]
        return in_sequence([read(part, hints) for part in parts], names)

    return read_all


def _file_reader(
    files: Sequence[Path], read: Callable[[Path], ImportedSession], append: bool
) -> Callable[[], ImportedSession]:
    """Return what reads a file of all units, or several one after the other."""

    def read_all() -> ImportedSession:
        from imu.importers.sequence import in_sequence

        return in_sequence([read(path) for path in files], [path.name for path in files])

    if len(files) > 1 and not append:
        raise click.UsageError("several files of all units follow each other only with --append")
    return read_all


def _split(options: dict[str, Any]) -> tuple[Wish, dict[Any, Any], Hints, bool]:
    """Return what the session is to be, what was given for each place, and what is said besides."""
    from hipturn.archive.importing import Wish, placed
    from hipturn.commands.column_options import offsets
    from hipturn.own_exercises import find
    from imu.importers import Hints

    names = ("out", "exercise", "marks", "wearer", "orientation_filter")
    out = options.get("out")
    beside = (out.resolve().parent,) if out is not None else ()
    options["exercise"] = find(options["exercise"], *beside).id
    started_at = _moment(options.pop("started"))
    calibration = calibration_of(options.pop("calibration"))
    told = {name: options.pop(name) for name in names}
    wish = Wish(**told, started_at=started_at, calibration=calibration)
    hints = Hints(rate_hz=options.pop("rate_hz"), offset_s=offsets(options.pop("offset")))
    append = options.pop("append")
    files = placed(options)
    if options and not files:
        raise click.UsageError("give at least one unit, such as --right-thigh thigh.csv")
    return wish, files, hints, append


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
