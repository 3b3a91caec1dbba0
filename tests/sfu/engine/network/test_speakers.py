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


def listen(bed, *, places=4, group=GROUP, red=-1, **options):
    """One with a slot for each place; their SSRCs are those of no other peer's."""
    peer = bed.peer()
    peer.slots = [
        bed.engine.add_slot(
            peer.transport,
            group,
            place,
            mid=str(place),
            ssrc=20_000 + place,
            formats=[("opus", 109, True), ("red", red, True)],
            **options,
        )
        for place in range(places)
    ]
    return peer


def subscribe(bed, microphone, ssrc):
    peer = bed.peer()
    bed.engine.add_subscription(
        peer.transport, microphone.publication, mid="0", ssrc=ssrc, rtx_ssrc=0, formats=[(111, -1, True)]
    )
    return peer


def said(packet):
    """(number of the microphone, number of the packet)"""
    return struct.unpack("!II", packet.payload[:8])


def places(bed):
    """As Python heard of them, one after the other."""
    told = [event for event in bed.engine.events() if event.kind == 8]
    assert {event.publication for event in told} <= {GROUP}
    return [list(struct.unpack(f"={len(event.data) // 4}I", event.data)) for event in told]


def voices(peer):
    return {said(packet)[0] for packet in peer.packets}


def streams(peer):
    found = {}
    for packet in peer.packets:
        found.setdefault(packet.ssrc, []).append(packet)
    return found


def continuous(packets):
    return all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in itertools.pairwise(packets))


def test_of_300_microphones_four_are_heard(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(300)]
    listeners = [listen(bed) for _ in range(3)]
    for step in range(20):
        for microphone in microphones:
            microphone.say(SPEECH if microphone.number < 10 and step > 5 else ROOM)
        bed.advance(20_000)
    for listener in listeners:
        assert voices(listener) == {0, 1, 2, 3}
        assert sorted(streams(listener)) == [20_000, 20_001, 20_002, 20_003]
        assert all(packet.payload_type == 109 for packet in listener.packets)
    counters = bed.engine.counters()
    assert counters["drop_silenced"] == 300 * 20 - 4 * 14  # counted once each, however many listen
    assert counters["rtp_out"] == 3 * 4 * (14 + 2)


def test_one_stream_carries_one_voice_after_the_other_without_a_gap(bed, wire_format):
    one, other = Microphone(bed, wire_format, 1, loudest=1), Microphone(bed, wire_format, 2, loudest=1)
    listener = listen(bed, places=1)
    began = []
    for speaker in (one, other, one):
        began.append(len(listener.packets))
        for _ in range(80):
            for microphone in (one, other):
                microphone.say(SPEECH if microphone is speaker else ROOM)
            bed.advance(20_000)
    packets = listener.packets
    assert {packet.ssrc for packet in packets} == {20_000}
    assert continuous(packets)
    changes = [0, *(at for at in range(1, len(packets)) if said(packets[at])[0] != said(packets[at - 1])[0])]
    assert [said(packets[at])[0] for at in changes] == [1, 2, 1]
    assert [at for at, packet in enumerate(packets) if packet.marker] == changes
    for at in changes[1:]:
        # Who was quiet for a second gives way to the first loud packet, and what came just before it.
        assert said(packets[at])[1] % 80 == 81 - 2
        later = packets[at].timestamp - packets[at - 1].timestamp
        assert 0 < later <= 960 * 4
    assert all((b.timestamp - a.timestamp) & 0xFFFFFFFF < 0x80000000 for a, b in itertools.pairwise(packets))


def test_nobody_hears_their_own_voice(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number, party=number + 1) for number in range(3)]
    listeners = [listen(bed, party=number + 1) for number in range(3)]
    outsider = listen(bed)
    for _ in range(10):
        for microphone in microphones:
            microphone.say(SPEECH)
        bed.advance(20_000)
    assert [voices(each) for each in listeners] == [{1, 2}, {0, 2}, {0, 1}]
    assert voices(outsider) == {0, 1, 2}


def test_who_comes_late_hears_those_who_speak_already(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(2)]
    for _ in range(10):
        for microphone in microphones:
            microphone.say(SPEECH)
        bed.advance(20_000)
    late = listen(bed)
    for microphone in microphones:
        microphone.say(SPEECH)
    bed.advance(20_000)
    assert voices(late) == {0, 1}


def test_a_voice_that_goes_leaves_its_slots_for_others(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(3)]
    listener = listen(bed, places=1, loudest=1)
    microphones[0].say(SPEECH)
    bed.advance(20_000)
    bed.engine.remove_publication(microphones[0].publication)
    microphones[1].say(SPEECH)
    bed.advance(20_000)
    bed.engine.remove_transport(microphones[1].peer.transport)
    microphones[2].say(SPEECH)
    bed.advance(20_000)
    bed.engine.set_group(microphones[2].publication, 0)
    microphones[2].say(SPEECH)
    bed.advance(20_000)
    assert [said(packet)[0] for packet in listener.packets] == [0, 1, 2]
    assert continuous(listener.packets)
    assert bed.engine.subscription_stats(listener.slots[0])["publication"] == 0
    bed.engine.remove_transport(listener.transport)


def test_python_hears_who_has_which_place(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number, loudest=2) for number in range(3)]
    for speaker in microphones:
        for _ in range(80):
            for microphone in microphones:
                microphone.say(SPEECH if microphone is speaker else ROOM)
            bed.advance(20_000)
    first, second, third = (microphone.publication for microphone in microphones)
    assert places(bed) == [[first, 0], [first, second], [third, second]]


def test_a_slot_is_tuned_to_another_group(bed, wire_format):
    here, there = Microphone(bed, wire_format, 1), Microphone(bed, wire_format, 2, group=GROUP + 1)
    listener = listen(bed, places=1)
    for group in (GROUP, GROUP + 1, GROUP + 1, GROUP):
        bed.engine.tune_slot(listener.slots[0], group)
        for microphone in (here, there):
            microphone.say(SPEECH)
        bed.advance(20_000)
    assert [said(packet)[0] for packet in listener.packets] == [1, 2, 2, 1]
    assert continuous(listener.packets)
    assert {packet.ssrc for packet in listener.packets} == {20_000}


def test_a_group_lives_as_long_as_somebody_listens_or_may_speak(bed, wire_format):
    listener = listen(bed)
    microphone = Microphone(bed, wire_format, 1)
    bed.engine.remove_transport(microphone.peer.transport)
    again = Microphone(bed, wire_format, 2)
    again.say(SPEECH)
    bed.advance(20_000)
    assert voices(listener) == {2}
    for slot in listener.slots:
        bed.engine.remove_subscription(slot)
    again.say(SPEECH)
    bed.advance(20_000)
    assert len(listener.packets) == 1
    assert bed.engine.census()["subscriptions"] == 0


def test_a_subscription_to_a_microphone_gets_all_of_it(bed, wire_format):
    microphones = [Microphone(bed, wire_format, number) for number in range(6)]
    listener = listen(bed)
    direct = subscribe(bed, microphones[5], 30_000)
    for _ in range(10):
        for microphone in microphones:
            microphone.say(SPEECH if microphone.number == 3 else ROOM)
        bed.advance(20_000)
    assert voices(listener) == {3}
    assert [said(packet) for packet in direct.packets] == [(5, number) for number in range(1, 11)]


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


def test_only_sound_stands_in_a_group(bed):
    peer = bed.peer()
    video = bed.engine.add_publication(
        peer.transport, kind="video", mid="1", clock_rate=90000, formats=[("VP8", 96, -1, True)], encodings=[]
    )
    with pytest.raises(ValueError, match="only sound"):
        bed.engine.set_group(video, 1)
    with pytest.raises(KeyError):
        bed.engine.set_group(99, 1)


def test_what_makes_no_slot(bed, wire_format):
    peer, microphone = bed.peer(), Microphone(bed, wire_format, 1)
    direct = bed.engine.add_subscription(
        peer.transport, microphone.publication, mid="0", ssrc=5, rtx_ssrc=0, formats=[(111, -1, True)]
    )
    usual = {"mid": "0", "ssrc": 1, "formats": [("opus", 111, False)]}
    for group, place, options in (
        (0, 0, {}),
        (1, 16, {}),
        (1, 0, {"formats": [("H264", 96, False)]}),
        (1, 0, {"loudest": 17}),
        (1, 0, {"party": -1}),
        (1, 0, {"mid": "m" * 40}),
    ):
        with pytest.raises(ValueError):
            bed.engine.add_slot(peer.transport, group, place, **usual | options)
    with pytest.raises(ValueError, match="only a slot"):
        bed.engine.tune_slot(direct, 1)
    assert bed.engine.census()["subscriptions"] == 1
