"""Chromium against the media plane: UDP, and TCP where UDP is blocked; H264 and VP8."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from sfu import negotiate
from sfu.params import SfuConfig, TransportState
from sfu.sfu import Sfu
from sfu.transport import Publication, Transport
from signaling import jsep

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT_S = 60.0

PUBLISH = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 640, height: 480}});
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  for (const track of stream.getTracks())
    pc.addTransceiver(track, {direction: 'sendonly', streams: [stream]});
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}"""
SUBSCRIBE = """async (sdp) => {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  window.streams = new Set();
  const player = Object.assign(document.createElement('video'), {autoplay: true});
  document.body.append(player);
  pc.ontrack = (event) => {
    window.streams.add(event.streams[0]);
    player.srcObject = event.streams[0];
  };
  await pc.setRemoteDescription({type: 'offer', sdp});
  await pc.setLocalDescription(await pc.createAnswer());
  return pc.localDescription.sdp;
}"""
ANSWER = "(sdp) => window.pc.setRemoteDescription({type: 'answer', sdp})"
RECEIVED = """async () => {
  const found = {streams: window.streams.size};
  const reports = await window.pc.getStats();
  for (const report of reports.values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'video') found.frames = report.framesDecoded;
    if (report.type === 'inbound-rtp' && report.kind === 'audio') found.samples = report.totalSamplesReceived;
    if (report.type === 'inbound-rtp' && report.kind === 'audio') found.energy = report.totalAudioEnergy;
    if (report.type === 'transport') found.cipher = report.srtpCipher;
    if (report.type === 'transport') found.selected = report.selectedCandidatePairId;
  }
  const selected = reports.get(found.selected);
  if (selected) found.protocol = reports.get(selected.localCandidateId)?.protocol;
  return found;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def sfu() -> AsyncIterator[Sfu]:
    sfu = await Sfu.start(SfuConfig(media_port=0))
    yield sfu
    await sfu.close()
    assert sfu.census()["engine_transports"] == 0


@pytest_asyncio.fixture(loop_scope="session")
async def page_of(chromium: Browser) -> AsyncIterator[Callable[[], Any]]:
    """`await page_of()`: an empty page in a context of its own, secure enough for a camera."""
    contexts = []

    async def make() -> Page:
        context = await chromium.new_context(ignore_https_errors=True, permissions=["camera", "microphone"])
        contexts.append(context)
        page = await context.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
        await page.goto("https://page.test/")
        return page

    yield make
    for context in contexts:
        await context.close()


def only(protocol: str, text: str) -> str:
    """The description with the candidates of one protocol, as behind a firewall that blocks the other."""
    lines = text.split("\r\n")
    return "\r\n".join(each for each in lines if "a=candidate" not in each or f" {protocol} " in each)


async def publish(sfu: Sfu, page: Page, protocol: str, codec: str) -> list[Publication]:
    offer = jsep.read_offer(await page.evaluate(PUBLISH))
    chosen = {
        each.mid: negotiate.answer_publication(each.parameters(), video_preference=(codec,))
        for each in offer.sections
    }
    transport = sfu.create_transport()
    transport.connect(jsep.remote_parameters(offer))
    publications = [transport.publish(each) for each in chosen.values()]
    await page.evaluate(ANSWER, only(protocol, jsep.answer_publish(offer, transport.local, chosen)))
    return publications


def without_transport_cc(text: str) -> str:
    """The description as a peer writes it that knows REMB alone."""
    lines = text.split("\r\n")
    return "\r\n".join(
        each for each in lines if "transport-cc" not in each and "transport-wide-cc" not in each
    )


async def subscribe(
    sfu: Sfu, page: Page, publications: list[Publication], protocol: str, *, transport_cc: bool = True
) -> Transport:
    transport = sfu.create_transport()
    lines, numbers, offered = jsep.MediaLines(), negotiate.PayloadTypes(), []
    for publication in publications:
        mid = lines.free_mid(publication.parameters.kind)
        ssrc, rtx_ssrc = sfu.allocate_ssrc(), sfu.allocate_ssrc()
        parameters = negotiate.offer_subscription(
            publication.parameters, numbers, mid=mid, ssrc=ssrc, rtx_ssrc=rtx_ssrc
        )
        lines.put(jsep.OfferedTrack(parameters, "teacher", f"track{mid}"))
        offered.append(parameters)
    text = only(protocol, jsep.offer_subscribe(1, transport.local, lines))
    if not transport_cc:
        text = without_transport_cc(text)
    answer = jsep.read_answer(await page.evaluate(SUBSCRIBE, text), lines)
    transport.connect(jsep.remote_parameters(answer))
    for publication, parameters, section in zip(publications, offered, answer.sections, strict=True):
        transport.subscribe(publication, negotiate.accept_answer(parameters, section.parameters()))
    return transport


@pytest.mark.parametrize(("protocol", "codec"), [("udp", "H264"), ("udp", "VP8"), ("tcp", "H264")])
async def test_pictures_and_sound_arrive(
    sfu: Sfu, page_of: Callable[[], Any], protocol: str, codec: str
) -> None:
    sending, receiving = await page_of(), await page_of()
    publications = await publish(sfu, sending, protocol, codec)
    assert [each.parameters.formats[0].codec.name for each in publications] == ["opus", codec]
    transport = await subscribe(sfu, receiving, publications, protocol)
    async with asyncio.timeout(LIMIT_S):
        found: dict[str, Any] = {}
        # The reports of the pair may be told later than the first pictures.
        while (
            found.get("frames", 0) < 20 or found.get("samples", 0) < 24_000 or found.get("protocol") is None
        ):
            await asyncio.sleep(0.05)
            found = await receiving.evaluate(RECEIVED)
    assert found["protocol"] == protocol
    assert found["streams"] == 1
    assert transport.state is TransportState.CONNECTED
    assert "GCM" in transport.srtp_profile


async def test_without_transport_wide_numbers_its_own_estimate_counts(
    sfu: Sfu, page_of: Callable[[], Any], until: Callable[..., Any]
) -> None:
    """Chromium then estimates by abs-send-time and says REMB."""
    sending, receiving = await page_of(), await page_of()
    publications = await publish(sfu, sending, "udp", "VP8")
    transport = await subscribe(sfu, receiving, publications, "udp", transport_cc=False)

    def estimates() -> tuple[int, int]:
        stats = sfu.engine.transport_stats(transport.id)
        return stats["available_bitrate_bps"], stats["estimate_bps"]

    await until(lambda: transport.downlink.bps is not None and all(estimates()))
