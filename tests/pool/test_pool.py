import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
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
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.timing import Day, Window

ANY = [Hop("main", "m")]


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def transport() -> "Iterator[AiohttpTransport]":  # type: ignore[misc]  # an async generator fixture
    async with Connector(1) as connector:
        yield AiohttpTransport(connector)


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


def fail(pools: Pools, deployment: Deployment, error: errors.GatewayError, model: str = "m") -> None:
    """A request at `deployment` that ends with `error`."""
    with pytest.raises(type(error)), pools.lease(deployment, model):
        raise error


def tried(pools: Pools, model: str = "m", *pool: str) -> list[str]:
    """Whom a request for `model` would try, all failing."""
    return sorted(found.id for found, _ in pools.attempts([Hop(name, model) for name in pool or ("main",)]))


async def test_the_third_failure_in_a_row_makes_a_deployment_rest_for_that_model_and_it_comes_back(
    transport: AiohttpTransport,
) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock, chance=lambda: 0.5)

    for _ in range(2):
        fail(pools, a, errors.Overloaded("busy"))
        assert tried(pools) == ["a", "b"]
    fail(pools, a, errors.Overloaded("busy"))

    assert (tried(pools), tried(pools, "other")) == (["b"], ["a", "b"])
    clock.now += 29.9
    assert tried(pools) == ["b"]
    clock.now += 0.1
    assert tried(pools) == ["a", "b"]


async def test_a_rejected_key_rests_for_good_for_all_that_use_it_wherever(
    transport: AiohttpTransport,
) -> None:
    clock = Clock()
    a, b = replace(member("a", transport), account="one"), member("b", transport)
    twin = replace(member("twin", transport, pool="spare"), account="one")
    pools = Pools([Pool("main", [a, b], default_model="m"), Pool("spare", [twin], default_model="m")], clock)

    fail(pools, a, errors.CredentialRejected("who?"))
    clock.now += 10**9

    assert tried(pools, "m", "main", "spare") == ["b"]
    assert tried(pools, "other", "main", "spare") == ["b"]
    pools.wake(twin)
    assert tried(pools, "m", "main", "spare") == ["a", "b", "twin"]


async def test_a_rest_for_what_a_model_is_called_there_leaves_out_whoever_is_asked_for_it_by_any_name(
    transport: AiohttpTransport,
) -> None:
    clock = Clock()
    named = replace(member("named", transport), account="one", upstream="real")
    plain = replace(member("plain", transport), account="one")
    other = replace(member("other", transport), account="one", upstream="unreal")
    pools = Pools([Pool("main", [named, plain, other], default_model="m")], clock)

    fail(pools, named, errors.RateLimited("slow down", retry_after_s=60), "real")

    assert tried(pools, "alias") == ["other", "plain"]
    assert tried(pools, "real") == ["other"]
    clock.now += 60
    assert tried(pools, "alias") == ["named", "other", "plain"]
    assert tried(pools, "real") == ["named", "other", "plain"]


async def test_the_only_deployment_is_tried_although_it_rests_one_request_at_a_time(
    transport: AiohttpTransport,
) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    fail(pools, a, errors.RateLimited("slow down", retry_after_s=50))

    assert tried(pools) == ["a"]
    with pools.lease(a, "m"):
        assert tried(pools) == []
    assert tried(pools) == ["a"]


async def test_who_waits_for_the_only_one_that_is_on_trial_is_let_in_when_its_answer_begins(
    transport: AiohttpTransport,
) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    fail(pools, a, errors.RateLimited("slow down", retry_after_s=50))

    with pools.lease(a, "m") as lease:
        waiting = asyncio.ensure_future(pools.opening(ANY))
        await asyncio.sleep(0)
        assert not waiting.done()
        lease.answers()
        assert await waiting
        assert tried(pools) == ["a"]


async def test_who_waits_for_the_only_one_waits_for_a_second_at_most(transport: AiohttpTransport) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock(), Queue(patience_s=0.01))
    fail(pools, a, errors.RateLimited("slow down", retry_after_s=50))

    with pools.lease(a, "m"), pytest.raises(errors.Unavailable) as caught:
        await pools.opening(ANY)

    assert caught.value.retry_after_s is not None


async def test_of_several_that_all_rest_the_first_to_wake_is_tried_once_a_second(
    transport: AiohttpTransport,
) -> None:
    clock = Clock()
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)
    for deployment, wait in ((a, 50.0), (b, 20.0)):
        fail(pools, deployment, errors.RateLimited("slow down", retry_after_s=wait))

    assert tried(pools) == ["b"]
    assert tried(pools) == []
    clock.now += 0.9
    assert tried(pools) == []
    clock.now += 0.2
    assert tried(pools) == ["b"]
    clock.now += 1
    with pools.lease(b, "m"):
        assert tried(pools) == []


@pytest.mark.parametrize(
    ("error", "status", "retry_after_s", "should_retry"),
    [
        (errors.RateLimited("slow down", retry_after_s=20), 429, 20, None),
        (errors.Overloaded("busy", retry_after_s=20), 503, 20, None),
        (errors.ModelUnavailable("gone"), 404, None, False),
        (errors.QuotaExhausted("broke"), 429, None, False),
        (errors.CredentialRejected("who?"), 502, None, False),
    ],
)
async def test_while_all_rest_the_client_is_told_at_once_why_and_for_how_long(
    transport: AiohttpTransport,
    *,
    error: errors.GatewayError,
    status: int,
    retry_after_s: float | None,
    should_retry: bool | None,
) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock(), chance=lambda: 0.5)
    for deployment in (a, b):
        fail(pools, deployment, error)
    assert len(tried(pools)) == 1

    for _ in range(2):
        with pytest.raises(errors.NoDeploymentLeft) as caught:
            await pools.opening(ANY)
        told = caught.value
        assert (told.status, told.retry_after_s, told.should_retry) == (status, retry_after_s, should_retry)


async def test_while_all_rest_for_good_and_not_for_one_reason_there_is_a_time_to_look_again(
    transport: AiohttpTransport,
) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())
    fail(pools, a, errors.CredentialRejected("who?"))
    pools.rest(b, errors.Unreachable("gone"), float("inf"))

    with pytest.raises(errors.NoDeploymentLeft) as caught:
        await pools.opening(ANY)

    assert (caught.value.status, caught.value.retry_after_s) == (503, 300)


async def test_who_wakes_is_tried_at_once_although_all_were_refused(transport: AiohttpTransport) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())
    for deployment in (a, b):
        fail(pools, deployment, errors.RateLimited("slow down", retry_after_s=60))
    assert len(tried(pools)) == 1
    assert tried(pools) == []

    pools.wake(b, ("m",))

    assert tried(pools) == ["b"]


async def test_a_success_in_spite_of_a_rest_ends_it(transport: AiohttpTransport) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())
    for deployment in (a, b):
        fail(pools, deployment, errors.RateLimited("slow down", retry_after_s=60))
    [(found, model)] = pools.attempts(ANY)

    with pools.lease(found, model):
        pass

    assert tried(pools) == [found.id]


async def test_a_retry_is_not_allowed_at_one_that_rests(transport: AiohttpTransport) -> None:
    clock = Clock()
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], clock)
    fail(pools, a, errors.RateLimited("slow down", retry_after_s=2))

    assert not pools.allows(a, "m")
    clock.now += 2
    assert pools.allows(a, "m")


async def test_a_lease_counts_in_and_out_and_success_clears_the_record(transport: AiohttpTransport) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())
    fail(pools, a, errors.UpstreamFailed("500"))
    assert pools.health(a).failures == 1

    with pools.lease(a, "m"):
        assert pools.health(a).in_flight == 1

    health = pools.health(a)
    assert (health.in_flight, health.failures, health.account.rests_until("m")) == (0, 0, 0.0)


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRefused("bad field"),
        errors.ContextTooLong("too long"),
        errors.ContentRefused("no"),
        errors.Unsayable("film"),
        asyncio.CancelledError(),
    ],
)
async def test_the_requests_own_faults_and_a_client_that_leaves_punish_nobody(
    transport: AiohttpTransport, error: BaseException
) -> None:
    a = member("a", transport)
    pools = Pools([Pool("main", [a], default_model="m")], Clock())

    for _ in range(1000):
        with pytest.raises(type(error)), pools.lease(a, "m"):
            raise error

    health = pools.health(a)
    assert (health.in_flight, health.failures, health.account.rests_until("m")) == (0, 0, 0.0)


async def test_a_rate_limit_is_the_models_alone_and_no_failure(transport: AiohttpTransport) -> None:
    a, b = member("a", transport), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], Clock())

    fail(pools, a, errors.RateLimited("slow down", retry_after_s=60))

    assert (tried(pools, "m"), tried(pools, "other")) == (["b"], ["a", "b"])
    with pools.lease(a, "other"):
        pass
    assert tried(pools, "m") == ["b"]
    assert pools.health(a).failures == 0


async def test_money_that_comes_back_at_midnight_is_waited_for(transport: AiohttpTransport) -> None:
    clock = Clock()
    day = Day(UTC, lambda: clock.now + 82800.0)
    a, b = replace(member("a", transport), period=day), member("b", transport)
    pools = Pools([Pool("main", [a, b], default_model="m")], clock)
    clock.now = 0.0

    fail(pools, a, errors.QuotaExhausted("broke"))
    fail(pools, b, errors.QuotaExhausted("broke"))

    assert pools.health(a).account.whole.until == 3600
    assert pools.health(b).account.whole.until == 600


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


async def test_a_name_asked_for_first_while_one_rests_does_not_wake_it(transport: AiohttpTransport) -> None:
    c, d = member("c", transport, "m"), member("d", transport, "m")
    pools = Pools([Pool("main", [c, d], default_model="m")], Clock())
    fail(pools, c, errors.CredentialRejected("who?"))

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
        async with Connector(1) as connector:
            shared = AtOnce(4)
            members = [
                replace(member(name, AiohttpTransport(connector)), limits=(AtOnce(most), shared))
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
