"""The ICE-lite agent of one transport (RFC 8445 as a lite, always controlled agent), sans-IO.

Theory of operation. A lite agent has host candidates only and sends no checks: the peer, a full agent,
checks each of our candidates, and we answer. A check that carries our password shows that who agreed to
this connection in signaling can be reached at the address it came from; that address is then *valid*. The
peer, which is controlling, says by USE-CANDIDATE which pair media shall take; that one is *selected*.

- Before any nomination the first valid address is selected provisionally: a DTLS client must know where to
  write,
  and a peer with regular nomination may nominate only after it has seen all its checks through.
- Aggressive nomination sends USE-CANDIDATE with every check, so several addresses are nominated at about
  the same
  time, and the best of them counts (UDP before TCP, then the PRIORITY that the check carries). Only when the
  selected one has not been nominated again for NOMINATION_WINDOW_S is a lesser one a change of mind: the
  peer moved to another network, and media follows with that one check.
- A peer that moves sends over its new pair before it nominates it. Who sees its packets says so by
  `followed`.
- Checks go on after the connection stands; they are the peer's consent to receive (RFC 7675). Who asks
  `last_check` can end what nobody wants any more. Those of the selected pair that say nothing new somebody
  else may answer by `known`, and tell by `renewed` before the agent has to decide anything by their times.

Refused datagrams raise StunError and get no answer: an answer would only serve somebody who guesses.

A check with nothing special in it, which is nearly all that browsers send, the engine's own code reads,
proves and answers (`engine/stun.pyx`: 2.5 µs instead of 40); `answered` draws the conclusions. `receive`
takes whatever that leaves.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from struct import error as StructError  # noqa: N812

from aioice import stun

from .params import Candidate, IceParameters

UFRAG_LENGTH = 8
"""48 bits: enough to be unique among the transports of a server (RFC 8445, 5.3 asks for 24)."""
PASSWORD_LENGTH = 24
"""144 bits; RFC 8445, 5.3 asks for 128."""

MAX_ADDRESSES = 16
"""Valid addresses that one transport keeps: a telephone with IPv4, IPv6, Wi-Fi and mobile network, UDP and
TCP has eight. The one longest unheard of makes room."""
NOMINATION_WINDOW_S = 1.0
"""Checks of one pair come at least every 500 ms while others are still being tried."""
MAX_CHECKS_PER_S = 100
"""Of one transport. A browser with all its pairs sends 20 in the worst second; a flood must not eat the
time of the others."""

BINDING_REQUEST_FIRST_BYTES = frozenset({0x00})
HEADER_BYTES = 20


class StunError(Exception):
    """A datagram that gets no answer. `reason` names a counter: `malformed`, `unauthenticated`,
    `too_many`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Check:
    """What follows from one datagram."""

    response: bytes
    authenticated: bool = True
    """False: the response is an error (role conflict) and nothing has changed."""
    validated: bool = False
    """The address is new among the valid ones."""
    selected: bool = False
    """The address is the selected one from now on, and was not before."""
    forgotten: bytes | None = None
    """An address that made room."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the next checks of the selected pair say when they say nothing new."""

    pwd: str
    priority: int
    nominated: bool
    """USE-CANDIDATE is no news."""


@dataclass(slots=True)
class _Pair:
    rank: tuple[bool, int]
    """(UDP, PRIORITY of the peer's candidate): the larger, the better."""
    heard: float
    nominated: float | None = None


def generate_credentials() -> IceParameters:
    """Fresh ufrag and password from the system's random source."""

    # Base64 has just the characters of ICE (RFC 8839, 5.4), six bits in each.
    word = base64.b64encode(secrets.token_bytes(UFRAG_LENGTH + PASSWORD_LENGTH)).decode()
    return IceParameters(word[:UFRAG_LENGTH], word[UFRAG_LENGTH : UFRAG_LENGTH + PASSWORD_LENGTH])


class IceAgent:
    """The state of one transport. `now` is in seconds of any monotonic clock."""

    def __init__(self, local: IceParameters) -> None:
        self.local = local
        self.selected: bytes | None = None
        self.last_check: float | None = None
        """When the last authenticated check came; None before the first."""
        self._pairs: dict[bytes, _Pair] = {}
        self._second = 0
        self._checks = 0

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """The valid ones."""
        return tuple(self._pairs)

    @property
    def known(self) -> Known | None:
        """None: nothing is selected."""
        pair = self._pairs.get(self.selected) if self.selected else None
        return None if pair is None else Known(self.local.pwd, pair.rank[1], pair.nominated is not None)

    def renewed(self, checked: float, nominated: float) -> None:
        """Checks of the selected pair were answered elsewhere, by `known`: when the last one came, and the
        last one with USE-CANDIDATE; 0 for none."""
        pair = self._pairs.get(self.selected) if self.selected else None
        if pair is not None and checked:
            self.last_check = max(self.last_check or 0.0, checked)
            pair.heard = max(pair.heard, checked)
        if pair is not None and pair.nominated is not None:
            pair.nominated = max(pair.nominated, nominated)

    def restart(self) -> None:
        """New credentials (RFC 8445, 9). The selected address stays until the peer's new checks choose
        one."""
        self.local = generate_credentials()
        for pair in self._pairs.values():
            pair.nominated = None

    def followed(self, address: bytes, now: float) -> bool:
        """The peer's packets come from there, and no longer from the selected address: it has chosen, and its
        next check will say so. False: not a valid address, or selected already."""
        pair = self._pairs.get(address)
        if pair is None or self.selected == address:
            return False
        pair.nominated = now
        self.selected = address
        return True

    def forget(self, address: bytes) -> None:
        """The address can no longer be reached (its TCP connection was closed)."""
        self._pairs.pop(address, None)
        if self.selected == address:
            self.selected = None

    def receive(
        self, datagram: bytes, address: bytes, mapped: tuple[str, int], *, udp: bool, now: float
    ) -> Check:
        """Answers one STUN datagram from `address` (opaque), which is `mapped` = (host, port). Raises
        StunError."""
        self._limit(now)
        request = _parse(datagram)
        username = request.attributes.get("USERNAME", "")
        if username.partition(":")[0] != self.local.ufrag:
            raise StunError("unauthenticated")
        if not request.check_message_integrity(self.local.pwd.encode()):
            raise StunError("unauthenticated")
        if "ICE-CONTROLLED" in request.attributes:
            # A lite agent is never controlling: the peer must change its role (RFC 8445, 7.3.1.1).
            return Check(self._respond(request, {"ERROR-CODE": (487, "Role Conflict")}), authenticated=False)
        response = self._respond(request, {"XOR-MAPPED-ADDRESS": mapped})
        priority, nominates = request.attributes.get("PRIORITY", 0), "USE-CANDIDATE" in request.attributes
        return self._learn(response, priority, address, nominates=nominates, udp=udp, now=now)

    def answered(
        self, response: bytes, priority: int, address: bytes, *, nominates: bool, udp: bool, now: float
    ) -> Check:
        """A check from `address` of a controlling peer that was read, proved by `local` and answered
        elsewhere: what `receive` would have made of it. Raises StunError."""
        self._limit(now)
        return self._learn(response, priority, address, nominates=nominates, udp=udp, now=now)

    def _limit(self, now: float) -> None:
        if int(now) != self._second:
            self._second, self._checks = int(now), 0
        self._checks += 1
        if self._checks > MAX_CHECKS_PER_S:
            raise StunError("too_many")

    def _learn(
        self, response: bytes, priority: int, address: bytes, *, nominates: bool, udp: bool, now: float
    ) -> Check:
        self.last_check = now
        validated, forgotten = address not in self._pairs, None
        if validated and len(self._pairs) == MAX_ADDRESSES:
            forgotten = self._make_room()
        rank = (udp, priority)
        pair = self._pairs.setdefault(address, _Pair(rank, now))
        pair.rank, pair.heard = rank, now
        selected = address != self.selected and (
            self.selected is None or (nominates and self._outranks(pair, now))
        )
        if nominates:
            pair.nominated = now
        if selected:
            self.selected = address
        return Check(response, validated=validated, selected=selected, forgotten=forgotten)

    def _outranks(self, pair: _Pair, now: float) -> bool:
        """Whether a pair nominated now takes the place of the selected one."""
        current = self._pairs.get(self.selected) if self.selected else None
        if current is None or current.nominated is None:
            return True
        return pair.rank > current.rank or now - current.nominated >= NOMINATION_WINDOW_S

    def _make_room(self) -> bytes:
        idle = (address for address in self._pairs if address != self.selected)
        oldest = min(idle, key=lambda address: self._pairs[address].heard)
        del self._pairs[oldest]
        return oldest

    def _respond(self, request: stun.Message, attributes: dict[str, object]) -> bytes:
        error = "ERROR-CODE" in attributes
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.ERROR if error else stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
            attributes=attributes,
        )
        response.add_message_integrity(self.local.pwd.encode())
        return bytes(response)


def _parse(datagram: bytes) -> stun.Message:
    """A complete binding request with FINGERPRINT. Raises StunError, whatever the datagram is."""
    if len(datagram) < HEADER_BYTES or datagram[0] not in BINDING_REQUEST_FIRST_BYTES:
        raise StunError("malformed")
    try:
        message = stun.parse_message(datagram)
    except (ValueError, StructError) as error:  # a short attribute ends in struct
        raise StunError("malformed") from error
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise StunError("malformed")
    if "FINGERPRINT" not in message.attributes:
        raise StunError("malformed")
    return message


def host_candidates(hosts: Sequence[str], port: int) -> tuple[Candidate, ...]:
    """Our candidates, best first: UDP, then passive TCP, each in the order of `hosts`.

    Priorities as in RFC 8445, 5.1.2.1 (host: type preference 126) and RFC 6544, 4.2: TCP below every UDP,
    with direction preference 4 (passive)."""
    found = []
    for place, host in enumerate(hosts):
        found.append(Candidate(_literal(host), port, "udp", _priority(126, 65535 - place), f"{place + 1}u"))
    for place, host in enumerate(hosts):
        local_preference = (4 << 13) + 8191 - place
        found.append(Candidate(_literal(host), port, "tcp", _priority(90, local_preference), f"{place + 1}t"))
    return tuple(found)


def _literal(host: str) -> str:
    return str(ip_address(host))


def _priority(type_preference: int, local_preference: int) -> int:
    return (type_preference << 24) + (local_preference << 8) + 255  # component 1
