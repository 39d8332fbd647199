"""Model lists that are fetched from upstreams and merged with what is configured."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.lister import ModelLister
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.relay.aliases import Alias, Destination
from gateway.relay.route import Map, Router
from tests.upstreams import Play, playing


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    async with Connector(1) as connector:
        yield AiohttpTransport(connector)


def listing(*models: str) -> Play:
    data = [{"id": model, "object": "model"} for model in models]
    return Play([orjson.dumps({"object": "list", "data": data})], content_type="application/json")


BROKEN = Play([b"{}"], status=500, content_type="application/json")


def member(
    name: str, transport: AiohttpTransport, url: str, provider: str = "groq", **more: Any
) -> Deployment:
    return Deployment(
        id=name,
        pool="main",
        provider=PROVIDERS[provider],
        credential=NoKey(),
        transport=transport,
        base_url=f"{url}/v1",
        fetch_models_s=3600,
        **more,
    )


def of(*members: Deployment, **aliases: Alias) -> tuple[Pools, Router]:
    pools = Pools([Pool("main", members, default_model="m")], lambda: 0.0)
    return pools, Router(pools, Map(models=aliases))


def listed(router: Router) -> list[str]:
    return [card.id for card in router.models()]


async def test_what_an_upstream_has_is_served_and_listed_beside_the_aliases(
    transport: AiohttpTransport,
) -> None:
    async with playing(listing("a", "b")) as upstream:
        one = member("one", transport, upstream.url)
        pools, router = of(one, quick=Alias([Destination("main", "b")]))
        assert await ModelLister(pools).fetch(one)

    assert listed(router) == ["quick", "a", "b"]
    assert [found.id for found, _ in pools.attempts(router.route("a"))] == ["one"]


async def test_only_who_has_a_model_is_asked_for_it(transport: AiohttpTransport) -> None:
    async with playing(listing("a", "b")) as first, playing(listing("b")) as second:
        one, two = member("one", transport, first.url), member("two", transport, second.url)
        pools, router = of(one, two)
        for each in (one, two):
            assert await ModelLister(pools).fetch(each)

    assert [found.id for found, _ in pools.attempts(router.route("a"))] == ["one"]
    assert [found.id for found, _ in pools.attempts(router.route("b"))] == ["one", "two"]


async def test_models_and_exclude_say_which_of_them_are_served(transport: AiohttpTransport) -> None:
    async with playing(listing("gpt-4", "gpt-4-audio", "whisper")) as upstream:
        one = member("one", transport, upstream.url, models=("gpt-*",), exclude=("keyword:audio",))
        pools, router = of(one)
        assert await ModelLister(pools).fetch(one)

    assert listed(router) == ["gpt-4"]


async def test_a_pattern_in_a_target_means_what_is_there_now(transport: AiohttpTransport) -> None:
    alias = Alias([Destination("main", "keyword:mini")], exclude=["prefix:old"])
    async with playing(listing("x-mini"), listing("x-mini", "y-mini", "old-mini", "z")) as upstream:
        one = member("one", transport, upstream.url)
        pools, router = of(one, small=alias)
        lister = ModelLister(pools)
        assert await lister.fetch(one)
        before = [hop.model for hop in router.route("small")]
        assert await lister.fetch(one)

    assert before == ["x-mini"]
    assert [hop.model for hop in router.route("small")] == ["x-mini", "y-mini"]


@pytest.mark.parametrize("failure", [BROKEN, listing(), Play([b"no"], content_type="application/json")])
async def test_a_failure_keeps_the_last_list(transport: AiohttpTransport, failure: Play) -> None:
    async with playing(listing("a"), failure) as upstream:
        one = member("one", transport, upstream.url)
        pools, router = of(one)
        lister = ModelLister(pools)
        assert await lister.fetch(one)
        assert not await lister.fetch(one)

    assert listed(router) == ["a"]


async def test_the_whole_list_is_asked_for(transport: AiohttpTransport) -> None:
    async with playing(listing("a")) as upstream:
        one = member("one", transport, upstream.url, "claude-custom")
        assert await ModelLister(of(one)[0]).fetch(one)

    assert upstream.heard[0].path == "/v1/models?limit=1000"


async def test_a_provider_without_a_list_is_not_asked(transport: AiohttpTransport) -> None:
    async with playing(listing("a")) as upstream:
        groq = PROVIDERS["groq"]
        one = replace(member("one", transport, upstream.url), provider=replace(groq, paths={}))
        assert not await ModelLister(of(one)[0]).fetch(one)

    assert upstream.heard == []


async def test_a_list_is_fetched_at_once_then_every_interval_and_sooner_after_a_failure(
    transport: AiohttpTransport,
) -> None:
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise asyncio.CancelledError

    async with playing(listing("a"), BROKEN, listing("a", "b")) as upstream:
        idle = replace(member("idle", transport, upstream.url), fetch_models_s=None)
        pools, router = of(member("one", transport, upstream.url), idle)
        lister = asyncio.ensure_future(ModelLister(pools, pause).run())
        await asyncio.wait([lister])

    assert lister.cancelled() or lister.done()
    assert [round(wait / 3600) for wait in waits] == [1, 0, 1]
    assert 50 < waits[1] < 70
    assert listed(router)[:2] == ["a", "b"]
