"""The only control door of the media plane.

Theory of operation. The packet thread never waits for Python. What only Python can do (STUN, DTLS) waits in
the engine's bounded queue, and an eventfd wakes the event loop. A drain serves at most EVENTS_PER_DRAIN
events and lets the loop go round before the next, so that a storm of joins makes joins slower, not
everything else. Each event is one row of a table; a mistake of ours in serving one ends the transport that
it belongs to, and nothing else.

One timer of a second serves the time limits of all transports.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from .beat import beat
from .dtls import Certificate, generate_certificate, load_certificate
from .engine.engine import Engine, Event, EventKind
from .engine.loop import Loop
from .engine.peers import silent
from .engine.snapshot import StatsSnapshot
from .ice import host_candidates
from .media import ENDED, Publication
from .params import Candidate, Fingerprint, PublicationId, SfuConfig, TransportId, TransportState
from .pauses import Pauses
from .stats import ControlCounters, socket_counters
from .transport import LocalTransport, StateCallback, Transport

__all__ = ["Publication", "Sfu"]

log = logging.getLogger(__name__)

EVENTS_PER_DRAIN = 64
"""About 6 ms of STUN: what the event loop can be kept from its other work without anybody noticing."""
TICK_S = 1.0
"""Grain of the time limits, which are tens of seconds."""
SSRC_STEP = 0x9E3779B1
"""Odd, so that its multiples meet every 32-bit number once before any comes again."""


SpeakersCallback = Callable[[int, frozenset[PublicationId]], None]
"""(group, publications)"""
PlacesCallback = Callable[[int, tuple[PublicationId | None, ...]], None]
"""(group, who has each place)"""
StirCallback = Callable[[TransportId], None]


class PacketLoop(Protocol):
    """What the Sfu needs of engine.loop.Loop."""

    @property
    def port(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def open_local(self) -> tuple[int, bytes]: ...
    def cpu_seconds(self) -> float: ...
    def sockets(self) -> dict[str, int]: ...
    def counters(self) -> dict[str, int]: ...


class Sfu:
    """One media port, one packet thread, and the transports on it. All calls from the event loop's thread.
    Made by `start`."""

    def __init__(
        self,
        config: SfuConfig,
        *,
        engine: Engine,
        packets: PacketLoop,
        certificate: Certificate,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock: seconds, the same that the engine's times are of. The packet loop is started, the engine's
        events are listened to."""
        self.config = config
        self.engine = engine
        self.certificate = certificate
        self.control_counters = ControlCounters()
        self.candidates: tuple[Candidate, ...] = host_candidates(config.media_ips, packets.port)
        """UDP first, then TCP, for each media address."""
        self.now = clock
        self.on_speakers: SpeakersCallback | None = None
        """Hears which publications of a group (`Publication.group`) speak, when that changes, at most five
        times a second; in the event loop, and must not block."""
        self.on_places: PlacesCallback | None = None
        """Hears who has which place of a group (`Slot`); as often, and as it."""
        self.on_stir: StirCallback | None = None
        """Hears which transports came, went, or are no longer what they were (`MediaEnd.stir`): who asks them
        for more than packets need not ask all of them each time. At once, and must not block."""
        self._packets = packets
        self._restless: dict[int, Transport] = {}
        """To be ticked."""
        self._transports: dict[int, Transport | LocalTransport] = {}
        self._backlog: deque[Event] = deque()
        self._again: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._silence_due = 0.0
        self._ssrc = secrets.randbits(32)
        self._loop = asyncio.get_running_loop()
        self.pauses = Pauses(engine, self._loop.call_soon)
        self._loop.add_reader(engine.event_fd(), self.drain)
        self._timer = self._loop.call_at(beat(self._loop.time(), TICK_S), self._timer_due)
        packets.start()

    @classmethod
    async def start(cls, config: SfuConfig) -> Sfu:
        """Binds the port, starts the packet thread. OSError when the port is in use or an address is not
        ours; CertificateError when the certificate file cannot be used."""
        path = config.certificate_path
        certificate = generate_certificate() if path is None else load_certificate(path)
        engine = Engine()
        packets = Loop(engine, bind_hosts(config), config.media_port, priority=config.packet_priority)
        sfu = cls(config, engine=engine, packets=packets, certificate=certificate)
        log.info("- media port %d open on %s", sfu.port, ", ".join(bind_hosts(config)))
        priority = packets.priority()
        log.info("- packet thread has %s priority (%s was asked for)", priority, config.packet_priority)
        return sfu

    @property
    def port(self) -> int:
        return self._packets.port

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        return self.certificate.fingerprints

    def create_transport(self, *, on_state: StateCallback | None = None) -> Transport:
        """on_state is called in the event loop, never from inside the call that causes it."""
        transport = Transport(self, on_state)
        self._transports[transport.id] = transport
        self.control_counters.add("transports_created")
        self.stirred(transport.id)
        return transport

    def create_local_transport(self, *, on_state: StateCallback | None = None) -> LocalTransport:
        """A transport to a process of our own, which gets its `peer_fd`. OSError when there are no more
        files."""
        peer_fd, address = self._packets.open_local()
        transport = LocalTransport(self, peer_fd, address, on_state)
        self._transports[transport.id] = transport
        return transport

    def allocate_ssrc(self) -> int:
        """1..2**32-1, never twice in the life of this server."""
        self._ssrc = (self._ssrc + SSRC_STEP) % 2**32
        return self._ssrc or self.allocate_ssrc()

    async def close(self) -> None:
        """Closes every transport, stops the thread, gives the port back. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for transport in tuple(self._transports.values()):
            if isinstance(transport, LocalTransport):
                transport.close()
        ending = [each.close() for each in self._transports.values() if isinstance(each, Transport)]
        await asyncio.gather(*ending)
        self._loop.remove_reader(self.engine.event_fd())
        for handle in (self._timer, self._again):
            if handle is not None:
                handle.cancel()
        self._packets.stop()

    # --- figures -----------------------------------------------------------------------------------

    def counters(self) -> dict[str, int]:
        """The engine's counters, the sockets' and ours, by name; all only grow."""
        counters = self.engine.counters() | self.control_counters.snapshot()
        # The sum of what the sockets could not send: here each reason stands for itself.
        counters.pop("drop_send")
        return counters | socket_counters(self._packets.counters())

    def stats(self, transport: Transport | LocalTransport) -> dict[str, Any]:
        """{"transport": {...}, "publications": {id: {...}}, "subscriptions": {id: {...}}}, keys as in
        webrtc-stats; all empty once it has ended."""
        self.pauses.tell()
        if transport.id not in self._transports:
            return {"transport": {}, "publications": {}, "subscriptions": {}}
        return {
            "transport": self.engine.transport_stats(transport.id),
            "publications": {id: self.engine.publication_stats(id) for id in transport.publications},
            "subscriptions": {each.id: self.engine.subscription_stats(each.id) for each in transport.served},
        }

    def packets_received(self, transport: Transport) -> int:
        """How many have come on it so far: one figure of its statistics, for who looks often; 0 once it has
        ended."""
        if transport.id not in self._transports:
            return 0
        return int(self.engine.transport_stats(transport.id)["packets_received"])

    def snapshot(self) -> StatsSnapshot:
        """The counters of all transports and their streams at this moment: two of them compared tell what
        went on between. Made for one look a second at everything: 1,000 transports take 0.2 ms."""
        self.pauses.tell()
        return StatsSnapshot(self.engine, self.now())

    def census(self) -> dict[str, int]:
        """Live objects by kind, for leak tests and gauges: after everything was closed, what it was
        before."""
        ends = tuple(self._transports.values())
        sockets = {f"sockets_{kind}": count for kind, count in self._packets.sockets().items()}
        return {
            "transports": len(ends),
            "transports_restless": len(self._restless),
            "publications": sum(len(each.publications) for each in ends),
            "subscriptions": sum(len(each.served) for each in ends),
            "events_waiting": len(self._backlog),
            "timers": int(self._timer is not None),
            **{f"engine_{name}": count for name, count in self.engine.census().items()},
            **sockets,
        }

    def cpu_seconds(self) -> float:
        """CPU time of the packet thread."""
        return self._packets.cpu_seconds()

    # --- for the transports ------------------------------------------------------------------------

    def tell(self, on_state: StateCallback | None, state: TransportState) -> None:
        if on_state is not None:
            self._loop.call_soon(on_state, state)

    def stirred(self, transport: TransportId) -> None:
        if self.on_stir is not None:
            self.on_stir(transport)

    def attend(self, transport: Transport) -> None:
        if transport.id in self._transports:
            self._restless[transport.id] = transport

    def forget(self, transport: Transport | LocalTransport) -> None:
        self._transports.pop(transport.id, None)
        self._restless.pop(transport.id, None)
        self.stirred(transport.id)

    # --- events ------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Serves what the engine has for Python. Called when the eventfd is readable."""
        self._again = None
        if not self._backlog:
            self._backlog.extend(self.engine.events())
        for _ in range(min(EVENTS_PER_DRAIN, len(self._backlog))):
            self._serve(self._backlog.popleft())
        if self._backlog and self._again is None:
            self._again = self._loop.call_soon(self.drain)

    def _serve(self, event: Event) -> None:
        transport = self._transports.get(event.transport)
        try:
            HANDLERS[event.kind](self, transport, event)
        except Exception:
            log.exception("x transport %d: a mistake of ours while serving %s", event.transport, event.kind)
            if transport is not None:
                transport.fail()

    def _on_stun(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        if isinstance(transport, Transport):
            transport.stun_received(event.data, event.address)
        else:
            self.control_counters.add("events_for_closed")

    def _on_dtls(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        if isinstance(transport, Transport):
            transport.dtls_received(event.data)
        else:
            self.control_counters.add("events_for_closed")

    def _on_address_gone(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        if transport is not None:
            transport.address_gone(event.address)

    def _on_moved(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        if isinstance(transport, Transport):
            transport.moved(event.address)

    def _on_publication_started(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        publication = transport.publications.get(PublicationId(event.publication)) if transport else None
        if publication is not None:
            publication.started = True

    def _on_bandwidth(self, transport: Transport | LocalTransport | None, event: Event) -> None:
        if transport is not None and transport.state not in ENDED:
            transport.downlink.estimated(event.detail, self.now(), transport.served)

    def _on_speakers(self, _: Transport | LocalTransport | None, event: Event) -> None:
        speaking = frozenset(PublicationId(id) for id in memoryview(event.data).cast("I"))
        if self.on_speakers is not None:
            self.on_speakers(event.publication, speaking)

    def _on_places(self, _: Transport | LocalTransport | None, event: Event) -> None:
        places = tuple(PublicationId(id) or None for id in memoryview(event.data).cast("I"))
        if self.on_places is not None:
            self.on_places(event.publication, places)

    def _on_overflow(self, _: Transport | LocalTransport | None, event: Event) -> None:
        self.control_counters.add("events_lost", event.detail)
        log.warning("x %d events lost: the event loop does not keep up", event.detail)

    def _timer_due(self) -> None:
        self._timer = self._loop.call_at(beat(self._loop.time(), TICK_S), self._timer_due)
        self.tick(self.now())

    def tick(self, now: float) -> None:
        """Looks at all time limits. Called once a second; now: as the clock says. Costs nothing for a
        transport that is connected, publishes nothing and has what it wishes."""
        if now >= self._silence_due:
            self._look_for_silence(now)
        for transport in tuple(self._restless.values()):
            self._guarded(transport, partial(self._tick_one, transport), now)
            if not transport.restless:
                self._restless.pop(transport.id, None)

    def _look_for_silence(self, now: float) -> None:
        limit_s = self.config.consent_timeout_s
        ids, oldest_us = silent(self.engine, round((now - limit_s) * 1e6))
        # Nobody's time can be up before: with checks every few seconds that is a look in half a minute.
        self._silence_due = min(oldest_us / 1e6, now) + limit_s
        for id in ids:
            transport = self._transports.get(id)
            if isinstance(transport, Transport):
                self._guarded(transport, transport.silent, now)

    def _tick_one(self, transport: Transport, now: float) -> None:
        transport.tick(now)
        for publication in transport.publications.values():
            publication.look_at_layers(now)
            if publication.subscriptions:
                publication.rates.sample(now, self.engine.publication_stats(publication.id)["layers"])
        if transport.state not in ENDED:
            transport.downlink.tick(now, transport.served)

    def _guarded(self, transport: Transport, look: Callable[[float], None], now: float) -> None:
        try:
            look(now)
        except Exception:
            log.exception("x transport %d: a mistake of ours in its timer", transport.id)
            transport.fail()


HANDLERS: dict[EventKind, Callable[[Sfu, Transport | LocalTransport | None, Event], None]] = {
    EventKind.STUN: Sfu._on_stun,
    EventKind.DTLS: Sfu._on_dtls,
    EventKind.ADDRESS_GONE: Sfu._on_address_gone,
    EventKind.PUBLICATION_STARTED: Sfu._on_publication_started,
    EventKind.OVERFLOW: Sfu._on_overflow,
    EventKind.BANDWIDTH: Sfu._on_bandwidth,
    EventKind.SPEAKERS: Sfu._on_speakers,
    EventKind.PLACES: Sfu._on_places,
    EventKind.MOVED: Sfu._on_moved,
}


def bind_hosts(config: SfuConfig) -> list[str]:
    """Where to listen: what the configuration says, else the media addresses themselves, so that answers
    leave from the address that was asked; the wildcard of a family where one of them is not this machine's
    (NAT)."""
    if config.bind_hosts:
        return list(config.bind_hosts)
    foreign = {_family(host) for host in config.media_ips if not _is_ours(host)}
    hosts = ["::" if family == socket.AF_INET6 else "0.0.0.0" for family in sorted(foreign)]
    return hosts + [host for host in config.media_ips if _family(host) not in foreign]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_ours(host: str) -> bool:
    with socket.socket(_family(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True
