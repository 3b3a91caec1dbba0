"""The flood scenario: what it sends is what it says, and media goes on beside it."""

from __future__ import annotations

import pytest

from load_tests.scenarios.flood import KINDS, flood, main, table
from sfu.engine.address import pack_address
from sfu.engine.engine import Engine

DROPPED_AS = {
    "stun": "drop_stun_unknown_ufrag",
    "dtls": "drop_dtls_unknown_address",
    "media": "drop_media_unknown_address",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_datagram_costs_one_counter(kind: str) -> None:
    engine = Engine(seed=1)
    engine.input(KINDS[kind](), pack_address("192.0.2.1", 5000), 1_000_000)
    assert engine.counters()[DROPPED_AS[kind]] == 1
    assert engine.events() == []
    assert engine.drain() == []


async def test_a_small_flood_is_measured() -> None:
    report = await flood("stun", 2000, 0.5)
    assert report.flood.datagrams > report.quiet.datagrams
    assert report.quiet.echo.returned > 0
    assert report.flood.echo.returned > 0
    assert "flood of stun" in table(report)


@pytest.mark.parametrize("words", [["--rate", "0"], ["--seconds", "60"], ["--kind", "x"]])
def test_what_cannot_be_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
