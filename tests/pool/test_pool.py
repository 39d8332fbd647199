import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.limits import AtOnce, Tokens
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.queue import Queue
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, new_session
from gateway.timing import Window

ANY = [Hop("main", "m")]


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def transport() -> "Iterator[AiohttpTransport]":  # type: ignore[misc]  # an async generator fixture
    async with new_session(1) as session:
        yield AiohttpTransport(session)


def member(name: str, transport: AiohttpTransport, *models: str, pool: str = "main") -> Deployment:
    return Deployment(
        id=name,
        pool=pool,
        provider=PROVIDERS["openai-custom"],
        credential=NoKey(),
        transport=transport,
        base_url="http://127.0.0.1",
        models=models,
    )


async def test_the_least_recently_used_comes_first(transport: AiohttpTransport) -> None:
    a, b, c = (member(name, transport) for name in "abc")
    pools = Pools([Pool("main", [a, b, c], default_model="m")], Clock())

    order = []
    for _ in range(6):
        chosen = next(pools.attempts(ANY))[0]
        with pools.lease(chosen, "m"):
            order.append(chosen.id)

    assert order == ["a", "b", "c", "a", "b", "c"]


async def test_an_attempt_goes_down_the_pool_and_then_to_the_next(transport: AiohttpTransport) -> None:
    a, b = member("a", transport), member("b", transport)
    spare = member("spare", transport, pool="spare")
    pools = Pools(
        [Pool("main", [a, b], default_model="m"), Pool("spare", [spare], default_model="m")], Clock()
    )

    assert [found.id for found, _ in pools.attempts([Hop("main", "m"), Hop("spare", "n")])] == [
        "a",
        "b",
        "spare",
    ]


async def test_only_those_that_serve_the_model_are_tried(transport: AiohttpTransport) -> None:
    a, b = member("a", transport, "gpt-*"), member("b", transport, "o[0-9]*")
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())

    assert [found.id for found, _ in pools.attempts([Hop("main", "o3", claimed=True)])] == ["b"]


async def test_a_failed_deployment_rests_and_comes_back(transport: AiohttpTransport) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)

    with pytest.raises(errors.Overloaded), pools.lease(a, "m"):
        raise errors.Overloaded("busy")

    assert [found.id for found, _ in pools.attempts(ANY)] == ["b"]
    clock.now += 30
    assert sorted(found.id for found, _ in pools.attempts(ANY)) == ["a", "b"]


async def test_the_only_deployment_is_tried_although_it_rests(transport: AiohttpTransport) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())
    for deployment, wait in ((a, 50.0), (b, 20.0)):
        with pytest.raises(errors.RateLimited), pools.lease(deployment, "m"):
            raise errors.RateLimited("slow down", retry_after_s=wait)

    assert [found.id for found, _ in pools.attempts(ANY)] == ["b"]


async def test_a_rejected_key_rests_for_good_but_its_pool_mates_serve(transport: AiohttpTransport) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)

    with pytest.raises(errors.CredentialRejected), pools.lease(a, "m"):
        raise errors.CredentialRejected("who?")
    clock.now += 10**9

    assert [found.id for found, _ in pools.attempts(ANY)] == ["b"]


async def test_a_lease_counts_in_and_out_and_success_clears_the_record(transport: AiohttpTransport) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    with pytest.raises(errors.UpstreamFailed), pools.lease(a, "m"):
        raise errors.UpstreamFailed("500")
    assert pools.health(a).failures == 1

    with pools.lease(a, "m"):
        assert pools.health(a).in_flight == 1

    health = pools.health(a)
    assert (health.in_flight, health.failures, health.resting_until) == (0, 0, 0.0)


@pytest.mark.parametrize(
    "error", [errors.RequestRefused("bad field"), errors.Unsayable("film"), asyncio.CancelledError()]
)
async def test_the_requests_own_faults_and_a_client_that_leaves_punish_nobody(
    transport: AiohttpTransport, error: BaseException
) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())

    with pytest.raises(type(error)), pools.lease(a, "m"):
        raise error

    health = pools.health(a)
    assert (health.in_flight, health.failures, health.resting_until) == (0, 0, 0.0)


async def test_a_rate_limit_is_the_models_alone_and_success_lifts_it(transport: AiohttpTransport) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)

    def ready(model: str) -> list[str]:
        return sorted(found.id for found, _ in pools.attempts([Hop("main", model)]))

    with pytest.raises(errors.RateLimited), pools.lease(a, "m"):
        raise errors.RateLimited("slow down", retry_after_s=60)

    assert (ready("m"), ready("other")) == (["b"], ["a", "b"])
    with pools.lease(a, "other"):
        pass
    assert ready("m") == ["b"]
    with pools.lease(a, "m"):
        pass
    assert ready("m") == ["a", "b"]


async def test_one_at_its_limits_is_passed_over_and_the_next_pool_serves(transport: AiohttpTransport) -> None:
    a, spare = member("a", transport), member("spare", transport, pool="spare")
    a = replace(a, limits=(AtOnce(1),))
    pools = Pools([Pool("main", [a], default_model="m"), Pool("spare", [spare], default_model="m")], Clock())
    hops = [*ANY, Hop("spare", "m")]

    with pools.lease(a, "m"):
        assert [found.id for found, _ in pools.attempts(hops)] == ["spare"]
        assert list(pools.attempts(ANY)) == []
        assert not pools.allows(a, "m")
    assert [found.id for found, _ in pools.attempts(hops)] == ["a", "spare"]


async def test_a_request_waits_until_another_is_below_its_limits(transport: AiohttpTransport) -> None:
    a = replace(member("a", transport), limits=(AtOnce(1),))
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    with pools.lease(a, "m"):
        waiting = asyncio.ensure_future(pools.opening(ANY))
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting
    assert [found.id for found, _ in pools.attempts(ANY)] == ["a"]


async def test_a_quota_that_is_used_up_is_told_at_once_with_its_end(transport: AiohttpTransport) -> None:
    a = replace(member("a", transport), limits=(Tokens(100, partial(Window, 600.0)),))
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    with pools.lease(a, "m") as lease:
        lease.tokens = 150

    with pytest.raises(errors.NoDeploymentLeft) as caught:
        await pools.opening(ANY)

    assert (caught.value.status, caught.value.retry_after_s) == (429, 600.0)


async def test_nobody_waits_for_a_pool_without_members() -> None:
    assert not await Pools([Pool("main", [], default_model="m")], Clock()).opening(ANY)


async def test_a_model_asked_for_while_one_rests_does_not_wake_it(transport: AiohttpTransport) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)
    with pytest.raises(errors.Overloaded), pools.lease(a, "m"):
        raise errors.Overloaded("busy")

    assert [found.id for found, _ in pools.attempts([Hop("main", "m", claimed=True)])] == []
    c, d = member("c", transport, "m"), member("d", transport, "m")
    pools = Pools([Pool("main", [c, d], default_model="m")], clock)
    with pytest.raises(errors.Overloaded), pools.lease(c, "m"):
        raise errors.Overloaded("busy")

    assert [found.id for found, _ in pools.attempts([Hop("main", "m", claimed=True)])] == ["d"]


class Rush:
    """Many requests at once, each of its own length, at accounts with limits."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def one(self, turns: int) -> None:
        """One request, that lasts so many turns of the loop."""
        while True:
            found = next(self.pools.attempts(ANY), None)
            if found is not None:
                break
            await self.pools.opening(ANY)
        deployment, model = found
        with self.pools.lease(deployment, model):
            self.open[deployment.id] += 1
            self.most[deployment.id] = max(self.most[deployment.id], self.open[deployment.id])
            for _ in range(turns):
                await asyncio.sleep(0)
            self.open[deployment.id] -= 1


@pytest.mark.slow
@settings(max_examples=5)
@given(st.lists(st.integers(0, 12), min_size=200, max_size=200))
def test_no_limit_is_exceeded_and_nobody_is_forgotten_in_a_rush(lengths: list[int]) -> None:
    async def rush() -> Rush:
        async with new_session(1) as session:
            shared = AtOnce(4)
            members = [
                replace(member(name, AiohttpTransport(session)), limits=(AtOnce(most), shared))
                for name, most in (("a", 1), ("b", 2), ("c", 9))
            ]
            queue = Queue(most=200, patience_s=60)
            crowd = Rush(Pools([Pool("main", members, default_model="m")], Clock(), queue))
            async with asyncio.TaskGroup() as group:
                for length in lengths:
                    group.create_task(crowd.one(length))
            return crowd

    crowd = asyncio.run(rush())
    assert crowd.open.total() == 0
    assert crowd.most["a"] <= 1
    assert crowd.most["b"] <= 2
    assert crowd.most["c"] <= 4
