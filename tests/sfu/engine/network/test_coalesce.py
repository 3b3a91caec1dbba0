"""Sound and picture of one sender that leave in one burst: order, bounds, who does not wait. Virtual time."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine
from sfu.engine.rtcp import build_remb

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MANY = 70
"""Viewers: more than from which on anything waits."""
FEW = 60
HOLD_SOUND_US, HOLD_PICTURE_US, RIDE_US = 12_500, 8000, 3000
SOUND, PICTURE = 70, 60
"""SSRCs that the publisher sends."""
START_US = 1_000_000
SOUND_US, PICTURE_US = 20_000, 40_000
WARM = 60
"""Pictures after which both rhythms are known."""


@dataclass(frozen=True)
class Packet:
    at_us: int
    sound: bool
    unit: int
    """Number of the sound, or of the picture."""
    sequence: int
    index: int
    size: int
    place: int
    """Among all that left."""


@dataclass
class Viewer:
    transport: int
    sound: int
    picture: int
    unprotect: Session | None = None
    packets: list[Packet] = field(default_factory=list)
    gone: bool = False

    def order(self) -> list[tuple[bool, int, int]]:
        return [(packet.sound, packet.unit, packet.index) for packet in self.packets]

    def when(self, *, sound: bool, unit: int) -> list[int]:
        return [packet.at_us for packet in self.packets if packet.sound == sound and packet.unit == unit]


class Lecture:
    """A publisher of sound and pictures, each by its own clock, and viewers; most without encryption."""

    def __init__(self, viewers: int = MANY, *, apart: bool = False) -> None:
        self.engine = Engine(seed=5)
        self.now_us = START_US
        self.left = 0
        self.viewers: dict[bytes, Viewer] = {}
        self.sent = {SOUND: 0, PICTURE: 0}
        self.units = {SOUND: 0, PICTURE: 0}
        self.publishers = [self._publisher(1), self._publisher(2)]
        self.of_sound = self.publishers[1 if apart else 0]
        self.video = self.engine.add_publication(
            self.publishers[0][0],
            kind="video",
            mid="v",
            clock_rate=90_000,
            formats=[("VP8", 96, -1, False)],
            encodings=[("", PICTURE, 0)],
        )
        self.audio = self.engine.add_publication(
            self.of_sound[0],
            kind="audio",
            mid="a",
            clock_rate=48_000,
            formats=[("opus", 97, -1, False)],
            encodings=[("", SOUND, 0)],
        )
        for _ in range(viewers):
            self.come()

    def _publisher(self, number: int) -> tuple[int, bytes]:
        transport = self.engine.add_transport()
        self.engine.set_plain(transport)
        address = pack_address("192.0.2.1", number)
        self.engine.set_address(transport, address)
        return transport, address

    def come(
        self, *, encrypted: bool = False, keyed: bool = True, sound: bool = True, picture: bool = True
    ) -> Viewer:
        number = len(self.viewers) + 10
        transport = self.engine.add_transport()
        viewer = Viewer(transport, 0, 0)
        if encrypted:
            viewer.unprotect = self._encrypt(transport, number)
        elif keyed:
            self.engine.set_plain(transport)
        address = pack_address("192.0.2.2", number)
        self.engine.set_address(transport, address)
        if sound:
            viewer.sound = self._subscribe(transport, self.audio, number)
        if picture:
            viewer.picture = self._subscribe(transport, self.video, 1000 + number)
        self.viewers[address] = viewer
        return viewer

    def _subscribe(self, transport: int, publication: int, ssrc: int) -> int:
        return self.engine.add_subscription(
            transport,
            publication,
            mid="",
            ssrc=ssrc,
            rtx_ssrc=0,
            formats=[(96 if publication == self.video else 97, -1, False)],
        )

    def _encrypt(self, transport: int, number: int) -> Session:
        key = struct.pack("!7I", *range(number, number + 7))
        self.rtcp_key = key
        inbound = Session(Policy(key, Policy.SSRC_ANY_INBOUND, 0, GCM))
        outbound = Session(Policy(key, Policy.SSRC_ANY_OUTBOUND, 0, GCM))
        self.engine.set_keys(transport, inbound, outbound, aead_key=key)
        self.engine.set_send_extensions(transport, {ABS_SEND_TIME: 2})
        return Session(Policy(key, Policy.SSRC_ANY_INBOUND, 0, GCM))

    def _put(self, ssrc: int, payload: bytes, *, marker: bool, timestamp: int, lost: bool = False) -> None:
        head = struct.pack(
            "!BBHII",
            0x80,
            marker << 7 | (96 if ssrc == PICTURE else 97),
            self.sent[ssrc] & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        self.sent[ssrc] += 1
        if not lost:
            address = (self.of_sound if ssrc == SOUND else self.publishers[0])[1]
            self.engine.input(head + payload, address, self.now_us)
            self.engine.tick(self.now_us)

    def sound_before(self, early_us: int) -> int:
        """A packet of sound, so long before the next picture is due."""
        self.until(self.next_us - early_us)
        return self.sound()

    def sound(self) -> int:
        unit = self.units[SOUND]
        self.units[SOUND] += 1
        self._put(SOUND, struct.pack("!2xIB", unit, 0) + bytes(80), marker=False, timestamp=960 * unit)
        self.collect()
        return unit

    def put_picture(self, count: int = 3, *, keyframe: bool = False, shrink: int = 0, lost: int = -1) -> int:
        """A piece or two of it go out. shrink: bytes by which its last packet is smaller."""
        unit = self.units[PICTURE]
        self.units[PICTURE] += 1
        for index in range(count):
            head = bytes([0x10 if index == 0 else 0, not keyframe])
            body = struct.pack("!IB", unit, index) + bytes(400 - (shrink if index == count - 1 else 0))
            self._put(
                PICTURE, head + body, marker=index == count - 1, timestamp=3600 * unit, lost=index == lost
            )
        return unit

    def picture(self, count: int = 3, *, keyframe: bool = False, shrink: int = 0, lost: int = -1) -> int:
        """All of it."""
        unit = self.put_picture(count, keyframe=keyframe, shrink=shrink, lost=lost)
        self.collect()
        return unit

    def collect(self) -> None:
        for datagram, address in self.engine.drain():
            viewer = self.viewers.get(address)
            if viewer is None or 192 <= datagram[1] <= 223:
                continue
            plain = datagram if viewer.unprotect is None else viewer.unprotect.unprotect(datagram)
            second, sequence = struct.unpack_from("!xBH", plain)
            at = 12 + (4 + 4 * struct.unpack_from("!H", plain, 14)[0] if plain[0] & 0x10 else 0)
            unit, index = struct.unpack_from("!IB", plain, at + 2)
            self.left += 1
            viewer.packets.append(
                Packet(self.now_us, second & 127 == 97, unit, sequence, index, len(plain), self.left)
            )

    def until(self, at_us: int) -> None:
        """What the clock brings until then, each when it is due."""
        while 0 <= (due := self.engine.next_deadline_us()) <= at_us:
            self.now_us = max(self.now_us, due)
            self.engine.tick(self.now_us)
            self.collect()
            if self.engine.next_deadline_us() == due and due < self.now_us:
                self.now_us += 1
        self.now_us = max(self.now_us, at_us)
        self.engine.tick(self.now_us)
        self.collect()

    def warm(self, lead_us: int) -> None:
        """Until both rhythms are known: each second packet of sound comes so long before a picture."""
        self.origin_us = self.now_us + 10_000
        for number in range(WARM):
            at = self.origin_us + number * PICTURE_US
            events: list[tuple[int, Callable[[], int]]] = [
                (at - lead_us, self.sound),
                (at, lambda first=number == 0: self.picture(keyframe=first)),
                (at - lead_us + SOUND_US, self.sound),
            ]
            for time, event in sorted(events, key=lambda entry: entry[0]):
                self.until(time)
                event()
        self.next_us = self.origin_us + WARM * PICTURE_US
        self.until(self.next_us - 15_000)
        for viewer in self.viewers.values():
            viewer.packets.clear()

    def bursts(self) -> int:
        return self.engine.counters()["send_bursts"]


@pytest.fixture
def lecture() -> type[Lecture]:
    return Lecture


def test_sound_waits_for_the_picture_that_is_expected_and_goes_behind_it(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    before = room.bursts()
    sound = room.sound_before(2000)
    assert not any(viewer.packets for viewer in room.viewers.values())
    room.until(room.next_us)
    picture = room.picture()
    for viewer in room.viewers.values():
        assert viewer.order() == [
            (False, picture, 0),
            (False, picture, 1),
            (False, picture, 2),
            (True, sound, 0),
        ]
        assert {packet.at_us for packet in viewer.packets} == {room.next_us}
    assert room.bursts() - before == MANY


def test_a_picture_waits_for_the_sound_that_is_expected(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(-3000)
    before = room.bursts()
    room.until(room.next_us)
    picture = room.picture()
    assert not any(viewer.packets for viewer in room.viewers.values())
    room.until(room.next_us + 3000)
    sound = room.sound()
    for viewer in room.viewers.values():
        assert viewer.order() == [
            (False, picture, 0),
            (False, picture, 1),
            (False, picture, 2),
            (True, sound, 0),
        ]
        assert {packet.at_us for packet in viewer.packets} == {room.next_us + 3000}
    assert room.bursts() - before == MANY


@pytest.mark.parametrize("lead_us", [13_000, -9000])
def test_what_is_further_apart_than_the_bound_does_not_wait(lecture: type[Lecture], lead_us: int) -> None:
    room = lecture()
    room.warm(lead_us)
    room.until(room.next_us - max(lead_us, 0))
    room.sound() if lead_us > 0 else room.picture()
    assert all(viewer.packets for viewer in room.viewers.values())


def test_a_picture_that_does_not_come_is_waited_for_no_longer_than_the_bound(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    sound = room.sound_before(2000)
    room.until(room.next_us + 12_000)
    for viewer in room.viewers.values():
        assert viewer.when(sound=True, unit=sound) == [room.next_us - 2000 + HOLD_SOUND_US]


def test_sound_that_does_not_come_is_waited_for_no_longer_than_the_bound(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(-3000)
    room.until(room.next_us)
    picture = room.picture()
    room.until(room.next_us + 12_000)
    for viewer in room.viewers.values():
        assert viewer.when(sound=False, unit=picture) == [room.next_us + HOLD_PICTURE_US] * 3


@pytest.mark.parametrize("kind", [{"viewers": FEW}, {"apart": True}], ids=["few viewers", "two senders"])
def test_sound_does_not_wait(lecture: type[Lecture], kind: dict[str, int]) -> None:
    room = lecture(**kind)
    room.warm(2000)
    room.sound_before(2000)
    assert all(viewer.packets for viewer in room.viewers.values())


@pytest.mark.parametrize("always", [True, False])
def test_of_a_group_only_a_voice_that_needs_no_place_waits(lecture: type[Lecture], always: bool) -> None:
    room = lecture()
    room.engine.set_group(room.audio, 1, always=always)
    room.warm(2000)
    sound = room.sound_before(2000)
    assert any(viewer.when(sound=True, unit=sound) for viewer in room.viewers.values()) is not always
    room.until(room.next_us)
    room.picture()
    assert all(viewer.when(sound=True, unit=sound) for viewer in room.viewers.values())


@pytest.mark.parametrize(
    "picture", [{"count": 12, "keyframe": True}, {"shrink": 200}], ids=["key", "unequal"]
)
def test_sound_overtakes_a_picture_that_takes_nothing_along(
    lecture: type[Lecture], picture: dict[str, int]
) -> None:
    room = lecture()
    room.warm(2000)
    sound = room.sound_before(2000)
    room.until(room.next_us)
    unit = room.picture(**picture)
    for viewer in room.viewers.values():
        assert viewer.order()[0] == (True, sound, 0)
        assert len(viewer.when(sound=False, unit=unit)) == picture.get("count", 3)


def test_sound_behind_a_key_picture_that_goes_out_in_lots_does_not_wait(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    late_us = 12_000  # so that sound behind it comes shortly before the next one is due
    room.until(room.next_us + late_us)
    room.picture(80, keyframe=True)
    room.until(room.next_us + late_us + 19_000)
    sound = room.sound()
    for viewer in room.viewers.values():
        assert viewer.when(sound=True, unit=sound) == [room.now_us]


def test_a_picture_whose_end_is_lost_keeps_sound_no_longer_than_the_bound(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    sound = room.sound_before(2000)
    room.until(room.next_us)
    room.picture(lost=2)
    room.until(room.next_us + SOUND_US)
    for viewer in room.viewers.values():
        assert viewer.when(sound=True, unit=sound) == [room.next_us - 2000 + HOLD_SOUND_US]


def test_more_sound_sends_what_waits_on_its_way(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    first = room.sound_before(2000)
    second = room.sound_before(1500)
    for viewer in room.viewers.values():
        assert viewer.order() == [(True, first, 0), (True, second, 0)]


def test_who_gets_no_picture_gets_the_sound_at_once(lecture: type[Lecture]) -> None:
    room = lecture()
    hears = room.come(picture=False)
    paused = room.come()
    room.warm(2000)
    room.engine.set_paused(paused.picture, True)
    room.sound_before(2000)
    got = {id(viewer) for viewer in room.viewers.values() if viewer.packets}
    assert got == {id(hears), id(paused)}


def test_who_gets_no_sound_gets_the_picture_at_once(lecture: type[Lecture]) -> None:
    room = lecture()
    sees = room.come(sound=False)
    room.warm(-3000)
    room.until(room.next_us)
    room.picture()
    assert {id(viewer) for viewer in room.viewers.values() if viewer.packets} == {id(sees)}


def test_many_who_get_no_sound_keep_pictures_from_waiting(lecture: type[Lecture]) -> None:
    """A picture to all of those at once would be more than a piece."""
    room = lecture()
    for _ in range(60):
        room.come(sound=False)
    room.warm(-3000)
    room.until(room.next_us)
    room.picture()
    room.until(room.next_us)
    assert all(len(viewer.packets) == 3 for viewer in room.viewers.values())


def test_a_thin_link_is_paced_as_ever_and_its_sound_never_waits(lecture: type[Lecture]) -> None:
    room = lecture()
    thin = room.come(encrypted=True)
    outbound = Session(Policy(room.rtcp_key, Policy.SSRC_ANY_OUTBOUND, 0, GCM))
    address = next(address for address, viewer in room.viewers.items() if viewer is thin)

    def report(bps: int) -> None:
        remb = outbound.protect_rtcp(build_remb(1, bps, [1000 + 10 + MANY]))
        room.engine.input(remb, address, room.now_us)
        room.engine.set_bandwidth_goal(thin.transport, 1_000_000)

    report(5_000_000)
    room.warm(2000)
    report(100_000)
    assert room.engine.transport_stats(thin.transport)["paced"]
    sound = room.sound_before(2000)
    assert thin.when(sound=True, unit=sound) == [room.next_us - 2000]
    assert [viewer for viewer in room.viewers.values() if viewer.packets] == [thin]


def test_who_is_not_keyed_gets_nothing_and_holds_nobody_up(lecture: type[Lecture]) -> None:
    room = lecture()
    early = room.come(keyed=False)
    room.warm(2000)
    room.sound_before(2000)
    room.until(room.next_us)
    room.picture()
    assert early.packets == []
    assert all(len(viewer.packets) == 4 for viewer in room.viewers.values() if viewer is not early)


def test_padding_makes_one_burst_of_a_picture_whose_packets_differ_by_a_few_bytes(
    lecture: type[Lecture],
) -> None:
    room = lecture(0)
    for _ in range(MANY):
        room.come(encrypted=True)
    room.warm(2000)
    before = room.bursts()
    sound = room.sound_before(2000)
    room.until(room.next_us)
    picture = room.picture(shrink=7)
    assert room.bursts() - before == MANY
    for viewer in room.viewers.values():
        assert viewer.order() == [
            (False, picture, 0),
            (False, picture, 1),
            (False, picture, 2),
            (True, sound, 0),
        ]
        assert len({packet.size for packet in viewer.packets[:3]}) == 1


def test_sound_that_comes_while_a_picture_goes_out_goes_along_and_the_others_get_it_at_once(
    lecture: type[Lecture],
) -> None:
    room = lecture(200)
    room.warm(9000)
    room.until(room.next_us)
    picture = room.put_picture()
    sound = room.sound()
    rode = 0
    for viewer in room.viewers.values():
        assert viewer.order() == [
            (False, picture, 0),
            (False, picture, 1),
            (False, picture, 2),
            (True, sound, 0),
        ]
        rode += viewer.packets[3].place == viewer.packets[2].place + 1
    assert 100 < rode < 200


# --- who and what goes meanwhile ---------------------------------------------------------------------------


@pytest.mark.parametrize("lead_us", [2000, -3000])
def test_viewers_who_come_and_go_while_something_waits(lecture: type[Lecture], lead_us: int) -> None:
    room = lecture()
    room.warm(lead_us)
    first, second = (room.sound, room.picture) if lead_us > 0 else (room.picture, room.sound)
    room.until(room.next_us - max(lead_us, 0))
    first()
    present = list(room.viewers.values())
    for viewer in present[::20]:
        room.engine.remove_transport(viewer.transport)
    late = room.come()
    room.until(room.next_us + max(-lead_us, 0))
    second()
    for number, viewer in enumerate(present):
        assert len(viewer.packets) == (0 if number % 20 == 0 else 4)
    assert [packet.sound for packet in late.packets] == [True]  # its picture begins with a key picture


@pytest.mark.parametrize("lead_us", [2000, -3000])
@pytest.mark.parametrize("gone", ["sound", "picture", "publisher"])
def test_a_publication_that_ends_while_something_waits(
    lecture: type[Lecture], lead_us: int, gone: str
) -> None:
    room = lecture()
    room.warm(lead_us)
    room.until(room.next_us - max(lead_us, 0))
    room.sound() if lead_us > 0 else room.picture()
    if gone == "publisher":
        room.engine.remove_transport(room.publishers[0][0])
    else:
        room.engine.remove_publication(room.audio if gone == "sound" else room.video)
    room.until(room.next_us + SOUND_US)
    waited = "sound" if lead_us > 0 else "picture"
    lost = gone in (waited, "publisher")
    assert all(
        len(viewer.packets) == (0 if lost else 1 if waited == "sound" else 3)
        for viewer in room.viewers.values()
    )


@pytest.mark.parametrize("gone", ["sound", "picture"])
def test_a_publication_that_ends_while_the_two_go_out(lecture: type[Lecture], gone: str) -> None:
    room = lecture(200)
    room.warm(2000)
    sound = room.sound_before(2000)
    room.until(room.next_us)
    room.put_picture()
    room.engine.remove_publication(room.audio if gone == "sound" else room.video)
    room.until(room.next_us + SOUND_US)
    heard = [viewer.when(sound=True, unit=sound) for viewer in room.viewers.values()]
    assert 0 < sum(map(len, heard)) < 200 if gone == "sound" else all(len(times) == 1 for times in heard)
    if gone == "sound":
        assert all(len(viewer.when(sound=False, unit=WARM)) == 3 for viewer in room.viewers.values())


def test_a_pause_while_something_waits(lecture: type[Lecture]) -> None:
    room = lecture()
    room.warm(2000)
    room.sound_before(2000)
    viewers = list(room.viewers.values())
    room.engine.set_paused(viewers[3].picture, True)
    room.engine.set_paused(viewers[5].sound, True)
    room.until(room.next_us)
    room.picture()
    assert [packet.sound for packet in viewers[3].packets] == [True]
    assert [packet.sound for packet in viewers[5].packets] == [False] * 3


# --- whatever happens --------------------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["sound", "picture", "key", "uneven", "long", "wait", "go", "come", "pause", "resume"]),
    st.integers(0, 90),
)


def step(room: Lecture, what: str, which: int) -> None:
    present = [viewer for viewer in room.viewers.values() if not viewer.gone]
    viewer = present[which % len(present)]
    if what == "sound":
        room.sound()
    elif what == "picture":
        room.picture()
    elif what == "key":
        room.picture(12, keyframe=True)
    elif what == "uneven":
        room.picture(shrink=100 + which)
    elif what == "long":
        room.picture(9)
    elif what == "wait":
        room.until(room.now_us + 100 * which)
    elif what == "go":
        room.engine.remove_transport(viewer.transport)
        viewer.gone = True
    elif what == "come":
        room.come()
    else:
        room.engine.set_paused(viewer.sound if which % 2 else viewer.picture, what == "pause")


@settings(max_examples=40)
@given(st.sampled_from([2000, -3000, 500]), st.lists(STEP, max_size=25))
def test_everybody_gets_everything_once_in_order_and_soon(lead_us: int, steps: list[tuple[str, int]]) -> None:
    room = Lecture()
    room.warm(lead_us)
    sent: dict[tuple[bool, int], int] = {}
    for what, which in steps:
        before = dict(room.units)
        at_us = room.now_us
        step(room, what, which)
        for ssrc in (SOUND, PICTURE):
            if room.units[ssrc] > before[ssrc]:
                sent[ssrc == SOUND, before[ssrc]] = at_us
    room.until(room.now_us + 50_000)
    for viewer in room.viewers.values():
        for sound in (True, False):
            numbers = [packet.sequence for packet in viewer.packets if packet.sound == sound]
            assert all(later - one & 0xFFFF == 1 for one, later in itertools.pairwise(numbers))
        for packet in viewer.packets:
            assert packet.at_us - sent[packet.sound, packet.unit] <= HOLD_SOUND_US + RIDE_US
