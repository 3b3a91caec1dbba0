"""Feedback stands alone for a sender that agreed to reduced-size RTCP (RFC 5506), else behind a report."""

import pytest

RECEIVER_REPORT, NACK, PLI = (201, 0), (205, 1), (206, 1)
SSRC = 1111


@pytest.mark.parametrize(("reduced", "before"), [(True, []), (False, [RECEIVER_REPORT])])
def test_nack_and_pli_stand_alone_where_that_is_agreed(bed, wire_format, reduced, before):
    peer, viewer = bed.peer(), bed.peer()
    compounds = []

    def note(datagram):
        items = wire_format.rtcp_items(peer.unprotect_from.unprotect_rtcp(datagram))
        compounds.append([(kind, count) for kind, count, _ in items])

    peer.receive = note
    publication = bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="0",
        clock_rate=90000,
        formats=[("VP8", 96, -1, True)],
        encodings=[("", SSRC, 0)],
        reduced_size=reduced,
    )
    bed.engine.add_subscription(
        viewer.transport, publication, mid="5", ssrc=2221, rtx_ssrc=0, formats=[(100, -1, True)]
    )
    for sequence in (1, 2, 4, 5):  # 3 is missing, and none is a keyframe
        peer.send(wire_format.rtp(sequence, wire_format.vp8(sequence, keyframe=False), ssrc=SSRC))
    bed.advance(200_000)
    assert [*before, NACK] in compounds
    assert [*before, PLI] in compounds
    assert not any(NACK in each or PLI in each for each in compounds if len(each) > 1 + len(before))
