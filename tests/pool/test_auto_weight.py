"""Weights that follow the load."""

import pytest

from gateway.pool.auto_weight import EVERY_S, AutoWeight
from gateway.pool.strategies.strategy import Standing
from tests.pool.strategies.orders import Choosing


def test_the_busier_a_member_is_the_less_it_weighs() -> None:
    idle, busy = Standing(0, weight=3), Standing(1, weight=3, in_flight=2)
    auto = AutoWeight()
    auto.weigh(idle, 0.0)
    auto.weigh(busy, 0.0)

    assert idle.weight == pytest.approx(3 / 0.1)
    assert busy.weight == pytest.approx(3 / 2.1)


def test_the_load_of_who_has_a_limit_is_its_share_of_it() -> None:
    half = Standing(0, weight=1, in_flight=2, most_in_flight=4)
    AutoWeight().weigh(half, 0.0)

    assert half.weight == pytest.approx(1 / 0.6)


def test_a_weight_is_what_is_configured_times_the_load_of_the_moment_every_ten_seconds() -> None:
    member, auto = Standing(0, weight=2), AutoWeight()
    auto.weigh(member, 100.0)
    member.in_flight = 1
    weights = []
    for now in (100.0, 100.0 + EVERY_S - 0.1, 100.0 + EVERY_S, 100.0 + EVERY_S):
        auto.weigh(member, now)
        weights.append(member.weight)

    assert weights == pytest.approx([20, 20, 2 / 1.1, 2 / 1.1])


def test_requests_keep_away_from_a_member_that_does_not_end_its_own() -> None:
    choosing, auto = Choosing("weighted", [Standing(0), Standing(1)]), AutoWeight()
    stuck, quick = choosing.members
    for now in range(0, 400, 2):
        for member in choosing.members:
            auto.weigh(member, float(now))
        if choosing.start() is quick:
            choosing.end(quick)

    assert quick.used > stuck.used
    assert stuck.in_flight < 60
