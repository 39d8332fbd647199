"""How much a failing upstream is asked: never much more often than clients ask, and when it wants to be."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import anthropic
import openai
import orjson
import pytest

from gateway.config.schema import GatewayConfig, TimeoutsConfig
from tests.gateways import configured, pool, running
from tests.upstreams import FakeUpstream, Play, Silence, completion, playing

Ask = Callable[[str], Awaitable[str]]

GOOD = Play([completion("fine")], content_type="application/json")


def refusal(status: int, **headers: str) -> Play:
    body = orjson.dumps({"error": {"message": "no", "type": "x", "code": None, "param": None}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Play([body], status, named, "application/json")


def in_front_of(*upstreams: FakeUpstream, **timeouts: float) -> GatewayConfig:
    members = pool("openai-custom", "openai-custom", *(f"{upstream.url}/v1" for upstream in upstreams))
    return configured(members, timeouts=TimeoutsConfig(**timeouts))


async def ask_openai(gateway: str, retries: int = 0) -> str:
    async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=retries) as client:
        reply = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return reply.choices[0].message.content or ""


async def ask_anthropic(gateway: str, retries: int = 0) -> str:
    async with anthropic.AsyncAnthropic(base_url=gateway, api_key="any", max_retries=retries) as client:
        message = await client.messages.create(
            model="m", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        )
        return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("down", "members"),
    [
        pytest.param(refusal(503), 3, id="503"),
        pytest.param(refusal(500), 3, id="500"),
        pytest.param(refusal(429, retry_after="11"), 3, id="429"),
        # Where each limit is short enough to be waited for, the budget for retries holds.
        pytest.param(refusal(429, retry_after_ms="1"), 1, id="429 for a moment"),
    ],
)
async def test_a_total_outage_is_asked_hardly_more_often_than_clients_ask(down: Play, members: int) -> None:
    asked, at_once = 200, 4

    async def complain(client: openai.AsyncOpenAI) -> None:
        for _ in range(asked // at_once):
            with pytest.raises(openai.APIStatusError):
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])

    async with playing(down) as upstream, running(in_front_of(*[upstream] * members)) as gateway:
        async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(complain(client))
    # How seldom a member is asked that rests is the pool's affair; each of them is at least once.
    assert members <= len(upstream.heard) <= 1.2 * asked + 10


@pytest.mark.parametrize("ask", [ask_openai, ask_anthropic])
async def test_rejected_keys_are_tried_once_each_however_often_the_sdk_would_try(
    ask: Callable[[str, int], Awaitable[str]],
) -> None:
    async with playing(refusal(401)) as upstream, running(in_front_of(*[upstream] * 3)) as gateway:
        with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
            await ask(gateway, 2)
    assert isinstance(caught.value, openai.APIStatusError | anthropic.APIStatusError)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(upstream.heard) == 3


@pytest.mark.parametrize("ask", [ask_openai, ask_anthropic])
async def test_the_only_member_is_asked_again_when_it_wants_to_be(ask: Ask) -> None:
    async with playing(refusal(429, retry_after_ms="60"), GOOD) as upstream:
        async with running(in_front_of(upstream)) as gateway:
            began = monotonic()
            assert await ask(gateway) == "fine"
            assert monotonic() - began >= 0.06
    assert len(upstream.heard) == 2


async def test_it_is_asked_again_only_once() -> None:
    async with playing(refusal(429, retry_after_ms="10")) as upstream:
        async with running(in_front_of(upstream)) as gateway:
            with pytest.raises(openai.RateLimitError):
                await ask_openai(gateway)
    assert len(upstream.heard) == 2


async def test_while_another_member_is_well_nobody_waits() -> None:
    async with playing(refusal(429, retry_after="9")) as limited, playing(GOOD) as well:
        async with running(in_front_of(limited, well)) as gateway:
            began = monotonic()
            assert await ask_openai(gateway) == "fine"
            assert monotonic() - began < 5
    assert (len(limited.heard), len(well.heard)) == (1, 1)


async def test_of_two_that_are_limited_the_one_that_is_free_first_is_waited_for() -> None:
    async with (
        playing(refusal(429, retry_after="9")) as later,
        playing(refusal(429, retry_after_ms="20"), GOOD) as sooner,
        running(in_front_of(later, sooner)) as gateway,
    ):
        assert await ask_openai(gateway) == "fine"
    assert (len(later.heard), len(sooner.heard)) == (1, 2)


@pytest.mark.parametrize(
    ("headers", "total", "told"),
    [
        ({"retry_after": "11"}, 60, "11"),
        ({"retry_after": "86400"}, 60, "86400"),
        ({"retry_after": "2"}, 1, "2"),
        ({"retry_after": "soon"}, 60, None),
        ({}, 60, None),
    ],
    ids=["over ten seconds", "a day", "after the deadline", "garbage", "nothing said"],
)
async def test_what_is_too_long_to_wait_for_here_is_told_to_the_client(
    headers: dict[str, str], total: float, told: str | None
) -> None:
    async with playing(refusal(429, **headers)) as upstream:
        async with running(in_front_of(upstream, total=total)) as gateway:
            began = monotonic()
            with pytest.raises(openai.RateLimitError) as caught:
                await ask_openai(gateway)
            assert monotonic() - began < 5
    assert caught.value.response.headers.get("retry-after") == told
    assert len(upstream.heard) == 1


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_all_attempts_share_one_deadline(stream: bool) -> None:
    async with playing(Play([Silence()], content_type="application/json")) as silent:
        config = in_front_of(*[silent] * 5, total=0.5, non_stream=0.3, first_content=0.3)
        async with running(config) as gateway:
            client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)
            async with client:
                began = monotonic()
                with pytest.raises(openai.APIStatusError) as caught:
                    await client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": "hi"}], stream=stream
                    )
                assert 0.5 <= monotonic() - began <= 1.5
    assert caught.value.status_code == 504
    assert len(silent.heard) == 2
