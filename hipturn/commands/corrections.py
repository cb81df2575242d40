"""The commands between therapist and wearer: corrections, sessions and plans that travel.

Nothing that was recorded is changed: what people say is kept beside it and can be taken back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn.commands.command_words import FILE, LANGUAGE, SECONDS, example
from hipturn.errors import UserError, printable

if TYPE_CHECKING:
    from analysis.session.analyse import Result
    from imu.sample import Edit

NUMBERS = {"count": int, "pain": int, "effort": int, "goal": float}
OF_PLACES = ("reject", "accept", "trim", "count", "bad_from", "pain", "effort", "end_feel", "note")
"""Kinds that are of a second or a set."""
KIND_NAMES = (
    *("reject", "accept", "trim", "count", "side", "exercise", "swap", "dose", "goal", "wearer"),
    *("bad-from", "pain", "effort", "end-feel", "note", "bin"),
)


@click.command(epilog=example("hipturn edit recordings/SESSION reject --side right --at 73.2"))
@click.argument("session")
@click.argument("kind", required=False, type=click.Choice(KIND_NAMES), metavar="[KIND]")
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@click.option("--side", type=click.Choice(["left", "right", "both"]), help="Of which leg.")
@click.option("--at", "at_s", type=SECONDS, help="The movement at this second.")
@click.option("--set", "set_", type=click.IntRange(1), help="The set with this number.")
@click.option("--by", default="therapist", show_default=True, help="Who says it.")
@click.option("--list", "listed", is_flag=True, help="List what was said of it.")
@click.option("--undo", metavar="ID", help="Take an edit back.")
@click.option("--from", "table", type=FILE, metavar="CSV", help="Take in cells filled by hand.")
def edit(
    session: str,
    kind: str | None,
    values: tuple[str, ...],
    side: str | None,
    at_s: float | None,
    set_: int | None,
    by: str,
    listed: bool,
    undo: str | None,
    table: Path | None,
) -> None:
    """Correct a session, or say something of it; nothing that was recorded is changed.

    \b
    reject, accept --at S        a movement does not count; it counts
    trim FROM TO [--set N]       where a set begins and ends, in seconds
    count N [--set N]            repetitions, counted by hand
    side left|right|exchanged    it was the other leg
    swap                         thigh and shank unit were exchanged
    exercise ID                  it was another exercise
    dose reps=8 hold_s=3 sets=2  what was asked for
    goal DEGREES                 what was aimed at
    wearer REF                   whose session it is
    bad-from --at S              a strap slipped: no angle counts from here on
    pain, effort 0..10           of a set, or with --at of a movement
    end-feel, note TEXT          likewise
    bin                          hide it; `hipturn bin` lists what is hidden
    """  # noqa: D301 - \b keeps click from joining the lines
    from hipturn.history.edits import take_in, undo_edit

    wanted = [kind is not None, listed, undo is not None, table is not None]
    if sum(wanted) != 1:
        raise click.UsageError("say one thing: a kind, --list, --undo ID or --from CSV")
    folder = _one_session(session, may_change=not listed)
    if listed:
        _list(folder)
    elif undo is not None:
        click.echo(f"taken back: {undo_edit(folder, undo, by=by).of}")
    elif table is not None:
        taken = take_in(folder, table, by=by)
        click.echo(f"taken in: {len(taken)} cells of {table}")
    else:
        assert kind is not None  # noqa: S101 (asked above)
        _say(folder, kind.replace("-", "_"), values, side or "", at_s, set_, by)


def _one_session(text: str, *, may_change: bool) -> Path:
    from hipturn.session_paths import demo_root, find_sessions

    found = find_sessions([text])
    if len(found) != 1:
        raise UserError(f"{text}: holds {len(found)} sessions; name one")
    if may_change and found[0].resolve().is_relative_to(demo_root().resolve()):
        raise UserError(
            f"{text}: the demo sessions stay as they are; copy its folder and edit that"
        )
    return found[0]


def _say(
    folder: Path,
    kind: str,
    values: tuple[str, ...],
    side: str,
    at_s: float | None,
    set_: int | None,
    by: str,
) -> None:
    """Add one edit and tell what it changed."""
    import hipturn
    from hipturn.history.edits import add_edit, find_place

    session = hipturn.open(folder)
    more: dict[str, Any] = {"side": side, "value": _value(kind, values)}
    if kind in OF_PLACES:
        if kind in ("reject", "accept", "bad_from") and at_s is None:
            raise click.UsageError(f"{kind.replace('_', '-')} needs --at SECONDS")
        result = hipturn.analyse(session)
        if kind == "bad_from":
            more |= {"at_s": at_s}
        else:
            where = find_place(result, side, at_s=at_s, set_=set_)
            more |= {"side": where.side, "at_s": where.at_s, "saw": where.saw}
            if kind in ("pain", "end_feel", "note"):
                more["target"] = where.target
            if kind == "trim":
                more |= _trimmed(result, where.saw, at_s)
    elif kind in ("exercise", "side"):
        more["saw"] = {kind: getattr(session.header, kind)}
    said = add_edit(folder, kind, by=by, **more)
    click.echo(f"edit {said.id}: {kind.replace('_', '-')}; --undo {said.id} takes it back")
    if kind != "bin":
        _tell(hipturn.analyse(hipturn.open(folder)), said)


def _trimmed(result: Result, saw: dict[str, Any], at_s: float | None) -> dict[str, Any]:
    """Return what a trim says: the set's span as it was measured, and no second of its own."""
    sets = result.sets
    if at_s is not None:
        holds = sets[(sets["start_s"] <= at_s) & (at_s <= sets["end_s"])]
        if len(holds):
            saw = {"start_s": holds["start_s"].min(), "end_s": holds["end_s"].max()}
    span = {name: float(saw[name]) for name in ("start_s", "end_s") if name in saw}
    return {"side": "", "at_s": None, "saw": span}


def _value(kind: str, values: tuple[str, ...]) -> Any:  # noqa: ANN401 (JSON, by kind)
    """Return what is said, from its words; the kind's own check refuses what it does not allow."""
    if kind in ("reject", "accept", "swap", "bad_from", "bin"):
        if values:
            raise click.UsageError(f"{kind.replace('_', '-')} takes no value")
        return None
    if not values:
        raise click.UsageError(f"{kind.replace('_', '-')} needs a value")
    try:
        if kind in NUMBERS:
            (text,) = values
            return NUMBERS[kind](text)
        if kind == "trim":
            from_s, to_s = values
            return [float(from_s), float(to_s)]
        if kind == "dose":
            pairs = (word.partition("=") for word in values)
            return {n: float(v) if n == "hold_s" else int(v) for n, _, v in pairs}
    except ValueError:
        raise click.UsageError(f"{kind}: {' '.join(values)!r} is not what it takes") from None
    if kind == "exercise":
        from analysis.exercises import load

        load(values[0])  # refuses what the catalogue has not
    return " ".join(values)


def _tell(result: Result, said: Edit) -> None:
    from hipturn.commands.summary_text import row_line

    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    for row in rows:
        click.echo(row_line(row, result.recording.entry))
    for note in result.sentences:
        if said.id in note or "leg:" in note:
            click.echo(f"note: {note}")


def _list(folder: Path) -> None:
    from imu.recording.edits import read_edits

    log = read_edits(folder)
    standing = {one.id for one in log.standing}
    for one in log.edits:
        where = f"{one.side} {'' if one.at_s is None else f'{one.at_s:.1f} s'}".strip()
        value = "" if one.value is None else printable(str(one.value))
        state = one.of if one.kind == "undo" else "" if one.id in standing else "taken back"
        cells = (one.id, one.at[:16].replace("T", " "), printable(one.by), one.kind, where, value)
        click.echo("  ".join(filter(None, (*cells, state))))
    for problem in log.problems:
        click.echo(f"note: {problem}")
    if not log.edits:
        click.echo("nobody corrected it or said anything of it")


@click.command(name="bin", epilog=example("hipturn bin --empty"))
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option("--empty", is_flag=True, help="Remove for good what is in the bin.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def bin_(root: str | None, empty: bool, yes: bool) -> None:
    """List the sessions in the bin, or remove them for good; nothing leaves it by itself."""
    from hipturn.history.edits import binned, remove_binned
    from hipturn.session_paths import recordings_root

    folder = recordings_root(root)
    found = binned(folder)
    for path, said in found:
        click.echo(f"{path}  put there {said.at[:16].replace('T', ' ')}; --undo {said.id}")
    if not found:
        click.echo("the bin is empty")
    elif empty:
        if not yes and sys.stdin.isatty():
            click.confirm(f"Remove {len(found)} sessions for good?", abort=True, err=True)
        for path in remove_binned(folder):
            click.echo(f"removed {path}")


@click.command(epilog=example("hipturn pack --wearer K7"))
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option("--wearer", metavar="REF", help="All sessions of this wearer.")
@click.option("--dir", "root", metavar="DIR", help="Where sessions are; else $HIPTURN_RECORDINGS.")
@click.option("-o", "out", type=FILE, metavar="FILE", help="Else REF.hipturn.zip.")
def pack(sessions: tuple[str, ...], wearer: str | None, root: str | None, out: Path | None) -> None:
    """Put sessions into one file, to carry them to another computer. It is not encrypted."""
    from hipturn.archive.packing import SAID, SUFFIX
    from hipturn.archive.packing import pack as run
    from hipturn.session_paths import find_sessions, recordings_root
    from imu.recording import open_session

    if bool(sessions) == bool(wearer):
        raise click.UsageError("name sessions, or --wearer REF")
    folder = recordings_root(root)
    found = find_sessions(sessions or [str(folder)])
    if wearer:
        found = [path for path in found if open_session(path).header.wearer == wearer]
    if not found:
        raise UserError(f"{folder}: no session of wearer {wearer!r}; `hipturn history` lists them")
    name = wearer or (found[0].name if len(found) == 1 else "sessions")
    path = run(found, out or Path(f"{name}{SUFFIX}"))
    click.echo(f"{path}: {len(found)} sessions, {path.stat().st_size / 1e6:.1f} MB")
    click.echo(SAID)


@click.command(epilog=example("hipturn unpack K7.hipturn.zip"))
@click.argument("file", type=FILE)
@click.option("--dir", "root", metavar="DIR", help="Where sessions go; else $HIPTURN_RECORDINGS.")
def unpack(file: Path, root: str | None) -> None:
    """Take in the sessions of a packed file; those that are there already only get its edits."""
    from hipturn.archive.packing import unpack as run
    from hipturn.session_paths import recordings_root

    folder = recordings_root(root)
    done = run(file, folder)
    for name in done.new:
        click.echo(f"new: {folder / name}")
    for name, edits in done.there:
        came = f"; {edits} edits came with it" if edits else ""
        click.echo(f"there already: {folder / name}{came}")
    if done.refused:
        raise UserError(f"{file}: {'; '.join(done.refused)}")


@click.group(epilog=example("hipturn plan card plan.toml -o card.pdf"))
def plan() -> None:
    """Work with plans: files that say which exercises, how often, how far."""


@plan.command(epilog=example("hipturn plan card routine_003 -o card.pdf"))
@LANGUAGE
@click.argument("file")
@click.option("-o", "out", type=FILE, default="card.pdf", show_default=True, metavar="FILE")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True)
@click.option("--dir", "root", metavar="DIR", help="Where own exercises may be, in `exercises/`.")
def card(file: str, out: Path, paper: str, root: str | None, language: str) -> None:
    """Put a plan on paper, with words and pictures, for the wearer."""
    from hipturn.plan import load_plan
    from hipturn.report.card import write_card
    from hipturn.session_paths import recordings_root

    click.echo(write_card(load_plan(file, recordings_root(root)), out, paper, language))


CORRECTIONS = (edit, bin_, pack, unpack, plan)
