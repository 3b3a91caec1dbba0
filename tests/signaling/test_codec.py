"""Frames <-> messages: whatever arrives, only Problem comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.codec import decode, encode, request_of, type_of
from signaling.messages import Bye, Hello, Ping
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
