"""How often things may be tried, at a school's eight o'clock and by who guesses; by a clock of its own."""

from __future__ import annotations

import heapq
import random
from collections import Counter

import pytest

from signaling.join_http import Joins
from signaling.network.device_cookies import MAX_LOGINS, DeviceCookies
from signaling.network.invitations_http import code_attempts
from signaling.network.openid_http import vain_attempts
from signaling.network.passwords import AT_ONCE, MAX_WAITING
from signaling.network.sign_in import SCHOOL, SignInDoor
from signaling.problems import Problem

NAT = "203.0.113.9"
PUPILS = 1_000
HASH_S = 0.05
"""Of a password, beside lessons."""


def eight_oclock(within_s: float, mistype: float, seed: int) -> Counter[str]:
    """Pupils who come within so long from one address; so many of them mistype once, and try again after some
    seconds. What became of the attempts."""
    chance, door, told = random.Random(seed), SignInDoor(), Counter[str]()
    wrong = {f"pupil-{number}" for number in range(PUPILS) if chance.random() < mistype}
    arrivals = [(chance.uniform(0, within_s), f"pupil-{number}") for number in range(PUPILS)]
    heapq.heapify(arrivals)
    free = [0.0] * AT_ONCE
    done: list[tuple[float, int, object]] = []
    while arrivals:
        now, login = heapq.heappop(arrivals)
        while done and done[0][0] <= now:
            attempt = heapq.heappop(done)[2]
            if attempt is not None:
                attempt.forgive()  # type: ignore[attr-defined]
        try:
            attempt = door.attempt(login, NAT, now)
        except Problem as problem:
            told[problem.kind] += 1
            continue
        if len(done) >= MAX_WAITING:
            told["busy"] += 1
            continue
        ends = max(heapq.heappop(free), now) + HASH_S
        heapq.heappush(free, ends)
        right = login not in wrong
        heapq.heappush(done, (ends, len(told) + id(attempt), attempt if right else None))
        told["right" if right else "wrong"] += 1
        if not right:
            wrong.discard(login)
            heapq.heappush(arrivals, (ends + chance.uniform(3, 20), login))
    return told


@pytest.mark.parametrize(("within_s", "mistype"), [(600, 0.5), (60, 0.5), (5, 0.3), (0.001, 0.3)])
def test_a_school_behind_one_address(within_s: float, mistype: float) -> None:
    """All are in, however they come."""
    told = eight_oclock(within_s, mistype, seed=8)
    assert set(told) == {"right", "wrong"} and told["right"] == PUPILS, told
    assert 0.8 * mistype * PUPILS < told["wrong"] < 1.2 * mistype * PUPILS


def test_one_address_alone_does_not_fill_the_queue() -> None:
    assert PUPILS < SCHOOL < MAX_WAITING


def guesses(door: SignInDoor, tries: list[tuple[str, str]], day_s: float = 86_400.0) -> int:
    """How many of a day's are looked at, evenly spread."""
    looked_at = 0
    for number, (login, address) in enumerate(tries):
        try:
            door.attempt(login, address, number * day_s / len(tries))
        except Problem:
            continue
        looked_at += 1
    return looked_at


def test_guessing_of_one_login_from_everywhere() -> None:
    tries = [("wang", f"2001:db8:{number % 5_000:x}::/64") for number in range(20_000)]
    assert guesses(SignInDoor(), tries) <= 100 + 86_400 / 30 + 1


def test_one_password_on_many_logins() -> None:
    tries = [(f"login-{number}", NAT) for number in range(100_000)]
    assert guesses(SignInDoor(), tries) <= SCHOOL + 86_400 / 2 + 1


def test_by_a_browser_of_ones_own() -> None:
    assert guesses(SignInDoor(), [("wang", NAT)] * 5_000) <= 10 + 86_400 / 30 + 1
    door = SignInDoor()
    for _ in range(10):
        door.attempt("wang", NAT, 0.0, device="d")
    with pytest.raises(Problem, match="too-many-requests"):
        door.attempt("wang", NAT, 0.0, device="d")


def test_device_cookies() -> None:
    cookies = DeviceCookies(b"k" * 32)
    cookie = cookies.with_login("", "wang")
    assert cookies.known(cookie, "wang") and "wang" not in cookie
    assert not cookies.known(cookie, "li") and not cookies.known(cookie, "")
    both = cookies.with_login(cookie, "li")
    assert cookies.known(both, "wang") == cookies.known(both, "li") == cookie.partition(".")[0]
    assert cookies.with_login(both, "li") == both
    for number in range(MAX_LOGINS):
        both = cookies.with_login(both, f"login-{number}")
    assert not cookies.known(both, "wang") and both.count(".") == MAX_LOGINS
    for made_up in ("", ".", "x", "a" * 16, f"{'a' * 16}.x", cookie.replace(".", ".x"), "é" * 16 + ".é"):
        assert cookies.known(made_up, "wang") == ""
        assert cookies.known(cookies.with_login(made_up, "li"), "wang") == ""
    assert not DeviceCookies(b"o" * 32).known(cookie, "wang")


def test_a_class_joins_by_its_link() -> None:
    """A computer room twice over; a link that has got about ends in some pupils a second."""
    joins = Joins()
    for _ in range(120):
        joins.take("lesson", "class-1", NAT, 0.0)
    with pytest.raises(Problem, match="too-many-requests"):
        joins.take("lesson", "class-1", NAT, 0.0)
    joins.take("lesson", "class-2", NAT, 0.0)
    joins.take("lesson", "class-1", NAT, 1.0)
    got = 0
    for number in range(5_000):
        try:
            joins.take("lesson", "class-1", f"2001:db8:{number:x}::/64", 60.0)
        except Problem:
            continue
        got += 1
    assert got == 1_000


def test_four_classes_open_their_invitations_at_once() -> None:
    codes, single = code_attempts(), vain_attempts()
    assert all(codes.take(NAT, 0.0) for _ in range(200)) and not codes.take(NAT, 0.0)
    assert all(single.take(NAT, 0.0) for _ in range(PUPILS))
