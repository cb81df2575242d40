"""A phone among the units of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hipturn.phone.places import PhonePlace
from hipturn.session.open_links import Air
from hipturn.session.radio_session import Place
from imu.air.link_state import Link, LinkEvent
from imu.conventions.gravity_witness import GravityWitness
from imu.conventions.reread import Convention
from imu.phone.phone_link import PhoneLink
from imu.phone.profile import phone_profile
from imu.sample import Sample, Unit


@dataclass(frozen=True, slots=True)
class WornPhone:
    """A place on the body that a phone takes: it stands for the phone from the beginning."""

    place: Place
    at: PhonePlace

    @classmethod
    def on(cls, place: Place) -> WornPhone:
        """Return the phone of a place, which none has taken yet."""
        segment, side = place
        return cls(place, PhonePlace(f"{side} {segment}" if side else str(segment)))

    @property
    def unit(self) -> Unit:
        """Return the unit as session.json describes it."""
        (segment, side), known = self.place, phone_profile()
        return Unit(
            segment=segment,
            side=side,
            rate_hz=known.rate_hz,
            profile=known.name,
            name=known.name,
            heading=known.heading,
            tick_s=known.tick_s,
            upright=known.upright,
            tilt_sigma_deg=known.tilt_sigma_deg,
        )

    @property
    def rejected(self) -> Mapping[str, int]:
        """Return how many of its rows did not count, by reason."""
        return {} if self.at.link is None else self.at.link.rejected

    def moved(self, place: Place) -> WornPhone:
        """Return the same phone, worn at another place; its code stays."""
        return replace(self, place=place)

    def witness(self) -> GravityWitness:
        """Return a witness that has nothing to say: a phone sends no orientation of its own."""
        return GravityWitness(Convention())

    def link(
        self,
        index: int,
        deliver: Callable[[Sample], None],
        note: Callable[[LinkEvent], None],
        clock_ns: Callable[[], int],
        air: Air,  # noqa: ARG002 (a phone has no radio to share)
    ) -> Link:
        """Return its link, which the place's phone sends to."""
        self.at.link = PhoneLink(self.at.label, index, deliver, note, clock_ns)
        return self.at.link
