"""D: streams as connections: silence, failures, clients that leave."""

import asyncio
from typing import Any

import aiohttp
import anthropic
import openai
import orjson
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionUserMessageParam

from gateway.config.schema import ServerConfig
from tests.gateways import configured, pool, running
from tests.gateways import openai as chat_gateway
from tests.traps.wire import CHAT, begin, delta, fragment, fragments, records
from tests.upstreams import FakeUpstream, Play, Silence, playing

CHATTED: ChatCompletionUserMessageParam = {"role": "user", "content": "hi"}
ASKED: MessageParam = {"role": "user", "content": "hi"}
BODY = {"model": "gpt-test", "messages": [CHATTED], "stream": True}
HALF = records([delta({"role": "assistant", "content": "half"})], CHAT)
REST = records([delta({}, "stop"), "[DONE]"], CHAT)
ERROR = orjson.dumps({"error": {"message": "no room", "type": "server_error", "code": 503}})
JSON_ERROR = Play([ERROR], content_type="application/json")


async def heard(gateway: str) -> str:
    """What the official client makes of a stream."""
    client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="k", max_retries=0)
    async with client:
        chunks = await client.chat.completions.create(model="gpt-test", messages=[CHATTED], stream=True)
        return "".join([found.choices[0].delta.content or "" async for found in chunks if found.choices])


async def test_t106_a_client_is_kept_alive_while_a_claude_upstream_only_pings() -> None:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    start = b"event: message_start\ndata: " + orjson.dumps(begin()) + b"\n\n"
    quick = ServerConfig(port=0, heartbeat_s=0.02)
    async with playing(Play([start, ping, Silence()])) as upstream:
        async with running(configured(pool("p", "claude-custom", upstream.url), server=quick)) as gateway:
            async with aiohttp.ClientSession() as session:
                async with session.post(f"{gateway}/v1/chat/completions", json=BODY) as stream:
                    alive = [await stream.content.readuntil(b"\n\n") for _ in range(2)]
    assert alive == [b": ping\n\n"] * 2


async def test_t110_an_error_with_status_200_is_an_error_status_to_a_streaming_client() -> None:
    async with playing(JSON_ERROR) as upstream, running(chat_gateway(upstream.url)) as gateway:
        with pytest.raises(openai.InternalServerError, match="no room") as caught:
            await heard(gateway)
    assert caught.value.status_code == 503


async def test_t142_a_json_error_never_reaches_a_streaming_client_as_a_success() -> None:
    async with playing(JSON_ERROR) as upstream, running(chat_gateway(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            for path, body in (("/v1/chat/completions", BODY), ("/v1/messages", {**BODY, "max_tokens": 9})):
                async with session.post(gateway + path, json=body) as told:
                    assert told.status >= 500
                    assert "no room" in (await told.json())["error"]["message"]


async def until_idle(upstream: FakeUpstream) -> None:
    async with asyncio.timeout(2):
        await upstream.idle.wait()


async def test_t117_a_client_that_leaves_ends_the_upstreams_work_and_nobodys_credit() -> None:
    async with (
        playing(Play([HALF, Silence()]), Play([HALF, REST])) as first,
        playing(Play([HALF, REST])) as other,
    ):
        async with running(chat_gateway(first.url, other.url)) as gateway:
            async with aiohttp.ClientSession() as session:
                stream = await session.post(f"{gateway}/v1/chat/completions", json=BODY)
                await stream.content.readuntil(b"half")
                stream.close()
                await until_idle(first)
            for _ in range(2):
                assert await heard(gateway) == "half"
    # The member whose client left has its turn again like any other.
    assert (len(first.heard), len(other.heard)) == (2, 1)


FIRST = records([delta({"role": "assistant", "content": ""}), ERROR.decode()], CHAT)


async def test_t118_a_failure_is_hidden_before_the_first_word_and_told_in_the_stream_after_it() -> None:
    good = Play([HALF, REST])
    async with playing(Play([FIRST])) as bad, playing(good) as fine:
        async with running(chat_gateway(bad.url, fine.url)) as gateway:
            assert await heard(gateway) == "half"
            assert (len(bad.heard), len(fine.heard)) == (1, 1)
    async with playing(Play([HALF, records([ERROR.decode()], CHAT)])) as bad, playing(good) as fine:
        async with running(chat_gateway(bad.url, fine.url)) as gateway:
            with pytest.raises(openai.APIError, match="no room") as caught:
                await heard(gateway)
            assert not isinstance(caught.value, openai.APIStatusError)
            assert (len(bad.heard), len(fine.heard)) == (1, 0)


async def test_t122_a_stream_is_collected_for_a_client_that_wants_a_whole_reply() -> None:
    call = [fragments(fragment(0, "c1", "run", '{"a"')), fragments(fragment(0, None, None, ":1}"))]
    only_streams = Play([records([*call, delta({}, "tool_calls"), "[DONE]"], CHAT)])
    async with playing(only_streams) as upstream, running(chat_gateway(upstream.url)) as gateway:
        chatting = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="k", max_retries=0)
        asking = anthropic.AsyncAnthropic(base_url=gateway, api_key="k", max_retries=0)
        async with chatting, asking:
            chat = await chatting.chat.completions.create(model="gpt-test", messages=[CHATTED])
            claude = await asking.messages.create(model="gpt-test", max_tokens=9, messages=[ASKED])
    assert chat.choices[0].finish_reason == "tool_calls"
    calls: Any = chat.choices[0].message.tool_calls
    assert calls[0].function.arguments == '{"a":1}'
    assert claude.stop_reason == "tool_use"
    assert [found.input for found in claude.content if found.type == "tool_use"] == [{"a": 1}]
