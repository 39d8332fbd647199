"""How many requests at once an upstream takes is found out from what it answers."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gateway.pool.adaptive import Adaptive
from tests.pool.clocks import At


def hear(limit: Adaptive, *statuses: int) -> int:
    for status in statuses:
        limit.hear("m", status, {})
    return limit.most


def test_a_refusal_halves_it_and_a_round_of_answers_lets_one_more_in() -> None:
    limit = Adaptive(At(0.0), begin=8)
    assert hear(limit, 529) == 4
    assert hear(limit, 200, 200, 200, 200, 200) == 5


def test_refusals_that_were_on_their_way_together_are_one() -> None:
    clock = At(0.0)
    limit = Adaptive(clock, begin=16)
    assert hear(limit, 429, 429, 429) == 8
    clock.now = 1.0
    assert hear(limit, 429) == 4


def test_other_failures_say_nothing_about_it() -> None:
    assert hear(Adaptive(At(0.0), begin=8), 500, 503, 401, 404) == 8


def test_there_are_never_more_at_once_than_it_allows() -> None:
    limit = Adaptive(At(0.0), begin=2)
    limit.start(0.0, "m")
    assert limit.opens_at(1.0, "m") == 1.0
    limit.start(1.0, "m")
    assert limit.opens_at(2.0, "m") == inf
    limit.end(3.0, "m", 10)
    assert limit.opens_at(3.0, "m") == 3.0


@given(st.lists(st.tuples(st.sampled_from([200, 429, 529, 500]), st.floats(0, 5)), max_size=200))
def test_it_is_never_less_than_one_or_more_than_its_bound(answers: list[tuple[int, float]]) -> None:
    clock = At(0.0)
    limit = Adaptive(clock, most=12)
    for status, pause in answers:
        clock.now += pause
        assert 1 <= hear(limit, status) <= 12
