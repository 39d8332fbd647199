"""What is worth a wait, and how often."""

import pytest

from gateway import errors
from gateway.relay.retries import LONGEST_WAIT_S, Again, RetryBudget, jitter, soonest


def limited(seconds: float | None) -> errors.RateLimited:
    return errors.RateLimited("slow down", retry_after_s=seconds)


def test_of_several_limits_the_one_that_ends_first_is_waited_for() -> None:
    assert soonest([limited(3), limited(1), limited(2)], left_s=60, jitter=0) == Again(1, 1)


def test_nobody_comes_before_the_time_and_all_come_a_little_apart() -> None:
    assert soonest([limited(5)], left_s=60, jitter=1) == Again(0, 6)
    assert soonest([limited(10)], left_s=60, jitter=1) == Again(0, LONGEST_WAIT_S)
    assert 0 <= jitter() <= 1


@pytest.mark.parametrize(
    ("failures", "left_s"),
    [
        ([], 60),
        ([limited(None)], 60),
        ([limited(1), limited(None)], 60),
        ([limited(1), errors.UpstreamFailed("500")], 60),
        ([errors.QuotaExhausted("broke", retry_after_s=1)], 60),
        ([limited(10.1)], 60),
        ([limited(86400)], 1e9),
        ([limited(2)], 1.9),
    ],
)
def test_what_ends_too_late_or_nobody_knows_when_is_not_waited_for(
    failures: list[errors.GatewayError], left_s: float
) -> None:
    assert soonest(failures, left_s, jitter=0) is None


def test_ten_retries_are_free_and_then_one_for_five_requests() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    granted = 0
    for _ in range(500):
        budget.earn()
        granted += budget.spend()
    assert 98 <= granted <= 100


def test_what_is_not_used_is_not_hoarded() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
