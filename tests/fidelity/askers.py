"""The official SDKs as they ask one question and read the words of the answer."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import anthropic
import ollama
import openai
from google import genai


class Ask(Protocol):
    """Says `text` and reads what comes back."""

    async def __call__(self, text: str, *, stream: bool) -> str: ...


@asynccontextmanager
async def by_anthropic(gateway: str) -> AsyncIterator[Ask]:
    """With the anthropic SDK."""
    async with anthropic.AsyncAnthropic(base_url=gateway, api_key="any", max_retries=0) as client:

        async def ask(text: str, *, stream: bool) -> str:
            asked: dict[str, Any] = {
                "model": "m",
                "max_tokens": 1000,
                "messages": [{"role": "user", "content": text}],
            }
            if not stream:
                message = await client.messages.create(**asked)
                return "".join(block.text for block in message.content)
            async with client.messages.stream(**asked) as events:
                return "".join([piece async for piece in events.text_stream])

        yield ask


@asynccontextmanager
async def by_openai(gateway: str) -> AsyncIterator[Ask]:
    """With the openai SDK."""
    async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0) as client:

        async def ask(text: str, *, stream: bool) -> str:
            asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": text}]}
            if not stream:
                completion = await client.chat.completions.create(**asked)
                return str(completion.choices[0].message.content)
            chunks = await client.chat.completions.create(**asked, stream=True)
            return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])

        yield ask


@asynccontextmanager
async def by_gemini(gateway: str) -> AsyncIterator[Ask]:
    """With the google-genai SDK."""
    async with genai.Client(api_key="any", http_options={"base_url": gateway}).aio as client:

        async def ask(text: str, *, stream: bool) -> str:
            if not stream:
                reply = await client.models.generate_content(model="m", contents=text)
                return reply.text or ""
            chunks = await client.models.generate_content_stream(model="m", contents=text)
            return "".join([chunk.text or "" async for chunk in chunks])

        yield ask


@asynccontextmanager
async def by_ollama(gateway: str) -> AsyncIterator[Ask]:
    """With the ollama SDK."""
    client = ollama.AsyncClient(host=f"{gateway}/ollama")

    async def ask(text: str, *, stream: bool) -> str:
        messages = [{"role": "user", "content": text}]
        if not stream:
            reply = await client.chat(model="m", messages=messages)
            return reply.message.content or ""
        lines = await client.chat(model="m", messages=messages, stream=True)
        return "".join([line.message.content or "" async for line in lines])

    try:
        yield ask
    finally:
        await client._client.aclose()  # noqa: SLF001 - the SDK has no way to close what it opens


ASKERS: Mapping[str, Callable[[str], AbstractAsyncContextManager[Ask]]] = {
    "anthropic": by_anthropic,
    "gemini": by_gemini,
    "ollama": by_ollama,
    "openai_chat": by_openai,
}
"""By the name of the client's codec."""
