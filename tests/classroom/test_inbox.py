from __future__ import annotations

import asyncio

from classroom.inbox import CAPACITY, PER_PERSON, Inbox
from classroom.model import PersonId

A, B = PersonId("a"), PersonId("b")


async def test_items_come_out_in_the_order_they_went_in() -> None:
    inbox: Inbox[int] = Inbox()
    inbox.put(1)
    assert inbox.offer(2, A)
    inbox.put(3)
    assert [await inbox.take() for _ in range(3)] == [1, 2, 3]


async def test_who_takes_waits_for_an_item() -> None:
    inbox: Inbox[int] = Inbox()
    taken = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert not taken.done()
    inbox.put(7)
    assert await taken == 7


async def test_one_person_cannot_fill_it_for_others() -> None:
    inbox: Inbox[int] = Inbox()
    assert all(inbox.offer(n, A) for n in range(PER_PERSON))
    assert not inbox.offer(0, A)
    assert inbox.offer(0, B)
    assert inbox.refused == 1
    await inbox.take()
    assert inbox.offer(0, A)


async def test_full_for_people_it_still_takes_what_the_server_says() -> None:
    inbox: Inbox[int] = Inbox()
    senders = [PersonId(str(n)) for n in range(CAPACITY)]
    assert all(inbox.offer(0, sender) for sender in senders)
    assert not inbox.offer(0, A)
    inbox.put(1)
    assert len(inbox) == CAPACITY + 1
    await inbox.take()
    assert inbox.offer(0, A)


async def test_more_of_a_kind_is_taken_as_far_as_it_reaches() -> None:
    inbox: Inbox[int | str] = Inbox()
    for item in (1, 2, 3, "x", 4):
        assert inbox.offer(item, A)
    assert inbox.take_more(int, 2) == [1, 2]
    assert inbox.take_more(str, 2) == []
    assert inbox.take_more(int, 2) == [3]
    assert inbox.take_more(str, 2) == ["x"]
    assert inbox.take_more(int, 2) == [4]
    assert inbox.take_more(int, 2) == []
    # Who was taken out has room again.
    assert all(inbox.offer(n, A) for n in range(PER_PERSON))
