"""A discussion of 300 open microphones: each subscriber gets four streams, without a gap in its numbers."""

import itertools
import struct

import pytest

LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SPEECH, ROOM = 25, 90
GROUP = 7


class Microphone:
    def __init__(self, bed, wire, number, *, group=GROUP, **options):
        self.bed, self.wire, self.number = bed, wire, number
        self.peer = bed.peer()
        bed.engine.set_receive_extensions(self.peer.transport, {LEVEL_URI: 5})
        self.publication = bed.engine.add_publication(
            self.peer.transport,
            kind="audio",
            mid="0",
            clock_rate=48000,
            formats=[("opus", 111, -1, True)],
            encodings=[("", 10_000 + number, 0)],
        )
        bed.engine.set_group(self.publication, group, **options)
        self.sent = 0

    def say(self, level):
        self.sent += 1
        self.peer.send(
            self.wire.rtp(
                self.sent,
                struct.pack("!II", self.number, self.sent) + bytes(40),
                ssrc=10_000 + self.number,
                payload_type=111,
                timestamp=960 * self.sent,
                extensions={5: bytes([level])},
            )
        )


def listen(bed, microphones):
    peer = bed.peer()
    peer.subscriptions = {
        microphone.number: bed.engine.add_subscription(
            peer.transport,
            microphone.publication,
            mid=str(microphone.number % 100),
            ssrc=20_000 + microphone.number,
            rtx_ssrc=0,
            formats=[(111, -1, True)],
        )
        for microphone in microphones
    }
    return peer


def voices(peer):
    return {packet.ssrc - 20_000 for packet in peer.packets}


def continuous(packets):
    return all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in itertools.pairwise(packets))


def test_of_300_microphones_four_are_heard(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(300)]
    listeners = [listen(bed, microphones) for _ in range(3)]
    for step in range(20):
        for microphone in microphones:
            microphone.say(SPEECH if microphone.number < 10 and step > 5 else ROOM)
        bed.advance(20_000)
    for listener in listeners:
        assert len(voices(listener)) == 4
        assert voices(listener) < set(range(10))
    counters = bed.engine.counters()
    assert counters["drop_silenced"] == 300 * 20 - 4 * 14  # counted once each, however many listen
    assert counters["rtp_out"] == 3 * 4 * (14 + 2)


def test_a_voice_begins_with_what_came_just_before_it_and_goes_on_without_a_gap(bed, wire_format):
    quiet, other = Microphone(bed, wire_format, 1, loudest=1), Microphone(bed, wire_format, 2, loudest=1)
    listener = listen(bed, [quiet, other])
    heard = []
    for speaker in (1, 2, 1):
        for _ in range(80):
            quiet.say(SPEECH if speaker == 1 else ROOM)
            other.say(SPEECH if speaker == 2 else ROOM)
            bed.advance(20_000)
        heard.append({packet.ssrc - 20_000 for packet in listener.packets[-20:]})
    assert heard == [{1}, {2}, {1}]
    packets = [packet for packet in listener.packets if packet.ssrc == 20_001]
    assert continuous(packets)
    numbers = [struct.unpack("!II", packet.payload[:8])[1] for packet in packets]
    begins = [at for at in range(1, len(numbers)) if numbers[at] != numbers[at - 1] + 1]
    assert len(begins) == 1
    assert numbers[begins[0]] == 161 - 2  # the first loud packet is the 161st
    assert [at for at, packet in enumerate(packets) if packet.marker] == [0, begins[0]]
    steps = packets[begins[0]].timestamp - packets[begins[0] - 1].timestamp
    assert steps == 960 * (numbers[begins[0]] - numbers[begins[0] - 1])  # time went on meanwhile


def test_a_local_socket_gets_everybody(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(6)]
    browser = listen(bed, microphones)
    recorder = bed.engine.add_transport()
    address = b"\x03" + browser.address[1:]
    bed.engine.set_address(recorder, address)
    bed.engine.set_plain(recorder)
    for microphone in microphones:
        bed.engine.add_subscription(
            recorder,
            microphone.publication,
            mid="0",
            ssrc=30_000 + microphone.number,
            rtx_ssrc=0,
            formats=[(111, -1, True)],
        )
    later = listen(bed, microphones)
    bed.engine.remove_transport(browser.transport)
    for _ in range(10):
        for microphone in microphones:
            microphone.say(SPEECH if microphone.number == 3 else ROOM)
        bed.advance(20_000)
    assert voices(later) == {3}
    assert bed.engine.transport_stats(recorder)["packets_sent"] == 60
    bed.engine.remove_transport(recorder)
    microphones[3].say(SPEECH)
    bed.advance(20_000)
    assert len(later.packets) == 11


def test_python_hears_who_speaks(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(3)]
    for _ in range(20):
        for microphone in microphones:
            microphone.say(SPEECH if microphone.number == 1 else ROOM)
        bed.advance(20_000)
    bed.advance(2_000_000)
    told = [event for event in bed.engine.events() if event.kind == 7]
    assert [event.publication for event in told] == [GROUP, GROUP]
    publication = microphones[1].publication
    assert [struct.unpack(f"={len(event.data) // 4}I", event.data) for event in told] == [(publication,), ()]
    assert bed.engine.publication_stats(publication)["heard"]


def test_leaving_a_group_makes_everybody_heard(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(6)]
    listener = listen(bed, microphones)
    bed.engine.set_group(microphones[0].publication, 0)
    bed.engine.set_group(microphones[1].publication, GROUP, always=True, loudest=0)
    for _ in range(3):
        for microphone in microphones:
            microphone.say(SPEECH)
        bed.advance(20_000)
    assert voices(listener) == {0, 1}
    for microphone in microphones:
        bed.engine.remove_transport(microphone.peer.transport)
    bed.advance(1_000_000)


def test_only_sound_stands_in_a_group(bed):
    peer = bed.peer()
    video = bed.engine.add_publication(
        peer.transport, kind="video", mid="1", clock_rate=90000, formats=[("VP8", 96, -1, True)], encodings=[]
    )
    with pytest.raises(ValueError, match="only sound"):
        bed.engine.set_group(video, 1)
    with pytest.raises(KeyError):
        bed.engine.set_group(99, 1)
