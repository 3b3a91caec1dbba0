"""The library over HTTP, on files as the recorder leaves them."""

import re

import pytest
from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from recorder import index, ledger
from recorder.depacketize.frame import CodecConfig
from recorder.depacketize.opus import SILENCE
from recorder.fragments import FragmentMuxer, Sample
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.library import Library
from recorder.storage import Storage
from signaling import http
from signaling.library_http import add_library_routes
from signaling.media_access import MediaGrant
from signaling.problems import Problem

RATE = 48_000


def record(root, item, lesson, *, ended, seconds=10):
    """An item with one sound track, a hole from 4 s to 7 s."""
    storage = Storage(root / "library")
    header = ledger.Header(id=item, lesson=lesson, title="光合作用", started_ms=1_760_000_000_000)
    storage.replace(header_path(item), ledger.encode(header))
    entries = [ledger.TrackAdded(track="t0", person="m", source="microphone", kind="audio", at_us=0)]
    if ended:
        entries.append(ledger.Ended(at_us=seconds * 1_000_000, cause="ended"))
    storage.replace(ledger_path(item), b"".join(ledger.encode(entry) for entry in entries))
    muxer = FragmentMuxer(CodecConfig("opus", "opus", RATE, channels=2), b"")
    data = muxer.init
    lines = [index.Part(part=0, init=len(data), codec="opus", timescale=RATE)]
    for number in range(2 * seconds):
        if 8 <= number < 14:
            continue
        start = number * RATE // 2
        fragment = muxer.fragment(
            [Sample(SILENCE, start + 960 * i, 960, True) for i in range(25)], number + 1
        )
        lines.append(
            index.Fragment(
                part=0, offset=len(data), length=len(fragment), time=start, duration=24_000, keyframe=True
            )
        )
        data += fragment
    storage.replace(part_path(item, "t0", 0), data)
    storage.replace(index_path(item, "t0"), b"".join(index.encode(line) for line in lines))
    return data


@pytest.fixture
def denied():
    return set()


@pytest.fixture
async def client(aiohttp_client, tmp_path, denied):
    async def authorise(request, item, purpose="play"):
        if item.split("-")[0] in denied:
            raise Problem("item-not-allowed", item=item)
        return MediaGrant(item, Viewer("p", Role.STUDENT, "demo"), Right.LESSON, until=0)

    app = web.Application(middlewares=[http.language, http.problems])
    add_library_routes(app, Library(tmp_path), authorise)
    return await aiohttp_client(app)


@pytest.fixture
def data(tmp_path):
    record(tmp_path, "maths-1", "maths", ended=True)
    return record(tmp_path, "demo-1", "demo", ended=True)


async def test_every_address_of_the_playlists_answers(client, data):
    index_text = await (await client.get("/media/demo-1/index.m3u8")).text()
    assert index_text.splitlines()[-1] == "t0.m3u8"
    answer = await client.get("/media/demo-1/t0.m3u8")
    assert answer.content_type == "application/vnd.apple.mpegurl"
    lines = (await answer.text()).splitlines()
    ranges = [re.search(r"(\d+)@(\d+)", line).groups() for line in lines if "BYTERANGE:" in line]
    assert ranges
    for length, offset in ranges:
        first, last = int(offset), int(offset) + int(length) - 1
        part = await client.get("/media/demo-1/t0.0.mp4", headers={"Range": f"bytes={first}-{last}"})
        assert part.status == 206
        assert await part.read() == data[first : last + 1]
    silent = [line for line in lines if "silence" in line]
    assert len(silent) == 1
    answer = await client.get(f"/media/demo-1/{silent[0]}")
    assert answer.status == 200 and (await answer.read())[4:8] == b"moof"


async def test_one_file_to_download_with_ranges(client, data, tmp_path):
    whole = await client.get("/media/demo-1/lesson.mp4?download")
    assert whole.status == 200 and whole.content_type == "video/mp4"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="demo-1.mp4"'
    body = await whole.read()
    assert body[4:8] == b"ftyp"
    part = await client.get("/media/demo-1/lesson.mp4", headers={"Range": "bytes=100-199"})
    assert part.status == 206 and await part.read() == body[100:200]
    assert (tmp_path / "library" / "demo-1" / "lesson.mp4").read_bytes() == body


@pytest.mark.parametrize(
    "address",
    ["index.m3u8", "t0.m3u8", "t0.0.mp4", "t0.silence.mp4?from=0&to=1000000", "lesson.mp4"],
)
async def test_who_may_not_see_the_lesson_gets_not_a_byte(client, data, denied, address):
    denied.add("demo")
    answer = await client.get(f"/media/demo-1/{address}")
    assert answer.status == 403
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/media/none-1/index.m3u8", 404),
        ("/media/..%2F..%2Fetc/index.m3u8", 404),
        ("/media/demo-1/item.json", 404),
        ("/media/demo-1/ledger.jsonl", 404),
        ("/media/demo-1/t9.m3u8", 404),
        ("/media/demo-1/t0.7.mp4", 404),
        ("/media/demo-1/index.m3u8?video=t7", 404),
        ("/media/demo-1/t0.silence.mp4", 404),
        ("/media/demo-1/t0.silence.mp4?from=0&to=999999999999", 404),
        ("/media/demo-1/t0.silence.mp4?from=x&to=1", 404),
        ("/media/demo-1/x.silence.mp4?from=0&to=1", 404),
    ],
)
async def test_what_is_not_there_is_a_problem_document(client, data, address, status):
    answer = await client.get(address)
    assert answer.status == status
    assert answer.content_type == "application/problem+json" or ".." in address


async def test_a_lesson_that_goes_on_is_one_file_as_far_as_it_got(client, data, tmp_path):
    record(tmp_path, "live-1", "live", ended=False)
    answer = await client.get("/media/live-1/lesson.mp4")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    whole = await answer.read()
    part = await client.get("/media/live-1/lesson.mp4", headers={"Range": "bytes=100-199"})
    assert part.status == 206
    assert await part.read() == whole[100:200]
    assert "EVENT" in await (await client.get("/media/live-1/t0.m3u8")).text()


@pytest.mark.parametrize(("ended", "kept"), [(True, "private, max-age=86400"), (False, "no-store")])
async def test_a_file_that_still_grows_is_not_kept_by_browsers(client, tmp_path, ended, kept):
    record(tmp_path, "live-1", "live", ended=ended)
    part = await client.get("/media/live-1/t0.0.mp4", headers={"Range": "bytes=0-99"})
    assert (part.status, part.headers["Cache-Control"]) == (206, kept)


async def test_an_item_without_media_says_so(client, tmp_path):
    record(tmp_path, "empty-1", "empty", ended=True, seconds=0)
    for address in ("index.m3u8", "lesson.mp4"):
        answer = await client.get(f"/media/empty-1/{address}")
        assert answer.status == 404
        assert (await answer.json())["type"].endswith("/nothing-recorded")
