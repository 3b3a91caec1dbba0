"""The tables of places, people's offices and accounts, and of what was done with them.

Times are Unix times in ms. A place's `path` is that of `classroom.network.model.Path`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from classroom.store.tables import _ID, _KEY, metadata

PATH = String(300).with_variant(String(300, collation="C"), "postgresql")
"""Four ids of at most 64 characters, and slashes. Ordered by code points, so that what is within a place is
one range of an index (`network_paths`)."""

places = Table(
    "places",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", _KEY, nullable=False),
    Column("parent_id", _ID),
    Column("path", PATH, nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", _ID, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Index(None, "path", unique=True),
    Index(None, "parent_id"),
)
"""City > district > school or provider. A place that was closed stays for those who look at what was."""

school_classes = Table(
    "school_classes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("school_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("name", Text, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("at_home", Boolean, nullable=False),
    Column("pupils", Integer, nullable=False),
    Column("tutor_id", _ID),
    Column("closed_ms", BigInteger),
    Index(None, "school_id"),
)
"""A school's classes, beside the lessons that they are in (`classes`, where the id is the same). `path`: the
school's. `pupils`: as registered, whether or not they have accounts."""

accounts = Table(
    "accounts",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("path", PATH, nullable=False),
    Column("login", _ID),
    Column("password_hash", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
    Index(None, "login", unique=True),
    Index(None, "email"),
    Index(
        "ix_accounts_issuer_subject",
        "issuer",
        "subject",
        unique=True,
        sqlite_where=text("subject <> ''"),
        postgresql_where=text("subject <> ''"),
    ),
    Index(None, "path"),
    Index(
        None,
        "disabled_ms",
        sqlite_where=text("disabled_ms IS NOT NULL"),
        postgresql_where=text("disabled_ms IS NOT NULL"),
    ),
)
"""Who can sign in, and where they belong; the name is in `people`. `login`: in lower case; NULL: by single
sign-on alone. `email`: in lower case. `issuer`, `subject`: of OpenID Connect (Core 1.0, 2), or empty."""

appointments = Table(
    "appointments",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Column("office", _KEY, nullable=False),
    Column("place_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("class_id", _ID, nullable=False),
    Column("course_id", _ID, nullable=False),
    Column("subject", Text, nullable=False),
    Column("about_id", _ID, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("revoked_by", _ID),
    Index(None, "person_id"),
    Index(None, "class_id"),
    Index(None, "about_id"),
    Index(None, "path", "office"),
    Index(
        None,
        "revoked_ms",
        sqlite_where=text("revoked_ms IS NOT NULL"),
        postgresql_where=text("revoked_ms IS NOT NULL"),
    ),
)
"""Who holds which office where (`classroom.network.model.Appointment`); supervisors' credentials are in here.
Never deleted."""

second_factors = Table(
    "second_factors",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("confirmed_ms", BigInteger),
    Column("used_step", BigInteger, nullable=False),
)
"""Authenticators (RFC 6238), one of a person. `sealed`: the secret, encrypted; `used_step`: of the last code
that was taken; not asked for while `confirmed_ms` is NULL."""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("code_hash", _ID, primary_key=True),
    Column("salt", _ID, nullable=False),
)
"""What is good once in place of an authenticator's code; `code_hash`: Argon2id, with the `salt` that all of a
person's have."""

_revoked = text("revoked_ms IS NOT NULL")

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("secret_hash", _ID, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Column("way", _KEY, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("idle_ms", BigInteger, nullable=False, server_default="0"),
    Column("ended_ms", BigInteger),
    Column("proved_ms", BigInteger, nullable=False, server_default="0"),
    Column("issuer_session", String(255), nullable=False, server_default=""),
    Column("id_token", Text, nullable=False, server_default=""),
    Column("revoked_ms", BigInteger),
    Index(None, "person_id"),
    Index(None, "issuer_session"),
    Index(None, "revoked_ms", sqlite_where=_revoked, postgresql_where=_revoked),
)
"""Who is signed in; of the secret only its SHA-256, in hex. `way`: `password`, `openid` or `invitation`.
It ends when `idle_ms` have gone by since it was last seen. `proved_ms`: when they last showed that it is
they. Of a sign-in by `openid`: the issuer's `sid`, and the id token, encrypted, until it is over.
`revoked_ms`: it was taken back, and with it the tokens of lessons that it gave."""

invitations = Table(
    "invitations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("secret_hash", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("place_id", _ID, nullable=False),
    Column("person_id", _ID),
    Column("office", _KEY),
    Column("class_id", _ID, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Index(None, "secret_hash", unique=True),
    Index(None, "path"),
)
"""To an account, or to an office (`classroom.network.invitations`); of the code only its SHA-256, in hex."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("deed", _KEY, nullable=False),
    Column("path", PATH, nullable=False),
    Column("object_id", _ID, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "object_id"),
    Index(None, "path", "at_ms"),
)
"""What was done by whom to what, in the transaction that did it; appended to, never changed. `body`: JSON."""
