from math import inf

from gateway.pool.account import Account
from gateway.pool.breaker import Failure
from gateway.pool.policy import Rest


def test_a_model_rests_with_its_account_and_by_itself() -> None:
    account = Account()
    account.start("a", 0.0)
    account.start("b", 0.0)
    account.models["a"].rest(0.0, 60.0, "x")
    account.whole.rest(0.0, 10.0, "y")

    assert (account.rests_until("a"), account.rests_until("b"), account.rests_until("c")) == (60, 10, 10)
    assert (account.opens_at(20.0, "a"), account.opens_at(5.0, "c"), account.opens_at(20.0, "c")) == (
        60,
        10,
        20,
    )


def test_one_request_at_a_time_tries_an_account_whatever_its_model() -> None:
    account = Account()
    account.whole.rest(0.0, 10.0, "y")

    account.start("a", 10.0)

    assert account.opens_at(10.0, "b") == inf


def test_of_too_many_models_the_quiet_ones_are_forgotten_first() -> None:
    account = Account()
    for number in range(90):
        ((_, _), (breaker, begun)) = account.start(f"resting-{number}", 0.0)
        breaker.fail(Rest(first_s=60 + number), Failure(name="x"), 0.0, begun)
    for number in range(200):
        for breaker, begun in account.start(f"quiet-{number}", 0.0):
            breaker.end(begun)
    assert len(account.models) == 100
    assert all(f"resting-{number}" in account.models for number in range(90))


def test_of_too_many_that_rest_the_one_that_wakes_first_is_forgotten() -> None:
    account = Account()
    for number in range(101):
        ((_, _), (breaker, begun)) = account.start(f"m{number}", 0.0)
        breaker.fail(Rest(first_s=1000 - number), Failure(name="x"), 0.0, begun)

    assert "m99" not in account.models
    assert len(account.models) == 100
