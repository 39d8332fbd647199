"""Conversations as the official SDKs hold them: one face for all, so that each test runs with every SDK.

What a model said is kept in the SDK's own words and sent back as its documentation tells users to.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import anthropic
import openai
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

KEY = "sdk-client-key-51ce"

Client = TypeVar("Client", anthropic.AsyncAnthropic, openai.AsyncOpenAI)


@dataclass(frozen=True)
class Tool:
    """A function that the test runs itself; all its fields are strings and required."""

    name: str
    fields: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """Its parameters."""
        return {
            "type": "object",
            "properties": {name: {"type": "string"} for name in self.fields},
            "required": [*self.fields],
        }


WRITE = Tool("write_file", ("path", "content"))
READ = Tool("read_file", ("path",))


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the conversation itself; `settings` in the words of the SDK, they win."""

    model: str
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    forced: str | None = None
    thinks: bool = False
    shape: type[BaseModel] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """The model wants a tool run."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """A reply, as far as all SDKs agree on it."""

    text: str
    calls: Sequence[Call] = ()
    thought: str = ""
    parsed: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Conversation(Protocol):
    """One conversation of one SDK."""

    messages: list[dict[str, Any]]

    def say(self, words: str) -> None:
        """The user speaks."""

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a file, given in base64."""

    def results(self, results: Mapping[str, str]) -> None:
        """What the calls returned, by their ids."""

    async def hear(self, gateway: str, wish: Wish) -> Heard:
        """Ask `gateway` for the next turn, and keep it."""
        ...


class _Held(Generic[Client]):
    """What the SDKs have in common: they are two builds of one generator."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def say(self, words: str) -> None:
        """The user speaks."""
        self.messages.append({"role": "user", "content": words})

    async def hear(self, gateway: str, wish: Wish) -> Heard:
        """Ask `gateway` for the next turn, and keep it."""
        async with self._client(gateway) as client:
            settings = self._settings(wish)
            return await (self._streamed if wish.stream else self._whole)(client, settings)

    @abstractmethod
    def _client(self, gateway: str) -> Client: ...

    @abstractmethod
    def _settings(self, wish: Wish) -> dict[str, Any]: ...

    @abstractmethod
    async def _streamed(self, client: Client, settings: dict[str, Any]) -> Heard: ...

    @abstractmethod
    async def _whole(self, client: Client, settings: dict[str, Any]) -> Heard: ...


class Claude(_Held[anthropic.AsyncAnthropic]):
    """A conversation of the `anthropic` SDK."""

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a file."""
        self.messages.append(
            {"role": "user", "content": [{"type": "text", "text": words}, self.file(mime, data)]}
        )

    @staticmethod
    def file(mime: str, data: str) -> dict[str, Any]:
        """The block that holds a file."""
        kind = "image" if mime.startswith("image/") else "document"
        return {"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}}

    def results(self, results: Mapping[str, str | list[dict[str, Any]]]) -> None:
        """What the calls returned."""
        blocks = [
            {"type": "tool_result", "tool_use_id": call, "content": said} for call, said in results.items()
        ]
        self.messages.append({"role": "user", "content": blocks})

    def _client(self, gateway: str) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=gateway, api_key=KEY, max_retries=0, timeout=20)

    def _settings(self, wish: Wish) -> dict[str, Any]:
        settings: dict[str, Any] = {"model": wish.model, "max_tokens": 4096, "messages": self.messages}
        if wish.tools:
            settings["tools"] = [{"name": tool.name, "input_schema": tool.schema} for tool in wish.tools]
        if wish.forced is not None:
            settings["tool_choice"] = {"type": "tool", "name": wish.forced}
        if wish.thinks:
            settings["thinking"] = {"type": "adaptive"}
        if wish.shape is not None:
            settings["output_format"] = wish.shape
        return {**settings, **wish.settings}

    async def _streamed(self, client: anthropic.AsyncAnthropic, settings: dict[str, Any]) -> Heard:
        async with client.messages.stream(**settings) as stream:
            return self._kept(await stream.get_final_message(), stream.response.headers)

    async def _whole(self, client: anthropic.AsyncAnthropic, settings: dict[str, Any]) -> Heard:
        if "output_format" in settings:
            return self._kept(await client.messages.parse(**settings), {})
        raw = await client.messages.with_raw_response.create(**settings)
        return self._kept(await raw.parse(), raw.headers)

    def _kept(self, message: Message, headers: Mapping[str, str]) -> Heard:
        self.messages.append({"role": "assistant", "content": message.content})
        return Heard(
            "".join(block.text for block in message.content if block.type == "text"),
            [
                Call(block.id, block.name, dict(block.input))
                for block in message.content
                if block.type == "tool_use"
            ],
            "".join(block.thinking for block in message.content if block.type == "thinking"),
            getattr(message, "parsed_output", None),
            headers,
        )


class Gpt(_Held[openai.AsyncOpenAI]):
    """A conversation of the `openai` SDK, by Chat Completions."""

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a file."""
        url = f"data:{mime};base64,{data}"
        part: dict[str, Any] = {"type": "file", "file": {"filename": "paper.pdf", "file_data": url}}
        if mime.startswith("image/"):
            part = {"type": "image_url", "image_url": {"url": url}}
        self.messages.append({"role": "user", "content": [{"type": "text", "text": words}, part]})

    def results(self, results: Mapping[str, str]) -> None:
        """What the calls returned."""
        for call, said in results.items():
            self.messages.append({"role": "tool", "tool_call_id": call, "content": said})

    def _client(self, gateway: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key=KEY, max_retries=0, timeout=20)

    def _settings(self, wish: Wish) -> dict[str, Any]:
        settings: dict[str, Any] = {"model": wish.model, "messages": self.messages}
        if wish.tools:
            settings["tools"] = [
                {"type": "function", "function": {"name": tool.name, "parameters": tool.schema}}
                for tool in wish.tools
            ]
        if wish.forced is not None:
            settings["tool_choice"] = {"type": "function", "function": {"name": wish.forced}}
        if wish.thinks:
            settings["reasoning_effort"] = "low"
        if wish.shape is not None:
            settings["response_format"] = wish.shape
        return {**settings, **wish.settings}

    async def _streamed(self, client: openai.AsyncOpenAI, settings: dict[str, Any]) -> Heard:
        async with client.chat.completions.stream(**settings) as stream:
            return self._kept(await stream.get_final_completion(), {})

    async def _whole(self, client: openai.AsyncOpenAI, settings: dict[str, Any]) -> Heard:
        if "response_format" in settings:
            return self._kept(await client.chat.completions.parse(**settings), {})
        raw = await client.chat.completions.with_raw_response.create(**settings)
        return self._kept(raw.parse(), raw.headers)

    def _kept(self, completion: ChatCompletion, headers: Mapping[str, str]) -> Heard:
        message = completion.choices[0].message
        # The SDK leaves `index` in the calls it puts together from a stream. The service takes it, the strict
        # upstream frowns at it, and a gateway that passes bytes on leaves a client's own words alone.
        self.messages.append(
            message.model_dump(
                exclude_none=True, exclude={"parsed": True, "tool_calls": {"__all__": {"index"}}}
            )
        )
        return Heard(
            message.content or "",
            [
                Call(call.id, call.function.name, json.loads(call.function.arguments))
                for call in message.tool_calls or ()
                if call.type == "function"
            ],
            getattr(message, "reasoning_content", ""),
            getattr(message, "parsed", None),
            headers,
        )


SPEAKERS: Mapping[str, type[Claude | Gpt]] = {"anthropic": Claude, "openai": Gpt}
"""By the name of the SDK."""
