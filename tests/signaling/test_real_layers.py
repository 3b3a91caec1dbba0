"""Chromium sends in layers, another one decodes while they are switched: simulcast by RID, layers inside a
stream.

A gap in the numbers would show as packets that the receiver misses, a wrong picture id or a frame that lacks
its references as a standstill or a request for a keyframe.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from sfu import negotiate
from sfu.layer_demand import OFF_AFTER_S
from sfu.params import SfuConfig
from sfu.sfu import Sfu
from sfu.transport import Publication, Subscription
from signaling import jsep

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT_S = 60.0

PUBLISH = """async ([codec, sendEncodings]) => {
  const video = {width: 1280, height: 720, frameRate: 15};
  const stream = await navigator.mediaDevices.getUserMedia({video});
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  const [track] = stream.getTracks();
  const transceiver = pc.addTransceiver(track, {direction: 'sendonly', streams: [stream], sendEncodings});
  const {codecs} = RTCRtpSender.getCapabilities('video');
  const first = (each) => each.mimeType === `video/${codec}` ? 0 : 1;
  transceiver.setCodecPreferences([...codecs].sort((a, b) => first(a) - first(b)));
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}"""
ANSWER = "(sdp) => window.pc.setRemoteDescription({type: 'answer', sdp})"
SUBSCRIBE = """async (sdp) => {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  const player = Object.assign(document.createElement('video'), {autoplay: true, muted: true});
  document.body.append(player);
  pc.ontrack = (event) => player.srcObject = event.streams[0];
  await pc.setRemoteDescription({type: 'offer', sdp});
  await pc.setLocalDescription(await pc.createAnswer());
  return pc.localDescription.sdp;
}"""
RECEIVED = """async () => {
  const reports = [...(await window.pc.getStats()).values()];
  return reports.find((each) => each.type === 'inbound-rtp') ?? {};
}"""
SWITCH_OFF = """async (rids) => {
  const [sender] = window.pc.getSenders();
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.active = rids.includes(encoding.rid);
  await sender.setParameters(parameters);
}"""

SIMULCAST = [
    {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 150_000},
    {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 400_000},
    {"rid": "f", "maxBitrate": 900_000},
]


@pytest_asyncio.fixture(loop_scope="session")
async def sfu() -> AsyncIterator[Sfu]:
    sfu = await Sfu.start(SfuConfig(media_port=0))
    yield sfu
    await sfu.close()
    assert sfu.census()["engine_transports"] == 0


@pytest_asyncio.fixture(loop_scope="session")
async def page_of(chromium: Browser) -> AsyncIterator[Callable[[], Any]]:
    contexts = []

    async def make() -> Page:
        context = await chromium.new_context(ignore_https_errors=True, permissions=["camera"])
        contexts.append(context)
        page = await context.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
        await page.goto("https://page.test/")
        return page

    yield make
    for context in contexts:
        await context.close()


async def publish(sfu: Sfu, page: Page, codec: str, encodings: list[dict[str, Any]]) -> Publication:
    offer = jsep.read_offer(await page.evaluate(PUBLISH, [codec, encodings]))
    chosen = negotiate.answer_publication(offer.sections[0].parameters(), video_preference=(codec,))
    transport = sfu.create_transport()
    transport.connect(jsep.remote_parameters(offer))
    publication = transport.publish(chosen)
    await page.evaluate(ANSWER, jsep.answer_publish(offer, transport.local, {offer.sections[0].mid: chosen}))
    return publication


async def subscribe(sfu: Sfu, page: Page, publication: Publication) -> Subscription:
    transport = sfu.create_transport()
    lines = jsep.MediaLines()
    parameters = negotiate.offer_subscription(
        publication.parameters,
        negotiate.PayloadTypes(),
        mid="0",
        ssrc=sfu.allocate_ssrc(),
        rtx_ssrc=sfu.allocate_ssrc(),
    )
    lines.put(jsep.OfferedTrack(parameters, "teacher", "track"))
    answer = jsep.read_answer(
        await page.evaluate(SUBSCRIBE, jsep.offer_subscribe(1, transport.local, lines)), lines
    )
    transport.connect(jsep.remote_parameters(answer))
    return transport.subscribe(
        publication, negotiate.accept_answer(parameters, answer.sections[0].parameters())
    )


async def plays(page: Page, fits: Callable[[dict[str, Any]], bool], frames: int = 10) -> dict[str, Any]:
    """Waits until pictures of that kind are decoded, some of them one after the other."""
    began = None
    async with asyncio.timeout(LIMIT_S):
        while True:
            found: dict[str, Any] = await page.evaluate(RECEIVED)
            if not found or not fits(found):
                began = None
            elif began is None:
                began = found["framesDecoded"]
            elif found["framesDecoded"] >= began + frames:
                return found
            await asyncio.sleep(0.05)


async def nothing_is_missing(sfu: Sfu, page: Page, before: dict[str, Any]) -> None:
    """Since `before` (what `plays` found) no keyframe was asked for, and no packet is missing that the engine
    could not send again: what a busy machine loses by itself it can, numbers that were left out it cannot."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await page.evaluate(RECEIVED)
            if found["packetsLost"] <= sfu.counters()["nack_served"]:
                break
            await asyncio.sleep(0.05)
    assert found["pliCount"] == before["pliCount"]
    counters = sfu.counters()
    assert counters["drop_nack_unknown"] == 0 or counters["nack_out"], "asked for what was never sent"


def wide(width: int) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found.get("frameWidth") == width


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_simulcast(sfu: Sfu, page_of: Callable[[], Any], codec: str) -> None:
    sending, receiving = await page_of(), await page_of()
    publication = await publish(sfu, sending, codec, SIMULCAST)
    assert [each.rid for each in publication.parameters.encodings] == ["q", "h", "f"]
    subscription = await subscribe(sfu, receiving, publication)
    first = await plays(receiving, wide(1280))
    for layer, width in ((0, 320), (2, 1280), (1, 640), (2, 1280)):
        subscription.want_layer(layer)
        await plays(receiving, wide(width))
    await nothing_is_missing(sfu, receiving, first)
    await sending.evaluate(SWITCH_OFF, ["q"])
    await plays(receiving, wide(320))
    await sending.evaluate(SWITCH_OFF, ["q", "h", "f"])
    await nothing_is_missing(sfu, receiving, await plays(receiving, wide(1280)))


async def test_layers_that_nobody_receives_stop_and_come_back_with_a_keyframe(
    sfu: Sfu, page_of: Callable[[], Any]
) -> None:
    sending, receiving = await page_of(), await page_of()
    publication = await publish(sfu, sending, "VP8", SIMULCAST)
    told: asyncio.Queue[list[str]] = asyncio.Queue()
    publication.on_layers = lambda active: told.put_nowait(["qhf"[layer] for layer in sorted(active)])
    subscription = await subscribe(sfu, receiving, publication)
    before = await plays(receiving, wide(1280))

    def top() -> dict[str, Any]:
        found: dict[str, Any] = sfu.engine.publication_stats(publication.id)["layers"][2]
        return found

    subscription.want_layer(0)
    now = sfu.now()
    publication.look_at_layers(now)
    publication.look_at_layers(now + OFF_AFTER_S)
    async with asyncio.timeout(LIMIT_S):
        while await told.get() != ["q"]:  # the one between may have stopped before
            pass
    await sending.evaluate(SWITCH_OFF, ["q"])
    await plays(receiving, wide(320))
    async with asyncio.timeout(LIMIT_S):
        while True:
            if not top()["active"]:
                break
            await asyncio.sleep(0.05)
    stopped = top()
    subscription.want_layer(None)
    assert told.get_nowait() == ["q", "f"]  # at once, and not the one between
    await sending.evaluate(SWITCH_OFF, ["q", "f"])
    await plays(receiving, wide(1280), frames=1)
    assert top()["key_frames"] > stopped["key_frames"]
    await nothing_is_missing(sfu, receiving, before)


@pytest.mark.parametrize(
    ("codec", "mode", "widths"),
    [
        ("VP9", "L3T3_KEY", (320, 640, 1280)),
        ("AV1", "L3T3_KEY", (320, 640, 1280)),
        ("AV1", "L2T2", (640, 1280)),
    ],
)
async def test_spatial_layers_wanted_by_two(
    sfu: Sfu, page_of: Callable[[], Any], codec: str, mode: str, widths: tuple[int, ...]
) -> None:
    """One wants it large when the other wants it small, and the other way round."""
    sending, pages = await page_of(), [await page_of(), await page_of()]
    publication = await publish(sfu, sending, codec, [{"scalabilityMode": mode}])
    subscriptions = [await subscribe(sfu, page, publication) for page in pages]
    top = len(widths) - 1
    first = [await plays(page, wide(widths[-1])) for page in pages]
    for wanted in ((0, top), (top, 0), (1, top)):
        for subscription, layer in zip(subscriptions, wanted, strict=True):
            sfu.engine.set_wanted_layer(subscription.id, layer)  # whatever the bandwidth of a busy machine
        for page, layer in zip(pages, wanted, strict=True):
            await plays(page, wide(widths[layer]))
    for page, before in zip(pages, first, strict=True):
        await nothing_is_missing(sfu, page, before)
    if mode == "L3T3_KEY":
        await leaves_out_what_is_below(sfu, publication, subscriptions[1])


async def leaves_out_what_is_below(sfu: Sfu, publication: Publication, subscription: Subscription) -> None:
    """Who gets the highest layer gets about as much as that layer alone is."""

    def counted() -> tuple[int, int, int]:
        (layer,) = sfu.engine.publication_stats(publication.id)["layers"]
        below, top = (sum(map(sum, part)) for part in (layer["layer_bytes"][:2], layer["layer_bytes"][2:]))
        return below, top, sfu.engine.subscription_stats(subscription.id)["bytes_sent"]

    begin = counted()
    async with asyncio.timeout(LIMIT_S):
        while True:
            below, top, sent = (after - before for before, after in zip(begin, counted(), strict=True))
            if top > 50_000:
                break
            await asyncio.sleep(0.05)
    assert sent < top + below / 2


@pytest.mark.parametrize("codec", ["VP8", "AV1", "H264"])
async def test_temporal_layers(sfu: Sfu, page_of: Callable[[], Any], codec: str) -> None:
    sending, receiving = await page_of(), await page_of()
    encoding = {"scalabilityMode": "L1T3", "scaleResolutionDownBy": 4}
    publication = await publish(sfu, sending, codec, [encoding])
    subscription = await subscribe(sfu, receiving, publication)
    first = await plays(receiving, wide(320))
    for temporal, low, high in ((0, 1, 6), (2, 9, 40)):
        sfu.engine.set_wanted_layer(subscription.id, 7, temporal)
        await plays(
            receiving, lambda each, low=low, high=high: low <= each["framesPerSecond"] < high, frames=4
        )
    await nothing_is_missing(sfu, receiving, first)
