"""C: replies that come whole."""

from datetime import datetime
from typing import Any

import aiohttp
import anthropic
import orjson
import pytest
from anthropic.types import MessageParam

from tests.gateways import openai, running
from tests.traps.wire import CHAT, CLAUDE, OBJECT, call, claude, completion, message, reply
from tests.upstreams import Play, playing

ASKED: MessageParam = {"role": "user", "content": "hi"}


def test_t073_a_reply_cut_short_amid_its_calls_is_cut_short() -> None:
    told = reply(completion({"tool_calls": [call("a", arguments='{"a":')]}, "length"), CHAT, CLAUDE)
    assert told["stop_reason"] == "max_tokens"
    assert [block["type"] for block in told["content"]] == ["tool_use"]


def test_t074_a_refusal_is_a_content_filter() -> None:
    told = reply(message(stop="refusal"), CLAUDE, CHAT)
    assert told["choices"][0]["finish_reason"] == "content_filter"


def test_t076_cached_tokens_are_counted_beside_the_input_for_claude_clients() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 900}}
    told = reply(completion({"content": "x"}, usage=usage), CHAT, CLAUDE)["usage"]
    assert (told["input_tokens"], told["cache_read_input_tokens"]) == (100, 900)
    counts = {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 5}
    back = reply(message({"type": "text", "text": "x"}, usage=counts), CLAUDE, CHAT)["usage"]
    assert (back["prompt_tokens"], back["prompt_tokens_details"]["cached_tokens"]) == (1000, 900)


def test_t078_no_count_is_ever_negative() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 6001}}
    cached = {"prompt_tokens_details": {"cached_tokens": 12}}
    usage = {"prompt_tokens": 10, "completion_tokens": 6000, **details, **cached}
    told = reply(completion({"content": "x"}, usage=usage), CHAT, CLAUDE)["usage"]
    assert told["output_tokens"] == 6000
    assert told["output_tokens_details"]["thinking_tokens"] <= 6000
    assert told["input_tokens"] == 0


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b'{"error":{"code":400,"message":"too hot"}}', "application/json", "too hot"),
        (b'[{"error":{"code":400,"message":"too hot","status":"INVALID_ARGUMENT"}}]', "application/json",
         "too hot"),
        (b'{"error":"too hot"}', "application/json", "too hot"),
        (b"too hot", "text/plain", "too hot"),
        (b"<html><body>too hot</body></html>", "text/html", "status 400"),
        (b"", "text/plain", "status 400"),
    ],
)  # fmt: skip
async def test_t081_whatever_form_an_error_comes_in_claude_clients_read_one(
    body: bytes, content_type: str, words: str
) -> None:
    refusal = Play([body] if body else [], 400, content_type=content_type)
    async with playing(refusal) as upstream, running(openai(upstream.url)) as gateway:
        client = anthropic.AsyncAnthropic(base_url=gateway, api_key="k", max_retries=0)
        async with client:
            with pytest.raises(anthropic.BadRequestError, match=words) as caught:
                await client.messages.create(model="gpt-test", max_tokens=9, messages=[ASKED])
    told: Any = caught.value.body
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"
    assert isinstance(told["error"]["message"], str)


async def test_t082_the_models_list_is_claudes_for_a_client_that_says_so() -> None:
    async with playing(Play()) as upstream, running(openai(upstream.url)) as gateway:
        client = anthropic.AsyncAnthropic(base_url=gateway, api_key="k")
        async with client:
            page = await client.models.list()
            assert page.data
            assert all(isinstance(model.created_at, datetime) for model in page.data)
        async with aiohttp.ClientSession(headers={"anthropic-version": "2023-06-01"}) as session:
            async with session.get(f"{gateway}/v1/models") as listed:
                first = (await listed.json())["data"][0]
    assert first["type"] == "model"
    assert datetime.fromisoformat(first["created_at"]).tzinfo is not None


async def test_t083_a_count_counts_instructions_and_tools() -> None:
    system = "be thorough. " * 200
    tools = [{"name": f"tool_{at}", "description": "does it", "input_schema": OBJECT} for at in range(10)]
    async with playing(Play()) as upstream, running(openai(upstream.url)) as gateway:
        counts = []
        async with aiohttp.ClientSession() as session:
            for body in (claude(), claude(system=system), claude(system=system, tools=tools)):
                data = orjson.dumps({"model": "m", **body})
                async with session.post(f"{gateway}/v1/messages/count_tokens", data=data) as counted:
                    counts.append((await counted.json())["input_tokens"])
    assert counts[0] + 300 < counts[1]
    assert counts[1] + 200 < counts[2]
    assert upstream.heard == []
