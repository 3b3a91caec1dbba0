"""axe-core over every page and the states that matter, in Chinese and in English: no finding at all.

And what axe cannot see: pages that fit a width of 320 px (a laptop at 400 %), buttons that a thumb hits, and
that the Tab key comes to all that can be used, which shows that it has the focus.

axe-core comes with the packages of web/ (a development dependency) and from no network.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext
from sqlalchemy import delete

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import demo, sign_ins
from classroom.store.engine import make_engine, sqlite_url
from classroom.store.network_tables import sign_ins as sign_in_rows
from classroom.store.sign_ins import SignIn
from load_tests.server import ServerProcess
from signaling.auth import Tokens
from signaling.network.principals import SIGN_IN_COOKIE, SIGN_IN_PREFIX, secret_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
LAPTOP, PHONE, TABLET, BIG_SCREEN = (1366, 768), (390, 844), (1024, 768), (1920, 1080)
NARROW = {"width": 320, "height": 568}
THUMB_PX = 44
HOUR_MS = 3_600_000
SignInAs = Callable[[str], Awaitable[None]]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => {
  const { violations } = await axe.run(document, {
    resultTypes: ['violations'], runOnly: { type: 'tag', values: rules },
  })
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(
    (node) => `${impact} ${id}: ${node.target.join(' ')}: ${node.failureSummary}`))
}"""
SETTLED = """async () => {
  for (const each of document.getAnimations())
    if (each.effect.getComputedTiming().endTime < Infinity) each.finish()
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
}"""
"""Whatever fades in is there: half-transparent words have half the contrast."""
SMALL_BUTTONS = """(least) => [...document.querySelectorAll('.own button, .own input:not([type=checkbox])')]
  .map((each) => [each.textContent.trim(), Math.round((each.closest('.el-input__wrapper') ?? each)
    .getBoundingClientRect().height)])
  .filter(([, height]) => height > 0 && height < least)"""
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.unseen'))
  .map((each) => each.outerHTML.slice(0, 120)).slice(-3)"""


WALK = """() => {
  const kinds = 'a[href], button, input, select, textarea, summary, [tabindex]'
  const usable = [...document.querySelectorAll(kinds)].filter((each) => each.tabIndex >= 0 && !each.disabled
    && each.checkVisibility({ visibilityProperty: true }) && !(each.type === 'radio' && !each.checked))
  window.walk = { usable, seen: new Set(), faults: [] }
  document.addEventListener('focusin', ({ target }) => {
    walk.seen.add(target)
    const ring = target.closest('.el-input__wrapper, .el-select__wrapper, .el-checkbox, .el-switch') ?? target
    const { outlineStyle, outlineWidth } = getComputedStyle(ring)
    const what = target.outerHTML.slice(0, 160)
    if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) walk.faults.push('does not show it: ' + what)
    const { left, right, top, bottom } = ring.getBoundingClientRect()
    if (right <= 0 || bottom <= 0 || left >= innerWidth || top >= innerHeight)
      walk.faults.push('out of sight: ' + what)
  })
  // A day or a time is several stops.
  return usable.reduce((stops, { type }) => stops + (/date|time/.test(type ?? '') ? 8 : 1), 2)
}"""
WALKED = """() => walk.faults.concat(walk.usable
  .filter((each) => each.isConnected && !walk.seen.has(each))
  .map((each) => 'not reached: ' + each.outerHTML.slice(0, 160)))"""


async def is_walked_by_keyboard(person: Any) -> None:
    """WCAG 2.2, 2.1.1, 2.4.7 and 2.4.11: from the top of the page to its end."""
    await person.page.evaluate("() => document.activeElement?.blur?.()")
    for _ in range(await person.page.evaluate(WALK)):
        await person.page.keyboard.press("Tab")
    assert await person.page.evaluate(WALKED) == []


async def findings(person: Any) -> list[str]:
    """What axe-core has to say of the page as it is now."""
    if not await person.page.evaluate("() => 'axe' in window"):
        assert AXE.is_file(), "axe-core is not installed; `make setup` does it"
        await person.page.evaluate(AXE.read_text() + "\n;0")
    await person.page.evaluate(SETTLED)
    found: list[str] = await person.page.evaluate(FINDINGS, RULES)
    return found


async def fits_a_narrow_window(person: Any) -> None:
    size = person.page.viewport_size
    await person.page.set_viewport_size(NARROW)
    wide = await person.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= NARROW["width"], await person.page.evaluate(TOO_WIDE)
    await person.page.set_viewport_size(size)


async def change_language(person: Any, language: str) -> None:
    """By the page's own switch; a script presses it, as it may lie behind a dialog."""
    await person.at("language").first.evaluate("(button) => button.click()")
    await person.page.wait_for_function("(tag) => document.documentElement.lang === tag", arg=language)


async def is_accessible(person: Any) -> None:
    """In Chinese as it stands, and in English."""
    found = {"zh-CN": await findings(person)}
    if await person.at("language").count():
        await change_language(person, "en")
        found["en"] = await findings(person)
        await change_language(person, "zh-CN")
    assert not any(found.values()), found
    assert await person.page.locator("h1").count() == 1
    assert await person.page.evaluate("() => window.violations") == [], "of the Content-Security-Policy"


@pytest.fixture(scope="module")
def token(shared_server: ServerProcess) -> Callable[..., str]:
    """`token("student", expired=True)`"""
    tokens = Tokens.open(shared_server.data)

    def issue(role: str, expired: bool = False) -> str:
        now = time.time() - (7200 if expired else 0)
        if role == "link":
            return tokens.issue_join(lesson=demo.DEMO_LESSON, class_id=demo.CLASS_1, now=now)
        return tokens.issue(person=role, role=role, lesson=demo.DEMO_LESSON, now=now, ttl_s=3600)  # type: ignore[arg-type]

    return issue


@pytest.mark.parametrize(
    "address", ["/", "/join", "/library", "/device", "/organizer", "/sign-in", "/invite"]
)
async def test_pages_without_a_token(glance: Any, address: str) -> None:
    person = await glance(address)
    await person.page.locator("h1").wait_for()
    await is_accessible(person)
    await fits_a_narrow_window(person)
    await is_walked_by_keyboard(person)


@pytest.mark.parametrize(("role", "expired", "shows"), [
    ("link", False, "join-name"), ("student", False, "join-start"), ("student", True, "problem"),
    ("supervisor", False, "join-start"), ("organizer", False, "page-organizer"),
    ("encoder", False, "problem"), ("tutor", False, "join-check"),
])  # fmt: skip
async def test_the_door(glance: Any, token: Any, role: str, expired: bool, shows: str) -> None:
    person = await glance(f"/join#token={token(role, expired)}", size=PHONE)
    await person.at(shows).wait_for()
    await is_accessible(person)


async def test_the_check_of_devices(glance: Any, token: Any) -> None:
    person = await glance(f"/join#token={token('tutor')}", size=LAPTOP)
    await person.at("join-check").click()
    await person.at("join-preview").wait_for()
    await person.page.locator("[data-testid=join-network]:not([data-verdict=''])").wait_for()
    await is_accessible(person)


async def test_devices_that_are_refused(glance: Any, token: Any) -> None:
    refuse = (
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    person = await glance(f"/join#token={token('tutor')}", script=refuse, size=PHONE)
    await person.at("join-check").click()
    await person.at("join-problem").wait_for()
    await is_accessible(person)


async def test_the_organizer_page_is_not_for_a_pupil(glance: Any, token: Any) -> None:
    person = await glance(f"/organizer#token={token('student')}", size=LAPTOP)
    await person.at("problem").wait_for()
    await is_accessible(person)


async def test_the_door_in_a_narrow_window(glance: Any, token: Any) -> None:
    person = await glance(f"/join#token={token('tutor')}")
    await person.at("join-check").click()
    await person.at("join-preview").wait_for()
    await fits_a_narrow_window(person)


@pytest.mark.parametrize("address", ["/api/docs", "/problems/token-expired"])
async def test_pages_for_programmers(glance: Any, address: str) -> None:
    person = await glance(address)
    # Of schemas there are a hundred pages; whether a box of text can be read is seen in one.
    await person.page.evaluate(
        "() => document.querySelectorAll('tr:nth-child(n+5), pre').forEach((e) => e.remove())"
    )
    assert await findings(person) == []


@pytest_asyncio.fixture(loop_scope="session")
async def sign_in(shared_server: ServerProcess, window: BrowserContext) -> AsyncIterator[SignInAs]:
    """Signs in to the window, past the password, until the test is over."""
    engine = make_engine(sqlite_url(shared_server.data / "tongke.db"), 30.0)
    held: list[str] = []

    async def as_person(person: str) -> None:
        secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), round(time.time() * 1000)
        ends_ms = now_ms + HOUR_MS
        made = SignIn(secret_hash(secret), PersonId(person), "password", now_ms, now_ms, ends_ms, HOUR_MS)
        async with engine.begin() as connection:
            await sign_ins.begin(connection, made, ROOT)
        held.append(made.secret_hash)
        cookie = {"name": SIGN_IN_COOKIE, "value": secret, "url": shared_server.url}
        await window.add_cookies([cookie])  # type: ignore[list-item]

    yield as_person
    await window.clear_cookies(name=SIGN_IN_COOKIE)
    async with engine.begin() as connection:
        await connection.execute(delete(sign_in_rows).where(sign_in_rows.c.secret_hash.in_(held)))
    await engine.dispose()


@pytest.mark.parametrize(("who", "address", "shows", "size"), [
    ("city-organizer", "/me", "my-office", LAPTOP), ("city-organizer", "/places", "page-places", LAPTOP),
    ("city-organizer", "/import", "page-import", LAPTOP),
    ("city-organizer", "/dashboard", "dashboard-csv", PHONE),
    ("city-supervisor", "/supervision", "wall-place", LAPTOP),
    ("museum-provider", "/reviews", "part-ratings", PHONE),
    ("museum-provider", "/courses", "new-course", PHONE),
    ("east-1-tutor", "/catalogue", "page-catalogue", LAPTOP),
    ("east-1-tutor", "/progress", "page-progress", PHONE),
    ("east-1-student", "/timetable", "to-catalogue", PHONE),
    ("east-1-organizer", "/operations", "page-operations", LAPTOP),
])  # fmt: skip
async def test_the_course_network(
    glance: Any, sign_in: SignInAs, who: str, address: str, shows: str, size: tuple[int, int]
) -> None:
    await sign_in(f"demo-{who}")
    person = await glance(address, size=size)
    await person.at(shows).first.wait_for()
    await is_accessible(person)
    if await person.at("network-menu").is_visible():
        await person.at("network-menu").press("Enter")
        ways = person.at("network-nav")
        await ways.wait_for()
        await is_accessible(person)
        await ways.get_by_role("link").last.press("Escape")
        assert await person.at("network-menu").evaluate("(each) => each === document.activeElement")
        assert not await ways.is_visible()
    await fits_a_narrow_window(person)
    await is_walked_by_keyboard(person)


@pytest.mark.parametrize(("role", "shows"), [("student", "page-check-in"), ("tutor", "check-in-open")])
async def test_check_in(glance: Any, token: Any, role: str, shows: str) -> None:
    person = await glance(f"/check-in#token={token(role)}", size=PHONE)
    await person.at(shows).wait_for()
    await is_accessible(person)
    await fits_a_narrow_window(person)


# From here on the lesson is live: five pages with pictures and sound, which cost most of a processor until
# the file's end. What needs no lesson stands above.


@dataclass(frozen=True)
class Class:
    """Everybody is in, the lesson is live."""

    master: Any
    tutor: Any
    student: Any
    supervisor: Any
    room: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(enter: Any) -> AsyncIterator[Class]:
    master = await enter("master", size=LAPTOP)
    await master.has("lesson-state", state="live")
    others = (("tutor", PHONE), ("student", TABLET), ("supervisor", LAPTOP))
    pages = await asyncio.gather(*(enter(role, size=size) for role, size in others))
    room = await enter("room", size=BIG_SCREEN, view="room")
    await asyncio.gather(*(page.sees_and_hears() for page in pages))
    yield Class(master, *pages, room)


@pytest.mark.parametrize("role", ["master", "tutor", "student", "supervisor", "room"])
async def test_a_lecture(people: Class, role: str) -> None:
    await is_accessible(getattr(people, role))


async def test_hands_and_a_pupil_on_stage(people: Class) -> None:
    master, tutor, student = people.master, people.tutor, people.student
    await student.at("hand-raise").click()
    await tutor.at("hand-seat").fill("12")
    await tutor.at("hand-raise").click()
    await master.has("hands", count="2")
    await is_accessible(master)
    await is_accessible(tutor)
    await master.at("hand-invite").first.click()
    await student.at("invited").wait_for()
    await is_accessible(student)
    await student.at("stage-accept").click()
    await master.has("stage", count="1")
    for person in (master, student, people.room):
        await is_accessible(person)
    await student.at("stage-leave").click()
    await master.at("stage").wait_for(state="detached")
    await master.at("hand-done").click()
    await master.has("hands", count="0")


@pytest.mark.parametrize(("role", "opener"), [
    ("master", "quiz-new"), ("master", "announce-new"), ("master", "order-open"), ("master", "master-end"),
    ("tutor", "roll-open"), ("tutor", "pair-open"),
])  # fmt: skip
async def test_dialogs(people: Class, role: str, opener: str) -> None:
    person = getattr(people, role)
    dialog = person.page.get_by_role("dialog")
    await person.at(opener).click()
    await dialog.wait_for()
    await is_accessible(person)
    await person.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")


async def test_the_organizer(glance: Any, link_of: Any, people: Class) -> None:
    organizer = await glance(link_of("organizer").path, size=LAPTOP)
    await organizer.at("office-row").first.click()
    await organizer.at("office-settings").wait_for()
    await is_accessible(organizer)
    await fits_a_narrow_window(organizer)
    for opener in ("office-plan", "register-open", "office-end"):
        await organizer.at(opener).first.click()
        dialog = organizer.page.get_by_role("dialog")
        await dialog.wait_for()
        if opener == "office-plan":
            await organizer.at("plan-add-stand-by").click()
        await is_accessible(organizer)
        await organizer.page.keyboard.press("Escape")
        await dialog.wait_for(state="detached")


async def test_a_tutor_who_stands_by(
    glance: Any, token: Any, shared_server: ServerProcess, people: Class
) -> None:
    url = f"{shared_server.url}/api/v1/lessons/{demo.DEMO_LESSON}"
    headers = {"Authorization": f"Bearer {token('organizer')}", "If-Match": "*"}
    named = {"tutors": [{"person": "tutor", "school": ""}]}
    async with (
        aiohttp.ClientSession(headers=headers) as office,
        office.patch(url, json=named) as answer,
    ):
        assert answer.status == 200, await answer.text()
    person = await glance(f"/join#token={token('tutor')}", size=PHONE)
    await person.at("join-start").click()
    await person.at("stand-by").wait_for()
    await is_accessible(person)
    await fits_a_narrow_window(person)


async def test_a_quiz(people: Class) -> None:
    await people.master.at("quiz-new").click()
    await people.master.at("quiz-ask").click()
    await people.student.at("quiz-option").first.click()
    await people.student.at("quiz-answered").wait_for()
    await people.tutor.at("quiz-tally").wait_for()
    for person in (people.student, people.tutor, people.master):
        await is_accessible(person)
    await people.master.at("quiz-close").click()
    await people.master.at("quiz-show").click()
    await people.student.at("quiz-result").wait_for()
    await is_accessible(people.student)


async def test_announcements_the_private_line_and_a_call(people: Class) -> None:
    await people.master.at("announce-new").click()
    await people.master.at("announce-text").fill("下课前请完成问卷")
    await people.master.at("announce-send").click()
    await people.tutor.at("announcement").wait_for()
    await people.tutor.at("chat-tab-private").click()
    await people.master.at("chat-tab-private").click()
    await people.tutor.at("voice-call").click()
    await people.master.at("voice-accept").wait_for()
    await is_accessible(people.master)
    await is_accessible(people.tutor)
    await people.tutor.at("voice-end").click()
    await people.master.page.get_by_role("button", name="撤下").click()


async def test_a_class_in_its_own_questions(people: Class) -> None:
    await people.tutor.at("class-leave").click()
    await people.tutor.has("situation", situation="local_qa")
    await people.master.has("class-state", state="local_qa")
    await is_accessible(people.tutor)
    await is_accessible(people.master)
    await people.tutor.at("class-back").click()
    await people.tutor.has("situation", situation="lecture")


@pytest.mark.parametrize("role", ["tutor", "student"])
async def test_a_thumb_hits_what_matters(people: Class, role: str) -> None:
    assert await getattr(people, role).page.evaluate(SMALL_BUTTONS, THUMB_PX) == []


async def test_the_library_and_the_player(glance: Any, link_of: Any, people: Class) -> None:
    link = link_of("supervisor").path.replace("/join", "/library")
    person = await glance(link, size=LAPTOP)
    await person.at("library-card").first.wait_for()
    await is_accessible(person)
    await fits_a_narrow_window(person)
    await person.at("library-card").first.click()
    await person.at("player-video").wait_for()
    await is_accessible(person)
    await fits_a_narrow_window(person)


@pytest.mark.parametrize("role", ["master", "tutor", "student", "supervisor"])
async def test_a_lecture_in_a_narrow_window(people: Class, role: str) -> None:
    """WCAG 2.2, 1.4.10: what one scrolls through in one direction only."""
    await fits_a_narrow_window(getattr(people, role))


async def test_a_lesson_that_one_was_taken_out_of(glance: Any, link_of: Any, people: Class) -> None:
    """The same tab's place, taken by another window: the page says so, and offers the way back."""
    person = await glance(link_of("student").path, size=PHONE)
    await person.at("join-start").click()
    await people.student.at("problem").wait_for()
    await is_accessible(people.student)
