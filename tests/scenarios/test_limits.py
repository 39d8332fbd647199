"""Limits through a running gateway: two hundred clients at once, and what their upstreams saw of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig, QuotaConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, running
from tests.upstreams import Play, completion, playing

SAID = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CLIENTS = 200

counts = st.none() | st.integers(1, 12)
sums = st.none() | st.integers(1, 80)


@dataclass
class Site:
    """One upstream of many keys, which counts how many requests of each are there before it answers."""

    url: str = ""
    there: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    most_together: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        key = request.headers["authorization"].removeprefix("Bearer ")
        self.heard[key] += 1
        self.there[key] += 1
        self.most[key] = max(self.most[key], self.there[key])
        grouped = sum(count for key, count in self.there.items() if key.startswith("grouped"))
        self.most_together = max(self.most_together, grouped)
        for _ in range(20):  # others get their turn meanwhile
            await asyncio.sleep(0)
        self.there[key] -= 1
        return web.Response(body=completion("h"), content_type="application/json")


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    here, app = Site(), web.Application()
    app.router.add_route("*", "/{path:.*}", here.handle)
    async with TestServer(app) as server:
        here.url = str(server.make_url("/v1"))
        yield here


async def ask(session: aiohttp.ClientSession, gateway: str) -> tuple[int, str | None]:
    """The status of an answer, and after how long it says to come again."""
    async with session.post(f"{gateway}/v1/chat/completions", json=SAID) as reply:
        await reply.read()
        return reply.status, reply.headers.get("retry-after")


async def answers(gateway: str, clients: int = CLIENTS) -> list[tuple[int, str | None]]:
    """What so many clients are told who ask at once."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(ask(session, gateway) for _ in range(clients)))


def gateway_for(url: str, group: LimitsConfig, **limits: LimitsConfig) -> GatewayConfig:
    """One deployment for each of `limits`, those whose names begin with `grouped` in one group."""
    members = tuple(
        DeploymentConfig(
            id=name,
            provider="openai-custom",
            api_key=SecretStr(name),
            base_url=url,
            models=("*",),
            limits=said,
            group="site" if name.startswith("grouped") else None,
        )
        for name, said in limits.items()
    )
    config = configured(PoolConfig(name="p", deployments=members))
    return config.model_copy(update={"groups": {"site": group}})


@st.composite
def limited(draw: st.DrawFn) -> LimitsConfig:
    """Limits of which a minute would not see more than one period."""
    day = draw(sums)
    quotas = () if day is None else (QuotaConfig(requests=day),)
    return LimitsConfig(
        max_concurrency=draw(counts), adaptive=draw(st.booleans()), rpm=draw(sums), quotas=quotas
    )


def allowed(said: LimitsConfig) -> float:
    """How many requests of a minute `said` lets through."""
    return min(said.rpm or CLIENTS, *(quota.requests or CLIENTS for quota in said.quotas), CLIENTS)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(alone=limited(), first=limited(), second=limited(), group=limited())
def test_no_limit_is_exceeded_by_two_hundred_at_once(
    alone: LimitsConfig, first: LimitsConfig, second: LimitsConfig, group: LimitsConfig
) -> None:
    each = {"alone-9f4c": alone, "grouped-1b7d": first, "grouped-77aa": second}

    async def scenario() -> None:
        async with site() as here, running(gateway_for(here.url, group, **each)) as gateway:
            told = await answers(gateway)
        for name, said in each.items():
            assert here.most[name] <= (said.max_concurrency or CLIENTS)
            assert here.heard[name] <= allowed(said)
        assert here.most_together <= (group.max_concurrency or CLIENTS)
        assert here.heard["grouped-1b7d"] + here.heard["grouped-77aa"] <= allowed(group)
        statuses = Counter(status for status, _ in told)
        assert statuses.keys() <= {200, 429, 503}
        assert statuses[200] == here.heard.total() > 0
        assert all(after is not None for status, after in told if status != 200)

    asyncio.run(scenario())


@pytest.mark.slow
async def test_a_hundred_wait_for_a_second_and_whoever_comes_then_is_told_at_once() -> None:
    answer = asyncio.Event()
    slow = Play([answer, completion("h")], content_type="application/json")
    clock = asyncio.get_running_loop().time
    async with playing(slow) as upstream:
        one = LimitsConfig(max_concurrency=1)
        config = gateway_for(f"{upstream.url}/v1", LimitsConfig(), **{"key-9f4c": one})
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            first = asyncio.ensure_future(ask(session, gateway))
            while not upstream.heard:
                await asyncio.sleep(0.01)
            began = clock()
            told = await answers(gateway)
            took = clock() - began
            answer.set()
            assert (await first)[0] == 200
    assert Counter(status for status, _ in told) == {503: CLIENTS}
    assert {after for _, after in told} == {"1"}
    assert took >= 1.0
    assert len(upstream.heard) == 1


async def test_who_waits_is_served_in_turn_once_there_is_room() -> None:
    async with site() as here:
        config = gateway_for(here.url, LimitsConfig(), **{"key-9f4c": LimitsConfig(max_concurrency=2)})
        async with running(config) as gateway:
            told = await answers(gateway, 10)
    assert Counter(status for status, _ in told) == {200: 10}
    assert here.most["key-9f4c"] == 2


async def test_a_quota_is_told_with_the_time_of_its_end() -> None:
    async with site() as here:
        three = LimitsConfig(quotas=(QuotaConfig(requests=3, reset="Asia/Shanghai"),))
        async with running(gateway_for(here.url, LimitsConfig(), **{"key-9f4c": three})) as gateway:
            told = [(await answers(gateway, 1))[0] for _ in range(4)]
    assert [status for status, _ in told] == [200, 200, 200, 429]
    assert 0 < int(told[-1][1] or 0) <= 86_400
