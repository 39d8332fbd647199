"""The one line of each request, however it ends."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
import structlog

from tests.gateways import openai, running
from tests.upstreams import Play, Silence, chunk, completion, playing, sse

BODY = {"model": "gpt-test", "messages": [{"role": "user", "content": "how are you today?"}]}
HELLO = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)
USAGE = {"prompt_tokens": 70, "completion_tokens": 20, "total_tokens": 90}
WHOLE = sse(
    chunk({"role": "assistant", "content": "Hello"}),
    chunk({}, "stop"),
    {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "usage": USAGE,
    },
)


async def line_of(gateway: str, *, stream: bool, leave: bool = False) -> dict[str, Any]:
    """The record of one request, asked and read (or left after its first word)."""
    with structlog.testing.capture_logs() as logs:
        async with aiohttp.ClientSession() as session:
            async with session.post(
                f"{gateway}/v1/chat/completions", json={**BODY, "stream": stream}
            ) as reply:
                if leave:
                    await reply.content.readuntil(b"Hello")
                else:
                    # A stream that broke ends without its terminating chunk, as it should.
                    with suppress(aiohttp.ClientPayloadError):
                        await reply.read()
        async with asyncio.timeout(5):
            while not (found := [line for line in logs if line["event"] == "request"]):
                await asyncio.sleep(0.01)
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize(
    ("play", "stream", "says"),
    [
        (
            Play([completion("fine")], content_type="application/json"),
            False,
            {
                "outcome": "ok",
                "usage_source": "provider",
                "input_tokens": 7,
                "output_tokens": 2,
                "stop": "end",
            },
        ),
        (
            Play([WHOLE]),
            True,
            {"outcome": "ok", "usage_source": "provider", "input_tokens": 70, "output_tokens": 20},
        ),
        (
            Play([completion("fine", usage=None)], content_type="application/json"),
            False,
            {"outcome": "ok", "usage_source": "estimated", "output_tokens": None},
        ),
        (Play([HELLO]), True, {"outcome": "broken", "usage_source": "estimated", "attempts": 1}),
        (
            Play([b"{}"], 500, content_type="application/json"),
            False,
            {"outcome": "upstream", "usage_source": "none", "input_tokens": None, "attempts": 1},
        ),
    ],
    ids=["whole", "stream", "uncounted", "broken", "failed"],
)
async def test_a_request_has_one_line_that_says_how_it_ended(
    play: Play, stream: bool, says: dict[str, Any]
) -> None:
    async with playing(play) as upstream, running(openai(upstream.url)) as gateway:
        line = await line_of(gateway, stream=stream)

    assert {name: line[name] for name in says} == says
    assert line["usage_source"] != "estimated" or line["input_tokens"] > 0


async def test_a_request_that_was_answered_after_failures_names_each_with_its_reason() -> None:
    full = Play([b'{"error":{"message":"too many"}}'], 429, {"retry-after": "60"}, "application/json")
    fine = Play([completion("fine")], content_type="application/json")
    async with playing(full) as one, playing(fine) as two, running(openai(one.url, two.url)) as gateway:
        line = await line_of(gateway, stream=False)
    assert (line["outcome"], line["deployment"], line["attempts"]) == ("ok", "openai-custom-2", 2)
    assert line["failed"] == [
        {
            "deployment": "openai-custom-1",
            "kind": "RateLimited",
            "upstream_status": 429,
            "reason": "too many",
        }
    ]


async def test_a_client_that_leaves_is_recorded_with_what_was_seen() -> None:
    async with playing(Play([HELLO, Silence()])) as upstream, running(openai(upstream.url)) as gateway:
        line = await line_of(gateway, stream=True, leave=True)

    assert (line["outcome"], line["usage_source"], line["attempts"]) == ("cancelled", "estimated", 1)
    assert line["first_content_ms"] > 0


async def test_a_body_that_only_the_upstream_understood_is_not_estimated() -> None:
    body = {**BODY, "messages": [{"role": "user", "content": 7}]}
    play = Play([completion("fine", usage=None)], content_type="application/json")
    async with playing(play) as upstream, running(openai(upstream.url)) as gateway:
        with structlog.testing.capture_logs() as logs:
            async with aiohttp.ClientSession() as session:
                async with session.post(f"{gateway}/v1/chat/completions", json=body) as reply:
                    assert reply.status == 200
    (line,) = [line for line in logs if line["event"] == "request"]
    assert (line["usage_source"], line["input_tokens"]) == ("none", None)
