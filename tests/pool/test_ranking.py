from hypothesis import given
from hypothesis import strategies as st

from gateway.pool.ranking import Ranking
from gateway.pool.strategies.strategy import Rank, Standing

PLACES = 20
MOVES = st.lists(st.tuples(st.integers(0, PLACES - 1), st.none() | st.integers(0, 20)), max_size=300)


def put(ranking: Ranking, member: Standing, rank: Rank) -> None:
    ranking.enter(member)
    ranking.move(member, rank)


@given(MOVES, st.sets(st.integers(0, PLACES - 1)))
def test_it_finds_what_sorting_would_find(moves: list[tuple[int, int | None]], unwanted: set[int]) -> None:
    members = [Standing(place) for place in range(PLACES)]
    ranking, ranks = Ranking(), dict[int, float]()
    for place, rank in moves:
        if rank is None:
            ranking.remove(members[place])
            ranks.pop(place, None)
        else:
            put(ranking, members[place], (rank, place))
            ranks[place] = rank

        found = ranking.first(lambda member: member.place not in unwanted)

        left = [(rank, place) for place, rank in ranks.items() if place not in unwanted]
        assert (None if found is None else found.place) == (min(left)[1] if left else None)
        assert {member.place for member in members if member in ranking} == set(ranks)


def test_what_was_moved_often_leaves_nothing_behind() -> None:
    members = [Standing(place) for place in range(20)]
    ranking = Ranking()
    for number in range(1000):
        for member in members:
            put(ranking, member, (-float(number), -member.place))

    assert len(ranking._heap) < 200  # noqa: SLF001 - what a leak would show in
    assert ranking.first(lambda _: True) is members[-1]


def test_a_fall_from_the_worst_to_the_best_is_found_however_often() -> None:
    members = [Standing(place) for place in range(100)]
    ranking = Ranking()
    for place, member in enumerate(members):
        put(ranking, member, (-float(place),))

    assert ranking.first(lambda _: True) is members[-1]
    for each in (ranking.copy(), ranking):
        assert each.first(lambda member: member.place < 50) is members[49]
    for member in reversed(members):
        assert ranking.first(lambda _: True) is member
        ranking.remove(member)
    assert ranking.first(lambda _: True) is None
