"""The spool over a disk that fills up."""

import errno
import threading

import pytest

from recorder.spool import Close, Replace, Spool, Write


class Disk:
    """In memory, with so much room."""

    def __init__(self, room=1_000_000):
        self.room = room
        self.files = {}
        self.synced = set()
        self.error = errno.ENOSPC

    def write(self, path, offset, data):
        fits = data[: max(0, self.room)]
        file = self.files.setdefault(path, bytearray())
        file[offset : offset + len(fits)] = fits
        if len(fits) < len(data):
            raise OSError(self.error, "No space left on device")
        self.room -= len(data)
        self.synced.discard(path)

    def sync(self, path):
        self.synced.add(path)

    def replace(self, path, data):
        self.files[path] = bytearray(data)

    def close(self, path):
        assert path in self.synced or path not in self.files


def test_what_is_accepted_is_written_in_order_and_synced():
    disk, done = Disk(), []
    spool = Spool(disk)
    spool.put(Write("a", 0, b"one"), Write("a", 3, b"two"), Write("b", 0, b"x"))
    spool.put(Close("a", lambda: done.append("a")), Replace("c", b"whole"))
    assert spool.work()
    assert disk.files == {"a": b"onetwo", "b": b"x", "c": b"whole"}
    assert disk.synced == {"a", "b"} and done == ["a"]
    assert spool.waiting_bytes == 0


@pytest.mark.parametrize(("error", "failure"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "disk_error")])
def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(error, failure):
    disk = Disk(room=5)
    disk.error = error
    spool = Spool(disk)
    spool.put(Write("a", 0, b"12345"), Write("a", 5, b"67890"), Write("a", 10, b"end"))
    assert not spool.work()
    assert spool.failure == failure
    assert not spool.work()
    disk.room = 100
    assert spool.work()
    assert spool.failure == ""
    assert disk.files == {"a": b"1234567890end"}


def test_the_spool_is_bounded():
    spool = Spool(Disk(room=0), limit_bytes=100)
    assert spool.has_room(60)
    spool.put(Write("a", 0, bytes(60)))
    assert not spool.has_room(60)
    assert spool.counters["refused"] == 1


def test_a_full_disk_costs_a_gap_and_the_lesson_goes_on(studio, sender, h264, opus):
    """The spool refuses what it cannot hold; when there is room the item goes on, and decodes."""
    lesson = studio()
    disk = lesson.spool._disk
    lesson.spool._limit_bytes = 20_000
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(4_000_000)

    def full(path, offset, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    write, disk.write = disk.write, full
    lesson.run(12_000_000)
    assert lesson.spool.failure == "disk_full"
    assert lesson.spool.waiting_bytes <= 25_000
    disk.write = write
    lesson.run(18_000_000)
    lesson.close()
    item = lesson.library.item(lesson.item)
    for track in item.tracks:
        assert [gap.cause for gap in track.gaps] == ["server"]
        assert 3 < track.gaps[0].duration_s < 9
    assert item.complete < 0.8


def test_the_thread_stops_when_all_is_written_and_gives_up_on_a_dead_disk():
    disk = Disk()
    spool = Spool(disk)
    written = threading.Event()
    spool.start()
    spool.put(Write("a", 0, b"one"), Close("a", written.set))
    assert written.wait(30)
    assert spool.stop(10)
    dead = Spool(Disk(room=0))
    dead.start()
    dead.put(Write("a", 0, b"one"))
    assert not dead.stop(10)
