"""What one m-line of a receiving connection can carry: a publication, or a place among the loudest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from sfu import negotiate
from sfu.params import Kind, MediaParameters
from sfu.sfu import Sfu
from sfu.transport import Slot, Subscription, Transport
from signaling.publications import LivePublication

VOICE: Final = "voice"
"""Source of an m-line that carries whoever is loudest."""


class Circle(NamedTuple):
    """People of whose microphones the loudest are heard."""

    name: str
    group: int
    """The SFU's."""
    party: int
    """Who listens, and does not get the own voice back."""
    loudest: int
    """How many places there are."""


@dataclass(frozen=True, slots=True)
class Track:
    """One publication."""

    live: LivePublication
    decodable: Collection[str]

    @property
    def name(self) -> str:
        return self.live.name

    @property
    def person(self) -> str:
        return self.live.person

    @property
    def source(self) -> str:
        return self.live.source

    @property
    def kind(self) -> Kind:
        return self.live.publication.parameters.kind

    @property
    def gone(self) -> bool:
        return self.live.publication.closed

    def offer(self, sfu: Sfu, numbers: negotiate.PayloadTypes, mid: str) -> MediaParameters:
        """Raises NegotiationError."""
        return negotiate.offer_subscription(
            self.live.publication.parameters,
            numbers,
            mid=mid,
            ssrc=sfu.allocate_ssrc(),
            rtx_ssrc=sfu.allocate_ssrc(),
            decodable=self.decodable,
        )

    def begin(self, transport: Transport, answered: MediaParameters, *, paused: bool) -> Subscription:
        """Raises TransportClosed, ValueError."""
        return transport.subscribe(self.live.publication, answered, paused=paused)


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places in which the loudest of a circle are heard."""

    circle: Circle
    number: int
    order: int
    """Of its circle among those that are heard here."""

    @property
    def name(self) -> str:
        return f"voice{self.order}.{self.number}"

    @property
    def person(self) -> str:
        """Whoever is loudest: `speakers` says who."""
        return ""

    @property
    def source(self) -> str:
        return VOICE

    @property
    def kind(self) -> Kind:
        return Kind.AUDIO

    @property
    def gone(self) -> bool:
        return False

    def offer(self, sfu: Sfu, numbers: negotiate.PayloadTypes, mid: str) -> MediaParameters:
        """Raises NegotiationError."""
        return negotiate.offer_voice(numbers, mid=mid, ssrc=sfu.allocate_ssrc())

    def begin(self, transport: Transport, answered: MediaParameters) -> Slot:
        """Raises TransportClosed, ValueError."""
        circle = self.circle
        return transport.listen(
            circle.group, self.number, answered, party=circle.party, loudest=circle.loudest
        )


Source = Track | Place
