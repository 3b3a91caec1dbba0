"""A downlink's share-out on the real engine: what it is told, and who hears of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sfu.allocator import StreamState
from sfu.downlink import SETTLING_S
from sfu.engine.engine import Engine
from sfu.media import MediaEnd, Slot, Subscription
from sfu.params import (
    Codec,
    Encoding,
    Kind,
    MediaParameters,
    PayloadFormat,
    TransportId,
    TransportState,
)
from sfu.pauses import Pauses

VP8 = PayloadFormat(Codec("VP8", 90000), 96, 97, frozenset({"nack"}))
OPUS = PayloadFormat(Codec("opus", 48000, 2), 111)


class Room:
    """A publisher and a subscriber of one engine."""

    def __init__(self) -> None:
        self.engine = Engine(seed=1)
        self.stirred: list[int] = []
        self.teacher = self._end()
        self.pupil = self._end()
        self._ssrc = 1

    def _end(self) -> MediaEnd:
        owner = SimpleNamespace(engine=self.engine, pauses=Pauses(self.engine), stirred=self.stirred.append)
        end = MediaEnd(owner, TransportId(self.engine.add_transport()))
        end.state = TransportState.CONNECTED
        return end

    def picture(self, mid: str, layers: int = 3) -> Subscription:
        encodings = tuple(Encoding(rid=str(at)) for at in range(layers))
        return self._carry(MediaParameters(Kind.VIDEO, mid, (VP8,), (), encodings))

    def voice(self, mid: str) -> Subscription:
        return self._carry(MediaParameters(Kind.AUDIO, mid, (OPUS,), (), (Encoding(),)))

    def slot(self, place: int) -> Slot:
        """In a group of microphones."""
        self._ssrc += 2
        sent = MediaParameters(Kind.AUDIO, f"slot{place}", (OPUS,), (), (Encoding(self._ssrc),))
        return self.pupil.listen(1, place, sent)

    def _carry(self, parameters: MediaParameters) -> Subscription:
        publication = self.teacher.publish(parameters)
        self._ssrc += 2
        encoding = (Encoding(self._ssrc, self._ssrc + 1),)
        sent = MediaParameters(parameters.kind, parameters.mid, parameters.formats, (), encoding)
        return self.pupil.subscribe(publication, sent)

    def estimated(self, bps: float, now: float) -> None:
        self.pupil.downlink.estimated(bps, now, self.pupil.served)

    def tick(self, now: float) -> None:
        self.pupil.downlink.tick(now, self.pupil.served)

    def layer(self, subscription: Subscription) -> int | None:
        """What the engine was told; None: paused."""
        stats = self.engine.subscription_stats(subscription.id)
        return None if stats["paused"] else int(stats["wanted_layer"])


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_engine_is_told_what_each_gets(room: Room) -> None:
    voice, screen, wall = room.voice("0"), room.picture("1"), room.picture("2")
    screen.priority, wall.priority = 1, 4
    room.estimated(700_000, 0.0)
    assert (room.layer(voice), room.layer(screen), room.layer(wall)) == (0, 1, 0)
    room.estimated(200_000, 1.0)
    assert (room.layer(voice), room.layer(screen), room.layer(wall)) == (0, 0, None)
    assert (voice.state, screen.state, wall.state) == (
        StreamState.OK,
        StreamState.REDUCED,
        StreamState.PAUSED,
    )


def test_each_change_is_told_once(room: Room) -> None:
    heard: list[StreamState] = []
    camera = room.picture("0")
    camera.on_state = heard.append
    for now, bps in enumerate([3e6, 300_000, 300_000, 60_000, 60_000]):
        room.estimated(bps, float(now))
    for now in range(5, 15):
        room.estimated(3e6, float(now))
    assert heard == [StreamState.REDUCED, StreamState.PAUSED, StreamState.OK]
    assert room.stirred == [room.teacher.id] + 3 * [room.pupil.id], "and who watches the line asks again"
    assert room.layer(camera) == 2


def test_what_its_owner_paused_stays_so_and_takes_no_share(room: Room) -> None:
    screen, camera = room.picture("0", 1), room.picture("1")
    screen.priority = 1
    screen.pause(True)
    room.estimated(600_000, 0.0)
    assert (room.layer(screen), room.layer(camera)) == (None, 1)
    screen.pause(False)
    assert room.layer(screen) == 0
    room.tick(1.0)
    assert (room.layer(screen), screen.state) == (None, StreamState.PAUSED)


def test_a_wish_is_all_that_is_given(room: Room) -> None:
    camera = room.picture("0")
    camera.want_layer(1)
    assert room.layer(camera) == 1
    room.estimated(10e6, 0.0)
    assert (room.layer(camera), camera.state) == (1, StreamState.OK)
    camera.want_layer(None)
    assert room.layer(camera) == 2  # whoever comes on stage is not to wait for a tick
    for now in range(1, 5):
        room.tick(float(now))
    assert room.layer(camera) == 2


def test_who_leaves_makes_room(room: Room) -> None:
    screen, camera = room.picture("0"), room.picture("1")
    screen.priority = 1
    room.estimated(700_000, 0.0)
    assert room.layer(camera) == 0
    screen.close()
    for now in range(1, 6):
        room.tick(float(now))
    assert (room.layer(camera), camera.state) == (1, StreamState.REDUCED)


def test_without_an_estimate_nobody_is_cut(room: Room) -> None:
    camera = room.picture("0")
    for now in range(30):
        room.tick(float(now))
    assert (room.layer(camera), camera.state) == (2, StreamState.OK)


def test_of_many_microphones_only_the_places_take_room(room: Room) -> None:
    slots = [room.slot(place) for place in range(4)]
    camera = room.picture("camera")
    room.estimated(4 * 40_000 + 500_000, 0.0)
    assert room.layer(camera) == 1
    for slot in slots[:3]:
        slot.close()
    for now in range(1, 6):
        room.tick(float(now))
    room.estimated(1 * 40_000 + 500_000 - 20_000, 6.0)
    assert room.layer(camera) == 1


def test_on_a_link_with_plenty_of_room_a_change_is_one_look(room: Room) -> None:
    room.voice("0")
    camera = room.picture("1", 1)
    room.estimated(50e6, 0.0)
    for now in range(10):
        room.tick(float(now))
    assert not room.pupil.downlink.restless, "what was new has been measured"
    camera.pause(True)
    assert room.pupil.downlink.restless
    room.tick(10.0)
    assert not room.pupil.downlink.restless


def test_what_is_new_is_looked_at_until_it_has_been_measured(room: Room) -> None:
    room.voice("0")
    room.estimated(50e6, 0.0)
    for now in range(10):
        room.tick(float(now))
    room.picture("1", 1)
    room.tick(10.0)
    assert room.pupil.downlink.restless
    room.tick(10.0 + SETTLING_S)
    assert not room.pupil.downlink.restless
