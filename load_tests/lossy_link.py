"""`python -m load_tests.lossy_link`: a real Chromium behind a link that loses packets at random, far away.

The server, a teacher's Chromium with a camera in three layers, and a pupil's Chromium whose media goes both
ways over an emulated link (cable.py, link.py, seeded). Needs Chromium. Each second is printed as by
`thin_link`; at the end, what Chromium counted from the first second to the last. That something is missing
for good shows as a request for a key picture: Chromium asks for one when its own requests for a packet were
in vain.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, async_playwright

from .cable import MediaLine
from .link import Conditions, Link
from .server import ServerProcess
from .thin_link import CHROMIUM, LAYERS, Watch, enter, launch

COUNTED = """async () => {
  const found = { video_packets: 0, lost: 0, repaired: 0, asked: 0, key_pictures_asked: 0, pictures: 0,
    height: 0, freezes: 0, frozen_s: 0, sound_packets: 0, sound_lost: 0, samples: 0, concealed: 0 }
  for (const s of (await window.tongke.receiver().getStats()).values()) {
    if (s.type !== 'inbound-rtp') continue
    if (s.kind === 'audio') {
      found.sound_packets += s.packetsReceived
      found.sound_lost += s.packetsLost
      found.samples += s.totalSamplesReceived ?? 0
      found.concealed += s.concealedSamples - (s.silentConcealedSamples ?? 0)
      continue
    }
    found.video_packets += s.packetsReceived
    found.lost += s.packetsLost
    found.repaired += s.retransmittedPacketsReceived ?? 0
    found.asked += s.nackCount ?? 0
    found.key_pictures_asked += s.pliCount ?? 0
    found.pictures += s.framesDecoded ?? 0
    found.height = Math.max(found.height, s.frameHeight ?? 0)
    found.freezes += s.freezeCount ?? 0
    found.frozen_s += s.totalFreezesDuration ?? 0
  }
  return found
}"""


@dataclass(slots=True)
class Heights:
    """Of the pictures, second by second."""

    least: int = 1 << 16

    async def watch(self, pupil: Page) -> None:
        while True:
            self.least = min(self.least, (await pupil.evaluate(COUNTED))["height"])
            await asyncio.sleep(0.5)


async def measure(options: argparse.Namespace) -> None:
    conditions = Conditions(10e6, options.round_trip / 2000, options.loss / 100)
    down, up = Link(conditions, options.seed), Link(conditions, options.seed + 1)
    async with ServerProcess() as server, async_playwright() as playwright:
        line = MediaLine(server.media_port, down, up)
        line.open()
        browser = await launch(playwright, CHROMIUM, server.url)
        pupils = await launch(playwright, CHROMIUM, server.url)
        try:
            teacher = await enter(browser, server, "master", LAYERS)
            pupil = await enter(pupils, server, "student", line.script)
            watch = Watch(teacher, pupil)
            print(
                f"--- {options.loss:g} % lost each way, {options.round_trip:g} ms round trip: to begin with"
            )
            await watch.seconds(options.before)
            print("--- counted")
            before, lost, heights = await pupil.evaluate(COUNTED), down.lost, Heights()
            watching = asyncio.create_task(heights.watch(pupil))
            await watch.seconds(options.counted)
            watching.cancel()
            after = await pupil.evaluate(COUNTED)
            print("---", _summary(before, after, heights.least, down.lost - lost, options.counted))
            await asyncio.gather(browser.close(), pupils.close())
        finally:
            line.close()


def _summary(
    before: dict[str, Any], after: dict[str, Any], least: int, lost: int, seconds: int
) -> dict[str, Any]:
    grown = {key: round(after[key] - before[key], 2) for key in after if key != "height"}
    return {
        "datagrams_lost_on_the_way": lost,
        **grown,
        "pictures_per_s": round(grown["pictures"] / seconds, 1),
        "least_height": least,
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.lossy_link", description=__doc__)
    parser.add_argument("--loss", type=float, default=5.0, metavar="PERCENT", help="of datagrams, each way")
    parser.add_argument("--round-trip", type=float, default=100.0, metavar="MS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--before", type=int, default=10, metavar="SECONDS")
    parser.add_argument("--counted", type=int, default=40, metavar="SECONDS")
    asyncio.run(measure(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
