"""The engine with hostile peers in the room, and framing on real connections, for a short while."""

from __future__ import annotations

from pathlib import Path

from load_tests.fuzz.framing import fuzz_framing
from load_tests.fuzz.room import Room

CORPUS = Path(__file__).parent / "corpus"


def test_hostile_datagrams_harm_nobody() -> None:
    """Over a second of the room's time, so that the hostile peers leave and come back."""
    outcome = Room(seed=2026, folder=CORPUS).run(120_000)
    assert outcome["glitches"] == []
    assert outcome["left_behind"] == {}
    assert outcome["pupils_heard"] == [outcome["teacher_sent"]] * 2
    assert outcome["teacher_sent"]["audio"] > 60
    for reason in ("drop_srtp_authentication", "drop_rtp_malformed", "drop_rtcp_malformed", "drop_stun_rate"):
        assert outcome["dropped"][reason] > 0


def test_hostile_connections_harm_nobody() -> None:
    """Every answer reached the honest connection beside them, or this would have been a TimeoutError."""
    counters = fuzz_framing(400, seed=2026)
    assert counters["tcp_accepted"] == 101
    assert counters["receive_truncated"] > 0
