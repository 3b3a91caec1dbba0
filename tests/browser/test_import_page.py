"""An organizer's pages in a real browser: a file with a wrong row is looked at, mended, taken, letters are
downloaded; then the school that it made is found among the places, and somebody in it gets another office."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.engine import make_engine, sqlite_url
from classroom.store.sign_ins import SignIn
from load_tests.server import ServerProcess
from signaling.network.principals import SIGN_IN_COOKIE, SIGN_IN_PREFIX, secret_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => (await axe.run(document, {
  resultTypes: ['violations'], runOnly: { type: 'tag', values: rules },
})).violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`))"""
HOUR_MS = 3_600_000
GOOD = "学校,年级,班级,姓名,账号,职务\n新建小学,3,1班,王小明,n1,学生\n新建小学,3,1班,李华,n2,辅导教师\n"
TIMEOUT_MS = 60_000


async def organizer(server: ServerProcess, chromium: Browser, path: str) -> Page:
    """The eastern district's, signed in past the password."""
    secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), round(time.time() * 1000)
    person, ends_ms = PersonId("demo-east-organizer"), now_ms + HOUR_MS
    made = SignIn(secret_hash(secret), person, "password", now_ms, now_ms, ends_ms, HOUR_MS, proved_ms=now_ms)
    engine = make_engine(sqlite_url(server.data / "tongke.db"), 30.0)
    async with engine.begin() as connection:
        await sign_ins.begin(connection, made, ROOT)
    await engine.dispose()
    context = await chromium.new_context(
        viewport={"width": 1366, "height": 768},
        locale="zh-CN",
        # A dialog that fades in has other contrasts on its way.
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    await context.add_cookies([{"name": SIGN_IN_COOKIE, "value": secret, "url": server.url}])
    page = await context.new_page()
    await page.goto(server.url + path)
    return page


async def is_accessible(page: Page) -> None:
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []


def table(text: str) -> Any:
    return {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode("gb18030")}


async def test_from_a_file_to_a_school(chromium: Browser, tmp_path: Path) -> None:
    async with ServerProcess(data=tmp_path / "data") as server:
        page = await organizer(server, chromium, "/import")
        at = page.get_by_test_id
        await at("place-choice").select_option("demo-east")
        await at("import-file").set_input_files(table(GOOD + "新建小学,3,1班,,n3,学生\n"))
        await at("import-look").click()
        await expect(at("import-fault")).to_have_text(re.compile("4.*姓名"))
        await expect(at("import-take")).to_have_count(0)
        await is_accessible(page)
        await at("import-file").set_input_files(table(GOOD))
        await at("import-look").click()
        await expect(at("import-new_accounts")).to_have_text("2")
        await at("import-take").click()
        async with page.expect_download() as letters:
            await at("letters").click()
        text = (await (await letters.value).path()).read_text(encoding="utf-8-sig")
        assert "王小明,n1,http" in text and "/invite#code=" in text
        await page.get_by_role("link", name="单位与人员").click()
        await page.get_by_role("button", name="新建小学 学校").click()
        await expect(at("place-class")).to_contain_text("1班")
        person = at("person").filter(has_text="李华")
        await is_accessible(page)
        await person.get_by_test_id("person-appoint").click()
        await at("appoint-office").select_option("master")
        await is_accessible(page)
        await at("appoint-go").click()
        await expect(person).to_contain_text("名师")
        await page.context.close()
