"""Layers on their way through the engine: switched, left out, repaired, and no subscriber sees a gap."""

import itertools
import random
import struct

import pytest

from sfu.engine.descriptor import read_descriptor

FRAME_US = 33_000
SSRC, OUT_SSRC, OUT_RTX = 500, 5, 6
DEPENDENCY = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
TEMPORAL = (0, 2, 1, 2)
"""Temporal layer of each frame, over and over."""
L1T2 = bytes.fromhex("80011ea8514000000000000000000000")
"""A template structure: 0/0 "SS", 0/0 "SS" two back, 0/1 "-D" one back; filled up beyond what a short header
extension can hold."""


def vp8(picture, *, tl0, temporal, begins=True, keyframe=False, sync=False, number=0, size=60):
    """A payload with all of RFC 7741's descriptor; `number` to know it by."""
    head = struct.pack(
        "!BBHBB",
        0x90 if begins else 0x80,
        0xF0,
        0x8000 | picture & 0x7FFF,
        tl0 & 0xFF,
        temporal << 6 | sync << 5 | 3,
    )
    return head + bytes([not keyframe]) + struct.pack("!I", number) + bytes(size)


def number_of(payload):
    return struct.unpack_from("!I", payload, 7)[0]


class Publisher:
    """VP8 in three temporal layers, two packets a frame, one or more encodings."""

    def __init__(self, bed, wire, encodings=(("", SSRC, 0),), codec="VP8"):
        self.bed, self.wire = bed, wire
        self.peer = bed.peer()
        self.publication = bed.engine.add_publication(
            self.peer.transport,
            kind="video",
            mid="v",
            clock_rate=90000,
            formats=[(codec, 96, 97, True)],
            encodings=list(encodings),
        )
        self.peer.on_rtcp = self.answer
        self.asked = []
        self.sent = {}
        self.silent = set()

    def frame(self, number, *, keyframe=False, ssrc=SSRC, picture=0x7FF0, tl0=250, base=60_000, time=0):
        temporal = 0 if keyframe else TEMPORAL[number % 4]
        for half in range(2):
            sequence = (base + 2 * number + half) & 0xFFFF
            payload = vp8(
                picture + number,
                tl0=tl0 + number // 4,
                temporal=temporal,
                begins=half == 0,
                keyframe=keyframe,
                sync=number % 4 in (1, 2),
                number=2 * number + half,
            )
            packet = self.wire.rtp(
                sequence, payload, ssrc=ssrc, timestamp=time + 3000 * number, marker=half == 1
            )
            self.sent[ssrc, sequence] = packet
            self.peer.send(packet)

    def answer(self, kind, count, body):
        if (kind, count) == (206, 1):
            self.asked.append((self.bed.now_us, struct.unpack_from("!I", body, 4)[0]))
        if (kind, count) == (205, 1):
            ssrc = struct.unpack_from("!I", body, 4)[0]
            for sequence in self.wire.lost_of(body):
                if (ssrc, sequence) in self.sent:
                    self.peer.send(self.sent[ssrc, sequence])

    def report(self, ssrc, ntp, timestamp):
        self.peer.send_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, timestamp & 0xFFFFFFFF, 1, 1))


class Subscriber:
    """Asks again for what it misses; keeps packets by their unwrapped number."""

    def __init__(self, bed, wire, publication, formats=((100, 101, True),)):
        self.bed, self.wire = bed, wire
        self.peer = bed.peer()
        self.peer.on_rtp = self.note
        self.subscription = bed.engine.add_subscription(
            self.peer.transport, publication, mid="5", ssrc=OUT_SSRC, rtx_ssrc=OUT_RTX, formats=list(formats)
        )
        self.got = {}
        self.highest = None

    def want(self, layer, temporal=7):
        self.bed.engine.set_wanted_layer(self.subscription, layer, temporal)

    def note(self, packet):
        sequence, payload = packet.sequence, packet.payload
        if packet.ssrc == OUT_RTX:
            sequence, payload = struct.unpack_from("!H", payload)[0], payload[2:]
        self.highest = sequence if self.highest is None else self.highest
        extended = self.highest + ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        self.highest = max(self.highest, extended)
        described = read_descriptor("VP8", payload)
        value = (number_of(payload), described, packet.timestamp, packet.marker) if payload else None
        assert extended not in self.got or self.got[extended] == value
        self.got[extended] = value

    def ask(self):
        lost = [n & 0xFFFF for n in range(min(self.got), self.highest) if n not in self.got]
        if lost:
            self.peer.send_rtcp(self.wire.nack_of(OUT_SSRC, lost[:60]))

    @property
    def packets(self):
        return [self.got[n] for n in sorted(self.got) if self.got[n] is not None]

    @property
    def whole(self):
        """No number is missing."""
        return sorted(self.got) == list(range(min(self.got), self.highest + 1))

    @property
    def pictures(self):
        return [described["picture"] for _, described, _, _ in self.packets]


def steps(values, modulus):
    return {(b - a) % modulus for a, b in itertools.pairwise(values)}


def test_temporal_layers_left_out_and_taken_up_again(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    low, high = (Subscriber(bed, wire_format, publisher.publication) for _ in range(2))
    low.want(0, 0)
    for number in range(80):
        if number == 41:
            low.want(0, 1)
        publisher.frame(number, keyframe=number == 0)
        bed.advance(FRAME_US)
    assert len(high.packets) == 160 and high.whole
    assert low.whole
    shown = [number // 2 for number, *_ in low.packets[::2]]
    assert shown == [n for n in range(80) if n % 4 == 0 or (n > 41 and n % 2 == 0)]
    assert steps(low.pictures, 1 << 15) == {0, 1}  # one by one, across the end of the numbers
    assert steps([described["tl0"] for _, described, _, _ in low.packets[::2]], 256) <= {0, 1}
    stats = bed.engine.subscription_stats(low.subscription)
    assert (stats["temporal_layer"], stats["wanted_temporal"]) == (1, 1)
    assert bed.engine.counters()["fillers_out"] == 0


@pytest.mark.parametrize("rtx", [True, False], ids=["rtx", "plain"])
def test_what_is_lost_is_repaired_though_frames_are_left_out(bed, wire_format, rtx):
    publisher = Publisher(bed, wire_format)
    formats = ((100, 101 if rtx else -1, True),)
    subscriber = Subscriber(bed, wire_format, publisher.publication, formats)
    subscriber.want(0, 1)
    publisher.frame(0, keyframe=True)
    bed.advance(FRAME_US)
    bed.loss, bed.reorder, bed.delay_us = 0.05, 0.1, 15_000
    for number in range(1, 400):
        publisher.frame(number)
        bed.advance(FRAME_US)
        subscriber.ask()
    bed.loss = 0.0
    publisher.frame(400)
    for _ in range(30):
        bed.advance(40_000)
        subscriber.ask()
    assert subscriber.whole
    frames = {number // 2 for number, *_ in subscriber.packets}
    assert {n for n in range(401) if n % 2 == 0} <= frames  # all of the lower layers
    assert len(frames) < 215  # and next to nothing of the highest
    by_frame = {}
    for number, described, timestamp, _ in subscriber.packets:
        by_frame.setdefault(number // 2, set()).add((described["picture"], timestamp))
    assert all(len(seen) == 1 for seen in by_frame.values())
    pictures = [next(iter(by_frame[frame]))[0] for frame in sorted(by_frame)]
    assert all(0 < (b - a) % (1 << 15) < 4 for a, b in itertools.pairwise(pictures))


def test_a_switch_of_encodings_leaves_no_jump(bed, wire_format):
    publisher = Publisher(bed, wire_format, [("l", SSRC, 0), ("h", SSRC + 1, 0)])
    subscriber = Subscriber(bed, wire_format, publisher.publication)
    subscriber.want(0)
    second = 1 << 32

    def both(number, *, key=(False, False)):
        publisher.frame(number, keyframe=key[0])
        publisher.frame(number, keyframe=key[1], ssrc=SSRC + 1, picture=77, tl0=9, base=1000, time=0x80000000)

    both(0, key=(True, True))
    bed.advance(5_000)
    publisher.report(SSRC, 100 * second, 0)
    publisher.report(SSRC + 1, 100 * second + second // 100, 0x80000000 + 900)
    for number in range(1, 60):
        bed.advance(random.Random(number).randrange(20_000, 46_000))  # arrivals jitter, clocks do not
        if number in (20, 40):
            subscriber.want(1 if number == 20 else 0)
        both(number, key=(number == 44, number == 24))
    bed.advance(FRAME_US)
    assert subscriber.whole
    shown = [n // 2 for n, *_ in subscriber.packets[::2]]
    assert shown == sorted([*range(60), 24])  # the frame of a switch upwards is seen in both sizes
    assert steps(subscriber.pictures, 1 << 15) == {0, 1}
    times = [timestamp for _, _, timestamp, _ in subscriber.packets[::2]]
    assert steps(times, 1 << 32) <= {1, 2999, 3000} and times[-1] - times[0] < 3000 * 59 + 2
    assert {ssrc for _, ssrc in publisher.asked} == {SSRC, SSRC + 1}


def test_without_reports_time_goes_on_as_the_arrivals_did(bed, wire_format):
    publisher = Publisher(bed, wire_format, [("l", SSRC, 0), ("h", SSRC + 1, 0)])
    subscriber = Subscriber(bed, wire_format, publisher.publication)
    subscriber.want(0)
    for number in range(10):
        subscriber.want(0 if number < 4 else 1)
        publisher.frame(number, keyframe=number == 0)
        publisher.frame(number, keyframe=number == 5, ssrc=SSRC + 1, base=9, time=123_456_789)
        bed.advance(FRAME_US)
    times = [timestamp for _, _, timestamp, _ in subscriber.packets[::2]]
    assert all(0 < step < 3100 for step in steps(times, 1 << 32))


def test_a_lying_report_does_not_move_time(bed, wire_format):
    publisher = Publisher(bed, wire_format, [("l", SSRC, 0), ("h", SSRC + 1, 0)])
    subscriber = Subscriber(bed, wire_format, publisher.publication)
    subscriber.want(0)
    for number in range(10):
        subscriber.want(0 if number < 4 else 1)
        publisher.frame(number, keyframe=number == 0)
        publisher.frame(number, keyframe=number == 5, ssrc=SSRC + 1, base=9, time=55)
        if number == 1:
            publisher.report(SSRC, 1 << 62, 0)
            publisher.report(SSRC + 1, 1, 99)
        bed.advance(FRAME_US)
    times = [timestamp for _, _, timestamp, _ in subscriber.packets[::2]]
    assert all(0 < step < 3100 for step in steps(times, 1 << 32))


def test_a_silent_encoding_is_left_for_one_that_is_there(bed, wire_format):
    publisher = Publisher(bed, wire_format, [("l", SSRC, 0), ("h", SSRC + 1, 0)])
    subscriber = Subscriber(bed, wire_format, publisher.publication)
    for number in range(240):
        low_key = any(ssrc == SSRC for _, ssrc in publisher.asked[-1:])
        publisher.frame(number, keyframe=number == 0 or low_key)
        if number < 30 or number >= 200:
            publisher.frame(number, keyframe=number in (0, 200), ssrc=SSRC + 1, base=9)
        publisher.asked.clear()
        bed.advance(FRAME_US)
        if number == 150:
            assert bed.engine.subscription_stats(subscriber.subscription)["layer"] == 0
    assert bed.engine.subscription_stats(subscriber.subscription)["layer"] == 1
    assert subscriber.whole


def test_an_encoding_that_is_back_is_asked_for_a_keyframe_with_its_first_packet(bed, wire_format):
    publisher = Publisher(bed, wire_format, [("l", SSRC, 0), ("h", SSRC + 1, 0)])
    Subscriber(bed, wire_format, publisher.publication)
    for number in range(150):
        publisher.frame(number, keyframe=number == 0)
        if number < 3 or number == 149:
            publisher.frame(number, keyframe=number == 0, ssrc=SSRC + 1, base=9)
        bed.advance(FRAME_US)
    assert publisher.asked[-1] == (bed.now_us - FRAME_US, SSRC + 1)


def test_who_never_sent_costs_nothing(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    Subscriber(bed, wire_format, publisher.publication)
    bed.advance(25_000_000)
    assert bed.engine.next_deadline_us() - bed.now_us > 100_000


def test_a_new_subscriber_need_not_wait_for_the_next_request(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    publisher.frame(0, keyframe=True)
    bed.advance(FRAME_US)
    first = Subscriber(bed, wire_format, publisher.publication)
    bed.advance(10_000)
    assert len(publisher.asked) == 1
    publisher.frame(1, keyframe=True)
    bed.advance(10_000)
    second = Subscriber(bed, wire_format, publisher.publication)  # 20 ms after the last request
    bed.advance(10_000)
    assert len(publisher.asked) == 2
    publisher.frame(2, keyframe=True)
    bed.advance(1_000)
    shown = [bed.engine.subscription_stats(each.subscription)["first_frame_us"] for each in (first, second)]
    assert shown == [10_000, 10_000]
    for number in range(3, 203):  # a storm of joins: one each 10 ms
        Subscriber(bed, wire_format, publisher.publication)
        bed.advance(5_000)
        publisher.frame(number, keyframe=bool(publisher.asked))
        publisher.asked and publisher.asked.pop()
        bed.advance(5_000)
    keyframes = bed.engine.publication_stats(publisher.publication)["layers"][0]["key_frames"]
    assert keyframes <= 3 + 3 * 2 + 4


def test_who_stands_by_waits_from_when_it_is_wanted(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    publisher.frame(0, keyframe=True)
    subscriber = Subscriber(bed, wire_format, publisher.publication)
    bed.engine.set_paused(subscriber.subscription, True)
    bed.advance(60_000_000)
    bed.engine.set_paused(subscriber.subscription, False)
    bed.advance(20_000)
    publisher.frame(1, keyframe=True)
    bed.advance(1_000)
    assert bed.engine.subscription_stats(subscriber.subscription)["first_frame_us"] == 20_000


def test_all_whom_a_change_reaches_one_after_the_other_have_a_picture_soon(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    publisher.frame(0, keyframe=True)
    bed.advance(FRAME_US)
    subscribers = []
    for number in range(1, 61):  # a frame each 10 ms; those who come need 200 ms, a request is answered in 10
        if number <= 20:
            subscribers.append(Subscriber(bed, wire_format, publisher.publication))
        if number == 3:
            subscribers[0].peer.send_rtcp(
                struct.pack("!BBHII", 0x81, 206, 2, 1, OUT_SSRC)
            )  # who asks again is no reason for others to wait
        bed.advance(5_000)
        publisher.frame(number, keyframe=bool(publisher.asked))
        publisher.asked.clear()
        bed.advance(5_000)
    waits = [bed.engine.subscription_stats(each.subscription)["first_frame_us"] for each in subscribers]
    assert max(waits) <= 120_000
    layer = bed.engine.publication_stats(publisher.publication)["layers"][0]
    assert layer["key_frames"] <= 1 + 4


def test_nothing_is_asked_of_a_publisher_that_never_answers(bed, wire_format):
    publisher = Publisher(bed, wire_format)
    publisher.frame(1)
    Subscriber(bed, wire_format, publisher.publication)
    bed.advance(25_000_000)
    assert 40 <= len(publisher.asked) <= 42
    publisher.asked.clear()
    bed.advance(10_000_000)
    assert publisher.asked == []


def test_sound_sent_twice_reaches_who_took_it_and_is_unpacked_for_the_others(bed, wire_format):
    peer = bed.peer()
    publication = bed.engine.add_publication(
        peer.transport,
        kind="audio",
        mid="a",
        clock_rate=48000,
        formats=[("red", 63, -1, False), ("opus", 111, -1, True)],
        encodings=[("", 9, 0)],
    )
    takers = []
    for formats in ([(63, -1, False), (96, -1, True)], [(-1, -1, False), (96, -1, True)]):
        takers.append(bed.peer())
        bed.engine.add_subscription(
            takers[-1].transport, publication, mid="1", ssrc=7, rtx_ssrc=0, formats=formats
        )
    red = bytes([0x80 | 111]) + struct.pack("!I", 960 << 10 | 3)[1:] + bytes([111]) + b"old" + b"fresh"
    peer.send(wire_format.rtp(1, red, ssrc=9, payload_type=63, timestamp=960))
    bed.advance(5_000)
    peer.send(wire_format.rtp(2, b"plain", ssrc=9, payload_type=111, timestamp=1920))
    bed.advance(5_000)
    both, opus = ([(p.payload_type, p.payload) for p in taker.packets] for taker in takers)
    renamed = bytes([0x80 | 96]) + red[1:4] + bytes([96]) + b"oldfresh"
    assert both == [(63, renamed), (96, b"plain")]
    assert opus == [(96, b"fresh"), (96, b"plain")]
    for taker in takers:
        taker.send_rtcp(wire_format.nack_of(7, [taker.packets[0].sequence]))
        bed.advance(1_000)
        assert len({d for d in taker.datagrams if not 192 <= d[1] <= 223}) == 2  # a repeat to the bit


def test_a_dependency_descriptor_is_passed_on_under_this_subscribers_frame_numbers(bed, wire_format):
    publisher = Publisher(bed, wire_format, codec="AV1")
    bed.engine.set_receive_extensions(publisher.peer.transport, {DEPENDENCY: 9})
    subscriber = bed.peer()
    datagrams = []
    subscriber.receive = lambda datagram: (
        None if 192 <= datagram[1] <= 223 else datagrams.append(subscriber.unprotect_from.unprotect(datagram))
    )
    bed.engine.set_send_extensions(
        subscriber.transport, {DEPENDENCY: 11, "urn:ietf:params:rtp-hdrext:sdes:mid": 1}
    )
    subscription = bed.engine.add_subscription(
        subscriber.transport,
        publisher.publication,
        mid="5",
        ssrc=OUT_SSRC,
        rtx_ssrc=OUT_RTX,
        formats=[(100, 101, True)],
    )
    bed.engine.set_wanted_layer(subscription, 7, 0)

    def send(frame, template, *, keyframe=False):
        value = struct.pack("!BH", 0xC0 | template, frame & 0xFFFF) + (L1T2 if keyframe else b"")
        payload = (b"\x18\x0a\x0b" if keyframe else b"\x10\x32\x0b") + bytes(20)
        packet = wire_format.rtp(frame, payload, ssrc=SSRC, timestamp=3000 * frame, marker=True)
        block = bytes([9, len(value)]) + value
        block += bytes(-len(block) % 4)
        packet = (
            bytes([packet[0] | 0x10])
            + packet[1:12]
            + struct.pack("!HH", 0x1000, len(block) // 4)
            + block
            + packet[12:]
        )
        publisher.peer.send(packet)
        bed.advance(FRAME_US)

    for frame in range(8):
        send(frame, 0 if frame == 0 else 1 if frame % 2 == 0 else 2, keyframe=frame == 0)
    bed.engine.set_paused(subscription, True)
    send(8, 1)
    bed.engine.set_paused(subscription, False)
    send(9, 0, keyframe=True)
    send(10, 2)
    send(11, 1)
    found = []
    for datagram in datagrams:
        profile, words = struct.unpack_from("!HH", datagram, 12)
        block = datagram[16 : 16 + 4 * words]
        if profile == 0x1000:
            at = 2 + block[1]
            assert block[0] == 1 and block[at] == 11
            value = block[at + 2 : at + 2 + block[at + 1]]
        else:
            at = 1 + (block[0] & 15) + 1
            assert block[at] >> 4 == 11
            value = block[at + 1 : at + 2 + (block[at] & 15)]
        found.append((len(value) > 3, struct.unpack_from("!H", value, 1)[0]))
    assert bed.engine.counters()["dependency_unreadable"] == 0
    assert found == [(True, 0), (False, 2), (False, 4), (False, 6), (True, 7), (False, 9)]


@pytest.mark.parametrize("codec", ["VP8", "VP9", "AV1", "H264"])
def test_layers_that_make_no_sense_harm_nobody(bed, wire_format, codec):
    chance = random.Random(codec)
    publisher = Publisher(bed, wire_format, codec=codec)
    bed.engine.set_receive_extensions(publisher.peer.transport, {DEPENDENCY: 9})
    subscriber = bed.peer()
    bed.engine.set_send_extensions(subscriber.transport, {DEPENDENCY: 11})
    subscription = bed.engine.add_subscription(
        subscriber.transport,
        publisher.publication,
        mid="",
        ssrc=OUT_SSRC,
        rtx_ssrc=OUT_RTX,
        formats=[(100, 101, True)],
    )
    numbers, seen = [], set()

    def receive(datagram):
        """A repeat may come, to the bit; another packet under a number that was used may not."""
        if not 192 <= datagram[1] <= 223 and datagram not in seen:
            seen.add(datagram)
            numbers.append(struct.unpack_from("!H", subscriber.unprotect_from.unprotect(datagram), 2)[0])

    subscriber.receive = receive
    starts = {"VP8": b"\x90\xf0", "VP9": b"\xaa", "AV1": b"\x18\x0a", "H264": b"\x65"}
    for sequence in range(3000):
        payload = starts[codec] * (sequence % 40 == 0) + chance.randbytes(chance.randrange(1, 40))
        value = chance.choice(
            [chance.randbytes(chance.randrange(1, 16)), (b"\xc0" + chance.randbytes(2) + L1T2)[:16]]
        )
        publisher.peer.send(
            wire_format.rtp(
                sequence + chance.choice([0, 0, 0, 5]),
                payload,
                ssrc=SSRC,
                timestamp=3000 * (sequence // 3),
                marker=chance.random() < 0.3,
                extensions={9: value},
            )
        )
        if sequence % 7 == 0:
            bed.engine.set_wanted_layer(subscription, chance.randrange(8), chance.randrange(8))
        if sequence % 100 == 0 and numbers:
            subscriber.send_rtcp(wire_format.nack_of(OUT_SSRC, numbers[-30:]))
        bed.advance(5_000)
    assert len(numbers) > 500
    assert bed.engine.subscription_stats(subscription)["layer"] == 0
