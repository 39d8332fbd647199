from collections.abc import Callable
from random import Random

from gateway.pool.line import Line
from gateway.pool.strategies.lru import Lru
from gateway.pool.strategies.strategy import NoOptions, Standing


def line_of(count: int) -> tuple[Line, list[Standing]]:
    members = [Standing(place) for place in range(count)]
    return Line(tuple(members), lambda standings: Lru(standings, Random(1).random, NoOptions())), members


def anybody(_: Standing) -> bool:
    return True


def use(line: Line, member: Standing, number: int) -> None:
    member.used = number
    line.start(member)


def test_who_rests_for_a_model_is_left_out_for_that_model_alone() -> None:
    line, (a, b) = line_of(2)

    line.leave(a, "m")

    assert (line.first("m", anybody), line.first("other", anybody), line.first("", anybody)) == (b, a, a)
    line.join(a, "m")
    assert line.first("m", anybody) is a


def test_a_view_keeps_the_order_of_the_line() -> None:
    line, (a, b, c) = line_of(3)
    line.leave(a, "m")

    use(line, b, 1)
    assert line.first("m", anybody) is c
    use(line, c, 2)
    assert line.first("m", anybody) is b
    line.join(a, "m")
    assert line.first("m", anybody) is a


def test_who_rests_with_all_models_is_left_out_of_every_view_until_both_rests_end() -> None:
    line, (a, b, c) = line_of(3)
    line.leave(b, "m")
    line.leave(a, "m")
    line.leave(a)
    assert (line.first("m", anybody), line.first("other", anybody)) == (c, b)

    line.join(a, "m")
    assert line.first("m", anybody) is c
    line.join(a)
    assert line.first("m", anybody) is a


def test_a_rest_for_a_model_lasts_although_the_account_is_back() -> None:
    line, (a, b) = line_of(2)
    line.leave(a, "m")
    line.leave(a)
    line.join(a)

    assert (line.first("m", anybody), line.first("other", anybody)) == (b, a)


def test_of_too_many_models_with_rests_those_who_ask_pass_over_the_resting() -> None:
    line, (a, b) = line_of(2)
    for number in range(100):
        line.leave(a, f"m{number}")

    def not_a(standing: Standing) -> bool:
        return standing is not a

    wanted: Callable[[Standing], bool] = not_a
    assert line.first("m99", wanted) is b
    line.join(a, "m99")
    assert line.first("m99", anybody) is a
