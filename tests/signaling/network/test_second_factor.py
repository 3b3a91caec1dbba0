"""An authenticator beside the password: its codes, and signing in with them."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest

from signaling.network.second_factor import SecondFactors, provisioning_uri
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
    assert (await own.post(f"{FACTOR}/confirm", {"code": totp.generate_otp(this - 1)}))[0] == 204
    assert (await other.get("/api/v1/whoami"))[0] == 401
    assert (await own.get("/api/v1/whoami"))[1]["second_factor"] is True
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
