"""E-mail by SMTP (RFC 5321), with aiosmtplib, which enters here and nowhere else.

One connection carries letter after letter; one that broke is made anew for the next. What a server says is
told as one of three answers, since nothing else matters to who sends: it has it, it will never take it, it
does not take it now."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from enum import StrEnum
from typing import Final

import aiosmtplib

from signaling.config import Config

TIMEOUT_S: Final = 30.0
"""For each answer of the server (RFC 5321, 4.5.3.2 is more patient, but a letter can be sent again)."""
PORTS: Final = {"none": 25, "starttls": 587, "tls": 465}
"""By how the connection is protected, where no port is set."""


_CLOSING: Final = 421
"""RFC 5321, 3.8: the server goes, whatever was asked of it."""


class Delivery(StrEnum):
    SENT = "sent"
    REFUSED = "refused"
    """For ever: this letter, or to this address."""
    LATER = "later"
    """This letter, for now: greylisting, a full mailbox."""


class MailAway(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The server cannot be reached, or takes nothing from us now."""


class Smtp:
    """Sends to the server of the settings. Not for two at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, message: EmailMessage) -> Delivery:
        """Raises MailAway: it was not sent."""
        client = await self._connected()
        try:
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            return Delivery.REFUSED if all(code >= 500 for code in codes) else Delivery.LATER
        except aiosmtplib.SMTPNotSupported:
            # An address of other letters than ASCII, which this server does not know.
            return Delivery.REFUSED
        except aiosmtplib.SMTPResponseException as error:
            if isinstance(error, aiosmtplib.SMTPSenderRefused) or error.code == _CLOSING:
                # Of us, not of this letter: who runs the server can put it right.
                await self.close()
                raise MailAway(_words(error)) from error
            return Delivery.REFUSED if error.code >= 500 else Delivery.LATER
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.close()
            raise MailAway(_words(error)) from error
        return Delivery.SENT

    async def close(self) -> None:
        """The connection; the next letter makes another one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        """Raises MailAway."""
        if self._client is not None and self._client.is_connected:
            return self._client
        client = _client(self._config)
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise MailAway(_words(error)) from error
        self._client = client
        return client


def _client(config: Config) -> aiosmtplib.SMTP:
    """Raises MailAway."""
    try:
        return aiosmtplib.SMTP(
            hostname=config.smtp_host,
            port=config.smtp_port or PORTS[config.smtp_tls],
            username=config.smtp_user or None,
            password=config.smtp_password or None,
            use_tls=config.smtp_tls == "tls",
            start_tls=config.smtp_tls == "starttls",
            tls_context=_tls(config),
            timeout=TIMEOUT_S,
        )
    except OSError as error:  # of the file with the server's authority
        raise MailAway(_words(error)) from error


def _tls(config: Config) -> ssl.SSLContext | None:
    if config.smtp_tls == "none":
        return None
    return ssl.create_default_context(cafile=str(config.smtp_ca) if config.smtp_ca else None)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
