"""`python -m load_tests.thin_link`: a real Chromium behind a link that falls to 500 kbit/s and comes back.

The server, a teacher's Chromium with a camera in three layers, and a pupil's Chromium. One of them is in a
network namespace of its own, whose only way is a veth with `tbf`: the pupil's downlink (`--way down`) or
the teacher's uplink (`--way up`). Needs root, Chromium and iproute2. Each second is printed: what the pupil
decoded, its freezes, concealed sound and the words on its page; what the teacher sends of each layer and may
send.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Playwright, async_playwright

from .server import ServerProcess

CHROMIUM = "/usr/bin/chromium"
NAMESPACE = "tongke-thin"
HOST, PUPIL = "10.213.77.1", "10.213.77.2"
DEVICES = ("tongke-thin0", "tongke-thin1")
LINK = re.compile(r"https?://[^\s/]+(/join#token=[\w-]+\.([\w-]+)\.[\w-]+)")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
)
LAYERS = """
  const add = RTCPeerConnection.prototype.addTransceiver
  RTCPeerConnection.prototype.addTransceiver = function (what, init) {
    const kind = typeof what === 'string' ? what : what.kind
    if (kind === 'video' && init?.direction !== 'recvonly') {
      init = { ...init, sendEncodings: [
        { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
        { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
        { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
      ] }
    }
    return add.call(this, what, init)
  }
  const all = RTCRtpSender.getCapabilities.bind(RTCRtpSender)
  RTCRtpSender.getCapabilities = (kind) => {
    const found = all(kind)
    return { ...found, codecs: found.codecs.filter((codec) => codec.mimeType !== 'video/H264') }
  }
"""
"""Three layers as conferencing sites send them, and VP8."""

RECEIVED = """async () => {
  const found = { frames: 0, height: 0, freezes: 0, frozen: 0, concealed: 0, samples: 0, bytes: 0, lost: 0 }
  const words = document.querySelector('[data-testid=stage-words]')
  found.words = words ? words.dataset.words : ''
  const stats = await window.tongke?.receiver?.()?.getStats()
  for (const s of stats?.values() ?? []) {
    if (s.type !== 'inbound-rtp') continue
    found.bytes += s.bytesReceived
    found.lost += s.packetsLost
    if (s.kind === 'video') {
      found.frames += s.framesDecoded ?? 0
      found.height = s.frameHeight ?? 0
      found.freezes += s.freezeCount ?? 0
      found.frozen += s.totalFreezesDuration ?? 0
    } else {
      found.concealed += s.concealedSamples - (s.silentConcealedSamples ?? 0)
      found.samples += s.totalSamplesReceived ?? 0
    }
  }
  return found
}"""

SENT = """async () => {
  const stats = await window.tongke?.publisher?.()?.getStats()
  const found = { may_kbit: 0 }
  for (const s of stats?.values() ?? []) {
    if (s.type === 'outbound-rtp' && s.kind === 'video') found[s.rid ?? ''] = s.bytesSent
    if (s.type === 'candidate-pair' && s.nominated)
      found.may_kbit = Math.round(s.availableOutgoingBitrate / 1000)
  }
  return found
}"""


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def namespace() -> Iterator[None]:
    ours, theirs = DEVICES
    run("ip", "netns", "add", NAMESPACE)
    try:
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", NAMESPACE)
        run("ip", "address", "add", f"{HOST}/30", "dev", ours)
        run("ip", "link", "set", ours, "up")
        inside = ("ip", "-n", NAMESPACE)
        run(*inside, "address", "add", f"{PUPIL}/30", "dev", theirs)
        run(*inside, "link", "set", theirs, "up")
        run(*inside, "link", "set", "lo", "up")
        yield
    finally:
        run("ip", "netns", "delete", NAMESPACE)


def limit(way: str, rate: str, buffer: str = "400ms") -> None:
    """Of the way into the namespace (`down`) or out of it (`up`); empty: none. buffer: what waits longer is
    dropped."""
    device = ("dev", DEVICES[0]) if way == "down" else ("dev", DEVICES[1])
    tc = ("tc",) if way == "down" else ("tc", "-n", NAMESPACE)
    if rate:
        tbf = ("tbf", "rate", rate, "burst", "8kb", "latency", buffer)
        run(*tc, "qdisc", "replace", *device, "root", *tbf)
    else:
        run(*tc, "qdisc", "delete", *device, "root")


async def launch(playwright: Playwright, executable: str, origin: str) -> Browser:
    flags = [*FLAGS, f"--unsafely-treat-insecure-origin-as-secure={origin}"]
    return await playwright.chromium.launch(executable_path=executable, args=flags)


def role_of(payload: str) -> str:
    """Of a link's token."""
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["role"]


async def enter(browser: Browser, server: ServerProcess, role: str, script: str) -> Page:
    links = {role_of(match[2]): match[1] for match in LINK.finditer(server.log.read_text())}
    page = await (await browser.new_context(permissions=["camera", "microphone"])).new_page()
    await page.add_init_script(script)
    await page.goto(server.url + links[role])
    if role == "master":
        await page.get_by_test_id("join-check").click()
    await page.get_by_test_id("join-start").click()
    await page.locator("[data-testid=connection-state][data-state=online]").first.wait_for(state="attached")
    return page


class Watch:
    """Prints what changed from second to second."""

    def __init__(self, teacher: Page, pupil: Page) -> None:
        self._teacher, self._pupil = teacher, pupil
        self._received: dict[str, Any] = {}
        self._sent: dict[str, Any] = {}

    async def seconds(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(1)
            print(await self._receiving(), await self._sending())

    async def _receiving(self) -> dict[str, Any]:
        before, now = self._received, await self._pupil.evaluate(RECEIVED)
        self._received = now
        counted = {
            key: round(now[key] - before.get(key, 0), 2) for key in now if key not in {"height", "words"}
        }
        kbit = counted.pop("bytes") * 8 // 1000
        return {"height": now["height"], "kbit": kbit, **counted, "words": now["words"]}

    async def _sending(self) -> dict[str, Any]:
        before, now = self._sent, await self._teacher.evaluate(SENT)
        self._sent = now
        kbit = {key: (now[key] - before.get(key, 0)) * 8 // 1000 for key in now if key != "may_kbit"}
        return {"may": now["may_kbit"], **dict(sorted(kbit.items()))}


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="tongke-thin-") as directory, namespace():
        inside = Path(directory) / "chromium-inside"
        inside.write_text(f'#!/bin/sh\nexec ip netns exec {NAMESPACE} {CHROMIUM} "$@"\n')
        inside.chmod(0o755)
        theirs, ours = (CHROMIUM, str(inside)) if options.way == "down" else (str(inside), CHROMIUM)
        async with ServerProcess(host=HOST) as server, async_playwright() as playwright:
            teachers = await launch(playwright, theirs, server.url)
            pupils = await launch(playwright, ours, server.url)
            teacher = await enter(teachers, server, "master", LAYERS)
            watch = Watch(teacher, await enter(pupils, server, "student", ""))
            print("--- no limit")
            await watch.seconds(options.before)
            print(f"--- {options.way} {options.rate}")
            limit(options.way, options.rate, options.buffer)
            await watch.seconds(options.limited)
            print("--- limit lifted")
            limit(options.way, "")
            await watch.seconds(options.after)
            await asyncio.gather(teachers.close(), pupils.close())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.thin_link", description=__doc__)
    parser.add_argument(
        "--way", choices=("down", "up"), default="down", help="the pupil's way, or the teacher's"
    )
    parser.add_argument("--rate", default="500kbit", help="of the limited link, as tc writes it")
    parser.add_argument(
        "--buffer", default="400ms", help="before the limited link: what would wait longer is dropped"
    )
    parser.add_argument("--before", type=int, default=15, metavar="SECONDS")
    parser.add_argument("--limited", type=int, default=30, metavar="SECONDS")
    parser.add_argument("--after", type=int, default=20, metavar="SECONDS")
    asyncio.run(measure(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
