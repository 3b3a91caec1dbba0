"""ICE fragments (RFC 8840): what is read, and that nothing but FragmentError comes of garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.params import IceParameters
from signaling.sdpfrag import FragmentError, parse

RFC_9725_FIGURE_4 = """a=ice-options:trickle ice2
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:ysXw
a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1
a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag EsAw
"""


def test_a_restart_is_read() -> None:
    fragment = parse(RFC_9725_FIGURE_4.replace("\n", "\r\n"))
    assert fragment.ice == IceParameters("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k")
    assert (fragment.media, fragment.mid) == ("audio 9 UDP/TLS/RTP/SAVPF 111", "0")
    assert (fragment.candidates, fragment.end_of_candidates) == (2, False)


def test_the_smallest_fragment() -> None:
    fragment = parse("a=end-of-candidates")
    assert fragment.ice is None
    assert fragment.end_of_candidates


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("{}", "TYPE=VALUE"),
        ("a=candidate:nonsense", "candidate"),
        ("a=ice-ufrag:ysXw", "one a=ice-ufrag and one a=ice-pwd"),
        ("a=ice-ufrag:abcd\na=ice-ufrag:efgh\na=ice-pwd:" + "p" * 22, "one a=ice-ufrag"),
        ("a=ice-ufrag:abc\na=ice-pwd:" + "p" * 22, "too short"),
        ("a=ice-ufrag:abcd\na=ice-pwd:" + "p" * 21, "too short"),
        ("a=ice-ufrag:ab:d\na=ice-pwd:" + "p" * 22, "characters"),
        ("a=x\n" * 501, "lines"),
        ("a=" + "x" * 40_000, "characters"),
    ],
)
def test_what_is_no_fragment(text: str, reason: str) -> None:
    with pytest.raises(FragmentError, match=reason):
        parse(text)


@given(st.text(max_size=300) | st.lists(st.sampled_from(RFC_9725_FIGURE_4.split("\n"))).map("\n".join))
def test_garbage_raises_nothing_else(text: str) -> None:
    try:
        parse(text)
    except FragmentError as error:
        assert str(error)
