"""Keys with little money on them at a site that refuses for a while after a change of keys."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from gateway.config.members import (
    BalanceConfig,
    DeploymentConfig,
    PoolConfig,
    StrategyConfig,
    SwitchPenaltyConfig,
)
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, running
from tests.upstreams import completion

SAID = {"model": "m", "messages": [{"role": "user", "content": "How are you?"}]}
OLD, NEXT, LAST = "key-9f4c", "key-1b7d", "key-77aa"


@dataclass
class Site:
    """What is left on each key, and how many questions each refuses at first; whom it served, and whose
    users it refused.
    """

    left: Counter[str] = field(default_factory=lambda: Counter({OLD: 5, NEXT: 100, LAST: 100}))
    cold: Counter[str] = field(default_factory=lambda: Counter({NEXT: 3, LAST: 3}))
    served: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    url: str = ""

    async def balance(self, request: web.Request) -> web.Response:
        return web.json_response({"data": {"totalBalance": str(self.left[self._key(request)])}})

    async def answer(self, request: web.Request) -> web.Response:
        key, asked = self._key(request), await request.json()
        is_user = asked["messages"] == SAID["messages"]
        if self.left[key] == 0:
            return web.json_response({"message": "no money"}, status=402)
        if self.cold[key] > 0:
            self.cold[key] -= 1
            self.refused[key] += is_user
            return web.json_response({"message": "busy"}, status=503)
        self.left[key] -= 1
        self.served[key] += is_user
        return web.Response(body=completion("h"), content_type="application/json")

    def _key(self, request: web.Request) -> str:
        return request.headers["authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    here, app = Site(), web.Application()
    app.router.add_get("/v1/user/info", here.balance)
    app.router.add_post("/v1/chat/completions", here.answer)
    async with TestServer(app) as server:
        here.url = str(server.make_url("/v1"))
        yield here


def gateway_for(url: str) -> GatewayConfig:
    members = tuple(
        DeploymentConfig(
            id=f"sf-{number}",
            provider="siliconflow",
            api_key=SecretStr(key),
            base_url=url,
            models=("*",),
            balance=BalanceConfig(soft=10),
            switch_penalty=SwitchPenaltyConfig(probe_every=0.01),
        )
        for number, key in enumerate((OLD, NEXT, LAST), 1)
    )
    return configured(PoolConfig(name="p", deployments=members, strategy=StrategyConfig(name="sequential")))


async def test_the_next_key_is_warm_before_the_money_is_gone_and_no_user_meets_a_cold_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.pool.purse.FIRST_LOOK_S", 0.0)
    monkeypatch.setattr("gateway.pool.balances.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("gateway.pool.warmer.LOOK_EVERY_S", 0.01)
    async with site() as here, running(gateway_for(here.url)) as gateway, aiohttp.ClientSession() as session:

        async def ask() -> int:
            async with session.post(f"{gateway}/v1/chat/completions", json=SAID) as reply:
                await reply.read()
                return reply.status

        assert await ask() == 200
        async with asyncio.timeout(10):
            while here.left[NEXT] == 100:
                await asyncio.sleep(0.01)
        assert [await ask() for _ in range(10)] == [200] * 10
    assert here.served == {OLD: 5, NEXT: 6}
    assert (here.refused, here.cold[LAST]) == (Counter(), 3)
