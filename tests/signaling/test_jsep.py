"""Offers and answers: what each client of ours gets, and which descriptions are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sfu import negotiate
from sfu.ice import host_candidates
from sfu.params import (
    Codec,
    DtlsSetup,
    Encoding,
    Extension,
    Fingerprint,
    IceParameters,
    Kind,
    LocalParameters,
    MediaParameters,
    PayloadFormat,
)
from signaling import jsep
from signaling.sdp import MAX_SECTIONS, Direction, SdpError, SessionDescription
from signaling.sdp_parser import parse

DATA = Path(__file__).parents[1] / "data"
PUBLISHERS = [
    "aiortc_publish.sdp",
    "chromium_data.sdp",
    "chromium_publish.sdp",
    "chromium_simulcast.sdp",
    "ffmpeg_whip.sdp",
    "gstreamer_whip.sdp",
    "obs_whip.sdp",
]
LOCAL = LocalParameters(
    ice=IceParameters("server12", "apasswordof24letters1234"),
    fingerprints=(Fingerprint("sha-256", ":".join(["AB"] * 32)),),
    candidates=host_candidates(["192.0.2.10", "2001:db8::10"], 7000),
)


def captured(name: str) -> str:
    return (DATA / name).read_bytes().decode()


def answer_to(name: str) -> tuple[SessionDescription, SessionDescription, str]:
    """(offer, our answer, its text)"""
    offer = jsep.read_offer(captured(name))
    chosen = {
        section.mid: negotiate.answer_publication(section.parameters())
        for section in offer.sections
        if section.kind and section.direction.sends
    }
    text = jsep.answer_publish(offer, LOCAL, chosen)
    return offer, parse(text), text


# --- WHIP --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHERS)
def test_every_publisher_gets_an_answer(name: str) -> None:
    offer, answer, text = answer_to(name)
    assert [(each.media, each.mid) for each in answer.sections] == [
        (each.media, each.mid) for each in offer.sections
    ]
    assert answer.ice_lite
    for ours, theirs in zip(answer.sections, offer.sections, strict=True):
        if theirs.kind is None:
            assert ours.rejected
            assert ours.mid not in answer.bundle
            continue
        assert ours.direction is Direction.RECVONLY
        assert ours.mid in answer.bundle
        assert ours.protocol == theirs.protocol
        assert ours.ice == LOCAL.ice
        assert {each.codec.name for each in ours.formats} <= {ours.parameters().codec.name, "red"}
        taken = {each.payload_type for each in ours.formats}
        assert taken <= {each.payload_type for each in theirs.formats}
        assert answer.mixed_extensions == offer.mixed_extensions
        assert set(ours.extensions) <= set(theirs.extensions)
        assert ours.rtcp_rsize == theirs.rtcp_rsize
    assert text.index(" udp ") < text.index(" tcp ")  # FFmpeg reads the first one


def test_candidates_stand_in_the_first_m_line_alone() -> None:
    _, answer, _ = answer_to("chromium_publish.sdp")
    assert [each.candidates for each in answer.sections] == [LOCAL.candidates, ()]
    assert [each.end_of_candidates for each in answer.sections] == [True, False]


@pytest.mark.parametrize(
    ("name", "setup"), [("chromium_publish.sdp", DtlsSetup.PASSIVE), ("ffmpeg_whip.sdp", DtlsSetup.ACTIVE)]
)
def test_the_dtls_role_follows_the_offer(name: str, setup: DtlsSetup) -> None:
    _, answer, _ = answer_to(name)
    assert jsep.remote_setup(answer) is setup


def test_feedback_without_a_report_in_front_is_agreed_for_each_m_line() -> None:
    """FFmpeg offers it for pictures alone."""
    offer = jsep.read_offer(captured("ffmpeg_whip.sdp"))
    taken = [negotiate.answer_publication(section.parameters()) for section in offer.sections]
    assert [each.reduced_size_rtcp for each in taken] == [False, True]


def test_simulcast_is_answered_with_the_same_rids() -> None:
    _, answer, text = answer_to("chromium_simulcast.sdp")
    assert answer.sections[1].encodings == (Encoding(rid="q"), Encoding(rid="h"), Encoding(rid="f"))
    assert "a=simulcast:recv q;h;f" in text
    assert "a=ssrc" not in text


def test_a_track_that_is_not_wanted_is_inactive() -> None:
    offer = jsep.read_offer(captured("chromium_publish.sdp"))
    answer = parse(jsep.answer_publish(offer, LOCAL, {}))
    assert [each.direction for each in answer.sections] == [Direction.INACTIVE] * 2
    assert not any(each.rejected for each in answer.sections)


def test_one_m_line_alone_needs_no_bundle() -> None:
    text = captured("ffmpeg_whip.sdp").replace("a=group:BUNDLE 0 1\r\n", "")
    text = text[: text.index("m=video")]
    offer = jsep.read_offer(text)
    chosen = {"0": negotiate.answer_publication(offer.sections[0].parameters())}
    answer = jsep.answer_publish(offer, LOCAL, chosen)
    assert "BUNDLE" not in answer
    assert jsep.remote_parameters(parse(answer)).ice == LOCAL.ice


# --- WHEP --------------------------------------------------------------------------------------

H264 = Codec(
    "H264",
    90_000,
    fmtp=(("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "42e01f")),
)
VIDEO = MediaParameters(Kind.VIDEO, "1", (PayloadFormat(H264, 108, 109),), encodings=(Encoding(5, 6),))
AUDIO = MediaParameters(
    Kind.AUDIO, "0", (PayloadFormat(Codec("opus", 48_000, 2), 111),), encodings=(Encoding(4),)
)


@pytest.mark.parametrize("name", ["chromium_watch.sdp", "aiortc_watch.sdp"])
def test_a_viewer_gets_what_it_can_decode(name: str) -> None:
    offer = jsep.read_offer(captured(name))
    tracks = {}
    for publication, section in zip((AUDIO, VIDEO), offer.sections, strict=True):
        agreed = negotiate.answer_subscription(publication, section.parameters(), ssrc=70, rtx_ssrc=71)
        tracks[section.mid] = jsep.OfferedTrack(agreed, "teacher", section.media)
    answer = parse(jsep.answer_watch(offer, LOCAL, tracks))
    audio, video = answer.sections
    assert (audio.direction, video.direction) == (Direction.SENDONLY, Direction.SENDONLY)
    assert video.encodings == (Encoding(70, 71),)
    assert video.msids == (("teacher", "video"),)
    assert audio.cname == video.cname == "teacher"
    offered = {each.payload_type: each for each in offer.sections[1].formats}
    assert offered[video.formats[0].payload_type].codec == video.formats[0].codec
    assert dict(video.extensions)[Extension.MID] == dict(offer.sections[1].extensions)[Extension.MID]


def test_a_viewer_without_our_track_gets_nothing_on_it() -> None:
    offer = jsep.read_offer(captured("chromium_watch.sdp"))
    answer = parse(jsep.answer_watch(offer, LOCAL, {}))
    assert {each.direction for each in answer.sections} == {Direction.INACTIVE}


# --- we offer ----------------------------------------------------------------------------------

Put = Callable[[MediaParameters, str], str]


@pytest.fixture
def lines() -> jsep.MediaLines:
    return jsep.MediaLines()


@pytest.fixture
def put(lines: jsep.MediaLines) -> Put:
    """`put(publication, name) -> mid`"""
    numbers = negotiate.PayloadTypes()

    def add(publication: MediaParameters, name: str) -> str:
        mid = lines.free_mid(publication.kind)
        offered = negotiate.offer_subscription(
            publication, numbers, mid=mid, ssrc=100 + len(name), rtx_ssrc=200
        )
        lines.put(jsep.OfferedTrack(offered, "teacher", name))
        return mid

    return add


def test_an_offer_has_one_m_line_for_each_track(lines: jsep.MediaLines, put: Put) -> None:
    put(AUDIO, "voice")
    put(VIDEO, "face")
    offer = parse(jsep.offer_subscribe(3, LOCAL, lines))
    assert offer.version == 3
    assert offer.bundle == ("0", "1")
    assert jsep.remote_setup(offer) is DtlsSetup.ACTPASS
    assert [(each.media, each.direction) for each in offer.sections] == [
        ("audio", Direction.SENDONLY),
        ("video", Direction.SENDONLY),
    ]
    assert [each.msids for each in offer.sections] == [(("teacher", "voice"),), (("teacher", "face"),)]


def test_a_released_m_line_is_used_again_in_its_place(lines: jsep.MediaLines, put: Put) -> None:
    first, second = put(VIDEO, "one"), put(VIDEO, "two")
    lines.release(first)
    lines.release(first)
    offer = parse(jsep.offer_subscribe(2, LOCAL, lines))
    assert [each.direction for each in offer.sections] == [Direction.INACTIVE, Direction.SENDONLY]
    assert offer.sections[0].formats
    assert offer.sections[0].encodings == ()
    assert put(AUDIO, "sound") == "2"
    assert put(VIDEO, "three") == first
    offer = parse(jsep.offer_subscribe(3, LOCAL, lines))
    assert [each.mid for each in offer.sections] == [first, second, "2"]
    assert offer.sections[0].msids == (("teacher", "three"),)


def test_an_m_line_in_use_cannot_be_filled(lines: jsep.MediaLines, put: Put) -> None:
    put(VIDEO, "one")
    for parameters in (replace(VIDEO, mid="0"), replace(VIDEO, mid="7")):
        with pytest.raises(ValueError, match="cannot carry"):
            lines.put(jsep.OfferedTrack(parameters, "s", "t"))
    lines.release("0")
    with pytest.raises(ValueError, match="cannot carry"):
        lines.put(jsep.OfferedTrack(replace(AUDIO, mid="0"), "s", "t"))


def test_the_number_of_m_lines_is_bounded(lines: jsep.MediaLines, put: Put) -> None:
    for number in range(MAX_SECTIONS):
        put(VIDEO, str(number))
    with pytest.raises(SdpError) as caught:
        put(VIDEO, "one more")
    assert caught.value.kind == "too_many_tracks"
    lines.release("5")
    assert put(VIDEO, "one more") == "5"
    assert len(lines) == MAX_SECTIONS


def client_answer(offer: str, *, setup: str = "active") -> str:
    """What a browser makes of an offer, as far as it matters here."""
    return (
        offer.replace("a=setup:actpass", f"a=setup:{setup}")
        .replace("a=sendonly", "a=recvonly")
        .replace("a=ice-lite\r\n", "")
    )


def test_an_answer_of_the_same_shape_is_read(lines: jsep.MediaLines, put: Put) -> None:
    put(AUDIO, "voice")
    put(VIDEO, "face")
    answer = jsep.read_answer(client_answer(jsep.offer_subscribe(1, LOCAL, lines)), lines)
    assert [each.direction.receives for each in answer.sections] == [True, True]
    assert jsep.remote_parameters(answer).dtls.setup is DtlsSetup.ACTIVE


def test_a_refused_track_is_seen(lines: jsep.MediaLines, put: Put) -> None:
    put(AUDIO, "voice")
    put(VIDEO, "face")
    text = client_answer(jsep.offer_subscribe(1, LOCAL, lines)).replace("m=video 9", "m=video 0")
    assert [each.rejected for each in jsep.read_answer(text, lines).sections] == [False, True]
    text = text.replace("m=audio 9", "m=audio 0")
    assert all(each.rejected for each in jsep.read_answer(text, lines).sections)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text[: text.index("m=video")], "answer_mismatch"),
        (lambda text: text.replace("a=mid:1", "a=mid:9"), "answer_mismatch"),
        (lambda text: text.replace("m=video", "m=audio"), "answer_mismatch"),
        (lambda text: text.replace("a=setup:active", "a=setup:actpass"), "bad_setup"),
        (lambda text: text.replace("a=fingerprint", "a=nothing"), "no_fingerprint"),
        (lambda text: "answer", "not_sdp"),
    ],
)
def test_an_answer_to_something_else_is_refused(
    lines: jsep.MediaLines, put: Put, change: Callable[[str], str], kind: str
) -> None:
    put(AUDIO, "voice")
    put(VIDEO, "face")
    with pytest.raises(SdpError) as caught:
        jsep.read_answer(change(client_answer(jsep.offer_subscribe(1, LOCAL, lines))), lines)
    assert caught.value.kind == kind


# --- bad offers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text.replace("a=group:BUNDLE 0 1", "a=group:LS 0 1"), "no_bundle"),
        (lambda text: text.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"), "no_bundle"),
        (lambda text: text.replace("a=mid:1\r\n", ""), "no_bundle"),
        (lambda text: text.replace("a=fingerprint", "a=print"), "no_fingerprint"),
        (lambda text: text.replace("a=ice-ufrag", "a=frag"), "no_ice"),
        (lambda text: text.replace("a=rtcp-mux\r\n", ""), "no_rtcp_mux"),
        (lambda text: text.replace("m=audio", "m=text").replace("m=video", "m=text"), "no_media"),
        (lambda text: text.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"), "no_media"),
        (lambda text: text[: text.index("m=audio")], "no_media"),
    ],
)
def test_an_offer_that_lacks_something_says_what(change: Callable[[str], str], kind: str) -> None:
    with pytest.raises(SdpError) as caught:
        jsep.read_offer(change(captured("ffmpeg_whip.sdp")))
    assert caught.value.kind == kind
    assert str(caught.value).endswith(".")
