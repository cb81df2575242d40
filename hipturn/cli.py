"""The command line. Each command imports what it needs, so that `--help` is instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn import __version__
from hipturn.errors import UserError, fault_text
from hipturn.export.run import FORMS
from hipturn.import_commands import import_
from hipturn.kit_commands import kit
from hipturn.page_options import page_choice, page_options, page_wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from hipturn.batch import Outcome
    from imu.orientation import FilterName

INTERRUPTED = 130
# Whatever the command writes may tell about a wearer: it is its owner's alone (0700, 0600).
PRIVATE = 0o077
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
@click.option("--synchronise", is_flag=True, help="Give Movella DOT units one clock first.")
@click.option("--wearer", default="", help="A pseudonym, never a name.")
@click.option("--seed", default=1, show_default=True, help="Which virtual wearer.")
@click.option("--speed", type=SpeedType(), default=1.0, help="Of a virtual wearer: 1, 2, … or max.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions go; else $HIPTURN_RECORDINGS.")
@click.option("--active/--passive", default=None, help="Who moves the leg, for a test.")
@click.option("--plan", "plan_file", metavar="FILE", help="Walk through a plan, or a ready one.")
@click.option("--test", "is_test", is_flag=True, help="Make a test of three trials of a set.")
@click.option("--lsl", is_flag=True, help="Stream to Lab Streaming Layer too (extra [lsl]).")
@page_options
def live(
    virtual: bool,
    exercise: str,
    side: Any,  # noqa: ANN401 (one of SIDES)
    wearer: str,
    synchronise: bool,
    seed: int,
    speed: float | None,
    seconds: float | None,
    root: str | None,
    active: bool | None,
    is_test: bool,
    plan_file: str | None,
    lsl: bool,
    page: bool | None,
    lan: bool,
    port: int | None,
    no_browser: bool,
    hosts: tuple[str, ...],
    **named: str | None,
) -> None:
    """Calibrate, count and record, live, with your own units or a virtual wearer."""
    from functools import partial

    from hipturn.start import start_on_page, start_radio, start_virtual

    settings: dict[str, Any] = {"wearer": wearer, "seconds": seconds, "root": root}
    only_terminal = plan_file is not None or lsl or synchronise or is_test or active is not None
    if page_wanted(page, lan, default=not only_terminal):
        start_on_page(
            page_choice(lan, port, no_browser, hosts),
            exercise,
            side,
            named,
            virtual=virtual,
            seed=seed,
            speed=speed,
            **settings,
        )
        return
    settings |= {"active": active, "is_test": is_test, "lsl": lsl, "synchronise": synchronise}
    start: Callable[..., Path]
    if virtual:
        start = partial(start_virtual, seed=seed, speed=speed, **settings)
    else:
        start = partial(start_radio, named=named, **settings)
    if plan_file is None:
        _print_session(start(exercise, side))
        return
    from hipturn.plan import load_plan
    from hipturn.planned import walk

    walk(
        load_plan(plan_file),
        lambda item, leg, dose, rest_s: start(item, leg, dose=dose, rest_s=rest_s),
        _print_session,
        wait=not (virtual and speed is None),
    )


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


@cli.command(epilog=example('hipturn configure D4:22:CD:00:12:34 --rate 60 --name "right thigh"'))
@click.argument("arguments", nargs=-1, metavar="UNIT | --check FILE [BYTES]...")
@click.option("--rate", type=float, help="Output rate in Hz, one that the unit's profile allows.")
@click.option("--filter-profile", metavar="NAME", help="How the unit fuses, such as general.")
@click.option("--name", metavar="TEXT", help="What the unit is called, as far as it keeps a name.")
@click.option("--check", "file", type=FILE, help="Validate a profile instead; no radio is used.")
@click.option("--stream", help="With --check: the stream that the bytes are of.")
def configure(
    arguments: tuple[str, ...],
    rate: float | None,
    filter_profile: str | None,
    name: str | None,
    file: Path | None,
    stream: str | None,
) -> None:
    """Set a unit up, read back what it kept, and say what changed; or validate a unit's profile.

    Without an option the unit is set to its usual rate. With a rate it streams for a few seconds,
    and what it sends is counted. With --check, notifications pasted as hexadecimal digits are read
    by the profile.
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

    from hipturn.unit_choices import Wanted
    from hipturn.unit_choices import configure as run

    wanted = Wanted(rate_hz=rate, filter_profile=filter_profile, name=name)
    done = asyncio.run(run(arguments[0], wanted))
    for sentence in done.sentences:
        click.echo(f"{done.found.name} ({done.found.address}): {sentence}")
    if done.refused:
        raise UserError(
            f"the unit did not take its {' and '.join(done.refused)}: switch it off and on, and"
            " look in its maker's app whether it can be set so"
        )
    if done.watched is not None and not done.watched.keeps_its_rate:
        raise UserError("the unit does not keep its rate: bring it closer, or set a lower rate")


cli.add_command(kit)


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
@click.option("--refine", is_flag=True, help="Also write refined/: what a whole recording allows.")
@click.option("--parquet", is_flag=True, help="Also write parquet/, partitioned by session.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler; writes parquet/ too.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def analyse(
    paths: tuple[str, ...],
    out: Path | None,
    workers: int,
    report: bool,
    orientation_filter: FilterName | None,
    refine: bool,
    parquet: bool,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Write angles.csv, reps.csv, summary.csv and report.pdf for sessions.

    manifest.json tells what they were made from; what is done and unchanged is not done again.
    """
    from functools import partial

    from hipturn.batch import analyse_all, jobs_for, write_overall_summary
    from hipturn.cluster import on_cluster
    from hipturn.export.parquet import PARQUET
    from hipturn.places import find_anywhere

    found = find_anywhere(paths)
    if out is None:
        out = Path("tables", Path(found[0]).name) if len(found) == 1 else Path("tables")
    if cluster is not None:
        found = [place if isinstance(place, str) else place.resolve() for place in found]
        out = out.resolve()  # a worker has another working directory
    jobs = jobs_for(
        found, out, report=report, orientation_filter=orientation_filter, refine=refine,
        parquet=out / PARQUET if parquet or cluster else None,
    )  # fmt: skip
    with _progress(len(jobs), "analysing", quiet=as_json) as done:
        run = partial(on_cluster, cluster) if cluster else None
        outcomes = analyse_all(jobs, out, done, workers=workers, run=run)
    good = [outcome for outcome in outcomes if not outcome.problem]
    if len(found) > 1 and good:
        write_overall_summary(jobs, outcomes, out)
    _print_outcomes(outcomes, out, as_json=as_json)
    if len(good) < len(outcomes):
        sys.exit(1)


@cli.command(epilog=example("hipturn report demo -o report.pdf"))
@click.argument("paths", nargs=-1, required=True, metavar="SESSION...")
@click.option("-o", "out", type=FILE, default="report.pdf", show_default=True, metavar="FILE")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True)
def report(paths: tuple[str, ...], out: Path, paper: str) -> None:
    """Write the report a therapist files: .pdf, .png or .html by the file's name."""
    from hipturn.places import find_sessions
    from hipturn.report import check_suffix
    from hipturn.report.make import entries_of, write_report

    check_suffix(out)
    found = find_sessions(paths)
    with _progress(len(found), "analysing", quiet=False) as done:
        entries = entries_of(found, done)
    click.echo(write_report(entries, out, paper))


@cli.command(epilog=example("hipturn history --wearer W01 -o trend.pdf"))
@click.option("--wearer", metavar="REF", help="Whose trend; without it, all wearers are listed.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option("-o", "figure", type=FILE, metavar="FIG", help="Draw it: .pdf, .png or .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def history(wearer: str | None, root: str | None, figure: Path | None, as_json: bool) -> None:
    """Show the trend of a wearer over all sessions, by exercise, position and leg."""
    from hipturn.history.show import show_history
    from hipturn.places import recordings_root

    def bar(total: int) -> Any:  # noqa: ANN401 (a context manager)
        return _progress(total, "analysing", quiet=as_json)

    for line in show_history(recordings_root(root), wearer, figure, bar, as_json=as_json):
        click.echo(line)


@cli.command(epilog=example("hipturn forget W01 --yes"))
@click.argument("wearer", metavar="REF")
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option("--tables", type=click.Path(file_okay=False, path_type=Path), default="tables")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(wearer: str, root: str | None, tables: Path, yes: bool) -> None:
    """Remove a wearer everywhere: sessions, index and tables; say what was removed."""
    from hipturn.history.forget import forget as run
    from hipturn.history.forget import sessions_of
    from hipturn.places import recordings_root

    folder = recordings_root(root)
    count = len(sessions_of(folder, wearer))
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {count} sessions of {wearer!r} for good?", abort=True, err=True)
    for line in run(folder, wearer, tables).lines:
        click.echo(line)


@cli.command(epilog=example("hipturn export demo/ninety_ninety_lift --to csv --out lift"))
@click.argument("session")
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
def export(session: str, form: str, out: Path | None) -> None:
    """Write a session as interoperable files."""
    from hipturn.export.run import export_sessions
    from hipturn.places import find_sessions

    for written in export_sessions(find_sessions([session]), form, out):
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
    from hipturn.history.stored import store_summary
    from hipturn.summary_text import summary_lines

    result = hipturn.analyse(hipturn.open(folder))
    store_summary(folder, result.summary)
    for line in summary_lines(result):
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
    if before := sum(outcome.done_before for outcome in outcomes):
        click.echo(f"unchanged and not done again: {before} of {len(outcomes)}")
    if any(not outcome.problem for outcome in outcomes):
        click.echo(f"tables: {out}")


cli.add_command(import_)


def main() -> None:
    """Run the command; whatever goes wrong is one line on standard error."""
    os.umask(PRIVATE)
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
        click.echo(f"hipturn: {line or fault_text(error)}", err=True)
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
