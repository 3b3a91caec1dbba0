"""Films in the background: progress, cancel, and going on after a restart of the server."""

import asyncio

import msgspec
import pytest

from recorder.library import Library
from signaling import compositions
from signaling.compositions import FOLDER, Compositions, Job, QueueFullError

SAFETY_S = 60


async def made(films, item):
    async with asyncio.timeout(SAFETY_S):
        await films.idle()
    return films.job(item)


@pytest.fixture
async def films(tmp_path, record):
    record(tmp_path, "demo-1", "demo", ended=True, seconds=3)
    started = Compositions(Library(tmp_path), tmp_path)
    await started.start()
    yield started
    await started.close()


async def test_a_film_is_made_noted_and_deleted(films, tmp_path):
    asked = await films.ask("demo-1")
    assert await films.ask("demo-1") is asked
    job = await made(films, "demo-1")
    assert (job.state, job.done, films.film("demo-1").is_file()) == ("ready", 1.0, True)
    later = Compositions(Library(tmp_path), tmp_path)
    await later.start()
    assert later.job("demo-1").state == "ready"
    await films.cancel("demo-1")
    assert not films.film("demo-1").parent.exists() and films.job("demo-1") is None
    with pytest.raises(KeyError):
        await films.cancel("demo-1")


async def test_what_was_not_finished_goes_on_after_a_restart(films, tmp_path):
    folder = tmp_path / "library" / "demo-1" / FOLDER
    folder.mkdir()
    (folder / "job.json").write_bytes(msgspec.json.encode(Job(state="running", done=0.4)))
    later = Compositions(Library(tmp_path), tmp_path)
    await later.start()
    try:
        assert (await made(later, "demo-1")).done == 1.0
    finally:
        await later.close()


async def test_what_cannot_be_made_says_why_and_can_be_asked_again(films, tmp_path, record):
    record(tmp_path, "empty-1", "empty", ended=True, seconds=0)
    await films.ask("empty-1")
    job = await made(films, "empty-1")
    assert job.reason == "nothing"
    assert await films.ask("empty-1") is not job


async def test_cancelled_while_it_is_made(films):
    await films.ask("demo-1")
    await asyncio.sleep(0)
    assert films.job("demo-1").state == "running"
    await films.cancel("demo-1")
    assert films.job("demo-1") is None and not films.film("demo-1").parent.exists()


async def test_the_queue_has_an_end(films, monkeypatch):
    monkeypatch.setattr(compositions, "MAX_QUEUE", 0)
    with pytest.raises(QueueFullError):
        await films.ask("demo-1")
