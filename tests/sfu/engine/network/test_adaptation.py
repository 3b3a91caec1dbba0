"""A lesson's streams on links that change: estimation, pacing, share-out and repair together.

The engine and the control plane over it are real, and so is SRTP; the links and the clock are the tests' own.
The subscriber is as strict as a browser: it reports arrivals, asks for what is missing, and shows a picture
only when everything before it is there.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from sfu.allocator import StreamState
from sfu.engine.engine import EventKind
from sfu.engine.rtcp import build_remb
from sfu.engine.twcc import TwccReceiver
from sfu.media import MediaEnd
from sfu.params import Codec, Encoding, Extension, Kind, MediaParameters, PayloadFormat, TransportState
from sfu.pauses import Pauses

# Who protects the packets changes no rate and no time; the other files ask both ways of what `bed` is for.
pytestmark = pytest.mark.parametrize("bed", ["own_cipher"], indirect=True)

STEP_US = 5_000
MILLISECOND = 1_000
SECOND = 1_000_000
MTU = 1_100
EXTENSIONS = (
    (Extension.MID, 1),
    (Extension.ABS_SEND_TIME, 2),
    (Extension.TRANSPORT_CC, 3),
)
VP8 = PayloadFormat(Codec("VP8", 90000), 96, 97, frozenset({"nack", "nack pli", "transport-cc"}))
OPUS = PayloadFormat(Codec("opus", 48000, 2), 111, None, frozenset({"transport-cc"}))
RATES = (150_000, 500_000, 1_500_000)
KEYFRAME_BEGINS = b"\x10\x00"
KEYFRAME_BYTES = (5_000, 14_000, 40_000)


class Teacher:
    """Publishes a camera in three layers and a microphone; a keyframe for each PLI, as browsers do."""

    def __init__(self, world, rates=RATES):
        self.world, self.rates = world, rates
        self.peer = world.bed.peer()
        self.peer.on_rtcp = self.heard
        self.end = world.end_of(self.peer)
        encodings = tuple(Encoding(1000 + at, 2000 + at) for at in range(len(rates)))
        extensions = EXTENSIONS
        self.camera = self.end.publish(MediaParameters(Kind.VIDEO, "0", (VP8,), extensions, encodings))
        self.microphone = self.end.publish(
            MediaParameters(Kind.AUDIO, "1", (OPUS,), extensions, (Encoding(3000),))
        )
        self.sequences = [100] * (len(rates) + 1)
        self.wanted = set(range(len(rates)))
        self.transport_sequence = 0
        self.frames = self.sounds = 0
        self.switched_off: set[int] = set()

    def heard(self, kind, count, body):
        if (kind, count) == (206, 1):
            self.wanted.add(struct.unpack_from("!I", body, 4)[0] - 1000)

    def step(self, now_us):
        if now_us // 20_000 != (now_us - STEP_US) // 20_000:
            self._send(len(self.rates), bytes(100), ssrc=3000, payload_type=111, timestamp=self.sounds * 960)
            self.sounds += 1
        if now_us * 30 // SECOND != (now_us - STEP_US) * 30 // SECOND:
            self.frames += 1
            for at, rate in enumerate(self.rates):
                if at not in self.switched_off:
                    self._picture(at, rate)

    def _picture(self, at, rate):
        keyframe = at in self.wanted
        self.wanted.discard(at)
        size = KEYFRAME_BYTES[-len(self.rates) :][at] if keyframe else rate // 240
        first = True
        while size > 0:
            payload = self.world.wire.vp8(0, keyframe=keyframe, size=max(min(size, MTU), 20))
            if not first:
                payload = b"\0" + payload[1:]
            size -= MTU
            timestamp = self.frames * 3000 + at * 1_000_000_000  # each begins anywhere (RFC 3550, 5.1)
            self._send(at, payload, ssrc=1000 + at, payload_type=96, timestamp=timestamp, marker=size <= 0)
            first = False

    def _send(self, at, payload, **header):
        extensions = {3: struct.pack("!H", self.transport_sequence & 0xFFFF)}
        self.transport_sequence += 1
        self.peer.send(self.world.wire.rtp(self.sequences[at], payload, extensions=extensions, **header))
        self.sequences[at] += 1


class Pupil:
    """Receives both, and keeps account of what is heard and shown."""

    def __init__(self, world, teacher, link, *, feedback=True, extensions=EXTENSIONS, rtx=True):
        self.world, self.feedback = world, feedback
        self.peer = world.bed.peer()
        self.peer.down = link
        self.peer.on_rtp = self.arrived
        self.end = world.end_of(self.peer)
        base = 10_000 * len(world.ends)
        self.ssrc, self.rtx_ssrc = base + 1, base + 2
        encoding = (Encoding(self.ssrc, self.rtx_ssrc if rtx else None),)
        formats = (VP8 if rtx else replace(VP8, rtx_payload_type=None),)
        self.camera = self.end.subscribe(
            teacher.camera, MediaParameters(Kind.VIDEO, "0", formats, extensions, encoding)
        )
        self.microphone = self.end.subscribe(
            teacher.microphone, MediaParameters(Kind.AUDIO, "1", (OPUS,), extensions, (Encoding(base + 3),))
        )
        self.states: list[tuple[int, StreamState]] = []
        self.camera.on_state = lambda state: self.states.append((world.bed.now_us, state))
        self.twcc = TwccReceiver()
        self.sound_times: list[int] = []
        self.sent_at: dict[int, int] = {}
        self.pictures: list[tuple[int, int]] = []
        """When a picture was shown, and its bytes."""
        self.waiting: dict[int, tuple[bool, int]] = {}
        self.asked: dict[int, tuple[int, int]] = {}
        self.next = self.highest = None
        self.picture_bytes = 0
        self.keyframes: set[int] = set()
        self.received = self.given_up = 0

    def arrived(self, packet):
        now_us = self.world.bed.now_us
        if 3 in packet.extensions and self.feedback:
            self.twcc.received(struct.unpack("!H", packet.extensions[3])[0], now_us)
        if packet.payload_type == 111:
            self.sound_times.append(now_us)
        elif packet.payload_type == 96:
            self._media(packet.sequence, packet.marker, packet.payload)
        elif packet.payload_type == 97 and len(packet.payload) > 2:
            self._media(struct.unpack_from("!H", packet.payload)[0], packet.marker, packet.payload[2:])

    def _media(self, wire, marker, payload):
        if self.next is None:
            self.next = self.highest = wire
        sequence = self.highest + ((wire - self.highest + 0x8000) & 0xFFFF) - 0x8000
        for lost in range(self.highest + 1, sequence):
            self.asked[lost] = (0, 0)
        self.highest = max(self.highest, sequence)
        self.asked.pop(sequence, None)
        if sequence < self.next or sequence in self.waiting:
            return
        self.received += 1
        self.waiting[sequence] = (marker, len(payload))
        if payload[:2] == KEYFRAME_BEGINS:
            self.keyframes.add(sequence)
        self._skip_to_keyframe()
        self._show()

    def _skip_to_keyframe(self):
        """One that is whole is shown whatever is missing before it."""
        for start in sorted(self.keyframes, reverse=True):
            at = start
            while at in self.waiting and not self.waiting[at][0]:
                at += 1
            if start > self.next and at in self.waiting:
                self.next = start
                self.picture_bytes = 0
        self.keyframes = {start for start in self.keyframes if start > self.next}
        self.asked = {lost: times for lost, times in self.asked.items() if lost >= self.next}
        self.waiting = {at: what for at, what in self.waiting.items() if at >= self.next}

    def _show(self):
        while self.next in self.waiting:
            marker, size = self.waiting.pop(self.next)
            self.next += 1
            self.picture_bytes += size
            if marker:
                self.pictures.append((self.world.bed.now_us, self.picture_bytes))
                self.picture_bytes = 0

    def step(self, now_us):
        while report := self.twcc.report(now_us, ssrc=1, media_ssrc=self.ssrc):
            self.peer.send_rtcp(report)
        due = [
            lost
            for lost, (asked_us, tries) in self.asked.items()
            if tries < 10 and now_us - asked_us > 100 * MILLISECOND
        ]
        if due:
            for lost in due:
                self.asked[lost] = (now_us, self.asked[lost][1] + 1)
            self.peer.send_rtcp(self.world.wire.nack_of(self.ssrc, [lost & 0xFFFF for lost in due[:100]]))
        hopeless = [lost for lost, (_, tries) in self.asked.items() if tries >= 10]
        for lost in hopeless:
            del self.asked[lost]
            self.given_up += 1
            if self.next is not None and lost >= self.next:
                self.next = lost + 1
                self._show()

    # --- what a person would say of it --------------------------------------------------------------------

    def longest_silence_ms(self, since_us, until_us):
        return longest_gap(self.sound_times, since_us, until_us) / 1000

    def longest_freeze_ms(self, since_us, until_us):
        return longest_gap([at for at, _ in self.pictures], since_us, until_us) / 1000

    def shown_bps(self, since_us, until_us):
        shown = sum(size for at, size in self.pictures if since_us <= at < until_us)
        return 8e6 * shown / (until_us - since_us)


def longest_gap(times, since_us, until_us):
    inside = [since_us, *(at for at in times if since_us <= at < until_us), until_us]
    return max(after - before for before, after in pairwise(inside))


class World:
    """The bed, with the control plane over its engine."""

    def __init__(self, bed, wire):
        self.bed, self.wire = bed, wire
        self.ends: dict[int, MediaEnd] = {}
        self.actors = []
        bed.now_us -= bed.now_us % STEP_US

    def end_of(self, peer):
        end = MediaEnd(
            SimpleNamespace(
                engine=self.bed.engine, pauses=Pauses(self.bed.engine), stirred=lambda transport: None
            ),
            peer.transport,
        )
        end.state = TransportState.CONNECTED
        self.ends[peer.transport] = end
        return end

    def teacher(self, **arguments):
        self.actors.append(Teacher(self, **arguments))
        return self.actors[-1]

    def pupil(self, teacher, link, **arguments):
        self.actors.append(Pupil(self, teacher, link, **arguments))
        return self.actors[-1]

    def run(self, seconds):
        """Returns (from, until) in microseconds."""
        start = self.bed.now_us
        for _ in range(int(seconds * SECOND / STEP_US)):
            for actor in self.actors:
                actor.step(self.bed.now_us)
            self.bed.advance(STEP_US)
            self.serve()
        return start, self.bed.now_us

    def serve(self):
        now = self.bed.now_us / SECOND
        for event in self.bed.engine.events():
            if event.kind is EventKind.BANDWIDTH:
                end = self.ends[event.transport]
                end.downlink.estimated(event.detail, now, end.subscriptions.values())
        if self.bed.now_us % SECOND == 0:
            for end in self.ends.values():
                for publication in end.publications.values():
                    layers = self.bed.engine.publication_stats(publication.id)["layers"]
                    publication.rates.sample(now, layers)
                end.downlink.tick(now, end.subscriptions.values())

    def estimate(self, pupil):
        return self.bed.engine.transport_stats(pupil.peer.transport)["estimate_bps"]


@pytest.fixture
def world(bed, wire_format):
    return World(bed, wire_format)


def test_a_fat_link_gets_the_best_layer_within_a_second(world, wire_format):
    """It begins with the least picture, until a probe has told that there is room."""
    pupil = world.pupil(world.teacher(), wire_format.link(bps=50e6, delay_us=20_000))
    pupil.peer.up = wire_format.link(delay_us=20_000)
    since, until = world.run(5)
    assert pupil.shown_bps(since + SECOND, until) > 1_400_000
    assert pupil.longest_freeze_ms(since, until) < 150
    assert pupil.states == []


@pytest.mark.parametrize("queue_ms", [400, 2_000])
@pytest.mark.parametrize("bps", [250_000, 400_000, 900_000])
def test_who_comes_by_a_thin_link_hears_and_sees_at_once(world, wire_format, bps, queue_ms):
    """Whatever the depth of the buffer before it: a keyframe of the best picture would fill it."""
    teacher = world.teacher()
    world.run(2)
    pupil = world.pupil(teacher, wire_format.link(bps=bps, delay_us=30_000, queue_us=queue_ms * MILLISECOND))
    pupil.peer.up = wire_format.link(delay_us=30_000)
    since, until = world.run(15)
    assert pupil.pictures[0][0] - since < 300 * MILLISECOND
    assert pupil.longest_silence_ms(since, until) < 250
    assert pupil.longest_silence_ms(since + SECOND, until) <= 60
    assert pupil.longest_freeze_ms(since, until) < 400
    assert StreamState.PAUSED not in [state for _, state in pupil.states]


def test_a_link_that_falls_and_comes_back(world, wire_format):
    teacher = world.teacher()
    pupil = world.pupil(teacher, wire_format.link(bps=20e6, delay_us=20_000))
    other = world.pupil(teacher, wire_format.link(bps=20e6))
    world.run(8)
    pupil.peer.down.bps = 500_000
    since, until = world.run(30)
    assert pupil.longest_silence_ms(since + 600 * MILLISECOND, until) <= 60
    assert pupil.longest_freeze_ms(since + 2 * SECOND, until) < 1000
    assert pupil.longest_freeze_ms(since, since + 4 * SECOND) < 2000
    assert pupil.states[-1][1] is StreamState.REDUCED
    assert len(pupil.states) <= 3
    pupil.peer.down.bps = 20e6
    lifted, _ = world.run(10)
    _, until = world.run(5)
    assert pupil.states[-1][1] is StreamState.OK
    assert pupil.states[-1][0] - lifted < 10 * SECOND
    assert pupil.shown_bps(until - 4 * SECOND, until) > 1_400_000
    assert other.states == []
    assert other.longest_freeze_ms(world.bed.now_us - 45 * SECOND, until) < 150
    assert other.longest_silence_ms(world.bed.now_us - 45 * SECOND, until) <= 60


@pytest.mark.parametrize("phase_ms", [0, 35, 70, 115])
@pytest.mark.parametrize("queue_ms", [60, 400, 2_000])
def test_a_fall_is_noticed_before_its_queue_is_long(world, wire_format, queue_ms, phase_ms):
    """Whatever the depth of the buffer before the link, and wherever between two reports it falls."""
    pupil = world.pupil(
        world.teacher(), wire_format.link(bps=20e6, delay_us=20_000, queue_us=queue_ms * MILLISECOND)
    )
    pupil.peer.up = wire_format.link(delay_us=20_000)
    world.run(8)
    world.run(phase_ms / 1000)
    pupil.peer.down.bps = 500_000
    since, until = world.run(10)
    assert pupil.states[0][0] - since < 250 * MILLISECOND
    assert pupil.longest_silence_ms(since, until) < 125
    assert pupil.longest_silence_ms(since + 800 * MILLISECOND, until) <= 60
    assert pupil.longest_freeze_ms(since, until) < 700
    assert [state for _, state in pupil.states] == [StreamState.REDUCED]


def test_a_link_that_stands_still_for_a_moment_lowers_nothing(world, wire_format):
    """A radio that lets nothing through for 150 ms, and then all at once, every few seconds."""
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6, delay_us=20_000))
    world.run(6)
    for _ in range(10):
        pupil.peer.down.free_us = world.bed.now_us + 150 * MILLISECOND
        world.run(3)
    assert pupil.states == []
    assert world.estimate(pupil) > 1_600_000


@pytest.mark.parametrize("seed", range(2))
def test_loss_that_repair_covers_lowers_nothing(world, wire_format, seed):
    world.bed.random.seed(seed)
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6, delay_us=50_000, loss=0.05))
    pupil.peer.up = wire_format.link(delay_us=50_000)
    world.run(5)
    pupil.received = pupil.given_up = 0
    since, until = world.run(40)
    assert pupil.given_up <= pupil.received / 1000
    assert pupil.states == []
    assert pupil.shown_bps(since, until) > 1_400_000


def test_one_layer_that_does_not_fit_is_paused_and_said_so(world, wire_format):
    pupil = world.pupil(world.teacher(rates=(1_500_000,)), wire_format.link(bps=20e6))
    world.run(5)
    pupil.peer.down.bps = 400_000
    world.run(5)
    since, until = world.run(20)
    assert pupil.states[-1][1] is StreamState.PAUSED
    assert pupil.longest_silence_ms(since, until) <= 60
    pupil.peer.down.bps = 20e6
    world.run(10)
    assert pupil.states[-1][1] is StreamState.OK
    since, until = world.run(3)
    assert pupil.longest_freeze_ms(since, until) < 150


def test_sound_is_not_held_up_by_keyframes_on_a_thin_link(world, wire_format):
    teacher = world.teacher(rates=(500_000,))
    pupil = world.pupil(teacher, wire_format.link(bps=1e6, queue_us=2_000_000))
    world.run(10)
    since = world.bed.now_us
    for _ in range(10):
        teacher.wanted.add(0)
        world.run(2)
    assert pupil.longest_silence_ms(since, world.bed.now_us) <= 60
    assert pupil.longest_freeze_ms(since, world.bed.now_us) < 1000


def test_a_publisher_whose_uplink_falls_moves_nobodys_estimate(world, wire_format):
    teacher = world.teacher()
    teacher.peer.up = wire_format.link(bps=20e6)
    pupil = world.pupil(teacher, wire_format.link(bps=20e6))
    world.run(10)
    before = world.estimate(pupil)
    assert before > 1_600_000
    teacher.peer.up.bps = 400_000
    world.run(1)
    # what Chromium does on our feedback: the layers that no longer fit are not sent
    teacher.switched_off = {1, 2}
    stopped, _ = world.run(20)
    assert pupil.longest_freeze_ms(stopped, world.bed.now_us) < 1000
    assert world.estimate(pupil) > 0.9 * before
    since, until = world.run(5)
    assert pupil.shown_bps(since, until) > 100_000
    assert pupil.longest_freeze_ms(since, until) < 1000


def test_a_layer_that_stops_is_left_at_once(world, wire_format):
    """Its sender goes on with the others, so it is not the network that is slow."""
    teacher = world.teacher()
    pupil = world.pupil(teacher, wire_format.link(bps=20e6, delay_us=20_000))
    world.run(5)
    teacher.switched_off = {2}
    since, until = world.run(3)
    assert pupil.longest_freeze_ms(since, until) < 600
    assert pupil.shown_bps(since + SECOND, until) > 400_000


def test_a_layer_that_comes_and_goes_is_not_followed_to_and_fro(world, wire_format):
    """An uplink that carries one picture of the best layer now and then."""
    teacher = world.teacher()
    pupil = world.pupil(teacher, wire_format.link(bps=20e6, delay_us=20_000))
    world.run(5)
    since = world.bed.now_us
    for _ in range(10):
        teacher.switched_off = {2}
        world.run(0.7)
        teacher.switched_off = set()
        world.run(0.05)
    assert pupil.longest_freeze_ms(since, world.bed.now_us) < 600
    assert pupil.shown_bps(since + SECOND, world.bed.now_us) > 400_000
    teacher.switched_off = set()
    world.run(4)
    since, until = world.run(2)
    assert pupil.shown_bps(since, until) > 1_400_000


def test_a_layer_that_is_switched_on_again_is_taken_at_once(world, wire_format):
    teacher = world.teacher()
    pupil = world.pupil(teacher, wire_format.link(bps=20e6, delay_us=20_000))
    world.run(5)
    teacher.switched_off = {2}
    world.run(1.5)
    teacher.switched_off = set()
    teacher.wanted.add(2)
    world.run(0.2)
    since, until = world.run(1)
    assert pupil.shown_bps(since, until) > 1_400_000


def test_a_subscriber_that_reports_nothing_gets_everything(world, wire_format):
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6), feedback=False)
    world.run(3)
    since, until = world.run(3)
    assert pupil.shown_bps(since, until) > 1_400_000
    assert world.estimate(pupil) == 0


def test_sound_alone_at_first_teaches_nothing_of_the_link(world, wire_format):
    """Nor does it hold back the picture that comes later, when nothing is reported of either."""
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6), feedback=False)
    world.bed.engine.set_bandwidth_goal(pupil.peer.transport, 40_000)
    world.run(1)
    world.bed.engine.set_bandwidth_goal(pupil.peer.transport, 1_600_000)
    world.run(2)
    since, until = world.run(3)
    assert not world.bed.engine.transport_stats(pupil.peer.transport)["paced"]
    assert pupil.shown_bps(since, until) > 1_400_000


@pytest.mark.parametrize("loss", [0.0, 0.02])
def test_without_retransmission_padding_between_pictures_finds_the_way_up(world, wire_format, loss):
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6, delay_us=20_000, loss=loss), rtx=False)
    world.run(6)
    pupil.peer.down.bps = 500_000
    world.run(10)
    assert pupil.states[-1][1] is StreamState.REDUCED
    pupil.peer.down.bps = 20e6
    lifted, until = world.run(12)
    assert pupil.states[-1][1] is StreamState.OK
    assert pupil.states[-1][0] - lifted < 10 * SECOND
    assert world.bed.engine.counters()["padding_out"] > 50
    assert pupil.given_up == 0
    assert pupil.longest_freeze_ms(lifted, until) < 500


def test_a_subscriber_that_goes_while_packets_wait_takes_them_along(world, wire_format):
    teacher = world.teacher(rates=(500_000,))
    pupil = world.pupil(teacher, wire_format.link(bps=1e6))
    world.run(5)
    teacher.wanted.add(0)
    waited = 0
    while not world.bed.engine.transport_stats(pupil.peer.transport)["paced_packets"]:
        world.run(0.01)
        waited += 1
        assert waited < 300
    pupil.camera.close()
    world.run(1)
    assert world.bed.engine.transport_stats(pupil.peer.transport)["paced_packets"] == 0


def test_a_subscriber_that_only_knows_remb_gets_what_it_asks_for(world, wire_format):
    pupil = world.pupil(
        world.teacher(), wire_format.link(bps=20e6), feedback=False, extensions=EXTENSIONS[:2]
    )
    world.run(3)
    assert pupil.states == []
    for _ in range(3):
        pupil.peer.send_rtcp(build_remb(1, 400_000, [pupil.ssrc]))
        world.run(1)
    assert pupil.states[-1][1] is StreamState.REDUCED
    since, until = world.run(3)
    assert 100_000 < pupil.shown_bps(since, until) < 200_000
    for _ in range(14):
        pupil.peer.send_rtcp(build_remb(1, 5_000_000, [pupil.ssrc]))
        world.run(1)
    assert pupil.states[-1][1] is StreamState.OK


def test_a_remb_of_one_bit_stops_pictures_and_nothing_else(world, wire_format):
    teacher = world.teacher()
    liar = world.pupil(teacher, wire_format.link(bps=20e6), feedback=False, extensions=EXTENSIONS[:2])
    honest = world.pupil(teacher, wire_format.link(bps=20e6))
    world.run(2)
    for _ in range(3):
        liar.peer.send_rtcp(build_remb(1, 1, [liar.ssrc]))
        world.run(1)
    since, until = world.run(5)
    assert liar.states[-1][1] is StreamState.PAUSED
    assert liar.longest_silence_ms(since, until) <= 60
    assert honest.states == []
    assert honest.longest_freeze_ms(since, until) < 150


def test_feedback_for_packets_never_sent_is_counted_and_harmless(world, wire_format):
    pupil = world.pupil(world.teacher(), wire_format.link(bps=20e6))
    world.run(3)
    body = struct.pack("!II", 1, pupil.ssrc) + struct.pack("!HHI", 40_000, 3, 1 << 8)
    good = body + struct.pack("!HBBBB", 0x2003, 4, 4, 4, 0) + bytes(2)
    for feedback in (good, body + b"\xff\xff\xff\xff", body):
        pupil.peer.send_rtcp(struct.pack("!BBH", 0x8F, 205, len(feedback) // 4) + feedback)
    since, until = world.run(3)
    assert world.bed.engine.counters()["drop_feedback_malformed"] == 2
    assert pupil.states == []
    assert pupil.longest_freeze_ms(since, until) < 150


def test_what_is_thin_is_freed_with_its_transport(world, wire_format):
    teacher = world.teacher(rates=(500_000,))
    pupil = world.pupil(teacher, wire_format.link(bps=700_000))
    world.run(5)
    assert world.bed.engine.transport_stats(pupil.peer.transport)["paced"]
    teacher.wanted.add(0)
    world.run(0.2)
    world.actors.remove(pupil)
    del world.ends[pupil.peer.transport]
    world.bed.engine.remove_transport(pupil.peer.transport)
    world.run(2)


@pytest.mark.parametrize("bps", [250_000, 400_000, 900_000])
def test_who_comes_by_a_thin_link_sees_a_moving_picture_within_two_seconds(world, wire_format, bps):
    pupil = world.pupil(world.teacher(), wire_format.link(bps=bps, delay_us=30_000))
    since, until = world.run(15)
    assert pupil.longest_freeze_ms(since + 2 * SECOND, until) < 1000
    assert pupil.longest_silence_ms(since + 2 * SECOND, until) <= 80
    assert StreamState.PAUSED not in [state for _, state in pupil.states]


def test_repeats_do_not_fill_a_link_that_is_full(world, wire_format):
    """Half of what is sent is lost and asked for again and again."""
    pupil = world.pupil(world.teacher(rates=(800_000,)), wire_format.link(bps=20e6, loss=0.5))
    world.run(1)
    before = world.bed.engine.transport_stats(pupil.peer.transport)["bytes_sent"]
    world.run(3)
    sent = world.bed.engine.transport_stats(pupil.peer.transport)["bytes_sent"] - before
    assert 8 * sent / 3 < 1_000_000
    assert world.bed.engine.counters()["drop_nack_bandwidth"] > 0
