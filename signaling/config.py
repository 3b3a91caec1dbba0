"""Settings: tongke.toml, then environment TONGKE_*, then options; the later wins, an unknown key is an error.

`Config` is the declared table: name, type and default are its fields, help is the catalogue's `setting.NAME`.
The command line's options, docs/OPERATIONS.md and a test that compares are made from it.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_origin, get_type_hints
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta

from classroom.network.accounts import is_email
from classroom.network.model import Office
from signaling import catalogue, turn, webhook_signature
from signaling.duration import parse_duration
from signaling.webhook_guard import networks

ENVIRONMENT_PREFIX: Final = "TONGKE_"
FILE_NAME: Final = "tongke.toml"
NOT_SETTINGS: Final = frozenset({"TONGKE_CONFIG", "TONGKE_TOKEN", "TONGKE_URL"})
"""Read elsewhere: the name of the file itself, and what the clients `publish`, `watch` and `library` use."""

_CONTACT: Final = re.compile(r"(https://|mailto:|tel:)[\x21-\x7e]+")
"""RFC 9116, 2.5.3."""
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?/?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]+)?/?")
"""Scheme, host and port: the pages are at the root of it."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a server, checked."""

    host: str = "127.0.0.1"
    port: Port = 8080
    media_ip: tuple[str, ...] = ("127.0.0.1",)
    media_port: Port = 7000
    media_bind: tuple[str, ...] = ()
    data: Path = Path("data")
    database: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    demo: bool = False
    demo_courses: bool = True
    storage: str = ""
    storage_endpoint: str = ""
    storage_region: str = ""
    storage_key_id: str = ""
    storage_secret: str = ""
    token_ttl: str = "8h"
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = ""
    turn_ttl: str = "12h"
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    openid_issuer: str = ""
    openid_client_id: str = ""
    openid_client_secret: str = ""
    openid_scopes: tuple[str, ...] = ("openid", "profile", "email")
    openid_claim: str = "email"
    openid_name: str = ""
    second_factor_offices: tuple[Office, ...] = ()
    security_contact: tuple[str, ...] = ()
    webhook_allow: tuple[str, ...] = ()
    webhook_deny: tuple[str, ...] = ()
    heartbeat_s: Seconds = 15.0
    resume_s: Seconds = 30.0
    handshake_timeout_s: Seconds = 15.0
    consent_timeout_s: Seconds = 30.0
    catch_up_share: Annotated[float, Meta(gt=0, le=1)] = 0.8
    end_empty_min: Annotated[int, Meta(ge=0, le=1440)] = 30
    end_overrun_min: Annotated[int, Meta(ge=0, le=1440)] = 240
    evidence_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    face_check_url: str = ""
    face_check_secret: str = ""
    face_check_timeout_s: Seconds = 5.0
    smtp_host: str = ""
    smtp_port: Port = 0
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    smtp_ca: Path | None = None
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    heard_microphones: Annotated[int, Meta(ge=0, le=16)] = 4
    packet_priority: Literal["normal", "high", "realtime"] = "realtime"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def tls(self) -> bool:
        return self.tls_cert is not None or self.tls_self_signed

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL; by default SQLite in the data directory."""
        return self.database or f"sqlite+aiosqlite:///{self.data.absolute() / 'tongke.db'}"


class ConfigError(Exception):
    """A setting is wrong; `key` is the catalogue's sentence, `values` fill it."""

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def sentence(self, language: str) -> str:
        return catalogue.text(self.key, language, **self.values)

    def __str__(self) -> str:
        return self.sentence(catalogue.ENGLISH)


class Setting(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    type: Any
    default: Any

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def is_list(self) -> bool:
        return get_origin(self.type) is tuple

    @property
    def is_flag(self) -> bool:
        return self.type is bool

    @property
    def default_text(self) -> str:
        """As one would write it in the environment; empty for none."""
        if self.is_list:
            return ",".join(self.default)
        if self.is_flag:
            return "true" if self.default else "false"
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return "" if self.default is None else str(self.default)

    def help(self, language: str) -> str:
        return catalogue.text(f"setting.{self.name}", language)


def _settings() -> tuple[Setting, ...]:
    types = get_type_hints(Config, include_extras=True)
    return tuple(Setting(f.name, types[f.name], f.default) for f in msgspec.structs.fields(Config))


SETTINGS: Final = _settings()


def load(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Config:
    """Reads all three sources; ConfigError says which key of which source is wrong.

    file: must exist when it is given; else TONGKE_CONFIG, else `tongke.toml` here if there is one.
    options: name -> value; None means "not given".
    """
    environment = environment or {}
    values = _from_file(file, environment)
    values |= _from_environment(environment)
    values |= {
        name: _convert(_by_name(name, "options"), value, _by_name(name, "options").option)
        for name, value in (options or {}).items()
        if value is not None
    }
    config = Config(**values)
    _check(config)
    return config


def _from_file(file: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    if file is None and "TONGKE_CONFIG" in environment:
        file = Path(environment["TONGKE_CONFIG"])
    if file is None:
        file = Path(FILE_NAME)
        if not file.exists():
            return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("config.unreadable", file=file, reason=error.strerror or error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("config.not-toml", file=file, reason=error) from error
    return {key: _convert(_by_name(key, str(file)), value, f"{file}: {key}") for key, value in table.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    by_variable = {setting.variable: setting for setting in SETTINGS}
    values = {}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in NOT_SETTINGS:
            continue
        if variable not in by_variable:
            raise ConfigError("config.unknown-variable", name=variable)
        setting = by_variable[variable]
        values[setting.name] = _convert(setting, value, variable)
    return values


def _by_name(name: str, source: str) -> Setting:
    for setting in SETTINGS:
        if setting.name == name:
            return setting
    raise ConfigError("config.unknown-key", name=name, source=source)


def _convert(setting: Setting, value: Any, source: str) -> Any:
    if setting.is_list and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, str) and not setting.is_flag:
        value = value.strip()
    if setting.type == Path | None and value == "":
        return None
    try:
        return msgspec.convert(value, setting.type, strict=not isinstance(value, str), dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise ConfigError("config.bad-value", source=source, value=value, reason=error) from error


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    raise ValueError("Expected a path")


def _check(config: Config) -> None:
    """What only several settings together, or a closer look, can tell."""
    if (config.tls_cert is None) != (config.tls_key is None):
        raise ConfigError("config.tls-pair")
    if config.tls_cert is not None and config.tls_self_signed:
        raise ConfigError("config.tls-twice")
    if not config.media_ip:
        raise ConfigError("config.no-media-ip")
    for address in config.media_ip:
        _check_media_ip(address)
    for address in config.media_bind:
        _check_literal(address, "config.media-bind")
    for network in (*config.webhook_allow, *config.webhook_deny, *config.trusted_proxies):
        _check_network(network)
    if config.public_url and not _ORIGIN.fullmatch(config.public_url):
        raise ConfigError("config.public-url", value=config.public_url)
    if bool(config.storage_key_id) != bool(config.storage_secret):
        raise ConfigError("config.storage-key")
    _check_duration("token_ttl", config.token_ttl)
    _check_turn(config)
    _check_face(config)
    _check_mail(config)
    _check_openid(config)
    _check_database(config.database)
    for contact in config.security_contact:
        if not _CONTACT.fullmatch(contact):
            raise ConfigError("config.security-contact", value=contact)


def _check_duration(source: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError("config.bad-value", source=source, value=text, reason=error) from error


def _check_turn(config: Config) -> None:
    for url in config.turn_urls:
        if not turn.is_ice_url(url):
            raise ConfigError("config.turn-url", url=url)
    if turn.needs_secret(config.turn_urls) and not config.turn_secret:
        raise ConfigError("config.turn-secret")
    if not turn.MIN_TTL_S <= _check_duration("turn_ttl", config.turn_ttl) <= turn.MAX_TTL_S:
        raise ConfigError("config.turn-ttl", value=config.turn_ttl)


def _check_face(config: Config) -> None:
    url = urlsplit(config.face_check_url)
    if config.face_check_url and not (url.scheme in ("http", "https") and url.hostname):
        raise ConfigError("config.face-check-url", value=config.face_check_url)
    if config.face_check_secret:
        try:
            webhook_signature.key_of(config.face_check_secret)
        except ValueError as error:
            raise ConfigError("config.face-check-secret", reason=error) from error


def _check_mail(config: Config) -> None:
    if bool(config.smtp_user) != bool(config.smtp_password):
        raise ConfigError("config.smtp-user")
    if config.smtp_user and config.smtp_tls == "none":
        raise ConfigError("config.smtp-clear")
    if config.smtp_host and not is_email(parseaddr(config.mail_from)[1]):
        raise ConfigError("config.mail-from", value=config.mail_from)


def _check_openid(config: Config) -> None:
    if not config.openid_issuer:
        return
    url = urlsplit(config.openid_issuer)
    here = url.hostname in ("localhost", "127.0.0.1", "::1")
    # By HTTP only one on this machine, to try things out: whoever stands between is everybody.
    if not url.hostname or url.scheme not in (("http", "https") if here else ("https",)):
        raise ConfigError("config.openid-issuer", value=config.openid_issuer)
    if url.query or url.fragment:
        raise ConfigError("config.openid-issuer", value=config.openid_issuer)
    if not config.openid_client_id:
        raise ConfigError("config.openid-client-id")
    if "openid" not in config.openid_scopes:
        raise ConfigError("config.openid-scopes")
    if not config.openid_claim:
        raise ConfigError("config.openid-claim")


def _check_database(text: str) -> None:
    """To another machine it is said whether the connection is encrypted: left out, the driver takes what it
    gets."""
    url = urlsplit(text)
    asked = parse_qs(url.query)
    host = asked.get("host", [url.hostname or ""])[0]
    if url.scheme.partition("+")[0] not in ("postgresql", "postgres") or {"ssl", "sslmode"} & asked.keys():
        return
    if host and not host.startswith("/") and host not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigError("config.database-ssl", host=host)


def _check_media_ip(text: str) -> None:
    address = _check_literal(text, "config.media-ip")
    if address.is_unspecified or address.is_multicast:
        raise ConfigError("config.media-ip", address=text)


def _check_network(text: str) -> None:
    try:
        networks((text,))
    except ValueError as error:
        raise ConfigError("config.webhook-network", network=text, reason=error) from error


def _check_literal(text: str, problem: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise ConfigError(problem, address=text) from error
