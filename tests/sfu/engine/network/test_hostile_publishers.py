"""Publishers whose RTP jumps, and publishers that never send: bounded, counted, and nobody else notices."""

from __future__ import annotations

import pytest

HONEST_SSRC, JUMPING_SSRC = 11, 22
TO_HONEST, TO_JUMPING = 5, 6
FRAME_US = 33_000
MAX_ASKED = 512
"""Sequence numbers that one gap may have on the list of what is missing (nack.pxd)."""


def video(bed, peer, ssrc):
    return bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="0",
        clock_rate=90000,
        formats=[("VP8", 96, 97, True)],
        encodings=[("", ssrc, 0)],
    )


def subscribe(bed, peer, publication, ssrc):
    return bed.engine.add_subscription(
        peer.transport, publication, mid="0", ssrc=ssrc, rtx_ssrc=0, formats=[(96, -1, True)]
    )


JUMPS = {
    "sequence numbers": lambda n: (n * 31_000, n * 3000),
    "sequence numbers back and forth": lambda n: (1000 + (-1) ** n * 900 + n, n * 3000),
    "timestamps": lambda n: (n, n * 2_654_435_761),
    "timestamps backwards": lambda n: (n, -n * 90_000),
    "everything at once": lambda n: (n * 7919, n * 2_246_822_519),
}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_rtp_that_jumps(bed, wire_format, jump):
    honest, jumping, pupil = bed.peer(), bed.peer(), bed.peer()
    first, second = video(bed, honest, HONEST_SSRC), video(bed, jumping, JUMPING_SSRC)
    subscribe(bed, pupil, first, TO_HONEST)
    watching = subscribe(bed, pupil, second, TO_JUMPING)
    for n in range(300):
        picture = wire_format.vp8(n, keyframe=n == 0)
        honest.send(wire_format.rtp(n, picture, ssrc=HONEST_SSRC, timestamp=n * 3000, marker=True))
        sequence, timestamp = jump(n)
        picture = wire_format.vp8(n, keyframe=n % 30 == 0)
        crooked = wire_format.rtp(sequence, picture, ssrc=JUMPING_SSRC, timestamp=timestamp, marker=True)
        # as a sender would that does not care: under a cipher of its own for each packet
        jumping.bed.uplink(jumping, wire_format.srtp_pair(2 * 2)[0].protect(crooked))
        bed.advance(FRAME_US)
    assert [wire_format.vp8_number(p.payload) for p in pupil.packets if p.ssrc == TO_HONEST] == list(
        range(300)
    )
    found = bed.engine.publication_stats(second)["layers"][0]
    counters = bed.engine.counters()
    refused = (
        counters["drop_srtp_replay"] + counters["drop_srtp_authentication"] + found["packets_duplicated"]
    )
    assert found["packets_received"] + refused == 300
    assert found["nack_count"] <= MAX_ASKED * 10
    sent = bed.engine.subscription_stats(watching)["packets_sent"]
    assert sent + counters["drop_protect"] <= 300
    asked = [item for item in jumping.reports if item[:2] == (205, 1)]
    assert len(asked) <= 300 * FRAME_US // 5_000


def test_a_publisher_that_never_sends(bed, wire_format):
    silent, honest, pupil = bed.peer(), bed.peer(), bed.peer()
    nothing, something = video(bed, silent, JUMPING_SSRC), video(bed, honest, HONEST_SSRC)
    waiting = subscribe(bed, pupil, nothing, TO_JUMPING)
    subscribe(bed, pupil, something, TO_HONEST)
    for n in range(600):
        picture = wire_format.vp8(n, keyframe=n == 0)
        honest.send(wire_format.rtp(n, picture, ssrc=HONEST_SSRC, timestamp=n * 3000, marker=True))
        bed.advance(FRAME_US)
    assert [wire_format.vp8_number(p.payload) for p in pupil.packets] == list(range(600))
    assert silent.datagrams == []  # nothing is asked of a stream whose SSRC nobody has seen
    [layer] = bed.engine.publication_stats(nothing)["layers"]
    assert (layer["active"], layer["packets_received"], layer["packets_lost"]) == (False, 0, 0)
    stats = bed.engine.subscription_stats(waiting)
    assert (stats["packets_sent"], stats["first_frame_us"], stats["layer"]) == (0, -1, -1)
    assert bed.engine.census()["cache_bytes"] < 3 << 20  # of the one that sends
