"""`python -m recorder`: started by `RecorderSupervisor`, never by hand."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from pathlib import Path

from recorder.process import RecorderProcess
from recorder.signing import LedgerKey


def wait_for_media(control: socket.socket) -> socket.socket | None:
    """The SEQPACKET socket with RTP and RTCP, which comes over the control socket when there is something to
    record: a process may be started long before, so that it is there when the one at work dies. None: the
    server has gone."""
    try:
        _, handles, _, _ = socket.recv_fds(control, 1, 1)
    except ConnectionError:
        return None
    return socket.socket(fileno=handles[0]) if handles else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m recorder", description=__doc__)
    parser.add_argument("--library", type=Path, required=True, help="directory of the items")
    parser.add_argument("--control-fd", type=int, required=True, help="stream socket with control messages")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="recorder %(levelname).1s %(message)s", stream=sys.stderr)
    # A terminal's Ctrl-C and a service manager's SIGTERM reach the whole group; we end when the server has,
    # and finish our files first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=options.control_fd)
    media = wait_for_media(control)
    if media is None:
        return 0
    signer = LedgerKey.open(options.library.parent)
    return RecorderProcess(options.library, media, control, signer).run()


if __name__ == "__main__":
    sys.exit(main())
