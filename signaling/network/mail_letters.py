"""What a letter says: the notices of one batch to one person, in their language. Pure.

Plain text: it is read on old phones, in reading software and in the list of letters. Its Message-ID is made
of what it tells, so a letter that a crash has sent twice is known as one and the same (RFC 5322, 3.6.4)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.errors import HeaderDefect, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from classroom.network.notices import names_lessons
from classroom.store.mail_outbox import Letter, Told
from signaling import catalogue
from signaling.network.enrolment_problems import span


class BadAddress(Exception):  # noqa: N818 - an answer, not a fault of ours
    """Nothing can be sent there."""


def letter(written: Letter, sender: str, site: str) -> EmailMessage:
    """sender: as in `From:`; site: where the pages are, empty: not known. Raises BadAddress."""
    language = written.settings.language
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject(written)
    message["From"] = sender
    try:
        message["To"] = Address(written.name, addr_spec=written.address)
    except (ValueError, IndexError, MessageError, HeaderDefect) as error:
        raise BadAddress(str(error)) from error
    message["Date"] = format_datetime(datetime.fromtimestamp(written.made_ms / 1000, UTC))
    message["Message-ID"] = message_id(written, sender)
    message["Content-Language"] = language
    # RFC 3834, 5: no answer of a machine is to come back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(written, site))
    return message


def message_id(written: Letter, sender: str) -> str:
    what = f"{written.batch} {written.kind} {written.person}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:32]
    return f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def subject(written: Letter) -> str:
    language, many = written.settings.language, _many(written)
    if not names_lessons(written.kind):
        return catalogue.text(f"mail.subject.{written.kind}", language)
    if many == 1 and written.told:
        return catalogue.text(f"mail.subject.{written.kind}", language, title=written.told[0].title)
    # A lesson that is not in the catalogue any more is counted, and has no name.
    return catalogue.counted(f"mail.subjects.{written.kind}", language, max(1, many))


def _many(written: Letter) -> int:
    return len(written.told) + written.more


def text(written: Letter, site: str) -> str:
    language = written.settings.language
    lines = [catalogue.text("mail.greeting", language, name=written.name), ""]
    if names_lessons(written.kind):
        lines.append(catalogue.counted(f"mail.text.{written.kind}", language, max(1, _many(written))))
    else:
        lines.append(catalogue.text(f"mail.text.{written.kind}", language))
    lines += [f"- {_line(told, language)}" for told in written.told]
    if written.more:
        lines.append("- " + catalogue.counted("mail.more", language, written.more))
    reasons = dict.fromkeys(told.reason for told in written.told if told.reason)
    lines += ["", *(catalogue.text("mail.reason", language, reason=reason) for reason in reasons)]
    if site and not names_lessons(written.kind):
        lines += ["", catalogue.text("mail.reviews", language, reviews=f"{site}/reviews", me=f"{site}/me")]
    elif site:
        lines += ["", catalogue.text("mail.pages", language, timetable=f"{site}/timetable", me=f"{site}/me")]
    return "\n".join(lines) + "\n"


def _line(told: Told, language: str) -> str:
    when = span(told.starts_ms, told.ends_ms, told.timezone)
    parts = [catalogue.text("mail.lesson", language, title=told.title, when=when)]
    if told.was_starts_ms:
        length_ms = told.ends_ms - told.starts_ms
        was = span(told.was_starts_ms, told.was_starts_ms + length_ms, told.timezone)
        parts.append(catalogue.text("mail.was", language, when=was))
    parts += [each for each in (told.master_name, told.room) if each]
    return " · ".join(parts)
