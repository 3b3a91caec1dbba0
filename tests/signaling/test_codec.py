"""Frames <-> messages: whatever arrives, only Problem comes out."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.broadcast import MAX_EVENTS, Broadcast
from signaling.codec import decode, encode, encode_once, request_of, text_frame, type_of
from signaling.message import ServerMessage
from signaling.messages import Bye, Hello, Ping, StreamsHeld
from signaling.messages_talk import ChatSend
from signaling.problems import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def kind_of(frame: str) -> str:
    with pytest.raises(Problem) as caught:
        decode(frame)
    return caught.value.kind


def test_messages() -> None:
    assert decode('{"type":"hello","token":"t","future":[1]}') == Hello(token="t")
    assert decode('{"id":3,"type":"ping"}') == Ping(id=3)
    assert encode(Bye(reason="ended")) == b'{"type":"bye","reason":"ended"}'
    assert type_of(ChatSend(text="x")) == "chat.send"


@pytest.mark.parametrize(
    "frame",
    ["", "null", "{}", "[1]", '{"type":"hello"}', '{"type":"ping","id":"x"}', "\ud800", '{"type":["ping"]}'],
)
def test_malformed(frame: str) -> None:
    assert kind_of(frame) == "malformed"


def test_unknown_type() -> None:
    assert kind_of('{"type":"fly"}') == "unknown-type"
    assert kind_of('{"type":"welcome"}') == "unknown-type"


def test_limits_of_fields() -> None:
    assert kind_of(json.dumps({"type": "chat.send", "text": "x" * 2001})) == "malformed"
    tracks = [{"mid": "0", "source": "camera"}] * 17
    assert kind_of(json.dumps({"type": "publish.offer", "sdp": "", "tracks": tracks})) == "malformed"


def test_request_is_told_as_far_as_possible() -> None:
    assert request_of('{"type":"chat.send","text":5}') == "chat.send"
    assert request_of("{") == ""
    assert len(request_of(json.dumps({"type": "x" * 1000}))) == 64


@given(st.text() | JSON.map(json.dumps))
def test_only_problems(frame: str) -> None:
    try:
        decode(frame)
    except Problem as problem:
        assert problem.kind in {"malformed", "unknown-type"}


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_says_how_long_it_is(size: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    octets = {126: 2, 127: 8}.get(frame[1], 0)
    assert (int.from_bytes(frame[2 : 2 + octets], "big") if octets else frame[1]) == size
    assert frame[2 + octets :] == b"x" * size


@pytest.mark.parametrize("message", [StreamsHeld(mids=["1"]), Bye(reason="ended")])
def test_what_is_encoded_once_is_what_each_would_be_told(message: ServerMessage) -> None:
    assert encode_once(message).numbered(7) == encode(msgspec.structs.replace(message, seq=7))


def test_an_event_is_put_into_words_once_for_all_who_hear_the_same() -> None:
    broadcast = Broadcast()
    made: list[str] = []

    def words(event: object, key: str) -> bytes:
        def make() -> StreamsHeld:
            made.append(key)
            return StreamsHeld(mids=[key])

        return broadcast.words(event, key, make).numbered(1)

    event = object()
    assert words(event, "a") == words(event, "a") != words(event, "b")
    assert made == ["a", "b"]
    words(object(), "a")
    assert made == ["a", "b", "a"]
    for _ in range(2 * MAX_EVENTS):
        words(object(), "c")
    assert words(event, "a") == b'{"type":"streams.held","seq":1,"mids":["a"]}'
