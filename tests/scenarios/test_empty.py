"""A reply that says nothing is given only where nobody has a better one."""

from collections.abc import Awaitable, Callable

import openai
import orjson
import pytest

from tests.gateways import configured, pool, running
from tests.gateways import openai as in_front_of
from tests.upstreams import Play, chunk, completion, playing, sse


def whole(text: str | None, finish: str) -> Play:
    body = orjson.loads(completion(""))
    body["choices"][0]["message"]["content"] = text
    body["choices"][0]["finish_reason"] = finish
    return Play([orjson.dumps(body)], content_type="application/json")


def streamed(finish: str, *text: str) -> Play:
    words = [chunk({"content": each}) for each in text]
    return Play([sse(chunk({"role": "assistant", "content": ""}), *words, chunk({}, finish))])


async def ask_whole(gateway: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
        reply = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return f"{reply.choices[0].message.content or ''} {reply.choices[0].finish_reason}"


async def ask_streamed(gateway: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
        text, finish = "", ""
        async for piece in await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        ):
            for choice in piece.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        return f"{text} {finish}"


Ask = Callable[[str], Awaitable[str]]


@pytest.mark.parametrize(
    ("ask", "empty", "good"),
    [
        pytest.param(ask_whole, whole("", "stop"), whole("fine", "stop"), id="whole"),
        pytest.param(ask_whole, whole(None, "stop"), whole("fine", "stop"), id="null"),
        pytest.param(ask_whole, whole(None, "tool_calls"), whole("fine", "stop"), id="no call"),
        pytest.param(ask_streamed, streamed("stop"), streamed("stop", "fine"), id="stream"),
    ],
)
async def test_another_deployment_is_asked_for_a_better_one(ask: Ask, empty: Play, good: Play) -> None:
    async with playing(empty) as mute, playing(good) as well, running(in_front_of(mute.url, well.url)) as at:
        assert await ask(at) == "fine stop"
    assert (len(mute.heard), len(well.heard)) == (1, 1)


@pytest.mark.parametrize(
    ("ask", "empty"),
    [
        pytest.param(ask_whole, whole("", "length"), id="whole, at the limit"),
        pytest.param(ask_whole, whole("", "content_filter"), id="whole, filtered"),
        pytest.param(ask_streamed, streamed("length"), id="stream, at the limit"),
        pytest.param(ask_streamed, streamed("content_filter"), id="stream, filtered"),
    ],
)
async def test_one_that_says_why_it_is_empty_is_as_good_as_any(ask: Ask, empty: Play) -> None:
    async with playing(empty) as mute, running(in_front_of(mute.url, mute.url)) as at:
        assert (await ask(at)).strip() in {"length", "content_filter"}
    assert len(mute.heard) == 1


@pytest.mark.parametrize(
    ("ask", "empty"),
    [
        pytest.param(ask_whole, whole("", "stop"), id="whole"),
        pytest.param(ask_streamed, streamed("stop"), id="stream"),
    ],
)
async def test_where_nobody_has_a_better_one_it_is_the_reply(ask: Ask, empty: Play) -> None:
    broken = Play([b"{}"], 500, content_type="application/json")
    async with playing(empty) as mute, playing(broken) as bad, running(in_front_of(mute.url, bad.url)) as at:
        assert await ask(at) == " stop"
    assert (len(mute.heard), len(bad.heard)) == (1, 1)


async def test_a_block_that_opens_and_closes_with_nothing_in_it_says_nothing() -> None:
    usage = {"input_tokens": 7, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    said = b"".join(b"data: %s\n\n" % orjson.dumps(each) for each in events)
    async with playing(Play([said])) as mute, playing(streamed("stop", "fine")) as well:
        config = configured(
            pool("first", "claude-custom", mute.url), pool("second", "openai-custom", f"{well.url}/v1")
        )
        config = config.model_copy(update={"fallback_chains": {"first": ("second",)}})
        async with running(config) as at:
            assert await ask_streamed(at) == "fine stop"
    assert (len(mute.heard), len(well.heard)) == (1, 1)
