"""Pictures and captions over HTTP."""

import pytest
from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from recorder import captions
from recorder.library import Library
from recorder.pictures import Pictures
from signaling import http
from signaling.keys import OPEN_ITEMS
from signaling.media_access import MediaGrant
from signaling.media_http import add_media_routes
from signaling.pictures_ahead import PicturesAhead
from signaling.pictures_http import add_picture_routes
from signaling.problems import Problem


@pytest.fixture
async def client(aiohttp_client, tmp_path, record):
    async def authorise(request, item, purpose="play"):
        if "denied" in request.query:
            raise Problem("item-not-allowed", item=item)
        viewer, token = Viewer("p", Role.STUDENT, "demo"), request.query.get("t", "")
        return MediaGrant(item, viewer, Right.LESSON, until=0, token=token)

    record(tmp_path, "demo-1", "demo", ended=True, seconds=30)
    made = web.Application(middlewares=[http.language, http.problems])
    library = Library(tmp_path)
    captions.put(library, "demo-1", "zh-CN", b"WEBVTT\n\n00:01.000 --> 00:02.000\nx\n")
    add_picture_routes(made, library, authorise)
    add_media_routes(made, library, authorise)
    return await aiohttp_client(made)


async def test_thumbnails_name_their_sheets_with_the_token(client):
    answer = await client.get("/media/demo-1/sprites.vtt?t=a.b.c")
    text = await answer.text()
    assert answer.content_type == "text/vtt" and text.count("sprites.0.jpg?t=a.b.c#xywh=") == 3


async def test_a_picture_is_made_once_for_all_and_kept(client, monkeypatch, tmp_path):
    made = []

    def sheet(self, number):
        made.append(number)
        return b"jpeg" * 10

    monkeypatch.setattr(Pictures, "sheet", sheet)
    monkeypatch.setattr(Pictures, "poster", lambda self: sheet(self, "poster"))
    for _ in range(3):
        for name in ("sprites.0.jpg", "poster.jpg"):
            answer = await client.get(f"/media/demo-1/{name}")
            assert (answer.status, answer.content_type, await answer.read()) == (
                200,
                "image/jpeg",
                b"jpeg" * 10,
            )
            known = {"If-None-Match": answer.headers["ETag"]}
            assert (await client.get(f"/media/demo-1/{name}", headers=known)).status == 304
    assert made == [0, "poster"]
    assert (tmp_path / "library" / "demo-1" / ".pictures" / "sprites.0.jpg").read_bytes() == b"jpeg" * 10


async def test_they_are_made_when_the_lesson_ends_and_serve_every_request(client, monkeypatch, tmp_path):
    monkeypatch.setattr(Pictures, "sheet", lambda self, number: b"sheet %d" % number)
    monkeypatch.setattr(Pictures, "poster", lambda self: b"poster")
    ahead = PicturesAhead(Library(tmp_path), client.app[OPEN_ITEMS])
    for item in ("demo-1", "none-1"):
        ahead.ended(item)
    await ahead.idle()
    await ahead.close()
    made = sorted((tmp_path / "library" / "demo-1" / ".pictures").iterdir())
    assert [path.read_bytes() for path in made] == [b"poster", b"sheet 0"]
    assert not (tmp_path / "library" / "none-1").exists()
    monkeypatch.setattr(Pictures, "poster", lambda self: pytest.fail("made again"))
    assert await (await client.get("/media/demo-1/poster.jpg")).read() == b"poster"


async def test_captions_are_served_and_named_in_the_playlist(client):
    index = await (await client.get("/media/demo-1/index.m3u8?t=a.b")).text()
    assert "TYPE=SUBTITLES" in index and 'LANGUAGE="zh-CN"' in index
    assert "captions.zh-CN.m3u8?t=a.b" in index and 'SUBTITLES="captions"' in index
    playlist = await (await client.get("/media/demo-1/captions.zh-CN.m3u8")).text()
    assert "captions.zh-CN.vtt" in playlist
    text = await (await client.get("/media/demo-1/captions.zh-CN.vtt")).text()
    assert text == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx\n"
    assert "SUBTITLES" not in await (await client.get("/media/demo-1/index.m3u8?angles=all")).text()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("demo-1/poster.jpg", 404),
        ("demo-1/sprites.0.jpg", 404),
        ("demo-1/sprites.99999.jpg", 404),
        ("demo-1/captions.fr.vtt", 404),
        ("demo-1/captions...%2Fitem.vtt", 404),
        ("none-1/sprites.vtt", 404),
        ("demo-1/poster.jpg?denied", 403),
        ("demo-1/sprites.0.jpg?denied", 403),
        ("demo-1/sprites.vtt?denied", 403),
        ("demo-1/captions.zh-CN.vtt?denied", 403),
        ("demo-1/captions.zh-CN.m3u8?denied", 403),
    ],
)
async def test_what_is_not_to_be_had(client, address, status):
    """The item has sound only."""
    answer = await client.get(f"/media/{address}")
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    await client.app[OPEN_ITEMS].close()
