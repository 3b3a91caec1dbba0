"""Finished recordings on their way to a directory and to a real S3 server."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from recorder.library import Library
from recorder.mover import Mover
from recorder.rebuild import rebuild
from recorder.signing import LedgerKey
from recorder.storage import Archive, ArchiveAwayError, ArchiveSettings, MediaFiles, Storage
from recorder.tombstone import Tombstone, bury
from recorder.verify import verify

SECOND = 1_000_000
PATIENCE_S = 30
BUCKET = "lessons"


@pytest.fixture(scope="module")
def s3(free_port):
    """URL of moto's server, a process of its own, with a bucket in it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(process, f"{url}/moto-api/")
        urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT")).close()
        yield url
    finally:
        process.kill()
        process.wait()


def until_it_answers(process, url):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    raise RuntimeError("moto_server did not start")


@pytest.fixture(params=["directory", "s3"])
def archive(request, tmp_path):
    if request.param == "directory":
        return Archive(ArchiveSettings(url=str(tmp_path / "archive")))
    return bucket(request.getfixturevalue("s3"), tmp_path.name)


def bucket(endpoint, prefix):
    return Archive(ArchiveSettings(url=f"s3://{BUCKET}/{prefix}", endpoint=endpoint, key_id="a", secret="b"))


@pytest.fixture(scope="module")
def ended(studio_type, sender, h264, opus, tmp_path_factory):
    """An item that has ended, to be copied."""
    lesson = studio_type(tmp_path_factory.mktemp("ended"))
    lesson.open()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(5 * SECOND)
    lesson.close()
    return lesson


@pytest.fixture
def lesson(ended, tmp_path):
    """The same in a library of its own: (data directory, item id, public key)."""
    shutil.copytree(ended.root, tmp_path / "data")
    return tmp_path / "data", ended.item, ended.signer.public


def mover_of(data, archive):
    return Mover(Storage(data / "library"), archive)


def parts(data, item):
    return sorted(path.name for path in (data / "library" / item).glob("*.mp4"))


def test_what_is_finished_moves_and_plays_and_proves_as_before(lesson, archive, tmp_path):
    data, item, key = lesson
    before = Library(data).item(item)
    playing = b"".join(Library(data).media.open_range(item, "t0.0.mp4", 100, 50_000))
    mover = mover_of(data, archive)
    assert mover.step()
    assert parts(data, item) == []
    assert mover.counters["moved"] == 2 and mover.waiting_bytes == 0
    library = Library(data, archive)
    assert library.item(item) == before
    assert b"".join(library.media.open_range(item, "t0.0.mp4", 100, 50_000)) == playing
    assert library.media.local_path(item, "t0.0.mp4") is None
    assert library.media.exists(item, "t0.0.mp4") and not library.media.exists(item, "t9.0.mp4")
    assert library.media.read_range(item, "t0.0.mp4", library.media.size(item, "t0.0.mp4"), 10) == b""
    assert verify(library.media, item, [key]).state == "complete"
    assert mover.step() and mover.counters["copied"] == 2


def test_a_lost_index_is_rebuilt_from_the_archive(lesson, archive):
    data, item, key = lesson
    mover_of(data, archive).step()
    library = Library(data, archive)
    library.path(item, "t0.jsonl").unlink()
    assert rebuild(library.storage, library.media, item) == ["t0.jsonl"]
    assert verify(library.media, item, [key]).state == "complete"


def test_a_disk_that_is_lost_is_read_from_the_archive(lesson, archive):
    data, item, key = lesson
    mover_of(data, archive).step()
    shutil.rmtree(data / "library" / item)
    assert verify(MediaFiles(Storage(data / "library"), archive), item, [key]).state == "complete"


def test_a_copy_that_differs_is_never_taken_for_the_file(lesson, archive):
    data, item, _ = lesson
    size = (data / "library" / item / "t0.0.mp4").stat().st_size
    archive.put_bytes(f"{item}/t0.0.mp4", bytes(size))
    mover = mover_of(data, archive)
    assert mover.step()
    assert mover.counters["copied"] == 2, "it was written anew"


def test_a_write_that_goes_wrong_deletes_nothing(lesson, archive, monkeypatch):
    data, item, _ = lesson
    before = parts(data, item)
    monkeypatch.setattr(Archive, "put", lambda self, path, source: self.put_bytes(path, b"something else"))
    mover = mover_of(data, archive)
    assert not mover.step()
    assert parts(data, item) == before
    assert mover.counters["differed"] == 1 and "not what was written" in mover.away


def test_while_the_archive_is_away_nothing_is_lost_and_then_all_moves(lesson, tmp_path, s3):
    data, item, _ = lesson
    before = parts(data, item)
    away = Mover(Storage(data / "library"), bucket("http://127.0.0.1:9", "x"))
    assert not away.step()
    assert parts(data, item) == before and away.away and away.waiting_bytes > 100_000
    back = mover_of(data, bucket(s3, tmp_path.name))
    assert back.step()
    assert parts(data, item) == [] and back.away == ""


def test_a_reader_is_told_that_the_archive_is_away(lesson, tmp_path):
    data, item, _ = lesson
    library = Library(data, bucket("http://127.0.0.1:9", "x"))
    library.path(item, "t0.0.mp4").unlink()
    with pytest.raises(ArchiveAwayError):
        library.media.read_range(item, "t0.0.mp4", 0, 10)


MOVING = """
import os, signal, sys
from pathlib import Path
from recorder import mover, storage

def move(at, data, url, endpoint):
    steps = 0
    def step():
        nonlocal steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
    for owner, name in ((storage.Archive, "put"), (storage.Archive, "size"), (storage.Storage, "remove"),
                        (storage.Archive, "put_bytes"), (storage.Archive, "open_range")):
        def wrapped(self, *args, inner=getattr(owner, name)):
            step()
            result = inner(self, *args)
            step()
            return result
        setattr(owner, name, wrapped)
    settings = storage.ArchiveSettings(url=url, endpoint=endpoint, key_id="a", secret="b")
    mover.Mover(storage.Storage(Path(data) / "library"), storage.Archive(settings)).step()
    return steps

for line in sys.stdin:
    at, *place = line.rstrip("\\n").split("\\t")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"%d" % move(int(at), *place))
        os._exit(0)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(reading) as told:
        print(status, told.read() or 0, flush=True)
"""
"""Reads `at`, data, archive and endpoint; a fork of its own moves, and is killed at that step, or at none."""


@pytest.mark.parametrize("kind", ["directory", "s3"])
async def test_whenever_it_is_killed_the_next_one_goes_on(ended, tmp_path, s3, kind):
    """A process killed before or after each of its steps; nothing is ever only half somewhere."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", MOVING, **pipes)
    endpoint = s3 if kind == "s3" else ""

    async def move(at):
        data = tmp_path / str(at)
        shutil.copytree(ended.root, data)
        url = str(data / "archive") if kind == "directory" else f"s3://{BUCKET}/{tmp_path.name}-{at}"
        process.stdin.write("\t".join((str(at), str(data), url, endpoint)).encode() + b"\n")
        status, steps = map(int, (await process.stdout.readline()).split())
        archive = Archive(ArchiveSettings(url=url, endpoint=endpoint, key_id="a", secret="b"))
        keys = [ended.signer.public]
        assert status == (-signal.SIGKILL if at else 0)
        assert verify(MediaFiles(Storage(data / "library"), archive), ended.item, keys).state == "complete"
        assert mover_of(data, archive).step()
        assert parts(data, ended.item) == []
        assert verify(MediaFiles(Storage(data / "library"), archive), ended.item, keys).state == "complete"
        shutil.rmtree(data)
        return steps

    try:
        steps = await move(0)
        assert steps > 10
        for at in range(1, steps + 1, max(1, steps // 12)):
            await move(at)
    finally:
        process.stdin.close()
        await process.wait()


def test_a_live_lesson_gives_up_finished_parts_only(studio, sender, h264, opus, monkeypatch, tmp_path):
    monkeypatch.setattr("recorder.item.PART_US", 3 * SECOND)
    lesson = studio()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(12 * SECOND)
    archive = Archive(ArchiveSettings(url=str(tmp_path / "archive")))
    assert mover_of(lesson.root, archive).step()
    left = parts(lesson.root, lesson.item)
    assert len(left) == 2, "the part of each track that still grows"
    lesson.run(20 * SECOND)
    lesson.close()
    library = Library(lesson.root, archive)
    assert verify(library.media, lesson.item, [lesson.signer.public]).state == "complete"
    assert mover_of(lesson.root, archive).step()
    assert parts(lesson.root, lesson.item) == []
    assert verify(library.media, lesson.item, [lesson.signer.public]).state == "complete"


def test_a_recorder_that_comes_back_begins_no_part_that_has_moved(
    studio_type, sender, opus, tmp_path, monkeypatch
):
    monkeypatch.setattr("recorder.item.PART_US", 2 * SECOND)
    lesson = studio_type(tmp_path)
    lesson.open()
    lesson.add(sender(opus, 2, source="microphone"))
    lesson.run(9 * SECOND)
    archive = Archive(ArchiveSettings(url=str(tmp_path / "archive")))
    mover_of(tmp_path, archive).step()
    lesson.library.path(lesson.item, "t0.jsonl").unlink()  # the worst: lost with its parts gone
    lesson.spool.work()
    again = studio_type(tmp_path, now_us=lesson.now_us + SECOND)
    again.open()
    again.add(sender(opus, 3, source="microphone", begins_us=10 * SECOND))
    again.run(13 * SECOND)
    again.close()
    moved = {path.name for path in (tmp_path / "archive" / lesson.item).iterdir()}
    assert moved and not moved & set(parts(tmp_path, lesson.item))


def test_a_deletion_is_on_record_and_is_no_manipulation(lesson, archive, tmp_path):
    data, item, key = lesson
    mover_of(data, archive).step()
    library = Library(data, archive)
    stone = Tombstone(item=item, lesson="demo", at_ms=1, by="retention", reason="一年", seal="", key="")
    bury(library.storage, library.media, stone, LedgerKey.open(data))
    assert library.storage.names(item) == ["tombstone.json"] and archive.names(item) == []
    verdict = verify(library.media, item, [key])
    assert (verdict.state, [f.kind for f in verdict.findings]) == ("deleted", ["deleted"])
    path = library.path(item, "tombstone.json")
    path.write_bytes(path.read_bytes().replace("一年".encode(), "二年".encode()))
    assert verify(library.media, item, [key]).state == "changed"


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="bucket"):
        Archive(ArchiveSettings(url="s3:///prefix"))
