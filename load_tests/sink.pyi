"""The compiled packet sink as Python sees it (theory of operation in sink.pyx)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

class StreamFigures(NamedTuple):
    """One SSRC on one socket, since the socket was added. Times are CLOCK_MONOTONIC microseconds."""

    socket: int
    ssrc: int
    payload_type: int
    packets: int
    octets: int
    lowest_seq: int
    highest_seq: int
    first_us: int
    last_us: int

class SocketFigures(NamedTuple):
    """What is not RTP, per socket: SRTCP packets, STUN messages, the rest, and RTP of more SSRCs than
    there is room for."""

    socket: int
    rtcp: int
    stun: int
    other: int
    unplaced: int

class Sink:
    """`capacity` sockets at most, each with `streams` SSRCs; `history`: how many RTP timestamps are kept per
    stream, the latest ones. `every_packet`: one arrival for each packet, not for each timestamp;
    `kernel_times`: when the kernel got it, not when the sink looked."""

    def __init__(
        self,
        capacity: int,
        history: int = 0,
        streams: int = 8,
        every_packet: bool = False,
        kernel_times: bool = False,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def add(self, fd: int) -> int: ...
    def remove(self, index: int) -> None: ...
    def streams(self) -> list[StreamFigures]: ...
    def sockets(self) -> list[SocketFigures]: ...
    def receive_calls(self) -> int: ...
    def sample(self, index: int, ssrc: int) -> bytes: ...
    def arrivals(self, index: int, ssrc: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
