"""What is said to a client: in order, bounded, and again after a lost connection."""

from __future__ import annotations

import msgspec
import pytest

from signaling.codec import encode_once
from signaling.messages import Error, Pong
from signaling.outbox import MAX_URGENT, Outbox


def error(number: int) -> Error:
    return Error(kind=f"{number}", title="")


def drain(outbox: Outbox) -> list[tuple[int, str]]:
    """(seq, kind) of everything that waits."""
    frames = []
    while (frame := outbox.take()) is not None:
        message = msgspec.json.decode(frame)
        frames.append((message.get("seq", 0), message.get("kind", message["type"])))
    return frames


def filled(count: int, **limits: int) -> Outbox:
    outbox = Outbox(**limits)
    for number in range(1, count + 1):
        outbox.push(error(number))
    return outbox


def test_in_order_and_counted() -> None:
    outbox = filled(3)
    assert outbox.waiting == 3
    assert drain(outbox) == [(1, "1"), (2, "2"), (3, "3")]
    assert outbox.waiting == 0
    assert outbox.take() is None


def test_urgent_overtakes_uncounted() -> None:
    outbox = filled(2)
    outbox.push_urgent(Pong())
    assert drain(outbox) == [(0, "pong"), (1, "1"), (2, "2")]


def test_urgent_is_bounded() -> None:
    outbox = Outbox()
    for number in range(MAX_URGENT + 5):
        outbox.push_urgent(Pong(id=number))
    assert len(drain(outbox)) == MAX_URGENT


@pytest.mark.parametrize(("arrived", "again"), [(0, [1, 2, 3]), (2, [3]), (3, [])])
def test_rewind_says_again_what_did_not_arrive(arrived: int, again: list[int]) -> None:
    outbox = filled(3)
    drain(outbox)
    outbox.push_urgent(Pong())
    assert outbox.rewind(arrived)
    assert [seq for seq, _ in drain(outbox)] == again


def test_rewind_joins_what_waits() -> None:
    outbox = filled(3)
    outbox.take()
    assert outbox.rewind(0)
    outbox.push(error(4))
    assert [seq for seq, _ in drain(outbox)] == [1, 2, 3, 4]


@pytest.mark.parametrize("position", [-1, 4, 1000])
def test_rewind_to_what_never_was(position: int) -> None:
    outbox = filled(3)
    drain(outbox)
    assert not outbox.rewind(position)


def test_rewind_to_what_was_not_sent_yet() -> None:
    outbox = filled(3)
    outbox.take()
    assert not outbox.rewind(2)


def test_acknowledged_is_forgotten() -> None:
    outbox = filled(3)
    drain(outbox)
    outbox.acknowledge(2)
    assert not outbox.rewind(1)
    assert outbox.rewind(2)


def test_acknowledging_what_was_not_sent_means_nothing() -> None:
    outbox = filled(3)
    outbox.take()
    outbox.acknowledge(100)
    assert [seq for seq, _ in drain(outbox)] == [2, 3]


def test_full_of_what_was_sent_forgets_the_oldest() -> None:
    outbox = filled(3, max_messages=3)
    drain(outbox)
    outbox.push(error(4))
    assert not outbox.overflowed
    assert not outbox.rewind(0)
    assert outbox.rewind(1)


def test_full_of_what_was_not_sent_overflows() -> None:
    outbox = filled(3, max_messages=2)
    assert outbox.overflowed
    assert [seq for seq, _ in drain(outbox)] == [1, 2]
    assert not outbox.rewind(2)


def test_bytes_are_bounded_too() -> None:
    outbox = filled(2, max_bytes=100)
    drain(outbox)
    outbox.push(error(3))
    assert not outbox.overflowed
    outbox.push(Error(kind="long", title="x" * 100))
    assert outbox.overflowed


def test_words_made_for_many_are_numbered_for_each() -> None:
    words = encode_once(error(5))
    alone, shared = Outbox(), Outbox()
    for _ in range(2):
        alone.push(error(5))
        shared.push(words)
    assert [alone.take() for _ in range(3)] == [shared.take() for _ in range(3)]
