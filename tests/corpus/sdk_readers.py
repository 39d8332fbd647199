"""The official SDKs as readers: what a client of each protocol understands of a gateway's answer.

Each is opened for one gateway and asks it as often as it is told to: making a client costs more than asking.
An answer that is an error, or ends with one, raises the SDK's own exception.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import anthropic
import ollama
import openai
from google import genai
from google.genai import types

from tests.corpus.told import Told

MODEL = "any-model"
QUESTION = "What is it?"


class Reader(Protocol):
    """Asks, and tells what the SDK made of the answer."""

    async def __call__(self, *, stream: bool) -> Told: ...


@asynccontextmanager
async def by_anthropic(base_url: str) -> AsyncIterator[Reader]:
    """The anthropic SDK."""
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client:

        async def read(*, stream: bool) -> Told:
            return _of_message(await (_message_streamed(client) if stream else _message(client)))

        yield read


async def _message_streamed(client: anthropic.AsyncAnthropic) -> anthropic.types.Message:
    async with client.messages.stream(
        model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": QUESTION}]
    ) as events:
        return await events.get_final_message()


async def _message(client: anthropic.AsyncAnthropic) -> anthropic.types.Message:
    return await client.messages.create(
        model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": QUESTION}]
    )


def _of_message(message: anthropic.types.Message) -> Told:
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


@asynccontextmanager
async def by_openai(base_url: str) -> AsyncIterator[Reader]:
    """The openai SDK, which tells of the first choice."""
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0) as client:

        async def read(*, stream: bool) -> Told:
            return _of_completion(await (_completion_streamed(client) if stream else _completion(client)))

        yield read


async def _completion_streamed(client: openai.AsyncOpenAI) -> openai.types.chat.ChatCompletion:
    async with client.chat.completions.stream(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        stream_options={"include_usage": True},
    ) as events:
        async for _ in events:
            pass
        return events.current_completion_snapshot


async def _completion(client: openai.AsyncOpenAI) -> openai.types.chat.ChatCompletion:
    return await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": QUESTION}])


def _of_completion(reply: openai.types.chat.ChatCompletion) -> Told:
    message = reply.choices[0].message
    told = Told([message.content or ""], stop=reply.choices[0].finish_reason)
    told.say(message.refusal or "")
    told.thought = (message.model_extra or {}).get("reasoning_content") or ""
    if message.audio is not None:
        told.pause("audio")
        told.say(message.audio.transcript)
    for call in message.tool_calls or []:
        function = getattr(call, "function", None)
        assert function is not None, "no client asked for a free-text tool"
        told.calls.append((function.name, json.loads(function.arguments)))
    assert reply.usage is not None
    told.read, told.written = reply.usage.prompt_tokens, reply.usage.completion_tokens
    return told


@asynccontextmanager
async def by_gemini(base_url: str) -> AsyncIterator[Reader]:
    """The google-genai SDK, which tells of the first candidate."""
    async with aiohttp.ClientSession() as session:
        options = types.HttpOptions(base_url=base_url, aiohttp_client=session)
        models = genai.Client(api_key="any", http_options=options).aio.models
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))

        async def read(*, stream: bool) -> Told:
            told = Told()
            if not stream:
                _hear(await models.generate_content(model=MODEL, contents=QUESTION, config=config), told)
                return told
            replies = await models.generate_content_stream(model=MODEL, contents=QUESTION, config=config)
            async for reply in replies:
                _hear(reply, told)
            return told

        yield read


def _hear(reply: types.GenerateContentResponse, told: Told) -> None:
    usage = reply.usage_metadata
    if usage is not None:
        told.read = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
        told.written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    candidate = next((one for one in reply.candidates or () if not one.index), None)
    if candidate is None:
        return
    told.stop = candidate.finish_reason.value if candidate.finish_reason is not None else told.stop
    for part in (candidate.content.parts if candidate.content is not None else None) or ():
        media = part.inline_data or part.file_data
        if part.function_call is not None:
            told.calls.append((part.function_call.name or "", part.function_call.args))
        elif media is not None:
            told.pause((media.mime_type or "").partition("/")[0])
        elif part.thought:
            told.thought += part.text or ""
        else:
            told.say(part.text or "")


@asynccontextmanager
async def by_ollama(base_url: str) -> AsyncIterator[Reader]:
    """The ollama SDK."""
    client = ollama.AsyncClient(f"{base_url}/ollama")
    asked = [{"role": "user", "content": QUESTION}]

    async def read(*, stream: bool) -> Told:
        told = Told()
        if not stream:
            _take(await client.chat(MODEL, asked), told)
            return told
        async for reply in await client.chat(MODEL, asked, stream=True):
            _take(reply, told)
        return told

    async with client._client:  # noqa: SLF001 - the SDK has no other way to close its connections
        yield read


def _take(reply: ollama.ChatResponse, told: Told) -> None:
    told.say(reply.message.content or "")
    told.thought += reply.message.thinking or ""
    for call in reply.message.tool_calls or ():
        told.calls.append((call.function.name, call.function.arguments))
    if reply.done:
        told.stop = reply.done_reason or ""
        told.read, told.written = reply.prompt_eval_count, reply.eval_count


SDKS: Mapping[str, Callable[[str], AbstractAsyncContextManager[Reader]]] = {
    "anthropic": by_anthropic,
    "gemini": by_gemini,
    "ollama": by_ollama,
    "openai_chat": by_openai,
}
"""By the protocol that the client speaks."""
