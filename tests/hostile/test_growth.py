"""What a body costs grows as its size does, whatever fills it: one that took the square of it would stop the
world for everybody.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from time import process_time
from typing import Any

import orjson
import pytest

from gateway.canonical.tokens import estimate
from gateway.errors import InvalidRequest
from gateway.protocols import CODECS
from gateway.protocols.codec import Call, Codec, Losses, Operation
from gateway.protocols.target import Target
from gateway.wire import fast_json
from gateway.wire.document import Document

pytestmark = pytest.mark.slow

FEW, MANY = 400, 3200
LINEAR, TOLERANCE = MANY / FEW, 3
"""Eight times as much may take 24 times as long, where machines are noisy; squared it takes 64 times."""
NOTHING_S = 0.03
"""What no client notices, however it grows."""

Body = Callable[[int], dict[str, Any]]


def _turns(n: int, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "a"}, *list(messages) * n]


def _chat_call(number: int) -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": f"t{number}", "arguments": "{}"}}


def _calls(n: int) -> list[dict[str, Any]]:
    return [_chat_call(number) for number in range(n)]


def _chat_results(numbers: Iterator[int] | range) -> list[dict[str, Any]]:
    return [{"role": "tool", "tool_call_id": f"c{number}", "content": "x"} for number in numbers]


_ASKS: dict[str, Any] = {"role": "assistant", "tool_calls": [_chat_call(0)]}
_ANSWERS: dict[str, Any] = _chat_results(range(1))[0]
_ANTHROPIC_CALL = {"type": "tool_use", "id": "c", "name": "t", "input": {}}
_ANTHROPIC_RESULT = {"type": "tool_result", "tool_use_id": "c", "content": "x"}

_SHAPES: Mapping[str, Mapping[str, Body]] = {
    "openai_chat": {
        "messages": lambda n: {"messages": _turns(n)},
        "instructions": lambda n: {"messages": _turns(n, {"role": "system", "content": "a"})},
        "parts": lambda n: {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * n}]},
        "parallel calls": lambda n: {
            "messages": [*_turns(0), {**_ASKS, "tool_calls": _calls(n)}, *_chat_results(range(n))]
        },
        "results in the wrong order": lambda n: {
            "messages": [*_turns(0), {**_ASKS, "tool_calls": _calls(n)}, *_chat_results(range(n)[::-1])]
        },
        "turns of calls": lambda n: {"messages": _turns(n, _ASKS, _ANSWERS)},
        "calls without results": lambda n: {"messages": _turns(n, _ASKS)},
        "results without calls": lambda n: {"messages": [*_turns(0), *_chat_results(range(n))]},
        "results by name": lambda n: {
            "messages": [
                *_turns(0),
                {**_ASKS, "tool_calls": _calls(n)},
                *({"role": "function", "name": f"t{n - number}", "content": "x"} for number in range(n)),
            ]
        },
        "tools": lambda n: {"messages": _turns(0), "tools": [_tool(f"t{number}") for number in range(n)]},
        "tools of one name": lambda n: {"messages": _turns(0), "tools": [_tool("t")] * n},
        "tools of long names": lambda n: {
            "messages": _turns(0),
            "tools": [_tool("t" * 90 + str(number)) for number in range(n)],
        },
        "fields of a schema": lambda n: {"messages": _turns(0), "tools": [_tool("t", _wide(n))]},
        "references of a schema": lambda n: {"messages": _turns(0), "tools": [_tool("t", _chained(n))]},
        "unknown fields": lambda n: {"messages": _turns(0), **{f"x{number}": 1 for number in range(n)}},
    },
    "anthropic": {
        "messages": lambda n: {"messages": _turns(n)},
        "one call again and again": lambda n: {
            "messages": _turns(
                n,
                {"role": "assistant", "content": [_ANTHROPIC_CALL]},
                {"role": "user", "content": [_ANTHROPIC_RESULT]},
            )
        },
        "calls of one id": lambda n: {
            "messages": [
                *_turns(0),
                {"role": "assistant", "content": [_ANTHROPIC_CALL] * n},
                {"role": "user", "content": [_ANTHROPIC_RESULT] * n},
            ]
        },
        "instructions": lambda n: {"messages": _turns(0), "system": [{"type": "text", "text": "a"}] * n},
        "fields of a schema": lambda n: {
            "messages": _turns(0),
            "tools": [{"name": "t", "input_schema": _wide(n)}],
        },
    },
    "gemini": {
        "contents": lambda n: {"contents": [{"role": "user", "parts": [{"text": "a"}]}] * n},
        "calls without ids": lambda n: {
            "contents": [
                {"role": "model", "parts": [{"functionCall": {"name": "t", "args": {}}}] * n},
                {"role": "user", "parts": [{"functionResponse": {"name": "t", "response": {}}}] * n},
            ]
        },
        "calls that take the ids of others": lambda n: {
            "contents": [
                {
                    "role": "model",
                    "parts": [
                        *({"functionCall": {"id": f"call_0_{n + k}", "name": "t"}} for k in range(n)),
                        *({"functionCall": {"name": "t"}} for _ in range(n)),
                    ],
                }
            ]
        },
        "results of other names": lambda n: {
            "contents": [
                {"role": "model", "parts": [{"functionCall": {"name": "t"}}] * n},
                {"role": "user", "parts": [{"functionResponse": {"name": "u", "response": {}}}] * n},
            ]
        },
        "fields of a schema": lambda n: {
            "contents": "a",
            "tools": [{"functionDeclarations": [{"name": "t", "parameters": _wide(n)}]}],
        },
    },
    "ollama": {
        "messages": lambda n: {"messages": _turns(n)},
        "parallel calls": lambda n: {
            "messages": [
                *_turns(0),
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "t"}}] * n},
                *[{"role": "tool", "tool_name": "t", "content": "x"}] * n,
            ]
        },
        "results of other names": lambda n: {
            "messages": [
                *_turns(0),
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "t"}}] * n},
                *[{"role": "tool", "tool_name": "u", "content": "x"}] * n,
            ]
        },
        "pictures": lambda n: {"messages": [{"role": "user", "content": "a", "images": ["aGk="] * n}]},
    },
}


def _tool(name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema or {"type": "object"}}}


def _wide(n: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(n)}}


def _chained(n: int) -> dict[str, Any]:
    """Each definition refers to the next one twice: written out it would double at every step."""
    links = {f"d{k}": {"anyOf": [{"$ref": f"#/$defs/d{k + 1}"}] * 2} for k in range(n)}
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": links}


def _works(codec: Codec, body: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """CPU seconds of each thing that is done with a request, by its name."""
    data = orjson.dumps({"model": "m", "max_tokens": 9, **body})
    endpoint = next(point for point in codec.endpoints if point.operation is Operation.GENERATE)
    call = Call(Document(data), params={"model": "m"}, endpoint=endpoint)
    began = process_time()
    call = Call(Document(data), params={"model": "m"}, endpoint=endpoint)
    assert call.payload
    yield "read", process_time() - began
    began = process_time()
    with suppress(InvalidRequest):
        request = codec.decode_request(call)
        yield "decode", process_time() - began
        began = process_time()
        estimate(request)
        yield "estimate", process_time() - began
        for other in CODECS.values():
            began = process_time()
            with suppress(InvalidRequest):
                if other is codec:
                    other.redirect(call, Target("n"), Losses())
                else:
                    fast_json.dumps(other.encode_request(request, Target("n"), Losses()).body)
            yield f"encode for {other.name}", process_time() - began


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What the collector costs depends on all else that the process holds."""
    gc.disable()
    yield
    gc.enable()


def _least(codec: Codec, body: dict[str, Any]) -> dict[str, float]:
    """The least of three: what else the machine does only ever adds."""
    rounds = [dict(_works(codec, body)) for _ in range(3)]
    return {work: min(took[work] for took in rounds) for work in rounds[0]}


@pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name, shapes in _SHAPES.items() for shape in shapes]
)
def test_the_cost_of_a_body_grows_no_faster_than_its_size(name: str, shape: str) -> None:
    body, codec = _SHAPES[name][shape], CODECS[name]
    few, many = _least(codec, body(FEW)), _least(codec, body(MANY))
    assert few.keys() == many.keys()
    steep = {
        work: (few[work], many[work])
        for work in many
        if many[work] > NOTHING_S and many[work] > LINEAR * TOLERANCE * few[work]
    }
    assert steep == {}
