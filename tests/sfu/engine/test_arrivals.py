"""Transport-wide feedback as the estimator reads it, and what a lying peer can do with it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.arrivals import parse_feedback
from sfu.engine.bandwidth import BandwidthEstimator
from sfu.engine.twcc import TwccReceiver

REFERENCE_US = 64_000
SECOND = 1_000_000


def body(base: int, count: int, reference: int, *chunks: int, deltas: bytes = b"") -> bytes:
    fixed = struct.pack("!HHI", base, count, reference << 8)
    return fixed + b"".join(struct.pack("!H", chunk) for chunk in chunks) + deltas


def unpadded(report: bytes) -> bytes:
    return report[12 : len(report) - (report[-1] if report[0] & 0x20 else 0)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            body(10, 3, 1, 0x2003, deltas=bytes([4, 0, 8])), [(10, 1000), (11, 1000), (12, 3000)], id="run"
        ),
        pytest.param(body(7, 2, 1, 0x0002), [(7, None), (8, None)], id="run of missing"),
        pytest.param(
            body(65535, 3, 1, 0x8000 | 0b10100000000000, deltas=bytes([4, 4])),
            [(65535, 1000), (0, None), (1, 2000)],
            id="one bit, sequence wraps",
        ),
        pytest.param(
            body(1, 2, 1, 0xC000 | 0b01_10 << 10, deltas=bytes([4, 0xFF, 0xFF])),
            [(1, 1000), (2, 750)],
            id="two bits, negative delta",
        ),
        pytest.param(body(1, 1, 1, 0x4001, deltas=b"\x80\x00"), [(1, -8_192_000)], id="large negative"),
        pytest.param(b"", None, id="empty"),
        pytest.param(body(1, 0, 1), None, id="of no packet"),
        pytest.param(body(1, 1, 1), None, id="no chunk"),
        pytest.param(body(1, 1, 1, 0x0000), None, id="run of nothing"),
        pytest.param(body(1, 1, 1, 0x2001), None, id="delta missing"),
        pytest.param(body(1, 2, 1, 0x4002, deltas=bytes(3)), None, id="half a delta"),
        pytest.param(body(1, 1, 1, 0x6001, deltas=bytes(8)), None, id="reserved run"),
        pytest.param(body(1, 7, 1, 0xFFFF, deltas=bytes(8)), None, id="reserved symbol"),
        pytest.param(body(1, 65535, 1, *[0x1FFF] * 8), None, id="of too many packets"),
    ],
)
def test_reads(data: bytes, expected: list[tuple[int, int | None]] | None) -> None:
    assert parse_feedback(data) == expected


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 400_000)), min_size=1, max_size=300),
    st.integers(0, 0xFFFF),
)
def test_reads_what_our_writer_writes(gaps: list[int | None], first: int) -> None:
    receiver = TwccReceiver()
    sent: dict[int, int] = {}
    now_us = 5 * SECOND
    for step, gap in enumerate([0, *gaps]):
        if gap is not None:
            now_us += gap
            sent[(first + step) & 0xFFFF] = now_us
            receiver.received((first + step) & 0xFFFF, now_us)
    read: dict[int, int] = {}
    while report := receiver.report(now_us + SECOND, room=700):
        found = parse_feedback(unpadded(report))
        assert found is not None
        reference_us = int.from_bytes(report[16:19]) * REFERENCE_US
        read |= {sequence: reference_us + at for sequence, at in found if at is not None}
    assert read.keys() == sent.keys()
    assert all(0 <= sent[sequence] - read[sequence] < 250 for sequence in sent)


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    found = parse_feedback(data)
    assert found is None or 0 < len(found) <= 4096


# --- lies, as the estimator meets them -------------------------------------------------------------------


def sending(packets: int = 200) -> BandwidthEstimator:
    estimator = BandwidthEstimator(0)
    for sequence in range(packets):
        estimator.sent(sequence, 1200, sequence * 5000)
    return estimator


def test_packets_never_sent_change_nothing() -> None:
    estimator = sending()
    before = estimator.state
    assert estimator.feedback(body(20_000, 4000, 1, 0x2FA0, deltas=bytes([1]) * 4000), SECOND)
    assert {**estimator.state, "send_bps": 0} == {**before, "send_bps": 0}


def test_the_same_packets_reported_twice_count_once() -> None:
    estimator = sending()
    report = body(0, 200, 1, 0x20C8, deltas=bytes([20]) * 200)
    assert estimator.feedback(report, SECOND)
    acked = estimator.state["acked_bps"]
    for step in range(50):
        assert estimator.feedback(report, SECOND + step)
    assert estimator.state["acked_bps"] == acked


def test_everything_reported_lost_ends_at_the_floor() -> None:
    estimator = BandwidthEstimator(0)
    for second in range(60):
        for step in range(100):
            estimator.sent((second * 100 + step) & 0xFFFF, 1200, second * SECOND + step * 10_000)
        estimator.feedback(body(second * 100 & 0xFFFF, 100, second * 16, 100), (second + 1) * SECOND)
    assert estimator.bps == 50_000


@settings(derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFF),
            st.lists(st.integers(0, 0xFFFF), max_size=20),
            st.binary(max_size=60),
            st.integers(0, 20 * SECOND),
            st.integers(0, 60),
        ),
        max_size=40,
    )
)
def test_whatever_a_peer_reports_the_estimate_stays_sane(
    reports: list[tuple[int, int, list[int], bytes, int, int]],
) -> None:
    estimator = BandwidthEstimator(0)
    now_us, sequence = 0, 0
    for base, reference, chunks, deltas, passed_us, packets in reports:
        for _ in range(packets):
            estimator.sent(sequence & 0xFFFF, 1200, now_us)
            sequence += 1
            now_us += 3000
        now_us += passed_us
        near = (sequence - base % 64) & 0xFFFF
        estimator.feedback(body(near, 1 + base % 200, reference, *chunks, deltas=deltas), now_us)
        while estimator.probe(now_us):
            estimator.sent(sequence & 0xFFFF, 1200, now_us)
            sequence += 1
        assert 50_000 <= estimator.bps <= 50_000_000
        assert all(value == value and abs(value) < 1e15 for value in estimator.state.values())


def test_a_clock_that_jumps_begins_anew() -> None:
    estimator = sending(1000)
    for step in range(20):
        report = body(step * 50, 50, (step * 0x700000) & 0xFFFFFF, 0x2032, deltas=bytes([20]) * 50)
        assert estimator.feedback(report, (step + 1) * 250_000)
    assert estimator.state["usage"] == 0
