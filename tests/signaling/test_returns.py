from __future__ import annotations

from signaling.returns import Returns


def test_of_counted_attempts_the_higher_is_the_newer() -> None:
    returns = Returns()
    returns.came("t", 3)
    assert returns.outdated("t", 2)
    assert not returns.outdated("t", 3), "the same one again: the later to arrive"
    assert not returns.outdated("t", 4)
    assert not returns.outdated("other", 1)


def test_who_does_not_count_is_the_newer_by_arriving_later() -> None:
    returns = Returns()
    returns.came("t", 3)
    assert not returns.outdated("t", 0)
    returns.came("t", 0)
    assert returns.outdated("t", 2), "what was counted stays"


def test_a_replaced_token_is_dead_for_all() -> None:
    returns = Returns()
    returns.replaced("t")
    assert returns.outdated("t", 0)
    assert returns.outdated("t", 2**53 - 1)
    returns.came("t", 5)
    assert returns.outdated("t", 6)


def test_without_a_token_there_is_nothing_to_remember() -> None:
    returns = Returns()
    returns.came("", 3)
    assert not returns.outdated("", 1)
    assert len(returns) == 0


def test_only_so_many_are_remembered_the_latest() -> None:
    returns = Returns(limit=2)
    for token in ("a", "b", "a", "c"):
        returns.came(token, 3)
    assert len(returns) == 2
    assert returns.outdated("a", 1)
    assert not returns.outdated("b", 1)
