"""The recorder on the real packet engine: a publisher on one local transport, the recorder on another."""

import asyncio
import os
import signal
import socket
import time

import pytest

from recorder.library import Library
from recorder.supervisor import RecorderSupervisor
from sfu.params import Codec, Encoding, Kind, MediaParameters, PayloadFormat, SfuConfig
from sfu.sfu import Sfu

PATIENCE_S = 30


def parameters(encoded, ssrc):
    codec = Codec(encoded.format.codec, encoded.format.clock_rate, encoded.format.channels)
    offered = PayloadFormat(codec, encoded.format.payload_type, None, frozenset({"nack", "nack pli"}))
    return MediaParameters(Kind(encoded.kind), "", (offered,), (), (Encoding(ssrc=ssrc),))


@pytest.fixture
async def sfu():
    started = await Sfu.start(SfuConfig(media_port=0))
    yield started
    await started.close()


async def give(media, datagram):
    """After a pause much is due at once, more than the socket takes; nothing of it is lost."""
    while True:
        try:
            media.send(datagram)
            return
        except BlockingIOError:
            await asyncio.sleep(0.005)


async def publish(sender, media):
    """Sends in real time; answers keyframe requests."""
    began = time.monotonic()
    while True:
        while sender.next_us() <= (time.monotonic() - began) * 1e6:
            for datagram in sender.frame():
                await give(media, datagram)
        while True:
            try:
                request = media.recv(2000)
            except BlockingIOError:
                break
            if request[1] == 206:
                sender.request_keyframe()
        await asyncio.sleep(0.01)


async def test_a_lesson_goes_through_the_engine_into_the_library(sfu, tmp_path, sender, h264, opus):
    states = []
    recorder = RecorderSupervisor(sfu, tmp_path, lambda *state: states.append(state))
    await recorder.start()
    item = recorder.lesson_started("demo", "光合作用", time.time_ns() // 1_000_000)
    local = sfu.create_local_transport()
    media = socket.socket(fileno=local.peer_fd)
    media.setblocking(False)
    senders = [sender(h264, 11, begins_us=0), sender(opus, 12, source="microphone", begins_us=0)]
    for each in senders:
        publication = local.publish(parameters(each.encoded, each.ssrc))
        recorder.publication_added("demo", publication, each.person, each.source)
    tasks = [asyncio.create_task(publish(each, media)) for each in senders]
    library = Library(tmp_path)

    def recorded_s():
        tracks = library.item(item).tracks if library.path(item, "item.json").exists() else []
        return min((track.duration_s for track in tracks), default=0.0) if len(tracks) == 2 else 0.0

    async def until(seconds):
        async with asyncio.timeout(PATIENCE_S):
            while recorded_s() < seconds:  # noqa: ASYNC110 - files of another process
                await asyncio.sleep(0.05)

    await until(1.0)
    os.kill(recorder._link._process.pid, signal.SIGKILL)
    await until(3.0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    recorder.lesson_ended("demo")
    await recorder.close()
    local.close()
    media.close()
    view = library.item(item)
    assert view.state == "ready"
    assert {track.codec for track in view.tracks} == {"avc1.42c00c", "opus"}
    for track in view.tracks:
        assert [gap.cause for gap in track.gaps] == ["server"]
    assert [state for _, state, _ in states] == ["on", "failing", "on"]
