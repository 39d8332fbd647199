"""What is left of an account's money is asked for in time, and below the last coin nothing is asked of it."""

from math import inf

import pytest

from gateway.ledger.balance import READERS
from gateway.pool.purse import FIRST_LOOK_S, Purse
from tests.pool.clocks import At


def purse(currency: str | None = None) -> tuple[Purse, At]:
    clock = At(1000.0)
    return Purse("a", READERS["deepseek"], clock, soft=10.0, hard=2.0, currency=currency), clock


def told(held: Purse, clock: At, after_s: float, left: float, *, used: bool = True) -> float:
    """In how many seconds to look again, told `after_s` later that so much is `left`."""
    clock.now += after_s
    if used:
        held.start(clock.now, "m")
    held.tell({"USD": left})
    return held.look_at - clock.now


def test_nobody_waits_for_a_balance_that_is_not_known_yet() -> None:
    held, clock = purse()
    assert held.look_at == clock.now + FIRST_LOOK_S
    assert held.opens_at(clock.now, "m") == clock.now
    assert not held.is_low


def test_the_nearer_the_end_the_sooner_it_is_looked_at_again() -> None:
    held, clock = purse()
    told(held, clock, 0, 100)
    # A unit a second: what is above the last two lasts 88 s more, a fifth of which is too soon.
    assert told(held, clock, 10, 90) == 30.0
    # One in a hundred seconds: 8,700 s more.
    assert told(held, clock, 100, 89) == pytest.approx(1740.0)
    assert told(held, clock, 1000, 88.9) == 1800.0


def test_nobody_asks_often_about_an_account_that_nobody_uses() -> None:
    held, clock = purse()
    assert told(held, clock, 0, 100, used=False) == 300.0
    assert told(held, clock, 300, 100, used=False) == 1800.0
    assert told(held, clock, 300, 100) == 300.0


def test_below_the_hard_threshold_it_rests_until_there_is_more() -> None:
    held, clock = purse()
    told(held, clock, 0, 1.99)
    assert held.is_spent
    assert held.opens_at(clock.now, "m") == held.look_at == clock.now + 300.0
    clock.now = held.look_at
    assert held.opens_at(clock.now, "m") > clock.now
    told(held, clock, 1, 50)
    assert held.opens_at(clock.now, "m") == clock.now


def test_below_the_soft_threshold_it_is_low_and_still_used() -> None:
    held, clock = purse()
    told(held, clock, 0, 9.5)
    assert (held.is_low, held.is_spent) == (True, False)
    assert held.opens_at(clock.now, "m") == clock.now


def test_the_currency_that_is_meant_counts_and_of_several_the_larger_one() -> None:
    held, _ = purse(currency="CNY")
    held.tell({"USD": 100.0, "CNY": 1.0})
    assert held.left == 1.0
    held.tell({"USD": 100.0})
    assert held.left == 1.0
    other, _ = purse()
    other.tell({"USD": 5.0, "CNY": 1.0})
    assert other.left == 5.0


def test_an_account_without_a_limit_is_never_spent() -> None:
    held, clock = purse()
    assert told(held, clock, 0, inf) == 300.0
    assert told(held, clock, 10, inf) == 300.0
    assert held.opens_at(clock.now, "m") == clock.now


def test_a_vendor_that_does_not_tell_changes_nothing() -> None:
    held, clock = purse()
    told(held, clock, 0, 1)
    held.miss()
    assert held.is_spent
    held.end(clock.now, "m", 100)


def test_whether_there_is_more_than_before_is_told() -> None:
    held, _ = purse()
    assert [held.tell({"USD": left}) for left in (5.0, 5.0, 4.0, 6.0)] == [False, False, False, True]
    other, _ = purse(currency="CNY")
    assert not other.tell({"USD": 5.0})


def test_a_reset_forgets_what_is_left_and_asks_at_once() -> None:
    held, clock = purse()
    told(held, clock, 0, 1)
    held.reset()
    assert held.opens_at(clock.now, "m") == held.look_at == clock.now


def test_a_refusal_for_want_of_money_is_worth_a_look_but_not_one_each() -> None:
    held, clock = purse()
    told(held, clock, 0, 100)
    clock.now += 10
    held.hear("m", 200, {})
    assert held.look_at > clock.now + 30
    held.hear("m", 402, {})
    assert held.look_at == clock.now + 20
    clock.now += 100
    held.hear("m", 402, {})
    assert held.look_at == clock.now - 80
