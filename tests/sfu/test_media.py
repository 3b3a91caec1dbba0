"""Publications and subscriptions: who closes whom, and what the engine is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sfu.media import TransportClosed
from sfu.params import Codec, Encoding, Extension, Kind, MediaParameters, PayloadFormat

OPUS = MediaParameters(
    Kind.AUDIO,
    "0",
    (PayloadFormat(Codec("opus", 48_000, 2), 111),),
    extensions=((Extension.MID, 4), (Extension.AUDIO_LEVEL, 1)),
    encodings=(Encoding(ssrc=1234),),
)
VP8 = MediaParameters(
    Kind.VIDEO,
    "1",
    (PayloadFormat(Codec("VP8", 90_000), 96, 97, frozenset({"nack", "goog-remb"})),),
    encodings=(Encoding(rid="q"), Encoding(rid="f")),
)


def sending(publication: MediaParameters, ssrc: int) -> MediaParameters:
    return replace(publication, encodings=(Encoding(ssrc),))


def census(plane: Any) -> tuple[int, int]:
    found = plane.engine.census()
    return found["publications"], found["subscriptions"]


async def test_closing_a_publication_closes_its_subscriptions(plane: Any) -> None:
    sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
    publication = sender.publish(OPUS)
    subscription = receiver.subscribe(publication, sending(OPUS, 1))
    assert census(plane) == (1, 1)
    publication.close()
    publication.close()
    assert (publication.closed, subscription.closed) == (True, True)
    assert census(plane) == (0, 0)
    assert not receiver.subscriptions
    subscription.close()
    subscription.pause(True)
    subscription.want_layer(0)
    publication.request_keyframe()


async def test_closing_a_subscription_leaves_the_publication(plane: Any) -> None:
    sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
    publication = sender.publish(OPUS)
    subscription = receiver.subscribe(publication, sending(OPUS, 1))
    subscription.close()
    subscription.close()
    assert census(plane) == (1, 0)
    assert not publication.closed
    assert not publication.subscriptions


async def test_closing_a_transport_closes_all_of_it(plane: Any) -> None:
    one, other = plane.sfu.create_transport(), plane.sfu.create_transport()
    mine, theirs = one.publish(OPUS), other.publish(OPUS)
    there = other.subscribe(mine, sending(OPUS, 1))
    here = one.subscribe(theirs, sending(OPUS, 2))
    await one.close()
    assert [each.closed for each in (mine, there, here, theirs)] == [True, True, True, False]
    assert census(plane) == (1, 0)
    with pytest.raises(TransportClosed):
        other.subscribe(mine, sending(OPUS, 3))


async def test_pause_layers_and_keyframes_reach_the_engine(plane: Any) -> None:
    sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
    publication = sender.publish(VP8)
    subscription = receiver.subscribe(publication, sending(VP8, 1))
    subscription.pause(True)
    subscription.want_layer(0)
    stats = plane.sfu.stats(receiver)["subscriptions"][subscription.id]
    assert (stats["paused"], stats["wanted_layer"]) == (True, 0)
    with pytest.raises(ValueError, match=r".+"):
        subscription.want_layer(2)
    publication.request_keyframe()


async def test_header_extensions_of_all_m_lines_make_one_table(plane: Any) -> None:
    transport = plane.sfu.create_transport()
    transport.publish(OPUS)
    transport.publish(replace(VP8, extensions=((Extension.MID, 4), (Extension.TRANSPORT_CC, 3))))
    with pytest.raises(ValueError, match="different ids"):
        transport.publish(replace(OPUS, mid="2", extensions=((Extension.MID, 5),)))
    with pytest.raises(ValueError, match="one id"):
        transport.publish(replace(OPUS, mid="2", extensions=((Extension.RID, 4),)))
    assert len(transport.publications) == 2


async def test_subscribing_needs_a_format_and_an_ssrc(plane: Any) -> None:
    publication = plane.sfu.create_transport().publish(OPUS)
    receiver = plane.sfu.create_transport()
    with pytest.raises(ValueError, match="no format"):
        receiver.subscribe(publication, sending(VP8, 1))
    with pytest.raises(ValueError, match="no SSRC"):
        receiver.subscribe(publication, replace(OPUS, encodings=()))
    assert not receiver.subscriptions


async def test_what_the_engine_has_no_room_for_is_refused(plane: Any) -> None:
    transport = plane.sfu.create_transport()
    with pytest.raises(ValueError, match=r".+"):
        for number in range(1000):
            transport.publish(replace(OPUS, mid=str(number), encodings=(Encoding(number + 1),)))
    assert len(transport.publications) == census(plane)[0]


async def test_a_slot_outlives_whom_it_carries_and_goes_with_its_transport(plane: Any) -> None:
    sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
    slot = receiver.listen(1, 0, sending(OPUS, 1), party=2, loudest=2)
    microphone = sender.publish(OPUS)
    microphone.group(1, party=1, loudest=2)
    microphone.close()
    assert census(plane) == (0, 1)
    slot.pause(True)
    slot.tune(2)
    assert plane.sfu.stats(receiver)["subscriptions"][slot.id]["paused"]
    assert plane.sfu.census()["subscriptions"] == 1
    await receiver.close()
    assert slot.closed
    assert census(plane) == (0, 0)
    slot.close()
    slot.pause(False)
    slot.tune(1)
    with pytest.raises(TransportClosed):
        receiver.listen(1, 0, sending(OPUS, 1))


async def test_a_slot_needs_an_ssrc_and_header_extensions_that_agree(plane: Any) -> None:
    transport = plane.sfu.create_transport()
    with pytest.raises(ValueError, match="SSRC"):
        transport.listen(1, 0, replace(OPUS, encodings=()))
    transport.listen(1, 0, sending(OPUS, 1))
    other = replace(sending(OPUS, 2), extensions=((Extension.MID, 5),))
    with pytest.raises(ValueError, match="different ids"):
        transport.listen(1, 1, other)
    assert census(plane) == (0, 1)
