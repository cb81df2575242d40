"""The command line. Each command imports what it needs, so that `--help` is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn import __version__
from hipturn.errors import UserError

if TYPE_CHECKING:
    from hipturn.batch import Outcome

INTERRUPTED = 130
FILTERS = click.Choice(["vqf", "madgwick", "mahony", "ekf"])
SIDES = click.Choice(["left", "right", "both"])
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


def example(text: str) -> str:
    """Return the example that closes a command's help."""
    return f"Example: {text}"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hipturn")
def cli() -> None:
    """Hip internal rotation from strapped motion sensors: live, replayed, analysed."""


@cli.command(
    epilog=example("hipturn live --virtual --exercise prone_windshield_wiper --side right")
)
@click.option("--virtual", is_flag=True, help="Put a simulated wearer on in place of radios.")
@click.option("--exercise", default="prone_windshield_wiper", show_default=True, metavar="ID")
@click.option("--side", type=SIDES, default="right", show_default=True)
@click.option("--wearer", default="virtual", show_default=True, help="A pseudonym, never a name.")
@click.option("--seed", default=1, show_default=True, help="Which virtual wearer.")
@click.option("--speed", type=SpeedType(), default=1.0, help="Of a virtual wearer: 1, 2, … or max.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions go; else $HIPTURN_RECORDINGS.")
@click.option("--terminal", is_flag=True, help="Show in the terminal (what there is so far).")
def live(
    virtual: bool,
    exercise: str,
    side: Any,  # noqa: ANN401 (one of SIDES)
    wearer: str,
    seed: int,
    speed: float | None,
    seconds: float | None,
    root: str | None,
    terminal: bool,  # noqa: ARG001 (the only screen there is)
) -> None:
    """Calibrate, count and record one set, live."""
    if not virtual:
        raise click.UsageError("this version has no radio yet: add --virtual")
    from hipturn.live import live_virtual

    try:
        folder = live_virtual(
            exercise, side, seed=seed, speed=speed, root=root, seconds=seconds, wearer=wearer
        )
    except ValueError as error:  # the virtual wearer does not do this exercise, or not so
        raise UserError(str(error)) from None
    _print_session(folder)


@cli.command(epilog=example("hipturn replay demo/prone_windshield_wiper --speed 4"))
@click.argument("session")
@click.option("--speed", type=SpeedType(), default=1.0, help="1, 2, … or max.")
def replay(session: str, speed: float | None) -> None:
    """Show a recorded session again."""
    import hipturn
    from hipturn.places import find_sessions
    from hipturn.replay import replay as run

    for path in find_sessions([session]):
        run(hipturn.open(path), speed)
        _print_session(path)


@cli.command(epilog=example("hipturn analyse recordings --out tables --workers 2"))
@click.argument("paths", nargs=-1, required=True, metavar="SESSION...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--report/--no-report", default=True, show_default=True)
@click.option("--filter", "orientation_filter", type=FILTERS, help="For units that send raw data.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def analyse(
    paths: tuple[str, ...],
    out: Path | None,
    workers: int,
    report: bool,
    orientation_filter: str | None,
    as_json: bool,
) -> None:
    """Write angles.csv, reps.csv, summary.csv and report.pdf for sessions."""
    from hipturn.batch import Job, analyse_all, write_overall_summary
    from hipturn.places import find_sessions

    found = find_sessions(paths)
    if out is None:
        out = Path("tables", found[0].resolve().name) if len(found) == 1 else Path("tables")
    jobs = [
        Job(path, out if len(found) == 1 else out / path.resolve().name, report, orientation_filter)
        for path in found
    ]
    with _progress(len(jobs), "analysing", quiet=as_json) as done:
        outcomes = analyse_all(jobs, workers, done)
    good = [outcome for outcome in outcomes if not outcome.problem]
    if len(found) > 1 and good:
        write_overall_summary(outcomes, out)
    _print_outcomes(outcomes, out, as_json=as_json)
    if len(good) < len(outcomes):
        sys.exit(1)


@cli.command(epilog=example("hipturn export demo/ninety_ninety_lift --to csv --out lift"))
@click.argument("session")
@click.option("--to", "form", type=click.Choice(["csv"]), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
def export(session: str, form: str, out: Path | None) -> None:
    """Write a session as interoperable files."""
    import hipturn
    from hipturn.export.csv import export_csv
    from hipturn.places import find_sessions

    for path in find_sessions([session]):
        opened = hipturn.open(path)
        folder = out or Path(f"{opened.header.session_id}_{form}")
        for written in export_csv(hipturn.analyse(opened), opened, folder):
            click.echo(written)


@cli.command(epilog=example("hipturn exercises ninety_ninety_lift"))
@click.argument("exercise", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def exercises(exercise: str | None, as_json: bool) -> None:
    """List the exercises, or explain one: what is measured, how to do it, what counts."""
    from hipturn.catalogue_text import as_data, explain, listing

    if as_json:
        import json

        click.echo(json.dumps(as_data(exercise), indent=2, ensure_ascii=False))
    else:
        click.echo(explain(exercise) if exercise else listing())


@cli.group("import")
def import_() -> None:
    """Turn other tools' files into a session."""


@import_.command(
    "xsens-dot",
    epilog=example(
        "hipturn import xsens-dot --right-thigh thigh.csv --right-shank shank.csv"
        " --exercise prone_windshield_wiper --out SESSION"
    ),
)
@click.option("--right-thigh", type=FILE)
@click.option("--right-shank", type=FILE)
@click.option("--left-thigh", type=FILE)
@click.option("--left-shank", type=FILE)
@click.option("--pelvis", type=FILE)
@click.option("--exercise", required=True, metavar="ID")
@click.option("--marks", type=FILE, help="CSV with time_s,label.")
@click.option("--wearer", default="", help="A pseudonym, never a name.")
@click.option("--filter", "orientation_filter", type=FILTERS, default="vqf", show_default=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="SESSION", help="A new folder."
)
def import_xsens_dot(
    exercise: str,
    marks: Path | None,
    wearer: str,
    orientation_filter: str,
    out: Path,
    **files: Path | None,
) -> None:
    """Import CSV files of the Movella (Xsens) DOT app, one for each unit."""
    from analysis.exercises import load
    from hipturn.importing import import_xsens_dot as run
    from imu.sample import Segment, Side

    load(exercise)
    placed = {}
    for name, path in files.items():
        side, _, segment = name.rpartition("_")
        if path is not None:
            placed[Segment(segment), Side(side) if side else None] = path
    if not placed:
        raise click.UsageError("give at least one unit's file, such as --right-thigh thigh.csv")
    sentences = run(
        placed,
        out,
        exercise,
        marks=marks,
        wearer=wearer,
        orientation_filter=orientation_filter,
    )
    for sentence in sentences:
        click.echo(f"note: {sentence}", err=True)
    click.echo(f"session: {out}")


def _print_session(folder: Path) -> None:
    """Print how a set went and where it is."""
    import hipturn
    from hipturn.summary_text import summary_lines

    for line in summary_lines(hipturn.analyse(hipturn.open(folder))):
        click.echo(line)
    click.echo(f"session: {folder}")


def _progress(total: int, what: str, *, quiet: bool) -> Any:  # noqa: ANN401 (a context manager)
    from hipturn.progress import progress

    return progress(total, what, quiet=quiet)


def _print_outcomes(outcomes: list[Outcome], out: Path, *, as_json: bool) -> None:
    for outcome in outcomes:
        if outcome.problem:
            click.echo(f"hipturn: {outcome.problem}", err=True)
        for sentence in outcome.sentences:
            click.echo(f"note: {outcome.session.name}: {sentence}", err=True)
    if as_json:
        from hipturn.batch import overall_summary

        click.echo(overall_summary(outcomes).to_json(orient="records", indent=2))
        return
    from hipturn.summary_text import row_line

    for row in (row for outcome in outcomes for row in outcome.summary):
        click.echo(row_line(row))
    if any(not outcome.problem for outcome in outcomes):
        click.echo(f"tables: {out}")


def main() -> None:
    """Run the command; whatever goes wrong is one line on standard error."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("hipturn: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        line = _sentence(error)
        if line is None:
            raise
        click.echo(f"hipturn: {line}", err=True)
        sys.exit(1)


def _sentence(error: Exception) -> str | None:
    """Return the line for an error that says what to do; None for one that is our fault."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror.lower()}"
    # named here by module and class, so that no command imports what it does not need
    ours = {"SessionError", "ImportFileError", "CatalogueError"}
    return str(error) if type(error).__name__ in ours else None
