"""The work that is measured, in two dialects: what OpenAI's clients say, and the same in Anthropic's
words.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from tests.benchmarks.load import http
from tests.benchmarks.upstream import EVENTS

_PROSE = 'the agent reads a file, writes "tests",\nruns the command and checks its result. '
_TURNS = 19
_TOOLS = 20


@dataclass(frozen=True)
class Work:
    """One row of the table. `events` of a reply share its cost (1: it counts per request); `limits` and
    `aims` are ratios to the baseline, in the same protocol and translated. `messages`: it is a conversation
    of so many messages of 1 KB, instead of one of `size`.
    """

    name: str
    size: str
    connections: int
    limits: tuple[float, float]
    aims: tuple[float, float]
    interval_s: float = 0.0
    events: int = 1
    messages: int = 0

    @property
    def streaming(self) -> bool:
        """Whether the replies are streams."""
        return self.events > 1

    def request(self, dialect: str) -> bytes:
        """What a client that speaks `dialect` sends."""
        path, make = _DIALECTS[dialect]
        if self.messages:
            return http(path, orjson.dumps({**make(large=False, stream=False), **_talk(self.messages)}))
        return http(path, orjson.dumps(make(large=self.size == "large", stream=self.streaming)))


WORKS = (
    Work("small JSON", "small", 16, (1.4, 1.6), (1.15, 1.25)),
    Work("164 KB request", "large", 16, (2.0, 3.2), (1.4, 2.2)),
    Work("events 20 ms apart", "small", 100, (1.25, 1.4), (1.05, 1.15), interval_s=0.02, events=EVENTS),
    Work("events in bursts", "small", 16, (1.7, 3.5), (1.3, 2.0), events=EVENTS),
)


def _text(size: int) -> str:
    return (_PROSE * (size // len(_PROSE) + 1))[:size]


def _tools() -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(_TOOLS):
        properties: dict[str, Any] = {
            f"param_{n}": {"type": kind, "description": _text(110)}
            for n, kind in enumerate(("string", "integer", "boolean", "string", "string"))
        }
        properties["options"] = {
            "type": "object",
            "properties": {
                "mode": {"type": "string", "enum": ["a", "b", "c"]},
                "items": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": False,
        }
        yield (
            f"Tool{number}",
            {
                "type": "object",
                "properties": properties,
                "required": ["param_0", "param_1"],
                "additionalProperties": False,
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
        )


def _arguments(turn: int) -> dict[str, Any]:
    return {"param_0": _text(60), "param_1": turn, "options": {"mode": "a"}, "content": _text(600)}


def _openai(*, large: bool, stream: bool) -> dict[str, Any]:
    if not large:
        small = {"model": "fake", "messages": [{"role": "user", "content": _text(90)}]}
        return {**small, "stream": True} if stream else small
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": _text(14_000)},
        {"role": "user", "content": _text(2_000)},
    ]
    for turn in range(_TURNS):
        function = {"name": f"Tool{turn}", "arguments": orjson.dumps(_arguments(turn)).decode()}
        call = {"id": f"call_{turn:04}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": _text(200), "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": _text(3_600)})
    messages.append({"role": "user", "content": _text(400)})
    tools = [
        {"type": "function", "function": {"name": name, "description": _text(1_100), "parameters": schema}}
        for name, schema in _tools()
    ]
    return {"model": "fake", "messages": messages, "tools": tools, "temperature": 1}


def _anthropic(*, large: bool, stream: bool) -> dict[str, Any]:
    if not large:
        words = [{"role": "user", "content": _text(90)}]
        small = {"model": "fake", "max_tokens": 4096, "messages": words}
        return {**small, "stream": True} if stream else small
    messages: list[dict[str, Any]] = [{"role": "user", "content": _text(2_000)}]
    for turn in range(_TURNS):
        named = {"id": f"toolu_{turn:04}", "name": f"Tool{turn}"}
        call = {"type": "tool_use", **named, "input": _arguments(turn)}
        result = {"type": "tool_result", "tool_use_id": named["id"], "content": [_words(3_600)]}
        messages.append({"role": "assistant", "content": [_words(200), call]})
        messages.append({"role": "user", "content": [result]})
    messages.append({"role": "user", "content": [_words(400)]})
    tools = [{"name": name, "description": _text(1_100), "input_schema": schema} for name, schema in _tools()]
    system = [{**_words(14_000), "cache_control": {"type": "ephemeral"}}]
    return {
        "model": "fake",
        "max_tokens": 4096,
        "system": system,
        "messages": messages,
        "tools": tools,
        "temperature": 1,
    }


def _talk(messages: int) -> dict[str, Any]:
    """What both dialects say alike."""
    turns = [{"role": ("user", "assistant")[n % 2], "content": _text(1024)} for n in range(messages - 1)]
    return {"messages": [*turns, {"role": "user", "content": _text(1024)}]}


def _words(size: int) -> dict[str, Any]:
    return {"type": "text", "text": _text(size)}


_DIALECTS: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "openai": ("/v1/chat/completions", _openai),
    "anthropic": ("/v1/messages", _anthropic),
}

SMALL_STREAM = {
    dialect: http(path, orjson.dumps(make(large=False, stream=True)))
    for dialect, (path, make) in _DIALECTS.items()
}
"""The shortest request for a stream, in each dialect."""
