"""The commands about recordings: tables, reports, trends, exports, removal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn.commands.command_words import (
    AS_RECORDED,
    CALIBRATION,
    FILE,
    LANGUAGE,
    calibration_of,
    example,
)
from hipturn.errors import UserError
from hipturn.export.run import FORMS

if TYPE_CHECKING:
    from hipturn.archive.run import Run
    from hipturn.export.csv import Decimal
    from imu.fuse.orientation import FilterName

SPREADSHEET = (
    click.option(
        "--decimal", type=click.Choice(["point", "comma"]), default="point", show_default=True,
        help="comma: `;` between cells and decimal commas, for German or French spreadsheets.",
    ),
    click.option("--xlsx", is_flag=True, help="Also write tables.xlsx, a workbook for Excel."),
)  # fmt: skip


class FolderOrUrl(click.Path):
    """A folder as a path, a URL as it is."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 (of click)
        """Return a path, or the text of a URL."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


FOLDER_OR_URL = FolderOrUrl(file_okay=False, path_type=Path)
FILTERS = click.Choice(["vqf", "madgwick", "mahony", "ekf"])


@click.command(epilog=example("hipturn analyse recordings --out tables --workers 2"))
@click.argument("paths", nargs=-1, required=True, metavar="SESSION...")
@click.option("--out", type=FOLDER_OR_URL, metavar="DIR", help="A folder, or a URL: s3://…")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--report/--no-report", default=True, show_default=True)
@click.option("--filter", "orientation_filter", type=FILTERS, help="For units that send raw data.")
@click.option("--parquet", is_flag=True, help="Also write parquet/, partitioned by session.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler; writes parquet/ too.")
@CALIBRATION
@SPREADSHEET[0]
@SPREADSHEET[1]
@AS_RECORDED
@LANGUAGE
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def analyse(
    paths: tuple[str, ...],
    out: Path | str | None,
    workers: int,
    report: bool,
    orientation_filter: FilterName | None,
    parquet: bool,
    cluster: str | None,
    calibration: str | None,
    decimal: Decimal,
    xlsx: bool,
    as_recorded: bool,
    language: str,
    as_json: bool,
) -> None:
    """Write angles.csv, reps.csv, sets.csv, summary.csv and report.pdf for sessions.

    manifest.json lists what they were made from; sessions that are done and unchanged are skipped.
    """
    from functools import partial

    from hipturn.archive.batch import Options
    from hipturn.archive.cluster import on_cluster
    from hipturn.archive.plan import Plan
    from hipturn.archive.run import Run
    from hipturn.export.parquet import PARQUET
    from hipturn.session_paths import named

    if cluster is not None:  # a worker has another working directory
        paths = tuple(path if "://" in path else str(named(path).resolve()) for path in paths)
    with Plan(paths) as plan:
        if out is None:
            out = Path("tables", Path(plan.first).name) if plan.count == 1 else Path("tables")
        if cluster is not None and isinstance(out, Path):
            out = out.resolve()
        options = Options(
            report=report, orientation_filter=orientation_filter,
            parquet=Path(out) / PARQUET if parquet or cluster else None,
            calibration=calibration_of(calibration), decimal=decimal, xlsx=xlsx,
            as_recorded=as_recorded, language=language,
        )  # fmt: skip
        with _progress(plan.count, "analysing", quiet=as_json) as done:
            run = Run(plan, out, options)
            tally = run.analyse(
                done, workers=workers, run=partial(on_cluster, cluster) if cluster else None
            )
        _print_outcomes(run, out, as_json=as_json)
        run.close()
    if tally.bad:
        sys.exit(1)


@click.command(epilog=example("hipturn report demo -o report.pdf"))
@LANGUAGE
@click.argument("paths", nargs=-1, required=True, metavar="SESSION...")
@click.option("-o", "out", type=FILE, default="report.pdf", show_default=True, metavar="FILE")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True)
def report(paths: tuple[str, ...], out: Path, paper: str, language: str) -> None:
    """Write the report a therapist files: .pdf, .png or .html by the file's name."""
    from hipturn.report import check_suffix
    from hipturn.report.make import entries_of, write_report
    from hipturn.session_paths import find_sessions

    check_suffix(out)
    found = find_sessions(paths)
    with _progress(len(found), "analysing", quiet=False) as done:
        missing: list[str] = []
        entries = entries_of(found, done, missing.append, language)
    click.echo(write_report(entries, out, paper))
    if missing:
        left_out = "; ".join(missing)
        raise UserError(
            f"the report is without {len(missing)} of {len(found)} sessions: {left_out}"
        )


@click.command(epilog=example("hipturn history --wearer W01 -o trend.pdf"))
@click.option("--wearer", metavar="REF", help="Whose trend; without it, all wearers are listed.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option("-o", "figure", type=FILE, metavar="FIG", help="Draw it: .pdf, .png or .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
@LANGUAGE
def history(
    wearer: str | None, root: str | None, figure: Path | None, as_json: bool, language: str
) -> None:
    """Show the trend of a wearer over all sessions, by exercise, position and leg."""
    from hipturn.history.show import show_history
    from hipturn.session_paths import recordings_root

    def bar(total: int) -> Any:  # noqa: ANN401 (a context manager)
        return _progress(total, "analysing", quiet=as_json)

    folder = recordings_root(root)
    for line in show_history(folder, wearer, figure, bar, as_json=as_json, language=language):
        click.echo(line)


@click.command(epilog=example("hipturn forget W01 --yes"))
@click.argument("wearer", metavar="REF")
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option(
    "--tables",
    type=click.Path(file_okay=False, path_type=Path),
    default=("tables",),
    multiple=True,
    help="Where tables, reports and exports are; may be given again.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(wearer: str, root: str | None, tables: tuple[Path, ...], yes: bool) -> None:
    """Remove a wearer everywhere: sessions, index, tables, reports, exports; say what was removed.

    Ends with 0 only when a search for the reference finds nothing any more.
    """
    from hipturn.history.forget import forget as run
    from hipturn.history.forget import sessions_of
    from hipturn.session_paths import recordings_root

    folder = recordings_root(root)
    count = len(sessions_of(folder, wearer))
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {count} sessions of {wearer!r} for good?", abort=True, err=True)
    done = run(folder, wearer, *tables)
    for line in done.lines:
        click.echo(line)
    if not done.complete:
        raise UserError("the wearer is not forgotten everywhere: see the lines above")


@click.command(epilog=example("hipturn export demo/ninety_ninety_lift --to csv --out lift"))
@click.argument("session")
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@SPREADSHEET[0]
@SPREADSHEET[1]
def export(session: str, form: str, out: Path | None, decimal: Decimal, xlsx: bool) -> None:
    """Write a session as interoperable files."""
    from hipturn.export.run import export_sessions
    from hipturn.session_paths import find_sessions

    if form != "csv" and (xlsx or decimal != "point"):
        raise click.UsageError("--decimal and --xlsx are of --to csv")
    folders = find_sessions([session])
    for written in export_sessions(folders, form, out, decimal=decimal, xlsx=xlsx):
        click.echo(written)


@click.command(
    epilog=example("hipturn recover recordings/20261122T093000Z_ninety_ninety_lift_left")
)
@click.argument("session")
def recover(session: str) -> None:
    """Rescue a session whose writer died; exit 0 whole, 3 partly, 1 nothing."""
    from imu.recording import recover as run

    rescue = run(session)
    if rescue.exit_code == 1:
        raise UserError(rescue.reason)
    click.echo(f"{session}: {rescue.sentence}")
    sys.exit(rescue.exit_code)


def _progress(total: int, what: str, *, quiet: bool) -> Any:  # noqa: ANN401 (a context manager)
    from hipturn.commands.progress import progress

    return progress(total, what, quiet=quiet)


def _print_outcomes(run: Run, out: Path | str, *, as_json: bool) -> None:
    for name, problem, notes in run.told():
        if problem:
            click.echo(f"hipturn: {problem}", err=True)
        for sentence in notes:
            click.echo(f"note: {name}: {sentence}", err=True)
    if as_json:
        _print_json(run)
        return
    from hipturn.commands.summary_text import row_line

    for row in run.rows():
        click.echo(row_line(row))
    tally = run.tally
    if tally.done_before:
        click.echo(f"unchanged and not done again: {tally.done_before} of {tally.good + tally.bad}")
    if tally.good:
        click.echo(f"tables: {out}")


def _print_json(run: Run) -> None:
    """Print all rows as one list, some at a time."""
    from itertools import islice

    import pandas as pd

    from analysis.session.tables import SUMMARY_COLUMNS

    click.echo("[", nl=False)
    between, todo = "", run.rows()
    while rows := list(islice(todo, 1000)):
        text = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)).to_json(orient="records", indent=2)
        click.echo(between + text[1:-2], nl=False)
        between = ","
    click.echo("\n]")


RECORDINGS = (analyse, report, history, forget, export, recover)
