import asyncio
from collections.abc import Iterator

import pytest

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Hop, Pool, Pools
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, new_session

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
