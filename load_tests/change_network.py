"""`python -m load_tests.change_network`: a real Chromium moves from one network to another during a lesson.

The server, a teacher's Chromium and a pupil's. The one that moves (`--who`) is in a network namespace of its
own with two ways to the server, as a tablet has Wi-Fi and 4G; the one in use is switched off, and later on
again. What is told: for how long the pupil's picture stood still, whether the page kept its peer connection,
and whether ICE was restarted on it. Needs root, Chromium and iproute2.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from .server import ServerProcess
from .thin_link import CHROMIUM, enter, launch, run

NAMESPACE = "tongke-two"
SERVER = "10.213.80.1"
"""Reached by both ways."""


@dataclass(frozen=True, slots=True)
class Way:
    """A veth: ours and theirs."""

    ours: str
    theirs: str
    address: str
    theirs_address: str
    metric: int
    """Of the default route; also the number of the routes of what leaves from this address."""


WAYS = (
    Way("tongke-wifi0", "tongke-wifi1", "10.213.78.1", "10.213.78.2", 100),
    Way("tongke-4g0", "tongke-4g1", "10.213.79.1", "10.213.79.2", 200),
)

WATCH = """() => {
  const seen = window.seen = { decoded: 0, pictures: 0, last: performance.now(), longest: 0 }
  setInterval(async () => {
    let decoded = 0
    for (const s of (await window.tongke.receiver().getStats()).values())
      if (s.type === 'inbound-rtp' && s.kind === 'video') decoded += s.framesDecoded ?? 0
    if (decoded === seen.decoded) return
    const now = performance.now()
    seen.longest = Math.max(seen.longest, now - seen.last)
    seen.pictures += decoded - seen.decoded
    Object.assign(seen, { decoded, last: now })
  }, 20)
}"""
SEEN = "() => ({ ...window.seen, since: performance.now() - window.seen.last })"
BEGIN = "() => { Object.assign(window.seen, { pictures: 0, last: performance.now(), longest: 0 }) }"
CONNECTION = """async (side) => {
  const connection = window.tongke[side]()
  const known = connection === window.known
  window.known = connection
  const stats = await connection.getStats()
  const nominated = (s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded'
  const pair = [...stats.values()].find(nominated)
  const local = pair && stats.get(pair.localCandidateId)
  return { known, ufrag: connection.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1],
    by: local ? local.protocol + ' ' + (local.address ?? '') : '' }
}"""


@contextmanager
def two_ways() -> Iterator[None]:
    run("ip", "netns", "add", NAMESPACE)
    inside = ("ip", "-n", NAMESPACE)
    try:
        run(*inside, "link", "set", "lo", "up")
        for way in WAYS:
            run("ip", "link", "add", way.ours, "type", "veth", "peer", "name", way.theirs, "netns", NAMESPACE)
            run("ip", "address", "add", f"{way.address}/30", "dev", way.ours)
            run("ip", "link", "set", way.ours, "up")
            run(*inside, "address", "add", f"{way.theirs_address}/30", "dev", way.theirs)
            run(*inside, "link", "set", way.theirs, "up")
            run(*inside, "rule", "add", "from", way.theirs_address, "table", str(way.metric))
            route_by(way)
        run("ip", "address", "add", f"{SERVER}/32", "dev", WAYS[0].ours)
        yield
    finally:
        run("ip", "netns", "delete", NAMESPACE)


def route_by(way: Way) -> None:
    route = ("ip", "-n", NAMESPACE, "route", "add", "default", "via", way.address, "dev", way.theirs)
    run(*route, "metric", str(way.metric))
    run(*route, "table", str(way.metric))


def switch_off(way: Way) -> None:
    """As a radio that loses its network: the address goes first, and with it the routes."""
    run("ip", "-n", NAMESPACE, "address", "flush", "dev", way.theirs)
    run("ip", "-n", NAMESPACE, "link", "set", way.theirs, "down")


def switch_on(way: Way) -> None:
    run("ip", "-n", NAMESPACE, "link", "set", way.theirs, "up")
    run("ip", "-n", NAMESPACE, "address", "add", f"{way.theirs_address}/30", "dev", way.theirs)
    route_by(way)


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="tongke-two-") as directory, two_ways():
        inside = Path(directory) / "chromium-inside"
        inside.write_text(f'#!/bin/sh\nexec ip netns exec {NAMESPACE} {CHROMIUM} "$@"\n')
        inside.chmod(0o755)
        async with ServerProcess(host=SERVER) as server, async_playwright() as playwright:
            there, here = str(inside), CHROMIUM
            teachers = await launch(playwright, there if options.who == "teacher" else here, server.url)
            pupils = await launch(playwright, there if options.who == "pupil" else here, server.url)
            teacher = await enter(teachers, server, "master", "")
            pupil = await enter(pupils, server, "student", "")
            await pupil.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")
            await pupil.evaluate(WATCH)
            mover, side = (pupil, "receiver") if options.who == "pupil" else (teacher, "publisher")
            await asyncio.sleep(options.before)
            in_use = (await mover.evaluate(CONNECTION, side))["by"]
            way = next(way for way in WAYS if way.theirs_address in in_use)
            await _move(mover, pupil, side, "switched off", lambda: switch_off(way), options.after)
            await _move(mover, pupil, side, "back on", lambda: switch_on(way), options.after)
            await asyncio.gather(teachers.close(), pupils.close())


async def _move(mover: Page, pupil: Page, side: str, what: str, act: Any, after_s: float) -> None:
    before = await mover.evaluate(CONNECTION, side)
    await pupil.evaluate(BEGIN)
    act()
    await asyncio.sleep(after_s)
    after, seen = await mover.evaluate(CONNECTION, side), await pupil.evaluate(SEEN)
    kept = "the same connection" if after["known"] else "another connection"
    ice = "ICE restarted" if after["ufrag"] != before["ufrag"] else "ICE not restarted"
    print(
        f"network in use {what}: picture stood still for {seen['longest']:.0f} ms at most,"
        f" {seen['pictures']} pictures in {after_s:g} s, the last {seen['since']:.0f} ms ago;"
        f" {kept}, {ice}; {before['by']} -> {after['by']}"
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.change_network", description=__doc__)
    parser.add_argument("--who", choices=("pupil", "teacher"), default="pupil", help="who moves")
    parser.add_argument("--before", type=float, default=8.0, metavar="SECONDS")
    parser.add_argument("--after", type=float, default=15.0, metavar="SECONDS", help="after each change")
    asyncio.run(measure(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
