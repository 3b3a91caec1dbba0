"""The real process under its supervisor; the media plane is a socketpair."""

import asyncio
import os
import signal
import socket
import time

import av
import pytest

from recorder.library import Library
from recorder.signing import trusted_keys
from recorder.storage import Storage
from recorder.supervisor import LibraryInUseError, RecorderSupervisor
from recorder.verify import verify
from sfu.params import Codec, Encoding, Kind, MediaParameters, PayloadFormat

PATIENCE_S = 30
"""A safety net: a test that works does not wait so long."""


class Subscription:
    def __init__(self, plane, ssrc, publication):
        self.plane, self.ssrc, self.publication = plane, ssrc, publication

    def close(self):
        if self in self.plane.subscriptions:
            self.plane.subscriptions.remove(self)


class LocalTransport:
    def __init__(self, plane):
        self.plane = plane
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.setblocking(False)
        self.peer_fd = theirs.detach()

    def subscribe(self, publication, parameters):
        subscription = Subscription(self.plane, parameters.encodings[0].ssrc, publication)
        self.plane.subscriptions.append(subscription)
        return subscription

    def close(self):
        self.ours.close()
        self.plane.transport = None


class Plane:
    """As much of the media plane as the recorder sees."""

    def __init__(self):
        self.subscriptions = []
        self.transport = None
        self.ssrcs = iter(range(1000, 2000))

    def create_local_transport(self):
        self.transport = LocalTransport(self)
        return self.transport

    def allocate_ssrc(self):
        return next(self.ssrcs)


class Publication:
    def __init__(self, format, sender):
        codec = Codec(format.codec, format.clock_rate, format.channels)
        kind = Kind.AUDIO if format.codec == "opus" else Kind.VIDEO
        self.parameters = MediaParameters(
            kind, "0", (PayloadFormat(codec, format.payload_type),), (), (Encoding(ssrc=1),)
        )
        self.transport = type("Transport", (), {"id": 1})()
        self.sender = sender


class Classroom:
    """A supervisor with one lesson whose publications are sent in real time."""

    def __init__(self, data_dir, plane):
        self.plane = plane
        self.states = asyncio.Queue()
        self.supervisor = RecorderSupervisor(plane, data_dir, lambda *state: self.states.put_nowait(state))
        self.library = Library(data_dir)
        self.sending = None
        self.takes = True

    async def state(self):
        async with asyncio.timeout(PATIENCE_S):
            return await self.states.get()

    async def begin(self, *publications):
        await self.supervisor.start()
        item = self.supervisor.lesson_started("demo", "光合作用", time.time_ns() // 1_000_000)
        self.publications, self.expected = publications, len(publications)
        for publication in publications:
            sender = publication.sender
            self.supervisor.publication_added("demo", publication, sender.person, sender.source)
        self.sending = asyncio.create_task(self._send())
        return item

    async def end(self):
        self.sending.cancel()
        await asyncio.wait([self.sending])
        await self.supervisor.close()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - files of another process
                await asyncio.sleep(0.02)

    def recorded_s(self, item):
        """Media of the track that has least of it."""
        tracks = self.library.item(item).tracks if self.library.path(item, "item.json").exists() else []
        return (
            min((track.duration_s for track in tracks), default=0.0) if len(tracks) == self.expected else 0.0
        )

    async def _send(self):
        began = time.monotonic()
        while True:
            now_us = (time.monotonic() - began) * 1e6
            subscribed = {s.publication: s.ssrc for s in self.plane.subscriptions}
            for publication in self.publications:
                sender = publication.sender
                sender.ssrc = subscribed.get(publication, 0)
                while sender.next_us() <= now_us:
                    for datagram in sender.frame():
                        if sender.ssrc:
                            await self._give(datagram)
            self._answer()
            await asyncio.sleep(0.01)

    async def _give(self, datagram):
        """What is due all at once after a pause of the machine the recorder is given time to take."""
        for _ in range(100 if self.takes else 1):
            if self.plane.transport is None:
                return
            try:
                self.plane.transport.ours.send(datagram)
            except BlockingIOError:
                await asyncio.sleep(0.005)
            except OSError:  # the process died; what it misses is a gap
                return
            else:
                self.takes = True
                return
        self.takes = False

    def _answer(self):
        while self.plane.transport is not None:
            try:
                request = self.plane.transport.ours.recv(2000)
            except OSError:
                return
            if len(request) < 12:
                return
            ssrc = int.from_bytes(request[8:12], "big")
            for subscription in self.plane.subscriptions:
                if subscription.ssrc == ssrc and request[1] == 206:
                    subscription.publication.sender.request_keyframe()


@pytest.fixture
def classroom(tmp_path):
    return Classroom(tmp_path, Plane())


@pytest.fixture
def camera(sender, h264):
    return Publication(h264.format, sender(h264, 0, begins_us=0))


@pytest.fixture
def microphone(sender, opus):
    return Publication(opus.format, sender(opus, 0, source="microphone", begins_us=0))


def process_of(supervisor):
    return supervisor._link._process.pid


async def test_a_lesson_is_recorded_from_its_start_to_its_end(classroom, camera, microphone):
    item = await classroom.begin(camera, microphone)
    assert await classroom.state() == ("demo", "on", "")
    await classroom.until(lambda: classroom.recorded_s(item) > 1.5)
    assert classroom.library.item(item).state == "live"
    classroom.supervisor.lesson_ended("demo")
    await classroom.until(lambda: classroom.library.item(item).state == "ready")
    await classroom.end()
    view = classroom.library.item(item)
    assert [track.kind for track in view.tracks] == ["video", "audio"]
    assert view.complete == 1.0
    assert classroom.supervisor.counters()["restarts"] == 0


async def test_a_killed_recorder_comes_back_and_goes_on_in_the_same_item(
    classroom, camera, microphone, monkeypatch
):
    monkeypatch.setattr("recorder.supervisor.SPARE_AFTER_S", 0.0)
    item = await classroom.begin(camera, microphone)
    await classroom.until(lambda: classroom.recorded_s(item) > 1 and classroom.supervisor._spare)
    assert await classroom.state() == ("demo", "on", "")
    spare = classroom.supervisor._spare._process.pid
    os.kill(process_of(classroom.supervisor), signal.SIGKILL)
    assert await classroom.state() == ("demo", "failing", "process")
    assert await classroom.state() == ("demo", "on", "")
    assert process_of(classroom.supervisor) == spare, "at once, by the one that was there"
    before = classroom.recorded_s(item)
    await classroom.until(lambda: classroom.recorded_s(item) > before + 3)
    await classroom.end()
    view = classroom.library.item(item)
    assert view.state == "ready"
    for track in view.tracks:
        # A machine too busy to send in time makes others beside it.
        (gap,) = (gap for gap in track.gaps if gap.cause == "server")
        assert 0 < gap.duration_s < 3.5
    parts = sorted(path.name for path in (classroom.library.path(item)).glob("t0.*.mp4"))
    assert parts == ["t0.0.mp4", "t0.1.mp4"]
    for name in parts:
        with av.open(str(classroom.library.path(item, name))) as container:
            assert len(list(container.decode(container.streams[0]))) > 5


async def test_a_dead_server_leaves_an_item_that_the_next_one_closes(tmp_path, classroom, camera, microphone):
    item = await classroom.begin(camera, microphone)
    await classroom.until(lambda: classroom.recorded_s(item) > 1)
    link = classroom.supervisor._link
    process = link._process
    classroom.sending.cancel()
    os.kill(process.pid, signal.SIGKILL)
    classroom.supervisor._stopping.set()
    await classroom.supervisor._task
    classroom.supervisor._lock.close()
    part = classroom.library.path(item, "t0.0.mp4")
    with part.open("ab") as file:
        file.write(b"\0\0\x40\0moofhalf a fragment")
    assert classroom.library.item(item).state == "live"
    recorded_s = classroom.library.item(item).duration_s
    following = RecorderSupervisor(Plane(), tmp_path, lambda *_: None)
    await following.start()
    await following.close()
    view = Library(tmp_path).item(item)
    assert view.state == "ready"
    assert view.duration_s >= recorded_s
    with av.open(str(part)) as container:
        assert len(list(container.decode(container.streams[0]))) > 10


async def test_the_lesson_of_a_dead_server_goes_on_in_the_same_item(tmp_path, classroom, camera, microphone):
    item = await classroom.begin(camera, microphone)
    await classroom.until(lambda: classroom.recorded_s(item) > 1)
    classroom.sending.cancel()
    os.kill(process_of(classroom.supervisor), signal.SIGKILL)
    classroom.supervisor._stopping.set()
    await classroom.supervisor._task
    classroom.supervisor._lock.close()
    before = classroom.library.item(item)
    following = Classroom(tmp_path, Plane())
    again = await following.begin(camera, microphone)
    assert again == item
    await following.until(lambda: following.recorded_s(item) > before.tracks[0].duration_s + 1)
    await following.end()
    view = Library(tmp_path).item(item)
    assert (view.state, view.started_at) == ("ready", before.started_at)
    for track in view.tracks:
        assert "server" in [gap.cause for gap in track.gaps]
    keys = trusted_keys(tmp_path)
    assert {f.kind for f in verify(following.library.media, item, keys).findings} == {"gap"}


async def test_a_spare_process_is_there_before_it_is_needed(classroom, camera, monkeypatch):
    monkeypatch.setattr("recorder.supervisor.SPARE_AFTER_S", 0.0)
    monkeypatch.setattr("recorder.supervisor.SILENT_S", 0.0)
    item = await classroom.begin(camera)
    assert await classroom.state() == ("demo", "on", "")
    await classroom.until(lambda: classroom.recorded_s(item) > 0.4 and classroom.supervisor._spare)
    spare = classroom.supervisor._spare._process.pid
    spare = classroom.supervisor._spare._process.pid
    os.kill(process_of(classroom.supervisor), signal.SIGKILL)
    assert await classroom.state() == ("demo", "failing", "process")
    assert await classroom.state() == ("demo", "on", "")
    assert process_of(classroom.supervisor) == spare
    await classroom.end()
    assert classroom.library.item(item).state == "ready"


async def test_the_process_ends_by_itself_when_the_server_is_gone(classroom, camera, monkeypatch):
    monkeypatch.setattr("recorder.supervisor.CLOSE_S", 0.2)
    item = await classroom.begin(camera)
    await classroom.until(lambda: classroom.recorded_s(item) > 0.4)
    link = classroom.supervisor._link
    classroom.supervisor._stopping.set()
    link._writer.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        assert await link._process.wait() == 0
    await classroom.end()
    files = classroom.library.files(item)
    assert files.ended is None


async def test_a_recorder_that_hangs_is_replaced(classroom, camera, monkeypatch):
    monkeypatch.setattr("recorder.link.SILENT_S", 3.0)
    item = await classroom.begin(camera)
    assert await classroom.state() == ("demo", "on", "")
    await classroom.until(lambda: classroom.recorded_s(item) > 0.4)
    os.kill(process_of(classroom.supervisor), signal.SIGSTOP)
    assert await classroom.state() == ("demo", "failing", "process")
    assert await classroom.state() == ("demo", "on", "")
    await classroom.end()
    assert classroom.library.item(item).state == "ready"


async def test_two_servers_cannot_record_into_one_library(tmp_path, classroom, monkeypatch):
    monkeypatch.setattr("recorder.supervisor.LOCK_S", 0.0)
    await classroom.begin()
    with pytest.raises(LibraryInUseError):
        await RecorderSupervisor(Plane(), tmp_path, lambda *_: None).start()
    await classroom.end()


async def test_a_publication_that_cannot_be_subscribed_disturbs_nothing(classroom, camera, sender, opus):
    broken = Publication(opus.format, sender(opus, 0, source="microphone"))
    item = await classroom.begin(camera)
    await classroom.until(lambda: classroom.plane.subscriptions)

    def refuse(publication, parameters):
        raise ValueError("no format in common")

    classroom.plane.transport.subscribe = refuse
    classroom.supervisor.publication_added("demo", broken, "p1", "microphone")
    classroom.supervisor.publication_removed("demo", broken)
    await classroom.until(lambda: classroom.recorded_s(item) > 0.4)
    await classroom.end()


def test_storage_survives_names_that_are_no_items(tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "notes.txt").write_text("hello")
    assert Library(tmp_path).items() == []
    assert Storage(tmp_path / "library").names() == ["notes.txt"]
