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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m recorder", description=__doc__)
    parser.add_argument("--library", type=Path, required=True, help="directory of the items")
    parser.add_argument("--media-fd", type=int, required=True, help="SEQPACKET socket with RTP and RTCP")
    parser.add_argument("--control-fd", type=int, required=True, help="stream socket with control messages")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="recorder %(levelname).1s %(message)s", stream=sys.stderr)
    # A terminal's Ctrl-C and a service manager's SIGTERM reach the whole group; we end when the server has,
    # and finish our files first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    media = socket.socket(fileno=options.media_fd)
    control = socket.socket(fileno=options.control_fd)
    signer = LedgerKey.open(options.library.parent)
    return RecorderProcess(options.library, media, control, signer).run()


if __name__ == "__main__":
    sys.exit(main())
