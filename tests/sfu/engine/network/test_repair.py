"""5 % loss in both directions and reordering: every packet arrives, by NACK and RTX or by plain repeats."""

import struct

import pytest

FRAME_US = 33_000
PER_FRAME = 6
FRAMES = 300
SSRC, RTX_SSRC = 1111, 1112
OUT_SSRC, OUT_RTX_SSRC = 2221, 2222


class Publisher:
    """Sends numbered packets and answers NACK, by RTX or by sending the packet again."""

    def __init__(self, bed, wire, *, rtx):
        self.bed, self.wire, self.rtx = bed, wire, rtx
        self.peer = bed.peer()
        self.peer.on_rtcp = self.answer
        self.sent = {}
        self.rtx_sequence = 500
        self.publication = bed.engine.add_publication(
            self.peer.transport,
            kind="video",
            mid="0",
            clock_rate=90000,
            formats=[("VP8", 96, 97 if rtx else -1, True)],
            encodings=[("", SSRC, RTX_SSRC if rtx else 0)],
        )

    def frame(self, number):
        for i in range(PER_FRAME):
            n = number * PER_FRAME + i
            sequence = (65000 + n) & 0xFFFF  # wraps on the way
            payload = self.wire.vp8(n, keyframe=number == 0)
            packet = self.wire.rtp(
                sequence, payload, ssrc=SSRC, timestamp=number * 3000, marker=i == PER_FRAME - 1
            )
            self.sent[sequence] = packet
            self.peer.send(packet)

    def answer(self, kind, count, body):
        if (kind, count) != (205, 1):
            return
        assert struct.unpack_from("!I", body, 4)[0] == SSRC
        for sequence in self.wire.lost_of(body):
            original = self.sent[sequence]
            if not self.rtx:
                self.peer.send(original)
                continue
            self.rtx_sequence += 1
            payload = struct.pack("!H", sequence) + original[12:]
            timestamp = struct.unpack_from("!I", original, 4)[0]
            self.peer.send(
                self.wire.rtp(
                    self.rtx_sequence,
                    payload,
                    ssrc=RTX_SSRC,
                    payload_type=97,
                    timestamp=timestamp,
                    marker=bool(original[1] & 128),
                )
            )


class Subscriber:
    """Notes what came, and asks again for what did not: at once and every 40 ms."""

    def __init__(self, bed, wire, publication, *, rtx):
        self.bed, self.wire = bed, wire
        self.peer = bed.peer()
        self.peer.on_rtp = self.note
        self.got = {}
        self.highest = None
        bed.engine.add_subscription(
            self.peer.transport,
            publication,
            mid="5",
            ssrc=OUT_SSRC,
            rtx_ssrc=OUT_RTX_SSRC if rtx else 0,
            formats=[(100, 101 if rtx else -1, True)],
        )

    def note(self, packet):
        sequence, payload = packet.sequence, packet.payload
        if packet.ssrc == OUT_RTX_SSRC:
            assert packet.payload_type == 101
            sequence, payload = struct.unpack_from("!H", payload)[0], payload[2:]
        else:
            assert (packet.ssrc, packet.payload_type) == (OUT_SSRC, 100)
        if self.highest is None:
            self.highest = self.first = sequence
        extended = self.highest + ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        self.highest = max(self.highest, extended)
        assert extended not in self.got or self.got[extended] == (
            self.wire.vp8_number(payload),
            packet.timestamp,
        )
        self.got[extended] = (self.wire.vp8_number(payload), packet.timestamp)

    def ask(self):
        if self.highest is None:
            return
        lost = [n & 0xFFFF for n in range(self.first, self.highest) if n not in self.got]
        if lost:
            self.peer.send_rtcp(self.wire.nack_of(OUT_SSRC, lost[:60]))


@pytest.mark.parametrize("rtx", [True, False], ids=["rtx", "plain"])
def test_every_packet_arrives(bed, wire_format, rtx):
    publisher = Publisher(bed, wire_format, rtx=rtx)
    subscribers = [Subscriber(bed, wire_format, publisher.publication, rtx=rtx) for _ in range(3)]
    publisher.frame(0)
    bed.advance(FRAME_US)  # the keyframe that starts everybody comes whole; from here on the links are bad
    bed.loss, bed.reorder, bed.delay_us = 0.05, 0.1, 15_000
    for number in range(1, FRAMES):
        publisher.frame(number)
        bed.advance(FRAME_US)
        for subscriber in subscribers:
            subscriber.ask()
    bed.loss = 0.0
    publisher.frame(FRAMES)
    for _ in range(30):
        bed.advance(40_000)
        for subscriber in subscribers:
            subscriber.ask()
    for subscriber in subscribers:
        numbers = [subscriber.got[n][0] for n in sorted(subscriber.got)]
        assert numbers == list(range(PER_FRAME * (FRAMES + 1)))
        assert sorted(subscriber.got) == list(range(subscriber.first, subscriber.highest + 1))
    counters = bed.engine.counters()
    assert counters["nack_out"] > 50 and counters["repaired"] > 50
    assert counters["nack_served"] > 100
    stats = bed.engine.publication_stats(publisher.publication)["layers"][0]
    assert stats["packets_lost"] == 0


def test_a_plain_repeat_is_the_same_datagram(bed, wire_format):
    """AES-GCM forgives no second plaintext under one number (RFC 7714, 9.1)."""
    publisher = Publisher(bed, wire_format, rtx=False)
    subscriber = Subscriber(bed, wire_format, publisher.publication, rtx=False)
    publisher.frame(0)
    bed.advance(20_000)
    first = subscriber.peer.datagrams[1]
    bed.advance(FRAME_US)
    subscriber.peer.send_rtcp(wire_format.nack_of(OUT_SSRC, [wire_format.parse(first).sequence]))
    bed.advance(20_000)
    assert subscriber.peer.datagrams[-1] == first
    assert subscriber.peer.datagrams.count(first) == 2


def test_nack_for_everything_is_bounded(bed, wire_format):
    publisher = Publisher(bed, wire_format, rtx=True)
    subscriber = Subscriber(bed, wire_format, publisher.publication, rtx=True)
    publisher.frame(0)
    bed.advance(FRAME_US)
    sent = len(subscriber.peer.packets)
    for _ in range(100):
        subscriber.peer.send_rtcp(wire_format.nack_of(OUT_SSRC, list(range(0, 65536, 512))))
        subscriber.peer.send_rtcp(
            wire_format.nack_of(OUT_SSRC, [p.sequence for p in subscriber.peer.packets[:6]])
        )
        bed.advance(1_000)
    counters = bed.engine.counters()
    assert len(subscriber.peer.packets) - sent <= PER_FRAME * 6  # RESEND_TRIES each
    assert counters["drop_nack_rate"] > 0 and counters["drop_nack_unknown"] > 0


def test_a_keyframe_is_asked_once_and_again_until_it_comes(bed, wire_format):
    publisher = Publisher(bed, wire_format, rtx=True)
    asked = []
    publisher.peer.on_rtcp = lambda kind, count, body: (
        asked.append(bed.now_us) if (kind, count) == (206, 1) else None
    )
    publisher.frame(1)  # not a keyframe: its first packet tells the SSRC
    bed.advance(FRAME_US)
    subscribers = [Subscriber(bed, wire_format, publisher.publication, rtx=True) for _ in range(20)]
    bed.advance(2_000_000)
    assert 4 <= len(asked) <= 5  # joined into one each 500 ms, however many want it
    assert all(not s.got for s in subscribers)
    publisher.frame(0)
    bed.advance(2_000_000)
    assert len(asked) <= 5
    assert all(len(s.got) == PER_FRAME for s in subscribers)
