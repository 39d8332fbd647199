from collections import Counter
from itertools import pairwise

import pytest
from pydantic import ValidationError

from gateway.pool.strategies import STRATEGIES
from gateway.pool.strategies.rotate import RotateOptions
from gateway.pool.strategies.strategy import Standing
from tests.pool.strategies.orders import Choosing, standings


def test_equal_members_of_equal_durations_share_fairly() -> None:
    choosing = Choosing("lru", standings(5))
    in_flight: list[Standing] = []
    started: Counter[int] = Counter()

    for _ in range(1000):
        if len(in_flight) == 7:
            choosing.end(in_flight.pop(0))
        in_flight.append(choosing.start())
        started[in_flight[-1].place] += 1

    assert max(started.values()) / min(started.values()) <= 1.05


def test_nobody_idles_while_another_has_two_more_in_flight() -> None:
    choosing = Choosing("lru", standings(5))
    # Some end soon, some late, some never: what ends is every third of those that are open.
    in_flight: list[Standing] = []
    for number in range(1000):
        in_flight.append(choosing.start())
        loads = [member.in_flight for member in choosing.members]
        assert in_flight[-1].in_flight - 1 == min([*loads, in_flight[-1].in_flight - 1])
        if number % 2:
            choosing.end(in_flight.pop(number % len(in_flight)))


def test_the_first_in_line_has_everything_until_it_cannot() -> None:
    first, second, third = Standing(0, priority=5), Standing(1, priority=1), Standing(2, priority=1)
    choosing = Choosing("sequential", [first, second, third])

    assert choosing.many(3) == [1, 1, 1]
    assert choosing.one(second) == 2
    assert choosing.one(second, third) == 0


def test_chance_favours_nobody_and_knows_no_turn() -> None:
    order = Choosing("random", standings(4)).many(4000)

    assert all(900 < count < 1100 for count in Counter(order).values())
    again = sum(before == after for before, after in pairwise(order))
    assert 900 < again < 1100


def test_requests_are_shared_by_weight_in_every_stretch() -> None:
    choosing = Choosing("weighted", [Standing(0, weight=3), Standing(1, weight=2)])

    for _ in range(20):
        assert Counter(choosing.many(5)) == {0: 3, 1: 2}


@pytest.mark.parametrize("strategy", ["random", "weighted"])
def test_who_comes_back_does_not_make_up_for_what_it_missed(strategy: str) -> None:
    choosing = Choosing(strategy, standings(3))
    choosing.many(3)
    away = choosing.members[2]
    choosing.line.leave(away)
    assert set(choosing.many(300)) == {0, 1}

    choosing.line.join(away)

    assert choosing.many(60).count(2) < 40


def test_the_least_busy_for_its_weight_is_next() -> None:
    strong, weak = Standing(0, weight=2), Standing(1)
    choosing = Choosing("least_busy", [strong, weak])

    order = [choosing.start().place for _ in range(6)]

    assert Counter(order) == {0: 4, 1: 2}
    choosing.end(weak)
    assert choosing.start() is weak


def test_a_limit_says_how_busy_somebody_is() -> None:
    wide, narrow = Standing(0, most_in_flight=10), Standing(1, most_in_flight=2)
    choosing = Choosing("least_busy", [wide, narrow])

    assert Counter(choosing.start().place for _ in range(6)) == {0: 5, 1: 1}
    assert (wide.load, narrow.load, Standing(2, in_flight=3).load) == (0.5, 0.5, 3.0)


def test_the_fastest_is_next_and_a_slow_answer_counts_at_once() -> None:
    choosing = Choosing("fastest", standings(2))
    for seconds in (2.0, 1.0):
        choosing.one(seconds=seconds)

    assert choosing.one(seconds=9.0) == 1
    assert choosing.one(seconds=2.0) == 0


def test_the_past_fades_and_what_is_in_flight_counts() -> None:
    choosing = Choosing("fastest", standings(2), decay_factor=0.5)
    for seconds in (4.0, 3.0):
        choosing.one(seconds=seconds)
    assert choosing.one(seconds=0.5) == 1

    assert [choosing.start().place for _ in range(4)] == [1, 1, 0, 1]


def test_a_failure_says_nothing_of_speed() -> None:
    choosing = Choosing("fastest", standings(2))
    choosing.one(seconds=None)
    choosing.one(seconds=3.0)

    assert choosing.one() == 0


def test_the_cheapest_that_can_is_next_and_equal_prices_share() -> None:
    dear, cheap, also_cheap = Standing(0, price=80), Standing(1, price=0), Standing(2, price=0)
    choosing = Choosing("cheapest", [dear, cheap, also_cheap])

    assert choosing.many(4) == [1, 2, 1, 2]
    assert choosing.one(cheap, also_cheap) == 0
    assert choosing.one() in (1, 2)


def wheel() -> list[Standing]:
    """Three accounts with three models each."""
    return [Standing(place, account=f"key-{place // 3}") for place in range(9)]


def test_models_and_keys_rotate_in_step() -> None:
    choosing = Choosing("rotate", wheel(), models_every=5, keys_every=15)

    assert choosing.many(90) == [place for _ in range(2) for place in range(9) for _ in range(5)]


def test_keys_turn_when_every_model_of_theirs_had_its_turn_if_nothing_is_said() -> None:
    assert Choosing("rotate", wheel()).many(18) == [*range(9), *range(9)]


def test_keys_may_turn_sooner_than_models_come_round() -> None:
    choosing = Choosing("rotate", wheel(), models_every=2, keys_every=4)

    # Models 0 1 2 0 1 2 …, keys 0 0 1 1 2 2 …
    assert choosing.many(12)[::2] == [0, 1, 5, 3, 7, 8]


def test_a_pair_that_never_comes_up_is_there_when_nothing_else_is() -> None:
    members = [Standing(place, account=f"key-{place // 2}") for place in range(4)]
    choosing = Choosing("rotate", members, models_every=1, keys_every=1)

    assert choosing.many(4) == [0, 3, 0, 3]
    assert choosing.one(members[0], members[3]) == 1


def test_others_stand_in_for_one_that_cannot_have_its_turn() -> None:
    choosing = Choosing("rotate", wheel(), models_every=5, keys_every=15)
    first = choosing.members[0]

    assert [choosing.one(first) for _ in range(5)] == [1] * 5


def test_keys_that_turn_out_of_step_with_models_are_refused() -> None:
    with pytest.raises(ValidationError, match="multiple of models_every"):
        RotateOptions(models_every=5, keys_every=12)


@pytest.mark.parametrize("name", [name for name, kind in STRATEGIES.items() if not kind.strategy.by_lot])
def test_every_member_has_a_rank_of_its_own_at_every_moment(name: str) -> None:
    kind = STRATEGIES[name]
    members = tuple(Standing(place, account=f"key-{place % 3}") for place in range(12))
    strategy = kind.strategy(members, iter([0.25] * 1000).__next__, kind.options())

    for number in range(40):
        assert len({strategy.rank(member) for member in members}) == len(members)
        member = min(members, key=strategy.rank)
        member.used, member.in_flight = number + 1, member.in_flight + 1
        strategy.start(member)
        if number % 3:
            member.in_flight -= 1
            strategy.end(member, 0.5)
