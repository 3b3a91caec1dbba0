"""The power goes: what was not on the disk is gone, some of it, page by page, and names of files too.

The recorder's own file accesses go to a real directory; beside it is kept what a disk would have by now. A
file has what was synced; what was not may be there or not, each page by itself. A name is there when its
directory was synced after it was made.
"""

import os
import random
from pathlib import Path

import pytest

from recorder import storage as storage_module
from recorder.library import Library
from recorder.media_lines import has_lost_page
from recorder.storage import Storage
from recorder.unfinished import Unfinished
from recorder.verify import verify

SECOND = 1_000_000
PAGE = 4096


class Disk:
    """`os`, as `recorder.storage` uses it, and what of it would outlast a power cut."""

    def __init__(self, root):
        self.root = root
        self.paths = {}
        self.synced = {}
        """File -> its bytes at its last sync."""
        self.named = {root}
        """Files and directories whose names are on the disk."""

    def __getattr__(self, name):
        return getattr(os, name)

    def open(self, path, *arguments):
        handle = os.open(path, *arguments)
        self.paths[handle] = Path(path)
        return handle

    def close(self, handle):
        self.paths.pop(handle, None)
        os.close(handle)

    def fdatasync(self, handle):
        path = self.paths[handle]
        self.synced[path] = path.read_bytes()

    def fsync(self, handle):
        path = self.paths.get(handle) or Path(f"/proc/self/fd/{handle}").readlink()
        if path.is_dir():
            self.named |= {path / name for name in os.listdir(path)}  # noqa: PTH208
            # What was renamed here has the bytes it was synced with under its old name.
            for entry in path.iterdir():
                if entry.is_file() and entry not in self.synced:
                    self.synced[entry] = self.synced.get(entry.with_name(f".{entry.name}.new"), b"")
        else:
            self.synced[path] = path.read_bytes()

    def survivors(self, chance):
        """(path relative to the root, bytes) of what is there when the power is back."""
        for path in sorted(self.root.rglob("*")):
            whole = all(
                parent in self.named for parent in (path, *path.parents) if self.root in parent.parents
            )
            if not path.is_file() or not whole or path.name.startswith("."):
                continue
            yield path.relative_to(self.root), self._after(path, chance)

    def _after(self, path, chance):
        synced, now = self.synced.get(path, b""), path.read_bytes()
        if len(now) <= len(synced):
            return synced
        # The length may have reached the disk before the pages did: those read as zeros then.
        least = len(now) if chance.random() < 0.6 else len(synced)
        data = bytearray(now[: chance.randint(least, len(now))])
        for start in range(len(synced) - len(synced) % PAGE, len(data), PAGE):
            if chance.random() < 0.5:
                first = max(start, len(synced))
                data[first : start + PAGE] = bytes(len(data[first : start + PAGE]))
        return bytes(data)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    (tmp_path / "before" / "library").mkdir(parents=True)
    made = Disk(tmp_path / "before" / "library")
    monkeypatch.setattr(storage_module, "os", made)
    return made


def ends_us(library, item):
    return [track.index.span_us[1] for track in library.files(item).tracks]


@pytest.mark.parametrize("seed", range(25))
def test_after_a_power_cut_the_item_goes_on_and_proves_itself(
    disk, studio_type, sender, h264, opus, tmp_path, seed
):
    chance = random.Random(seed)
    lesson = studio_type(tmp_path / "before", loss=0.02, seed=seed)
    lesson.open()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    cut_us = chance.randint(3 * SECOND, 9 * SECOND)
    lesson.run(cut_us)
    half_way(lesson, chance)
    for path, data in disk.survivors(chance):
        target = tmp_path / "after" / "library" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (tmp_path / "after" / "ledger.key").write_bytes((tmp_path / "before" / "ledger.key").read_bytes())

    after = studio_type(tmp_path / "after", now_us=lesson.now_us + SECOND)
    found = Unfinished(Storage(tmp_path / "after" / "library"), after.signer)
    found.find()
    library = Library(tmp_path / "after")
    assert min(ends_us(library, lesson.item)) >= cut_us - SECOND
    after.open()
    begins_us = cut_us + 1_500_000
    after.add(sender(h264, 3, begins_us=begins_us), sender(opus, 4, source="microphone", begins_us=begins_us))
    after.run(cut_us + 5 * SECOND)
    after.close()
    verdict = verify(library.media, lesson.item, [after.signer.public])
    assert {finding.kind for finding in verdict.findings} <= {"gap"}
    assert verdict.sealed
    assert len(library.files(lesson.item).tracks) == 2
    for part in library.path(lesson.item).glob("*.mp4"):
        assert not has_lost_page(part.read_bytes(), 0), "media that the power cut took was taken for media"


def half_way(lesson, chance):
    """Some of what is queued is written, and not synced: the power goes in the middle of a batch."""
    lesson.now_us += 400_000
    lesson.feed.tick(lesson.now_us)
    for recording in lesson.feed._recordings.values():
        recording.write(recording.stream.finish())
    for item in lesson.feed._items.values():
        item.checkpoint(lesson.now_us - item.started_us)
    disk = lesson.spool._disk
    for task in list(lesson.spool._queues.get(lesson.item, ()))[: chance.randint(0, 9)]:
        if not hasattr(task, "offset"):
            break
        disk.write(task.path, task.offset, task.data)
