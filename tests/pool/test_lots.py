from collections import Counter
from math import inf
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.pool.lots import Lots
from gateway.pool.strategies.strategy import Standing

PLACES = 12
RANKS = st.none() | st.sampled_from([0.0, inf])
MOVES = st.lists(st.tuples(st.integers(0, PLACES - 1), RANKS), max_size=100)


@given(MOVES, st.sets(st.integers(0, PLACES - 1)))
def test_it_draws_one_that_is_wanted_and_those_behind_in_their_order(
    moves: list[tuple[int, float | None]], unwanted: set[int]
) -> None:
    members = [Standing(place) for place in range(PLACES)]
    lots, ranks = Lots(Random(1).random), dict[int, float]()
    for place, rank in moves:
        if rank is None:
            lots.remove(members[place])
            ranks.pop(place, None)
        else:
            lots.enter(members[place])
            lots.move(members[place], (rank, place))
            ranks[place] = rank

        found = [each.first(lambda member: member.place not in unwanted) for each in (lots, lots.copy())]

        left = [place for place in ranks if place not in unwanted]
        drawn = [place for place in left if ranks[place] < inf] or sorted(left)[:1]
        assert all(one.place in drawn if one is not None else not drawn for one in found)
        assert {member.place for member in members if member in lots} == set(ranks)


def test_who_was_left_out_is_not_moved_in() -> None:
    member = Standing(0)
    lots = Lots(Random(1).random)
    for rank in (0.0, inf):
        lots.move(member, (rank, 0))
        assert lots.first(lambda _: True) is None


def test_whoever_looks_sees_the_same_until_somebody_is_moved() -> None:
    members = [Standing(place) for place in range(10)]
    lots, order = Lots(Random(1).random), list[Standing | None]()
    for member in members:
        lots.enter(member)
        lots.move(member, (0.0, member.place))
    for _ in members:
        order.append(lots.first(lambda member: member not in order))

    again = list[Standing | None]()
    for _ in members:
        again.append(lots.first(lambda member: member not in again))
    assert again == order
    firsts = set()
    for _ in range(100):
        lots.move(members[0], (0.0, 0))
        firsts.add(lots.first(lambda _: True))
    assert firsts == set(members)


def test_of_those_that_are_wanted_each_is_as_likely_as_any_other() -> None:
    members = [Standing(place) for place in range(10)]
    lots = Lots(Random(1).random)
    for member in members:
        lots.enter(member)
        lots.move(member, (0.0, member.place))

    drawn = Counter[Standing | None]()
    for _ in range(4000):
        drawn[lots.first(lambda member: member.place < 4)] += 1
        lots.move(members[0], (0.0, 0))

    assert set(drawn) == set(members[:4])
    assert all(900 < count < 1100 for count in drawn.values())
