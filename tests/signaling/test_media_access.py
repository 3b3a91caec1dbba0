"""The door of media on a clock of its own: whose token opens what, and when a right that was taken away
ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from classroom.library.rules import Grant, Holding, Party, Right, Viewer
from classroom.model import Role
from classroom.store.outbox import StoreUnavailable
from signaling.auth import Tokens
from signaling.keys import TOKENS
from signaling.media_access import MediaDoor
from signaling.media_token import MEDIA_TOKEN_S, MediaTokens
from signaling.problems import Problem

KEY = b"k" * 32
PUPIL = Viewer("p", Role.STUDENT, "L", "class-1", frozenset({"school:one"}))
NOW = 1_800_000_000.0


@dataclass
class Items:
    """The database."""

    items: dict[str, Holding]
    reads: int = 0
    away: bool = False

    async def holding(self, item: str) -> Holding | None:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        return self.items.get(item)


class Scene:
    def __init__(self) -> None:
        self.now = NOW
        self.database = Items({"L-1": Holding("L"), "M-1": Holding("M")})
        self.seen: list[tuple[str, str]] = []
        self.door = MediaDoor(
            MediaTokens.of(KEY),
            self.database,
            wall=lambda: self.now,
            clock=lambda: self.now,
            seen=lambda grant, purpose: self.seen.append((grant.item, purpose)),
        )
        self.app: dict[Any, Any] = {TOKENS: Tokens(KEY)}

    def request(self, token: str = "", **headers: str) -> Any:
        path = "/media/x/index.m3u8" + (f"?t={token}" if token else "")
        request = make_mocked_request("GET", path, headers=headers)
        request._match_info = type("Match", (dict,), {"current_app": self.app})()
        return request

    def token(self, viewer: Viewer = PUPIL, item: str = "L-1", **options: Any) -> str:
        return self.door.issue(viewer, item, NOW + 3600, **options)[0]

    async def kind(self, token: str, item: str = "L-1", purpose: Any = "play") -> str:
        """What the answer is: `ok`, or the kind of the problem."""
        try:
            await self.door.authorise(self.request(token), item, purpose)
        except Problem as problem:
            return problem.kind
        return "ok"


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_token_opens_its_item_to_its_person(scene: Scene) -> None:
    token = scene.token()
    grant = await scene.door.authorise(scene.request(token), "L-1")
    assert (grant.viewer, grant.right, grant.query) == (PUPIL, Right.LESSON, f"?t={token}")
    assert scene.seen == [("L-1", "play")]


async def test_for_another_item_it_is_worth_nothing(scene: Scene) -> None:
    assert await scene.kind(scene.token(), "M-1") == "media-token-other-item"


async def test_it_ends(scene: Scene) -> None:
    token = scene.token()
    scene.now += MEDIA_TOKEN_S - 1
    assert await scene.kind(token) == "ok"
    scene.now += 1
    assert await scene.kind(token) == "media-token-expired"


async def test_it_outlives_no_token_of_the_person(scene: Scene) -> None:
    _, expires = scene.door.issue(PUPIL, "L-1", NOW + 7)
    assert expires == NOW + 7


@pytest.mark.parametrize("forged", ["x", "a.b.c", "x" * 5000])
async def test_forged_ones_are_refused(scene: Scene, forged: str) -> None:
    assert await scene.kind(forged) == "media-token-invalid"


async def test_neither_kind_of_token_passes_for_the_other(scene: Scene) -> None:
    own = Tokens(KEY).issue(person="p", role="student", lesson="L", now=NOW, ttl_s=600)
    assert await scene.kind(own) == "media-token-invalid"
    with pytest.raises(Problem, match="token-invalid"):
        Tokens(KEY).verify(scene.token(), NOW)


async def test_it_is_believed_in_an_address_a_header_and_a_cookie(scene: Scene) -> None:
    token = scene.token()
    for sent in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"tongke_media={token}"}):
        grant = await scene.door.authorise(scene.request(**sent), "L-1")
        assert (grant.viewer, grant.query) == (PUPIL, "")  # addresses stay without it
        with pytest.raises(Problem, match="media-token-other-item"):
            await scene.door.authorise(scene.request(**sent), "M-1")


async def test_the_header_counts_before_the_address_and_that_before_the_cookie(scene: Scene) -> None:
    first, second = (scene.token(replace(PUPIL, person=name)) for name in ("one", "two"))
    cookie = f"tongke_media={scene.token()}"
    grant = await scene.door.authorise(
        scene.request(second, Authorization=f"Bearer {first}", Cookie=cookie), "L-1"
    )
    assert grant.viewer.person == "one"
    assert (await scene.door.authorise(scene.request(second, Cookie=cookie), "L-1")).viewer.person == "two"


async def test_ones_own_token_opens_media_in_a_header_only(scene: Scene) -> None:
    own = Tokens(KEY).issue(person="p", role="student", lesson="L", now=time.time(), ttl_s=600)
    grant = await scene.door.authorise(scene.request(Authorization=f"Bearer {own}"), "L-1")
    assert grant.viewer.person == "p"
    with pytest.raises(Problem, match="media-token-invalid"):
        await scene.door.authorise(scene.request(Cookie=f"tongke_media={own}"), "L-1")


async def test_another_signature_is_refused(scene: Scene) -> None:
    token, _ = MediaTokens.of(b"o" * 32).issue(PUPIL, "L-1", now=NOW, until=NOW + 60)
    assert await scene.kind(token) == "media-token-invalid"


async def test_a_right_that_was_taken_away_ends_within_a_minute(scene: Scene) -> None:
    token = scene.token()
    assert await scene.kind(token) == "ok"
    out = Grant(Party.PERSON, "p", False)
    scene.database.items["L-1"] = replace(scene.database.items["L-1"], grants=(out,))
    scene.now += 60
    assert await scene.kind(token) == "item-not-allowed"


async def test_and_at_once_where_it_was_taken_away(scene: Scene) -> None:
    token = scene.token()
    assert await scene.kind(token) == "ok"
    scene.database.items["L-1"] = replace(scene.database.items["L-1"], deleted=True)
    scene.door.forget("L-1")
    assert await scene.kind(token) == "item-not-allowed"


async def test_a_thousand_segments_ask_the_database_once(scene: Scene) -> None:
    for person in range(1000):
        token = scene.token(replace(PUPIL, person=str(person)))
        assert await scene.kind(token) == "ok"
    assert scene.database.reads == 1


async def test_while_the_database_is_away_the_last_word_stands(scene: Scene) -> None:
    token = scene.token()
    assert await scene.kind(token) == "ok"
    scene.database.away = True
    scene.now += 100
    assert await scene.kind(token) == "ok"
    assert await scene.kind(scene.token(item="M-1"), "M-1") == "not-ready"


async def test_a_download_takes_a_token_for_it_and_an_item_that_allows_it(scene: Scene) -> None:
    assert await scene.kind(scene.token(), purpose="download") == "media-token-no-download"
    token = scene.token(purpose="download")
    assert await scene.kind(token, purpose="download") == "ok"
    assert await scene.kind(token) == "ok"
    scene.database.items["L-1"] = Holding("L", downloads=False)
    scene.door.forget("L-1")
    assert await scene.kind(token, purpose="download") == "download-not-allowed"


async def test_who_may_not_see_all_does_not_learn_which_items_there_are(scene: Scene) -> None:
    assert await scene.kind(scene.token(item="M-1"), "M-1") == "item-not-allowed"
    assert await scene.kind(scene.token(item="none"), "none") == "item-not-allowed"
    organizer = replace(PUPIL, role=Role.ORGANIZER)
    assert await scene.kind(scene.token(organizer, "none"), "none") == "unknown-item"


async def test_what_runs_stands_as_long_as_the_right(scene: Scene) -> None:
    """Of a file that takes hours: longer than any media token."""
    inspector = replace(PUPIL, role=Role.SUPERVISOR, credential="by")
    revoked: set[str] = set()
    scene.door._revoked = revoked
    ends = NOW + 2 * MEDIA_TOKEN_S
    for viewer in (PUPIL, inspector):
        token = scene.door.issue(viewer, "L-1", ends)[0]
        scene.now = NOW
        grant = await scene.door.authorise(scene.request(token), "L-1")
        assert await grant.stands()
        scene.now = NOW + MEDIA_TOKEN_S + 1
        assert await grant.stands(), "the token of five minutes is over, the right is not"
        scene.now = ends
        assert not await grant.stands()
        scene.now = NOW
        revoked.add(viewer.credential or viewer.person)
        assert not await grant.stands()
        revoked.clear()
        scene.database.away = True
        scene.door.forget("L-1")
        assert await grant.stands(), "nobody has taken anything back in a database that is away"
        scene.database.away = False
        scene.database.items["L-1"] = Holding("L", grants=(Grant(Party.PERSON, viewer.person, False),))
        scene.now += 60
        assert not await grant.stands()
        scene.database.items["L-1"] = Holding("L")
        scene.door.forget("L-1")


async def test_a_download_stands_as_long_as_downloads_are_open(scene: Scene) -> None:
    token = scene.token(purpose="download")
    grant = await scene.door.authorise(scene.request(token), "L-1", "download")
    assert await grant.stands()
    scene.database.items["L-1"] = Holding("L", downloads=False)
    scene.door.forget("L-1")
    assert not await grant.stands()
