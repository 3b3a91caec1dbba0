"""The library over HTTP, over real rooms, a real database and files as the recorder leaves them."""

from __future__ import annotations

import asyncio
import getpass
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder import ledger
from recorder.item import header_path, ledger_path
from recorder.storage import Storage
from signaling.cli import main
from signaling.keys import KEEPER, OPEN_ITEMS, VIEWS
from signaling.keys import LIBRARY as FILES
from signaling.library_keeper import LibraryKeeper

LIBRARY = "/api/v1/library"
ITEM = f"{LIBRARY}/demo-1"
STARTED_MS = 1_760_000_000_000


class Caller:
    """Somebody with a token."""

    def __init__(self, door: Any, role: str, **claims: Any) -> None:
        self._door = door
        self._token = door.token(role, **claims)

    async def ask(self, method: str, path: str, json: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Language": "en"}
        async with self._door.http.request(method, self._door.url(path), json=json, headers=headers) as got:
            body = await got.json(content_type=None) if got.content_type.endswith("json") else None
            return got.status, body

    async def get(self, path: str) -> Any:
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def refused(self, method: str, path: str, json: Any = None) -> str:
        """The kind of the problem."""
        status, body = await self.ask(method, path, json)
        assert status >= 400, body
        kind: str = body["type"].removeprefix("/problems/")
        return kind


def record(data: Path, item: str, lesson: str, duration_s: int = 600) -> None:
    """An item with one sound track of which the ledger knows nothing but its end."""
    storage = Storage(data / "library")
    header = ledger.Header(id=item, lesson=lesson, title="光的折射", started_ms=STARTED_MS)
    storage.replace(header_path(item), ledger.encode(header))
    entries = [ledger.Ended(at_us=duration_s * 1_000_000, cause="ended")]
    storage.replace(ledger_path(item), b"".join(ledger.encode(entry) for entry in entries))
    view: dict[str, Any] = {"id": item, "lesson": lesson, "title": "光的折射", "state": "ready", "tracks": []}
    view |= {"started_at": "2025-10-09T08:53:20.000Z", "duration_s": duration_s, "complete": 1.0}
    storage.replace(f"{item}/summary.json", json.dumps(view).encode())


@pytest.fixture
async def recorded(door: Any) -> Any:
    record(door.parts.config.data, "demo-1", "demo")
    record(door.parts.config.data, "maths-1", "maths")
    await door.app[KEEPER].reindex()
    return door


async def test_everybody_finds_what_is_theirs(recorded: Any) -> None:
    pupil, organizer = Caller(recorded, "student"), Caller(recorded, "organizer")
    mine = await pupil.get(LIBRARY)
    assert [item["id"] for item in mine["items"]] == ["demo-1"] and mine["total"] == 1
    assert {item["id"] for item in (await organizer.get(LIBRARY))["items"]} == {"demo-1", "maths-1"}
    assert [item["id"] for item in (await pupil.get(f"{LIBRARY}?q=折射"))["items"]] == ["demo-1"]
    assert (await pupil.get(f"{LIBRARY}?q=反射"))["items"] == []
    assert await pupil.refused("GET", f"{LIBRARY}?lesson=maths") == "wrong-lesson"
    assert await pupil.refused("GET", f"{LIBRARY}/maths-1") == "item-not-allowed"
    assert await pupil.refused("GET", f"{LIBRARY}/none") == "item-not-allowed"
    assert await organizer.refused("GET", f"{LIBRARY}/none") == "unknown-item"


async def test_an_address_opens_its_item_alone_and_closes_when_the_right_is_taken_away(recorded: Any) -> None:
    pupil, organizer = Caller(recorded, "student"), Caller(recorded, "organizer")
    (item,) = (await pupil.get(LIBRARY))["items"]

    async def fetch(address: str) -> str:
        async with recorded.http.get(recorded.url(address)) as got:
            return (await got.json(content_type=None))["type"].removeprefix("/problems/")  # type: ignore[no-any-return]

    assert await fetch(item["playlist"]) == "nothing-recorded"  # let in: there is only no media
    assert await fetch(item["playlist"].replace("demo-1", "maths-1")) == "media-token-other-item"
    assert await fetch(item["playlist"][:-3]) == "media-token-invalid"
    assert await fetch("/media/demo-1/index.m3u8") == "token-missing"
    said = {"allowed": False}
    assert (await organizer.ask("PUT", f"{ITEM}/grants/person/student-1", said))[0] == 204
    assert await fetch(item["playlist"]) == "item-not-allowed"
    assert (await pupil.get(LIBRARY))["items"] == []
    assert (await organizer.ask("DELETE", f"{ITEM}/grants/person/student-1"))[0] == 204
    assert await fetch(item["playlist"]) == "nothing-recorded"


async def test_a_page_gets_a_token_of_minutes_as_a_cookie_too(recorded: Any) -> None:
    headers = {"Authorization": f"Bearer {recorded.token('student')}"}
    async with recorded.http.post(recorded.url(f"{ITEM}/token"), headers=headers) as got:
        token, cookie = (await got.json())["token"], got.cookies["tongke_media"]
        assert got.headers["Cache-Control"] == "no-store"
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/media/demo-1", True, "Strict")
    assert 290 <= int(cookie["max-age"]) <= 300

    async def fetch(path: str, **sent: str) -> str:
        recorded.http.cookie_jar.clear()
        async with recorded.http.get(recorded.url(path), headers=sent) as got:
            return (await got.json(content_type=None))["type"].removeprefix("/problems/")  # type: ignore[no-any-return]

    let_in = "nothing-recorded"
    for sent in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"tongke_media={cookie.value}"}):
        assert await fetch("/media/demo-1/index.m3u8", **sent) == let_in
        assert await fetch("/media/maths-1/index.m3u8", **sent) == "media-token-other-item"
        # Good for media, and for nothing else.
        assert await fetch(f"{LIBRARY}/demo-1", **sent) in ("token-invalid", "token-missing")
    assert await fetch("/media/demo-1/lesson.mp4?download", Cookie=f"tongke_media={cookie.value}") == let_in
    assert await fetch("/media/demo-1/index.m3u8", Cookie=headers["Authorization"]) == "token-missing"


async def test_tokens_are_for_who_may_see_the_item(recorded: Any) -> None:
    pupil, organizer = Caller(recorded, "student"), Caller(recorded, "organizer")
    assert await pupil.refused("POST", f"{LIBRARY}/maths-1/token") == "item-not-allowed"
    assert await organizer.refused("POST", f"{LIBRARY}/none/token") == "unknown-item"
    said = {"allowed": False}
    assert (await organizer.ask("PUT", f"{ITEM}/grants/person/student-1", said))[0] == 204
    assert await pupil.refused("POST", f"{ITEM}/token") == "item-not-allowed"


async def test_shown_to_a_school(recorded: Any) -> None:
    organizer = Caller(recorded, "organizer")
    guest = Caller(recorded, "student", lesson="other", scopes=["school:二中"])
    assert (await guest.get(LIBRARY))["items"] == []
    status, item = await organizer.ask("PATCH", ITEM, {"provider": "二中", "visibility": "school"})
    assert (status, item["provider"], item["visibility"]) == (200, "二中", "school")
    assert [item["id"] for item in (await guest.get(LIBRARY))["items"]] == ["demo-1"]
    assert (await guest.get(ITEM))["title"] == "光的折射"


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ({"title": "x" * 10_000}, "item-words"),
        ({"title": "a\x07b"}, "item-words"),
        ({"title": " "}, "item-words"),
        ({"visibility": "world"}, "bad-request"),
        ({"number": 7}, "bad-request"),
    ],
)
async def test_words_that_are_not_taken(recorded: Any, patch: Any, kind: str) -> None:
    organizer = Caller(recorded, "organizer")
    assert await organizer.refused("PATCH", ITEM, patch) == kind
    assert (await organizer.get(ITEM))["title"] == "光的折射"


async def test_chapters_come_from_the_lesson_and_marks_from_teachers(recorded: Any) -> None:
    master, _, _ = await recorded.live()
    await master.say("phase.set", phase="interaction")
    await master.settled()
    await recorded.parts.store.flush()
    teacher, pupil = Caller(recorded, "master"), Caller(recorded, "student")
    supervisor = Caller(recorded, "supervisor")
    # The item's clock began long before this lesson's: what lies behind its end is no chapter.
    assert (await pupil.get(f"{ITEM}/chapters"))["chapters"] == []
    assert (await teacher.ask("POST", f"{ITEM}/marks", {"at_s": 60.5, "text": "斯涅尔定律"}))[0] == 201
    assert (await supervisor.ask("POST", f"{ITEM}/marks", {"at_s": 30, "text": "板书不清"}))[0] == 201
    seen = (await pupil.get(f"{ITEM}/chapters"))["chapters"]
    assert [(one["at_s"], one["kind"], one["title"]) for one in seen] == [(60.5, "mark", "斯涅尔定律")]
    notes = (await supervisor.get(f"{ITEM}/chapters"))["chapters"]
    assert [one["kind"] for one in notes] == ["note", "mark"]
    await recorded.parts.store.library.index_words(10)
    assert (await pupil.get(f"{LIBRARY}?q=斯涅尔"))["total"] == 1
    assert (await supervisor.get(f"{LIBRARY}?q=板书不清"))["total"] == 1
    for other in (teacher, pupil):
        assert (await other.get(f"{LIBRARY}?q=板书不清"))["total"] == 0
    assert await pupil.refused("POST", f"{ITEM}/marks", {"at_s": 1, "text": "x"}) == "role-not-allowed"
    assert await teacher.refused("POST", f"{ITEM}/marks", {"at_s": 601, "text": "x"}) == "mark-beyond-end"
    (mark,) = [one["id"] for one in seen]
    assert await supervisor.refused("DELETE", f"{ITEM}/marks/{mark}") == "mark-not-yours"
    assert (await teacher.ask("DELETE", f"{ITEM}/marks/{mark}"))[0] == 204


async def test_what_was_watched_and_where_to_go_on(recorded: Any) -> None:
    pupil, tutor = (
        Caller(recorded, "student", class_id="class-1"),
        Caller(recorded, "tutor", class_id="class-1"),
    )
    for spans, position in (([[0, 60]], 60), ([[58, 120], [300, 330]], 330)):
        report = {"spans": spans, "position_s": position}
        assert (await pupil.ask("POST", f"{ITEM}/watched", report))[0] == 200
    mine = await pupil.get(f"{ITEM}/watched")
    assert (mine["spans"], mine["watched_s"], mine["position_s"]) == ([[0, 120], [300, 330]], 150, 330)
    (going_on,) = (await pupil.get(f"{LIBRARY}/continue"))["items"]
    assert (going_on["item"]["id"], going_on["position_s"], going_on["share"]) == ("demo-1", 330, 0.25)
    (one,) = (await tutor.get(f"{ITEM}/watchers"))["watchers"]
    assert (one["person"], one["share"], one["class_id"]) == ("student-1", 0.25, "class-1")
    other = Caller(recorded, "tutor", class_id="class-2")
    assert (await other.get(f"{ITEM}/watchers"))["watchers"] == []
    for spans in ([[60, 0]], [[700, 800]], [[0, 1]] * 101):
        report = {"spans": spans, "position_s": 0}
        assert await pupil.refused("POST", f"{ITEM}/watched", report) in ("spans-invalid", "bad-request")
    assert (await pupil.get(f"{ITEM}/watched"))["watched_s"] == 150


async def test_an_absent_pupil_who_has_watched_enough_has_caught_up(recorded: Any) -> None:
    await recorded.live()
    pupil = Caller(recorded, "student", class_id="class-1", name="小红")
    organizer = Caller(recorded, "organizer")

    async def attendance() -> dict[str, Any]:
        people = (await organizer.get("/api/v1/lessons/demo/attendance"))["people"]
        return {one["person"]: one for one in people}

    await pupil.ask("POST", f"{ITEM}/watched", {"spans": [[0, 300]], "position_s": 300})
    one = (await attendance())["student-1"]
    assert (one["present"], one["caught_up"], one["watched"], one["name"]) == (False, False, 0.5, "小红")
    await pupil.ask("POST", f"{ITEM}/watched", {"spans": [[300, 480]], "position_s": 480})
    assert (await attendance())["student-1"]["caught_up"] is True
    async with recorded.http.get(
        recorded.url("/api/v1/lessons/demo/attendance.csv"),
        headers={"Authorization": f"Bearer {recorded.token('organizer')}", "Accept-Language": "zh-CN"},
    ) as got:
        assert "已补课" in await got.text()


async def test_views_are_on_record(recorded: Any) -> None:
    pupil, supervisor = Caller(recorded, "student"), Caller(recorded, "supervisor")
    for _ in range(5):
        await pupil.refused("GET", "/media/demo-1/index.m3u8")
    await pupil.refused("GET", "/media/demo-1/poster.jpg")
    await recorded.app[KEEPER].chores()
    (view,) = (await supervisor.get(f"{ITEM}/views"))["views"]
    assert recorded.app[VIEWS].counts == {"view": 1, "download": 0, "lost": 0}
    assert (view["person"], view["kind"], view["requests"]) == ("student-1", "view", 5)
    assert await pupil.refused("GET", f"{ITEM}/views") == "role-not-allowed"


PLAN = {"title": "入射角与折射角", "subject": "物理", "key_point": "为什么会弯折", "start_s": 10, "end_s": 70}


async def test_a_clip_is_seen_by_nobody_else_until_it_is_published(recorded: Any) -> None:
    author = Caller(recorded, "master", scopes=["review:物理"])
    researcher = Caller(recorded, "supervisor", person="r", lesson="other", scopes=["review:物理"])
    stranger = Caller(recorded, "tutor", person="t", lesson="other", scopes=["subject:物理"])
    pupil = Caller(recorded, "student")
    status, clip = await author.ask("POST", f"{ITEM}/clips", PLAN)
    assert (status, clip["state"], clip["cut"]) == (201, "drafted", "waiting")
    path = f"{LIBRARY}/clips/{clip['id']}"
    for other in (stranger, pupil):
        assert await other.refused("GET", path) == "item-not-allowed"
        assert await other.refused("GET", f"/media/clips/{clip['id']}/clip.mp4") == "item-not-allowed"
        assert (await other.get(f"{LIBRARY}/clips"))["clips"] == []
        assert (await other.get(f"{LIBRARY}/clips?item=demo-1"))["clips"] == []
    assert (await author.get(f"{LIBRARY}/clips?mine=true"))["clips"][0]["id"] == clip["id"]
    await made(recorded, clip["id"])
    assert await author.refused("POST", f"{path}/approve", {}) == "clip-own"
    assert await stranger.refused("POST", f"{path}/approve", {}) == "item-not-allowed"
    assert await researcher.refused("POST", f"{path}/return", {}) == "clip-remark"
    assert (await researcher.ask("POST", f"{path}/return", {"remark": "声音太小"}))[1]["state"] == "returned"
    assert (await author.get(path))["remark"] == "声音太小"
    assert (await author.ask("POST", f"{path}/submit", {}))[1]["state"] == "drafted"
    assert await researcher.refused("POST", f"{path}/publish", {}) == "clip-state"
    assert (await researcher.ask("POST", f"{path}/approve", {}))[1]["state"] == "reviewed"
    assert await stranger.refused("GET", path) == "item-not-allowed"
    assert (await researcher.ask("POST", f"{path}/publish", {}))[1]["state"] == "published"
    for other in (stranger, pupil):
        assert (await other.get(path))["state"] == "published"
    (notice,) = (await stranger.get(f"{LIBRARY}/notices"))["notices"]
    assert (notice["kind"], notice["clip"], notice["read"]) == ("published", clip["id"], False)
    await stranger.ask("POST", f"{LIBRARY}/notices", {"up_to": notice["id"]})
    assert (await stranger.get(f"{LIBRARY}/notices"))["unread"] == 0
    assert (await pupil.get(f"{LIBRARY}/notices"))["notices"] == []
    log = (await researcher.get(f"{path}/log"))["log"]
    said = [one["action"] for one in log]
    assert said[0] == "clip-made" and said[-3:] == ["clip-submit", "clip-approve", "clip-publish"]
    await recorded.parts.store.flush()
    events = await recorded.parts.store.events("demo", kinds=("library.clip",))
    assert [event.body["state"] for event in events][-1] == "published"


async def made(door: Any, clip: str) -> None:
    """As the cutter leaves it; the recording of these tests has no media."""
    from dataclasses import replace

    library = door.parts.store.library
    while (found := await library.clip(clip)).cut == "waiting":
        await door.app[KEEPER].cutter.cut_all()
    assert await library.put_clip(replace(found, cut="exact"))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"title": "x" * 10_000}, "clip-title"),
        ({"title": "a\x01b"}, "clip-title"),
        ({"subject": ""}, "clip-subject"),
        ({"key_point": " "}, "clip-key-point"),
        ({"end_s": 10 + 360}, "clip-too-long"),
        ({"end_s": 10.5}, "clip-too-short"),
        ({"end_s": 5}, "clip-too-short"),
        ({"start_s": 590, "end_s": 640}, "clip-beyond-end"),
        ({"start_s": -1}, "bad-request"),
        ({"track": "../../etc"}, "bad-request"),
    ],
)
async def test_a_clip_that_cannot_be(recorded: Any, change: Any, kind: str) -> None:
    author = Caller(recorded, "master")
    assert await author.refused("POST", f"{ITEM}/clips", PLAN | change) == kind
    assert (await author.get(f"{LIBRARY}/clips"))["clips"] == []


async def test_deletion_is_on_record_and_a_hold_stops_it(recorded: Any) -> None:
    organizer, pupil = Caller(recorded, "organizer"), Caller(recorded, "student")
    directory = recorded.parts.config.data / "library" / "demo-1"
    await recorded.app[OPEN_ITEMS].open("demo-1")
    assert (await organizer.ask("PUT", f"{ITEM}/hold", {"reason": "复核"}))[0] == 204
    assert await organizer.refused("POST", f"{ITEM}/delete", {"reason": "家长要求"}) == "item-held"
    assert (await organizer.ask("DELETE", f"{ITEM}/hold"))[0] == 204
    assert await organizer.refused("POST", f"{ITEM}/delete", {"reason": ""}) == "reason-needed"
    assert (await organizer.ask("POST", f"{ITEM}/delete", {"reason": "家长要求"}))[0] == 204
    assert [path.name for path in directory.iterdir()] == ["tombstone.json"]
    assert recorded.app[OPEN_ITEMS].known("demo-1") is None
    assert await pupil.refused("GET", ITEM) == "item-not-allowed"
    assert (await pupil.get(LIBRARY))["items"] == []
    deeds = await recorded.parts.store.library.deeds("demo-1")
    assert [deed.action for deed in deeds] == ["hold", "release", "deleted"]
    assert deeds[-1].detail == {"reason": "家长要求"}


async def told(recorded: Any, lesson: str) -> list[tuple[str | None, Any]]:
    """(by whom, what) of each deletion in a lesson's stream."""
    await recorded.parts.store.flush()
    events = await recorded.parts.store.events(lesson)
    return [(event.person, event.body) for event in events if event.kind == "library.deleted"]


async def test_the_command_line_deletes_as_the_page_does(recorded: Any) -> None:
    """Beside a server, which has the numbers of the lesson's events."""
    organizer, keeper = Caller(recorded, "organizer"), recorded.app[KEEPER]
    assert (await organizer.ask("POST", f"{LIBRARY}/maths-1/delete", {"reason": "家长要求"}))[0] == 204
    command = ["library", "delete", "demo-1", "--reason", "家长要求"]
    data = recorded.parts.config.data
    assert await asyncio.to_thread(main, [*command, "--data", str(data)]) == 0
    assert await told(recorded, "demo") == []
    for _ in range(3):
        await keeper.chores()
    for lesson in ("demo", "maths"):
        ((person, body),) = await told(recorded, lesson)
        assert body == {"item": f"{lesson}-1", "reason": "家长要求"}
        assert person == (f"cli:{getpass.getuser()}" if lesson == "demo" else "organizer-1")
    assert [path.name for path in (data / "library" / "demo-1").iterdir()] == ["tombstone.json"]


async def test_a_deletion_is_told_once_the_database_is_back(recorded: Any) -> None:
    """The server went down between the deletion and its event."""
    library, keeper = recorded.parts.store.library, recorded.app[KEEPER]
    await library.delete("demo-1", at_ms=5, by="o", reason="r")
    fresh = LibraryKeeper(recorded.app[FILES], recorded.parts.store, recorded.parts.config.data)
    await fresh.chores()
    await recorded.parts.store.flush()
    await keeper.chores()
    assert await told(recorded, "demo") == [("o", {"item": "demo-1", "reason": "r"})]


async def test_retention_per_provider(recorded: Any) -> None:
    organizer = Caller(recorded, "organizer")
    await organizer.ask("PATCH", f"{LIBRARY}/maths-1", {"provider": "museum"})
    assert (await organizer.ask("PUT", f"{LIBRARY}/retention/museum/lesson", {"days": 30}))[0] == 204
    (policy,) = (await organizer.get(f"{LIBRARY}/retention"))["policies"]
    assert (policy["provider"], policy["kind"], policy["days"]) == ("museum", "lesson", 30)
    assert await recorded.app[KEEPER].sweep() == 1
    assert [item["id"] for item in (await organizer.get(LIBRARY))["items"]] == ["demo-1"]
    (deed,) = [one for one in await recorded.parts.store.library.deeds("maths-1") if one.action == "deleted"]
    assert deed.person == "retention"
    assert await told(recorded, "maths") == [(None, {"item": "maths-1", "reason": "retention"})]
    assert await recorded.app[KEEPER].sweep() == 0


async def test_a_page_gets_a_new_token_before_the_old_one_ends(recorded: Any) -> None:
    pupil = Caller(recorded, "student")
    status, token = await pupil.ask("POST", f"{ITEM}/token")
    assert status == 200 and token["playlist"].startswith("/media/demo-1/index.m3u8?t=")
    assert "download" in token["download"]
    assert isinstance(recorded.http, aiohttp.ClientSession)
