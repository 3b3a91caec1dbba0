"""The HTTP interface as a whole: problems, headers, pages, REST, metrics, and the document that describes
it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from classroom.events import QualityMeasured
from classroom.model import LessonId, PersonId
from classroom.quality import Period, Second, StreamPeriod
from classroom.store.store import StoreHealth
from sfu.params import Quality, QualityReason
from signaling import catalogue, keys, metrics, pages
from signaling.endpoints import OPERATIONS
from signaling.openapi import document
from signaling.problems import STATUS, Problem


async def get(
    door: Any, path: str, *, role: str = "", method: str = "GET", **options: Any
) -> tuple[Any, Any]:
    """Response and decoded body."""
    headers = options.pop("headers", {})
    if role:
        headers = {"Authorization": f"Bearer {door.token(role)}"} | headers
    async with door.http.request(method, door.url(path), headers=headers, **options) as response:
        is_json = response.content_type.endswith("json")
        return response, await (response.json(content_type=None) if is_json else response.text())


# --- problems -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("POST", "/api/v1/me", 405, "method-not-allowed"),
        ("GET", "/api/v1/me", 401, "token-missing"),
        ("GET", "/problems/nonsense", 404, "not-found"),
    ],
)
async def test_errors_are_problem_documents(
    door: Any, method: str, path: str, status: int, kind: str
) -> None:
    response, body = await get(door, path, method=method, headers={"Accept-Language": "en"})
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert body["type"] == f"/problems/{kind}"
    assert body["status"] == status
    assert body["detail"]
    assert response.headers["Content-Language"] == "en"


async def test_refusals_of_tokens_carry_a_challenge(door: Any) -> None:
    response, body = await get(door, "/api/v1/me", headers={"Authorization": "Bearer x"})
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert body["title"] == "入场凭证无效"


async def test_head_where_get_is(door: Any) -> None:
    response, _ = await get(door, "/healthz", method="HEAD")
    assert response.status == 200


async def test_allow_header(door: Any) -> None:
    response, _ = await get(door, "/api/v1/me", method="PUT")
    assert "GET" in response.headers["Allow"]


async def test_fault_of_ours_is_told_by_a_number_only(
    door: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(door.app._state, keys.READINESS, None)
    response, body = await get(door, "/readyz", headers={"Accept-Language": "en"})
    assert (response.status, body["type"]) == (500, "/problems/internal")
    number = re.search(r"number: ([0-9a-f]{8})", body["detail"])
    assert number
    assert number[1] in caplog.text
    assert "Traceback" not in str(body)


async def test_every_problem_has_a_page(door: Any) -> None:
    for kind in STATUS:
        response, body = await get(door, f"/problems/{kind}")
        assert response.status == 200
        assert Problem(kind).title("en") in body.replace("&quot;", '"').replace("&#x27;", "'")


# --- headers and pages --------------------------------------------------------------------------------------


async def test_security_headers(door: Any) -> None:
    response, _ = await get(door, "/api/docs")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert f"ws://127.0.0.1:{door.server.port}" in policy
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_odd_host_does_not_reach_the_policy(door: Any) -> None:
    response, _ = await get(door, "/api/docs", headers={"Host": "x; script-src *"})
    assert "script-src *" not in response.headers.get("Content-Security-Policy", "")


class TestPages:
    @pytest.fixture(autouse=True)
    def built(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        root = tmp_path / "pages"
        (root / "assets").mkdir(parents=True)
        (root / "index.html").write_text("<!doctype html>pages")
        (root / "assets" / "app-abc.js").write_text("//")
        (root / "icon.svg").write_text("<svg/>")
        (tmp_path / "secret").write_text("secret")
        monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (root,))
        return root

    @pytest.mark.parametrize("path", ["/", "/join", "/lesson/demo", "/library", "/library/item-1"])
    async def test_one_document_for_all_addresses(self, door: Any, path: str) -> None:
        response, body = await get(door, path)
        assert body == "<!doctype html>pages"
        assert response.headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize("encoding", ["br", "gzip"])
    async def test_what_is_compressed_is_sent_so_to_whoever_takes_it(
        self, door: Any, built: Path, encoding: str
    ) -> None:
        for ending in (".br", ".gz"):
            (built / "assets" / f"app-abc.js{ending}").write_bytes(b"compressed")
        url = door.url("/assets/app-abc.js")
        async with door.http.get(
            url, headers={"Accept-Encoding": encoding}, auto_decompress=False
        ) as response:
            assert response.headers["Content-Encoding"] == encoding
            assert response.headers["Vary"] == "Accept-Encoding"
            assert "immutable" in response.headers["Cache-Control"]
            assert await response.read() == b"compressed"
        async with door.http.get(url, headers={"Accept-Encoding": "identity"}) as response:
            assert "Content-Encoding" not in response.headers
            assert await response.read() == b"//"

    async def test_assets_are_kept_for_ever(self, door: Any) -> None:
        response, _ = await get(door, "/assets/app-abc.js")
        assert "immutable" in response.headers["Cache-Control"]
        response, _ = await get(door, "/icon.svg")
        assert response.headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize(
        "path",
        ["/assets/nothing.js", "/%2e%2e/secret", "/assets/..%2f..%2fsecret", "/a%00b", "/" + "x" * 300],
    )
    async def test_nothing_else_is_served(self, door: Any, path: str) -> None:
        url = URL(door.url("/").rstrip("/") + path, encoded=True)
        async with door.http.get(url) as response:
            assert response.status == 404

    async def test_pages_not_built(self, door: Any, built: Path) -> None:
        (built / "index.html").unlink()
        response, body = await get(door, "/join")
        assert (response.status, body["type"]) == (503, "/problems/pages-missing")


# --- REST ---------------------------------------------------------------------------------------------------


async def test_me(door: Any) -> None:
    _, body = await get(door, "/api/v1/me", role="master")
    assert (body["person"], body["role"], body["lesson"]) == ("master-1", "master", "demo")


async def test_lessons(door: Any) -> None:
    _, body = await get(door, "/api/v1/lessons", role="organizer")
    assert [lesson["id"] for lesson in body["lessons"]] == ["demo"]
    _, body = await get(door, "/api/v1/lessons", role="student")
    assert [lesson["id"] for lesson in body["lessons"]] == ["demo"]


async def test_lesson_is_as_it_is_now(door: Any) -> None:
    _, before = await get(door, "/api/v1/lessons/demo", role="tutor")
    master = await door.join("master")
    await master.say("lesson.start")
    await master.expect("lesson")
    _, now = await get(door, "/api/v1/lessons/demo", role="tutor")
    assert (before["state"], now["state"]) == ("scheduled", "live")
    _, listed = await get(door, "/api/v1/lessons/demo/classes", role="tutor")
    assert listed["classes"] == now["classes"]
    assert {room["id"] for room in now["classes"]} >= {"class-1", "class-2"}


async def test_other_lessons_are_not_for_this_token(door: Any) -> None:
    response, _ = await get(door, "/api/v1/lessons/other", role="tutor")
    assert response.status == 403
    response, _ = await get(door, "/api/v1/lessons/other", role="organizer")
    assert response.status == 404


async def test_people_of_a_lesson(door: Any) -> None:
    assert (await get(door, "/api/v1/lessons/demo/people", role="master"))[1] == {"people": []}
    await door.join("tutor")
    await door.join("supervisor")
    _, body = await get(door, "/api/v1/lessons/demo/people", role="supervisor")
    assert [person["id"] for person in body["people"]] == ["tutor-1"]
    response, _ = await get(door, "/api/v1/lessons/demo/people", role="student")
    assert response.status == 403


async def test_library_of_ones_own_lesson(door: Any) -> None:
    for role in ("student", "supervisor"):
        response, body = await get(door, "/api/v1/library", role=role)
        assert (response.status, body["items"], body["total"]) == (200, [], 0)
    response, _ = await get(door, "/api/v1/library?lesson=other", role="student")
    assert response.status == 403
    response, _ = await get(door, "/api/v1/library/nothing", role="student")
    assert response.status == 403


LESSON_QUALITY = "/api/v1/lessons/demo/quality"


async def test_quality_of_a_lesson(door: Any) -> None:
    slow = Second(Quality.FAIR, QualityReason.DELAY, 40, 1507, 0.0, 0.0, 331, 4, 2455, 2, 0)
    camera = StreamPeriod(person="master-1", source="camera", sent=True, kbps=1500)
    for started_ms in (1000, 31_000):
        period = Period.of(PersonId("student-1"), started_ms, (slow, slow), (camera,))
        door.parts.store.observe(QualityMeasured(lesson_id=LessonId("demo"), at_ms=5, period=period))
    await door.parts.store.flush()
    for role in ("master", "organizer", "supervisor"):
        response, body = await get(door, LESSON_QUALITY, role=role)
        assert response.status == 200
    (student,) = body["people"]
    assert (student["person"], student["started_ms"], student["ended_ms"]) == ("student-1", 1000, 33_000)
    assert (student["figures"]["fair_s"], student["figures"]["reason"]) == (4, "delay")
    assert body["now"] == []
    _, body = await get(door, f"{LESSON_QUALITY}/student-1?after_ms=1000", role="master")
    (period,) = body["periods"]
    assert [second["round_trip_ms"] for second in period["seconds"]] == [331, 331]
    assert period["streams"][0]["source"] == "camera"


async def test_quality_is_for_those_who_answer_for_the_lesson(door: Any) -> None:
    for role in ("tutor", "student", "encoder"):
        assert (await get(door, LESSON_QUALITY, role=role))[0].status == 403
    assert (await get(door, "/api/v1/lessons/other/quality", role="master"))[0].status == 403
    assert (await get(door, "/api/v1/lessons/other/quality", role="organizer"))[0].status == 404
    for odd in ("x", "-1", "9" * 30, "%D9%A3"):
        response, _ = await get(door, f"{LESSON_QUALITY}/student-1?after_ms={odd}", role="master")
        assert response.status == 400


async def test_no_listing_and_no_trace(door: Any) -> None:
    for path in ("/assets", "/assets/", "/api/v1", "/media"):
        assert (await get(door, path))[0].status == 404
    async with door.http.request("TRACE", door.url("/api/openapi.json")) as response:
        assert response.status == 405


# --- health and figures -------------------------------------------------------------------------------------


async def test_ready_while_the_database_is(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await get(door, "/readyz"))[0].status == 200
    ill = StoreHealth(ok=False, queued=3, written=0, dropped=0, retries=1, refused=0, error="disk full")
    monkeypatch.setattr(door.app[keys.READINESS], "_database", lambda: ill)
    response, body = await get(door, "/readyz")
    assert (response.status, body["database"]) == (503, "disk full")
    assert (await get(door, "/healthz"))[0].status == 200


async def test_metrics(door: Any) -> None:
    await door.join("master")
    _, body = await get(door, "/metrics")
    for line in (
        "tongke_rtp_in_total 5.0",
        'tongke_drops_total{reason="srtp_replay"} 2.0',
        "tongke_packet_thread_cpu_seconds_total 1.5",
        'tongke_joins_total{result="ok",way="websocket"} 1.0',
        'tongke_recording_gaps_total{cause="network"} 2.0',
        'tongke_recorder_total{name="restarts"} 1.0',
        'tongke_engine_total{name="handshakes_failed"} 1.0',
        "tongke_segmentation_offload 1.0",
        "tongke_subscribers 4.0",
        'tongke_recording_gaps_total{cause="server"} 0.0',
        "tongke_recorder_waiting_bytes 700.0",
        'tongke_queue_depth{queue="media_events"} 0.0',
        'tongke_participants{quality="poor"} 0.0',
        "tongke_sessions 1.0",
    ):
        assert line in body.splitlines(), line
    shown = {line.split()[2] for line in body.splitlines() if line.startswith("# HELP")}
    assert shown <= {metrics.PREFIX + name for name in metrics.HELP}


# --- its description ----------------------------------------------------------------------------------------

PAGES = set(pages.ADDRESSES)
UNDESCRIBED = PAGES | {"/{file}", "/problems/{kind}"}


async def test_every_route_is_described_and_nothing_else(door: Any) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in door.app.router.routes()
        if route.method not in {"HEAD", "OPTIONS", "*"} and route.resource.canonical not in UNDESCRIBED
    }
    assert routes == {(operation.method, operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_references_lead_somewhere(language: str) -> None:
    described = document(OPERATIONS, version="1", language=language)
    assert described["openapi"] == "3.1.0"
    for name in re.findall(r"'#/components/schemas/(\w+)'", str(described)):
        assert name in described["components"]["schemas"]
    ids = [operation.id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))


async def test_document_and_its_page(door: Any) -> None:
    _, body = await get(door, "/api/openapi.json")
    assert body["paths"]["/api/v1/me"]["get"]["responses"]["200"]["content"]
    assert body["paths"]["/healthz"]["get"]["security"] == []
    response, page = await get(door, "/api/docs", headers={"Accept-Language": "en"})
    assert response.content_type == "text/html"
    assert "/api/v1/lessons/{lesson}" in page
    assert "<script" not in page
