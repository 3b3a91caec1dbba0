"""Checks that the packet thread answers by itself: in which words, and which it leaves to Python."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine, EventKind
from sfu.engine.peers import answer_checks, heard, silent
from sfu.engine.stun import plain_check
from sfu.ice import IceAgent
from sfu.params import IceParameters

LOCAL = IceParameters("local123", "a password of 24 letters")
HOST, PORT = "192.0.2.7", 4242
HERE = pack_address(HOST, PORT)
PRIORITY = 1853824767
USERNAME, INTEGRITY, PRIORITY_ATTRIBUTE, USE_CANDIDATE = 0x0006, 0x0008, 0x0024, 0x0025
SOFTWARE, CONTROLLED, CONTROLLING, GOOG_NETWORK_INFO = 0x8022, 0x8029, 0x802A, 0xC057
UNKNOWN_REQUIRED = 0x7ABC

Attributes = list[tuple[int, bytes]]


def plain(*, nominates: bool = True, priority: int = PRIORITY) -> Attributes:
    """What a browser's check of a connection that stands says."""
    found = [
        (USERNAME, b"local123:remote"),
        (GOOG_NETWORK_INFO, b"\0\1\0\0"),
        (CONTROLLING, bytes(range(8))),
        (PRIORITY_ATTRIBUTE, struct.pack("!I", priority)),
    ]
    return [*found, (USE_CANDIDATE, b"")] if nominates else found


def message(
    attributes: Attributes, *, password: str = LOCAL.pwd, kind: int = 1, behind: Attributes | None = None
) -> bytes:
    """A STUN message with MESSAGE-INTEGRITY, `behind`, and FINGERPRINT."""

    def attribute(number: int, value: bytes) -> bytes:
        return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)

    def whole(body: bytes) -> bytes:
        return struct.pack("!HHI", kind, len(body), stun.COOKIE) + b"transactions" + body

    body = b"".join(attribute(*each) for each in attributes)
    body += attribute(INTEGRITY, stun.message_integrity(whole(body), password.encode()))
    body += b"".join(attribute(*each) for each in behind or [])
    return whole(body + attribute(0x8028, struct.pack("!I", stun.message_fingerprint(whole(body)))))


class Server:
    """One transport whose selected pair Python has told of."""

    def __init__(self, *, address: bytes = HERE, nominated: bool = True) -> None:
        self.engine = Engine(seed=1)
        self.now_us = 1_000_000
        self.transport = self.engine.add_transport(ufrag=LOCAL.ufrag)
        self.engine.set_address(self.transport, address)
        answer_checks(self.engine, self.transport, LOCAL.pwd, PRIORITY, nominated)

    def ask(self, datagram: bytes, address: bytes = HERE) -> bytes | None:
        """The engine's answer; None: it is Python's. Never both, never neither."""
        self.now_us += 20_000
        self.engine.input(datagram, address, self.now_us)
        sent, events = self.engine.drain(), self.engine.events()
        if sent:
            assert [to for _, to in sent] == [address]
            assert events == []
            return sent[0][0]
        assert [(each.kind, each.data) for each in events] == [(EventKind.STUN, datagram)]
        return None


def by_python(datagram: bytes, host: str = HOST, port: int = PORT) -> bytes:
    agent = IceAgent(LOCAL)
    return agent.receive(datagram, HERE, (host, port), udp=True, now=0.0).response


@pytest.fixture
def server() -> Iterator[Server]:
    yield Server()


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1:7"])
@pytest.mark.parametrize("nominates", [True, False])
def test_it_answers_in_the_same_words(host: str, nominates: bool) -> None:
    address = pack_address(host, 65535)
    check = message(plain(nominates=nominates))
    assert Server(address=address).ask(check, address) == by_python(check, host, 65535)


def test_over_tcp_too() -> None:
    address = pack_address(HOST, PORT, 99)
    assert Server(address=address).ask(message(plain()), address) is not None


def test_the_times_are_told(server: Server) -> None:
    assert heard(server.engine, server.transport) == (0, 0, 0)
    server.ask(message(plain()))
    nominated = server.now_us
    server.ask(message(plain(nominates=False)))
    assert heard(server.engine, server.transport) == (server.now_us, server.now_us, nominated)
    assert server.engine.counters()["stun_answered"] == 2


SPECIAL = {
    "another priority": plain(priority=7),
    "a peer that wants us to control": [*plain()[:2], (CONTROLLED, bytes(8)), *plain()[3:]],
    "an attribute that must be understood": [*plain(), (UNKNOWN_REQUIRED, b"")],
    "no name": plain()[1:],
    "two names": [*plain(), (USERNAME, b"local123:other")],
    "two priorities": [*plain(), (PRIORITY_ATTRIBUTE, struct.pack("!I", PRIORITY))],
    "a short priority": [*plain()[:3], (PRIORITY_ATTRIBUTE, b"\1")],
    "a nomination with a value": [*plain(nominates=False), (USE_CANDIDATE, bytes(4))],
    "a short tie-breaker": [plain()[0], (CONTROLLING, b"\1"), plain()[3]],
    "more than a check is long": [*plain(), (GOOG_NETWORK_INFO, bytes(600))],
}


@pytest.mark.parametrize("what", SPECIAL.values(), ids=SPECIAL.keys())
def test_what_says_anything_new_is_pythons(server: Server, what: Attributes) -> None:
    if USERNAME in dict(what):
        assert server.ask(message(what)) is None
    else:
        server.engine.input(message(what), HERE, 0)
        assert server.engine.counters()["drop_stun_malformed"] == 1
    assert heard(server.engine, server.transport)[1] == 0


def test_a_wrong_password_is_pythons(server: Server) -> None:
    assert server.ask(message(plain(), password="guess")) is None


def test_a_check_from_elsewhere_is_pythons(server: Server) -> None:
    assert server.ask(message(plain()), pack_address(HOST, PORT + 1)) is None
    assert server.ask(message(plain()), pack_address(HOST, PORT, 1)) is None


def test_what_stands_behind_the_integrity_is_pythons(server: Server) -> None:
    assert server.ask(message(plain(), behind=[(SOFTWARE, b"abcd")])) is None


def test_the_first_nomination_is_pythons() -> None:
    server = Server(nominated=False)
    assert server.ask(message(plain())) is None
    assert server.ask(message(plain(nominates=False))) is not None


def test_a_wrong_or_missing_fingerprint_is_pythons(server: Server) -> None:
    check = message(plain())
    assert server.ask(check[:-1] + bytes([check[-1] ^ 1])) is None
    body = len(check) - 20 - 8
    assert server.ask(check[:2] + struct.pack("!H", body) + check[4:-8]) is None


def test_a_new_pair_or_password_is_pythons_until_told(server: Server) -> None:
    there = pack_address(HOST, 99)
    server.engine.set_address(server.transport, there)
    assert server.ask(message(plain()), there) is None
    answer_checks(server.engine, server.transport, LOCAL.pwd, PRIORITY, True)
    assert server.ask(message(plain()), there) is not None
    server.engine.set_ufrag(server.transport, "restarted")
    renamed = [(USERNAME, b"restarted:remote"), *plain()[1:]]
    assert server.ask(message(renamed), there) is None


def test_an_address_that_is_gone_is_not_answered(server: Server) -> None:
    server.engine.close_address(HERE)
    assert server.ask(message(plain())) is None


def test_a_flood_is_limited_whoever_answers(server: Server) -> None:
    check = message(plain())
    for _ in range(300):
        server.engine.input(check, HERE, server.now_us)
    counters = server.engine.counters()
    assert (counters["stun_answered"], counters["drop_stun_rate"]) == (100, 200)


def test_passwords_have_a_limit(server: Server) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        answer_checks(server.engine, server.transport, "x" * 33, 1, True)
    with pytest.raises(KeyError):
        answer_checks(server.engine, 12345, LOCAL.pwd, 1, True)


def test_who_has_been_silent(server: Server) -> None:
    assert silent(server.engine, 10**12) == ([], 0)  # before there are keys nobody is missed
    other = server.engine.add_transport()
    server.engine.set_plain(other)
    assert silent(server.engine, 10**12) == ([], 0)  # nor a process of our own


# --- the same by random examples ---------------------------------------------------------------

NUMBERS = st.sampled_from(
    [USERNAME, PRIORITY_ATTRIBUTE, USE_CANDIDATE, CONTROLLING, GOOG_NETWORK_INFO, 0xC001]
)
ODD = st.tuples(NUMBERS, st.binary(max_size=12))


@given(st.permutations(plain()), st.lists(ODD, max_size=3), st.booleans())
def test_whatever_it_answers_python_answers_the_same(
    attributes: Attributes, more: Attributes, nominated: bool
) -> None:
    check = message([*attributes, *more])
    server = Server(nominated=nominated)
    server.engine.input(check, HERE, server.now_us)
    for response, to in server.engine.drain():
        assert (response, to) == (by_python(check), HERE)


@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_no_check_with_a_flipped_byte_is_answered(place: int, mask: int, mended: bool) -> None:
    check = bytearray(message(plain()))
    check[place % len(check)] ^= mask
    if mended:  # a right fingerprint does not make it authentic
        check[-4:] = struct.pack("!I", binascii.crc32(check[:-8]) ^ 0x5354554E)
    server = Server()
    server.engine.input(bytes(check), HERE, server.now_us)
    answered = server.engine.drain()
    if mended and bytes(check) == message(plain()):
        assert answered  # the flipped byte was the fingerprint's own
    else:
        assert answered == []


@given(st.integers(0, 140), st.binary(max_size=40))
def test_no_check_that_is_cut_or_glued_is_answered(length: int, more: bytes) -> None:
    datagram = message(plain())[:length] + more
    server = Server()
    server.engine.input(datagram, HERE, server.now_us)
    assert server.engine.drain() == [] or datagram == message(plain())


# --- checks that decide something: read here, concluded in Python ---------------------------------------


@pytest.mark.parametrize("nominates", [True, False])
def test_a_first_check_is_read_and_answered_as_the_agent_would(nominates: bool) -> None:
    datagram = message(plain(nominates=nominates))
    by_agent, by_engine = IceAgent(LOCAL), IceAgent(LOCAL)
    wanted = by_agent.receive(datagram, HERE, (HOST, PORT), udp=True, now=1.0)
    found = plain_check(datagram, HERE, LOCAL.ufrag, LOCAL.pwd)
    assert found is not None
    response, priority, said = found
    assert (priority, said) == (PRIORITY, nominates)
    check = by_engine.answered(response, priority, HERE, nominates=said, udp=True, now=1.0)
    assert check == wanted
    assert by_engine.known == by_agent.known


@pytest.mark.parametrize(
    ("datagram", "ufrag"),
    [
        (message(plain()), "local124"),
        (message(plain()), ""),
        (message(plain(), password="another of 24 letters, ."), LOCAL.ufrag),
        (message([*plain(), (CONTROLLED, bytes(8))]), LOCAL.ufrag),
        (message([*plain(), (UNKNOWN_REQUIRED, b"")]), LOCAL.ufrag),
        (message(plain())[:-1], LOCAL.ufrag),
        (b"", LOCAL.ufrag),
    ],
)
def test_what_is_not_plain_is_left_to_the_agent(datagram: bytes, ufrag: str) -> None:
    assert plain_check(datagram, HERE, ufrag, LOCAL.pwd) is None
