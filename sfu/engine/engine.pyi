"""The packet engine as Python sees it. All calls are short, thread-safe, and release the GIL while they wait.

Times are microseconds of a monotonic clock chosen by the caller; addresses are opaque bytes of
`address.pack_address(host, port, channel)`. Ids are small positive integers, never used twice.
Every call with an id that is gone raises KeyError; with a value out of range, ValueError.
"""

from enum import IntEnum
from typing import Any, NamedTuple

from pylibsrtp import Session

class EventKind(IntEnum):
    STUN = 1
    """transport = owner of the local ufrag named in USERNAME; data = datagram; address = from where."""
    DTLS = 2
    """transport = owner of the address; data = one DTLS datagram."""
    ADDRESS_GONE = 3
    """transport; address: its TCP connection or local socket was closed by the peer."""
    PUBLICATION_STARTED = 4
    """publication: its first packet arrived."""
    OVERFLOW = 5
    """detail = events lost since the last drain, because Python did not keep up."""
    BANDWIDTH = 6
    """transport; detail = what its downlink carries, in bits per second. Told when it moved, at most five
    times a second."""

    SPEAKERS = 7
    """publication = number of the group; data = ids of the publications that speak now, four bytes each in
    the machine's order. Told when it changed, at most five times a second."""
    PLACES = 8
    """publication = number of the group; data = for each place the id of the publication that has it, or 0,
    four bytes each. Told as often."""
    MOVED = 9
    """transport; address: media goes there from now on, because its packets come from there (a validated
    pair) and the selected one has fallen silent."""

class Event(NamedTuple):
    kind: EventKind
    transport: int
    publication: int
    detail: int
    address: bytes
    data: bytes

class Engine:
    def __init__(self, *, seed: int = 0) -> None:
        """seed: 0 draws SSRCs and first sequence numbers from the system's random source."""

    # --- sans-IO edge (the loop calls the same three in C) -------------------------------------------------
    def input(self, datagram: bytes, address: bytes, now_us: int) -> None: ...
    def tick(self, now_us: int) -> None: ...
    def drain(self) -> list[tuple[bytes, bytes]]:
        """Datagrams to send since the last drain, as (datagram, address), in order. A picture goes out in
        pieces, one with each call of `input` and `tick`: what is left of it goes now."""
    def next_deadline_us(self) -> int:
        """When `tick` wants to be called next; -1 for never."""

    # --- to Python ------------------------------------------------------------------------------------------
    def event_fd(self) -> int:
        """An eventfd, readable while events wait (register it with the event loop)."""
    def events(self) -> list[Event]: ...
    def counters(self) -> dict[str, int]:
        """All counters by name; names never change while the engine lives."""

    # --- control --------------------------------------------------------------------------------------------
    def add_transport(self, *, ufrag: str = "") -> int:
        """ufrag: the local ICE user fragment by which STUN from unknown addresses finds this transport."""
    def set_ufrag(self, transport: int, ufrag: str) -> None: ...
    def set_address(self, transport: int, address: bytes) -> None:
        """Media goes to (and comes from) this address from now on: ICE's selected pair. Earlier addresses of
        the transport stay known for receiving."""
    def add_address(self, transport: int, address: bytes) -> None:
        """Packets from here belong to the transport (a validated pair that is not selected)."""
    def set_keys(self, transport: int, inbound: Session, outbound: Session, *, aead_key: bytes = b"") -> None:
        """SRTP sessions of pylibsrtp; the engine keeps them alive.
        aead_key: `outbound`'s master key and salt where its profile is AEAD_AES_128_GCM (28 bytes) or
        AEAD_AES_256_GCM (44; else ValueError): RTP is then protected without libsrtp, if OpenSSL's functions
        are to be had."""
    def set_plain(self, transport: int) -> None:
        """No SRTP: for a local socket."""
    def set_receive_extensions(self, transport: int, ids: dict[str, int]) -> None:
        """Header extension URI -> id in packets that arrive here (BUNDLE: one table for all m-lines)."""
    def set_send_extensions(self, transport: int, ids: dict[str, int]) -> None: ...
    def remove_transport(self, transport: int) -> None:
        """Takes its publications and subscriptions, and the subscriptions to its publications, with it."""
    def send(self, address: bytes, datagram: bytes) -> None:
        """A STUN or DTLS datagram, sent as it is, at once."""
    def close_address(self, address: bytes) -> None:
        """Closes a TCP connection or local socket; for UDP only forgets the address."""

    def add_publication(
        self,
        transport: int,
        *,
        kind: str,
        mid: str,
        clock_rate: int,
        formats: list[tuple[str, int, int, bool]],
        encodings: list[tuple[str, int, int]],
        transport_cc: bool = False,
        reduced_size: bool = False,
    ) -> int:
        """formats: (codec name, payload type, rtx payload type or -1, nack). encodings: (rid or "",
        ssrc or 0, rtx ssrc or 0), best quality last; may be empty: then one layer, found by MID.
        reduced_size: NACK and PLI go without a report in front (RFC 5506)."""
    def set_group(
        self, publication: int, group: int, *, party: int = 0, always: bool = False, loudest: int = 4
    ) -> None:
        """Sound only: puts it among the microphones of a group (a number of the caller's; 0: none). The
        `loudest` few, by the audio level of their packets, have a place each, and are heard in the slots of
        the group (`add_slot`). party: a number of the caller's for whose voice it is. always: it takes no
        place; only who speaks is told of it. Who subscribes to the publication itself gets all of it,
        whatever the group does. The latest call sets `loudest` (0..16) for the whole group."""
    def remove_publication(self, publication: int) -> None: ...
    def add_subscription(
        self,
        transport: int,
        publication: int,
        *,
        mid: str,
        ssrc: int,
        rtx_ssrc: int,
        formats: list[tuple[int, int, bool]],
        layer: int = -1,
        paused: bool = False,
    ) -> int:
        """formats: (payload type, rtx payload type or -1, nack) in the order of the publication's formats;
        payload type -1 where the subscriber did not take one. ssrc, rtx_ssrc: never used before on this
        transport; what the cipher knows of them goes with the subscription, and the same numbers again under
        the same key would give it away (RFC 7714, 9.1). One that is in use is a ValueError. Video waits for a
        keyframe, which is asked for at once. layer: of a simulcast the highest encoding at first, as in
        `set_wanted_layer`; -1: the best. paused: from the beginning, not a packet is sent."""
    def add_slot(
        self,
        transport: int,
        group: int,
        place: int,
        *,
        mid: str,
        ssrc: int,
        formats: list[tuple[str, int, bool]],
        party: int = 0,
        loudest: int = 4,
    ) -> int:
        """A subscription to whoever has that place (0..15) in the group, one after the other, in one
        continuous stream. formats: (codec name, opus or red, payload type or -1, nack). party: who listens;
        gets nothing while the place is their own. ssrc: as in add_subscription. loudest: of the group, where
        this begins it. It is removed, paused and counted as a subscription."""
    def tune_slot(self, subscription: int, group: int, *, loudest: int = 4) -> None:
        """The slot carries the same place of another group."""
    def remove_subscription(self, subscription: int) -> None: ...
    def set_paused(self, subscription: int, paused: bool) -> None: ...
    def set_all_paused(self, subscriptions: dict[int, bool]) -> None:
        """The same for many at once: subscription or slot -> paused."""
    def set_wanted_layer(self, subscription: int, layer: int, temporal: int = 7) -> None:
        """The highest layer that this subscriber is to get. layer: index into the publication's encodings,
        switched at that encoding's next keyframe; where there is only one encoding, the spatial layer inside
        it (VP9, AV1; 7: all). temporal: the highest temporal layer, where the stream tells them (7: all)."""
    def set_bandwidth_goal(self, transport: int, bps: float) -> None:
        """What would be sent on this transport if it fitted: up to there its downlink is probed."""
    def request_keyframe(self, publication: int) -> None: ...

    # --- statistics: plain dicts, keys as in W3C webrtc-stats, snake_case -----------------------------------
    def transport_stats(self, transport: int) -> dict[str, Any]: ...
    def publication_stats(self, publication: int) -> dict[str, Any]: ...
    def subscription_stats(self, subscription: int) -> dict[str, Any]: ...
    def census(self) -> dict[str, int]:
        """Live objects and bytes held: transports, publications, subscriptions, addresses, cache_bytes."""
