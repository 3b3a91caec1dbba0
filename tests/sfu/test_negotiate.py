"""Who agrees on what: publishing, subscribing, WHEP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sfu.negotiate import (
    DYNAMIC_PAYLOAD_TYPES,
    SENT_EXTENSIONS,
    NegotiationError,
    PayloadTypes,
    accept_answer,
    answer_publication,
    answer_subscription,
    offer_subscription,
)
from sfu.params import Codec, Encoding, Extension, Kind, MediaParameters, PayloadFormat

CHROMIUM_FEEDBACK = frozenset({"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli", "unheard-of"})


def h264(profile: str, mode: str = "1") -> Codec:
    fmtp = (("level-asymmetry-allowed", "1"), ("packetization-mode", mode), ("profile-level-id", profile))
    return Codec("H264", 90_000, fmtp=fmtp)


VP8 = Codec("VP8", 90_000)
OPUS = Codec("opus", 48_000, 2, (("minptime", "10"), ("useinbandfec", "1")))
BASELINE, CONSTRAINED = h264("42001f"), h264("42e01f")

VIDEO = MediaParameters(
    Kind.VIDEO,
    "1",
    formats=(
        PayloadFormat(VP8, 96, 97, CHROMIUM_FEEDBACK),
        PayloadFormat(BASELINE, 102, 103, CHROMIUM_FEEDBACK),
        PayloadFormat(h264("42e01f", "0"), 104, 107, CHROMIUM_FEEDBACK),
        PayloadFormat(CONSTRAINED, 108, 109, CHROMIUM_FEEDBACK),
        PayloadFormat(Codec("red", 90_000), 118),
    ),
    extensions=((Extension.ABS_SEND_TIME, 2), (Extension.VIDEO_ORIENTATION, 13), (Extension.MID, 4)),
    encodings=(Encoding(11, 12),),
)
AUDIO = MediaParameters(
    Kind.AUDIO,
    "0",
    formats=(
        PayloadFormat(Codec("red", 48_000, 2), 63),
        PayloadFormat(OPUS, 111, None, frozenset({"transport-cc"})),
        PayloadFormat(Codec("PCMU", 8_000), 0),
    ),
    extensions=((Extension.AUDIO_LEVEL, 1), (Extension.MID, 4)),
    encodings=(Encoding(10),),
)


# --- a client publishes ------------------------------------------------------------------------


def test_constrained_baseline_comes_first() -> None:
    chosen = answer_publication(VIDEO)
    (payload_format,) = chosen.formats
    assert (payload_format.codec, payload_format.payload_type) == (CONSTRAINED, 108)
    assert payload_format.rtx_payload_type == 109
    assert payload_format.feedback == CHROMIUM_FEEDBACK - {"unheard-of"}
    assert (chosen.mid, chosen.encodings, chosen.extensions) == ("1", VIDEO.encodings, VIDEO.extensions)


def test_opus_is_taken_of_the_audio() -> None:
    assert [each.payload_type for each in answer_publication(AUDIO).formats] == [111]


def test_the_order_of_video_codecs_can_be_said() -> None:
    assert answer_publication(VIDEO, video_preference=("VP8",)).formats[0].payload_type == 96


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ((PayloadFormat(Codec("AV1", 90_000), 45), PayloadFormat(Codec("VP9", 90_000), 98)), 98),
        ((PayloadFormat(h264("64001f"), 50), PayloadFormat(h264("4d001f"), 51)), 51),
        ((PayloadFormat(h264("42e01f", "0"), 50), PayloadFormat(VP8, 51)), 51),
        ((PayloadFormat(Codec("h264", 90_000), 50),), 50),
    ],
)
def test_which_video_codec_is_taken(formats: tuple[PayloadFormat, ...], expected: int) -> None:
    assert answer_publication(replace(VIDEO, formats=formats)).formats[0].payload_type == expected


def test_no_codec_in_common_names_both_sides() -> None:
    offered = replace(VIDEO, formats=(PayloadFormat(Codec("H265", 90_000), 49),))
    with pytest.raises(NegotiationError, match=r"offered H265; possible H264, VP8, VP9, AV1") as caught:
        answer_publication(offered)
    assert caught.value.kind == "no_common_codec"
    with pytest.raises(NegotiationError, match="offered nothing"):
        answer_publication(replace(AUDIO, formats=()))


# --- we offer ----------------------------------------------------------------------------------


def test_an_offer_has_numbers_and_extensions_of_ours() -> None:
    publication = answer_publication(VIDEO)
    offered = offer_subscription(publication, PayloadTypes(), mid="7", ssrc=1, rtx_ssrc=2)
    (payload_format,) = offered.formats
    assert (payload_format.payload_type, payload_format.rtx_payload_type) == (102, 103)
    assert payload_format.codec.parameter("profile-level-id") == "42e01f"
    assert {"nack", "nack pli", "transport-cc"} <= payload_format.feedback
    assert offered.encodings == (Encoding(1, 2),)
    assert set(dict(offered.extensions)) == {
        Extension.MID,
        Extension.ABS_SEND_TIME,
        Extension.TRANSPORT_CC,
        Extension.VIDEO_ORIENTATION,
    }


def test_audio_has_no_retransmission_stream() -> None:
    offered = offer_subscription(answer_publication(AUDIO), PayloadTypes(), mid="0", ssrc=1, rtx_ssrc=2)
    assert offered.formats[0].rtx_payload_type is None
    assert offered.encodings == (Encoding(1),)
    assert dict(offered.extensions)[Extension.AUDIO_LEVEL] == SENT_EXTENSIONS[Extension.AUDIO_LEVEL]


def test_a_client_that_cannot_decode_is_told_so() -> None:
    publication = answer_publication(VIDEO)
    with pytest.raises(NegotiationError) as caught:
        offer_subscription(publication, PayloadTypes(), mid="0", ssrc=1, rtx_ssrc=2, decodable=["VP8"])
    assert caught.value.kind == "no_common_codec"
    assert offer_subscription(
        publication, PayloadTypes(), mid="0", ssrc=1, rtx_ssrc=2, decodable=["vp8", "h264"]
    )


def test_one_number_means_one_codec() -> None:
    numbers = PayloadTypes()
    taken = [numbers.take(h264(profile)) for profile in ("42e01f", "42001f", "640c1f")]
    assert taken[0] == (102, 103)
    assert len({number for pair in taken for number in pair}) == 6
    assert numbers.take(h264("42001f")) == taken[1]


def test_all_codecs_that_there_are_find_numbers() -> None:
    """However wildly publishers describe what they send, the table of a connection never fills up."""
    numbers = PayloadTypes()
    parameters = [
        f"{profile}{level:02x}"
        for profile in ("42e0", "4200", "4d00", "640c", "6400")
        for level in range(256)
    ]
    flags = [
        [(key, "1") for bit, key in enumerate(("stereo", "sprop-stereo", "useinbandfec")) if n >> bit & 1]
        for n in range(8)
    ]
    codecs = [
        *(h264(each) for each in parameters),
        VP8,
        *(Codec("VP9", 90_000, fmtp=(("profile-id", str(n)),)) for n in range(4)),
        *(Codec("AV1", 90_000, fmtp=(("profile", str(n)),)) for n in range(3)),
    ]
    for codec in codecs:
        publication = replace(VIDEO, formats=(PayloadFormat(codec, 100),))
        offer_subscription(publication, numbers, mid="0", ssrc=1, rtx_ssrc=2)
    for fmtp in flags:
        publication = replace(AUDIO, formats=(PayloadFormat(Codec("opus", 48_000, 2, tuple(fmtp)), 100),))
        offer_subscription(publication, numbers, mid="0", ssrc=1, rtx_ssrc=2)


def test_a_full_table_is_an_error() -> None:
    numbers = PayloadTypes()
    with pytest.raises(NegotiationError) as caught:
        for number in range(len(DYNAMIC_PAYLOAD_TYPES)):
            numbers.take(h264(f"42e0{number:02x}"))
    assert caught.value.kind == "too_many_codecs"


def test_an_answer_cuts_the_offer_down() -> None:
    offered = offer_subscription(answer_publication(VIDEO), PayloadTypes(), mid="0", ssrc=1, rtx_ssrc=2)
    answered = MediaParameters(
        Kind.VIDEO,
        "0",
        formats=(PayloadFormat(CONSTRAINED, 102, None, frozenset({"nack"})),),
        extensions=((Extension.MID, 1), (Extension.TRANSPORT_CC, 9)),
    )
    agreed = accept_answer(offered, answered)
    assert agreed.formats[0].rtx_payload_type is None
    assert agreed.formats[0].feedback == {"nack"}
    assert agreed.extensions == ((Extension.MID, 1),)
    assert agreed.encodings == offered.encodings
    with pytest.raises(NegotiationError):
        accept_answer(offered, replace(answered, formats=(PayloadFormat(VP8, 96),)))


# --- a client offers to receive ----------------------------------------------------------------


def test_whep_uses_the_numbers_of_the_client() -> None:
    client = MediaParameters(
        Kind.VIDEO,
        "video0",
        formats=(PayloadFormat(VP8, 120), PayloadFormat(CONSTRAINED, 121, 122, frozenset({"nack", "odd"}))),
        extensions=((Extension.MID, 9), (Extension.AUDIO_LEVEL, 8), (Extension.RID, 7)),
    )
    agreed = answer_subscription(answer_publication(VIDEO), client, ssrc=1, rtx_ssrc=2)
    assert [(each.payload_type, each.rtx_payload_type) for each in agreed.formats] == [(121, 122)]
    assert agreed.formats[0].feedback == {"nack"}
    assert (agreed.mid, agreed.extensions) == ("video0", ((Extension.MID, 9),))
    assert agreed.encodings == (Encoding(1, 2),)


def test_whep_prefers_the_exact_profile() -> None:
    formats = (PayloadFormat(h264("64001f"), 120), PayloadFormat(CONSTRAINED, 121))
    client = replace(VIDEO, formats=formats)
    agreed = answer_subscription(answer_publication(VIDEO), client, ssrc=1, rtx_ssrc=2)
    assert agreed.formats[0].payload_type == 121
    assert agreed.encodings == (Encoding(1),)  # without rtx format no rtx stream
    agreed = answer_subscription(
        answer_publication(VIDEO), replace(client, formats=formats[:1]), ssrc=1, rtx_ssrc=2
    )
    assert agreed.formats[0].payload_type == 120


@pytest.mark.parametrize(
    "formats", [(PayloadFormat(VP8, 96),), (PayloadFormat(h264("42e01f", "0"), 96),), ()]
)
def test_whep_without_the_codec_is_refused(formats: tuple[PayloadFormat, ...]) -> None:
    with pytest.raises(NegotiationError):
        answer_subscription(answer_publication(VIDEO), replace(VIDEO, formats=formats), ssrc=1, rtx_ssrc=2)


# --- sound sent more than once (RED), dependency descriptor --------------------------------------


RED = Codec("red", 48_000, 2, (("111/111", ""),))


def with_red(*formats: PayloadFormat) -> MediaParameters:
    return replace(AUDIO, formats=formats)


def test_red_is_taken_where_it_wraps_the_codec_and_in_the_clients_order() -> None:
    opus = PayloadFormat(OPUS, 111)
    for formats in ((PayloadFormat(RED, 63), opus), (opus, PayloadFormat(RED, 63))):
        answered = answer_publication(with_red(*formats))
        assert [each.payload_type for each in answered.formats] == [each.payload_type for each in formats]
        assert answered.codec == OPUS
    for fmtp in ((), (("110/110", ""),), (("111/110", ""),)):
        odd = PayloadFormat(Codec("red", 48_000, 2, fmtp), 63)
        assert [each.payload_type for each in answer_publication(with_red(odd, opus)).formats] == [111]


def test_red_is_offered_under_our_numbers() -> None:
    publication = answer_publication(with_red(PayloadFormat(RED, 63), PayloadFormat(OPUS, 111)))
    numbers = PayloadTypes()
    numbers.take(Codec("opus", 48_000, 2))  # another kind of opus stands at 111 already
    offered = offer_subscription(publication, numbers, mid="0", ssrc=1, rtx_ssrc=2)
    opus, red = offered.formats
    assert opus.payload_type != 111 and red.payload_type == 63
    assert red.codec.fmtp == ((f"{opus.payload_type}/{opus.payload_type}", ""),)
    taken = accept_answer(offered, replace(offered, formats=(opus,)))
    assert [each.codec.name for each in taken.formats] == ["opus"]


def test_a_player_gets_red_where_it_offers_it_around_the_same_opus() -> None:
    publication = answer_publication(with_red(PayloadFormat(RED, 63), PayloadFormat(OPUS, 111)))
    opus = PayloadFormat(OPUS, 96)
    fitting = PayloadFormat(Codec("red", 48_000, 2, (("96/96", ""),)), 97)
    for formats, expected in (((opus, fitting), [96, 97]), ((opus, PayloadFormat(RED, 97)), [96])):
        answered = answer_subscription(publication, replace(AUDIO, formats=formats), ssrc=1, rtx_ssrc=2)
        assert [each.payload_type for each in answered.formats] == expected


def test_dependency_descriptors_are_taken_only_where_the_payload_tells_no_layers() -> None:
    extensions = ((Extension.DEPENDENCY_DESCRIPTOR, 7),)
    for codec, taken in ((Codec("AV1", 90_000), True), (VP8, False)):
        offered = replace(VIDEO, formats=(PayloadFormat(codec, 45, 46),), extensions=extensions)
        publication = answer_publication(offered)
        assert (Extension.DEPENDENCY_DESCRIPTOR in dict(publication.extensions)) is taken
        subscription = offer_subscription(publication, PayloadTypes(), mid="0", ssrc=1, rtx_ssrc=2)
        assert (Extension.DEPENDENCY_DESCRIPTOR in dict(subscription.extensions)) is taken
