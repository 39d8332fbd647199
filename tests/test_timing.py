from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.timing import Day, Window

USES = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 9)), max_size=100)


@given(USES)
def test_a_window_never_says_less_than_there_was_and_forgets_what_is_past(
    uses: list[tuple[float, int]],
) -> None:
    window, now, used = Window(10.0), 0.0, list[tuple[float, int]]()
    for pause, amount in uses:
        now += pause
        window.add(now, amount)
        used.append((now, amount))

        counted = sum(amount for at, amount in used if at + 10 > now)
        lately = sum(amount for at, amount in used if at + 10.5 > now)
        assert counted <= window.total(now) <= lately
    assert window.total(now + 10) == 0


@given(USES, st.integers(1, 30))
def test_a_window_opens_when_it_says(uses: list[tuple[float, int]], most: int) -> None:
    window, now = Window(10.0), 0.0
    for pause, amount in uses:
        now += pause
        window.add(now, amount)

    opens = window.below(most, now)

    assert opens >= now
    assert window.total(opens) < most


def test_moments_close_together_take_no_more_room_than_one() -> None:
    window = Window(1000.0)
    for number in range(100_000):
        window.add(number / 1000)

    assert len(window._used) <= 101  # noqa: SLF001 - what a leak would show in
    assert window.total(100.0) == 100_000


def at(*date: int) -> Callable[[], float]:
    moment = datetime(*date, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]  # year, month, day, hour
    return lambda: moment


def test_a_day_ends_at_midnight_where_the_account_is() -> None:
    day = Day(ZoneInfo("Asia/Shanghai"), at(2026, 3, 1, 15))
    day.add(100.0, 495)

    assert day.total(100.0) == 495
    assert day.below(495, 100.0) == 100.0 + 3600
    assert day.below(496, 100.0) == 100.0
    day.wall = at(2026, 3, 1, 16)
    assert day.total(3700.0) == 0
    assert day.below(495, 3700.0) == 3700.0


def test_a_day_on_which_clocks_change_is_shorter() -> None:
    day = Day(ZoneInfo("Europe/Berlin"), at(2026, 3, 28, 23))
    day.add(0.0)

    assert day.below(1, 0.0) == 23 * 3600
