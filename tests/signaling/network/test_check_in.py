"""Check-in over HTTP: opened, done by each, for a class, with evidence, and joined into attendance."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import av
import msgspec
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from classroom.network.check_in import Face
from signaling.config import Config
from signaling.network.check_in_evidence import DAY_MS
from signaling.network.check_in_http import EVIDENCE, MAX_PICTURE
from signaling.webhook_signature import new_secret, verify

PATH = "/api/v1/lessons/demo/check-in"
BEIJING = {"latitude": 39.9042, "longitude": 116.4074}
MINUTE_MS = 60_000


@dataclass
class Office:
    """Calls the door as somebody in the demo lesson."""

    door: Any

    async def ask(
        self, role: str, method: str, path: str = PATH, body: Any = None, data: Any = None, **claims: Any
    ) -> tuple[int, Any]:
        if role in ("student", "tutor"):
            claims = {"class_id": "class-1"} | claims
        head = {"Authorization": f"Bearer {self.door.token(role, **claims)}", "Accept-Language": "en"}
        more = {"json": body} if body is not None else {"data": data} if data is not None else {}
        async with self.door.http.request(method, self.door.url(path), headers=head, **more) as response:
            if response.content_type.endswith("json"):
                return response.status, await response.json(content_type=None)
            return response.status, await response.read()

    async def open(self, **more: Any) -> tuple[int, Any]:
        now = self.door.parts.store.clock.unix_ms()
        plan = {"opens_ms": now - MINUTE_MS, "closes_ms": now + 30 * MINUTE_MS}
        return await self.ask("master", "PUT", body=plan | more)

    async def come(
        self, metres: float | None = None, accuracy_m: float = 10, **claims: Any
    ) -> tuple[int, Any]:
        position = None
        if metres is not None:
            latitude = BEIJING["latitude"] + metres / 111_195
            position = BEIJING | {"latitude": latitude, "accuracy_m": accuracy_m}
        return await self.ask("student", "POST", f"{PATH}/me", {"position": position}, **claims)


@pytest.fixture
def office(door: Any) -> Office:
    return Office(door)


def made(width: int = 800, height: int = 600, kind: str = "mjpeg") -> bytes:
    out = io.BytesIO()
    formats = {"mjpeg": ("mjpeg", "yuvj420p"), "png": ("image2pipe", "rgb24")}
    container, pixels = formats[kind]
    with av.open(out, "w", format=container) as opened:
        stream: Any = opened.add_stream(kind, rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), format="rgb24")
        opened.mux([*stream.encode(frame), *stream.encode(None)])
    return out.getvalue()


PLACE = {"place": BEIJING | {"radius_m": 200}}


async def test_nobody_has_opened_it(office: Office) -> None:
    status, told = await office.ask("student", "GET")
    assert (status, told["plan"], told["open"], told["mine"]) == (200, None, False, None)
    assert (await office.come(0))[1]["type"] == "/problems/check-in-closed"


async def test_who_is_at_the_place_checks_in_once(office: Office) -> None:
    assert (await office.open(**PLACE))[0] == 200
    status, told = await office.come(120)
    assert status == 200
    mine = told["mine"]
    assert (mine["result"], mine["way"], mine["person"]) == ("present", "position", "student-1")
    assert mine["distance_m"] == pytest.approx(120, abs=1)
    assert (await office.come(0))[1]["mine"] == mine
    _, listed = await office.ask("master", "GET", f"{PATH}/results")
    assert listed["results"] == [mine]


@pytest.mark.parametrize(
    ("metres", "accuracy_m", "kind"),
    [
        (900, 10, "check-in-outside"),
        (0, 5_000, "check-in-position"),
        (None, 0, "check-in-position"),
    ],
)
async def test_who_is_elsewhere_does_not(
    office: Office, metres: float | None, accuracy_m: float, kind: str
) -> None:
    await office.open(**PLACE)
    _, told = await office.come(metres, accuracy_m)
    assert told["type"] == f"/problems/{kind}"
    assert (await office.ask("master", "GET", f"{PATH}/results"))[1]["results"] == []


async def test_being_in_the_live_lesson_is_enough(office: Office) -> None:
    await office.door.live()
    student = await office.door.join("student")
    await student.settled()
    await office.open(**PLACE)
    assert (await office.come(90_000))[1]["mine"]["way"] == "presence"
    assert (await office.come(person="other"))[1]["type"] == "/problems/check-in-position"


async def test_before_after_and_late(office: Office) -> None:
    now = office.door.parts.store.clock.unix_ms()
    hour = 60 * MINUTE_MS
    await office.open(**PLACE, opens_ms=now + hour, closes_ms=now + 2 * hour)
    assert "not begun" in (await office.come(0))[1]["detail"]
    await office.open(**PLACE, opens_ms=now - 2 * hour, closes_ms=now - hour)
    assert "over" in (await office.come(0))[1]["detail"]
    await office.open(**PLACE, opens_ms=now - hour, late_ms=now - 1, closes_ms=now + hour)
    assert (await office.come(0))[1]["mine"]["result"] == "late"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"place": {"latitude": 116.4, "longitude": 39.9, "radius_m": 100}}, "check-in-place"),
        ({"place": {"latitude": 39.9, "longitude": 216.4, "radius_m": 100}}, "check-in-place"),
        ({"place": BEIJING | {"radius_m": 1}}, "bad-request"),
        ({"closes_ms": 5}, "check-in-window"),
        ({"closes_ms": 10**13}, "check-in-window"),
        ({"late_ms": 1}, "check-in-window"),
    ],
)
async def test_what_cannot_be_opened(office: Office, more: dict[str, Any], kind: str) -> None:
    _, told = await office.open(**more)
    assert told["type"] == f"/problems/{kind}"


async def test_swapped_numbers_are_told_as_such(office: Office) -> None:
    """Of the place, and of a device."""
    await office.open(**PLACE)
    position = {"latitude": 116.4, "longitude": 39.9, "accuracy_m": 5}
    status, told = await office.ask("student", "POST", f"{PATH}/me", {"position": position})
    assert (status, told["type"]) == (422, "/problems/check-in-place") and "swapped" in told["detail"]
    _, told = await office.open(place={"latitude": 116.4, "longitude": 39.9, "radius_m": 100})
    assert "swapped" in told["detail"]


async def test_a_tutor_checks_in_the_own_class(office: Office) -> None:
    await office.door.live()
    for person in ("a", "b"):
        student = await office.door.join("student", person=person)
        await student.settled()
    await office.open()
    path = f"{PATH}/classes/class-1"
    assert (await office.ask("tutor", "POST", path, {"people": ["a", "z"]}))[1]["type"] == (
        "/problems/person-unknown"
    )
    _, told = await office.ask("tutor", "POST", path, {"people": ["a"]})
    assert [(each["person"], each["way"]) for each in told["results"]] == [("a", "tutor")]
    _, told = await office.ask("tutor", "POST", path, {"people": []})
    assert {each["person"] for each in told["results"]} == {"a", "b"}
    assert (await office.ask("tutor", "POST", path, {"people": []}, class_id="class-2"))[0] == 403
    assert (await office.ask("tutor", "GET", f"{PATH}/results", class_id="class-2"))[1]["results"] == []


async def test_a_tutor_opens_it_for_the_own_class_at_its_own_place(office: Office) -> None:
    await office.door.live()
    await office.open()
    now = office.door.parts.store.clock.unix_ms()
    plan = {"opens_ms": now - 1, "closes_ms": now + MINUTE_MS} | PLACE
    status, told = await office.ask("tutor", "PUT", body=plan)
    assert (status, told["class_id"], told["school"]) == (200, "class-1", PLACE["place"])
    assert (await office.ask("tutor", "PUT", f"{PATH}?class_id=class-2", body=plan))[0] == 403
    assert (await office.ask("student", "PUT", body=plan))[0] == 403
    assert (await office.ask("master", "PUT", f"{PATH}?class_id=nothing", body=plan))[0] == 404
    # Of this class the own one counts, of the other that of all.
    assert (await office.come(0))[0] == 200
    assert (await office.come(500, person="s2"))[1]["type"] == "/problems/check-in-outside"
    assert (await office.come(0, person="s3", class_id="class-2"))[1]["type"] == (
        "/problems/check-in-position"
    )
    _, told = await office.ask("master", "GET")
    assert (told["class_id"], told["plan"]["place"], told["school"]) == ("", None, None)
    _, told = await office.ask("organizer", "GET", f"{PATH}?class_id=class-1")
    assert (told["class_id"], told["evidence_days"], told["school"]) == ("class-1", 30, PLACE["place"])
    assert (await office.ask("student", "GET"))[1]["school"] is None


async def test_the_pupils_of_a_class_as_its_tutor_sees_them(office: Office) -> None:
    await office.door.live()
    await office.door.join("student", person="here", name="乙")
    await office.open(**PLACE)
    await office.come(0, person="not-in-the-lesson", name="甲")
    path = f"{PATH}/classes/class-1"
    _, told = await office.ask("tutor", "GET", path)
    assert [(each["person"], each["online"], each["checked_in"] is None) for each in told["pupils"]] == [
        ("here", True, True), ("not-in-the-lesson", False, False)
    ]  # fmt: skip
    assert (await office.ask("tutor", "GET", path, class_id="class-2"))[0] == 403
    assert (await office.ask("student", "GET", path))[0] == 403
    assert (await office.ask("master", "GET", f"{PATH}/classes/nothing"))[0] == 404


async def test_a_picture_is_kept_as_long_as_it_may_be(office: Office) -> None:
    await office.open(**PLACE, picture=True)
    send = f"{PATH}/me/picture"
    assert (await office.ask("student", "PUT", send, data=made()))[1]["type"] == "/problems/check-in-first"
    await office.come(0)
    status, told = await office.ask("student", "PUT", send, data=made(kind="png"))
    assert (status, told["mine"]["picture"], told["mine"]["face"]) == (200, True, "")
    assert (await office.ask("student", "PUT", send, data=made()))[1]["type"] == (
        "/problems/check-in-picture-there"
    )
    see = f"{PATH}/results/student-1/picture"
    status, jpeg = await office.ask("master", "GET", see)
    assert status == 200
    _, told = await office.ask("master", "GET", f"{PATH}/results")
    until_ms = told["results"][0]["picture_until_ms"]
    assert until_ms == pytest.approx(office.door.parts.store.clock.unix_ms() + 30 * DAY_MS, abs=MINUTE_MS)
    with av.open(io.BytesIO(jpeg), format="mjpeg") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (640, 480)
    assert (await office.ask("student", "GET", see))[0] == 403
    evidence = office.door.app[EVIDENCE]
    clock = office.door.parts.store.clock
    await evidence.sweep(lambda: clock.unix_ms() + 29 * DAY_MS)
    assert (await office.ask("master", "GET", see))[0] == 200
    await evidence.sweep(lambda: clock.unix_ms() + 31 * DAY_MS)
    assert (await office.ask("master", "GET", see))[0] == 404
    assert list(office.door.parts.config.data.rglob("evidence/*/*")) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\xff\xd8\xff" + bytes(500), b"#EXTM3U\nhttp://127.0.0.1/", b"RIFF1234WEBPxx"],
)
async def test_what_is_no_picture_is_refused(office: Office, data: bytes) -> None:
    await office.open(**PLACE)
    await office.come(0)
    status, told = await office.ask("student", "PUT", f"{PATH}/me/picture", data=data)
    assert (status, told["type"]) == (422, "/problems/check-in-picture")


async def test_fifty_megabytes_are_refused_before_they_are_read(office: Office) -> None:
    await office.open(**PLACE)
    await office.come(0)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(800):
            read += 65_536
            yield bytes(65_536)

    try:
        status, told = await office.ask("student", "PUT", f"{PATH}/me/picture", data=endless())
        assert (status, told["type"]) == (413, "/problems/too-large")
    except OSError:
        pass  # the server had answered and closed before all was sent
    assert MAX_PICTURE < 50 * 1024 * 1024
    assert not (await office.ask("student", "GET"))[1]["mine"]["picture"]
    # The lesson goes on, and a picture of a size that phones make is taken.
    assert (await office.ask("student", "PUT", f"{PATH}/me/picture", data=made()))[0] == 200


@dataclass
class FaceService:
    """The platform's own."""

    answer: Any = field(default_factory=lambda: {"result": "verified"})
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((dict(request.headers), await request.read()))
        if self.answer is None:
            await self.gate.wait()
        if isinstance(self.answer, int):
            return web.Response(status=self.answer, headers={"Location": "/"})
        return web.json_response(self.answer)


@pytest_asyncio.fixture
async def service() -> AsyncIterator[tuple[FaceService, str]]:
    made, app = FaceService(), web.Application()
    app.router.add_post("/face", made.handle)
    async with TestServer(app) as server:
        yield made, str(server.make_url("/face"))
        made.gate.set()


@pytest.mark.parametrize(
    ("answer", "face"),
    [
        ({"result": "verified"}, Face.VERIFIED),
        ({"result": "refused"}, Face.REFUSED),
        ({"result": "perhaps"}, Face.UNVERIFIED),
        ([], Face.UNVERIFIED),
        (500, Face.UNVERIFIED),
        (307, Face.UNVERIFIED),
        (None, Face.UNVERIFIED),
    ],
)
async def test_the_face_service_is_asked(
    service: tuple[FaceService, str],
    open_door: Callable[[Config], AbstractAsyncContextManager[Any]],
    config: Config,
    answer: Any,
    face: Face,
) -> None:
    faces, url = service
    faces.answer, secret = answer, new_secret()
    settings = {"face_check_url": url, "face_check_secret": secret, "face_check_timeout_s": 0.5}
    async with open_door(msgspec.structs.replace(config, **settings)) as door:
        office = Office(door)
        await office.open(**PLACE)
        await office.come(0)
        _, told = await office.ask("student", "PUT", f"{PATH}/me/picture", data=made())
        assert told["mine"]["face"] == face
    head, body = faces.asked[0]
    sent = msgspec.json.decode(body)
    assert (sent["lesson"], sent["person"]) == ("demo", "student-1")
    signed = (head["webhook-id"], head["webhook-timestamp"], head["webhook-signature"])
    assert verify(secret, *signed, body, int(signed[1]))


async def test_a_face_service_where_no_webhook_may_go_is_not_asked(
    service: tuple[FaceService, str],
    open_door: Callable[[Config], AbstractAsyncContextManager[Any]],
    config: Config,
) -> None:
    faces, url = service
    settings = {"face_check_url": url, "webhook_allow": ()}
    async with open_door(msgspec.structs.replace(config, **settings)) as door:
        office = Office(door)
        await office.open(**PLACE)
        await office.come(0)
        _, told = await office.ask("student", "PUT", f"{PATH}/me/picture", data=made())
        assert told["mine"]["face"] == "unverified"
    assert faces.asked == []


async def test_attendance_says_who_checked_in(office: Office) -> None:
    await office.open(**PLACE)
    await office.come(0, person="only-here", name="王")
    _, report = await office.ask("master", "GET", "/api/v1/lessons/demo/attendance")
    (one,) = [each for each in report["people"] if each["person"] == "only-here"]
    assert (one["name"], one["present"], one["checked_in"]["way"]) == ("王", False, "position")
    _, table = await office.ask("master", "GET", "/api/v1/lessons/demo/attendance.csv")
    assert "at the place" in table.decode()
