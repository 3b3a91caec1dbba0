"""Letters: what they say, that each is sent once, and that none is lost: by a real mail server (aiosmtpd) in
a process of its own, and by servers that refuse."""

from __future__ import annotations

import asyncio
import mailbox
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import update

from classroom.model import LessonId, PersonId
from classroom.network.catalogue import Course, CourseState, OfferPlan
from classroom.network.enrolment import Application, PartyKind
from classroom.network.model import CourseId, PlaceId
from classroom.network.model import Path as PlacePath
from classroom.network.notices import GIVE_UP_MS, TOPICS, NoticeSettings, Topic
from classroom.network.timetable_operations import Operation, OperationKind
from classroom.planning import Plan, planned
from classroom.store import mail_outbox, timetable_operations
from classroom.store.demo_network import seed_demo_network
from classroom.store.mail_outbox import Letter, Told
from classroom.store.network_tables import accounts
from classroom.store.store import Store
from classroom.store.timetable_operations import Asked
from signaling import catalogue
from signaling.config import Config
from signaling.mail import Delivery, MailAway, Smtp
from signaling.network.mail_dispatcher import MailDispatcher
from signaling.network.mail_letters import BadAddress, letter
from signaling.tls import self_signed

SENDER = "Tongke <lessons@school.example>"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
TOLD = Told("光的折射", 1_800_000_000_000, 1_800_002_700_000, "Asia/Shanghai", "李老师", "301", 0, "重污染")
WRITTEN = Letter(
    1, PersonId("p"), "op", "cancel", 0, 0, "jiang@x.example", "蒋先生", NoticeSettings(), (TOLD,), 0
)


def test_a_letter_says_what_and_why_in_the_language_of_who_reads_it() -> None:
    made = letter(WRITTEN, SENDER, "https://tongke.example")
    assert made["Subject"] == "停课：《光的折射》"
    assert made["To"] == "蒋先生 <jiang@x.example>"
    text = made.get_content()
    assert "《光的折射》，2027-01-15 16:00–16:45 · 李老师 · 301" in text
    assert "原因：重污染" in text and "https://tongke.example/timetable" in text
    other = letter(replace(WRITTEN, settings=NoticeSettings("en")), SENDER, "")
    assert other["Subject"] == "Cancelled: “光的折射”"
    assert "Reason: 重污染" in other.get_content() and "http" not in other.get_content()
    # One and the same to whoever gets it twice.
    assert made["Message-ID"] == other["Message-ID"]
    assert made["Message-ID"] != letter(replace(WRITTEN, kind="undo"), SENDER, "")["Message-ID"]
    assert made["Message-ID"].endswith("@school.example>")


def test_a_letter_of_many_lessons_names_the_first() -> None:
    moved = replace(TOLD, was_starts_ms=TOLD.starts_ms - DAY_MS)
    made = letter(replace(WRITTEN, kind="change", told=(moved, TOLD), more=7), SENDER, "")
    assert made["Subject"] == "调课：9 节课"
    assert "原为 2027-01-14 16:00–16:45" in made.get_content()
    assert "另有 7 节" in made.get_content()


def test_one_is_one_also_without_a_name() -> None:
    english = replace(WRITTEN, settings=NoticeSettings("en"))
    assert "This lesson is cancelled:" in letter(english, SENDER, "").get_content()
    several = letter(replace(english, more=1), SENDER, "")
    assert several["Subject"] == "Cancelled: 2 lessons"
    assert "These lessons are cancelled:" in several.get_content()
    assert "and 1 more lesson: see" in several.get_content()
    # Of lessons that are not in the catalogue any more nothing is known but how many they were.
    assert letter(replace(english, told=(), more=1), SENDER, "")["Subject"] == "Cancelled: 1 lesson"
    assert letter(replace(english, told=(), more=0), SENDER, "")["Subject"] == "Cancelled: 1 lesson"


@pytest.mark.parametrize("address", ["nobody", "a b@c", "a@b\r\nBcc: x@y", ""])
def test_what_is_no_address_gets_no_letter(address: str) -> None:
    with pytest.raises(BadAddress):
        letter(replace(WRITTEN, address=address), SENDER, "")


def test_every_kind_has_its_words() -> None:
    for kind in TOPICS:
        for language in catalogue.LANGUAGES:
            written = replace(WRITTEN, kind=kind, settings=NoticeSettings(language))
            assert letter(written, SENDER, "").get_content()
            assert letter(replace(written, more=2), SENDER, "")["Subject"]


def test_a_letter_about_supervision_names_no_lesson_and_leads_to_where_it_is_read() -> None:
    written = replace(WRITTEN, kind="problem-reopened", told=(), more=0)
    made = letter(written, SENDER, "https://tongke.example")
    assert made["Subject"] == "督查评价：一个问题被退回"
    assert "https://tongke.example/reviews" in made.get_content()
    assert "/timetable" not in made.get_content()


class HandClock:
    """Moves when told; who waits for it waits for that."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.seconds

    def unix_ms(self) -> int:
        return 1_800_000_000_000 + round(self.seconds * 1000)

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        due = (when, callback)
        self.timers.append(due)
        clock = self

        class Timer:
            def cancel(self) -> None:
                if due in clock.timers:
                    clock.timers.remove(due)

        return Timer()

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        for due in [each for each in self.timers if each[0] <= self.seconds]:
            self.timers.remove(due)
            due[1]()


@dataclass
class MailServer:
    """aiosmtpd as a process, which files what it takes."""

    directory: Path
    port: int
    options: tuple[str, ...] = ()
    handler: tuple[str, ...] = ()
    """Its class; else it files letters in the directory."""
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        handler = ("-c", *(self.handler or ("aiosmtpd.handlers.Mailbox", str(self.directory))))
        where = ("-n", "-l", f"127.0.0.1:{self.port}", *self.options)
        # Its own warnings are not ours.
        command = [sys.executable, "-W", "ignore", "-m", "aiosmtpd", *where, *handler]
        environment = os.environ | self.environment
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it stays
            command, stderr=subprocess.DEVNULL, env=environment
        )
        await until(self._listens)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def letters(self) -> list[Any]:
        if not self.directory.exists():
            return []
        box = mailbox.Maildir(self.directory)
        return [message_from_bytes(each.as_bytes(), policy=policy.default) for each in box.itervalues()]

    def recipients(self) -> list[str]:
        return sorted(each["To"].addresses[0].addr_spec for each in self.letters())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - another process, or the database
            await asyncio.sleep(0.02)


@pytest.fixture
def mail_server(tmp_path: Path, free_port: Callable[..., int]) -> Iterator[MailServer]:
    server = MailServer(tmp_path / "mails", free_port())
    yield server
    server.stop()


@dataclass
class Post:
    """A store with a cancelled lesson, of which three people are to be told by e-mail, and who sends it."""

    store: Store
    clock: HandClock
    config: Config
    counts: dict[str, int] = field(default_factory=dict)
    dispatcher: MailDispatcher | None = None

    def count(self, result: str) -> None:
        self.counts[result] = self.counts.get(result, 0) + 1

    def start(self, smtp: Any) -> MailDispatcher:
        self.dispatcher = MailDispatcher(
            self.store.network, self.clock, smtp, sender=SENDER, site="", count=self.count
        )
        self.dispatcher.start()
        return self.dispatcher

    async def close(self) -> None:
        if self.dispatcher is not None:
            await self.dispatcher.close()

    async def cancel(self, name: str = "op") -> None:
        path = PlacePath("/demo-city/demo-east/demo-east-1/")
        now_ms = self.clock.unix_ms()
        operation = Operation(
            name, OperationKind.CANCEL, path, PlaceId("demo-east-1"), "重污染", now_ms, PersonId("o")
        )
        operation = replace(operation, from_ms=now_ms, until_ms=now_ms + DAY_MS)
        await self.store.network.change(timetable_operations.carry_out, Asked(operation))

    async def waits(self) -> bool:
        return await self.store.network.read(mail_outbox.next_due) is not None


async def _offer(store: Store, starts_ms: int) -> None:
    """A lesson of the school `demo-east-1`, in which its first class is enrolled."""
    path = PlacePath("/demo-city/demo-east/demo-east-1/")
    course = Course(CourseId("light"), PlaceId("demo-east-1"), path, "school", "光的折射")
    course = replace(course, master="demo-east-1-master", state=CourseState.PUBLISHED)
    by = PersonId("demo-east-1-provider")
    await store.catalogue.put_course(course, 1, by)
    plan = OfferPlan(starts_ms, starts_ms + HOUR_MS, 80)
    made = planned(LessonId("l1"), Plan("光的折射", starts_ms, starts_ms + HOUR_MS))
    assert await store.catalogue.add_offers(course, [(made, plan)], 1, by)
    asked = Application(LessonId("l1"), PartyKind.CLASS, "demo-east-1-c1", path, 40, by)
    await store.catalogue.ask(asked, 1)


ADDRESSES = ("east-1-master", "east-1-student", "east-1-parent")


async def _give_addresses(connection: Any) -> None:
    for name in ADDRESSES:
        at = accounts.c.person_id == f"demo-{name}"
        await connection.execute(update(accounts).where(at).values(email=f"{name}@x.example"))


@pytest_asyncio.fixture
async def post(tmp_path: Path, migrated_file: Path, mail_server: MailServer) -> AsyncIterator[Post]:
    config = Config(
        data=tmp_path, smtp_host="127.0.0.1", smtp_port=mail_server.port, smtp_tls="none", mail_from=SENDER
    )
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    store = await Store.open(config.database_url)
    await seed_demo_network(store)
    made = Post(store, HandClock(), config)
    await _offer(store, made.clock.unix_ms() + HOUR_MS)
    await store.network.change(_give_addresses)
    yield made
    await made.close()
    await store.close()


async def test_everybody_gets_one_letter(post: Post, mail_server: MailServer) -> None:
    english = NoticeSettings("en")
    await post.store.network.change(mail_outbox.put_settings, PersonId("demo-east-1-parent"), english)
    unwanted = NoticeSettings("zh-CN", frozenset({Topic.CANCELLED}))
    await post.store.network.change(mail_outbox.put_settings, PersonId("demo-east-1-student"), unwanted)
    await mail_server.start()
    await post.cancel()
    post.start(Smtp(post.config))
    await until(lambda: sum(post.counts.values()) == 3)
    await post.close()
    assert mail_server.recipients() == ["east-1-master@x.example", "east-1-parent@x.example"]
    assert sorted(each["Subject"][:4] for each in mail_server.letters()) == ["Canc", "停课：《"]
    assert post.counts == {"sent": 2, "unwanted": 1}
    # Another server on the same database finds nothing to send.
    again = post.start(Smtp(post.config))
    again.news()
    await post.close()
    assert len(mail_server.letters()) == 2


async def test_a_mail_server_that_is_away_for_a_while_costs_nothing(
    post: Post, mail_server: MailServer
) -> None:
    await post.cancel()
    dispatcher = post.start(Smtp(post.config))
    await until(lambda: dispatcher._away == 1)
    assert await post.waits()
    # Ours goes as well, and comes back before the mail server does.
    await post.close()
    dispatcher = post.start(Smtp(post.config))
    post.clock.advance(10)
    await until(lambda: dispatcher._away == 1)
    await mail_server.start()
    await until(lambda: bool(post.clock.timers))
    post.clock.advance(30)
    await until(lambda: post.counts.get("sent") == 3)
    await post.close()
    assert mail_server.recipients() == sorted(f"{name}@x.example" for name in ADDRESSES)
    assert not await post.waits()


async def test_over_tls_to_who_it_is(post: Post, mail_server: MailServer, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path / "tls", ["127.0.0.1"], datetime.now(UTC))
    mail_server.options = ("--tlscert", str(certificate), "--tlskey", str(key))
    await mail_server.start()
    message = letter(WRITTEN, SENDER, "")
    unknown = Smtp(msgspec.structs.replace(post.config, smtp_tls="starttls"))
    with pytest.raises(MailAway, match="CERTIFICATE_VERIFY_FAILED"):
        await unknown.send(message)
    known = Smtp(msgspec.structs.replace(post.config, smtp_tls="starttls", smtp_ca=certificate))
    assert await known.send(message) is Delivery.SENT
    await known.close()
    assert mail_server.recipients() == ["jiang@x.example"]


REFUSING = """
class Refusing:
    '''What an address is called is what is said to it, or with `data-` to the letter.'''

    async def handle_RCPT(self, server, session, envelope, address, options):
        said = address.partition("@")[0]
        if said.isdecimal():
            return said + " no"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        said = envelope.rcpt_tos[0].partition("@")[0].removeprefix("data-")
        return said + " so it is"
"""


async def test_what_a_server_says_is_one_of_three_things(mail_server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "refusing.py").write_text(REFUSING)
    mail_server.handler = ("refusing.Refusing",)
    mail_server.environment = {"PYTHONPATH": str(tmp_path)}
    await mail_server.start()
    config = Config(smtp_host="127.0.0.1", smtp_port=mail_server.port, smtp_tls="none", mail_from=SENDER)
    smtp = Smtp(config)
    for name, answer in (
        ("data-250", Delivery.SENT),
        ("550", Delivery.REFUSED),
        ("451", Delivery.LATER),
        ("data-554", Delivery.REFUSED),
        ("data-452", Delivery.LATER),
        ("data-421", None),
    ):
        message = letter(replace(WRITTEN, address=f"{name}@x.example"), SENDER, "")
        if answer is None:
            with pytest.raises(MailAway):
                await smtp.send(message)
        else:
            assert await smtp.send(message) is answer, name
    await smtp.close()
    mail_server.stop()
    with pytest.raises(MailAway):
        await Smtp(config).send(message)


class Scripted:
    """Says what it was told to, letter by letter."""

    def __init__(self, *answers: Delivery | MailAway) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []

    async def send(self, message: EmailMessage) -> Delivery:
        answer = self.answers.pop(0) if self.answers else Delivery.SENT
        if isinstance(answer, MailAway):
            raise answer
        self.sent.append(message["To"])
        return answer

    async def close(self) -> None:
        pass


async def test_a_letter_that_is_refused_holds_up_no_other(post: Post) -> None:
    smtp = Scripted(Delivery.REFUSED, Delivery.LATER, Delivery.SENT)
    await post.cancel()
    post.start(smtp)
    await until(lambda: len(smtp.sent) == 3 and bool(post.clock.timers))
    assert post.counts == {"refused": 1, "later": 1, "sent": 1}
    post.clock.advance(61)
    await until(lambda: len(smtp.sent) == 4)
    assert smtp.sent[3] == smtp.sent[1]
    await post.close()
    assert not await post.waits()


async def test_a_letter_that_could_not_be_sent_for_days_is_given_up(post: Post) -> None:
    await post.cancel()
    post.clock.advance(GIVE_UP_MS / 1000)
    smtp = Scripted()
    post.start(smtp)
    await until(lambda: post.counts.get("given_up") == 3)
    assert not smtp.sent


async def test_without_a_mail_server_no_letters_pile_up(post: Post) -> None:
    await post.cancel()
    post.start(None)
    await until(lambda: post.counts.get("unconfigured") == 3)
    assert not await post.waits()
