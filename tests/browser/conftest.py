"""People in front of real browsers: pages opened by the links the server prints, read by `data-testid`."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.engine import make_engine, sqlite_url
from classroom.store.sign_ins import SignIn
from load_tests.cable import Line
from load_tests.server import ServerProcess
from signaling.network.principals import SIGN_IN_COOKIE, SIGN_IN_PREFIX, secret_hash

PATIENCE_MS = 60_000
"""For anything a page should do; a machine that builds at the same time needs seconds."""
expect.set_options(timeout=PATIENCE_MS)
LINK = re.compile(r"https?://[^\s/]+(/join#token=([\w-]+)\.([\w-]+)\.[\w-]+)")

RECEIVED = """async () => {
  const connection = window.tongke?.receiver?.()
  const found = { frames: 0, energy: 0, audioPackets: 0, codec: '', protocol: '' }
  if (!connection) return found
  const stats = await connection.getStats()
  for (const s of stats.values()) {
    if (s.type === 'inbound-rtp' && s.kind === 'video') {
      found.frames += s.framesDecoded ?? 0
      if (s.framesDecoded) found.codec = stats.get(s.codecId)?.mimeType ?? ''
    }
    if (s.type === 'inbound-rtp' && s.kind === 'audio') {
      found.energy += s.totalAudioEnergy ?? 0
      found.audioPackets += s.packetsReceived
    }
    if (s.type === 'candidate-pair' && s.nominated) {
      found.protocol = stats.get(s.remoteCandidateId)?.protocol ?? ''
    }
  }
  return found
}"""

STREAMS = """async () => {
  const found = {}
  const connection = window.tongke?.receiver?.()
  if (!connection) return found
  const names = new Map(window.tongke.streams().map((each) => [each.mid, `${each.person}/${each.source}`]))
  for (const s of (await connection.getStats()).values()) {
    if (s.type !== 'inbound-rtp') continue
    const name = names.get(s.mid) ?? `nobody/${s.mid}`
    found[name] = {
      packets: s.packetsReceived,
      frames: s.framesDecoded ?? 0,
      energy: s.totalAudioEnergy ?? 0,
    }
  }
  return found
}"""

WITHOUT_H264 = """
  const all = RTCRtpSender.getCapabilities.bind(RTCRtpSender)
  RTCRtpSender.getCapabilities = (kind) => {
    const found = all(kind)
    return { ...found, codecs: found.codecs.filter((codec) => codec.mimeType !== 'video/H264') }
  }
"""
"""Makes a browser like those that are built without an H.264 encoder."""

TWO_CLOCKS = """(() => {
  const painted = (colour) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 })
    const context = canvas.getContext('2d')
    setInterval(() => {
      context.fillStyle = colour
      context.fillRect(0, 0, 1280, 720)
      const tenths = Math.floor(performance.now() / 100) % 256
      for (let bit = 0; bit < 8; bit++) {
        context.fillStyle = tenths & (1 << bit) ? 'white' : 'black'
        context.fillRect(160 * bit, 480, 160, 240)
      }
    }, 33)
    return canvas.captureStream(30).getVideoTracks()[0]
  }
  const devices = navigator.mediaDevices
  const open = devices.getUserMedia.bind(devices)
  devices.getDisplayMedia = async () => new MediaStream([painted('#1c2ee0')])
  devices.getUserMedia = async (wanted) => {
    const stream = await open(wanted)
    for (const track of stream.getVideoTracks()) {
      stream.removeTrack(track)
      track.stop()
      stream.addTrack(painted('#0a8f2a'))
    }
    return stream
  }
})()"""
"""A browser without a window has no screen to share: its screen is blue and its camera green, and both show
the same clock, tenths of a second in eight bits."""

FEW_PICTURES = """(() => {
  const devices = navigator.mediaDevices
  if (!devices) return
  const open = devices.getUserMedia.bind(devices)
  devices.getUserMedia = (wanted) => {
    const few = { ...wanted.video, frameRate: { ideal: 6, max: 6 } }
    return open(wanted.video ? { ...wanted, video: few } : wanted)
  }
})()"""
"""A camera of six pictures a second: what each of them costs, coded once and decoded and painted on every
page, is most of what a lesson costs the machine that tests."""

VIOLATIONS = """
  window.violations = []
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) => {
    window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}`)
  })
"""

PICTURE = """() => {
  const video = document.querySelector('[data-testid=video-main]')
  if (!video || !video.videoWidth) return null
  const canvas = document.createElement('canvas')
  canvas.width = 64
  canvas.height = 36
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0, 64, 36)
  return Array.from(context.getImageData(0, 0, 64, 36).data)
}"""


@dataclass(frozen=True)
class Received:
    """What a page's receiving connection has got so far, by getStats."""

    frames: int
    """Decoded."""
    energy: float
    """totalAudioEnergy: of sound that was played out."""
    audioPackets: int  # noqa: N815 - the page's word
    codec: str
    protocol: str
    """Of the server's candidate in use: `udp` or `tcp`."""


@dataclass(frozen=True)
class Stream:
    """What has come so far of one stream, by getStats."""

    packets: int
    frames: int
    """Decoded; 0 of sound."""
    energy: float
    """totalAudioEnergy of what was played out; 0 of pictures."""


NO_STREAM = Stream(0, 0, 0.0)


@dataclass(frozen=True)
class Person:
    """One page with one person in the lesson."""

    page: Page

    def at(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def has(self, test_id: str, **attributes: str) -> None:
        """Waits until the element is there with these `data-` attributes."""
        selector = f"[data-testid={test_id}]" + "".join(f'[data-{k}="{v}"]' for k, v in attributes.items())
        await self.page.locator(selector).first.wait_for(state="attached")

    async def received(self) -> Received:
        return Received(**await self.page.evaluate(RECEIVED))

    async def streams(self) -> dict[str, Stream]:
        """By `person/source`; what nobody sends any more is `nobody/mid`."""
        found = await self.page.evaluate(STREAMS)
        return {name: Stream(**values) for name, values in found.items()}

    async def gets(self, *names: str) -> dict[str, Stream]:
        """Waits until each of these streams is decoded anew, from now on: what has come by then."""
        before = now = await self.streams()

        async def goes_on() -> bool:
            nonlocal now
            now = await self.streams()
            return all(grown(before.get(name, NO_STREAM), now.get(name, NO_STREAM)) for name in names)

        try:
            await until(goes_on)
        except TimeoutError:
            words = await self.page.locator("body").inner_text()
            pytest.fail(f"wanted {names}, was {before}, still {now}; the page says:\n{words}")
        return now

    async def becomes(self, good: Callable[[Received], bool]) -> Received:
        """Waits until what was received is so."""
        now = await self.received()

        async def is_good() -> bool:
            nonlocal now
            now = await self.received()
            return good(now)

        try:
            await until(is_good)
        except TimeoutError:
            words = await self.page.locator("body").inner_text()
            pytest.fail(f"still {now}; the page says:\n{words}")
        return now

    async def sees_and_hears(self) -> Received:
        """Waits for more decoded pictures, that differ, and more sound, all from now on, and for the reports
        of how they come."""
        before, picture = await self.received(), await self.picture()
        now = await self.becomes(
            lambda now: (
                now.frames >= before.frames + 10
                and now.energy > before.energy
                and now.audioPackets > before.audioPackets
                and now.codec != ""
                and now.protocol != ""
            )
        )

        async def moved() -> bool:
            return different(picture, await self.picture())

        await until(moved)
        return now

    async def picture(self) -> list[int]:
        """The big picture as 64 x 36 RGBA values, once there is one."""
        handle = await self.page.wait_for_function(PICTURE)
        values: list[int] = await handle.json_value()
        return values


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Asks a page again and again, for what it has no event for."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await condition():  # noqa: ASYNC110 - nothing could set an event
            await asyncio.sleep(0.05)


def grown(before: Stream, now: Stream) -> bool:
    """More of it has been shown, or heard."""
    return now.frames >= before.frames + 5 or now.energy > before.energy


def different(one: list[int], other: list[int]) -> bool:
    """More than a dozen pixels have another brightness: more than the codec's noise, less than a cut."""
    changed = sum(
        abs(sum(one[i : i + 3]) - sum(other[i : i + 3])) > 60 for i in range(0, min(len(one), len(other)), 4)
    )
    return changed > 12


@dataclass(frozen=True)
class Link:
    """One of the links that the server prints, and what its token says."""

    path: str
    """With the fragment."""
    role: str
    name: str


def printed_links(log: str) -> list[Link]:
    links = []
    for path, _, payload in (match.groups() for match in LINK.finditer(log)):
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        links.append(Link(path, claims["role"], claims["name"]))
    return links


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def line(shared_server: ServerProcess) -> AsyncIterator[Line]:
    line = Line(shared_server.port)
    await line.open()
    yield line
    await line.close()


@pytest.fixture(scope="session")
def link_of(shared_server: ServerProcess) -> Callable[..., Link]:
    """`link_of(role, 0)`: the first link for this role."""
    links = printed_links(shared_server.log.read_text())
    return lambda role, number=0: [link for link in links if link.role == role][number]


@pytest.fixture(scope="session")
def links_in() -> Callable[[ServerProcess], list[Link]]:
    """`links_in(server)`: the links that it printed."""
    return lambda server: printed_links(server.log.read_text())


@pytest.fixture(scope="session")
def without_h264() -> str:
    """A script for `enter`."""
    return WITHOUT_H264


@pytest.fixture(scope="session")
def two_clocks() -> str:
    """A script for `visit`: camera and screen of who sends."""
    return TWO_CLOCKS


@pytest.fixture(scope="session")
def few_pictures() -> str:
    """A script for `visit`: a camera that costs little, where a lesson is what others are looked at in."""
    return FEW_PICTURES


@pytest.fixture(scope="session", autouse=True)
def begun_before(begun: None) -> None:
    """For the servers that files of tests start for themselves."""


Visit = Callable[..., Awaitable[Person]]
Enter = Callable[..., Awaitable[Person]]


async def open_window(
    chromium: Browser,
    size: tuple[int, int] = (1280, 720),
    device: dict[str, Any] | None = None,
) -> BrowserContext:
    """With nothing remembered."""
    context = await chromium.new_context(
        permissions=["camera", "microphone"],
        locale="zh-CN",
        viewport={"width": size[0], "height": size[1]},
        **(device or {}),
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


async def open_page(context: BrowserContext, address: str, script: str, origin: str, **query: str) -> Person:
    page = await context.new_page()
    await page.add_init_script(f"{VIOLATIONS};\n{script}")
    path, _, fragment = address.partition("#")
    words = "&".join(f"{key}={value}" for key, value in query.items())
    await page.goto(f"{origin}{path}?{words}#{fragment}")
    return Person(page)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visit(chromium: Browser, line: Line) -> AsyncIterator[Visit]:
    """`await visit("/join#token=...", script="", size=(390, 844), **query)`: a window of its own at this
    address; the script runs before the page's own. `origin`: of the server, where it is not by the line;
    `device`: what else Playwright can say of it."""
    contexts: list[BrowserContext] = []

    async def open_another(
        address: str,
        script: str = "",
        size: tuple[int, int] = (1280, 720),
        origin: str = "",
        device: dict[str, Any] | None = None,
        **query: str,
    ) -> Person:
        contexts.append(await open_window(chromium, size, device))
        origin = origin or f"http://127.0.0.1:{line.port}"
        return await open_page(contexts[-1], address, script, origin, **query)

    yield open_another
    await asyncio.gather(*(context.close() for context in contexts))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """One for all who only look at a page and leave."""
    context = await open_window(chromium)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def glance(window: BrowserContext, line: Line) -> AsyncIterator[Visit]:
    """`await glance("/join#token=...", script="", size=(390, 844), origin="")`: as `visit`, in a tab beside
    others, until the test is over."""
    people: list[Person] = []

    async def open_tab(
        address: str, script: str = "", size: tuple[int, int] = (1280, 720), origin: str = "", **query: str
    ) -> Person:
        origin = origin or f"http://127.0.0.1:{line.port}"
        person = await open_page(window, address, script, origin, **query)
        people.append(person)
        await person.page.set_viewport_size({"width": size[0], "height": size[1]})
        return person

    yield open_tab
    await asyncio.gather(*(person.page.close() for person in people))


@pytest.fixture(scope="module")
def enter(visit: Visit, link_of: Callable[..., Link]) -> Enter:
    """`await enter(role, 0, script="", size=(1366, 768), force="tcp")`: opens the role's first link in its
    own window, with these query parameters, and goes through the door. A camera gives few pictures, as a
    lesson here is mostly what others are looked at in; `script=""` takes what the page asks for."""

    async def go_in(role: str, number: int = 0, script: str = FEW_PICTURES, **how: Any) -> Person:
        person = await visit(link_of(role, number).path, script=script, **how)
        if role in ("master", "room"):
            await person.at("join-check").click()
        await person.at("join-start").click()
        await person.has("connection-state", state="online")
        return person

    return go_in


HOUR_MS = 3_600_000


@dataclass
class NetworkPeople:
    """People of the course network in front of one server: signed in, each in a window of their own."""

    server: ServerProcess
    chromium: Browser
    contexts: list[BrowserContext]
    secrets: dict[str, str]

    async def secret(self, person: str) -> str:
        """Signed in once, past the password."""
        if person in self.secrets:
            return self.secrets[person]
        secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), round(time.time() * 1000)
        made = SignIn(
            secret_hash=secret_hash(secret),
            person=PersonId(person),
            way="password",
            made_ms=now_ms,
            seen_ms=now_ms,
            ends_ms=now_ms + HOUR_MS,
            idle_ms=HOUR_MS,
            proved_ms=now_ms,
        )
        engine = make_engine(sqlite_url(self.server.data / "tongke.db"), 30.0)
        async with engine.begin() as connection:
            await sign_ins.begin(connection, made, ROOT)
        await engine.dispose()
        self.secrets[person] = secret
        return secret

    async def context(self, person: str, **how: Any) -> BrowserContext:
        """A window; of nobody: who is in front of it is not signed in."""
        media = ["camera", "microphone"]
        context = await self.chromium.new_context(**{"locale": "zh-CN", "permissions": media} | how)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        if person:
            cookie = {"name": SIGN_IN_COOKIE, "value": await self.secret(person), "url": self.server.url}
            await context.add_cookies([cookie])  # type: ignore[list-item]
        return context

    async def page(self, person: str, path: str, size: dict[str, int], language: str = "zh-CN") -> Page:
        context = await self.context(person, viewport=size, locale=language)
        page = await context.new_page()
        await page.goto(self.server.url + path)
        return page

    async def ask(self, person: str, method: str, path: str, *, token: str = "", **what: Any) -> Any:
        """Over HTTP, what a page would ask; as somebody, or with the token of a lesson."""
        headers = {"Authorization": f"Bearer {token or await self.secret(person)}"}
        async with (
            aiohttp.ClientSession(self.server.url, headers=headers) as session,
            session.request(method, path, **what) as answer,
        ):
            assert answer.ok, await answer.text()
            return await answer.json(content_type=None) if answer.status != 204 else None

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        await until(condition)


@pytest_asyncio.fixture(loop_scope="session")
async def network_people(chromium: Browser) -> AsyncIterator[Callable[[ServerProcess], NetworkPeople]]:
    """`network_people(server)`."""
    made: list[NetworkPeople] = []

    def of(server: ServerProcess) -> NetworkPeople:
        made.append(NetworkPeople(server, chromium, [], {}))
        return made[-1]

    yield of
    for each in made:
        await asyncio.gather(*(context.close() for context in each.contexts))
