"""One peer connection (`Transport`) or one process beside us (`LocalTransport`).

Theory of operation. A transport is four things that know nothing of each other: the ICE agent (which
address), the DTLS session (which keys), the engine's transport (packets) and its media (publications,
subscriptions). This file joins them; its states only move forward:

    NEW --connect--> CONNECTING --keys--> CONNECTED
     any of them --close, close_notify--> CLOSED        any --time limit, handshake, consent--> FAILED

DTLS starts when both are known: who the peer is (`connect`) and where it is (an authenticated check).
Checks and ClientHellos that come before `connect` are normal: a browser starts when it has our offer's
answer ready, and its datagrams overtake the message. They are answered, and queued.

The end has two steps. At once: no media in or out, no further event, `state` says so. Then, in the
background: close_notify, and the engine forgets addresses and keys. `close` waits for the second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from .dtls import Certificate, DtlsSession, SrtpKeys
from .engine.address import is_udp, unpack_address
from .engine.engine import Engine
from .engine.peers import answer_checks, heard
from .engine.stun import plain_check
from .ice import Check, IceAgent, StunError, generate_credentials
from .media import ENDED, MediaEnd, Publication, Slot, Subscription, TransportClosed
from .params import (
    Candidate,
    DtlsSetup,
    LocalParameters,
    RemoteParameters,
    SfuConfig,
    TransportId,
    TransportState,
)
from .pauses import Pauses
from .stats import ControlCounters

__all__ = [
    "LocalTransport",
    "Publication",
    "Slot",
    "StateCallback",
    "Subscription",
    "Transport",
    "TransportClosed",
]

log = logging.getLogger(__name__)

StateCallback = Callable[[TransportState], None]


class Owner(Protocol):
    """What a transport needs of the Sfu."""

    engine: Engine
    pauses: Pauses
    config: SfuConfig
    certificate: Certificate
    control_counters: ControlCounters

    @property
    def candidates(self) -> tuple[Candidate, ...]: ...
    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def tell(self, on_state: StateCallback | None, state: TransportState) -> None:
        """Calls back from the event loop, soon."""

    def stirred(self, transport: TransportId) -> None: ...
    def attend(self, transport: Transport) -> None:
        """Ticks it once a second for as long as it is `restless`."""

    def forget(self, transport: Transport | LocalTransport) -> None: ...


class Transport(MediaEnd):
    """A WebRTC peer: ICE-lite and DTLS on one side, the packet engine on the other. Made by
    Sfu.create_transport.

    `state` is a TransportState. `failure` says why it is FAILED: `handshake_timeout`, `handshake_failed`,
    `fingerprint_mismatch`, `no_srtp_profile`, `consent_expired`, `internal_error`; or why it is CLOSED:
    `peer_closed` when the peer ended it, empty when we did."""

    def __init__(self, owner: Owner, on_state: StateCallback | None) -> None:
        self._owner = owner
        self._on_state = on_state
        self._ice = IceAgent(generate_credentials())
        super().__init__(owner, TransportId(owner.engine.add_transport(ufrag=self._ice.local.ufrag)))
        self.failure = ""
        self.srtp_profile = ""
        self._name = f"transport {self.id}"
        self._dtls = DtlsSession(
            owner.certificate,
            name=self._name,
            send=self._send_dtls,
            on_keys=self._keys_ready,
            on_end=self._dtls_ended,
        )
        self._remote: RemoteParameters | None = None
        self._restarting = False
        self._engine_answers = False
        """It has been told how, once at least."""
        self._connecting_since = 0.0
        self._disposal: asyncio.Task[None] | None = None

    @property
    def local(self) -> LocalParameters:
        """Our ICE credentials, fingerprints and candidates, for the description that the peer gets."""
        return LocalParameters(self._ice.local, self._owner.certificate.fingerprints, self._owner.candidates)

    def connect(self, remote: RemoteParameters) -> None:
        """Tells who the peer is: starts DTLS as client when `remote.dtls.setup` is PASSIVE, else as server,
        as soon as an authenticated check has shown an address; `on_state` tells the rest.

        Called again (a new offer on the same connection): another ICE ufrag is an ICE restart, after which
        `local.ice` is new, unless it answers our own `restart_ice`; other fingerprints or a turned DTLS role
        need a new transport: ValueError. TransportClosed when ended."""
        self.check_open()
        if not remote.dtls.fingerprints:
            raise ValueError("the peer has no fingerprint")
        if self._remote is None:
            self._connecting_since = self._owner.now()
            self._set_state(TransportState.CONNECTING)
            self.attend()
        else:
            self._check_same_peer(self._remote, remote)
        self._remote = remote
        self._start_when_ready()

    def restart_ice(self) -> None:
        """New `local.ice`, for an offer of ours; media goes on over the old address until the peer's checks
        come from another. TransportClosed when ended."""
        self.check_open()
        self._restarting = True
        self._renew_ice()

    def _renew_ice(self) -> None:
        self._ice.restart()
        self.engine.set_ufrag(self.id, self._ice.local.ufrag)
        log.info("- %s ICE restart", self._name)

    async def close(self) -> None:
        """Sends close_notify and gives everything back. Idempotent; returns when nothing is left of it."""
        self._finish(TransportState.CLOSED, "")
        if self._disposal is not None:
            await asyncio.shield(self._disposal)

    # --- events, from the Sfu ----------------------------------------------------------------------

    def stun_received(self, datagram: bytes, address: bytes) -> None:
        if self.state in ENDED:
            self._owner.control_counters.add("events_for_closed")
            return
        if self._engine_answers:
            self._ask_engine()
        try:
            check = self._check(datagram, address)
        except StunError as error:
            self._owner.control_counters.add(f"stun_dropped_{error.reason}")
            return
        self._owner.control_counters.add("ice_checks" if check.authenticated else "ice_role_conflicts")
        if check.forgotten is not None:
            self.engine.close_address(check.forgotten)
        if check.selected:
            self._owner.control_counters.add("ice_nominations")
            self.engine.set_address(self.id, address)
            if self.state is TransportState.CONNECTED:
                log.info("- %s moves %s", self._name, _place(address))
        elif check.validated:
            self.engine.add_address(self.id, address)
        if check.authenticated and address == self._ice.selected:
            self._let_engine_answer()
        # Only now: with our answer in hand the peer may send DTLS at once, from an address the engine must
        # know.
        self.engine.send(address, check.response)
        self._start_when_ready()

    def _check(self, datagram: bytes, address: bytes) -> Check:
        """Raises StunError."""
        udp, now, local = is_udp(address), self._owner.now(), self._ice.local
        if (plain := plain_check(datagram, address, local.ufrag, local.pwd)) is not None:
            response, priority, nominates = plain
            return self._ice.answered(response, priority, address, nominates=nominates, udp=udp, now=now)
        host, port, _ = unpack_address(address)
        return self._ice.receive(datagram, address, (host, port), udp=udp, now=now)

    def moved(self, address: bytes) -> None:
        """The engine has followed the peer's packets to another valid address."""
        if self.state not in ENDED and self._ice.followed(address, self._owner.now()):
            self._owner.control_counters.add("ice_moves")
            host, port, _ = unpack_address(address)
            log.info("- %s moved to %s port %d", self._name, host, port)
            self._let_engine_answer()

    def _ask_engine(self) -> None:
        """What it has answered meanwhile."""
        _, checked_us, nominated_us = heard(self.engine, self.id)
        self._ice.renewed(checked_us / 1e6, nominated_us / 1e6)

    def _let_engine_answer(self) -> None:
        """The next checks, as long as they say the same."""
        if (known := self._ice.known) is not None:
            answer_checks(self.engine, self.id, known.pwd, known.priority, known.nominated)
            self._engine_answers = True

    def dtls_received(self, datagram: bytes) -> None:
        if self.state in ENDED:
            self._owner.control_counters.add("events_for_closed")
        elif not self._dtls.receive(datagram):
            self._owner.control_counters.add("dtls_dropped")

    def address_gone(self, address: bytes) -> None:
        """A TCP connection was closed. The peer may come back by another until consent runs out."""
        self._ice.forget(address)

    @property
    def restless(self) -> bool:
        """Whether there is anything to look at once a second; else it costs nothing."""
        return self.state is TransportState.CONNECTING or bool(self.publications) or self.downlink.restless

    def attend(self) -> None:
        self._owner.attend(self)

    def tick(self, now: float) -> None:
        """Once a second while it is connecting."""
        waited_s = now - self._connecting_since
        if self.state is TransportState.CONNECTING and waited_s > self._owner.config.handshake_timeout_s:
            self._finish(TransportState.FAILED, "handshake_timeout")

    def silent(self, now: float) -> None:
        """The engine has heard nothing for as long as consent lasts. A check shows that the peer is there
        (RFC 7675), whoever answered it; so does a packet that SRTP authenticates, for senders that check only
        once."""
        if self.state is not TransportState.CONNECTED:
            return
        if now - (self._ice.last_check or 0.0) > self._owner.config.consent_timeout_s:
            self._finish(TransportState.FAILED, "consent_expired")

    # --- inside ------------------------------------------------------------------------------------

    def _check_same_peer(self, known: RemoteParameters, remote: RemoteParameters) -> None:
        if set(known.dtls.fingerprints) != set(remote.dtls.fingerprints):
            raise ValueError("another DTLS identity needs a new connection")
        if (known.dtls.setup is DtlsSetup.PASSIVE) != (remote.dtls.setup is DtlsSetup.PASSIVE):
            raise ValueError("another DTLS role needs a new connection")
        if known.ice and remote.ice and known.ice.ufrag != remote.ice.ufrag:
            # The answer to a restart of ours has new credentials too, and is not the next restart.
            if not self._restarting:
                self._renew_ice()
            self._restarting = False

    def _start_when_ready(self) -> None:
        if self._remote is not None and self._ice.selected is not None and not self._dtls.started:
            self._dtls.start(self._remote.dtls)

    def _send_dtls(self, datagram: bytes) -> None:
        if self._ice.selected is None:
            self._owner.control_counters.add("dtls_unsent")
        else:
            self.engine.send(self._ice.selected, datagram)

    def _keys_ready(self, keys: SrtpKeys) -> None:
        if self.state in ENDED:
            return
        self.engine.set_keys(self.id, keys.inbound, keys.outbound, aead_key=keys.aead_key)
        self.srtp_profile = keys.profile
        self._owner.control_counters.add("transports_connected")
        waited_ms = round(1000 * (self._owner.now() - self._connecting_since))
        self._owner.control_counters.add("handshake_milliseconds", waited_ms)
        self._set_state(TransportState.CONNECTED)

    def _dtls_ended(self, reason: str) -> None:
        state = TransportState.CLOSED if reason == "peer_closed" else TransportState.FAILED
        self._finish(state, reason)

    def fail(self) -> None:
        """Our own mistake met while serving it: it ends, nothing else does."""
        self._finish(TransportState.FAILED, "internal_error")

    def _finish(self, state: TransportState, reason: str) -> None:
        if self.state in ENDED:
            return
        self.failure = reason
        counter = f"transports_failed_{reason}" if state is TransportState.FAILED else "transports_closed"
        self._owner.control_counters.add(counter)
        self._set_state(state)
        self._disposal = asyncio.get_running_loop().create_task(self._dispose())
        self.close_media()

    async def _dispose(self) -> None:
        try:
            self._dtls.close()
        finally:
            for address in self._ice.addresses:
                if not is_udp(address):
                    self.engine.close_address(address)
            self.engine.remove_transport(self.id)
            self._owner.forget(self)

    def _set_state(self, state: TransportState) -> None:
        if state is TransportState.CONNECTED:
            where = _place(self._ice.selected) if self._ice.selected else ""
            log.info("- %s %s -> %s %s", self._name, self.state, state, where)
        elif state is not TransportState.CONNECTING:
            level = logging.WARNING if state is TransportState.FAILED else logging.INFO
            log.log(level, "- %s %s -> %s %s", self._name, self.state, state, self.failure)
        self.state = state
        self._owner.tell(self._on_state, state)


def _place(address: bytes) -> str:
    """For logs."""
    host, port, _ = unpack_address(address)
    return f"at {host} port {port} {'udp' if is_udp(address) else 'tcp'}"


class LocalTransport(MediaEnd):
    """Plain RTP and RTCP over a socketpair, for a process of our own. Made by Sfu.create_local_transport.

    `on_state` hears CLOSED when it ends, whoever ended it. `peer_fd` is the other end (AF_UNIX,
    SOCK_SEQPACKET; one packet per message). It belongs to the caller, who closes it after having handed it
    to the other process; `close` does not touch it."""

    def __init__(self, owner: Owner, peer_fd: int, address: bytes, on_state: StateCallback | None) -> None:
        super().__init__(owner, TransportId(owner.engine.add_transport()))
        self._owner = owner
        self._on_state = on_state
        self._address = address
        self.peer_fd = peer_fd
        self.engine.set_plain(self.id)
        self.engine.set_address(self.id, address)
        self.state = TransportState.CONNECTED

    def close(self) -> None:
        """Idempotent; not a coroutine: there is nobody to say good-bye to."""
        if self.state is TransportState.CLOSED:
            return
        self.state = TransportState.CLOSED
        self.close_media()
        self.engine.close_address(self._address)
        self.engine.remove_transport(self.id)
        self._owner.forget(self)
        self._owner.tell(self._on_state, TransportState.CLOSED)

    # --- events, from the Sfu ----------------------------------------------------------------------

    def address_gone(self, address: bytes) -> None:
        log.info("- local transport %d: the other process has gone", self.id)
        self.close()

    def fail(self) -> None:
        self.close()
