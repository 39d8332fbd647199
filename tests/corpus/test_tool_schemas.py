"""Every recorded tool of a client's own, offered alone to a strict Gemini: it takes the schema, without a
violation or a warning.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.corpus.conftest import Report
from tests.corpus.inventory import objects
from tests.corpus.one_model import one_model
from tests.corpus.recordings import GENERATING, Recording, recordings
from tests.gateways import running
from tests.probes.strict import Strict, strict

pytestmark = [pytest.mark.shared, pytest.mark.slow]

MODEL = "gemini-3-probe"
TYPES = {"custom", "function"}
NUMBERED = {"gemini/stream/google-gemini-2-0-flash-6eb4a211.json"}
"""Schemas with types by their numbers, passed on as they are. The service took them, as JSON's readers of
protocol buffers do; the strict upstream knows the names only.
"""

Body = dict[str, Any]


@dataclass(frozen=True)
class Asking:
    """How the clients of one protocol offer a tool: the path, and the body for `tool`."""

    path: str
    body: Callable[[Body], Body]


def chatting(tool: Body) -> Body:
    """The body of three protocols in one."""
    question = {"role": "user", "content": "What is it?"}
    return {"model": MODEL, "max_tokens": 99, "stream": False, "messages": [question], "tools": [tool]}


def generating(tool: Body) -> Body:
    """The body of Gemini's clients."""
    return {"contents": [{"role": "user", "parts": [{"text": "What is it?"}]}], "tools": [tool]}


ASKING: Mapping[str, Asking] = {
    "anthropic": Asking("/v1/messages", chatting),
    "gemini": Asking(f"/v1beta/models/{MODEL}:generateContent", generating),
    "ollama": Asking("/ollama/api/chat", chatting),
    "openai_chat": Asking("/v1/chat/completions", chatting),
}


def anthropic_tools(body: Body) -> Iterator[Body]:
    """The tools with a schema; Anthropic's own have none."""
    yield from (tool for tool in objects(body.get("tools")) if "input_schema" in tool)


def gemini_tools(body: Body) -> Iterator[Body]:
    """Each function by itself; a lone tool may stand without a list."""
    tools = body.get("tools") or []
    for tool in objects([tools] if isinstance(tools, dict) else tools):
        for name in ("functionDeclarations", "function_declarations"):
            yield from ({name: [function]} for function in objects(tool.get(name)))


def chat_tools(body: Body) -> Iterator[Body]:
    """The functions, also in the words of before there were tools, and tools that take free text."""
    yield from (tool for tool in objects(body.get("tools")) if tool.get("type", "function") in TYPES)
    yield from ({"type": "function", "function": function} for function in objects(body.get("functions")))


def responses_tools(body: Body) -> Iterator[Body]:
    """The functions of the Responses API, which names no wrapper, in the words of Chat Completions."""
    for tool in objects(body.get("tools")):
        if tool["type"] == "namespace":
            yield from responses_tools(tool)
        elif tool["type"] == "function":
            known = {"name", "description", "parameters", "strict"}
            function = {name: value for name, value in tool.items() if name in known}
            yield {"type": "function", "function": function}


TOOLS: Mapping[str, tuple[str, Callable[[Body], Iterator[Body]]]] = {
    "anthropic": ("anthropic", anthropic_tools),
    "gemini": ("gemini", gemini_tools),
    "ollama": ("ollama", chat_tools),
    "openai_chat": ("openai_chat", chat_tools),
    "openai_responses": ("openai_chat", responses_tools),
}
"""By the protocol of the recording: the one to ask in, and its tools in it."""


def tools_of(protocol: str) -> dict[str, tuple[Body, Recording]]:
    """All different tools that were recorded, each with the first recording that has it."""
    found: dict[str, tuple[Body, Recording]] = {}
    for recording in recordings(protocol, GENERATING | {"responses"}):
        for tool in TOOLS[protocol][1](recording.request or {}):
            found.setdefault(json.dumps(tool, sort_keys=True), (tool, recording))
    return found


async def complaints(session: aiohttp.ClientSession, far: Strict, asking: Asking, tool: Body) -> list[str]:
    """What is wrong about how the upstream was offered `tool`."""
    await far.reset()
    async with session.post(asking.path, json=asking.body(tool)) as reply:
        if reply.status != 200:
            return [f"status {reply.status}: {await reply.text()}"]
    found = [str(frown) for frown in await far.complaints()]
    (seen,) = await far.requests()
    offered = [
        function
        for tool in objects(seen["body"].get("tools"))
        for name, functions in tool.items()
        if name in {"functionDeclarations", "function_declarations"}
        for function in functions
    ]
    return found if len(offered) == 1 else [*found, f"{len(offered)} functions were offered"]


@pytest.mark.parametrize("protocol", TOOLS)
async def test_every_recorded_tool_is_one_that_a_strict_gemini_takes(protocol: str, report: Report) -> None:
    tools, asking = tools_of(protocol), ASKING[TOOLS[protocol][0]]
    refused: dict[str, list[str]] = {}
    numbered = 0
    async with (
        strict("gemini") as far,
        running(one_model("gemini", far.url, MODEL)) as gateway,
        aiohttp.ClientSession(gateway) as session,
    ):
        for spelling, (tool, recording) in tools.items():
            found = await complaints(session, far, asking, tool)
            if recording.name in NUMBERED:
                assert recording.status == 200
                assert "parameters.type" in found[0]
                numbered += 1
            elif found:
                refused[f"{recording.name}: {spelling}"] = found
    taken = len(tools) - len(refused) - numbered
    beside = f", {numbered} that only the service took" if numbered else ""
    report(f"tools of {protocol} for a strict Gemini: {taken} of {len(tools)} taken{beside}")
    assert refused == {}
    assert tools
