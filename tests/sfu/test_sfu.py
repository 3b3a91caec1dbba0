"""The control door: events in batches, mistakes contained, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfu import sfu as sfu_module
from sfu.dtls import CertificateError, load_certificate
from sfu.params import Codec, Encoding, Kind, MediaParameters, PayloadFormat, SfuConfig, TransportState
from sfu.sfu import EVENTS_PER_DRAIN, Sfu, bind_hosts
from sfu.stats import COUNTERS, ControlCounters

OPUS = MediaParameters(
    Kind.AUDIO, "0", (PayloadFormat(Codec("opus", 48_000, 2), 111),), encodings=(Encoding(ssrc=1234),)
)


async def test_a_drain_serves_a_bounded_batch(
    plane: Any, stun_check: Callable[..., bytes], address_of: Callable[..., bytes]
) -> None:
    """The rest waits until the event loop has gone round."""
    ends = [plane.sfu.create_transport() for _ in range(EVENTS_PER_DRAIN + 10)]
    for number, transport in enumerate(ends):
        ice = transport.local.ice
        datagram = stun_check(f"{ice.ufrag}:x", ice.pwd)
        plane.engine.input(datagram, address_of("192.0.2.1", 1000 + number), plane.clock.now_us)
    plane.sfu.drain()
    assert plane.sfu.counters()["ice_checks"] == EVENTS_PER_DRAIN
    assert plane.sfu.census()["events_waiting"] == 10
    await asyncio.sleep(0)
    assert plane.sfu.counters()["ice_checks"] == EVENTS_PER_DRAIN + 10


async def test_the_event_loop_wakes_up_by_itself(
    plane: Any, stun_check: Callable[..., bytes], address_of: Callable[..., bytes], until: Callable[..., Any]
) -> None:
    ice = plane.sfu.create_transport().local.ice
    plane.engine.input(stun_check(f"{ice.ufrag}:x", ice.pwd), address_of("192.0.2.1", 1), plane.clock.now_us)
    await until(lambda: plane.sfu.counters()["ice_checks"] == 1)


async def test_a_mistake_of_ours_ends_one_transport(
    plane: Any,
    peer_of: Callable[..., Any],
    watch: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    victim, bystander = plane.sfu.create_transport(on_state=watch), plane.sfu.create_transport()
    peer, other = peer_of(victim), peer_of(bystander, port=5001)

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(victim, "stun_received", fail)
    peer.check()
    await watch.reached(TransportState.FAILED)
    assert victim.failure == "internal_error"
    assert "RuntimeError: a mistake of ours" in caplog.text
    await other.join()
    assert bystander.state is TransportState.CONNECTED


async def test_a_mistake_in_the_timer_ends_one_transport(
    plane: Any, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, bystander = plane.sfu.create_transport(on_state=watch), plane.sfu.create_transport()

    def fail(_: float) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(victim, "tick", fail)
    victim.state = TransportState.CONNECTING
    victim.attend()
    plane.sfu.tick(plane.clock.now)
    await watch.reached(TransportState.FAILED)
    assert bystander.state is TransportState.NEW


async def test_who_has_nothing_to_be_looked_at_is_not_ticked(plane: Any, peer_of: Callable[..., Any]) -> None:
    teacher, pupil, idle = (plane.sfu.create_transport() for _ in range(3))

    def ticked() -> int:
        return plane.sfu.census()["transports_restless"]

    assert ticked() == 0
    for number, end in enumerate((teacher, pupil, idle)):
        await peer_of(end, port=6000 + number).join()
    assert ticked() == 3
    publication = teacher.publish(OPUS)
    plane.sfu.tick(plane.clock.now)
    assert ticked() == 1, "the one that publishes"
    pupil.subscribe(publication, OPUS)
    assert ticked() == 2
    for _ in range(20):
        plane.sfu.tick(plane.clock.advance(1.0))
    assert ticked() == 1
    await asyncio.gather(*(end.close() for end in (teacher, pupil, idle)))
    assert ticked() == 0


async def test_who_watches_hears_which_transports_stirred(plane: Any, peer_of: Callable[..., Any]) -> None:
    stirred: list[int] = []

    def heard() -> set[int]:
        found = set(stirred)
        stirred.clear()
        return found

    plane.sfu.on_stir = stirred.append
    teacher, pupil = plane.sfu.create_transport(), plane.sfu.create_transport()
    assert heard() == {teacher.id, pupil.id}
    await peer_of(teacher, port=6000).join()
    await peer_of(pupil, port=6001).join()
    publication = teacher.publish(OPUS)
    assert heard() == {teacher.id}
    pupil.subscribe(publication, OPUS)
    plane.sfu.tick(plane.clock.advance(1.0))
    assert heard() == set(), "nothing that anybody is told"
    publication.close()
    assert heard() == {teacher.id}
    pupil.stir()
    assert heard() == {pupil.id}
    await pupil.close()
    assert heard() == {pupil.id}


async def test_a_callback_that_fails_disturbs_nobody(plane: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: TransportState) -> None:
        raise RuntimeError("of the callback")

    transport = plane.sfu.create_transport(on_state=fail)
    await transport.close()
    await asyncio.sleep(0)
    assert "RuntimeError: of the callback" in caplog.text


async def test_ssrcs_do_not_repeat(plane: Any) -> None:
    made = [plane.sfu.allocate_ssrc() for _ in range(10_000)]
    assert len(set(made)) == 10_000
    assert all(0 < each < 2**32 for each in made)


async def test_stats_of_all_kinds(plane: Any, peer_of: Callable[..., Any]) -> None:
    transport = plane.sfu.create_transport()
    await peer_of(transport).join()
    publication = transport.publish(OPUS)
    stats = plane.sfu.stats(transport)
    assert stats["transport"]["keyed"]
    assert stats["publications"][publication.id]["kind"] == "audio"
    await transport.close()
    assert plane.sfu.stats(transport)["transport"] == {}


async def test_counters_have_fixed_names(plane: Any) -> None:
    assert set(COUNTERS) <= plane.sfu.counters().keys()


async def test_what_the_sockets_drop_is_counted_by_reason(plane: Any) -> None:
    counters = plane.sfu.counters()
    assert (counters["drop_send_blocked"], counters["tcp_accepted"]) == (3, 2)
    assert "drop_send" not in counters
    with pytest.raises(KeyError):
        ControlCounters().add("something else")


async def test_churn_leaves_nothing_behind(plane: Any, peer_of: Callable[..., Any]) -> None:
    before, tasks = plane.sfu.census(), len(asyncio.all_tasks())
    for number in range(20):
        sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
        peers = [peer_of(sender, port=6000 + number), peer_of(receiver, port=7000 + number)]
        for peer in peers:
            await peer.join()
        receiver.subscribe(sender.publish(OPUS), OPUS)
        await asyncio.gather(sender.close(), receiver.close())
        for peer in peers:
            peer.dtls.close()
    assert plane.sfu.census() == before
    assert len(asyncio.all_tasks()) == tasks


async def test_closing_closes_everything(plane: Any, peer_of: Callable[..., Any], watch: Any) -> None:
    peer = peer_of(plane.sfu.create_transport(on_state=watch))
    await peer.join()
    plane.sfu.create_transport()
    plane.sfu.create_local_transport()
    await plane.sfu.close()
    await plane.sfu.close()
    assert watch.states[-1] is TransportState.CLOSED
    assert plane.sfu.census()["transports"] == 0
    assert not plane.packets.running


# --- with real sockets -------------------------------------------------------------------------


async def test_a_port_in_use_is_an_os_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="in use"):
            await Sfu.start(SfuConfig(media_port=taken.getsockname()[1]))


async def test_a_bad_certificate_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "dtls.pem"
    path.write_text("nothing")
    with pytest.raises(CertificateError):
        await Sfu.start(SfuConfig(media_port=0, certificate_path=path))


async def test_the_certificate_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "dtls.pem"
    fingerprints = load_certificate(path).fingerprints
    sfu = await Sfu.start(SfuConfig(media_port=0, certificate_path=path))
    assert sfu.fingerprints == fingerprints
    assert {each.port for each in sfu.candidates} == {sfu.port}
    assert sfu.cpu_seconds() >= 0
    await sfu.close()


async def test_a_local_transport_over_a_real_socketpair(until: Callable[..., Any], watch: Any) -> None:
    sfu = await Sfu.start(SfuConfig(media_port=0))
    local = sfu.create_local_transport(on_state=watch)
    before = sfu.census()["sockets_local"]
    os.close(local.peer_fd)
    await watch.reached(TransportState.CLOSED)
    await until(lambda: sfu.census()["sockets_local"] == before - 1)
    await sfu.close()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SfuConfig(media_ips=("127.0.0.1", "::1")), ["127.0.0.1", "::1"]),
        (SfuConfig(media_ips=("203.0.113.5",)), ["0.0.0.0"]),
        (SfuConfig(media_ips=("203.0.113.5", "127.0.0.1", "::1")), ["0.0.0.0", "::1"]),
        (SfuConfig(media_ips=("2001:db8::1", "127.0.0.1")), ["::", "127.0.0.1"]),
        (SfuConfig(media_ips=("203.0.113.5",), bind_hosts=("127.0.0.2",)), ["127.0.0.2"]),
    ],
)
def test_where_to_listen(config: SfuConfig, expected: list[str]) -> None:
    assert bind_hosts(config) == expected


def test_every_event_has_a_handler() -> None:
    assert set(sfu_module.HANDLERS) == set(sfu_module.EventKind)
