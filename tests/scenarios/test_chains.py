"""Fallback across pools and protocols, and what each client is told when nobody answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import openai
import orjson
import pytest

from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, pool, running
from tests.upstreams import FakeUpstream, Play, Reset, Silence, chunk, completion, playing, sse

Ask = Callable[..., Awaitable[str]]

CHAT = Play([completion("from chat")], content_type="application/json")
CHAT_STREAM = Play([sse(chunk({"role": "assistant", "content": "from chat"}), chunk({}, "stop"))])
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [{"type": "text", "text": "from claude"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
CLAUDE = Play([orjson.dumps(MESSAGE)], content_type="application/json")
START = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
OPENING = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
WORDS = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}}
OVERLOAD = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}


def events(*payloads: Mapping[str, object]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (str(payload["type"]).encode(), orjson.dumps(payload))
        for payload in payloads
    )


def refusing(status: int, kind: str = "api_error", **headers: str) -> Play:
    """A refusal that both protocols' error decoders can read."""
    body = {"type": "error", "error": {"type": kind, "message": "no", "code": None, "param": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Play([orjson.dumps(body)], status, named, "application/json")


def chained(claude: FakeUpstream, chat: FakeUpstream) -> GatewayConfig:
    """Claude first, and OpenAI-like upstreams behind it."""
    first = pool("claude-custom", "claude-custom", claude.url, models=("claude-*",))
    deployment = DeploymentConfig(id="chat-1", provider="openai-custom", base_url=f"{chat.url}/v1")
    spare = PoolConfig(name="spare", deployments=(deployment,), default_model="gpt-spare")
    return configured(first, spare).model_copy(update={"fallback_chains": {"claude-custom": ("spare",)}})


async def ask_claude(base_url: str, *, stream: bool) -> str:
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        asked = {"model": "claude-test", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
        if not stream:
            reply = await client.messages.create(**asked)  # type: ignore[call-overload]  # one dict, two SDKs
            return "".join(block.text for block in reply.content)
        async with client.messages.stream(**asked) as held:  # type: ignore[arg-type]  # as above
            return "".join([text async for text in held.text_stream])


async def ask_openai(base_url: str, *, stream: bool) -> str:
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0) as client:
        asked = {"model": "claude-test", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        reply = await client.chat.completions.create(**asked)  # type: ignore[call-overload]  # one dict, two SDKs
        if not stream:
            return str(reply.choices[0].message.content)
        return "".join([part.choices[0].delta.content or "" async for part in reply if part.choices])


CLIENTS = [pytest.param(ask_claude, id="anthropic"), pytest.param(ask_openai, id="openai")]
BEFORE_CONTENT = [
    pytest.param([refusing(429)], id="429"),
    pytest.param([refusing(500)], id="500"),
    pytest.param([refusing(529, "overloaded_error")], id="529"),
    pytest.param([refusing(401, "authentication_error")], id="401"),
    pytest.param([refusing(403, "permission_error")], id="403"),
    pytest.param([refusing(404, "not_found_error")], id="404"),
    pytest.param([Play([Reset()])], id="reset"),
    pytest.param([Play([b"<html>"], content_type="text/html")], id="html"),
]
BEFORE_CONTENT_STREAM = [
    *BEFORE_CONTENT,
    pytest.param([Play([events(OVERLOAD)])], id="error first"),
    pytest.param([Play([events(START)])], id="start, then the end"),
    pytest.param([Play([events(START, OVERLOAD)])], id="start, then an error"),
    pytest.param([Play([events(START), Reset()])], id="start, then a reset"),
]


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize("script", BEFORE_CONTENT)
async def test_a_whole_reply_comes_from_the_chain(ask: Ask, script: Sequence[Play]) -> None:
    async with playing(*script) as claude, playing(CHAT) as chat, running(chained(claude, chat)) as gateway:
        assert await ask(gateway, stream=False) == "from chat"
    assert (len(claude.heard), len(chat.heard)) == (1, 1)
    assert chat.heard[0].json["model"] == "gpt-spare"


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize("script", BEFORE_CONTENT_STREAM)
async def test_a_stream_comes_from_the_chain(ask: Ask, script: Sequence[Play]) -> None:
    async with playing(*script) as claude, playing(CHAT_STREAM) as chat:
        async with running(chained(claude, chat)) as gateway:
            assert await ask(gateway, stream=True) == "from chat"
    assert (len(claude.heard), len(chat.heard)) == (1, 1)


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize(
    "play",
    [
        pytest.param(Play([events(START, OPENING, WORDS)]), id="the end"),
        pytest.param(Play([events(START, OPENING, WORDS), Reset()]), id="a reset"),
        pytest.param(Play([events(START, OPENING, WORDS, OVERLOAD)]), id="an error"),
    ],
)
async def test_after_the_first_word_the_chain_is_closed(ask: Ask, play: Play) -> None:
    async with playing(play) as claude, playing(CHAT_STREAM) as chat:
        async with running(chained(claude, chat)) as gateway:
            with pytest.raises((anthropic.APIError, openai.APIError)):
                await ask(gateway, stream=True)
    assert (len(claude.heard), len(chat.heard)) == (1, 0)


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_resting_member_is_not_offered_again(ask: Ask) -> None:
    async with (
        playing(refusing(500)) as claude,
        playing(CHAT) as chat,
        running(chained(claude, chat)) as gateway,
    ):
        for _ in range(5):
            assert await ask(gateway, stream=False) == "from chat"
    assert (len(claude.heard), len(chat.heard)) == (3, 5)


def film_of() -> Any:
    """A conversation with a part that only some vendors of the chat protocol know."""
    film = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
    return [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, film]}]


async def test_a_part_that_one_protocol_cannot_say_goes_to_one_that_can() -> None:
    async with playing(CLAUDE) as claude, playing(CHAT) as chat, running(chained(claude, chat)) as gateway:
        async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
            reply = await client.chat.completions.create(
                model="claude-test",
                messages=film_of(),
            )
    assert reply.choices[0].message.content == "from chat"
    assert (len(claude.heard), len(chat.heard)) == (0, 1)


async def test_a_part_that_nobody_can_say_is_a_400_that_names_it() -> None:
    async with playing(CLAUDE) as claude:
        config = configured(pool("claude-custom", "claude-custom", claude.url))
        async with running(config) as gateway:
            async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:
                with pytest.raises(openai.BadRequestError, match=r"messages\[0\]\.content\[1\]"):
                    await client.chat.completions.create(
                        model="claude-test",
                        messages=film_of(),
                    )
    assert claude.heard == []


@pytest.mark.parametrize(
    ("script", "status", "claude_kind", "openai_kind"),
    [
        (refusing(429, "rate_limit_error", retry_after_ms="20"), 429, "rate_limit_error", "rate_limit_error"),
        (refusing(503, "overloaded_error"), 503, "overloaded_error", "server_error"),
        (refusing(500), 502, "api_error", "server_error"),
        (refusing(401, "authentication_error"), 502, "api_error", "server_error"),
        (refusing(403, "permission_error"), 502, "api_error", "server_error"),
        (refusing(504, "timeout_error"), 504, "timeout_error", "server_error"),
        (refusing(422, "invalid_request_error"), 400, "invalid_request_error", "invalid_request_error"),
    ],
    ids=["429", "503", "500", "401", "403", "504", "422"],
)
async def test_when_all_fail_each_client_is_told_why_in_its_own_words(
    script: Play, status: int, claude_kind: str, openai_kind: str
) -> None:
    async with AsyncExitStack() as stack:
        claude = await stack.enter_async_context(playing(script))
        chat = await stack.enter_async_context(playing(script))
        gateway = await stack.enter_async_context(running(chained(claude, chat)))
        with pytest.raises(anthropic.APIStatusError) as told_claude:
            await ask_claude(gateway, stream=False)
        with pytest.raises(openai.APIStatusError) as told_openai:
            await ask_openai(gateway, stream=False)
    assert told_claude.value.status_code == {503: 529, 400: 422}.get(status, status)
    assert told_openai.value.status_code == status
    assert told_claude.value.body["error"]["type"] == claude_kind  # type: ignore[index]  # a JSON object
    assert told_openai.value.type == openai_kind


async def test_silence_of_all_is_a_timeout() -> None:
    quiet = Play([Silence()], content_type="application/json")
    async with playing(quiet) as claude, playing(quiet) as chat:
        config = chained(claude, chat)
        quick = config.timeouts.model_copy(update={"non_stream": 0.05})
        async with running(config.model_copy(update={"timeouts": quick})) as gateway:
            with pytest.raises(openai.APIStatusError) as caught:
                await ask_openai(gateway, stream=False)
    assert caught.value.status_code == 504
    assert (len(claude.heard), len(chat.heard)) == (1, 1)
