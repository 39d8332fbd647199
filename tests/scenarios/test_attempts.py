"""How often one request is tried, and where not any more."""

import openai
import pytest

from gateway.config.failure_policy import FailurePolicyConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, pool, running
from tests.upstreams import FakeUpstream, Play, completion, playing

GOOD = Play([completion("fine")], content_type="application/json")


def refusing(status: int, **headers: str) -> Play:
    return Play([b"{}"], status, {name.replace("_", "-"): value for name, value in headers.items()})


def in_front_of(upstream: FakeUpstream, members: int) -> GatewayConfig:
    return configured(pool("openai-custom", "openai-custom", *[f"{upstream.url}/v1"] * members))


async def ask(gateway: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
        reply = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return reply.choices[0].message.content or ""


@pytest.mark.parametrize(
    ("play", "most", "tried"),
    [
        (refusing(500), 3, 3),
        (refusing(400), 3, 1),
        (refusing(401), 3, 6),
        (refusing(429), 3, 6),
        (refusing(503), 3, 6),
        (refusing(500), 1, 1),
        (refusing(401), 1, 2),
    ],
)
async def test_what_cost_nothing_may_be_followed_by_more(play: Play, most: int, tried: int) -> None:
    async with playing(play) as upstream:
        config = in_front_of(upstream, 8).model_copy(update={"max_attempts": most})
        async with running(config) as gateway:
            with pytest.raises(openai.APIStatusError):
                await ask(gateway)
    assert len(upstream.heard) == tried


async def test_while_all_rest_the_client_is_told_so_and_when_to_come_back() -> None:
    async with playing(refusing(503, retry_after="40")) as upstream:
        async with running(in_front_of(upstream, 2)) as gateway:
            for _ in range(5):
                with pytest.raises(openai.InternalServerError) as caught:
                    await ask(gateway)
                assert caught.value.status_code == 503
                assert 30 < int(caught.value.response.headers["retry-after"]) <= 40
    # Two that say so, and one of them once more as the last resort.
    assert len(upstream.heard) <= 3


async def test_a_policy_may_leave_a_whole_pool_at_once() -> None:
    async with playing(refusing(500)) as bad, playing(GOOD) as good:
        first = pool("first", "openai-custom", *[f"{bad.url}/v1"] * 3)
        policy = FailurePolicyConfig.model_validate({"server_error": {"verdict": "next_pool"}})
        config = configured(
            first.model_copy(update={"failure_policy": policy}),
            pool("second", "openai-custom", f"{good.url}/v1"),
        )
        async with running(config) as gateway:
            assert await ask(gateway) == "fine"
    assert (len(bad.heard), len(good.heard)) == (1, 1)


async def test_keys_of_one_account_rest_together() -> None:
    async with playing(refusing(401)) as upstream:
        config = in_front_of(upstream, 3)
        members = tuple(
            member.model_validate({**member.model_dump(), "api_key": "one-key-for-all-of-them"})
            for member in config.pools[0].deployments
        )
        config = config.model_copy(
            update={"pools": (config.pools[0].model_copy(update={"deployments": members}),)}
        )
        async with running(config) as gateway:
            with pytest.raises(openai.APIStatusError) as caught:
                await ask(gateway)
            assert caught.value.status_code == 502
    assert len(upstream.heard) == 1
