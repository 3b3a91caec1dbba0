"""Playlists and media over HTTP, on files as the recorder writes them."""

import asyncio
import io
import re

import av
import m3u8
import pytest
from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from recorder.library import Library
from signaling import http
from signaling.keys import OPEN_ITEMS
from signaling.media_access import MediaGrant
from signaling.media_http import add_media_routes
from signaling.problems import Problem

SAFETY_S = 30


@pytest.fixture
def denied():
    return set()


@pytest.fixture
def app(tmp_path, denied):
    async def authorise(request, item, purpose="play"):
        if item.split("-")[0] in denied:
            raise Problem("item-not-allowed", item=item)
        return MediaGrant(
            item, Viewer("p", Role.STUDENT, "demo"), Right.LESSON, until=0, token=request.query.get("t", "")
        )

    made = web.Application(middlewares=[http.language, http.problems])
    add_media_routes(made, Library(tmp_path), authorise)
    return made


@pytest.fixture
async def client(aiohttp_client, app):
    return await aiohttp_client(app)


@pytest.fixture
def data(tmp_path, record):
    record(tmp_path, "maths-1", "maths", ended=True)
    return record(tmp_path, "demo-1", "demo", ended=True).data


async def fetch(client, address, **options):
    answer = await client.get(f"/media/{address}", **options)
    assert answer.status == 200, await answer.text()
    return answer


async def soon(waited):
    async with asyncio.timeout(SAFETY_S):
        return await waited


async def test_every_address_of_the_playlists_answers(client, data):
    index_text = await (await fetch(client, "demo-1/index.m3u8")).text()
    assert index_text.splitlines()[-1] == "t0.m3u8"
    answer = await fetch(client, "demo-1/t0.m3u8")
    assert answer.content_type == "application/vnd.apple.mpegurl"
    found = m3u8.loads(await answer.text())
    init = found.segments[0].init_section.uri
    body = await (await fetch(client, f"demo-1/{init}")).read()
    silent = 0
    for segment in found.segments:
        answer = await fetch(client, f"demo-1/{segment.uri}")
        assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
        assert answer.headers["ETag"] and answer.content_type == "video/mp4"
        read = await answer.read()
        assert read[4:8] == b"moof"
        if "silence" in segment.uri:
            silent += 1
        else:
            body += read
    assert body == data and silent == 1


async def test_playlists_are_packed_for_who_takes_it(client, data, tmp_path, record):
    record(tmp_path, "long-1", "long", ended=True, seconds=120)
    raw = {"Accept-Encoding": "identity"}
    plain = await (await fetch(client, "long-1/t0.m3u8", headers=raw)).read()
    answer = await fetch(client, "long-1/t0.m3u8", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["Vary"] == "Accept-Encoding"
    assert await answer.read() == plain  # the client unpacks
    refused = await fetch(client, "long-1/t0.m3u8", headers={"Accept-Encoding": "br, gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


async def test_a_playlist_that_must_have_a_part_waits_for_it(client, tmp_path, record):
    lesson = record(tmp_path, "live-1", "live", ended=False, seconds=3)
    text = await (await fetch(client, "live-1/t0.m3u8")).text()
    found = m3u8.loads(text)
    segment, part = len([s for s in found.segments if s.uri]), len(found.segments[-1].parts)
    address = f"live-1/t0.m3u8?_HLS_msn={segment}&_HLS_part={part}"
    waiting = [asyncio.ensure_future(fetch(client, address)) for _ in range(5)]
    hinted = asyncio.ensure_future(fetch(client, f"live-1/{found.preload_hint.uri}"))
    item = await client.app[OPEN_ITEMS].open("live-1")
    async with asyncio.timeout(SAFETY_S):
        while len(item._waiting) < 6:  # noqa: ASYNC110 - the requests are on their way in this loop
            await asyncio.sleep(0)
    assert not any(task.done() for task in (*waiting, hinted))
    lesson.grow()
    answers = await soon(asyncio.gather(*waiting))
    for answer in answers:
        assert answer.headers["Cache-Control"] == "private, max-age=36"
        assert found.preload_hint.uri in await answer.text()
    read = await (await soon(hinted)).read()
    assert lesson.data.endswith(read) and read[4:8] == b"moof"
    lesson.end()
    waited = await soon(fetch(client, f"live-1/t0.m3u8?_HLS_msn={segment + 1}"))
    assert "#EXT-X-ENDLIST" in await waited.text()


async def test_every_part_that_was_ever_named_is_there(client, tmp_path, record):
    lesson = record(tmp_path, "live-1", "live", ended=False, seconds=3)
    named = set()
    for _ in range(90):
        lesson.grow()
        item = await client.app[OPEN_ITEMS].open("live-1")
        edge = item.end_us
        while item.end_us == edge and item.end_us < lesson.number * 500_000:
            await soon(item.changed())
        found = m3u8.loads(item.text(item.track("t0")).plain.decode())
        named |= {part.uri for segment in found.segments for part in segment.parts}
    assert len(named) >= 90
    whole = b""
    for uri in sorted(named, key=lambda uri: int(uri.split(".")[2])):
        whole += await (await fetch(client, f"live-1/{uri}")).read()
    assert lesson.data.endswith(whole)
    update = await (await fetch(client, "live-1/t0.m3u8?_HLS_skip=YES")).text()
    assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=" in update


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("_HLS_msn=99", 400),
        ("_HLS_msn=x", 400),
        ("_HLS_part=1", 400),
        ("_HLS_msn=-1", 400),
        ("_HLS_msn=1&_HLS_part=999", 400),
        ("_HLS_msn=0", 200),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(client, tmp_path, record, query, status):
    record(tmp_path, "live-1", "live", ended=False, seconds=3)
    assert (await client.get(f"/media/live-1/t0.m3u8?{query}")).status == status


async def test_a_token_in_the_address_is_handed_on(client, data):
    for address in ("index.m3u8", "t0.m3u8"):
        text = await (await fetch(client, f"demo-1/{address}?t=abc.def")).text()
        addresses = [line for line in text.splitlines() if not line.startswith("#")]
        assert addresses and all("t=abc.def" in each for each in addresses)


@pytest.mark.parametrize(
    ("header", "status", "first", "length"),
    [
        ("bytes=100-199", 206, 100, 100),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, 50),
        ("bytes=100-99999999", 206, 100, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=200-100", 200, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("bytes=", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("nonsense", 200, 0, None),
    ],
)
async def test_ranges(client, data, header, status, first, length):
    found = m3u8.loads(await (await fetch(client, "demo-1/t0.m3u8")).text())
    address = f"/media/demo-1/{found.segments[0].uri}"
    whole = await (await client.get(address)).read()
    answer = await client.get(address, headers={"Range": header})
    assert answer.status == status
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(whole)}"
        return
    expected = whole[first:][:length]
    assert await answer.read() == expected
    if status == 206:
        start = first % len(whole)
        end = start + len(expected) - 1
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(whole)}"
    other = await client.get(address, headers={"Range": header, "If-Range": '"other"'})
    assert other.status == 200
    known = await client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status == 304 and await known.read() == b""


async def test_one_file_to_download_by_any_ranges(client, data, tmp_path):
    whole = await client.get("/media/demo-1/lesson.mp4?download")
    assert whole.status == 200 and whole.content_type == "video/mp4"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="demo-1.mp4"'
    body = await whole.read()
    assert body[4:8] == b"ftyp" and len(body) == whole.content_length
    etag = whole.headers["ETag"]
    pieces = b""
    for start in range(0, len(body), 997):
        headers = {"Range": f"bytes={start}-{start + 996}", "If-Range": etag}
        part = await client.get("/media/demo-1/lesson.mp4", headers=headers)
        assert part.status == 206 and part.headers["ETag"] == etag
        pieces += await part.read()
    assert pieces == body
    assert (await client.get("/media/demo-1/lesson.mp4", headers={"If-None-Match": etag})).status == 304
    beyond = await client.get("/media/demo-1/lesson.mp4", headers={"Range": f"bytes={len(body)}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
    head = await client.head("/media/demo-1/lesson.mp4")
    assert head.content_length == len(body) and await head.read() == b""
    with av.open(io.BytesIO(body)) as container:
        assert container.duration == 10_000_000
        assert sum(1 for _ in container.decode(audio=0)) == 500
    (tmp_path / "library" / "demo-1" / "t0.0.mp4").unlink()
    assert (await client.get("/media/demo-1/lesson.mp4", headers={"Range": "bytes=-1"})).status == 503


async def test_a_lesson_that_goes_on_is_one_file_as_far_as_it_got(client, tmp_path, record):
    lesson = record(tmp_path, "live-1", "live", ended=False, seconds=8)
    assert (await client.get("/media/live-1/lesson.mp4")).status == 404
    lesson.grow(60)
    items = client.app[OPEN_ITEMS]
    items.forget("live-1")
    first = await client.get("/media/live-1/lesson.mp4?version=7")
    assert first.status == 200 and str(first.url).endswith("?version=7&until=28000000")
    body = await first.read()
    lesson.grow(20)
    items.forget("live-1")
    again = await client.get(first.url.path_qs)
    assert await again.read() == body and again.headers["ETag"] == first.headers["ETag"]
    assert len(await (await client.get("/media/live-1/lesson.mp4")).read()) > len(body)


@pytest.mark.parametrize(
    "address",
    ["index.m3u8", "t0.m3u8", "t0.0.init.mp4", "t0.silence.mp4?from=0&to=1000000", "lesson.mp4", "access"],
)
async def test_who_may_not_see_the_lesson_gets_not_a_byte(client, data, denied, address):
    assert (await client.get(f"/media/demo-1/{address}")).status in (200, 204)
    denied.add("demo")
    answer = await client.get(f"/media/demo-1/{address}")
    assert answer.status == 403
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "address",
    [
        "none-1/index.m3u8",
        "..%2F..%2Fetc/index.m3u8",
        "demo-1/item.json",
        "demo-1/ledger.jsonl",
        "demo-1/t9.m3u8",
        "demo-1/t0.0.mp4",
        "demo-1/t0.7.init.mp4",
        "demo-1/t0.0.5.mp4",
        "demo-1/t0.0.5-9.mp4",
        "demo-1/t0.0.999999999999999.mp4",
        "demo-1/t9.0.init.mp4",
        "demo-1/index.m3u8?video=t7",
        "demo-1/t0.silence.mp4",
        "demo-1/t0.silence.mp4?from=0&to=999999999999",
        "demo-1/t0.silence.mp4?from=x&to=1",
        "demo-1/x.silence.mp4?from=0&to=1",
    ],
)
async def test_what_is_not_there_is_a_problem_document(client, data, address):
    answer = await client.get(f"/media/{address}")
    assert answer.status == 404
    assert answer.content_type == "application/problem+json"


async def test_a_file_cut_short_or_gone_is_told(client, data, tmp_path):
    found = m3u8.loads(await (await fetch(client, "demo-1/t0.m3u8")).text())
    path = tmp_path / "library" / "demo-1" / "t0.0.mp4"
    path.write_bytes(data[:-10])
    answer = await client.get(f"/media/demo-1/{found.segments[-1].uri}")
    assert (answer.status, (await answer.json())["type"]) == (503, "/problems/media-damaged")
    path.unlink()
    assert (await client.get(f"/media/demo-1/{found.segments[-1].uri}")).status == 404


async def test_an_item_without_media_says_so(client, tmp_path, record):
    record(tmp_path, "empty-1", "empty", ended=True, seconds=0)
    for address in ("index.m3u8", "lesson.mp4"):
        answer = await client.get(f"/media/empty-1/{address}")
        assert answer.status == 404
        assert (await answer.json())["type"].endswith("/nothing-recorded")


async def test_nothing_stays_open(client, tmp_path, record):
    record(tmp_path, "live-1", "live", ended=False, seconds=3)
    items = client.app[OPEN_ITEMS]
    await fetch(client, "live-1/index.m3u8")
    assert items.known("live-1")
    await items.close()
    assert not items.known("live-1")
    assert not re.search("follow", " ".join(task.get_name() for task in asyncio.all_tasks()))
