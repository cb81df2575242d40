"""The command line. Each command imports what it needs, so that `--help` is instant."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from hipturn import __version__
from hipturn.commands.command_words import (
    AS_RECORDED,
    SECONDS,
    SPEED,
    calibration_of,
    example,
    refuse_beside_phones,
)
from hipturn.commands.corrections import CORRECTIONS
from hipturn.commands.imports import import_
from hipturn.commands.kit import kit
from hipturn.commands.page_options import PageAt, page_options, page_wanted, refuse_unheard
from hipturn.commands.recordings import RECORDINGS
from hipturn.commands.studies import STUDIES
from hipturn.commands.units import UNITS
from hipturn.errors import UserError, disk_text, fault_text, without_stray_warnings
from hipturn.words import ENGLISH, words_of

INTERRUPTED = 130
# Everything the command writes may be health data: only its owner may read it (0700, 0600).
PRIVATE = 0o077
SIDES = click.Choice(["left", "right", "both"])


@click.group(
    epilog=example("hipturn live --virtual --exercise prone_windshield_wiper"),
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
    from hipturn.commands.page_options import has_desktop

    if not has_desktop() and not sys.stdout.isatty():
        click.echo(context.get_help())
        return
    from hipturn.server.page_session import run_page

    run_page(PageAt(no_browser=not has_desktop()).choice())


@cli.command(
    epilog=example("hipturn live --virtual --exercise prone_windshield_wiper --side right")
)
@click.option("--virtual", is_flag=True, help="Put a simulated wearer on in place of radios.")
@click.option(
    "--exercise",
    default="prone_windshield_wiper",
    show_default=True,
    metavar="ID|FILE",
    help="Of the catalogue, or your own TOML file.",
)
@click.option("--side", type=SIDES, default="right", show_default=True)
@click.option("--thigh", metavar="UNIT", help="Address or name of the thigh unit of --side.")
@click.option("--shank", metavar="UNIT", help="Address or name of the shank unit of --side.")
@click.option("--right-thigh", metavar="UNIT")
@click.option("--right-shank", metavar="UNIT")
@click.option("--left-thigh", metavar="UNIT")
@click.option("--left-shank", metavar="UNIT")
@click.option("--pelvis", metavar="UNIT")
@click.option(
    "--phone", is_flag=True, help="A phone is the shank's unit; or name it: --thigh phone."
)
@click.option(
    "--phone-address", metavar="IP", help="Of this computer, where phones reach it; else found."
)
@click.option(
    "--phyphox", metavar="IP[:PORT]", help="The shank's unit is a phone with the app phyphox."
)
@click.option("--synchronise", is_flag=True, help="Give Movella DOT units one clock first.")
@click.option("--wearer", default="", help="A pseudonym, never a name.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Which virtual wearer."
)
@click.option("--speed", type=SPEED, default=1.0, help="Of a virtual wearer: 1, 2, … or max.")
@click.option("--seconds", type=SECONDS, help="End after this many seconds.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions go; else $HIPTURN_RECORDINGS.")
@click.option("--active/--passive", default=None, help="Who moves the leg, for a test.")
@click.option("--plan", "plan_file", metavar="FILE", help="Walk through a plan, or a ready one.")
@click.option(
    "--choose", multiple=True, metavar="ID", help="Which exercise, where a plan offers several."
)
@click.option("--test", "is_test", is_flag=True, help="Make a test of three trials of a set.")
@click.option(
    "--calibration",
    metavar="FILE|SESSION|last",
    help="How the units sit, in place of the guided steps; one knee bend proves it.",
)
@click.option("--lsl", is_flag=True, help="Stream to Lab Streaming Layer too (extra [lsl]).")
@page_options
def live(
    virtual: bool,
    exercise: str,
    side: Any,  # noqa: ANN401 (one of SIDES)
    wearer: str,
    phone: bool,
    phone_address: str | None,
    phyphox: str | None,
    synchronise: bool,
    seed: int,
    speed: float | None,
    seconds: float | None,
    root: str | None,
    active: bool | None,
    is_test: bool,
    plan_file: str | None,
    choose: tuple[str, ...],
    calibration: str | None,
    lsl: bool,
    page: bool | None,
    at: PageAt,
    **named: str | None,
) -> None:
    """Calibrate, count and record, live, with your own units or a virtual wearer."""
    from hipturn.course import Course, Item, one_item
    from hipturn.own_exercises import find
    from hipturn.plan import load_plan
    from hipturn.session.radio_session import Wish
    from hipturn.session.rigs import RadioRig, VirtualRig, wanted_units
    from hipturn.session.start import start_radio, start_virtual, walk_plan
    from hipturn.session_paths import recordings_root

    phone |= phyphox is not None or "phone" in named.values()
    if phone:
        refuse_beside_phones(
            {"--virtual": virtual, "--plan": plan_file, "--page": page, "--lan": at.lan,
             "--synchronise": synchronise}
        )  # fmt: skip
    shows_page = not phone and page_wanted(page, at.lan)
    refuse_unheard(virtual=virtual, plan=plan_file is not None, page=shows_page)
    beside = recordings_root(root)
    exercise = find(exercise, beside).id
    wish = Wish(
        exercise=exercise,
        wearer=wearer,
        seconds=seconds,
        root=root,
        active=active,
        is_test=is_test,
        lsl=lsl,
        calibration=_calibration(calibration, root, wearer),
        language=at.language or ENGLISH,
    )
    print_session = partial(_print_session, wish.language)
    if plan_file is not None:
        course = Course.of(load_plan(plan_file, beside).choosing(choose))
    else:
        course = Course.one(Item.of(one_item(exercise, side, (beside,), is_test, active)))
    if shows_page:
        from hipturn.server.page_session import run_page

        run_page(
            at.choice(), course=course, virtual=virtual, named=named, wish=wish, seed=seed,
            speed=speed, synchronise=synchronise,
        )  # fmt: skip
    elif plan_file is not None:

        def rig_of(simulated: bool) -> VirtualRig | RadioRig:
            if simulated:
                return VirtualRig(seed, speed, wish)
            return RadioRig(lambda leg: wanted_units(leg, named), wish)

        walk_plan(course, rig_of, print_session, virtual=virtual, synchronise=synchronise)
    elif phone:
        from hipturn.phone.start import start_phones

        print_session(start_phones(wish, side, named, address=phone_address, phyphox=phyphox))
    elif virtual:
        print_session(start_virtual(wish, side, seed=seed, speed=speed, synchronise=synchronise))
    else:
        print_session(start_radio(wish, side, named, synchronise=synchronise))


@cli.command(epilog=example("hipturn replay demo/prone_windshield_wiper --speed 4"))
@click.argument("session")
@click.option("--speed", type=SPEED, default=1.0, help="1, 2, … or, in the terminal, max.")
@AS_RECORDED
@page_options
def replay(
    session: str,
    speed: float | None,
    as_recorded: bool,
    page: bool | None,
    at: PageAt,
) -> None:
    """Show a recorded session again."""
    in_terminal = as_recorded and page is None and not at.lan
    if page_wanted(False if in_terminal else page, at.lan):
        if as_recorded:
            raise click.UsageError("--as-recorded is of the terminal: add --terminal")
        from hipturn.server.page_session import run_page

        run_page(at.choice(), shown=session, speed=speed)
        return
    import hipturn
    from hipturn.session.replay import replay as run
    from hipturn.session_paths import find_sessions

    for path in find_sessions([session]):
        opened = hipturn.open(path, as_recorded=as_recorded)
        run(opened, speed, at.language or ENGLISH)
        _print_session(at.language or ENGLISH, path, as_recorded=as_recorded)


@cli.command(epilog=example("hipturn exercises ninety_ninety_lift"))
@click.argument("exercise", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def exercises(exercise: str | None, as_json: bool) -> None:
    """List the exercises, or explain one: what is measured, how to do it, what counts."""
    from hipturn.commands.catalogue_text import as_data, explain, listing

    if as_json:
        import json

        click.echo(json.dumps(as_data(exercise), indent=2, ensure_ascii=False))
    else:
        click.echo(explain(exercise) if exercise else listing())


def _calibration(text: str | None, root: str | None, wearer: str) -> Any:  # noqa: ANN401
    """Return the calibration that `live` is to take, `last` being the wearer's newest."""
    if text != "last":
        return calibration_of(text)
    from datetime import UTC, datetime

    from hipturn.units.calibration_file import last_calibration

    return last_calibration(root, wearer, datetime.now(UTC))


def _print_session(language: str, folder: Path, *, as_recorded: bool = False) -> None:
    """Print how a set went and where it is."""
    import hipturn
    from hipturn.commands.summary_text import summary_lines
    from hipturn.history.earlier import own_changes
    from hipturn.history.stored import store_summary

    result = hipturn.analyse(hipturn.open(folder, as_recorded=as_recorded))
    if not as_recorded:
        store_summary(folder, result.summary)
    own = {} if as_recorded else own_changes(result, folder)
    for line in summary_lines(result, own):
        click.echo(words_of(language).said(line))
    click.echo(f"session: {folder}")


for command in (kit, import_, *UNITS, *RECORDINGS, *CORRECTIONS, *STUDIES):
    cli.add_command(command)


def main() -> None:
    """Run the command; whatever goes wrong is one line on standard error."""
    os.umask(PRIVATE)
    without_stray_warnings()
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
        return disk_text(error)
    # named here by module and class, so that no command imports what it does not need
    ours = {"SessionError", "ImportFileError", "CatalogueError", "RadioError", "ProfileError"}
    return str(error) if type(error).__name__ in ours else None
