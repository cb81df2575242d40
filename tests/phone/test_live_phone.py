"""`hipturn live --phone`: which places are phones, and what is said."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from hipturn.commands.cli import cli
from hipturn.phone.listener import Listener
from hipturn.phone.start import divided, invite
from hipturn.words import words_of
from imu.phone.profile import phone_profile
from imu.sample import Segment, Side

ALL = ("thigh", "shank", "right_thigh", "right_shank", "left_thigh", "left_shank", "pelvis")


def places(side="right", **named):
    """Return the labels of the phones, and the address of every other unit by its place."""
    phones, units = divided(side, dict.fromkeys(ALL) | named)
    return [one.at.label for one in phones], {place: unit.address for place, unit in units.items()}


def test_without_a_name_the_phone_is_the_shank():
    assert places() == (["right shank"], {})
    assert places("left") == (["left shank"], {})
    assert sorted(places("both")[0]) == ["left shank", "right shank"]


def test_phones_go_where_they_are_named_and_beside_units_on_the_air():
    assert sorted(places(thigh="phone", shank="phone")[0]) == ["right shank", "right thigh"]
    assert sorted(places(shank="phone", pelvis="phone")[0]) == ["pelvis", "right shank"]
    beside = {(Segment.THIGH, Side.RIGHT): "D4:22:CD:00:00:01"}
    assert places(thigh="D4:22:CD:00:00:01") == (["right shank"], beside)
    assert places(shank="phone", thigh="D4:22:CD:00:00:01") == (["right shank"], beside)


def test_a_shank_that_is_another_unit_is_wrong_usage():
    with pytest.raises(click.UsageError, match="name the place of the phone"):
        places(shank="D4:22:CD:00:00:01")


@pytest.mark.parametrize(
    "option", [["--virtual"], ["--page"], ["--lan"], ["--synchronise"], ["--plan", "routine_001"]]
)
def test_what_phones_go_without_is_wrong_usage(option):
    done = CliRunner().invoke(cli, ["live", "--phone", *option])
    assert done.exit_code == 2
    assert f"a phone as a unit goes without {option[0]}" in done.output


def test_every_place_has_its_link_how_to_strap_it_and_the_warning(monkeypatch):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: False))
    phones, _ = divided("right", dict.fromkeys(ALL) | {"thigh": "phone", "shank": "phone"})
    said = []
    invite(phones, Listener("192.168.1.20", 8778, "AA:BB"), said.append)
    text = "\n".join(said)
    for phone in phones:
        assert f"https://192.168.1.20:8778/unit?t={phone.at.token}#right%20" in text
    assert "must name 192.168.1.20" in text
    assert "AA:BB" in text
    assert "top towards the knee" in text
    assert "never on a person" in text
    german = [words_of("de").said(line) for line in said]
    assert not {*german} & {line for line in said if "http" not in line}


def test_a_phone_is_a_unit_whose_mounting_and_accelerometer_are_known():
    phones, _ = divided("right", dict.fromkeys(ALL))
    unit, known = phones[0].unit, phone_profile()
    assert (unit.profile, unit.heading, unit.rate_hz) == ("phone", "arbitrary", 60.0)
    assert unit.upright
    assert unit.tilt_sigma_deg == known.tilt_sigma_deg == 1.7
