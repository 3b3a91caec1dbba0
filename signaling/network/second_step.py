"""The second step of a sign-in: the code of an authenticator, or one of the recovery codes in its place.

Only who has shown the password learns that a code is asked for."""

from __future__ import annotations

import time

from aiohttp import web

from classroom.model import PersonId
from classroom.network.model import Path
from classroom.store import accounts, second_factors
from classroom.store.accounts import Credentials
from classroom.store.second_factors import RecoveryHashes, SecondFactor
from signaling.keys import STORE
from signaling.network.passwords import salted_hash
from signaling.network.principals import PRINCIPAL
from signaling.network.recovery_codes import hashes_of, new_codes, typed_code
from signaling.network.sign_in import SECOND_FACTORS, SIGN_IN, take
from signaling.problems import Problem
from signaling.rest import read


async def with_password(request: web.Request, password: str) -> Credentials:
    """Whose it is, who knows it. Problem: no-password, password-wrong, too-many-requests, busy."""
    door, store, person = request.app[SIGN_IN], request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(accounts.credentials_of, person))
    if found is None or not found.password_hash:
        raise Problem("no-password")
    take(door.by_person, person, time.monotonic())
    if not await door.passwords.verify(password, found.password_hash):
        raise Problem("password-wrong")
    door.by_person.forgive(person)
    return found


async def check_second_factor(request: web.Request, person: PersonId, path: Path, code: str) -> None:
    """Of who has one and has shown the password. path: where they belong. Problem: second-factor-needed,
    too-many-requests, busy."""
    kept = await read(request.app[STORE].network.read(second_factors.find, person))
    if kept is None or not kept.confirmed:
        return
    if not code.strip():
        raise Problem("second-factor-needed")
    if not await code_taken(request, kept, path, code):
        raise Problem("second-factor-needed", detail_kind="wrong")


async def code_taken(request: web.Request, kept: SecondFactor, path: Path, code: str) -> bool:
    """A code is good once. Problem: too-many-requests, busy."""
    network, door = request.app[STORE].network, request.app[SIGN_IN]
    take(door.by_code, kept.person, time.monotonic())
    if recovery := typed_code(code):
        good = await _recovery_taken(request, kept.person, path, recovery)
    else:
        step = request.app[SECOND_FACTORS].step_of(kept.sealed, code, time.time())
        good = bool(step) and await read(network.change(second_factors.use, kept.person, step))
    if good:
        door.by_code.forgive(kept.person)
    return good


async def made_codes(request: web.Request) -> tuple[tuple[str, ...], RecoveryHashes]:
    """New recovery codes, and how they are kept. Problem busy."""
    codes = new_codes()
    return codes, await request.app[SIGN_IN].passwords.in_thread(lambda: hashes_of(codes))


async def _recovery_taken(request: web.Request, person: PersonId, path: Path, code: str) -> bool:
    store = request.app[STORE]
    salt = await read(store.network.read(second_factors.recovery_salt, person))
    if not salt:
        return False
    hashed = await request.app[SIGN_IN].passwords.in_thread(lambda: salted_hash(code, salt))
    return await read(
        store.network.change(second_factors.use_recovery_code, person, path, hashed, store.clock.unix_ms())
    )
