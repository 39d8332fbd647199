"""ModelScope's free requests: three models, three keys, so many a day for each, one request at a time."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.config.mapping import NamedModel
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig, QuotaConfig, StrategyConfig
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of, router_of
from gateway.providers import PROVIDERS
from gateway.timing import Clocks
from tests.gateways import configured, running
from tests.pool.clocks import At
from tests.upstreams import FakeUpstream, Play, completion, playing

MODELS = (
    "deepseek-ai/DeepSeek-R1-0528",
    "deepseek-ai/DeepSeek-V3.2-Exp",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct",
)
KEYS = tuple(f"modelscope-key-{number}-9f8e7d" for number in (1, 2, 3))
A_DAY = 495
SHANGHAI = ZoneInfo("Asia/Shanghai")
ANSWER = Play([completion("hello")], content_type="application/json")


def modelscope(url: str) -> GatewayConfig:
    """Its models by turns of five, its keys by turns of fifteen."""
    members = tuple(
        DeploymentConfig(
            id=f"key-{number}",
            provider="openai-custom",
            api_key=SecretStr(key),
            base_url=f"{url}/v1",
            group="modelscope",
            limits=LimitsConfig(quotas=(QuotaConfig(requests=A_DAY, reset="Asia/Shanghai"),)),
            named=tuple(NamedModel(name="big", upstream=model) for model in MODELS),
        )
        for number, key in enumerate(KEYS)
    )
    turns = StrategyConfig(name="rotate", options={"models_every": 5, "keys_every": 15})
    config = configured(PoolConfig(name="modelscope", deployments=members, strategy=turns))
    return config.model_copy(update={"groups": {"modelscope": LimitsConfig(max_concurrency=1)}})


async def ask(session: aiohttp.ClientSession) -> int:
    body = {"model": "big", "messages": [{"role": "user", "content": "hi"}]}
    async with session.post("/v1/chat/completions", json=body) as reply:
        await reply.read()
        return reply.status


def asked(upstream: FakeUpstream) -> list[tuple[str, str]]:
    """By which key for which model, request by request."""
    return [
        (heard.headers["authorization"].removeprefix("Bearer "), heard.json["model"])
        for heard in upstream.heard
    ]


async def test_models_turn_every_five_requests_and_keys_every_fifteen() -> None:
    async with playing(ANSWER) as upstream, running(modelscope(upstream.url)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:
            statuses = [await ask(session) for _ in range(50)]
    assert set(statuses) == {200}
    assert (
        asked(upstream)
        == [(key, model) for key in KEYS for model in MODELS for _ in range(5)] + [(KEYS[0], MODELS[0])] * 5
    )


@pytest.mark.slow
async def test_a_day_has_495_requests_for_each_key_and_begins_in_shanghai() -> None:
    clock = At(datetime(2026, 11, 21, 9, 30, tzinfo=SHANGHAI).timestamp())
    config, nowhere = modelscope("http://127.0.0.1"), PROVIDERS["demo"].transport
    assert nowhere is not None
    pools = pools_of(config, nowhere, clocks=Clocks(clock, clock))
    hops = router_of(config, pools).route("big")

    def until_nobody_can() -> Counter[tuple[str, str]]:
        """Requests one after the other, half a minute each."""
        used = Counter[tuple[str, str]]()
        while (found := next(pools.attempts(hops), None)) is not None:
            deployment, model = found
            with pools.lease(deployment, model):
                clock.now += 30
            used[deployment.entry, model] += 1
        return used

    even = {(f"key-{number}", model): A_DAY // 3 for number in range(3) for model in MODELS}
    assert until_nobody_can() == even
    with pytest.raises(errors.NoDeploymentLeft) as caught:
        await pools.opening(hops)
    midnight = datetime(2026, 11, 22, tzinfo=SHANGHAI).timestamp()
    assert (caught.value.status, caught.value.retry_after_s) == (429, midnight - clock.now)
    clock.now = midnight - 0.001
    assert next(pools.attempts(hops), None) is None
    clock.now = midnight
    assert until_nobody_can() == even


@dataclass
class Watched:
    """An answer that notes how many are under way when it is given."""

    upstream: FakeUpstream
    at_once: Counter[int] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[bytes]:
        self.at_once[self.upstream.active] += 1
        yield completion("hello")


async def test_of_all_keys_together_there_is_never_more_than_one_request_under_way() -> None:
    async with playing(ANSWER) as upstream, running(modelscope(upstream.url)) as gateway:
        watched = Watched(upstream)
        upstream.script[:] = [Play(watched, content_type="application/json")]
        async with aiohttp.ClientSession(gateway) as session:
            statuses = await asyncio.gather(*(ask(session) for _ in range(30)))
    assert (set(statuses), watched.at_once) == ({200}, {1: 30})


@pytest.mark.parametrize(
    ("header", "then"),
    [
        ("modelscope-ratelimit-model-requests-remaining", (KEYS[0], MODELS[1])),
        ("modelscope-ratelimit-requests-remaining", (KEYS[1], MODELS[0])),
    ],
    ids=["model", "key"],
)
async def test_who_is_said_to_have_nothing_left_is_not_asked_again(
    header: str, then: tuple[str, str]
) -> None:
    last = Play(ANSWER.chunks, headers={header: "0"}, content_type="application/json")
    async with playing(last, ANSWER) as upstream, running(modelscope(upstream.url)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:
            statuses = [await ask(session) for _ in range(4)]
    assert statuses == [200] * 4
    assert asked(upstream) == [(KEYS[0], MODELS[0]), *[then] * 3]


async def test_words_that_the_site_does_not_like_are_the_requests_own_fault() -> None:
    said = b'{"error":{"code":"data_inspection_failed","message":"inappropriate content"}}'
    refused = Play([said], status=400, content_type="application/json")
    async with playing(refused, ANSWER) as upstream, running(modelscope(upstream.url)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:
            statuses = [await ask(session) for _ in range(5)]
    assert statuses == [400, 200, 200, 200, 200]
    assert asked(upstream) == [(KEYS[0], MODELS[0])] * 5
