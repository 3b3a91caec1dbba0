"""Pictures go out in pieces: what comes in between two of them, and that nobody notices the pieces."""

from __future__ import annotations

import itertools
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine

PIECE = 128
"""Datagrams between two looks at the sockets (forward.pyx)."""
LOW, HIGH, SOUND, OTHER = 50, 60, 70, 80
"""SSRCs that the publisher sends."""
NOW_US = 1_000_000


def rtp(ssrc: int, sequence: int, payload: bytes, *, marker: bool, timestamp: int) -> bytes:
    head = struct.pack("!BBHII", 0x80, marker << 7 | 96, sequence & 0xFFFF, timestamp, ssrc)
    return head + payload


@dataclass(frozen=True)
class Packet:
    """What a viewer got, and which of the publisher's packets it is."""

    out_ssrc: int
    sequence: int
    source: int
    picture: int
    index: int
    count: int
    keyframe: bool


def read(datagram: bytes) -> Packet:
    first, _, sequence, _, out_ssrc = struct.unpack_from("!BBHII", datagram)
    assert not first & 0x10
    return Packet(out_ssrc, sequence, *struct.unpack_from("!IIHH?", datagram, 14))


@dataclass
class Viewer:
    transport: int
    subscription: int
    packets: list[Packet] = field(default_factory=list)
    pauses: int = 0
    paused: bool = False
    gone: bool = False
    wanted: int = 1

    def pictures(self) -> list[tuple[int, int]]:
        """(encoding's SSRC, number) of what came, each of which must be whole."""
        found: list[tuple[int, int]] = []
        at = 0
        while at < len(self.packets):
            first = self.packets[at]
            packets = self.packets[at : at + first.count]
            assert [(p.source, p.picture, p.index) for p in packets] == [
                (first.source, first.picture, index) for index in range(first.count)
            ]
            found.append((first.source, first.picture))
            at += first.count
        return found


class Hall:
    """A publisher whose packets come one by one, and viewers; without encryption, so that many are quick."""

    def __init__(self, viewers: int = 0) -> None:
        self.engine = Engine(seed=7)
        self.publisher = self.engine.add_transport()
        self.engine.set_plain(self.publisher)
        self.address = pack_address("192.0.2.1", 1)
        self.engine.set_address(self.publisher, self.address)
        self.video = self.publish("video", "v", 90_000, [("l", LOW, 0), ("h", HIGH, 0)])
        self.viewers: dict[bytes, Viewer] = {}
        self.picture = 0
        self.sent: Counter[int] = Counter()
        for _ in range(viewers):
            self.come()

    def publish(self, kind: str, mid: str, clock_rate: int, encodings: list[tuple[str, int, int]]) -> int:
        codec = "VP8" if kind == "video" else "opus"
        return self.engine.add_publication(
            self.publisher,
            kind=kind,
            mid=mid,
            clock_rate=clock_rate,
            formats=[(codec, 96, -1, False)],
            encodings=encodings,
        )

    def come(self) -> Viewer:
        number = len(self.viewers) + 2
        transport = self.engine.add_transport()
        self.engine.set_plain(transport)
        address = pack_address("192.0.2.2", number)
        self.engine.set_address(transport, address)
        viewer = Viewer(transport, 0)
        viewer.subscription = self.subscribe(viewer, self.video, number)
        self.viewers[address] = viewer
        return viewer

    def subscribe(self, viewer: Viewer, publication: int, ssrc: int) -> int:
        return self.engine.add_subscription(
            viewer.transport, publication, mid="", ssrc=ssrc, rtx_ssrc=0, formats=[(96, -1, False)]
        )

    def send(self, ssrc: int, index: int, count: int, *, keyframe: bool = False) -> None:
        """One packet of the current picture; the engine forwards a piece of what is there."""
        head = bytes([0x10 if index == 0 else 0, not keyframe])
        body = struct.pack("!IIHH?", ssrc, self.picture, index, count, keyframe) + bytes(40)
        sequence = self.sent[ssrc]
        self.sent[ssrc] += 1
        packet = rtp(ssrc, sequence, head + body, marker=index == count - 1, timestamp=3000 * self.picture)
        self.engine.input(packet, self.address, NOW_US)

    def send_picture(self, ssrc: int, count: int, *, keyframe: bool = False) -> None:
        for index in range(count):
            self.send(ssrc, index, count, keyframe=keyframe)

    def drain(self) -> list[Packet]:
        """Everything, in order."""
        found = []
        for datagram, address in self.engine.drain():
            if address in self.viewers:  # else a request to the publisher
                packet = read(datagram)
                self.viewers[address].packets.append(packet)
                found.append(packet)
        return found


@pytest.fixture
def hall() -> Callable[[int], Hall]:
    return Hall


def test_sound_overtakes_a_picture_in_work(hall: Callable[[int], Hall]) -> None:
    lesson = hall(30)
    sound = lesson.publish("audio", "a", 48_000, [("", SOUND, 0)])
    for number, viewer in enumerate(lesson.viewers.values()):
        lesson.subscribe(viewer, sound, 1000 + number)
    lesson.send_picture(HIGH, 20, keyframe=True)
    lesson.send(SOUND, 0, 1)
    order = [packet.source for packet in lesson.drain()]
    assert Counter(order) == {HIGH: 600, SOUND: 30}
    first = order.index(SOUND)
    assert order[first : first + 30] == [SOUND] * 30
    assert PIECE <= first + 30 < PIECE + 20 + 30  # behind one piece, and no more


def test_the_rest_goes_with_the_clock_too(hall: Callable[[int], Hall]) -> None:
    lesson = hall(30)
    lesson.send_picture(HIGH, 20, keyframe=True)
    found = lesson.engine.counters()["rtp_out"]
    pieces = [found]
    while found < 600:
        assert lesson.engine.next_deadline_us() <= NOW_US
        lesson.engine.tick(NOW_US)
        before, found = found, lesson.engine.counters()["rtp_out"]
        pieces.append(found - before)
    assert all(0 < piece < PIECE + 20 for piece in pieces)
    assert len(lesson.drain()) == 600


def test_nobody_gets_the_next_picture_before_all_have_the_one_before(hall: Callable[[int], Hall]) -> None:
    lesson = hall(130)
    for number in range(3):
        lesson.picture = number
        lesson.send_picture(HIGH, 2, keyframe=number == 0)
    order = [packet.picture for packet in lesson.drain()]
    assert set(order[:260]) == {0}  # the two behind it, which came meanwhile, go together
    for viewer in lesson.viewers.values():
        assert viewer.pictures() == [(HIGH, 0), (HIGH, 1), (HIGH, 2)]


def test_publications_take_turns(hall: Callable[[int], Hall]) -> None:
    lesson = hall(60)
    other = lesson.publish("video", "o", 90_000, [("", OTHER, 0)])
    for number, viewer in enumerate(lesson.viewers.values()):
        lesson.subscribe(viewer, other, 1000 + number)
    for index in range(20):  # the one is ready when the other is in work
        lesson.send(OTHER, index, 21, keyframe=True)
    lesson.send_picture(HIGH, 20, keyframe=True)
    lesson.send(OTHER, 20, 21, keyframe=True)
    order = [packet.source for packet in lesson.drain()]
    assert Counter(order) == {HIGH: 1200, OTHER: 1260}
    changes = sum(one != following for one, following in itertools.pairwise(order))
    assert changes > 10


def test_who_comes_last_is_always_the_same(hall: Callable[[int], Hall]) -> None:
    lesson = hall(30)
    orders = []
    for number in range(3):
        lesson.picture = number
        lesson.send_picture(HIGH, 20, keyframe=number == 0)
        orders.append([packet.out_ssrc for packet in lesson.drain()])
    assert orders[0] == orders[1] == orders[2]


def test_a_publication_that_ends_in_the_middle_takes_the_rest_along(hall: Callable[[int], Hall]) -> None:
    lesson = hall(30)
    lesson.send_picture(HIGH, 20, keyframe=True)
    lesson.engine.remove_publication(lesson.video)
    assert 0 < len(lesson.drain()) < 600
    assert lesson.engine.census()["subscriptions"] == 0


def test_a_publisher_that_begins_anew_in_the_middle(hall: Callable[[int], Hall]) -> None:
    """What is in work is of the old stream, and its numbers mean nothing in the new one."""
    lesson = hall(30)
    one = lesson.publish("video", "o", 90_000, [])
    for number, viewer in enumerate(lesson.viewers.values()):
        lesson.subscribe(viewer, one, 1000 + number)
    lesson.engine.set_receive_extensions(lesson.publisher, {"urn:ietf:params:rtp-hdrext:sdes:mid": 1})

    def send(ssrc: int, picture: int, now_us: int) -> None:
        for index in range(20):
            head = struct.pack(
                "!BBHIIHHBB2x",
                0x90,
                (index == 19) << 7 | 96,
                index,
                3000 * picture,
                ssrc,
                0xBEDE,
                1,
                0x10,
                ord("o"),
            )
            body = struct.pack("!IIHH?", ssrc, picture, index, 20, True) + bytes(40)
            packet = head + bytes([0x10 if index == 0 else 0, 0]) + body
            lesson.engine.input(packet, lesson.address, now_us)

    send(501, 0, NOW_US)
    send(502, 1, NOW_US + 1_500_000)
    lesson.drain()
    for viewer in lesson.viewers.values():
        assert viewer.pictures() == [(501, 0), (502, 1)]


def test_more_waits_than_there_is_room_for(hall: Callable[[int], Hall]) -> None:
    """A machine that does not keep up loses nothing here: what waits goes out before more is taken."""
    lesson = hall(150)
    lesson.send_picture(HIGH, 700, keyframe=True)
    lesson.drain()
    for viewer in lesson.viewers.values():
        assert viewer.pictures() == [(HIGH, 0)]


# --- who comes, goes, pauses and switches while a picture is in work -------------------------------------

PICTURE = st.tuples(st.just("picture"), st.booleans(), st.booleans())
"""(keyframe of the lower encoding, of the higher)"""
CHANGE = st.tuples(
    st.sampled_from(["come", "go", "leave", "pause", "resume", "switch", "tick", "drain"]),
    st.integers(0, 40),
    st.integers(0, 1),
)


def change(lesson: Hall, what: str, which: int, layer: int) -> None:
    engine = lesson.engine
    if what == "tick":
        engine.tick(NOW_US)
    elif what == "drain":
        lesson.drain()
    elif what == "come":
        lesson.come()
    present = [viewer for viewer in lesson.viewers.values() if not viewer.gone]
    if not present:
        return
    viewer = present[which % len(present)]
    if what == "go":
        engine.remove_subscription(viewer.subscription)
        viewer.gone = True
    elif what == "leave":
        engine.remove_transport(viewer.transport)
        viewer.gone = True
    elif what in ("pause", "resume"):
        engine.set_paused(viewer.subscription, what == "pause")
        viewer.paused = what == "pause"
        viewer.pauses += 1
    elif what == "switch":
        engine.set_wanted_layer(viewer.subscription, layer)
        viewer.wanted = layer


def both(lesson: Hall, *, low: bool, high: bool) -> None:
    lesson.picture += 1
    lesson.send_picture(LOW, 5, keyframe=low)
    lesson.send_picture(HIGH, 15, keyframe=high)


def check(viewer: Viewer) -> None:
    first = viewer.packets[0].sequence if viewer.packets else 0
    # nothing lost, nothing doubled, nothing out of order
    assert [p.sequence for p in viewer.packets] == [first + i & 0xFFFF for i in range(len(viewer.packets))]
    pictures = viewer.pictures()
    keyframes = {(p.source, p.picture) for p in viewer.packets if p.keyframe}
    assert not pictures or pictures[0] in keyframes
    jumps = 0
    for (one_source, one), (source, number) in itertools.pairwise(pictures):
        assert number > one or (number == one and source != one_source)
        if source != one_source or number > one + 1:
            assert (source, number) in keyframes
        jumps += number > one + 1
    assert jumps <= viewer.pauses


@settings(max_examples=60)
@given(st.lists(st.one_of(PICTURE, CHANGE, CHANGE), max_size=30))
def test_whatever_changes_in_the_middle(steps: list[tuple[str, int, int]]) -> None:
    lesson = Hall(24)
    both(lesson, low=True, high=True)
    for what, one, two in steps:
        if what == "picture":
            both(lesson, low=bool(one), high=bool(two))
        else:
            change(lesson, what, one, two)
    both(lesson, low=True, high=True)
    both(lesson, low=False, high=False)
    lesson.drain()
    for viewer in lesson.viewers.values():
        check(viewer)
        if not viewer.gone and not viewer.paused:
            last = [(HIGH if viewer.wanted else LOW, lesson.picture - 1 + i) for i in range(2)]
            assert viewer.pictures()[-2:] == last
