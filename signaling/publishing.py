"""What one participant sends: the peer connection on which the client offers.

An offer is taken as a whole or not at all: everything in it is checked before anything is changed. Afterwards
what is published is exactly what the offer declares; a track keeps its publication as long as its m-line,
source and parameters stay the same. An offer of another peer connection (other DTLS identity) takes the place
of the earlier one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from classroom.model import Source, SourceKind, parse_source, source_kind
from sfu import negotiate
from sfu.params import MediaParameters, RemoteParameters, TransportState
from sfu.sfu import Sfu
from sfu.transport import Transport, TransportClosed
from signaling import jsep
from signaling.messages import TrackDeclaration
from signaling.problems import Problem
from signaling.publications import Cause, LivePublication, PublicationRegistry
from signaling.sdp import SdpError, SessionDescription

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Track:
    """One m-line of an offer that is to be published."""

    source: Source
    parameters: MediaParameters


class Owner(Protocol):
    """The participant."""

    def published(self, live: LivePublication) -> bool:
        """A track is there, and known to the registry; False: the lesson has no time to hear of it."""

    def unpublished(self, live: LivePublication) -> None:
        """It is gone."""

    def layers_wanted(self, source: str, rids: list[str]) -> None:
        """Which encodings of a simulcast are to be sent from now on."""


class Publisher:
    """The sending side of one participant."""

    def __init__(
        self,
        sfu: Sfu,
        registry: PublicationRegistry,
        *,
        lesson: str,
        person: str,
        leads: bool,
        owner: Owner,
        discard: Callable[[Transport], None],
    ) -> None:
        """leads: the master's. discard: closes a transport in the background."""
        self._sfu = sfu
        self._registry = registry
        self._leads = leads
        self._lesson = lesson
        self._person = person
        self._owner = owner
        self._discard = discard
        self._transport: Transport | None = None
        self._published: dict[str, LivePublication] = {}
        """By mid."""
        self._version = 0

    def offer(
        self, text: str, declarations: Sequence[TrackDeclaration], allowed: frozenset[SourceKind]
    ) -> str:
        """The answer to an offer. Raises Problem; then nothing has changed."""
        try:
            description = jsep.read_offer(text)
            remote = jsep.remote_parameters(description)
            tracks = choose(description, declarations, allowed)
            self._check_free(tracks)
            transport = self._connect(remote)
            self._publish(transport, tracks)
            self._version += 1
            chosen = {mid: track.parameters for mid, track in tracks.items()}
            return jsep.answer_publish(description, transport.local, chosen, version=self._version)
        except (SdpError, negotiate.NegotiationError, TransportClosed) as error:
            raise Problem.of_media(error) from error

    @property
    def transport(self) -> Transport | None:
        return self._transport

    def stir(self) -> None:
        """Its owner knows something new of the connection, if there is one (`MediaEnd.stir`)."""
        if self._transport is not None:
            self._transport.stir()

    @property
    def sources(self) -> list[str]:
        """What is being sent."""
        return [live.source for live in self._published.values()]

    def withdraw(self, name: str, cause: Cause) -> None:
        """Takes one publication down, whatever the client thinks of it."""
        for mid, live in tuple(self._published.items()):
            if live.name == name:
                self._unpublish(mid, cause)

    def stop(self, source: str, cause: Cause) -> None:
        """Takes down what is sent as that source, if anything is."""
        for mid, live in tuple(self._published.items()):
            if live.source == source:
                self._unpublish(mid, cause)

    def close(self, cause: Cause = "left") -> None:
        """Everything goes. Idempotent."""
        for mid in tuple(self._published):
            self._unpublish(mid, cause)
        if self._transport is not None:
            self._discard(self._transport)
            self._transport = None

    def _check_free(self, tracks: Mapping[str, Track]) -> None:
        mine = {live.name for live in self._published.values()}
        for track in tracks.values():
            live = self._registry.get(self._lesson, self._person, track.source)
            if live is not None and live.name not in mine:
                raise Problem("source-taken", source=track.source)

    def _connect(self, remote: RemoteParameters) -> Transport:
        if self._transport is not None:
            try:
                self._transport.connect(remote)
                return self._transport
            except (ValueError, TransportClosed):
                # Another peer connection of the client, or this one is dead: begin anew.
                self.close("network")
        transport = self._sfu.create_transport(on_state=lambda state: self._state_changed(transport, state))
        try:
            transport.connect(remote)
        except (ValueError, TransportClosed) as error:
            self._discard(transport)
            raise Problem("bad-setup", reason=str(error)) from error
        self._transport = transport
        return transport

    def _publish(self, transport: Transport, tracks: Mapping[str, Track]) -> None:
        for mid, live in tuple(self._published.items()):
            track = tracks.get(mid)
            if track is None or (track.source, track.parameters) != (
                live.source,
                live.publication.parameters,
            ):
                self._unpublish(mid, "left")
        added = [mid for mid in tracks if mid not in self._published]
        try:
            for mid in added:
                self._published[mid] = live = self._publish_one(transport, tracks[mid])
                if not self._owner.published(live):
                    raise Problem("busy")
        except (Problem, TransportClosed):
            for mid in self._published.keys() & added:
                self._unpublish(mid, "server")
            raise

    def _publish_one(self, transport: Transport, track: Track) -> LivePublication:
        try:
            publication = transport.publish(track.parameters)
        except ValueError as error:
            raise Problem("bad-sdp", reason=str(error)) from error
        try:
            live = self._registry.add(
                self._lesson, self._person, track.source, publication, leads=self._leads
            )
        except Problem:
            publication.close()
            raise
        publication.on_layers = lambda layers: self._layers_wanted(live, layers)
        return live

    def _layers_wanted(self, live: LivePublication, layers: frozenset[int]) -> None:
        encodings = live.publication.parameters.encodings
        rids = [rid for at in sorted(layers) if (rid := encodings[at].rid)]
        if rids:
            self._owner.layers_wanted(live.source, rids)

    def _unpublish(self, mid: str, cause: Cause) -> None:
        live = self._published.pop(mid)
        self._registry.remove(live, cause)
        live.publication.close()
        self._owner.unpublished(live)

    def _state_changed(self, transport: Transport, state: TransportState) -> None:
        if transport is self._transport and state in {TransportState.FAILED, TransportState.CLOSED}:
            log.info("x %s/%s sending connection %s", self._lesson, self._person, transport.failure or state)
            self.close("network")


def choose(
    description: SessionDescription,
    declarations: Sequence[TrackDeclaration],
    allowed: frozenset[SourceKind],
) -> dict[str, Track]:
    """Which m-lines are to be published, under which parameters; pure. Raises Problem, NegotiationError."""
    tracks: dict[str, Track] = {}
    for declaration in declarations:
        section = description.section(declaration.mid)
        if section is None or section.kind is None:
            raise Problem("bad-sdp", reason=f"there is no audio or video m-line with mid {declaration.mid}")
        if section.rejected or not section.direction.sends:
            continue
        source = _source(declaration.source, allowed)
        if source_kind(source).media != section.kind:
            raise Problem("source-not-allowed", detail_kind="kind", source=source, media=section.kind.value)
        if declaration.mid in tracks or any(track.source == source for track in tracks.values()):
            raise Problem("source-taken", source=source)
        tracks[declaration.mid] = Track(source, negotiate.answer_publication(section.parameters()))
    return tracks


def _source(text: str, allowed: frozenset[SourceKind]) -> Source:
    try:
        source = parse_source(text)
    except ValueError as error:
        raise Problem("source-unknown") from error
    if source_kind(source) not in allowed:
        raise Problem("source-not-allowed")
    return source
