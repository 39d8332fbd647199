"""Four providers of four prices: the cheapest that can serves, whoever of them fails and comes back."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

import aiohttp
import pytest

from gateway import errors
from gateway.config.failure_policy import FailurePolicyConfig
from gateway.config.members import PRICE_CLASSES, DeploymentConfig, PoolConfig, StrategyConfig
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of, router_of
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.relay.route import Router
from gateway.timing import Clocks
from tests.gateways import configured, running
from tests.pool.clocks import At
from tests.upstreams import Play, completion, playing

PRICES = ("freebie", "consumable", "normal", "precious")
ANSWER = Play([completion("hello")], content_type="application/json")
BROKEN = Play([b'{"error":{"message":"broken"}}'], status=500, content_type="application/json")
LIMITED = Play([b'{"error":{"message":"slow down"}}'], status=429, content_type="application/json")


def market(preset: str = "adaptive", **urls: str) -> GatewayConfig:
    """One deployment of each price, the dearest first."""
    members = tuple(
        DeploymentConfig(
            id=price,
            provider="openai-custom",
            base_url=f"{urls.get(price, 'http://127.0.0.1')}/v1",
            models=("m",),
            price=PRICE_CLASSES[price],
        )
        for price in reversed(PRICES)
    )
    by_price = StrategyConfig(name="cheapest")
    policy = FailurePolicyConfig.model_validate({"preset": preset})
    return configured(PoolConfig(name="main", deployments=members, strategy=by_price, failure_policy=policy))


@dataclass
class Day:
    """A request every second, while some are `down` from when to when."""

    clock: At
    pools: Pools
    router: Router
    down: Mapping[str, tuple[float, float]]
    served: list[str | None] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def go_on(self, until: float) -> None:
        while self.clock.now < until:
            self.served.append(self._ask())
            self.clock.now += 1

    def _answer(self, price: str) -> None:
        begins, ends = self.down.get(price, (0, 0))
        if begins <= self.clock.now < ends:
            self.failed[price] += 1
            raise errors.UpstreamFailed("down")

    def _ask(self) -> str | None:
        for deployment, model in islice(self.pools.attempts(self.router.route("m")), 3):
            try:
                with self.pools.lease(deployment, model):
                    self._answer(deployment.id)
            except errors.UpstreamFailed:
                continue
            return deployment.id
        return None


def day(preset: str, **down: tuple[float, float]) -> Day:
    clock, nowhere = At(0.0), PROVIDERS["demo"].transport
    assert nowhere is not None
    config = market(preset)
    pools = pools_of(config, nowhere, clocks=Clocks(clock, clock))
    return Day(clock, pools, router_of(config, pools), down)


@pytest.mark.parametrize(("preset", "first_rest_s", "most"), [("adaptive", 30, 3), ("reference", 300, 1)])
def test_the_cheap_ones_are_missed_while_they_are_away_and_hardly_longer(
    preset: str, first_rest_s: float, most: int
) -> None:
    here = day(preset, freebie=(60, 300), consumable=(120, 240))
    here.go_on(1800)

    for at, price in enumerate(here.served):
        assert price is not None
        for cheaper in PRICES[: PRICES.index(price)]:
            began, ended = here.down[cheaper]
            # A rest is at most as long as all before it together, a tenth more by chance.
            assert began <= at < ended + 1.1 * max(ended - began, first_rest_s)
    assert set(here.served) == {"freebie", "consumable", "normal"}
    assert here.served[-1] == "freebie"
    assert all(here.failed[price] <= most + 3 for price in ("freebie", "consumable"))


def test_the_dearest_serves_only_while_all_others_are_away() -> None:
    here = day("adaptive", freebie=(60, 90), consumable=(60, 90), normal=(60, 90))
    here.go_on(300)

    assert "precious" not in here.served[:60]
    # Three attempts make three deployments fail; the third such request finds them resting.
    assert Counter(here.served[60:63]) == {None: 3}
    assert here.served[63:90] == ["precious"] * 27
    assert "precious" not in here.served[130:]


async def test_a_request_goes_up_the_prices_until_somebody_answers() -> None:
    async with playing(BROKEN) as free, playing(LIMITED) as cheap, playing(ANSWER) as normal:
        async with playing(ANSWER) as dear:
            urls = {"freebie": free.url, "consumable": cheap.url, "normal": normal.url, "precious": dear.url}
            async with running(market(**urls)) as gateway, aiohttp.ClientSession(gateway) as session:
                for _ in range(6):
                    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
                    async with session.post("/v1/chat/completions", json=body) as reply:
                        assert (reply.status, reply.headers["x-gateway-deployment"]) == (200, "normal")
    assert [len(each.heard) for each in (free, cheap, normal, dear)] == [3, 1, 6, 0]
