"""SDP text to model and back: captured offers, bad input, anything at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.params import (
    Candidate,
    Codec,
    DtlsParameters,
    DtlsSetup,
    Encoding,
    Extension,
    Fingerprint,
    IceParameters,
    Kind,
    PayloadFormat,
)
from signaling import sdp_parser
from signaling.sdp import (
    MAX_LENGTH,
    MAX_LINES,
    MAX_SECTIONS,
    Direction,
    MediaSection,
    SdpError,
    SessionDescription,
    candidate_attribute,
)
from signaling.sdp_parser import parse

DATA = Path(__file__).parents[1] / "data"
CAPTURED = sorted(path.name for path in DATA.glob("*.sdp"))


def captured(name: str) -> str:
    return (DATA / name).read_bytes().decode()


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_descriptions_survive_a_round_trip(name: str) -> None:
    description = parse(captured(name))
    assert parse(str(description)) == description
    for section in description.sections:
        assert section.mid in description.bundle
        assert not section.rejected
        assert section.ice
        assert section.dtls


def test_chromium_publishes() -> None:
    audio, video = parse(captured("chromium_publish.sdp")).sections
    assert (audio.kind, audio.direction, audio.mid) == (Kind.AUDIO, Direction.SENDONLY, "0")
    opus = audio.formats[0]
    assert opus.codec == Codec("opus", 48_000, 2, (("minptime", "10"), ("useinbandfec", "1")))
    assert (opus.payload_type, opus.rtx_payload_type, opus.feedback) == (111, None, {"transport-cc"})
    h264 = next(each for each in video.formats if each.payload_type == 108)
    assert h264.codec.parameter("profile-level-id") == "42e01f"
    assert h264.rtx_payload_type == 109
    assert h264.feedback == {"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"}
    assert dict(video.extensions)[Extension.MID] == 4
    (encoding,) = video.encodings
    assert encoding.ssrc
    assert encoding.rtx_ssrc
    assert len(video.msids) == 1
    assert video.cname == audio.cname != ""
    assert video.rtcp_rsize


def test_chromium_simulcast_has_one_encoding_for_each_rid() -> None:
    video = parse(captured("chromium_simulcast.sdp")).sections[1]
    assert video.encodings == (Encoding(rid="q"), Encoding(rid="h"), Encoding(rid="f"))


def test_a_data_channel_is_neither_audio_nor_video() -> None:
    section = parse(captured("chromium_data.sdp")).sections[2]
    assert section.kind is None
    assert section.raw_formats == ("webrtc-datachannel",)
    with pytest.raises(ValueError, match="application"):
        section.parameters()


def test_ffmpeg_is_passive() -> None:
    audio, video = parse(captured("ffmpeg_whip.sdp")).sections
    assert audio.dtls
    assert audio.dtls.setup is DtlsSetup.PASSIVE
    assert video.msids == (("FFmpeg", "video"),)
    assert video.formats[0].codec.parameter("packetization-mode") == "1"
    assert (video.formats[0].payload_type, video.formats[0].rtx_payload_type) == (106, 105)


def test_obs_has_its_transport_in_the_session() -> None:
    audio, video = parse(captured("obs_whip.sdp")).sections
    assert audio.ice == video.ice == IceParameters("nxcM", "ezjAjgSSLLvbRhUA1zc6Se")
    assert video.dtls
    assert video.dtls.setup is DtlsSetup.ACTPASS
    assert [(each.host, each.port) for each in audio.candidates] == [("192.0.2.53", 57249)]
    assert video.encodings == (Encoding(3388068601, 3388068602),)


def test_gstreamer_is_bundle_only_and_not_rejected() -> None:
    video, audio = parse(captured("gstreamer_whip.sdp")).sections
    assert (video.mid, audio.mid) == ("video0", "audio1")
    assert not audio.rejected
    assert audio.formats[0].codec.name == "OPUS"


def test_aiortc_has_three_fingerprints() -> None:
    section = parse(captured("aiortc_publish.sdp")).sections[0]
    assert section.dtls
    assert [each.algorithm for each in section.dtls.fingerprints] == ["sha-256", "sha-384", "sha-512"]


# --- one attribute at a time -------------------------------------------------------------------

HEAD = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"


def section_with(*attributes: str, media: str = VIDEO) -> MediaSection:
    return parse(HEAD + media + "".join(f"a={each}\r\n" for each in attributes)).sections[0]


def test_line_feeds_alone_will_do() -> None:
    assert parse((HEAD + VIDEO).replace("\r\n", "\n")) == parse(HEAD + VIDEO)


def test_the_session_gives_what_a_section_has_not() -> None:
    head = (
        HEAD + "a=recvonly\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\na=extmap:3 urn:3gpp:video-orientation\r\n"
    )
    section = parse(head + VIDEO + "a=ice-pwd:own\r\n").sections[0]
    assert section.direction is Direction.RECVONLY
    assert section.ice == IceParameters("abcd", "own")
    assert section.extensions == ((Extension.VIDEO_ORIENTATION, 3),)


def test_feedback_for_all_formats() -> None:
    section = section_with(
        "rtpmap:96 VP8/90000", "rtcp-fb:* nack", "rtcp-fb:96 nack pli", "rtcp-fb:96 ccm  fir"
    )
    assert section.formats[0].feedback == {"nack", "nack pli", "ccm fir"}


def test_static_payload_types_need_no_rtpmap() -> None:
    section = section_with(media="m=audio 9 UDP/TLS/RTP/SAVPF 0 8 9 13\r\n")
    assert [each.codec.name for each in section.formats] == ["PCMU", "PCMA"]


def test_formats_that_are_not_listed_are_not_offered() -> None:
    assert section_with("rtpmap:98 VP9/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=98").formats == ()


@pytest.mark.parametrize(
    ("attributes", "encodings"),
    [
        (("ssrc:1 cname:x", "ssrc:2 cname:x"), (Encoding(1),)),
        (("ssrc-group:FID 1 2",), (Encoding(1, 2),)),
        (("ssrc-group:SIM 1 3", "ssrc-group:FID 1 2"), (Encoding(1, 2), Encoding(3))),
        (("rid:a send", "rid:b send"), (Encoding(rid="a"), Encoding(rid="b"))),
        (("rid:a send", "rid:b send", "simulcast:send b,a;~a"), (Encoding(rid="b"), Encoding(rid="a"))),
        (("rid:a send", "simulcast:send b;a recv c"), (Encoding(rid="a"),)),
        (("recvonly", "rid:a recv", "simulcast:recv a"), (Encoding(rid="a"),)),
        (
            ("rid:1 send", "rid:2 send", "rid:3 send", "rid:4 send", "rid:5 send"),
            tuple(Encoding(rid=each) for each in "1234"),
        ),
    ],
)
def test_encodings(attributes: tuple[str, ...], encodings: tuple[Encoding, ...]) -> None:
    assert section_with(*attributes).encodings == encodings


def test_header_extensions_that_do_not_fit_are_left_out() -> None:
    section = section_with(
        f"extmap:14/sendonly {Extension.MID}",
        f"extmap:15 {Extension.RID}",
        "extmap:3 urn:x",
        f"extmap:4 {Extension.TRANSPORT_CC} x",
    )
    assert section.extensions == ((Extension.MID, 14), (Extension.TRANSPORT_CC, 4))


def test_only_candidates_of_a_server_are_kept() -> None:
    section = section_with(
        "candidate:1 1 udp 5 192.0.2.1 7000 typ host generation 0",
        "candidate:1 1 TCP 4 2001:db8::1 7000 typ host tcptype passive",
        "candidate:1 1 tcp 4 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 5 192.0.2.1 7000 typ host",
        "candidate:1 1 udp 5 192.0.2.1 7000 typ srflx raddr 0.0.0.0 rport 0",
        "candidate:1 1 udp 5 8a4f.local 7000 typ host",
    )
    assert section.candidates == (
        Candidate("192.0.2.1", 7000, "udp", 5, "1"),
        Candidate("2001:db8::1", 7000, "tcp", 4, "1"),
    )
    assert candidate_attribute(section.candidates[1]).endswith("typ host tcptype passive")


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "not_sdp"),
        ("{}", "not_sdp"),
        ("v=1\r\n", "not_sdp"),
        ("<html>", "not_sdp"),
        ("v=0" + " " * MAX_LENGTH, "sdp_too_large"),
        ("v=0\n" + "a=x\n" * MAX_LINES, "sdp_too_large"),
        (HEAD + VIDEO * (MAX_SECTIONS + 1), "sdp_too_large"),
        (HEAD + VIDEO + "a=setup:holdconn\r\n", "bad_setup"),
        (HEAD + (VIDEO + "a=mid:0\r\n") * 2, "bad_sdp"),
    ],
)
def test_what_is_no_sdp_says_so(text: str, kind: str) -> None:
    with pytest.raises(SdpError) as caught:
        parse(text)
    assert caught.value.kind == kind
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "a",
        "A=x",
        "a=mid:with\0zero",
        "a=mid:" + "x" * 17,
        "a=mid:two words",
        "a=ice-ufrag:sp ace",
        "a=ice-pwd:" + "x" * 257,
        "a=fingerprint:sha-256",
        "a=fingerprint:sha-256 AA:BB",
        "a=extmap:0 urn:x",
        "a=extmap:5000 urn:x",
        "a=extmap:x urn:x",
        "a=rtpmap:128 VP8/90000",
        "a=rtpmap:96 VP8",
        "a=rtpmap:96 VP8/0",
        "a=rtpmap:９６ VP8/90000",
        "a=fmtp:x a=b",
        "a=fmtp:96 " + "x" * 1001,
        "a=rtcp-fb:200 nack",
        "a=rtcp-fb:96 n\u0101ck",
        "a=ssrc:0 cname:x",
        "a=ssrc:4294967296 cname:x",
        "a=ssrc-group:FID 1 x",
        "a=msid:a b c",
        "a=rid:x",
        "a=rid:way-too-long-for-a-rid send",
        "a=simulcast:send",
        "a=simulcast:up a;b",
        "a=candidate:1 1 udp 4294967295 192.0.2.1 7000 typ host",
        "a=candidate:1 1 udp 5 192.0.2.1 70000 typ host",
        "m=video",
        "m=video x UDP/TLS/RTP/SAVPF 96",
        "m=video 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, range(129))),
        "m=v\u00efdeo 9 UDP/TLS/RTP/SAVPF 96",
    ],
)
def test_a_bad_line_is_named_by_its_number(line: str) -> None:
    with pytest.raises(SdpError, match="Line 6 of the SDP") as caught:
        parse(HEAD + VIDEO + line + "\r\n")
    assert caught.value.kind == "bad_sdp"


def test_two_extensions_under_one_id() -> None:
    with pytest.raises(SdpError, match="two header extensions have the id 3"):
        section_with("extmap:3 urn:x", "extmap:3 urn:y")


@pytest.mark.parametrize("line", ["o=- x 1 IN IP4 0.0.0.0", "o=-", "a=group:BUNDLE a@b"])
def test_a_bad_line_of_the_session(line: str) -> None:
    with pytest.raises(SdpError, match="Line 2 of the SDP"):
        parse("v=0\r\n" + line + "\r\n")


# --- anything ----------------------------------------------------------------------------------

ALL_LINES = sorted({line for name in CAPTURED for line in captured(name).split("\r\n") if line})


def mutate(lines: list[str], cuts: list[tuple[int, int, str]]) -> str:
    for place, column, text in cuts:
        if lines:
            line = lines[place % len(lines)]
            lines[place % len(lines)] = (
                line[: column % (len(line) + 1)] + text + line[(column + 1) % (len(line) + 1) :]
            )
    return "v=0\r\n" + "\r\n".join(lines)


mutated = st.builds(
    mutate,
    st.lists(st.sampled_from(ALL_LINES), max_size=40),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.text(max_size=4)), max_size=6),
)


@settings(max_examples=300)
@given(st.one_of(mutated, st.text(max_size=200), st.text(max_size=200).map(lambda text: "v=0\n" + text)))
def test_whatever_comes_only_sdp_error_goes_out(text: str) -> None:
    try:
        description = parse(text)
    except SdpError:
        return
    assert parse(str(description)) == description


@settings(max_examples=300)
@given(st.one_of(mutated, st.sampled_from(CAPTURED).map(captured)))
def test_read_at_once_is_read_line_by_line(text: str) -> None:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    try:
        by_line = sdp_parser._read(lines)
    except SdpError as error:
        with pytest.raises(SdpError, match=re.escape(str(error))):
            parse(text)
    else:
        assert parse(text) == by_line
        assert [each.raw_formats for each in parse(text).sections] == [
            each.raw_formats for each in by_line.sections
        ]


def test_what_browsers_have_in_common_is_read_once() -> None:
    text = captured("chromium_publish.sdp")
    one, other = parse(text), parse(text.replace("a=ice-ufrag:", "a=ice-ufrag:x"))
    assert one != other
    for mine, theirs in zip(one.sections, other.sections, strict=True):
        assert mine.formats is theirs.formats


tokens = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC0123456789-", min_size=1, max_size=12)
ssrcs = st.integers(1, 2**32 - 1)
fingerprints = st.binary(min_size=32, max_size=32).map(
    lambda raw: Fingerprint("sha-256", raw.hex(":").upper())
)


def format_strategy(number: int) -> st.SearchStrategy[PayloadFormat]:
    codec = st.builds(
        Codec,
        st.sampled_from(["VP8", "H264", "opus", "red", "telephone-event"]),
        st.sampled_from([8_000, 48_000, 90_000]),
        st.sampled_from([1, 2]),
        st.lists(st.tuples(tokens.map(str.lower), tokens), max_size=3).map(tuple),
    )
    feedback = st.frozensets(st.sampled_from(["nack", "nack pli", "ccm fir", "transport-cc"]))
    return st.builds(PayloadFormat, codec, st.just(number), st.sampled_from([None, number + 1]), feedback)


encodings = st.one_of(
    st.just(()),
    st.tuples(st.builds(Encoding, ssrcs, st.none())),
    st.lists(tokens, min_size=1, max_size=4, unique=True).map(
        lambda rids: tuple(Encoding(rid=each) for each in rids)
    ),
    st.lists(ssrcs, min_size=2, max_size=8, unique=True).map(
        lambda all_: tuple(Encoding(one, other) for one, other in zip(all_[::2], all_[1::2], strict=False))
    ),
)


def section_strategy(mid: str) -> st.SearchStrategy[MediaSection]:
    return st.builds(
        MediaSection,
        media=st.sampled_from(["audio", "video"]),
        mid=st.just(mid),
        port=st.sampled_from([0, 9, 7000]),
        direction=st.sampled_from(Direction),
        formats=st.lists(st.sampled_from(range(96, 126, 2)), min_size=1, max_size=4, unique=True).flatmap(
            lambda numbers: st.tuples(*map(format_strategy, numbers))
        ),
        extensions=st.permutations(list(zip(Extension, range(1, 15), strict=False))).map(tuple),
        encodings=encodings,
        msids=st.lists(st.tuples(tokens, tokens), max_size=2, unique=True).map(tuple),
        cname=st.just(""),
        rtcp_mux=st.booleans(),
        rtcp_rsize=st.booleans(),
        ice=st.one_of(st.none(), st.builds(IceParameters, tokens, tokens)),
        dtls=st.one_of(
            st.none(),
            st.builds(
                DtlsParameters,
                st.lists(fingerprints, min_size=1, max_size=3).map(tuple),
                st.sampled_from(DtlsSetup),
            ),
        ),
        candidates=st.lists(
            st.builds(
                Candidate,
                st.ip_addresses().map(str),
                st.integers(0, 65535),
                st.sampled_from(["udp", "tcp"]),
                st.integers(1, 2**31 - 1),
                st.sampled_from(["1", "2t"]),
            ),
            max_size=3,
        ).map(tuple),
        end_of_candidates=st.booleans(),
    )


descriptions = st.builds(
    SessionDescription,
    session_id=st.integers(0, 2**63).map(str),
    version=st.integers(0, 2**31),
    bundle=st.lists(tokens, max_size=3, unique=True).map(tuple),
    ice_lite=st.booleans(),
    sections=st.lists(tokens, max_size=3, unique=True).flatmap(
        lambda mids: st.tuples(*map(section_strategy, mids))
    ),
)


@given(descriptions)
def test_what_is_written_is_read_again(description: SessionDescription) -> None:
    assert parse(str(description)) == description
