"""The official SDKs as speakers: what each makes of the one face of all conversations."""

import json
from base64 import b64decode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import anthropic
import ollama
import openai
from anthropic.types import Message
from google import genai
from google.genai import errors, types
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from tests.clients.conversations import Call, Conversation, Errors, Heard, Held, Wish

TIMEOUT_S = 20


class Claude(Held[anthropic.AsyncAnthropic]):
    """A conversation of the `anthropic` SDK."""

    errors: ClassVar[Errors] = {
        "refused": (400, anthropic.BadRequestError),
        "unknown": (401, anthropic.AuthenticationError),
        "busy": (429, anthropic.RateLimitError),
        "broken": (502, anthropic.InternalServerError),
        "overloaded": (529, anthropic.OverloadedError),
    }

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

    def _client(self, gateway: str, key: str) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=gateway, api_key=key, max_retries=0, timeout=TIMEOUT_S)

    def _settings(self, wish: Wish) -> dict[str, Any]:
        settings: dict[str, Any] = {"model": wish.model, "max_tokens": 4096, "messages": self.messages}
        if wish.system is not None:
            settings["system"] = wish.system
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


class Gpt(Held[openai.AsyncOpenAI]):
    """A conversation of the `openai` SDK, by Chat Completions."""

    errors: ClassVar[Errors] = {
        "refused": (400, openai.BadRequestError),
        "unknown": (401, openai.AuthenticationError),
        "busy": (429, openai.RateLimitError),
        "broken": (502, openai.InternalServerError),
        "overloaded": (503, openai.InternalServerError),
    }

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

    def _client(self, gateway: str, key: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=0, timeout=TIMEOUT_S)

    def _settings(self, wish: Wish) -> dict[str, Any]:
        system = [] if wish.system is None else [{"role": "system", "content": wish.system}]
        settings: dict[str, Any] = {"model": wish.model, "messages": [*system, *self.messages]}
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


class Gemini(Held[genai.client.AsyncClient]):
    """A conversation of the `google-genai` SDK."""

    errors: ClassVar[Errors] = {
        "refused": (400, errors.ClientError),
        "unknown": (401, errors.ClientError),
        "busy": (429, errors.ClientError),
        "broken": (502, errors.ServerError),
        "overloaded": (503, errors.ServerError),
    }

    def say(self, words: str) -> None:
        """The user speaks."""
        self.messages.append(types.Content(role="user", parts=[types.Part(text=words)]))

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a file."""
        file = types.Part.from_bytes(data=b64decode(data), mime_type=mime)
        self.messages.append(types.Content(role="user", parts=[types.Part(text=words), file]))

    def results(self, results: Mapping[str, str]) -> None:
        """What the calls returned."""
        names = {call.id: call.name for call in calls_of(self.messages[-1])}
        said = [
            types.FunctionResponse(id=call, name=names[call], response={"output": words})
            for call, words in results.items()
        ]
        parts = [types.Part(function_response=response) for response in said]
        self.messages.append(types.Content(role="user", parts=parts))

    def _client(self, gateway: str, key: str) -> AbstractAsyncContextManager[genai.client.AsyncClient]:
        options = types.HttpOptions(base_url=gateway, timeout=TIMEOUT_S * 1000)
        return genai.Client(api_key=key, http_options=options).aio

    def _settings(self, wish: Wish) -> dict[str, Any]:
        config: dict[str, Any] = {"automatic_function_calling": {"disable": True}}
        if wish.system is not None:
            config["system_instruction"] = wish.system
        if wish.tools:
            functions = [{"name": tool.name, "parameters_json_schema": tool.schema} for tool in wish.tools]
            config["tools"] = [{"function_declarations": functions}]
        if wish.forced is not None:
            choice = {"mode": "ANY", "allowed_function_names": [wish.forced]}
            config["tool_config"] = {"function_calling_config": choice}
        if wish.thinks:
            config["thinking_config"] = {"include_thoughts": True, "thinking_level": "LOW"}
        if wish.shape is not None:
            config |= {"response_mime_type": "application/json", "response_schema": wish.shape}
        return {"model": wish.model, "contents": self.messages, "config": {**config, **wish.settings}}

    async def _streamed(self, client: genai.client.AsyncClient, settings: dict[str, Any]) -> Heard:
        parts: list[types.Part] = []
        async for chunk in await client.models.generate_content_stream(**settings):
            parts += chunk.parts or []
        # What only ends the stream is not sent back.
        said = [part for part in parts if part.function_call or part.text or part.thought_signature]
        return self._kept(types.Content(role="model", parts=said), settings, {})

    async def _whole(self, client: genai.client.AsyncClient, settings: dict[str, Any]) -> Heard:
        reply = await client.models.generate_content(**settings)
        assert reply.candidates is not None
        assert reply.sdk_http_response is not None
        content = reply.candidates[0].content
        assert content is not None
        return self._kept(content, settings, reply.sdk_http_response.headers or {})

    def _kept(self, content: types.Content, settings: dict[str, Any], headers: Mapping[str, str]) -> Heard:
        self.messages.append(content)
        parts = content.parts or []
        text = "".join(part.text or "" for part in parts if not part.thought)
        shape = settings["config"].get("response_schema")
        return Heard(
            text,
            calls_of(content),
            "".join(part.text or "" for part in parts if part.thought),
            None if shape is None else shape.model_validate_json(text),
            headers,
        )


def calls_of(content: types.Content) -> list[Call]:
    """The calls in a turn of the model."""
    calls = [part.function_call for part in content.parts or [] if part.function_call]
    return [Call(call.id or "", call.name or "", call.args or {}) for call in calls]


class Llama(Held[ollama.AsyncClient]):
    """A conversation of the `ollama` SDK, which knows no ids: calls have their places as ids here."""

    errors: ClassVar[Errors] = {
        "refused": (400, ollama.ResponseError),
        "unknown": (401, ollama.ResponseError),
        "busy": (429, ollama.ResponseError),
        "broken": (502, ollama.ResponseError),
        "overloaded": (503, ollama.ResponseError),
    }

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a picture: the SDK has a place for nothing else."""
        assert mime.startswith("image/")
        self.messages.append({"role": "user", "content": words, "images": [data]})

    def results(self, results: Mapping[str, str]) -> None:
        """What the calls returned, in the order of the calls: that is all that tells them apart."""
        calls = self.messages[-1].tool_calls
        for place, call in enumerate(calls):
            said = {"role": "tool", "tool_name": call.function.name, "content": results[str(place)]}
            self.messages.append(said)

    def _client(self, gateway: str, key: str) -> AbstractAsyncContextManager[ollama.AsyncClient]:
        headers = {"authorization": f"Bearer {key}"}
        return ollama.AsyncClient(host=f"{gateway}/ollama", headers=headers, timeout=TIMEOUT_S)

    def _settings(self, wish: Wish) -> dict[str, Any]:
        system = [] if wish.system is None else [{"role": "system", "content": wish.system}]
        settings: dict[str, Any] = {"model": wish.model, "messages": [*system, *self.messages]}
        if wish.tools:
            settings["tools"] = [
                {"type": "function", "function": {"name": tool.name, "parameters": tool.schema}}
                for tool in wish.tools
            ]
        if wish.thinks:
            settings["think"] = True
        if wish.shape is not None:
            settings["format"] = wish.shape.model_json_schema()
        return {**settings, "shape": wish.shape, **wish.settings}

    async def _streamed(self, client: ollama.AsyncClient, settings: dict[str, Any]) -> Heard:
        shape = settings.pop("shape")
        text, thought = "", ""
        calls: list[ollama.Message.ToolCall] = []
        last = None
        async for last in await client.chat(**settings, stream=True):
            text += last.message.content or ""
            thought += last.message.thinking or ""
            calls += last.message.tool_calls or []
        assert last is not None
        assert last.done
        message = ollama.Message(role="assistant", content=text, thinking=thought or None, tool_calls=calls)
        return self._kept(message, shape)

    async def _whole(self, client: ollama.AsyncClient, settings: dict[str, Any]) -> Heard:
        shape = settings.pop("shape")
        return self._kept((await client.chat(**settings)).message, shape)

    def _kept(self, message: ollama.Message, shape: type[BaseModel] | None) -> Heard:
        self.messages.append(message)
        text = message.content or ""
        return Heard(
            text,
            [
                Call(str(place), call.function.name, dict(call.function.arguments))
                for place, call in enumerate(message.tool_calls or ())
            ],
            message.thinking or "",
            None if shape is None else shape.model_validate_json(text),
        )


SPEAKERS: Mapping[str, type[Conversation]] = {
    "anthropic": Claude,
    "openai": Gpt,
    "google-genai": Gemini,
    "ollama": Llama,
}
"""By the name of the SDK."""
