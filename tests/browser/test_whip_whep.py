"""Chromium as a WHIP and as a WHEP client, by nothing but its own API; FFmpeg as publisher for it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from load_tests.server import TONGKE, ServerProcess
from signaling import test_source
from signaling.auth import Tokens
from signaling.message import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_S = 60
"""For anything that needs encoders and decoders on a busy machine."""

PUBLISH = """async ([endpoint, token, codec]) => {
  const video = { width: 640, height: 360 }
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video })
  const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  for (const track of stream.getTracks()) {
    const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
    if (track.kind === 'video') {
      const { codecs } = RTCRtpSender.getCapabilities('video')
      const wanted = codecs.filter(c => c.mimeType === 'video/' + codec || c.mimeType === 'video/rtx')
      transceiver.setCodecPreferences(wanted)
    }
  }
  return exchange(peer, endpoint, token)
}"""

WATCH = """async ([endpoint, token]) => {
  const peer = new RTCPeerConnection()
  peer.addTransceiver('audio', { direction: 'recvonly' })
  peer.addTransceiver('video', { direction: 'recvonly' })
  const stream = new MediaStream()
  peer.ontrack = event => stream.addTrack(event.track)
  const video = document.body.appendChild(document.createElement('video'))
  video.srcObject = stream
  const status = await exchange(peer, endpoint, token)
  if (status === 201) await video.play()
  return status
}"""

EXCHANGE = """() => { window.exchange = async (peer, endpoint, token) => {
  await peer.setLocalDescription()
  const headers = { Authorization: 'Bearer ' + token }
  const body = peer.localDescription.sdp
  const sdpHeaders = { ...headers, 'Content-Type': 'application/sdp' }
  const response = await fetch(endpoint, { method: 'POST', body, headers: sdpHeaders })
  if (response.status !== 201) return response.status
  const resource = new URL(response.headers.get('Location'), response.url)
  window.session = { peer, resource, headers, etag: response.headers.get('ETag') }
  const sdp = await response.text()
  await peer.setRemoteDescription({ type: 'answer', sdp })
  return 201
} }"""

RESTART = """async () => {
  const { peer, resource, headers } = window.session
  const line = (sdp, name) => sdp.match(new RegExp('a=' + name + ':(.*)'))[1].trim()
  peer.restartIce()
  await peer.setLocalDescription(await peer.createOffer())
  const local = peer.localDescription.sdp
  const body = ['ice-ufrag', 'ice-pwd'].map(name => `a=${name}:${line(local, name)}\\r\\n`).join('')
  const response = await fetch(resource, { method: 'PATCH', body, headers: {
    ...headers, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*',
  } })
  if (response.status !== 200) return [response.status, null]
  const fragment = await response.text()
  let sdp = peer.remoteDescription.sdp
  for (const name of ['ice-ufrag', 'ice-pwd'])
    sdp = sdp.replace(new RegExp('a=' + name + ':.*', 'g'), `a=${name}:${line(fragment, name)}`)
  await peer.setRemoteDescription({ type: 'answer', sdp })
  return [200, response.headers.get('ETag') !== window.session.etag]
}"""

DELETE = """async () => {
  const { resource, headers } = window.session
  return (await fetch(resource, { method: 'DELETE', headers })).status
}"""

STATE = """async () => {
  const state = window.session.peer.connectionState
  const found = { state, frames: 0, energy: 0, sent: 0, codec: '', pair: '' }
  const stats = await window.session.peer.getStats()
  for (const s of stats.values()) {
    if (s.type === 'inbound-rtp' && s.kind === 'video') {
      found.frames = s.framesDecoded
      found.codec = stats.get(s.codecId)?.mimeType ?? ''
    }
    if (s.type === 'inbound-rtp' && s.kind === 'audio') found.energy = s.totalAudioEnergy
    if (s.type === 'outbound-rtp' && s.kind === 'video') found.sent = s.framesSent
    if (s.type === 'transport') found.pair = s.selectedCandidatePairId ?? ''
  }
  return found
}"""

LUMA = """() => {
  const video = document.querySelector('video')
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0)
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data
  const green = new Uint8Array(rgba.length / 4)
  for (let i = 0; i < green.length; i++) green[i] = rgba[4 * i + 1]
  let text = ''
  for (let i = 0; i < green.length; i += 8192) text += String.fromCharCode(...green.subarray(i, i + 8192))
  return [canvas.height, btoa(text)]
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """One for each test: the root's fixture, in the event loop of the browser."""
    async with ServerProcess(data=tmp_path / "data") as process:
        yield process


def endpoint(server: ServerProcess, protocol: str, query: str = "") -> str:
    return f"{server.url}/{protocol}/demo{query}"


def token(server: ServerProcess, role: Role, person: str) -> str:
    assert role in get_args(Role)
    now = time.time()
    return Tokens.open(server.data).issue(person=person, role=role, lesson="demo", now=now, ttl_s=600)


@asynccontextmanager
async def open_page(chromium: Browser, server: ServerProcess) -> AsyncIterator[Page]:
    """A page of the server's origin without any script of the server's."""
    context = await chromium.new_context(permissions=["camera", "microphone"])
    try:
        page = await context.new_page()
        await page.goto(f"{server.url}/healthz")
        await page.evaluate(EXCHANGE)
        await page.mouse.click(5, 5)  # sound is only played on a page that somebody has touched
        yield page
    finally:
        await context.close()


async def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(STATE)
    return found


async def until(page: Page, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first state of the page's connection of which the condition holds."""
    last: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(last := await state(page)):
                await page.wait_for_timeout(100)
    except TimeoutError:
        pytest.fail(f"not reached: {last}")
    return last


async def picture_time_ms(page: Page) -> int | None:
    """What the clock of the test source says in the picture shown now."""
    height, encoded = await page.evaluate(LUMA)
    # The canvas has full-range green; of grey that is the luma, stretched, and black and white stay apart.
    luma = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, -1)
    return test_source.read_time(luma, time.time_ns() // 1_000_000)


@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_chromium_publishes_by_whip_and_watches_by_whep(
    server: ServerProcess, chromium: Browser, codec: str
) -> None:
    async with open_page(chromium, server) as master, open_page(chromium, server) as viewer:
        teaching = token(server, "master", "teacher")
        assert await master.evaluate(PUBLISH, [endpoint(server, "whip"), teaching, codec]) == 201
        await until(master, lambda found: found["sent"] > 10)
        watching = token(server, "supervisor", "viewer")
        assert await viewer.evaluate(WATCH, [endpoint(server, "whep"), watching]) == 201
        seen = await until(
            viewer, lambda found: found["frames"] > 30 and found["energy"] > 0 and found["codec"]
        )
        assert seen["codec"] == f"video/{codec}"

        # A second sender of the same name is refused, and the first goes on.
        assert await viewer.evaluate(PUBLISH, [endpoint(server, "whip"), teaching, codec]) == 409
        await until(viewer, lambda found: found["frames"] > seen["frames"] + 30)

        assert await master.evaluate(DELETE) == 200
        await until(viewer, lambda found: found["state"] in {"closed", "disconnected", "failed"})
        assert await viewer.evaluate(WATCH, [endpoint(server, "whep"), watching]) == 409


async def test_media_goes_on_over_an_ice_restart(server: ServerProcess, chromium: Browser) -> None:
    async with open_page(chromium, server) as master, open_page(chromium, server) as viewer:
        teaching = token(server, "encoder", "hall")
        assert await master.evaluate(PUBLISH, [endpoint(server, "whip"), teaching, "H264"]) == 201
        await until(master, lambda found: found["sent"] > 10)
        watching = token(server, "supervisor", "viewer")
        assert await viewer.evaluate(WATCH, [endpoint(server, "whep"), watching]) == 201
        before = await until(viewer, lambda found: found["frames"] > 30)
        for page in (viewer, master):
            old = await state(page)
            assert await page.evaluate(RESTART) == [200, True]
            pair = old["pair"]
            await until(page, lambda found, pair=pair: found["pair"] not in {pair, ""})
        await until(viewer, lambda found: found["frames"] > before["frames"] + 60)


async def test_ffmpeg_publishes_the_test_source_and_chromium_reads_its_clock(
    server: ServerProcess, chromium: Browser
) -> None:
    publisher = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", "test", "--lesson", "demo", "--as", "studio"),
        *("--url", server.url, "--data", str(server.data)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert publisher.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert b"demo" in await publisher.stdout.readline()
        async with open_page(chromium, server) as viewer:
            watching = token(server, "supervisor", "viewer")
            place = endpoint(server, "whep", "?source=studio")
            assert await viewer.evaluate(WATCH, [place, watching]) == 201
            await until(viewer, lambda found: found["frames"] > 30 and found["energy"] > 0)
            shown = set()
            async with asyncio.timeout(PATIENCE_S):
                while len(shown) < 3:
                    if (at := await picture_time_ms(viewer)) is not None:
                        assert abs(time.time() * 1000 - at) < 5_000
                        shown.add(at)
    finally:
        publisher.terminate()
        assert await publisher.wait() == 0
