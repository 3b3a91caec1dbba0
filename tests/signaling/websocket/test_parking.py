"""What is not wanted for a while keeps its m-line: it goes on without an offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sfu.params import Codec, Kind, MediaParameters, PayloadFormat
from signaling.messages import StreamState, SubscribeOffer
from signaling.problems import Problem
from signaling.publications import LivePublication
from signaling.subscribing import MAX_PARKED, Subscriber


@dataclass
class Page:
    """A client that is asked, and calls back when told."""

    offers: list[SubscribeOffer] = field(default_factory=list)
    held_mids: list[tuple[str, ...]] = field(default_factory=list)
    due: list[Callable[[], None]] = field(default_factory=list)

    def call_later(self, _delay_s: float, callback: Callable[[], None]) -> Any:
        self.due.append(callback)
        return self

    def cancel(self) -> None:
        self.due.clear()

    def offer(self, message: SubscribeOffer) -> None:
        self.offers.append(message)

    def sent(self, message: StreamState) -> None: ...
    def held(self, mids: tuple[str, ...]) -> None:
        self.held_mids.append(mids)

    def refuse(self, problem: Problem, request: str) -> None:
        raise AssertionError(problem)

    def receiving(self) -> None: ...


OPUS = PayloadFormat(Codec("opus", 48000, 2), 111)
VP8 = PayloadFormat(Codec("VP8", 90000, 1), 96)


class Listener:
    """A subscriber whose offers are answered at once."""

    def __init__(self, door: Any, answer_of: Any) -> None:
        self.page, self.answer_of = Page(), answer_of
        self.sfu = door.sfu
        self.sender = door.sfu.create_transport(on_state=lambda _: None)
        self.subscriber = Subscriber(
            door.sfu, client=self.page, decodable=(), call_later=self.page.call_later, discard=lambda _: None
        )
        self.subscriber.release()

    def publication(self, name: str, kind: Kind = Kind.AUDIO) -> LivePublication:
        parameters = MediaParameters(
            kind=kind, mid=name, formats=(OPUS if kind is Kind.AUDIO else VP8,), encodings=(), extensions=()
        )
        return LivePublication("L", name, name, self.sender.publish(parameters), name)

    def want(self, *publications: LivePublication) -> int:
        """How many offers it took."""
        before = len(self.page.offers)
        self.subscriber.want(publications)
        while self.page.due:
            self.page.due.pop()()
            if len(self.page.offers) > before:
                latest = self.page.offers[-1]
                self.subscriber.answer(latest.version, self.answer_of(latest.sdp))
        return len(self.page.offers) - before

    @property
    def flowing(self) -> set[str]:
        return {
            each.publication.parameters.mid
            for transport in self.sfu.transports
            for each in transport.live
            if not each.paused
        }


@pytest.fixture
def listener(door: Any, answer_of: Any) -> Listener:
    return Listener(door, answer_of)


async def test_sound_comes_and_goes_without_offers(listener: Listener) -> None:
    voice, other = listener.publication("voice"), listener.publication("other")
    assert listener.want(voice, other) == 1
    for _ in range(3):
        assert listener.want(other) == 0
        assert listener.flowing == {"other"}
        assert listener.want(voice, other) == 0
        assert listener.flowing == {"voice", "other"}


async def test_of_pictures_that_stop_the_page_is_told(listener: Listener) -> None:
    voice, picture = listener.publication("voice"), listener.publication("picture", Kind.VIDEO)
    listener.want(voice, picture)
    assert listener.want(voice) == 0
    assert listener.flowing == {"voice"}
    mid = listener.page.offers[-1].streams[1].mid
    assert listener.page.held_mids == [(mid,)]
    assert listener.want(voice, picture) == 0
    assert listener.flowing == {"voice", "picture"}
    assert listener.page.held_mids == [(mid,), ()]


async def test_what_stands_by_is_offered_and_not_sent(listener: Listener) -> None:
    voice, tutor = listener.publication("voice"), listener.publication("tutor", Kind.VIDEO)
    listener.subscriber.prepare([voice, tutor])
    assert listener.want(voice) == 1
    assert [stream.held for stream in listener.page.offers[-1].streams] == [False, True]
    assert listener.flowing == {"voice"}
    assert listener.want(voice, tutor) == 0
    assert listener.flowing == {"voice", "tutor"}
    assert listener.want() == 0
    assert listener.flowing == set()
    tutor.publication.close()
    listener.subscriber.prepare([voice])
    assert listener.want(voice) == 1
    assert [stream.person for stream in listener.page.offers[-1].streams] == ["voice"]


async def test_what_stands_by_does_not_begin_before_it_is_wanted(listener: Listener) -> None:
    """An answer that comes late: it is begun as it is wanted then."""
    voice = listener.publication("voice")
    listener.subscriber.prepare([voice])
    listener.subscriber.want([voice])
    listener.page.due.pop()()
    listener.subscriber.want([])
    latest = listener.page.offers[-1]
    listener.subscriber.answer(latest.version, listener.answer_of(latest.sdp))
    assert listener.flowing == set()
    assert listener.want(voice) == 0
    assert listener.flowing == {"voice"}


async def test_what_has_ended_is_not_kept(listener: Listener) -> None:
    voice, other = listener.publication("voice"), listener.publication("other")
    listener.want(voice, other)
    listener.want(other)
    voice.publication.close()
    assert listener.want(other, listener.publication("third")) == 1
    assert {stream.person for stream in listener.page.offers[-1].streams} == {"other", "third"}


async def test_what_has_not_begun_does_not_begin(listener: Listener) -> None:
    """An answer that comes when the voice is no longer wanted: not a packet of it gets through."""
    voice = listener.publication("voice")
    listener.subscriber.want([voice])
    listener.page.due.pop()()
    listener.subscriber.want([])
    latest = listener.page.offers[-1]
    listener.subscriber.answer(latest.version, listener.answer_of(latest.sdp))
    assert not any(transport.subscriptions for transport in listener.sfu.transports)


async def test_only_so_many_are_kept(listener: Listener) -> None:
    voices = [listener.publication(f"v{number}") for number in range(MAX_PARKED + 3)]
    listener.want(*voices)
    listener.want()
    assert len([each for transport in listener.sfu.transports for each in transport.live]) == MAX_PARKED
    assert listener.want(*voices[3:]) == 0
    assert listener.flowing == {live.name for live in voices[3:]}
