"""An authenticator beside the password: its codes, and signing in with them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import aiohttp
import msgspec
import pyotp
import pytest

from classroom.model import PersonId
from classroom.network.model import Office
from classroom.store import accounts
from signaling.keys import CONFIG
from signaling.network import recovery_codes
from signaling.network.passwords import HASHER, salted_hash
from signaling.network.principals import PROVED_MS, SIGN_IN_COOKIE
from signaling.network.second_factor import SecondFactors, provisioning_uri, qr_picture
from signaling.network.sign_in import SECOND_FACTORS

NOW = 1_800_000_015.0
FACTOR, SIGN_IN = "/api/v1/second-factor", "/api/v1/sign-in"
PASSWORD = "correct horse battery"


def test_codes_of_now_and_of_half_a_minute_around() -> None:
    factors = SecondFactors(b"k" * 32)
    secret, sealed = factors.new()
    assert secret not in sealed and len(secret) == 32
    totp, this = pyotp.TOTP(secret), int(NOW) // 30
    for step in (this - 1, this, this + 1):
        code = totp.generate_otp(step)
        assert factors.step_of(sealed, f" {code[:3]} {code[3:]}", NOW) == step
    wrong = (totp.generate_otp(this - 2), totp.generate_otp(this + 2), "", "x", "１２３４５６")
    assert {factors.step_of(sealed, code, NOW) for code in wrong} == {0}
    # Under another key nobody can tell.
    assert SecondFactors(b"o" * 32).step_of(sealed, totp.generate_otp(this), NOW) == 0
    assert provisioning_uri(secret, "wang@x").startswith("otpauth://totp/Tongke:wang%40x?secret=")


async def test_from_setting_up_to_losing_it(district: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = district.door.app[SECOND_FACTORS]
    real = factors.step_of
    monkeypatch.setattr(factors, "step_of", lambda sealed, code, now: real(sealed, code, NOW))
    above, this = district["east-organizer"], int(NOW) // 30
    person = "demo-east-1-organizer"

    async def invited() -> int:
        _, made = await above.post("/api/v1/invitations", {"person": person})
        body = {"code": made["code"], "password": PASSWORD}
        return (await district.nobody.post("/api/v1/invitations/accept", body))[0]

    async def signed_in(code: str = "") -> Any:
        body = {"login": person, "password": PASSWORD, "code": code}
        status, told = await district.nobody.post(SIGN_IN, body)
        return status if status == 204 else (status, told["type"].rpartition("/")[2])

    assert await invited() == 204 and await signed_in() == 204
    own = await district.sign_in(person)
    assert (await own.post(FACTOR, {"password": "wrong one here"}))[1]["type"] == "/problems/password-wrong"
    assert (await own.post(f"{FACTOR}/confirm", {"code": "1"}))[1]["type"] == "/problems/second-factor-wrong"
    status, begun = await own.post(FACTOR, {"password": PASSWORD})
    assert status == 200
    totp = pyotp.TOTP(begun["secret"])
    # Until it is confirmed nothing is asked for, and it may be begun anew.
    assert await signed_in() == 204
    other = await district.sign_in(person)
    assert (await own.post(f"{FACTOR}/confirm", {"code": "000000x"}))[0] == 403
    status, told = await own.post(f"{FACTOR}/confirm", {"code": totp.generate_otp(this - 1)})
    assert status == 200 and len(set(told["codes"])) == 10
    assert (await other.get("/api/v1/whoami"))[0] == 401
    me = (await own.get("/api/v1/whoami"))[1]
    assert me["second_factor"] is True and me["recovery_codes"] == 10
    assert (await own.post(FACTOR, {"password": PASSWORD}))[1]["type"] == "/problems/second-factor-there"
    # Each code once, and none without the password.
    assert await signed_in() == (401, "second-factor-needed")
    assert await signed_in("000000x") == (401, "second-factor-needed")
    assert await signed_in(totp.generate_otp(this - 1)) == (401, "second-factor-needed")
    assert await signed_in(totp.generate_otp(this)) == 204
    assert await signed_in(totp.generate_otp(this)) == (401, "second-factor-needed")
    wrong = {"login": person, "password": "wrong one here", "code": totp.generate_otp(this + 1)}
    assert (await district.nobody.post(SIGN_IN, wrong))[1]["type"] == "/problems/sign-in-refused"
    # An invitation sets the password, but does not take the factor away.
    assert await invited() == 204
    assert await signed_in() == (401, "second-factor-needed")
    # Lost: who may give every office drops it, on record.
    drop, reason = f"/api/v1/accounts/{person}/second-factor/drop", {"reason": "手机丢失"}
    own = await district.sign_in(person)
    assert (await own.post(drop, reason))[1]["type"] == "/problems/account-own"
    assert (await district["west-organizer"].post(drop, reason))[0] == 404
    assert (await above.post(drop, reason))[0] == 204 and await signed_in() == 204
    _, record = await above.get("/api/v1/audit", object=person)
    deeds = [each["deed"] for each in record["deeds"] if each["deed"].startswith("second")]
    assert deeds == ["second-factor-dropped", "second-factor-set"]


async def test_guessing_codes_is_limited(district: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = district["east-1-tutor"]
    answers = [(await person.post(f"{FACTOR}/confirm", {"code": "1"}))[0] for _ in range(12)]
    assert answers == [403] * 10 + [429] * 2


def test_recovery_codes() -> None:
    codes = recovery_codes.new_codes()
    assert len(set(codes)) == recovery_codes.CODES
    assert recovery_codes.typed_code(f" {codes[0].lower()} ") == codes[0].replace("-", "")
    assert {recovery_codes.typed_code(text) for text in ("", "123456", "ABCDE-FGHJ0", "ＡBCDE-FGHJK")} == {""}
    kept = recovery_codes.hashes_of(codes[:2])
    assert salted_hash(codes[1].replace("-", ""), kept.salt) == kept.hashes[1]
    assert salted_hash(codes[1].replace("-", ""), "00" * 16) != kept.hashes[1]


def test_the_picture_is_an_image_without_anything_else() -> None:
    picture = qr_picture(provisioning_uri("A" * 32, "wang@example.org"))
    kind, _, svg = picture.partition(",")
    assert kind.startswith("data:image/svg+xml") and len(picture) < 20_000
    shown = unquote(svg)
    assert "<path" in shown and "script" not in shown and "style" not in shown


async def set_password(district: Any, person: str) -> None:
    network = district.store.network
    found = await network.read(accounts.credentials_of, PersonId(person))
    await network.change(accounts.set_password, found, HASHER.hash(PASSWORD), district.now_ms, "")


async def test_a_recovery_code_in_its_place(district: Any) -> None:
    """Once, however it is typed; new ones end the old."""
    person = "demo-east-1-organizer"
    await set_password(district, person)
    own = await district.sign_in(person)
    _, begun = await own.post(FACTOR, {"password": PASSWORD})
    totp = pyotp.TOTP(begun["secret"])
    _, told = await own.post(f"{FACTOR}/confirm", {"code": totp.now()})

    async def signed_in(code: str) -> int:
        body = {"login": person, "password": PASSWORD, "code": code}
        return (await district.nobody.post(SIGN_IN, body))[0]

    typed = told["codes"][3].replace("-", " ").lower()
    assert await signed_in(typed) == 204 and await signed_in(typed) == 401
    assert (await own.get("/api/v1/whoami"))[1]["recovery_codes"] == 9
    both = {"password": PASSWORD, "code": told["codes"][5]}
    status, fresh = await own.post(f"{FACTOR}/recovery-codes", both)
    assert status == 200 and not set(fresh["codes"]) & set(told["codes"])
    assert await signed_in(told["codes"][4]) == 401
    # The phone is gone: with the next one the authenticator is removed.
    both = {"password": PASSWORD, "code": fresh["codes"][0]}
    assert (await own.post(f"{FACTOR}/drop", both))[0] == 204 and await signed_in("") == 204
    _, record = await district["east-organizer"].get("/api/v1/audit", object=person)
    deeds = [each["deed"] for each in record["deeds"] if each["deed"].startswith("recovery")]
    assert deeds == ["recovery-code-used", "recovery-codes-renewed", *["recovery-code-used"] * 2]


async def test_an_office_that_asks_for_one(district: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing is reached but what setting it up takes; others are asked for none."""
    app = district.door.app
    offices = (Office.ORGANIZER, Office.SUPERVISOR)
    monkeypatch.setitem(
        app._state, CONFIG, msgspec.structs.replace(app[CONFIG], second_factor_offices=offices)
    )
    person = "demo-east-1-organizer"
    await set_password(district, person)
    own = await district.sign_in(person)
    for path in ("/api/v1/places", "/api/v1/my/timetable", "/api/v1/audit", "/api/v1/catalogue"):
        status, told = await own.get(path)
        assert (status, told["type"]) == (403, "/problems/second-factor-required"), path
    assert (await own.get("/api/v1/whoami"))[1]["second_factor_due"] is True
    assert (await own.get("/api/v1/sign-ins"))[0] == 200
    for other in ("east-1-tutor", "east-1-provider"):
        assert (await district[other].get("/api/v1/whoami"))[1]["second_factor_due"] is False
        assert (await district[other].get("/api/v1/my/timetable"))[0] == 200
    assert (await district["city-supervisor"].get("/api/v1/supervision/wall"))[0] == 403
    assert (await district.root.get("/api/v1/places"))[0] == 200
    _, begun = await own.post(FACTOR, {"password": PASSWORD})
    assert begun["qr"].startswith("data:image/svg+xml")
    assert (await own.post(f"{FACTOR}/confirm", {"code": pyotp.TOTP(begun["secret"]).now()}))[0] == 200
    assert (await own.get("/api/v1/whoami"))[1]["second_factor_due"] is False
    assert (await own.get("/api/v1/places"))[0] == 200


async def test_what_gives_power_asks_once_more(district: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour after the password was last shown; showing it again is a sign-in anew."""
    person, door = "demo-east-1-organizer", district.door
    await set_password(district, person)
    invite = {"office": "tutor", "place": "demo-east-1"}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:

        async def ask(path: str, body: Any) -> tuple[int, str]:
            sent = {"Sec-Fetch-Site": "same-origin"}
            async with browser.post(door.url(path), json=body, headers=sent) as response:
                told = await response.json(content_type=None) if response.status != 204 else {}
                return response.status, told.get("type", "").rpartition("/")[2]

        def cookies() -> list[str]:
            # Beside the cookie by which the browser is known.
            return [each.value for each in browser.cookie_jar if each.key == SIGN_IN_COOKIE]

        assert await ask(SIGN_IN, {"login": person, "password": PASSWORD, "keep": True}) == (204, "")
        (before,) = cookies()
        assert await ask("/api/v1/invitations", invite) == (201, "")
        clock, real = district.store.clock, district.store.clock.unix_ms
        monkeypatch.setattr(clock, "unix_ms", lambda: real() + PROVED_MS + 60_000)
        assert await ask("/api/v1/invitations", invite) == (403, "proof-needed")
        async with browser.get(door.url("/api/v1/places")) as response:
            assert response.status == 200
        prove = "/api/v1/sign-ins/prove"
        assert await ask(prove, {"password": "wrong one here"}) == (403, "password-wrong")
        assert await ask("/api/v1/invitations", invite) == (403, "proof-needed")
        assert await ask(prove, {"password": PASSWORD}) == (204, "")
        assert await ask("/api/v1/invitations", invite) == (201, "")
        (after,) = cookies()
        assert after != before
        own = await district.sign_in(person)
        own.secret = before
        assert (await own.get("/api/v1/whoami"))[0] == 401
