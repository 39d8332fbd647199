"""A total outage and its end, second by second of a clock that passes when told to."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.policy import Policy
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.presets import preset
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector

HOPS = [Hop("main", "m")]
LATE_S = 10.0


@dataclass
class Upstream:
    """Everything is down until `back_at`; knows what it was asked."""

    back_at: float
    now: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    first_success: float | None = None

    def clock(self) -> float:
        return self.now

    def answer(self, deployment: Deployment) -> None:
        self.asked[deployment.id] += 1
        if self.now < self.back_at:
            raise errors.Overloaded("down")
        if self.first_success is None:
            self.first_success = self.now


def one(pools: Pools, upstream: Upstream, *, attempts: int = 3) -> bool:
    """A client's request: tried as long as attempts are left; whether it was answered."""
    for number, (deployment, model) in enumerate(pools.attempts(HOPS), 1):
        try:
            with pools.lease(deployment, model):
                upstream.answer(deployment)
        except errors.Overloaded:
            if number >= attempts:
                return False
        else:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 3, 30])
@pytest.mark.parametrize("minutes", [1, 6])
@pytest.mark.parametrize("policy", [preset("adaptive"), preset("reference")], ids=["adaptive", "reference"])
async def test_a_total_outage_is_asked_hardly_more_than_clients_ask_and_its_end_is_noticed(
    *, size: int, minutes: int, policy: Policy
) -> None:
    upstream = Upstream(back_at=minutes * 60.0)
    async with Connector(1) as connector:
        members = [
            Deployment(
                id=f"d{number}",
                pool="main",
                provider=PROVIDERS["openai-custom"],
                credential=NoKey(),
                transport=AiohttpTransport(connector),
                base_url="http://127.0.0.1",
                policy=policy,
            )
            for number in range(size)
        ]
        pools = Pools([Pool("main", members, default_model="m")], upstream.clock, chance=lambda: 0.5)
        requests = 0
        while upstream.first_success is None and upstream.now < upstream.back_at + 2 * LATE_S:
            one(pools, upstream)
            requests += 1
            upstream.now += 0.25
    # Until all rest, every failure is one of the three that each may have.
    assert upstream.asked.total() <= 1.2 * requests + 3 * size
    assert upstream.first_success is not None
    assert upstream.first_success - upstream.back_at <= LATE_S


async def test_two_hundred_at_once_while_all_rest_are_told_at_once_and_only_one_is_let_through() -> None:
    upstream = Upstream(back_at=1e9)
    async with Connector(1) as connector:
        a = Deployment(
            id="a",
            pool="main",
            provider=PROVIDERS["openai-custom"],
            credential=NoKey(),
            transport=AiohttpTransport(connector),
            base_url="http://127.0.0.1",
        )
        pools = Pools(
            [Pool("main", [a, replace(a, id="b"), replace(a, id="c")], default_model="m")], upstream.clock
        )
        for _ in range(9):
            one(pools, upstream)
        upstream.asked.clear()
        upstream.now += 1.5
        open_now, most, told = 0, 0, Counter[int]()

        async def client() -> None:
            nonlocal open_now, most
            found = next(pools.attempts(HOPS), None)
            if found is None:
                with pytest.raises(errors.NoDeploymentLeft) as caught:
                    await pools.opening(HOPS)
                assert (caught.value.retry_after_s or 0) > 0
                told[caught.value.status] += 1
                return
            with pytest.raises(errors.Overloaded), pools.lease(*found):
                open_now += 1
                most = max(most, open_now)
                await asyncio.sleep(0)
                open_now -= 1
                upstream.answer(found[0])

        async with asyncio.timeout(0.5), asyncio.TaskGroup() as group:
            for _ in range(200):
                group.create_task(client())

    assert (most, upstream.asked.total(), told) == (1, 1, {503: 199})


async def test_two_hundred_at_once_never_send_more_than_one_to_who_comes_back() -> None:
    upstream = Upstream(back_at=0.0)
    async with Connector(1) as connector:
        a = Deployment(
            id="a",
            pool="main",
            provider=PROVIDERS["openai-custom"],
            credential=NoKey(),
            transport=AiohttpTransport(connector),
            base_url="http://127.0.0.1",
        )
        pools = Pools([Pool("main", [a], default_model="m")], upstream.clock)
        with pytest.raises(errors.RateLimited), pools.lease(a, "m"):
            raise errors.RateLimited("slow down", retry_after_s=30)
        upstream.now = 30.0
        on_trial, most_on_trial, answered = 0, 0, 0

        async def client() -> None:
            nonlocal on_trial, most_on_trial, answered
            while (found := next(pools.attempts(HOPS), None)) is None:
                await pools.opening(HOPS)
            with pools.lease(*found):
                trial = pools.health(a).account.models["m"].on_trial
                on_trial += trial
                most_on_trial = max(most_on_trial, on_trial)
                for _ in range(5):
                    await asyncio.sleep(0)
                on_trial -= trial
                answered += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(client())

    assert (most_on_trial, answered) == (1, 100)
