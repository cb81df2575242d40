"""The command line. Each command imports what it needs, so that `--help` is instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn import __version__
from hipturn.errors import UserError
from hipturn.kit import PLACES
from hipturn.page_options import page_choice, page_options, page_wanted

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


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hipturn")
@click.pass_context
def cli(context: click.Context) -> None:
    """Hip internal rotation from strapped motion sensors: live, replayed, analysed.

    Without a command, opens the page on the demo recording.
    """
    if context.invoked_subcommand is not None:
        return
    from hipturn.display import likely_display

    if not likely_display() and not sys.stdout.isatty():
        click.echo(context.get_help())
        return
    from hipturn.page_session import run_page

    run_page(page_choice(lan=False, port=None, no_browser=not likely_display(), hosts=()))


@cli.command(epilog=example("hipturn scan --seconds 5"))
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.5, 120))
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def scan(seconds: float, as_json: bool) -> None:
    """List the units in range: name, address, profile, signal."""
    import asyncio

    from hipturn.scan_text import as_data, listing
    from imu.profile import load_profiles
    from imu.scan import find

    found = asyncio.run(find(seconds, load_profiles()))
    if as_json:
        import json

        click.echo(json.dumps(as_data(found), indent=2))
    elif found:
        click.echo(listing(found))
    else:
        raise UserError(
            "no unit is in range: switch one on, move it to wake it, bring it within 5 m, and end"
            " other apps or phones that hold it"
        )


@cli.command(
    epilog=example("hipturn live --virtual --exercise prone_windshield_wiper --side right")
)
@click.option("--virtual", is_flag=True, help="Put a simulated wearer on in place of radios.")
@click.option("--exercise", default="prone_windshield_wiper", show_default=True, metavar="ID")
@click.option("--side", type=SIDES, default="right", show_default=True)
@click.option("--thigh", metavar="UNIT", help="Address or name of the thigh unit of --side.")
@click.option("--shank", metavar="UNIT", help="Address or name of the shank unit of --side.")
@click.option("--right-thigh", metavar="UNIT")
@click.option("--right-shank", metavar="UNIT")
@click.option("--left-thigh", metavar="UNIT")
@click.option("--left-shank", metavar="UNIT")
@click.option("--pelvis", metavar="UNIT")
@click.option("--wearer", default="", help="A pseudonym, never a name.")
@click.option("--seed", default=1, show_default=True, help="Which virtual wearer.")
@click.option("--speed", type=SpeedType(), default=1.0, help="Of a virtual wearer: 1, 2, … or max.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions go; else $HIPTURN_RECORDINGS.")
@page_options
def live(
    virtual: bool,
    exercise: str,
    side: Any,  # noqa: ANN401 (one of SIDES)
    wearer: str,
    seed: int,
    speed: float | None,
    seconds: float | None,
    root: str | None,
    page: bool | None,
    lan: bool,
    port: int | None,
    no_browser: bool,
    hosts: tuple[str, ...],
    **named: str | None,
) -> None:
    """Calibrate, count and record, live, with your own units or a virtual wearer."""
    from hipturn.start import start_on_page, start_radio, start_virtual

    if page_wanted(page, lan):
        start_on_page(
            page_choice(lan, port, no_browser, hosts),
            exercise,
            side,
            named,
            virtual=virtual,
            wearer=wearer,
            seed=seed,
            speed=speed,
            seconds=seconds,
            root=root,
        )
        return
    if virtual:
        folder = start_virtual(
            exercise, side, wearer=wearer, seed=seed, speed=speed, seconds=seconds, root=root
        )
    else:
        folder = start_radio(exercise, side, named, wearer=wearer, seconds=seconds, root=root)
    _print_session(folder)


@cli.command(epilog=example("hipturn doctor"))
def doctor() -> None:
    """Check Bluetooth, packages and disk, and say how to mend each."""
    from hipturn.doctor import examine

    findings = examine()
    for finding in findings:
        if finding.good:
            click.echo(f"ok   {finding.what}: {finding.text}")
    bad = [finding for finding in findings if not finding.good]
    for finding in bad:
        click.echo(f"hipturn: {finding.what}: {finding.text}", err=True)
    if bad:
        sys.exit(1)


@cli.command(epilog=example("hipturn configure D4:22:CD:00:12:34 --rate 60"))
@click.argument("arguments", nargs=-1, metavar="UNIT | --check FILE [BYTES]...")
@click.option("--rate", type=float, help="Output rate in Hz, one that the unit's profile allows.")
@click.option("--check", "file", type=FILE, help="Validate a profile instead; no radio is used.")
@click.option("--stream", help="With --check: the stream that the bytes are of.")
def configure(
    arguments: tuple[str, ...], rate: float | None, file: Path | None, stream: str | None
) -> None:
    """Set a unit's output rate and see that it keeps it; or validate a unit's profile.

    With --check, notifications pasted as hexadecimal digits are read by the profile.
    """
    if file is not None:
        from imu.profile_check import check_file

        report = check_file(file, arguments, stream=stream)
        if not report.usable:
            raise UserError("\n".join(report.lines))
        for line in report.lines:
            click.echo(line)
        return
    if len(arguments) != 1:
        raise click.UsageError("name one unit, or a profile with --check FILE")
    import asyncio

    from hipturn.unit_setup import set_rate

    seen = asyncio.run(set_rate(arguments[0], rate))
    charge = "" if seen.battery is None else f", battery {seen.battery} %"
    click.echo(
        f"{seen.found.name} ({seen.found.address}): {seen.stream}, set to {seen.rate_hz:g} Hz,"
        f" sends {seen.measured_hz:.1f} Hz{charge}"
    )
    if not seen.keeps_its_rate:
        raise UserError("the unit does not keep its rate: bring it closer, or set a lower rate")


@cli.group(invoke_without_command=True)
@click.pass_context
def kit(context: click.Context) -> None:
    """Remember which unit is strapped where; without a command, list them."""
    if context.invoked_subcommand is None:
        from hipturn.kit import read_kit

        for place, unit in read_kit().items():
            click.echo(
                f"{place:<12} {unit.name or '–':<20} {unit.serial or '–':<20} {unit.address}"
            )


@kit.command("set", epilog=example("hipturn kit set right-thigh D4:22:CD:00:12:34"))
@click.argument("place", type=click.Choice(PLACES))
@click.argument("unit")
def kit_set(place: str, unit: str) -> None:
    """Connect to a unit, by address or name, and remember it for a place."""
    import asyncio

    from hipturn.kit import remember
    from hipturn.unit_setup import learn

    known = asyncio.run(learn(unit))
    remember(place, known)
    click.echo(f"{place}: {known.name or known.address}, serial {known.serial or 'not told'}")


@kit.command("forget", epilog=example("hipturn kit forget right-thigh"))
@click.argument("place", type=click.Choice(PLACES))
def kit_forget(place: str) -> None:
    """Forget the unit of a place."""
    from hipturn.kit import forget

    forget(place)


@cli.command(epilog=example("hipturn replay demo/prone_windshield_wiper --speed 4"))
@click.argument("session")
@click.option("--speed", type=SpeedType(), default=1.0, help="1, 2, … or, in the terminal, max.")
@page_options
def replay(
    session: str,
    speed: float | None,
    page: bool | None,
    lan: bool,
    port: int | None,
    no_browser: bool,
    hosts: tuple[str, ...],
) -> None:
    """Show a recorded session again."""
    if page_wanted(page, lan):
        from hipturn.page_session import run_page

        run_page(page_choice(lan, port, no_browser, hosts), shown=session, speed=speed)
        return
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
@click.option("--refine", is_flag=True, help="Clocks from the whole recording, not as live.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def analyse(
    paths: tuple[str, ...],
    out: Path | None,
    workers: int,
    report: bool,
    orientation_filter: str | None,
    refine: bool,
    as_json: bool,
) -> None:
    """Write angles.csv, reps.csv, summary.csv and report.pdf for sessions."""
    from hipturn.batch import Job, analyse_all, write_overall_summary
    from hipturn.places import find_sessions

    found = find_sessions(paths)
    if out is None:
        out = Path("tables", found[0].resolve().name) if len(found) == 1 else Path("tables")
    jobs = [
        Job(
            path,
            out if len(found) == 1 else out / path.resolve().name,
            report,
            orientation_filter,
            refine,
        )
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


@cli.command(epilog=example("hipturn recover recordings/20261122T093000Z_ninety_ninety_lift_left"))
@click.argument("session")
def recover(session: str) -> None:
    """Rescue a session whose writer died; exit 0 whole, 3 partly, 1 nothing."""
    from imu.recording import recover as run

    rescue = run(session)
    if rescue.exit_code == 1:
        raise UserError(rescue.reason)
    click.echo(f"{session}: {rescue.sentence}")
    sys.exit(rescue.exit_code)


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
        if line is None and os.environ.get("HIPTURN_DEBUG"):
            raise
        said = line or (
            f"a fault of ours ({type(error).__name__}: {error}); recordings are kept as they are."
            " Please report it with what HIPTURN_DEBUG=1 prints"
        )
        click.echo(f"hipturn: {said}", err=True)
        sys.exit(1)


def _sentence(error: Exception) -> str | None:
    """Return the line for an error that says what to do; None for one that is our fault."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror.lower()}"
    # named here by module and class, so that no command imports what it does not need
    ours = {"SessionError", "ImportFileError", "CatalogueError", "RadioError", "ProfileError"}
    return str(error) if type(error).__name__ in ours else None
