"""Whatever outlives the process answers afterwards as it did before, at equal times of day."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.balance import READERS
from gateway.pool.account import Account
from gateway.pool.adaptive import Adaptive
from gateway.pool.allowance import Allowance
from gateway.pool.breaker import Breaker, Failure
from gateway.pool.lasting import Estate, Lasting
from gateway.pool.limits import Requests, Spending, Tokens
from gateway.pool.policy import Rest
from gateway.pool.purse import Purse
from gateway.pool.strategies.strategy import Standing
from gateway.pool.warmth import Warmth
from gateway.timing import Calendar, Day, Period, Window
from gateway.wire import fast_json
from tests.pool.clocks import At

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
MODELS = ("", "m", "n")
FEW_US = 1e-5
"""As exactly as a date tells a moment."""

ThingT = TypeVar("ThingT", bound=Lasting)


def reborn(thing: Lasting, young: ThingT, now: float, wall: float, *, born: float = 50.0) -> ThingT:
    """`young` as it goes on from `thing` in a process whose clock says `born` where `thing`'s says `now`."""
    facts = fast_json.loads(fast_json.dumps(thing.facts(Calendar(now, wall))))
    if facts is not None:
        young.recall(facts, Calendar(born, wall))
    return young


def later(moment: float, now: float) -> float | Any:
    """How long after `now` that is, as exactly as dates tell it; the past is over."""
    return inf if moment == inf else pytest.approx(max(0.0, moment - now), abs=FEW_US)


REST = Rest(first_s=30, factor=2, longest_s=600, after=2, obeys=True)
STEPS = st.lists(st.tuples(st.sampled_from(["ok", "bad", "wait", "asked"]), st.integers(0, 100)), max_size=20)


@given(STEPS, st.floats(0, 1e6))
def test_a_breaker_rests_on_and_counts_on(steps: list[tuple[str, int]], began: float) -> None:
    breaker, now = Breaker(), began
    for what, number in steps:
        begun = breaker.start()
        breaker.end(begun)
        now += number if what == "wait" else 0
        if what == "ok":
            breaker.succeed(now, begun)
        elif what != "wait":
            failure = Failure(name="Overloaded", asked_s=float(number) if what == "asked" else None)
            breaker.fail(REST, failure, now, begun)

    other = reborn(breaker, Breaker(), now, NOON)

    assert other.opens_at(50.0) - 50.0 == later(breaker.opens_at(now), now)
    assert (other.failures, other.rests) == (breaker.failures, breaker.rests)
    assert other.last_error == breaker.last_error
    # The next failure has the same consequence.
    again = Failure(name="Overloaded")
    assert other.fail(REST, again, 50.0, other.start()) == breaker.fail(REST, again, now, breaker.start())


def test_a_rest_without_an_end_has_none_afterwards() -> None:
    breaker = Breaker()
    breaker.rest(10.0, inf, "CredentialRejected")
    assert reborn(breaker, Breaker(), 10.0, NOON).until == inf


def test_an_account_rests_on_with_all_models_and_with_each() -> None:
    account = Account()
    account.whole.rest(10.0, 60, "QuotaExhausted")
    account.breaker("m", 10.0).rest(10.0, 90, "RateLimited")
    account.breaker("n", 10.0)

    other = reborn(account, Account(), 40.0, NOON)

    assert other.rests_until("n") - 50 == pytest.approx(30, abs=FEW_US)
    assert other.rests_until("m") - 50 == pytest.approx(60, abs=FEW_US)
    assert set(other.models) == {"m"}
    assert Account().facts(Calendar(0, 0)) is None


USES = st.lists(st.tuples(st.floats(0, 40_000), st.sampled_from(MODELS), st.integers(1, 3)), max_size=30)


def day_of(zone: str, wall: At) -> Callable[[], Period]:
    return partial(Day, ZoneInfo(zone), wall)


def rolling(seconds: float, _wall: At) -> Callable[[], Period]:
    return partial(Window, seconds)


@pytest.mark.parametrize("kind", [Requests, Tokens])
@pytest.mark.parametrize("per_model", [False, True])
@pytest.mark.parametrize(
    "period", [partial(rolling, 60.0), partial(rolling, 86_400.0), partial(day_of, "Asia/Shanghai")]
)
@given(uses=USES)
def test_what_was_used_stays_used(
    kind: type[Spending],
    per_model: bool,
    period: Callable[[At], Callable[[], Period]],
    uses: list[tuple[float, str, int]],
) -> None:
    wall = At(NOON)
    limit, now = kind(7, period(wall), per_model=per_model), 1000.0
    for pause, model, amount in uses:
        now += pause
        wall.now += pause
        limit.spend(now, model, amount)

    other = reborn(limit, kind(7, period(wall), per_model=per_model), now, wall.now)

    for model in MODELS:
        assert other.opens_at(50.0, model) - 50 == later(limit.opens_at(now, model), now)


def test_limits_of_one_account_are_told_apart_by_their_names() -> None:
    day = partial(Day, ZoneInfo("Asia/Shanghai"), At(NOON))
    limits = (
        Requests(9, partial(Window, 60.0)),
        Requests(9, partial(Window, 86_400.0)),
        Tokens(9, partial(Window, 60.0)),
        Tokens(9, day),
        Tokens(9, day, per_model=True),
        Adaptive(At(0)),
    )
    assert [limit.name for limit in limits] == [
        "requests 60 s",
        "requests 86400 s",
        "tokens 60 s",
        "tokens Asia/Shanghai",
        "tokens Asia/Shanghai per model",
        "adaptive",
    ]


def test_what_counts_no_more_is_not_written_down() -> None:
    quota = Requests(1, partial(Window, 60.0), per_model=True)
    for model, at in (("m", 0.0), ("n", 50.0)):
        quota.spend(at, model, 1)
    assert quota.facts(Calendar(60.0, 1000.0)) == {"n": [[990.0, 1]]}
    assert quota.facts(Calendar(110.0, 1050.0)) is None


def test_a_new_day_began_while_nobody_was_there() -> None:
    wall = At(NOON)
    quota = Requests(1, day_of("UTC", wall))
    quota.spend(1000.0, "m", 1)
    wall.now += 13 * 3600
    other = reborn(quota, Requests(1, day_of("UTC", wall)), 1000.0 + 13 * 3600, wall.now)
    assert other.opens_at(50.0, "m") == 50.0


def test_what_an_upstream_said_it_will_take_still_holds() -> None:
    clock, wall = At(1000.0), At(NOON)
    allowance = Allowance(clock, wall)
    allowance.hear("m", 200, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "600s"})
    allowance.hear("n", 200, {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "600s"})
    allowance.hear("o", 200, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "5s"})
    clock.now += 10

    other = reborn(allowance, Allowance(At(50.0), wall), clock.now, NOON)

    assert other.opens_at(50.0, "m") - 50 == pytest.approx(590, abs=FEW_US)
    assert other.opens_at(50.0, "n") == 50
    other.start(50.0, "n")
    assert other.opens_at(50.0, "n") - 50 == pytest.approx(590, abs=FEW_US)
    assert "o" not in str(allowance.facts(Calendar(clock.now, NOON)))
    assert Allowance(clock, wall).facts(Calendar(0, 0)) is None


def test_what_was_found_out_of_an_upstream_is_not_found_out_again() -> None:
    adaptive = Adaptive(At(0.0), most=50)
    for _ in range(300):
        adaptive.hear("m", 200, {})
    assert reborn(adaptive, Adaptive(At(0.0), most=50), 0, NOON).most == adaptive.most > 10
    assert reborn(adaptive, Adaptive(At(0.0), most=5), 0, NOON).most == 5


def purse(clock: At, currency: str | None = None) -> Purse:
    return Purse("a", READERS["deepseek"], clock, soft=10.0, hard=2.0, currency=currency)


def test_an_account_without_money_is_left_alone_until_somebody_has_looked() -> None:
    clock = At(1000.0)
    held = purse(clock)
    assert held.facts(Calendar(0, 0)) is None
    held.tell({"USD": 1.0})
    other = reborn(held, purse(At(50.0)), clock.now, NOON)
    assert other.is_spent
    assert other.opens_at(50.0, "m") == other.look_at == 80.0


def test_an_amount_in_another_currency_is_none() -> None:
    held = purse(At(1000.0), "USD")
    held.tell({"USD": 1.0})
    with pytest.raises(ValueError, match="currency"):
        reborn(held, purse(At(50.0), "CNY"), 1000.0, NOON)


def test_an_account_that_was_warm_is_warm() -> None:
    warmth = Warmth(3600, 30, 60)
    assert warmth.facts(Calendar(0, 0)) is None
    warmth.answer(1000.0)
    other = reborn(warmth, Warmth(3600, 30, 60), 4000.0, NOON)
    assert other.is_warm(50.0)
    assert not other.is_warm(650.1)


def test_how_long_answers_take_is_known() -> None:
    standing = Standing(0, latency_s=2.5)
    assert reborn(standing, Standing(0), 0, NOON).latency_s == 2.5
    assert Standing(0).facts(Calendar(0, 0)) is None


def test_nothing_is_said_of_what_is_like_new() -> None:
    estate = Estate("a", {"latency": Standing(0), "rests": Account(), "fast": Standing(0, latency_s=1.0)})
    assert estate.facts(Calendar(0, 0)) == {"fast": 1.0}


@pytest.mark.parametrize(
    "thing",
    [
        Account(),
        Adaptive(At(0)),
        Allowance(At(0), At(0)),
        Breaker(),
        Day(UTC, At(0)),
        Requests(1, partial(Window, 60.0)),
        Requests(1, partial(Day, UTC, At(0))),
        Standing(0),
        Warmth(1, 1, 1),
        Window(60.0),
        purse(At(0)),
    ],
    ids=lambda thing: type(thing).__name__,
)
@pytest.mark.parametrize(
    "facts", ["soon", ["a"], [[1]], {"a": "b"}, {"whole": None, "models": {"m": {}}}, {"used": 1, "ends": ""}]
)
def test_what_is_no_fact_is_refused_and_changes_nothing(thing: Lasting, facts: Any) -> None:
    before = repr(thing)
    with pytest.raises((LookupError, TypeError, ValueError)):
        thing.recall(facts, Calendar(0, 0))
    assert repr(thing) == before
