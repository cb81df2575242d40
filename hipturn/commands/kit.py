"""The commands of `hipturn kit`: which unit is strapped where."""

from __future__ import annotations

import click

from hipturn.units.kit import PLACES


@click.group(
    invoke_without_command=True,
    epilog="Example: hipturn kit set right-thigh D4:22:CD:00:12:34",
)
@click.pass_context
def kit(context: click.Context) -> None:
    """Remember which unit is strapped where; without a command, list them."""
    if context.invoked_subcommand is None:
        from hipturn.units.kit import read_checked, read_kit

        known = read_kit()
        passed = {one.serial or one.address: one.on for one in read_checked() if one.passed}
        for place, unit in known.items():
            on = passed.get(unit.serial or unit.address)
            checked = f"checked {on}" if on else "never checked"
            named = f"{place:<12} {unit.name or '–':<20} {unit.serial or '–':<20}"
            click.echo(f"{named} {unit.address:<20} {checked}")
        if not known:
            click.echo("no unit is remembered; `hipturn kit set right-thigh UNIT` remembers one")


@kit.command("set", epilog="Example: hipturn kit set right-thigh D4:22:CD:00:12:34")
@click.argument("place", type=click.Choice(PLACES))
@click.argument("unit")
def kit_set(place: str, unit: str) -> None:
    """Connect to a unit, by address or name, and remember it for a place."""
    import asyncio

    from hipturn.units.kit import remember
    from hipturn.units.unit_setup import learn

    known = asyncio.run(learn(unit))
    remember(place, known)
    click.echo(f"{place}: {known.name or known.address}, serial {known.serial or 'not told'}")


@kit.command("forget", epilog="Example: hipturn kit forget right-thigh")
@click.argument("place", type=click.Choice(PLACES))
def kit_forget(place: str) -> None:
    """Forget the unit of a place."""
    from hipturn.units.kit import forget

    forget(place)
