"""The commands about units: find them, check what they need, set them up."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn.commands.command_words import FILE, example
from hipturn.errors import UserError

if TYPE_CHECKING:
    from hipturn.units.doctor import Finding
    from imu.air.scan import Found


@click.command(epilog=example("hipturn scan --seconds 5"))
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.5, 120))
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
def scan(seconds: float, as_json: bool) -> None:
    """List the units in range: name, address, profile, signal."""
    import asyncio

    from imu.air.scan import find
    from imu.profiles.profile import load_profiles

    unusable: dict[str, str] = {}
    found = asyncio.run(find(seconds, load_profiles(), unusable=unusable))
    for sentence in unusable.values():
        click.echo(f"hipturn: {sentence}", err=True)
    if as_json:
        import json

        click.echo(json.dumps(_as_data(found), indent=2))
    elif found:
        click.echo(_listing(found))
    else:
        raise UserError(
            "no unit is in range: switch one on, move it to wake it, bring it within 5 m, and end"
            " other apps or phones that hold it"
        )


def _listing(found: Sequence[Found]) -> str:
    """Return a line per unit, the strongest signal first."""
    lines = [f"{'name':<24}{'address':<20}{'profile':<24}signal"]
    lines += [
        f"{unit.name or '–':<24}{unit.address:<20}{unit.profile.name:<24}{unit.rssi} dBm"
        for unit in found
    ]
    return "\n".join(lines)


def _as_data(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return plain values."""
    return [
        {
            "name": unit.name,
            "address": unit.address,
            "profile": unit.profile.name,
            "rssi_dbm": unit.rssi,
        }
        for unit in found
    ]


@click.command(epilog=example("hipturn doctor --units"))
@click.argument("units", nargs=-1, metavar="[UNIT]...")
@click.option("--units", "guided", is_flag=True, help="Check motion units instead, by hand.")
@click.option("--phone", is_flag=True, help="With --units: check a phone, by its browser.")
@click.option("--phone-address", metavar="IP", help="The address of this computer for the phone.")
@click.option("--phyphox", metavar="ADDRESS", help="With --units: check a phone, by phyphox.")
@click.option("--report", is_flag=True, help="Print a text to send to us, without personal data.")
def doctor(
    units: tuple[str, ...],
    guided: bool,
    phone: bool,
    phone_address: str | None,
    phyphox: str | None,
    report: bool,
) -> None:
    """Check Bluetooth, packages and disk, and say what to do about each fault.

    With --units it checks the units in range, or those named by address or name: two minutes in
    which they are turned and tipped on a book. It finds wrong axes, signs, earth frames, rates,
    clocks, drift and loss, and says which change of the unit's profile mends each. What passed is
    remembered in the kit. A phone (--phone) is checked alike, and alone.

    --report prints the findings as a text to send to us: no name, address or folder is in it.
    """
    if units and not guided:
        raise click.UsageError("units are checked with --units")
    of_phone = phone or phone_address is not None or phyphox is not None
    if of_phone and (units or not guided):
        raise click.UsageError("a phone is checked alone: hipturn doctor --units --phone")
    if guided:
        _check_units(units, (phone_address, phyphox) if of_phone else None, report=report)
        return
    from hipturn.units.doctor import examine

    found = examine()
    if not (_tell_us(found) if report else _tell(found)):
        sys.exit(1)


def _check_units(
    units: tuple[str, ...], phone: tuple[str | None, str | None] | None, *, report: bool
) -> None:
    """Go through the guided check, tell what it showed, and remember it.

    `phone` is None where units on the air are checked; else this computer's address for it, and
    where its phyphox answers.
    """
    import asyncio

    from hipturn.units.check_units import check_units
    from hipturn.units.kit import remember_checked

    if phone is None:
        done = asyncio.run(check_units(units, click.echo))
    else:
        from hipturn.phone.checked import check_phone

        address, phyphox = phone
        done = asyncio.run(check_phone(click.echo, address=address, phyphox=phyphox))
    remember_checked(done.outcomes)
    if report:
        shown = {one.unit: one.findings for one in done.verdicts}
        if not _tell_us(done.together, shown):
            sys.exit(1)
        return
    good = [_tell(one.findings, one.unit) for one in done.verdicts]
    good.append(_tell(done.together))
    if not all(good):
        sys.exit(1)


def _tell_us(
    findings: Sequence[Finding], of_units: Mapping[str, Sequence[Finding]] | None = None
) -> bool:
    """Print findings as a text to send; return whether there are no faults."""
    from hipturn.units.kit import read_checked
    from hipturn.units.support_report import support_report

    for line in support_report(findings, read_checked(), of_units):
        click.echo(line)
    every = [*findings, *(one for shown in (of_units or {}).values() for one in shown)]
    return all(finding.good for finding in every)


def _tell(findings: Sequence[Finding], of: str = "") -> bool:
    """Print findings, the faults last and on standard error; return whether there are none."""
    name = f"{of}: " if of else ""
    for finding in findings:
        if finding.good:
            click.echo(f"ok   {name}{finding.what}: {finding.text}")
    bad = [finding for finding in findings if not finding.good]
    for finding in bad:
        click.echo(f"hipturn: {name}{finding.what}: {finding.text}", err=True)
    return not bad


@click.command(epilog=example('hipturn configure D4:22:CD:00:12:34 --rate 60 --name "right thigh"'))
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
        from imu.profiles.profile_check import check_file

        report = check_file(file, arguments, stream=stream)
        if not report.usable:
            raise UserError("\n".join(report.lines))
        for line in report.lines:
            click.echo(line)
        return
    if len(arguments) != 1:
        raise click.UsageError("name one unit, or a profile with --check FILE")
    import asyncio

    from hipturn.units.unit_choices import Wanted
    from hipturn.units.unit_choices import configure as run

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
        remedy = "bring it closer, or set a lower rate"
        if not done.watched.sets_rate:
            remedy = "set its rate in its maker's app or in its sketch"
        raise UserError(f"the unit does not keep its rate: {remedy}")


UNITS = (scan, doctor, configure)
