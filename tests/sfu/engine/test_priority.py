"""The packet thread and Python: who goes first, and that everybody gets a turn."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from sfu.engine.engine import Engine
from sfu.engine.loop import Loop
from sfu.params import PacketPriority

SAFETY_S = 30.0
"""Nothing here takes so long; a test that waits for it has failed."""
VIDEO_SSRC = 0x1234


def policy_of(name: str) -> int:
    """Scheduling policy of this process's thread of that name (proc(5): stat, field 41)."""
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int((task / "stat").read_text().rpartition(")")[2].split()[38])
    raise AssertionError(f"no thread {name}")


@pytest.mark.parametrize("wanted", ["normal", "high", "realtime"])
def test_the_thread_takes_the_priority_that_the_system_permits(wanted: PacketPriority) -> None:
    loop = Loop(Engine(), ["127.0.0.1"], 0, priority=wanted)
    loop.start()
    has = loop.priority()
    assert policy_of("packets") == (os.SCHED_RR if has == "realtime" else os.SCHED_OTHER)
    order = ["normal", "high", "realtime"]
    assert order.index(has) <= order.index(wanted)
    loop.stop()


def test_a_priority_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="'urgent' is none of normal, high, realtime"):
        Loop(Engine(), ["127.0.0.1"], 0, priority="urgent")  # type: ignore[arg-type]


def test_control_calls_get_their_turn_between_the_pieces_of_pictures() -> None:
    """Several threads of Python and the packet thread at one lock: each gets done, no packet is missing."""
    pictures, packets, viewers, calls = 20, 20, 100, 100
    engine = Engine()
    loop = Loop(engine, ["127.0.0.1"], 0)
    loop.start()
    teacher_fd, teacher_address = loop.open_local()
    viewer_fd, viewer_address = loop.open_local()
    teacher, viewer = engine.add_transport(), engine.add_transport()
    for transport, address in ((teacher, teacher_address), (viewer, viewer_address)):
        engine.set_plain(transport)
        engine.set_address(transport, address)
    publication = engine.add_publication(
        teacher,
        kind="video",
        mid="v",
        clock_rate=90_000,
        formats=[("VP8", 96, -1, False)],
        encodings=[("", VIDEO_SSRC, 0)],
    )
    for number in range(viewers):
        engine.add_subscription(
            viewer, publication, mid="", ssrc=1 + number, rtx_ssrc=0, formats=[(96, -1, False)]
        )
    done = []

    def control() -> None:
        for _ in range(calls):
            engine.set_bandwidth_goal(viewer, 1e6)
            engine.census()
        done.append(threading.get_ident())

    threads = [threading.Thread(target=control) for _ in range(3)]
    with socket.socket(fileno=teacher_fd) as sender, socket.socket(fileno=viewer_fd):
        for thread in threads:
            thread.start()
        for number in range(pictures * packets):
            picture, index = divmod(number, packets)
            head = struct.pack(
                "!BBHII", 0x80, (index == packets - 1) << 7 | 96, number, 3000 * picture, VIDEO_SSRC
            )
            sender.send(head + bytes([0x10 if index == 0 else 0, picture > 0]) + bytes(100))
        for thread in threads:
            thread.join(SAFETY_S)
        deadline = time.monotonic() + SAFETY_S
        while engine.counters()["rtp_out"] < pictures * packets * viewers:
            assert time.monotonic() < deadline, "packets are missing"
            os.sched_yield()
    loop.stop()
    assert len(done) == len(threads)
