"""A word reaches the client when the upstream says it, not when it says the next."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from tests.gateways import configured, pool, running
from tests.upstreams import Play, chunk, playing, sse

SAID = [{"role": "user", "content": "hi"}]
CLIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", {"model": "m", "stream": True, "messages": SAID}),
    "anthropic": ("/v1/messages", {"model": "m", "stream": True, "max_tokens": 9, "messages": SAID}),
    "gemini": (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
    "ollama": ("/ollama/api/chat", {"model": "m", "messages": SAID}),
}


def named(*payloads: dict[str, Any]) -> bytes:
    """The records of an Anthropic stream."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (one["type"].encode(), orjson.dumps(one)) for one in payloads
    )


def lines(*payloads: dict[str, Any]) -> bytes:
    """The records of an Ollama stream."""
    return b"".join(orjson.dumps(payload) + b"\n" for payload in payloads)


def candidate(text: str, **more: Any) -> dict[str, Any]:
    """One record of a Gemini stream."""
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}]}


def spoken(text: str, **more: Any) -> dict[str, Any]:
    """One record of an Ollama stream."""
    message = {"role": "assistant", "content": text}
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **more}


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
UPSTREAMS: dict[str, tuple[str, str, bytes, bytes]] = {
    "openai-custom": (
        "/v1",
        "text/event-stream",
        sse(chunk({"role": "assistant", "content": "Hello"}), done=False),
        sse(chunk({"content": " world"}), chunk({}, "stop")),
    ),
    "claude-custom": (
        "",
        "text/event-stream",
        named(
            {
                "type": "message_start",
                "message": {**MESSAGE, "usage": {"input_tokens": 1, "output_tokens": 1}},
            },
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        ),
        named(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " world"}},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 2},
            },
            {"type": "message_stop"},
        ),
    ),
    "gemini": (
        "",
        "text/event-stream",
        sse(candidate("Hello"), done=False),
        sse(candidate(" world", finishReason="STOP"), done=False),
    ),
    "ollama": (
        "",
        "application/x-ndjson",
        lines(spoken("Hello")),
        lines(spoken(" world"), spoken("", done=True, done_reason="stop")),
    ),
}


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_the_first_word_arrives_before_the_second_is_said(client: str, upstream: str) -> None:
    below, content_type, first, second = UPSTREAMS[upstream]
    path, body = CLIENTS[client]
    arrived = asyncio.Event()
    async with playing(Play([first, arrived, second], content_type=content_type)) as far:
        config = configured(pool(upstream, upstream, far.url + below))
        async with running(config) as gateway, aiohttp.ClientSession() as session, asyncio.timeout(5):
            async with session.post(gateway + path, json=body) as reply:
                await reply.content.readuntil(b"Hello")
                arrived.set()
                assert b" world" in await reply.content.read()
