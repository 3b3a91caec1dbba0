"""SSRCs of which the cipher forgets again what it keeps: those that a peer makes up, and those that are over.

Replayed packets tell what it still knows.
"""

from __future__ import annotations

STRANGERS = 64
SSRC = 77


def verdict(bed, datagram, address):
    """Under which counter this datagram was dropped."""
    before = bed.engine.counters()
    bed.engine.input(datagram, address, bed.now_us)
    after = bed.engine.counters()
    return {name for name in after if name.startswith("drop_") and after[name] > before[name]}


def stranger(peer, wire_format, ssrc):
    return peer.protect_to.protect(wire_format.rtp(1, bytes(8), ssrc=ssrc, payload_type=50))


def publish(bed, peer):
    return bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="0",
        clock_rate=90000,
        formats=[("VP8", 96, -1, True)],
        encodings=[("", SSRC, 0)],
    )


def test_only_the_latest_are_remembered(bed, wire_format):
    peer = bed.peer()
    first = stranger(peer, wire_format, 1)
    assert verdict(bed, first, peer.address) == {"drop_rtp_unknown_stream"}
    assert verdict(bed, first, peer.address) == {"drop_srtp_replay"}
    for ssrc in range(2, 2 + STRANGERS):
        verdict(bed, stranger(peer, wire_format, ssrc), peer.address)
    assert verdict(bed, first, peer.address) == {"drop_rtp_unknown_stream"}


def test_senders_of_rtcp_are_strangers_too(bed, wire_format):
    peer = bed.peer()
    first = stranger(peer, wire_format, 1)
    verdict(bed, first, peer.address)
    for ssrc in range(2, 2 + STRANGERS):
        report = bytes([0x80, 201, 0, 1]) + ssrc.to_bytes(4, "big")
        assert verdict(bed, peer.protect_to.protect_rtcp(report), peer.address) == set()
    assert verdict(bed, first, peer.address) == {"drop_rtp_unknown_stream"}


def test_a_published_stream_is_never_forgotten(bed, wire_format):
    peer = bed.peer()
    before = stranger(peer, wire_format, SSRC)
    verdict(bed, before, peer.address)
    publish(bed, peer)
    for ssrc in range(1000, 1000 + 3 * STRANGERS):
        verdict(bed, stranger(peer, wire_format, ssrc), peer.address)
    assert verdict(bed, before, peer.address) == {"drop_srtp_replay"}


def test_a_camera_that_is_switched_on_again_goes_on_with_its_numbers(bed, wire_format):
    """Its sequence numbers have gone round: without that knowledge nothing of it would be authentic."""
    peer, pupil = bed.peer(), bed.peer()
    publication = publish(bed, peer)

    def send(first, last):
        for n in range(first, last):
            peer.send(wire_format.rtp(n, wire_format.vp8(n, keyframe=True), ssrc=SSRC, marker=True))
            bed.advance(1)

    for start in (0, 30_000, 60_000, 65_530):
        send(start, start + 10)
    bed.engine.remove_publication(publication)
    for ssrc in range(1000, 1000 + STRANGERS - 1):
        verdict(bed, stranger(peer, wire_format, ssrc), peer.address)
    bed.engine.add_subscription(
        pupil.transport, publish(bed, peer), mid="0", ssrc=5, rtx_ssrc=0, formats=[(96, -1, False)]
    )
    send(65_540, 65_560)
    assert [wire_format.vp8_number(p.payload) for p in pupil.packets] == list(range(65_540, 65_560))


def test_what_was_sent_under_an_ssrc_goes_with_its_subscription(bed, wire_format):
    """Else numbers that begin anew would be refused as too old."""
    peer, pupil = bed.peer(), bed.peer()
    publication = publish(bed, peer)
    for n in range(20):
        subscription = bed.engine.add_subscription(
            pupil.transport, publication, mid="0", ssrc=5, rtx_ssrc=0, formats=[(96, -1, False)]
        )
        keyframe = wire_format.vp8(n, keyframe=True)
        peer.send(wire_format.rtp(n, keyframe, ssrc=SSRC, timestamp=3000 * n, marker=True))
        bed.advance(1)
        bed.engine.remove_subscription(subscription)
    assert bed.engine.counters()["rtp_out"] == 20
    assert bed.engine.counters()["drop_protect"] == 0
