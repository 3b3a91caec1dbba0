"""The ICE-lite agent alone: what it answers, whom it believes, where it sends media."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.ice import (
    MAX_ADDRESSES,
    MAX_CHECKS_PER_S,
    NOMINATION_WINDOW_S,
    Check,
    IceAgent,
    StunError,
    generate_credentials,
    host_candidates,
)
from sfu.params import IceParameters

LOCAL = IceParameters("local123", "a password of 24 letters")
HERE, THERE, ELSEWHERE = b"here", b"there", b"elsewhere"
MAPPED = ("192.0.2.7", 4242)

MakeCheck = Callable[..., bytes]


@pytest.fixture
def agent() -> IceAgent:
    return IceAgent(LOCAL)


@pytest.fixture
def check(agent: IceAgent, stun_check: MakeCheck) -> Callable[..., Check]:
    """`check(address, now=0.0, udp=True, mapped=..., **of the request)`."""

    def send(
        address: bytes,
        now: float = 0.0,
        udp: bool = True,
        mapped: tuple[str, int] = MAPPED,
        **request: object,
    ) -> Check:
        datagram = stun_check("local123:remote", LOCAL.pwd, **request)
        return agent.receive(datagram, address, mapped, udp=udp, now=now)

    return send


@pytest.mark.parametrize("mapped", [MAPPED, ("2001:db8::7", 65535)])
def test_answers_with_the_address_it_saw(check: Callable[..., Check], mapped: tuple[str, int]) -> None:
    response = stun.parse_message(check(HERE, mapped=mapped).response)
    assert response.message_class == stun.Class.RESPONSE
    assert response.attributes["XOR-MAPPED-ADDRESS"] == mapped
    assert response.check_message_integrity(LOCAL.pwd.encode())
    assert "FINGERPRINT" in response.attributes


def test_first_check_selects_even_without_nomination(agent: IceAgent, check: Callable[..., Check]) -> None:
    first = check(HERE, nominate=False)
    assert (first.validated, first.selected) == (True, True)
    again = check(HERE, nominate=False)
    assert (again.validated, again.selected) == (False, False)
    assert agent.selected == HERE


def test_nomination_replaces_a_provisional_address(agent: IceAgent, check: Callable[..., Check]) -> None:
    check(HERE, nominate=False, priority=900)
    assert check(THERE, priority=1).selected
    assert agent.selected == THERE
    assert not check(ELSEWHERE, nominate=False, priority=900).selected
    assert agent.selected == THERE


def test_who_sends_from_another_valid_address_has_chosen_it(
    agent: IceAgent, check: Callable[..., Check]
) -> None:
    check(HERE, now=0.0, priority=900)
    check(THERE, now=0.1, priority=5, nominate=False)
    assert agent.followed(THERE, 5.0)
    assert agent.selected == THERE
    assert not agent.followed(THERE, 5.1)
    assert not agent.followed(ELSEWHERE, 5.1)
    # Its nomination says the same; one of the other address is a change of mind.
    assert not check(THERE, now=5.2, priority=5).selected
    assert check(HERE, now=9.0, priority=900).selected


def test_aggressive_nomination_ends_at_the_best_pair(agent: IceAgent, check: Callable[..., Check]) -> None:
    check(HERE, now=0.0, priority=5, udp=False)
    check(THERE, now=0.1, priority=3)
    check(ELSEWHERE, now=0.2, priority=4)
    check(HERE, now=0.3, priority=5, udp=False)
    check(THERE, now=0.4, priority=3)
    assert agent.selected == ELSEWHERE


def test_follows_the_peer_to_a_lesser_address(agent: IceAgent, check: Callable[..., Check]) -> None:
    check(HERE, now=0.0, priority=9)
    check(HERE, now=5.0, priority=9)
    assert not check(THERE, now=5.0 + NOMINATION_WINDOW_S / 2, priority=1).selected
    assert check(THERE, now=5.0 + NOMINATION_WINDOW_S, priority=1).selected
    assert agent.selected == THERE


def test_a_lost_address_is_not_held_on_to(agent: IceAgent, check: Callable[..., Check]) -> None:
    check(HERE, priority=9)
    agent.forget(HERE)
    assert agent.selected is None
    assert check(THERE, priority=1, nominate=False).selected


def test_remembers_when_it_was_last_asked(agent: IceAgent, check: Callable[..., Check]) -> None:
    assert agent.last_check is None
    check(HERE, now=3.5)
    assert agent.last_check == 3.5


def test_keeps_a_bounded_number_of_addresses(agent: IceAgent, check: Callable[..., Check]) -> None:
    check(HERE, now=0.0)
    for number in range(MAX_ADDRESSES - 1):
        assert check(b"%d" % number, now=1.0 + number, nominate=False).forgotten is None
    assert check(THERE, now=99.0, nominate=False).forgotten == b"0"
    assert len(agent.addresses) == MAX_ADDRESSES
    assert agent.selected == HERE


def test_restart_changes_the_credentials_and_keeps_the_address(
    agent: IceAgent, check: Callable[..., Check], stun_check: MakeCheck
) -> None:
    check(HERE, now=1.0, priority=9)
    agent.restart()
    assert agent.local != LOCAL
    assert agent.selected == HERE
    with pytest.raises(StunError, match="unauthenticated"):
        check(HERE, now=1.1)
    datagram = stun_check(f"{agent.local.ufrag}:new", agent.local.pwd, priority=1)
    assert agent.receive(datagram, THERE, MAPPED, udp=True, now=1.2).selected


def test_role_conflict_is_answered_with_487(agent: IceAgent, check: Callable[..., Check]) -> None:
    answer = check(HERE, role="ICE-CONTROLLED")
    assert not answer.authenticated
    assert stun.parse_message(answer.response).error_code == 487
    assert agent.selected is None


def test_who_does_not_know_the_password_gets_nothing(agent: IceAgent, stun_check: MakeCheck) -> None:
    for datagram in (
        stun_check("local123:remote", "wrong"),
        stun_check("another:remote", LOCAL.pwd),
        stun_check("local123:remote", LOCAL.pwd, integrity=False),
        stun_check("local1234:remote", LOCAL.pwd),
        stun_check("", LOCAL.pwd),
    ):
        with pytest.raises(StunError, match="unauthenticated"):
            agent.receive(datagram, HERE, MAPPED, udp=True, now=0.0)
    assert agent.last_check is None
    assert agent.addresses == ()


def test_other_stun_is_malformed(agent: IceAgent) -> None:
    without_fingerprint = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    without_fingerprint.attributes["USERNAME"] = "local123:remote"
    indication = stun.Message(stun.Method.BINDING, stun.Class.INDICATION)
    allocation = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
    for message in (without_fingerprint, indication, allocation):
        with pytest.raises(StunError, match="malformed"):
            agent.receive(bytes(message), HERE, MAPPED, udp=True, now=0.0)


def test_a_flood_is_refused_before_it_is_read(agent: IceAgent, check: Callable[..., Check]) -> None:
    for _ in range(MAX_CHECKS_PER_S):
        check(HERE, now=7.0)
    with pytest.raises(StunError, match="too_many"):
        check(HERE, now=7.9)
    check(HERE, now=8.0)


def short_attribute() -> bytes:
    """A PRIORITY of one byte: aioice leaves it to struct.unpack."""
    body = struct.pack("!HH", 0x0024, 1) + b"\x01\0\0\0"
    return struct.pack("!HHI12s", 1, len(body), stun.COOKIE, bytes(12)) + body


@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(
            lambda body: struct.pack("!HHI", 1, len(body), stun.COOKIE) + bytes(12) + body
        ),
        st.just(short_attribute()),
    )
)
def test_garbage_is_malformed_and_nothing_else(datagram: bytes) -> None:
    with pytest.raises(StunError, match=r"malformed|unauthenticated"):
        IceAgent(LOCAL).receive(datagram, HERE, MAPPED, udp=True, now=0.0)


def test_credentials_are_long_enough_and_never_the_same() -> None:
    made = [generate_credentials() for _ in range(50)]
    assert len({each.ufrag for each in made}) == len({each.pwd for each in made}) == 50
    assert all(4 <= len(each.ufrag) <= 23 and 22 <= len(each.pwd) <= 256 for each in made)


def test_candidates_put_udp_before_tcp() -> None:
    candidates = host_candidates(["127.0.0.1", "0:0::1"], 7000)
    assert [(each.protocol, each.host) for each in candidates] == [
        ("udp", "127.0.0.1"),
        ("udp", "::1"),
        ("tcp", "127.0.0.1"),
        ("tcp", "::1"),
    ]
    priorities = [each.priority for each in candidates]
    assert priorities == sorted(priorities, reverse=True)
    assert len({each.foundation for each in candidates}) == 4
    assert priorities[0] == 126 * 2**24 + 65535 * 2**8 + 255
