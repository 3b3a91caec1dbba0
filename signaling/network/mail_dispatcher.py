"""Sends the letters of the outbox, one after the other.

Theory of operation
-------------------
Letters wait in the database, where they were queued with their notices in one transaction. One task takes
some of them (`mail_outbox.take`: nobody else has them then), sends each, and takes it out of the outbox as
soon as the mail server has said that it has it. It looks again when it was told of news, when the next one is
due, and every `LOOK_EVERY_S`.

A server that is away puts all of them off, ever longer, and nothing is lost by it; a letter that is refused
for now is tried again later; one that is refused for ever, or has waited for `GIVE_UP_MS`, is given up, and
counted. Who stops the server waits for the letter that is under way: so it is neither lost nor sent again.
Only where a line or a machine breaks between the mail server's answer and our knowing of it is a letter sent
twice, under the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Final, Protocol

from aiohttp import web

from classroom.clock import Clock
from classroom.network.notices import GIVE_UP_MS, again_after_s, names_lessons
from classroom.store import mail_outbox
from classroom.store.mail_outbox import Letter
from classroom.store.network import NetworkStore
from classroom.store.outbox import StoreUnavailable
from signaling.bell import Bell
from signaling.mail import Delivery, MailAway
from signaling.network.mail_letters import BadAddress, letter

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 30.0
"""For letters that nobody told of: of another server's people, of who moved up a waiting list."""
AWAY_S: Final = (5.0, 15.0, 60.0, 300.0)
"""Until a server that was away is tried again, after the first time in vain, the second, ..."""
DATABASE_AWAY_S: Final = 5.0
CLOSING_S: Final = 10.0
"""For the letter that is under way when the server goes: a mail server that answers does so by then."""


LETTERS: Final[web.AppKey[MailDispatcher]] = web.AppKey("letters")


class Sender(Protocol):
    """`signaling.mail.Smtp`."""

    async def send(self, message: EmailMessage) -> Delivery: ...
    async def close(self) -> None: ...


class MailDispatcher:
    def __init__(
        self,
        network: NetworkStore,
        clock: Clock,
        smtp: Sender | None,
        *,
        sender: str,
        site: str,
        count: Callable[[str], None] = lambda result: None,
    ) -> None:
        """smtp: None: no letters are sent, and none kept. sender: as in `From:`. site: where the pages are.
        count: hears of each letter's result: sent, refused, later, unwanted, given_up, unconfigured."""
        self._network = network
        self._clock = clock
        self._smtp = smtp
        self._sender = sender
        self._site = site
        self._count = count
        self._bell = Bell(clock)
        self._away = 0
        """Attempts in vain in a row."""
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="letters")

    def news(self) -> None:
        """Something may have come into the outbox."""
        self._bell.ring()

    async def close(self) -> None:
        """Waits for the letter that is under way; the next server sends the others."""
        self._stopping = True
        self._bell.ring()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=CLOSING_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._smtp is not None:
            await self._smtp.close()

    async def _run(self) -> None:
        while not self._stopping:
            self._bell.quiet()
            try:
                wait_s = await self._send_due()
            except StoreUnavailable:
                wait_s = DATABASE_AWAY_S
            except Exception:
                log.exception("x letters: a fault of ours")
                wait_s = LOOK_EVERY_S
            if not self._stopping:
                await self._bell.heard(wait_s)

    async def _send_due(self) -> float:
        """Until none is due; seconds until the next look."""
        if self._smtp is None:
            for _ in range(await self._network.change(mail_outbox.drop_all)):
                self._count("unconfigured")
            return LOOK_EVERY_S
        while not self._stopping:
            letters = await self._network.change(mail_outbox.take, self._clock.unix_ms())
            if not letters:
                break
            if not await self._send_all(self._smtp, letters):
                return AWAY_S[min(self._away, len(AWAY_S)) - 1]
        await self._smtp.close()
        due_ms = await self._network.read(mail_outbox.next_due)
        if due_ms is None:
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, max(0.0, (due_ms - self._clock.unix_ms()) / 1000))

    async def _send_all(self, smtp: Sender, letters: Sequence[Letter]) -> bool:
        """False: the mail server is away; those that were not tried are as they were."""
        for place, each in enumerate(letters):
            if self._stopping:
                await self._give_back(letters[place:], 0.0)
                return True
            try:
                result = await self._send(smtp, each)
            except MailAway as error:
                self._went_away(error)
                await self._give_back(letters[place:], AWAY_S[min(self._away, len(AWAY_S)) - 1])
                return False
            self._away = 0
            await self._settle(each, result)
        return True

    async def _send(self, smtp: Sender, each: Letter) -> str:
        """What has become of it. Raises MailAway."""
        if self._clock.unix_ms() - each.made_ms >= GIVE_UP_MS:
            return "given_up"
        told_something = each.told or not names_lessons(each.kind)
        if not each.address or not told_something or not each.settings.wants(each.kind):
            return "unwanted"
        try:
            message = letter(each, self._sender, self._site)
        except BadAddress:
            return "refused"
        return (await smtp.send(message)).value

    async def _settle(self, each: Letter, result: str) -> None:
        self._count(result)
        if result == Delivery.LATER:
            due_ms = self._clock.unix_ms() + round(1000 * again_after_s(each.attempts + 1))
            await self._network.change(mail_outbox.put_off, [each.number], due_ms)
            return
        if result in ("refused", "given_up"):
            log.warning("x letter %d to %s: %s", each.number, each.person, result)
        await self._network.change(mail_outbox.done, each.number)

    async def _give_back(self, letters: Sequence[Letter], later_s: float) -> None:
        """They were not tried."""
        due_ms = self._clock.unix_ms() + round(1000 * later_s)
        await self._network.change(mail_outbox.give_back, [each.number for each in letters], due_ms)

    def _went_away(self, error: MailAway) -> None:
        if not self._away:
            log.warning("x letters: %s; trying again", error)
        self._away += 1
