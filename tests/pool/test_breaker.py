from math import inf

import pytest

from gateway.pool.breaker import LONGEST_MEMORY_S, SLOW_START_S, Breaker, Failure, Tally
from gateway.pool.policy import LONGEST_ASKED_S, Rest, Until

STUMBLE = Rest(first_s=30, factor=2, longest_s=300, jitter=0.1, after=3, share=0.5)
BUSY = Rest(first_s=30, after=3, obeys=True)
WAIT = Rest(first_s=5, factor=2, longest_s=60, obeys=True, counts=False)


def fail(
    breaker: Breaker, rest: Rest, now: float, *, asked_s: float | None = None, chance: float = 0.5
) -> float | None:
    """A request that starts and fails."""
    begun = breaker.start()
    rest_s = breaker.fail(rest, Failure(name="Overloaded", asked_s=asked_s, chance=chance), now, begun)
    breaker.end(begun)
    return rest_s


def succeed(breaker: Breaker, now: float) -> bool:
    """A request that starts and is answered."""
    begun = breaker.start()
    woken = breaker.succeed(now, begun)
    breaker.end(begun)
    return woken


def test_a_stumble_is_forgiven_and_the_third_in_a_row_is_not() -> None:
    breaker = Breaker()

    assert [fail(breaker, STUMBLE, now) for now in (1.0, 2.0, 3.0)] == [None, None, 30.0]
    assert (breaker.opens_at(3.0), breaker.last_error) == (33.0, "Overloaded")


def test_a_success_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    for number in range(10):
        now = number * 100.0
        assert fail(breaker, STUMBLE, now) is None
        assert fail(breaker, STUMBLE, now) is None
        succeed(breaker, now)
    assert (breaker.rests, breaker.failures) == (0, 0)


def test_half_of_twenty_in_half_a_minute_is_too_much() -> None:
    breaker = Breaker()
    for number in range(9):
        succeed(breaker, float(number))
        assert fail(breaker, STUMBLE, float(number)) is None
    succeed(breaker, 9.0)

    assert fail(breaker, STUMBLE, 9.0) == 30.0


def test_what_is_long_past_counts_no_more() -> None:
    breaker = Breaker()
    for number in range(9):
        succeed(breaker, float(number))
        fail(breaker, STUMBLE, float(number))
    succeed(breaker, 100.0)

    assert fail(breaker, STUMBLE, 100.0) is None


def test_where_no_share_is_too_much_none_is() -> None:
    tally, row = Tally(), Rest(first_s=1, after=3)
    for _ in range(100):
        tally.note(1.0, well=False)

    assert not tally.mostly_fails(row, 1.0)
    assert tally.mostly_fails(STUMBLE, 1.0)


def test_a_tally_keeps_no_more_than_a_minute() -> None:
    tally = Tally()
    for second in range(1000):
        tally.note(float(second), well=True)

    assert len(tally) <= 3 * (LONGEST_MEMORY_S + 1)


def test_rests_grow_up_to_their_most_and_chance_spreads_them() -> None:
    breaker, row = Breaker(), Rest(first_s=30, factor=2, longest_s=300, jitter=0.1)

    assert [fail(breaker, row, 0.0) for _ in range(6)] == [30, 60, 120, 240, 300, 300]
    assert fail(Breaker(), row, 0.0, chance=0.0) == pytest.approx(27)
    assert fail(Breaker(), row, 0.0, chance=1.0) == pytest.approx(33)
    assert fail(breaker, row, 0.0, chance=1.0) == 300


def test_what_the_upstream_asks_for_comes_first_and_is_no_failure() -> None:
    breaker = Breaker()

    assert fail(breaker, WAIT, 0.0, asked_s=7.5) == 7.5
    assert (breaker.failures, breaker.opens_at(0.0)) == (0, 7.5)
    assert fail(Breaker(), WAIT, 0.0) == 5.0
    assert fail(Breaker(), Rest(first_s=5), 0.0, asked_s=7.5) == 5.0


def test_nobody_is_believed_who_wants_a_day() -> None:
    assert fail(Breaker(), WAIT, 0.0, asked_s=86400) == LONGEST_ASKED_S


def test_an_upstream_that_fails_and_says_for_how_long_is_obeyed_at_once() -> None:
    breaker = Breaker()

    assert fail(breaker, BUSY, 0.0, asked_s=2.0) == 2.0
    assert breaker.failures == 1
    assert fail(breaker, BUSY, 2.0, asked_s=2.0) == 30.0


def test_where_the_accounts_own_day_ends_is_when_its_money_is_back() -> None:
    row = Rest(first_s=600, until=Until.PERIOD)
    failure = Failure(name="QuotaExhausted", period_s=7200.0)

    assert Breaker().fail(row, failure, 0.0, 0) == 7200.0
    assert fail(Breaker(), row, 0.0) == 600.0


def test_a_shorter_rest_never_ends_a_longer_one() -> None:
    breaker = Breaker()
    fail(breaker, WAIT, 0.0, asked_s=100)
    fail(breaker, WAIT, 1.0, asked_s=1)

    assert breaker.opens_at(1.0) == 100.0


def test_many_that_fail_together_are_one_failure() -> None:
    breaker, row = Breaker(), Rest(first_s=30, factor=2, longest_s=300)
    begun = [breaker.start() for _ in range(200)]

    rests = [breaker.fail(row, Failure(name="x"), 0.0, each) for each in begun]

    assert rests == [30.0, *[None] * 199]
    assert (breaker.rests, breaker.opens_at(0.0)) == (1, 30.0)


def test_of_many_that_are_limited_together_the_longest_wait_counts() -> None:
    breaker = Breaker()
    begun = [breaker.start(), breaker.start()]

    for each, asked_s in zip(begun, (3.0, 9.0), strict=True):
        breaker.fail(WAIT, Failure(name="RateLimited", asked_s=asked_s), 0.0, each)

    assert (breaker.rests, breaker.opens_at(0.0)) == (1, 9.0)


def test_a_success_that_began_before_the_rest_does_not_end_it() -> None:
    breaker = Breaker()
    before = breaker.start()
    fail(breaker, WAIT, 0.0, asked_s=60)

    assert not breaker.succeed(1.0, before)
    breaker.end(before)
    assert breaker.opens_at(1.0) == 60.0


def test_after_a_rest_one_request_at_a_time_shows_whether_it_is_well() -> None:
    breaker = Breaker()
    fail(breaker, WAIT, 0.0)

    assert breaker.opens_at(5.0) == 5.0
    begun = breaker.start()
    assert (breaker.on_trial, breaker.opens_at(5.0)) == (True, inf)
    breaker.end(begun)
    assert (breaker.on_trial, breaker.opens_at(5.0)) == (False, 5.0)
    assert fail(breaker, STUMBLE, 5.0) == 60.0


def test_those_that_were_there_before_the_rest_do_not_stand_in_the_way_of_the_trial() -> None:
    breaker = Breaker()
    before = [breaker.start() for _ in range(5)]
    fail(breaker, WAIT, 0.0)

    assert breaker.opens_at(5.0) == 5.0
    for each in before:
        breaker.end(each)
    breaker.start()
    assert breaker.opens_at(5.0) == inf


def test_who_recovers_is_given_twice_as_much_at_once_each_time() -> None:
    breaker = Breaker()
    fail(breaker, WAIT, 0.0)
    assert succeed(breaker, 6.0)

    at_once = []
    for _ in range(7):
        at_once.append(breaker.at_once(6.0))
        assert not succeed(breaker, 6.0)

    assert at_once == [2, 4, 8, 16, 32, 64, inf]


def test_nobody_is_held_back_for_longer_than_the_slow_start() -> None:
    breaker = Breaker()
    fail(breaker, WAIT, 0.0)
    succeed(breaker, 6.0)
    for _ in range(9):
        breaker.start()

    assert breaker.opens_at(6.0 + SLOW_START_S - 1) == inf
    assert breaker.opens_at(6.0 + SLOW_START_S) == 6.0 + SLOW_START_S


def test_a_reset_forgets_everything() -> None:
    breaker = Breaker()
    fail(breaker, Rest(first_s=inf), 0.0)
    assert breaker.opens_at(1e9) == inf

    breaker.reset()

    assert (breaker.opens_at(1.0), breaker.failures, breaker.last_error) == (1.0, 0, "")
    assert breaker.is_quiet(1.0)


def test_a_rest_can_be_ordered() -> None:
    breaker = Breaker()
    breaker.rest(0.0, 660.0, "Unreachable")

    assert (breaker.opens_at(1.0), breaker.rests, breaker.last_error) == (660.0, 1, "Unreachable")
    assert not breaker.is_quiet(1.0)
