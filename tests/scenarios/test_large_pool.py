"""Ten thousand keys, one on each line of a file."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.cli.kinds import kinds
from gateway.config.load import load
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of, router_of
from gateway.pool.deployment import Deployment
from gateway.pool.limits import AtOnce
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.queue import Queue
from gateway.providers import PROVIDERS
from gateway.timing import Clocks
from tests.config.examples import redirected
from tests.gateways import running
from tests.pool.clocks import At
from tests.upstreams import FakeUpstream, completion, listening

COUNT = 10_000
CONFIG = """\
pools:
  main:
    deployments:
      - {uuid: key, provider: openai-custom, keys_file: keys.txt, models: [m]}
"""


class Vendor(FakeUpstream):
    """Has closed every tenth account."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = Counter[int]()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Look at the key."""
        number = int(request.headers["authorization"].rpartition("-")[2])
        self.shown[number] += 1
        if number % 10 == 0:
            return web.json_response({"error": {"message": "account closed"}}, status=401)
        return web.Response(body=completion("hello"), content_type="application/json")


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    """What the files say."""
    keys = tmp_path / "keys.txt"
    keys.write_text("".join(f"fake-key-{number:05}\n" for number in range(COUNT)))
    keys.chmod(0o600)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return load(tmp_path / "config.yaml", kinds(), {})


@pytest.mark.slow
async def test_ten_thousand_keys_take_turns_and_those_that_are_closed_are_asked_once(
    config: GatewayConfig,
) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    async with listening(Vendor()) as vendor:
        here = redirected(config, {"openai-custom": vendor.url})
        async with running(here) as gateway, aiohttp.ClientSession(gateway) as session:
            for _ in range(900):
                async with session.post("/v1/chat/completions", json=body) as reply:
                    assert reply.status == 200
    assert set(vendor.shown.values()) == {1}
    assert len(vendor.shown) == 1000


@pytest.mark.slow
async def test_when_all_of_them_rest_that_is_said_at_once_and_they_come_back_one_by_one(
    config: GatewayConfig,
) -> None:
    clock, nowhere = At(0.0), PROVIDERS["demo"].transport
    assert nowhere is not None
    pools = pools_of(config, nowhere, clocks=Clocks(clock, clock))
    hops = router_of(config, pools).route("m")
    used = Counter[str]()
    for number in range(COUNT):
        deployment, model = next(pools.attempts(hops))
        used[deployment.id] += 1
        with pytest.raises(errors.RateLimited), pools.lease(deployment, model):
            raise errors.RateLimited("slow down", retry_after_s=1000 + number)
    assert set(used.values()) == {1}
    assert len(used) == COUNT

    last_resort = [deployment.id for deployment, _ in pools.attempts(hops)]
    with pytest.raises(errors.NoDeploymentLeft) as caught:
        await pools.opening(hops)
    assert (len(last_resort), caught.value.status, caught.value.retry_after_s) == (1, 429, 1000)
    for awake in (1, 10, 100):
        clock.now = 999.0 + awake
        assert sum(1 for _ in pools.attempts(hops)) == awake


@dataclass
class Counted(AtOnce):
    """Knows how often it was asked."""

    asked: int = 0

    def opens_at(self, now: float, model: str) -> float:
        """Count it."""
        self.asked += 1
        return super().opens_at(now, model)


async def test_while_their_group_is_full_nobody_looks_for_one_of_them_that_can() -> None:
    demo, group = PROVIDERS["demo"], Counted(1)
    assert demo.transport is not None
    members = [
        Deployment(
            id=f"key-{number}",
            pool="main",
            provider=demo,
            credential=NoKey(),
            transport=demo.transport,
            base_url=demo.base_url,
            models=("m",),
            account=f"key-{number}",
            limits=(group,),
        )
        for number in range(1000)
    ]
    pools = Pools([Pool("main", members, default_model="m")], At(0.0), Queue(patience_s=0.0))
    hops = (Hop("main", "m", claimed=True),)
    with pools.lease(*next(pools.attempts(hops))):
        group.asked = 0
        assert list(pools.attempts(hops)) == []
        with pytest.raises(errors.Unavailable):
            await pools.opening(hops)
        assert group.asked < 10
    assert await pools.opening(hops)
    assert len(list(islice(pools.attempts(hops), 3))) == 3
