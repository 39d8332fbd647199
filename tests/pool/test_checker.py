"""The health check, against real upstreams on the loopback; time is a parameter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import inf

import pytest

from gateway import errors
from gateway.auth.api_key import ApiKey
from gateway.pool.checker import FIRST_EARLY_S, LOOK_EVERY_S, RESET_EVERY_S, HealthChecker
from gateway.pool.deployment import Deployment
from gateway.pool.health import State
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from tests.upstreams import FakeUpstream, Play, completion, playing

LIST = Play([b'{"object":"list","data":[]}'], content_type="application/json")
ANSWER = Play([completion("h")], content_type="application/json")
BROKEN = Play([b"{}"], 500, content_type="application/json")
REJECTED = Play([b"{}"], 401, content_type="application/json")
INTERVAL_S = 600.0


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Ward:
    """One deployment, and who looks after it."""

    clock: Clock
    pools: Pools
    checker: HealthChecker
    deployment: Deployment
    upstream: FakeUpstream

    @property
    def rests(self) -> bool:
        return self.pools.health(self.deployment).account.whole.until > self.clock.now

    def is_due(self) -> bool:
        return self.checker.due() == [self.deployment]

    def fail(self, error: errors.GatewayError, times: int = 1, model: str = "m") -> None:
        for _ in range(times):
            with pytest.raises(type(error)), self.pools.lease(self.deployment, model):
                raise error


@asynccontextmanager
async def ward(*script: Play, max_errors: int = 3, **more: object) -> AsyncIterator[Ward]:
    async with playing(*script) as upstream, Connector(1) as connector:
        deployment = Deployment(
            id="a",
            pool="main",
            provider=PROVIDERS["openai-custom"],
            credential=ApiKey("authorization", "the-key", "Bearer "),
            transport=AiohttpTransport(connector),
            base_url=f"{upstream.url}/v1",
            **more,  # type: ignore[arg-type]  # fields of Deployment
        )
        clock = Clock()
        pools = Pools([Pool("main", [deployment], default_model="m")], clock)
        checker = HealthChecker(pools, INTERVAL_S, max_errors, clock)
        checker.due()
        yield Ward(clock, pools, checker, deployment, upstream)


async def test_the_first_check_comes_after_an_interval_a_tenth_more_or_less() -> None:
    async with ward(LIST) as here:
        here.clock.now += INTERVAL_S * 0.9 - 1
        assert not here.is_due()
        here.clock.now += INTERVAL_S * 0.2 + 1
        assert here.is_due()


async def test_checks_are_spread_over_a_fifth_of_the_interval() -> None:
    async with ward(LIST) as here:
        many = [replace(here.deployment, id=f"a{number}") for number in range(200)]
        pools = Pools([Pool("main", many, default_model="m")], here.clock)
        checker = HealthChecker(pools, INTERVAL_S, 3, here.clock)
        checker.due()
        here.clock.now += INTERVAL_S
        assert 50 < len(checker.due()) < 150


async def test_who_was_heard_of_lately_is_not_asked() -> None:
    async with ward(LIST) as here:
        here.clock.now += 500
        with here.pools.lease(here.deployment, "m"):
            pass
        here.clock.now += 500
        assert not here.is_due()
        here.clock.now += 161
        assert here.is_due()


async def test_who_is_busy_is_not_asked() -> None:
    async with ward(LIST) as here:
        here.clock.now += 10_000
        with here.pools.lease(here.deployment, "m"):
            assert not here.is_due()


async def test_who_is_switched_off_is_asked_only_by_hand_and_told_of() -> None:
    async with ward(BROKEN, LIST) as here:
        here.pools.switch(here.deployment, on=False)
        here.clock.now += INTERVAL_S * 2
        assert not here.is_due()
        assert isinstance(await here.checker.check(here.deployment), errors.UpstreamFailed)
        assert await here.checker.check(here.deployment) is None
        assert len(here.upstream.heard) == 2


async def test_a_deployment_that_wants_no_checks_is_left_alone() -> None:
    async with ward(LIST, check_health=False) as here:
        here.clock.now += 10_000
        assert here.checker.due() == []


async def test_deployments_with_one_key_are_asked_once_for_all() -> None:
    async with ward(LIST) as here:
        twins = [replace(here.deployment, id=name, account="one") for name in ("a", "b")]
        other = replace(here.deployment, id="c", account="one", check_model="small")
        pools = Pools([Pool("main", [*twins, other], default_model="m")], here.clock)
        checker = HealthChecker(pools, INTERVAL_S, 3, here.clock)
        checker.due()
        here.clock.now += 10_000
        assert len(checker.due()) == 2


async def test_a_key_that_is_taken_again_is_woken_and_looked_at_every_five_minutes() -> None:
    async with ward(REJECTED, LIST) as here:
        here.fail(errors.CredentialRejected("who?"))
        here.clock.now += RESET_EVERY_S - 1
        assert not here.is_due()
        here.clock.now += 1
        assert here.is_due()

        await here.checker.check(here.deployment)
        assert here.rests
        here.clock.now += RESET_EVERY_S - 1
        assert not here.is_due()
        here.clock.now += 1
        await here.checker.check(here.deployment)

        assert not here.rests
        assert here.pools.health(here.deployment).state(here.clock.now) is State.AVAILABLE


async def test_one_that_rests_is_asked_earlier_and_each_time_after_twice_as_long() -> None:
    async with ward(BROKEN, max_errors=100) as here:
        here.pools.rest(here.deployment, errors.Unreachable("gone"), inf)
        waits = []
        for _ in range(6):
            began = here.clock.now
            while not here.is_due():
                here.clock.now += 1
            waits.append(here.clock.now - began)
            await here.checker.check(here.deployment)

    assert waits[:5] == [FIRST_EARLY_S * 2**n for n in range(5)]
    assert 540 <= waits[5] <= 661


async def test_a_probe_that_is_refused_for_its_key_makes_the_account_rest_at_once() -> None:
    async with ward(REJECTED) as here:
        await here.checker.check(here.deployment)
        assert here.pools.health(here.deployment).account.whole.until == inf


async def test_only_failures_in_a_row_put_a_deployment_to_rest() -> None:
    script = [BROKEN, BROKEN, LIST, BROKEN, BROKEN, BROKEN]
    async with ward(*script) as here:
        rested = []
        for _ in script:
            await here.checker.check(here.deployment)
            rested.append(here.rests)
        assert here.pools.health(here.deployment).state(here.clock.now) is State.UNAVAILABLE

    assert rested == [False, False, False, False, False, True]


@pytest.mark.parametrize("status", [400, 404, 429])
async def test_who_limits_requests_or_has_no_list_of_models_lives(status: int) -> None:
    async with ward(Play([b"{}"], status, content_type="application/json")) as here:
        for _ in range(5):
            await here.checker.check(here.deployment)
        assert not here.rests


async def test_a_list_of_models_does_not_prove_that_a_model_answers() -> None:
    async with ward(LIST) as here:
        here.fail(errors.UpstreamFailed("500"), times=3)
        until = here.pools.health(here.deployment).account.rests_until("m")
        assert until > here.clock.now

        await here.checker.check(here.deployment)

        assert here.pools.health(here.deployment).account.rests_until("m") == until


async def test_a_model_that_answers_is_woken() -> None:
    async with ward(ANSWER, check_model="m") as here:
        here.fail(errors.UpstreamFailed("500"), times=3)

        await here.checker.check(here.deployment)

        assert here.pools.health(here.deployment).account.rests_until("m") == 0


@pytest.mark.parametrize(("play", "model", "rests"), [(LIST, None, True), (ANSWER, "m", False)])
async def test_only_an_answer_that_costs_shows_that_there_is_money_again(
    play: Play, model: str | None, *, rests: bool
) -> None:
    async with ward(play, check_model=model) as here:
        here.fail(errors.QuotaExhausted("broke"))

        await here.checker.check(here.deployment)

        assert here.rests is rests


async def test_it_looks_again_and_again_and_asks_whoever_is_due() -> None:
    async with ward(LIST) as here:
        waits: list[float] = []

        async def pause(seconds: float) -> None:
            waits.append(seconds)
            here.clock.now += 400
            if len(waits) == 5:
                raise TimeoutError

        here.checker.pause = pause
        with pytest.raises(TimeoutError):
            await here.checker.run()

    assert waits == [LOOK_EVERY_S] * 5
    assert len(here.upstream.heard) == 2
