"""What a bot offers and what it reads from an answer."""

from __future__ import annotations

import re

import pytest

from load_tests.rtp import MID
from load_tests.sdp import (
    BadAnswer,
    LocalParameters,
    answer_to,
    local_parameters,
    offer,
    offered_ssrcs,
    parse_answer,
)

ANSWER = """\
v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
t=0 0\r
a=group:BUNDLE 0\r
a=ice-lite\r
m=audio 0 UDP/TLS/RTP/SAVPF 0\r
a=mid:0\r
a=inactive\r
a=ice-ufrag:abcd\r
a=ice-pwd:secret\r
a=fingerprint:SHA-256 ab:cd\r
a=setup:passive\r
m=video 7000 UDP/TLS/RTP/SAVPF 102 103\r
a=mid:1\r
a=extmap:5/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r
a=candidate:2 1 TCP 1 ::1 7000 typ host tcptype passive\r
a=candidate:1 1 UDP 2130706431 ::1 7000 typ host\r
a=sendonly\r
"""


def test_reads_an_answer() -> None:
    answer = parse_answer(ANSWER)
    assert (answer.ufrag, answer.pwd, answer.setup) == ("abcd", "secret", "passive")
    assert (answer.fingerprint_algorithm, answer.fingerprint) == ("sha-256", "AB:CD")
    assert answer.address == ("::1", 7000)
    video = answer.of("video")
    assert (video.mid, video.payload_type, video.extensions) == ("1", 102, {MID: 5})
    with pytest.raises(BadAnswer, match="takes no audio"):
        answer.of("audio")


@pytest.mark.parametrize("missing", ["ice-ufrag", "ice-pwd", "fingerprint", "setup", "candidate"])
def test_names_what_is_missing(missing: str) -> None:
    text = "\r\n".join(line for line in ANSWER.split("\r\n") if not line.startswith(f"a={missing}"))
    with pytest.raises(BadAnswer, match=missing):
        parse_answer(text)


@pytest.mark.parametrize("text", ["", "v=0\r\n", "x" * 300_000, "m=\r\na=mid:0\r\n"])
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        parse_answer(text)


def test_offers_say_who_sends() -> None:
    local = LocalParameters("ufrag", "pwd", "AA:BB:CC:DD")
    sending = offer(local, "sendonly", {"audio": 5, "video": 6})
    assert "a=ssrc:5 cname:bot\r\n" in sending
    assert "a=ssrc:6 cname:bot\r\n" in sending
    assert sending.count("a=sendonly\r\n") == 2
    receiving = offer(local, "recvonly")
    assert "a=ssrc" not in receiving
    assert receiving.count("a=recvonly\r\n") == 2
    assert "\r\n\r\n" not in receiving


OFFERED = """\
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 7000 UDP/TLS/RTP/SAVPF 111 63
a=mid:0
a=rtpmap:63 red/48000/2
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:9 urn:example:unknown
a=sendonly
m=video 0 UDP/TLS/RTP/SAVPF 102
a=mid:1
a=rtpmap:102 H264/90000
a=inactive
""".replace("\n", "\r\n")


@pytest.mark.parametrize("transport_cc", [True, False])
def test_an_offer_is_answered_with_what_a_bot_takes(transport_cc: bool) -> None:
    local = LocalParameters("ufrag", "pwd", "AA:BB", transport_cc, 4_000)
    assert local_parameters(offer(local, "recvonly")) == local
    answer = answer_to(OFFERED, local)
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" in answer
    assert "m=video 0 UDP/TLS/RTP/SAVPF 102\r\n" in answer
    assert "a=group:BUNDLE 0\r\n" in answer
    assert ("a=rtcp-fb:111 transport-cc" in answer) is transport_cc
    assert ("a=extmap:3 " in answer) is transport_cc
    assert "red/48000" not in answer
    assert "urn:example" not in answer


def test_an_offer_can_be_turned_down_whole() -> None:
    answer = answer_to(OFFERED, None)
    ports = re.findall(r"^m=\w+ (\d+)", answer, re.MULTILINE)
    assert ports == ["0"] * len(re.findall("^m=", OFFERED, re.MULTILINE))


def test_what_is_offered_is_known_by_its_ssrc() -> None:
    text = "v=0\nm=audio 9 X 0\na=mid:4\na=ssrc:7 cname:a\na=ssrc:7 msid:a\nm=video 9 X 0\na=mid:5\n"
    assert offered_ssrcs(text) == [(7, "4")]


def test_an_offer_without_a_mid_is_refused() -> None:
    with pytest.raises(BadAnswer, match="mid"):
        answer_to(OFFERED.replace("a=mid:0\r\n", ""), LocalParameters("ufrag", "pwd", "AA:BB"))


def test_a_simulcast_names_its_encodings_and_no_ssrc() -> None:
    text = offer(LocalParameters("ufrag", "pwd", "AA:BB"), "sendonly", {"audio": 1, "video q": 2}, ("q", "f"))
    assert "a=simulcast:send q;f\r\n" in text
    assert text.count("a=rid:") == 2
    assert "a=ssrc:2" not in text
