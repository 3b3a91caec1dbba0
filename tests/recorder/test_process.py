"""The process's main loop between its two sockets, in a thread."""

import errno
import socket
import threading
import time

import pytest

from recorder.control import (
    ItemClose,
    ItemClosed,
    ItemOpen,
    ItemState,
    Ready,
    Shutdown,
    Status,
    decode_from_recorder,
    encode,
)
from recorder.library import Library
from recorder.process import RecorderProcess, monotonic_us
from recorder.signing import LedgerKey
from recorder.storage import Storage

PATIENCE_S = 30


class Server:
    """The other end of both sockets."""

    def __init__(self, root):
        self.media, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, their_control = socket.socketpair()
        self.control.settimeout(PATIENCE_S)
        self.lines = self.control.makefile("rb")
        self.process = RecorderProcess(root / "library", theirs, their_control, LedgerKey.open(root))
        self.ends = [theirs, their_control]
        self.code = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        self.code = self.process.run()
        for end in self.ends:
            end.close()

    def tell(self, message):
        self.control.sendall(encode(message))

    def hear(self, kind):
        """The next message of that kind."""
        while True:
            message = decode_from_recorder(self.lines.readline())
            if isinstance(message, kind):
                return message

    def open(self, sender):
        opened = ItemOpen(
            item="demo-1",
            lesson="demo",
            title="光合作用",
            started_ms=time.time_ns() // 1_000_000,
            started_us=monotonic_us(),
        )
        self.tell(opened)
        self.tell(sender.opened("demo-1"))

    def send(self, sender, frames):
        for _ in range(frames):
            for datagram in sender.frame():
                self.media.send(datagram)

    def end(self):
        self.thread.join(PATIENCE_S)
        for end in (self.lines, self.control, self.media):
            end.close()
        return self.code


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path)
    yield made
    if made.thread.is_alive():
        made.control.shutdown(socket.SHUT_RDWR)
    made.end()


def test_it_says_that_it_lives_and_what_it_counts(server, sender, opus):
    assert server.hear(Ready).pid > 0
    microphone = sender(opus, 7, source="microphone")
    server.open(microphone)
    server.send(microphone, 10)
    server.media.send(b"garbage")
    while (status := server.hear(Status)).counters["packets"] < 10:
        continue
    assert {"bad_packet", "gap_server", "spool_writes", "nacked"} <= status.counters.keys()
    server.tell(Shutdown())
    assert server.end() == 0


def test_a_full_disk_is_told_and_so_is_room(server, sender, opus, monkeypatch, tmp_path):
    full = threading.Event()
    write = Storage.write

    def limited(self, path, offset, data):
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, path, offset, data)

    monkeypatch.setattr(Storage, "write", limited)
    monkeypatch.setattr("recorder.spool.RETRY_S", 0.02)
    microphone = sender(opus, 7, source="microphone")
    server.open(microphone)
    full.set()
    server.tell(sender(opus, 8, person="p2").opened("demo-1"))
    assert server.hear(ItemState) == ItemState(item="demo-1", state="failing", reason="disk_full")
    full.clear()
    assert server.hear(ItemState) == ItemState(item="demo-1", state="on")
    server.tell(ItemClose(item="demo-1", ended_us=monotonic_us()))
    server.hear(ItemClosed)
    assert Library(tmp_path).item("demo-1").state == "ready"


def test_it_ends_when_the_server_is_gone_and_what_came_is_on_the_disk(server, sender, opus, tmp_path):
    microphone = sender(opus, 7, source="microphone", reports=False)
    server.open(microphone)
    server.hear(Status)
    server.send(microphone, 40)
    while server.hear(Status).counters["packets"] < 40:
        continue
    server.control.shutdown(socket.SHUT_RDWR)
    assert server.end() == 0
    item = Library(tmp_path).item("demo-1")
    assert item.state == "live"
    assert item.tracks[0].duration_s == pytest.approx(0.8, abs=0.05)
