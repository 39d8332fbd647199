from functools import partial
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gateway.pool.limits import MOST_MODELS, AtOnce, Requests, Tokens, common, opens_at
from gateway.timing import Window

MINUTE = partial(Window, 60.0)
STEPS = st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=300)


def test_no_more_at_once_than_allowed() -> None:
    limit = AtOnce(2)
    for _ in range(2):
        assert limit.opens_at(1.0, "m") == 1.0
        limit.start(1.0, "m")

    assert limit.opens_at(1.0, "m") == inf
    limit.end(2.0, "m", 0)
    assert limit.opens_at(2.0, "m") == 2.0


def test_requests_count_from_their_start_for_so_long() -> None:
    limit = Requests(2, MINUTE)
    limit.start(0.0, "m")
    limit.start(10.0, "n")
    limit.end(11.0, "n", 500)

    assert limit.opens_at(20.0, "m") == 60.0
    assert limit.opens_at(60.0, "m") == 60.0


def test_tokens_count_from_when_they_are_known() -> None:
    limit = Tokens(100, MINUTE)
    limit.start(0.0, "m")
    assert limit.opens_at(1.0, "m") == 1.0

    limit.end(5.0, "m", 120)

    assert limit.opens_at(6.0, "m") == 65.0


def test_each_model_may_have_its_own() -> None:
    limit = Requests(1, MINUTE, per_model=True)
    limit.start(0.0, "m")

    assert limit.opens_at(1.0, "m") == 60.0
    assert limit.opens_at(1.0, "n") == 1.0


def test_beyond_so_many_models_the_others_count_together() -> None:
    limit = Requests(1, MINUTE, per_model=True)
    for number in range(MOST_MODELS):
        limit.start(0.0, f"m{number}")
    limit.start(0.0, "one more")

    assert limit.opens_at(1.0, "another") == 60.0
    assert limit.opens_at(1.0, "m5") == 60.0


def test_all_limits_must_be_open() -> None:
    short, long = Requests(1, MINUTE), Requests(1, partial(Window, 100.0))
    for limit in (short, long):
        limit.start(0.0, "m")

    assert opens_at([short, long], 1.0, "m") == 100.0
    assert opens_at([], 1.0, "m") == 1.0


def test_those_that_all_have_and_that_hold_for_every_model_are_common() -> None:
    group, minute, own = AtOnce(2), Requests(5, MINUTE), AtOnce(2)
    by_model, tokens = Requests(5, MINUTE, per_model=True), Tokens(5, MINUTE)

    assert common([(own, group, by_model, minute), (minute, group, by_model, tokens)]) == (minute, group)
    assert common([(group, tokens)]) == (group, tokens)
    assert common([(group,), ()]) == ()


@given(STEPS)
def test_no_stretch_of_time_holds_more_requests_than_allowed(steps: list[tuple[float, bool]]) -> None:
    limit, now = Requests(5, partial(Window, 3.0)), 0.0
    started: list[float] = []
    for pause, eager in steps:
        now += pause / 4
        opens = limit.opens_at(now, "m")
        assert opens >= now
        if opens == now or eager:
            now = opens
            limit.start(now, "m")
            started.append(now)

    for at in started:
        assert sum(at - 3.0 < other <= at for other in started) <= 5
