"""A page in Chromium that sends flashes and beeps by WHIP: a canvas and a tone, both by one clock, that of
its sound. It does what a browser does about loss, and it restarts ICE while nothing gets through, as
pages of ours do. The other end of the proof is in here, too: does Chromium play what was recorded?
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, Page

PUBLISH = """async ([endpoint, token, width, height]) => {
  const sound = new AudioContext({ sampleRate: 48000 })
  await sound.resume()
  const out = sound.createMediaStreamDestination()
  const tone = new OscillatorNode(sound, { frequency: 1000 })
  const gate = new GainNode(sound, { gain: 0 })
  tone.connect(gate).connect(out)
  tone.start()
  const canvas = document.body.appendChild(document.createElement('canvas'))
  const pen = canvas.getContext('2d')
  window.size = (w, h) => { canvas.width = w; canvas.height = h }
  window.size(width, height)
  let said = Math.ceil(sound.currentTime)
  let count = 0
  let flash = false
  setInterval(() => {
    for (; said < sound.currentTime + 1.5; said += 1) {
      gate.gain.setValueAtTime(0.5, said)
      gate.gain.setValueAtTime(0, said + 0.1)
    }
    // A flash that would come late, on a machine that has much else to do, is none.
    flash = sound.currentTime % 1 < (flash ? 0.1 : 0.04)
    pen.fillStyle = flash ? 'white' : 'black'
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.fillStyle = 'gray'
    pen.fillRect((count++ * 7) % canvas.width, canvas.height - 20, 20, 20)
  }, 33)
  const stream = new MediaStream([...canvas.captureStream(30).getTracks(), ...out.stream.getTracks()])
  const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  for (const track of stream.getTracks()) {
    const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
    if (track.kind !== 'video') continue
    const { codecs } = RTCRtpSender.getCapabilities('video')
    const wanted = codecs.filter((each) => ['video/H264', 'video/rtx'].includes(each.mimeType))
    transceiver.setCodecPreferences(wanted)
  }
  await peer.setLocalDescription()
  const headers = { Authorization: 'Bearer ' + token }
  const body = peer.localDescription.sdp
  const answer = await fetch(endpoint, {
    method: 'POST', body, headers: { ...headers, 'Content-Type': 'application/sdp' },
  })
  if (answer.status !== 201) return `${answer.status} ${await answer.text()}`
  const resource = new URL(answer.headers.get('Location'), answer.url)
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  const part = (sdp, name) => sdp.match(new RegExp('a=' + name + ':(.*)'))[1].trim()
  const parts = ['ice-ufrag', 'ice-pwd']
  async function restart() {
    await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }))
    const local = peer.localDescription.sdp
    const patch = await fetch(resource, {
      method: 'PATCH',
      body: parts.map((name) => `a=${name}:${part(local, name)}\\r\\n`).join(''),
      headers: { ...headers, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
    })
    const fragment = await patch.text()
    let sdp = peer.remoteDescription.sdp
    for (const name of parts) {
      sdp = sdp.replace(new RegExp('a=' + name + ':.*', 'g'), `a=${name}:${part(fragment, name)}`)
    }
    await peer.setRemoteDescription({ type: 'answer', sdp })
  }
  setInterval(() => { if (peer.connectionState === 'failed') restart() }, 1000)
  window.leave = () => {
    peer.close()
    return fetch(resource, { method: 'DELETE', headers })
  }
  return ''
}"""

PLAY = """async (address) => {
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = true
  const happens = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true })
    video.addEventListener('error', () => failed(new Error(video.error.message)), { once: true })
  })
  video.src = address
  await happens('loadeddata')
  for (const share of [0.9, 0.1, 0.5]) {
    video.currentTime = video.duration * share
    await happens('seeked')
  }
  await video.play()
  await new Promise((done) => video.requestVideoFrameCallback(() => video.requestVideoFrameCallback(done)))
  return [video.duration, video.videoWidth]
}"""

PLAY_TIMEOUT_MS = 60_000


class PageRefused(Exception):  # noqa: N818
    """The server would not have it; the text is its own."""


@dataclass(frozen=True, slots=True)
class FlashPage:
    page: Page

    async def resize(self, width: int, height: int) -> None:
        """The same stream goes on with pictures of another size."""
        await self.page.evaluate("([width, height]) => window.size(width, height)", [width, height])


@asynccontextmanager
async def flash_page(
    browser: Browser, url: str, lesson: str, token: str, size: tuple[int, int]
) -> AsyncIterator[FlashPage]:
    """Sends, until it says good-bye at the end. url: where the WHIP endpoint is. Raises PageRefused."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"{url}/healthz")  # any document of that origin
        refused = await page.evaluate(PUBLISH, [f"{url}/whip/{lesson}", token, *size])
        if refused:
            raise PageRefused(refused)
        yield FlashPage(page)
        await page.evaluate("async () => { await window.leave() }")
    finally:
        await context.close()


async def played_s(browser: Browser, film: Path) -> float:
    """How long Chromium takes the film to be; it has played in it, and sought forwards and backwards. Raises
    playwright's Error, with the browser's words, where it cannot."""

    async def document(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>player</title>", content_type="text/html")

    async def bytes_of(_: web.Request) -> web.FileResponse:
        return web.FileResponse(film)

    app = web.Application()
    app.add_routes([web.get("/", document), web.get("/film.mp4", bytes_of)])
    runner = web.AppRunner(app)
    await runner.setup()
    context = await browser.new_context()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        duration_s, _width = await asyncio.wait_for(page.evaluate(PLAY, "/film.mp4"), PLAY_TIMEOUT_MS / 1000)
        return float(duration_s)
    finally:
        await context.close()
        await runner.cleanup()
