"""One peer connection (`Transport`) or one process beside us (`LocalTransport`), and what it publishes and subscribes."""

from __future__ import annotations

from collections.abc import Callable

from .params import (
    LocalParameters,
    MediaParameters,
    PublicationId,
    RemoteParameters,
    SubscriptionId,
    TransportId,
    TransportState,
)

StateCallback = Callable[[TransportState], None]


class TransportClosed(Exception):
    """The transport (or the publication's transport) has failed or was closed: nothing can be added to it."""


class Publication:
    """Media that one transport sends us."""

    id: PublicationId
    parameters: MediaParameters
    transport: Transport | LocalTransport
    closed: bool

    def request_keyframe(self) -> None:
        """Asks the sender for a keyframe (the engine limits the rate). Nothing when closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends it and every subscription to it. Idempotent."""
        raise NotImplementedError


class Subscription:
    """A publication on its way to one transport."""

    id: SubscriptionId
    publication: Publication
    parameters: MediaParameters
    closed: bool

    def pause(self, paused: bool) -> None:
        """Video starts again at a keyframe. Nothing when closed."""
        raise NotImplementedError

    def want_layer(self, layer: int) -> None:
        """Index into the publication's encodings; ValueError when there is no such layer."""
        raise NotImplementedError

    def close(self) -> None:
        """Idempotent."""
        raise NotImplementedError


class Transport:
    """A WebRTC peer: ICE-lite and DTLS on one side, the packet engine on the other. Made by Sfu.create_transport."""

    id: TransportId
    state: TransportState
    failure: str
    """Why `state` is FAILED, one of `handshake_timeout`, `handshake_failed`, `fingerprint_mismatch`, `no_srtp_profile`,
    `consent_expired`, `internal_error`; empty otherwise. CLOSED with a peer's close_notify is `peer_closed`."""

    @property
    def local(self) -> LocalParameters:
        """Our ICE credentials, fingerprints and candidates, for the description that the peer gets."""
        raise NotImplementedError

    def connect(self, remote: RemoteParameters) -> None:
        """Tells who the peer is: starts DTLS as client when `remote.dtls.setup` is PASSIVE, else as server, as soon
        as an authenticated check has shown an address; `on_state` tells the rest.

        Called again (a new offer on the same connection): another ICE ufrag is an ICE restart, after which `local.ice`
        is new; other fingerprints or a turned DTLS role need a new transport: ValueError. TransportClosed when ended.
        """
        raise NotImplementedError

    def restart_ice(self) -> None:
        """New `local.ice`; media goes on over the old address until the peer's checks come from another."""
        raise NotImplementedError

    def publish(self, parameters: MediaParameters) -> Publication:
        """What the peer sends us: takes its formats, encodings and header extensions. May be called before CONNECTED.

        Raises TransportClosed; ValueError when an extension id contradicts that of another m-line."""
        raise NotImplementedError

    def subscribe(self, publication: Publication, parameters: MediaParameters) -> Subscription:
        """Sends `publication` to the peer as `parameters` say (encodings[0]: our ssrc and rtx_ssrc).

        Raises TransportClosed when either end has gone; ValueError when no format of the publication is among them."""
        raise NotImplementedError

    async def close(self) -> None:
        """Sends close_notify and gives everything back. Idempotent; returns when nothing is left of it."""
        raise NotImplementedError


class LocalTransport:
    """Plain RTP and RTCP over a socketpair, for a process of our own. Made by Sfu.create_local_transport.

    `on_state` hears CLOSED when the other end was closed."""

    id: TransportId
    state: TransportState
    peer_fd: int
    """The other end (AF_UNIX, SOCK_SEQPACKET; one packet per message). It belongs to the caller, who closes it after
    having handed it to the other process; `close` does not touch it."""

    def publish(self, parameters: MediaParameters) -> Publication:
        raise NotImplementedError

    def subscribe(self, publication: Publication, parameters: MediaParameters) -> Subscription:
        raise NotImplementedError

    def close(self) -> None:
        """Idempotent; not a coroutine: there is nobody to say good-bye to."""
        raise NotImplementedError
