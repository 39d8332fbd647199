"""Who serves in which place, and when the next one starts."""

import pytest

from gateway.cli.crew import PAUSES_S, STEADY_S, Crew, Worker


def serving(size: int, now: float = 0) -> tuple[Crew, list[Worker]]:
    """A complete crew."""
    crew = Crew(size, now)
    workers = [crew.start(place, now) for place in crew.due(now)]
    assert [crew.ready(worker) for worker in workers] == [None] * size
    return crew, workers


def test_at_first_every_place_is_due() -> None:
    crew = Crew(3, 7)
    assert (crew.due(7), crew.wait_s(7), crew.complete) == ([0, 1, 2], 0, False)


def test_a_place_is_started_once() -> None:
    crew, _ = serving(2)
    assert (crew.due(99), crew.wait_s(99), crew.complete) == ([], None, True)


def test_one_that_starts_but_does_not_serve_yet_leaves_the_crew_incomplete() -> None:
    crew = Crew(2, 0)
    first, _ = (crew.start(place, 0) for place in crew.due(0))
    crew.ready(first)
    assert not crew.complete


def test_after_a_long_life_the_next_one_starts_at_once() -> None:
    crew, (first, _) = serving(2)
    crew.gone(first, STEADY_S)
    assert (crew.due(STEADY_S), crew.complete) == ([0], False)


def test_after_short_lives_in_a_row_the_next_one_starts_later_and_later() -> None:
    crew, (worker,) = serving(1)
    now, pauses = 0.0, []
    for _ in range(len(PAUSES_S) + 2):
        crew.gone(worker, now)
        pause = crew.wait_s(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
        worker = crew.start(0, now)
        crew.ready(worker)
    assert pauses == pytest.approx([*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]])
    crew.gone(worker, now + STEADY_S)
    assert crew.wait_s(now + STEADY_S) == 0


def test_a_renewed_crew_serves_on_until_each_newcomer_is_ready() -> None:
    crew, olds = serving(2)
    crew.renew(50)
    news = [crew.start(place, 50) for place in crew.due(50)]
    assert crew.complete
    assert [crew.ready(new) for new in news] == olds
    assert crew.complete


def test_a_newcomer_that_fails_is_tried_again_while_the_old_one_serves() -> None:
    crew, _ = serving(1)
    crew.renew(50)
    crew.gone(crew.start(0, 50), 50)
    assert (crew.due(50), crew.complete) == ([0], True)


def test_of_two_newcomers_in_a_place_the_later_one_stays_whoever_is_ready_first() -> None:
    crew, (old,) = serving(1)
    crew.renew(50)
    former = crew.start(0, 50)
    crew.renew(51)
    latter = crew.start(0, 51)
    assert crew.ready(latter) is old
    assert crew.ready(former) is former


def test_a_dismissed_crew_is_not_followed() -> None:
    crew, (first, second) = serving(2)
    crew.gone(first, 5)
    crew.dismiss()
    crew.gone(second, 6)
    assert (crew.due(99), crew.wait_s(99)) == ([], None)
