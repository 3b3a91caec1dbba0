"""Accounts and sign-ins on both databases: who comes in by what, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import PersonId
from classroom.network.accounts import (
    Account,
    AccountFault,
    BadAccount,
    email_address,
    login_name,
    new_password,
)
from classroom.network.model import Path
from classroom.network.single_sign_on import Identity, Match, MatchBy
from classroom.store import accounts, audit, second_factors, sign_ins
from classroom.store.second_factors import RecoveryHashes
from classroom.store.sign_ins import SignIn
from classroom.store.store import Store

SCHOOL = Path("/c/d/s/")
HOUR_MS = 3_600_000
WANG = Account(PersonId("wang"), "王老师", SCHOOL, "wang", "wang@example.org")


async def add(store: Store, account: Account = WANG) -> bool:
    return await store.network.change(accounts.add, account, 1, "by")


async def sign_in(store: Store, secret: str, at_ms: int = 0, *, ends_ms: int = 12, idle_ms: int = 4) -> None:
    made = SignIn(secret, WANG.person, "password", at_ms, at_ms, ends_ms * HOUR_MS, idle_ms * HOUR_MS)
    await store.network.change(sign_ins.begin, made, SCHOOL)


async def is_in(store: Store, secret: str, at_hour: float) -> bool:
    return await store.network.principal(secret, round(at_hour * HOUR_MS)) is not None


async def test_a_login_is_one_persons(store: Store) -> None:
    assert await add(store)
    assert not await add(store)
    assert not await add(store, Account(PersonId("other"), "x", SCHOOL, "wang"))
    assert await store.network.read(accounts.find, PersonId("other")) is None
    # Without one there may be many.
    assert await add(store, Account(PersonId("a"), "x", SCHOOL))
    assert await add(store, Account(PersonId("b"), "x", SCHOOL))


def identity(subject: str, value: str = "", by: MatchBy = MatchBy.EMAIL) -> Identity:
    return Identity("https://id.example.org", subject, Match(by, value) if value else None)


async def test_the_first_time_an_account_is_found_by_what_is_vouched_for(store: Store) -> None:
    await add(store)
    await add(store, Account(PersonId("li"), "李", SCHOOL, "li", "both@example.org"))
    await add(store, Account(PersonId("lu"), "陆", SCHOOL, "lu", "both@example.org"))
    await add(store, Account(PersonId("gone"), "x", SCHOOL, "gone", "gone@example.org"))
    gone = await store.network.read(accounts.find, PersonId("gone"))
    await store.network.change(accounts.disable, gone, 1, "by", "left")

    async def come(*named: Any) -> str | None:
        found = await store.network.change(accounts.of_identity, identity(*named), 2)
        return found and found.person

    # Nobody's, two people's, and one who is out.
    for value in ("", "nobody@example.org", "both@example.org", "gone@example.org"):
        assert await come("7", value) is None
    assert await come("7", "wang@example.org") == "wang"
    # From then on the subject alone says so, and nobody else comes by the same address.
    assert await come("7") == "wang"
    assert await come("8", "wang@example.org") is None
    assert await come("9", "li", MatchBy.LOGIN) == "li"
    record = await store.network.read(audit.listed, ("/",), deeds=("account-linked",))
    assert [each.deed.object for each in record] == ["li", "wang"]
    wang = await store.network.read(accounts.find, WANG.person)
    await store.network.change(accounts.disable, wang, 3, "by", "left")
    assert await come("7", "wang@example.org") is None


async def test_somebody_of_a_single_sign_on_is_one_person(store: Store) -> None:
    await add(store)
    await add(store, Account(PersonId("li"), "李", SCHOOL, "li"))
    li = await store.network.read(accounts.find, PersonId("li"))
    assert await store.network.change(accounts.link, WANG, "https://id.example.org", "7", 2, "by")
    assert not await store.network.change(accounts.link, li, "https://id.example.org", "7", 2, "by")
    assert not await store.network.change(accounts.link, WANG, "https://id.example.org", "8", 2, "by")
    found = await store.network.read(accounts.of_subject, "https://id.example.org", "7")
    assert found is not None and found.person == "wang"


async def test_a_sign_in_ends_when_it_is_idle_and_in_any_case(store: Store) -> None:
    await add(store)
    await sign_in(store, "a")
    assert await is_in(store, "a", 3.9)
    # That was noted, so it goes on from there.
    assert await is_in(store, "a", 7.8)
    assert not await is_in(store, "a", 11.9)
    await sign_in(store, "b", idle_ms=100)
    assert await is_in(store, "b", 11.9)
    assert not await is_in(store, "b", 12)
    assert not await is_in(store, "nobody's", 1)


async def test_only_so_many_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "MAX_OF_PERSON", 3)
    await add(store)
    for number in range(5):
        await sign_in(store, f"s{number}", number)
    assert [await is_in(store, f"s{number}", 1) for number in range(5)] == [False, False, True, True, True]
    listed = await store.network.read(sign_ins.listed, WANG.person, HOUR_MS)
    assert [each.secret_hash for each in listed] == ["s4", "s3", "s2"]


async def test_sign_ins_of_a_session_of_the_issuer(store: Store) -> None:
    """By its name, or all of a subject's; neither those by password nor somebody else's."""
    people = (WANG, Account(PersonId("li"), "李", SCHOOL, "li", "li@example.org"))
    for number, person in enumerate(people):
        await add(store, person)
        await store.network.change(accounts.of_identity, identity(f"u-{number}", person.email), 2)
        for session in ("a", "b"):
            made = SignIn(f"{person.person}-{session}", person.person, "openid", 0, 0, HOUR_MS, HOUR_MS)
            made = replace(made, issuer_session=session, id_token="sealed")
            await store.network.change(sign_ins.begin, made, SCHOOL)
    await sign_in(store, "password")

    async def end(subject: str, session: str) -> int:
        issuer = "https://id.example.org"
        end_issued = sign_ins.end_issued
        return await store.network.change(end_issued, issuer, 5, subject=subject, session=session)

    assert await end("u-0", "c") == await end("u-9", "") == 0
    assert await end("u-0", "a") == 1 and not await is_in(store, "wang-a", 0.1)
    assert await is_in(store, "wang-b", 0.1) and await is_in(store, "li-a", 0.1)
    assert await end("u-0", "") == 1 and await end("", "b") == 1
    assert await is_in(store, "li-a", 0.1) and await is_in(store, "password", 0.1)
    deeds = [each.deed.deed for each in await store.network.read(audit.listed, ["/"])]
    assert deeds.count("signed-out-by-issuer") == 3
    # With them go the tokens of lessons that they gave; those of before were taken back before.
    assert await store.network.look(sign_ins.revoked, 5) == {"wang-a", "wang-b", "li-b"}
    assert await store.network.look(sign_ins.revoked, 6) == frozenset()
    # What was kept for the issuer goes with the sign-in.
    over = await store.network.change(sign_ins.end, "li-a", 6)
    assert over is not None and over.id_token == "sealed"
    assert await store.network.change(sign_ins.end, "li-a", 6) is None


async def test_a_recovery_code_is_good_once(store: Store) -> None:
    await add(store)
    codes = RecoveryHashes("salt", ("h1", "h2"))
    await store.network.change(second_factors.begin, WANG.person, "sealed", 1)
    confirm = second_factors.confirm
    assert await store.network.change(confirm, WANG.person, SCHOOL, 1, 2, codes=codes, keep="")

    async def use(code_hash: str) -> bool:
        return await store.network.change(second_factors.use_recovery_code, WANG.person, SCHOOL, code_hash, 3)

    assert await use("h1") and not await use("h1") and not await use("h3")
    assert await store.network.read(second_factors.recovery_codes_left, WANG.person) == 1
    assert await store.network.read(second_factors.recovery_salt, WANG.person) == "salt"
    fresh = RecoveryHashes("other", ("h4",))
    await store.network.change(second_factors.renew_codes, WANG.person, SCHOOL, fresh, 4)
    assert not await use("h2") and await use("h4")
    assert await store.network.read(second_factors.recovery_salt, WANG.person) == ""


async def test_a_password_is_changed_once_by_the_one_that_was_seen(store: Store) -> None:
    await add(store)
    seen = await store.network.read(accounts.credentials, "wang")
    assert seen is not None and seen.password_hash == ""
    await sign_in(store, "keep")
    await sign_in(store, "other")
    assert await store.network.change(accounts.set_password, seen, "hash", 2, "wang", keep="keep")
    assert not await store.network.change(accounts.set_password, seen, "other", 2, "wang")
    assert await is_in(store, "keep", 1) and not await is_in(store, "other", 1)


@pytest.mark.parametrize(
    ("rule", "text", "fault"),
    [
        (login_name, "", AccountFault.LOGIN),
        (login_name, "a b", AccountFault.LOGIN),
        (login_name, "x" * 65, AccountFault.LOGIN),
        (email_address, "x@", AccountFault.EMAIL),
        (email_address, "x@y\n", None),
        (new_password, "1234567", AccountFault.PASSWORD_SHORT),
        (new_password, "x" * 129, AccountFault.PASSWORD_LONG),
    ],
)
def test_what_can_be_in_an_account(rule: Any, text: str, fault: AccountFault | None) -> None:
    if fault is None:
        assert rule(text)
        return
    with pytest.raises(BadAccount) as caught:
        rule(text)
    assert caught.value.fault is fault
