"""Counting tokens: by the upstream where it can, by us where it cannot."""

from typing import Any

import aiohttp
import orjson
import pytest

from tests.gateways import anthropic, openai, running
from tests.upstreams import Play, playing

BODY = {"model": "claude-test", "messages": [{"role": "user", "content": "hello there"}], "future_field": 1}
COUNTED = Play([b'{"input_tokens": 1234}'], content_type="application/json")


def refusal(status: int) -> Play:
    body = orjson.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": "bad tool"}})
    return Play([body], status, content_type="application/json")


async def count(gateway: str, body: Any = None) -> tuple[int, Any, Any]:
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{gateway}/v1/messages/count_tokens", json=body or BODY, headers={"anthropic-beta": "x-2026"}
        ) as reply:
            return reply.status, await reply.json(), reply.headers.get("x-gateway-token-count")


async def test_an_upstream_that_counts_is_asked_with_the_clients_own_body() -> None:
    async with playing(COUNTED) as upstream, running(anthropic(upstream.url)) as gateway:
        assert await count(gateway) == (200, {"input_tokens": 1234}, "upstream")
    heard = upstream.heard[0]
    assert heard.path == "/v1/messages/count_tokens"
    assert heard.json == BODY
    assert heard.headers["anthropic-beta"] == "x-2026"


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_an_upstream_without_a_counter_is_not_asked_again(status: int) -> None:
    async with playing(refusal(status)) as upstream, running(anthropic(upstream.url)) as gateway:
        for _ in range(3):
            told, body, source = await count(gateway)
            assert (told, source) == (200, "estimated")
            assert body["input_tokens"] > 0
    assert len(upstream.heard) == 1


@pytest.mark.parametrize("play", [refusal(500), refusal(429), Play([b"<html>"]), Play([b"{}"])])
async def test_an_upstream_that_fails_to_count_costs_the_client_nothing(play: Play) -> None:
    async with playing(play) as upstream, running(anthropic(upstream.url)) as gateway:
        for _ in range(2):
            told, _, source = await count(gateway)
            assert (told, source) == (200, "estimated")
    assert len(upstream.heard) == 2


async def test_a_request_that_the_counter_refuses_is_refused_in_its_words() -> None:
    async with playing(refusal(400)) as upstream, running(anthropic(upstream.url)) as gateway:
        told, body, _ = await count(gateway)
    assert (told, body["error"]["message"]) == (400, "bad tool")


async def test_an_upstream_of_another_protocol_is_not_asked() -> None:
    async with playing(COUNTED) as upstream, running(openai(upstream.url)) as gateway:
        told, _, source = await count(gateway)
    assert (told, source) == (200, "estimated")
    assert upstream.heard == []


async def test_a_malformed_request_is_the_clients_error() -> None:
    async with playing(COUNTED) as upstream, running(openai(upstream.url)) as gateway:
        told, body, _ = await count(gateway, {"model": "m", "messages": [{"role": "user", "content": 7}]})
    assert told == 400
    assert "messages[0].content" in body["error"]["message"]
