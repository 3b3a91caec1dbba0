"""Offers that no browser makes: each is refused in words, changes nothing, and nobody else hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfu.params import Extension

OFFER = (Path(__file__).parents[2] / "data" / "aiortc_publish.sdp").read_bytes().decode()
TRACKS = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
ONE_LINE = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{}\r\na=rtpmap:96 VP8/90000\r\na=rtcp-mux\r\n"


def unknown_codecs(text: str) -> str:
    return re.sub(r"(a=rtpmap:\d+) \w+/", r"\1 theora/", text)


def same_mids(text: str) -> str:
    return text.replace("a=mid:1", "a=mid:0")


def a_thousand_lines(text: str) -> str:
    return text + "".join(ONE_LINE.format(number) for number in range(2, 1_000))


def absurd_extension_id(text: str) -> str:
    return text.replace("a=rtcp-mux", "a=extmap:99999 urn:x\r\na=rtcp-mux", 1)


def two_extensions_of_one_id(text: str) -> str:
    return text.replace("a=rtcp-mux", "a=extmap:7 urn:x\r\na=extmap:7 urn:y\r\na=rtcp-mux", 1)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (unknown_codecs, "no-common-codec"),
        (same_mids, "bad-sdp"),
        (a_thousand_lines, "sdp-too-large"),
        (absurd_extension_id, "bad-sdp"),
        (two_extensions_of_one_id, "bad-sdp"),
    ],
)
async def test_refused_in_words(door: Any, spoil: Callable[[str], str], kind: str) -> None:
    master = await door.join("master")
    tutor = await door.join("tutor")
    await master.publish()
    before = door.sfu.transports[:]
    await master.say("publish.offer", sdp=spoil(OFFER), tracks=TRACKS)
    error = await master.refusal()
    assert (error["kind"], error["request"]) == (kind, "publish.offer")
    assert len(error["title"]) > 3
    assert door.sfu.transports == before
    assert door.parts.publications.count() == 2
    await tutor.say("ping", id=1)
    assert (await tutor.expect("pong"))["id"] == 1


async def test_extension_ids_beyond_the_one_byte_form_are_not_used(door: Any) -> None:
    master = await door.join("master")
    text = re.sub(rf"a=extmap:\d+ {re.escape(Extension.MID)}", f"a=extmap:255 {Extension.MID}", OFFER)
    await master.say("publish.offer", sdp=text, tracks=TRACKS)
    answer = await master.expect("publish.answer")
    assert Extension.MID not in answer["sdp"]
