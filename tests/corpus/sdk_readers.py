"""The official SDKs as readers: what a client of each protocol understands of a gateway's answer."""

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import anthropic
import openai

from tests.corpus.told import Told

MODEL = "any-model"
QUESTION = "What is it?"


async def by_anthropic(base_url: str, *, stream: bool) -> Told:
    """The answer as the anthropic SDK puts it together.

    Raises:
        anthropic.APIError: the answer is an error, or ends with one.
    """
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        if stream:
            async with client.messages.stream(
                model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": QUESTION}]
            ) as events:
                message: anthropic.types.Message = await events.get_final_message()
        else:
            message = await client.messages.create(
                model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": QUESTION}]
            )
    told = Told(stop=message.stop_reason or "", written=message.usage.output_tokens)
    told.read = message.usage.input_tokens
    told.read += message.usage.cache_read_input_tokens or 0
    told.read += message.usage.cache_creation_input_tokens or 0
    for block in message.content:
        match block.type:
            case "text":
                told.say(block.text)
            case "thinking":
                told.thought += block.thinking
            case "tool_use":
                told.calls.append((block.name, block.input))
            case _:
                assert block.type == "redacted_thinking"
    return told


async def by_openai(base_url: str, *, stream: bool) -> Told:
    """The first choice of the answer as the openai SDK puts it together.

    Raises:
        openai.APIError: the answer is an error, or ends with one.
    """
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0) as client:
        reply = await (_streamed(client) if stream else _whole(client))
    message = reply.choices[0].message
    told = Told([message.content or ""], stop=reply.choices[0].finish_reason)
    told.say(message.refusal or "")
    told.thought = (message.model_extra or {}).get("reasoning_content") or ""
    for call in message.tool_calls or []:
        function = getattr(call, "function", None)
        assert function is not None, "no client asked for a free-text tool"
        told.calls.append((function.name, json.loads(function.arguments)))
    assert reply.usage is not None
    told.read, told.written = reply.usage.prompt_tokens, reply.usage.completion_tokens
    return told


async def _streamed(client: openai.AsyncOpenAI) -> openai.types.chat.ChatCompletion:
    async with client.chat.completions.stream(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        stream_options={"include_usage": True},
    ) as events:
        async for _ in events:
            pass
        return events.current_completion_snapshot


async def _whole(client: openai.AsyncOpenAI) -> openai.types.chat.ChatCompletion:
    return await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": QUESTION}])


Reader = Callable[..., Coroutine[Any, Any, Told]]

SDKS: Mapping[str, Reader] = {"anthropic": by_anthropic, "openai_chat": by_openai}
"""By the protocol that the client speaks."""
