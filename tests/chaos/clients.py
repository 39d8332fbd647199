"""The official SDKs as clients that tell how an exchange ended for them."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx
import openai
from anthropic.types import Message, Usage
from openai.types.chat import ChatCompletion

from tests.chaos.client import DEADLY, KEY, PATIENCE_S, QUESTION, Client, counted, died, failed, unwrapped
from tests.chaos.endings import Heard
from tests.chaos.gemini_clients import speaking_gemini, speaking_gemini_array
from tests.chaos.ollama_client import speaking_ollama

_STOPS = {"end_turn": "stop", "tool_use": "tool_calls", "refusal": "content_filter"}


class OpenAI:
    """The `openai` SDK."""

    def __init__(self, sdk: openai.AsyncOpenAI) -> None:
        self._sdk = sdk

    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        said: list[str] = []
        try:
            if not stream:
                return _completed(await self._sdk.chat.completions.create(**asked))
            async with self._sdk.chat.completions.stream(
                **asked, stream_options={"include_usage": True}
            ) as events:
                async for event in events:
                    if event.type == "content.delta":
                        said.append(event.delta)  # noqa: PERF401 - what came before an error counts
                return _completed(await events.get_final_completion())
        except openai.ContentFilterFinishReasonError as error:
            return _completed(error.completion) if error.completion else failed(200, "", said, "")
        except openai.APIStatusError as error:
            return failed(error.status_code, _word(error.body), said, error.response.text)
        except DEADLY as error:
            return died(error, said)
        except (openai.APIError, httpx.HTTPError) as error:
            body = getattr(error, "body", None)
            return failed(200, _word(body), said, repr(error) + str(body))


class Anthropic:
    """The `anthropic` SDK."""

    def __init__(self, sdk: anthropic.AsyncAnthropic) -> None:
        self._sdk = sdk

    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""
        asked: dict[str, Any] = {
            "model": model,
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": QUESTION}],
        }
        said: list[str] = []
        try:
            if not stream:
                return _messaged(await self._sdk.messages.create(**asked))
            async with self._sdk.messages.stream(**asked) as events:
                async for text in events.text_stream:
                    said.append(text)  # noqa: PERF401 - what came before an error counts
                return _messaged(await events.get_final_message())
        except anthropic.APIStatusError as error:
            return failed(error.status_code, _word(error.body), said, str(error.body))
        except DEADLY as error:
            return died(error, said)
        except (anthropic.APIError, httpx.HTTPError) as error:
            return failed(200, "", said, repr(error))


def _word(body: object) -> str:
    """The code of an error, or else its type."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    return str(body.get("code") or body.get("type") or "") if isinstance(body, dict) else ""


def _completed(completion: ChatCompletion) -> Heard:
    choice, usage = completion.choices[0], completion.usage
    calls = [call.function for call in choice.message.tool_calls or () if call.type == "function"]
    return Heard(
        200,
        text=choice.message.content or "",
        stop=choice.finish_reason,
        calls=tuple((call.name, _loaded(call.arguments)) for call in calls),
        usage=(counted(usage.prompt_tokens), counted(usage.completion_tokens))
        if usage is not None
        else (0, 0),
    )


def _messaged(message: Message) -> Heard:
    calls = [block for block in message.content if block.type == "tool_use"]
    return Heard(
        200,
        text="".join(block.text for block in message.content if block.type == "text"),
        stop=_STOPS.get(str(message.stop_reason), str(message.stop_reason)),
        calls=tuple((block.name, unwrapped(block.input)) for block in calls),
        usage=_used(message.usage),
    )


def _used(usage: Usage | None) -> tuple[int, int]:
    """The counts, if there are any at all."""
    return (counted(usage.input_tokens), counted(usage.output_tokens)) if usage is not None else (-1, -1)


def _loaded(arguments: str) -> object:
    try:
        loaded: object = json.loads(arguments)
    except ValueError:
        return arguments
    return loaded


@asynccontextmanager
async def speaking_openai(gateway: str) -> AsyncIterator[Client]:
    """The `openai` SDK as a client of `gateway`."""
    async with openai.AsyncOpenAI(
        base_url=f"{gateway}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE_S
    ) as sdk:
        yield OpenAI(sdk)


@asynccontextmanager
async def speaking_anthropic(gateway: str) -> AsyncIterator[Client]:
    """The `anthropic` SDK as a client of `gateway`."""
    async with anthropic.AsyncAnthropic(
        base_url=gateway, api_key=KEY, max_retries=0, timeout=PATIENCE_S
    ) as sdk:
        yield Anthropic(sdk)


CLIENTS: Mapping[str, Callable[[str], Any]] = {
    "openai": speaking_openai,
    "anthropic": speaking_anthropic,
    "gemini": speaking_gemini,
    "gemini array": speaking_gemini_array,
    "ollama": speaking_ollama,
}
"""By the name of the SDK, and of what it asks for where an SDK is not all there is to know."""

SPOKEN: Mapping[str, str] = {sdk: sdk.partition(" ")[0] for sdk in CLIENTS}
"""The protocol that each of them speaks."""

STREAMS_ONLY = frozenset({"gemini array"})
"""Clients for whom a whole reply is no other than for the plain client of their protocol."""
