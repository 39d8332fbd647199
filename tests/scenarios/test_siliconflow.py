"""SiliconFlow's keys, each with its own money: the next one is warmed before the last one's is gone."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf

import pytest
from aiohttp import web
from pydantic import SecretStr

from gateway import errors
from gateway.config.mapping import NamedModel
from gateway.config.members import (
    BalanceConfig,
    DeploymentConfig,
    PoolConfig,
    StrategyConfig,
    SwitchPenaltyConfig,
)
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of, router_of
from gateway.pool.balances import BalanceKeeper
from gateway.pool.pools import Pools
from gateway.pool.probe import probe
from gateway.pool.warmer import Warmer
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.relay.route import Router
from gateway.timing import Clocks
from tests.gateways import configured
from tests.pool.clocks import At
from tests.upstreams import FakeUpstream, completion, listening

FIRST, SECOND, DEAR = "key-a-9f8e7d", "key-b-9f8e7d", "key-dear-9f8e7d"
MODEL = "deepseek-ai/DeepSeek-V3"
COST, TICK_S = 0.008, 10.0
PENALTY_S, FORGOTTEN_S = 600.0, 3600.0


class Site(FakeUpstream):
    """Counts money, and answers 503 for a while to a key that it has not seen lately."""

    def __init__(self, clock: At) -> None:
        super().__init__()
        self.clock = clock
        self.left = {FIRST: 2.0, SECOND: 2.0, DEAR: 100.0}
        self.seen = {FIRST: clock()}
        self.opens = {FIRST: -inf}
        self.cold = Counter[str]()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer by balance and by key."""
        key, now = request.headers["authorization"].removeprefix("Bearer "), self.clock()
        if request.path == "/v1/user/info":
            data = {"totalBalance": f"{self.left[key]:.4f}", "balance": "0"}
            return web.json_response({"code": 20000, "status": True, "data": data})
        if now - self.seen.get(key, -inf) > FORGOTTEN_S:
            self.opens[key] = now + PENALTY_S
        self.seen[key] = now
        if now < self.opens[key]:
            self.cold[key] += 1
            return web.json_response({"code": 50505, "message": "Model service overloaded"}, status=503)
        if self.left[key] <= 0:
            return web.json_response({"code": 30001, "message": "insufficient balance"}, status=403)
        self.left[key] -= COST
        return web.Response(body=completion("hello"), content_type="application/json")


def siliconflow(url: str) -> GatewayConfig:
    """Two keys with a little money, and a dear one that is to be spared."""

    def member(key: str, price: float, hard: float, soft: float) -> DeploymentConfig:
        return DeploymentConfig(
            id=key.removesuffix("-9f8e7d"),
            provider="siliconflow",
            api_key=SecretStr(key),
            base_url=f"{url}/v1",
            named=(NamedModel(name="big", upstream=MODEL),),
            price=price,
            balance=BalanceConfig(hard=hard, soft=soft),
            switch_penalty=SwitchPenaltyConfig(),
        )

    members = member(FIRST, 50, 0.1, 1), member(SECOND, 50, 0.1, 1), member(DEAR, 80, 10, 20)
    by_price = StrategyConfig(name="cheapest")
    return configured(PoolConfig(name="siliconflow", deployments=members, strategy=by_price))


@dataclass
class Afternoon:
    """A user who asks every ten seconds, while balances are read and keys are warmed."""

    clock: At
    site: Site
    pools: Pools
    router: Router
    served: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.keeper, self.warmer = BalanceKeeper(self.pools, self.clock), Warmer(self.pools, self.clock)

    async def go_on(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now += TICK_S
            for member in self.keeper.due():
                await self.keeper.look(member)
            for member in self.warmer.due():
                await self.warmer.warm(member)
            await self._ask()

    async def _ask(self) -> None:
        for deployment, model in islice(self.pools.attempts(self.router.route("big")), 3):
            try:
                with self.pools.lease(deployment, model):
                    await probe(replace(deployment, check_model=model))
            except errors.UpstreamError:
                self.failed[deployment.entry] += 1
            else:
                self.served.append(deployment.entry)
                return


@asynccontextmanager
async def afternoon() -> AsyncIterator[Afternoon]:
    clock = At(1_780_000_000.0)
    async with listening(Site(clock)) as site, Connector(1) as connector:
        config = siliconflow(site.url)
        pools = pools_of(config, AiohttpTransport(connector), clocks=Clocks(clock, clock))
        yield Afternoon(clock, site, pools, router_of(config, pools))


@pytest.mark.slow
async def test_keys_follow_each_other_as_their_money_ends_and_no_user_meets_a_cold_one() -> None:
    async with afternoon() as here:
        await here.go_on(3 * 3600)
    assert here.failed == {}
    assert set(here.site.cold) == {SECOND, DEAR}
    assert list(dict.fromkeys(here.served)) == ["key-a", "key-b", "key-dear"]
    assert len(here.served) == 3 * 360
    assert all(0 <= here.site.left[key] < 0.1 for key in (FIRST, SECOND))
    assert here.site.left[DEAR] > 20


@pytest.mark.slow
async def test_a_key_that_was_given_money_is_warmed_and_relieves_the_dear_one() -> None:
    async with afternoon() as here:
        await here.go_on(4 * 3600)
        assert here.served[-1] == "key-dear"
        spent, asked = here.site.left[DEAR], here.site.cold[FIRST]
        here.site.left[FIRST] = 50.0
        await here.go_on(3600)
    assert here.failed == {}
    assert here.served[-1] == "key-a"
    # The vendor is asked within minutes, and then the key every thirty seconds until it has come round.
    assert 0 < here.site.cold[FIRST] - asked <= PENALTY_S / 30 + 1
    assert spent - here.site.left[DEAR] <= COST * (300 + PENALTY_S + 60) / TICK_S
