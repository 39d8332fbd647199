"""Which kinds of things the recordings hold, by the names their wires have for them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.wire.fast_json import JsonError, loads
from tests.corpus.recordings import Recording

Found = Iterator[tuple[str, str]]
_VERSION = re.compile(r"_\d{8}$")


def found_in(recording: Recording) -> Found:
    """Pairs of a table of the mapping and a name in it."""
    if recording.request is not None:
        yield from _ASKED[recording.protocol](recording.request)
    for payload in _payloads(recording.reply):
        yield from _TOLD[recording.protocol](payload)


def _payloads(reply: bytes) -> Iterator[dict[str, Any]]:
    lines = [reply] if reply[:1] == b"{" and reply.count(b"\n{") == 0 else reply.splitlines()
    for line in lines:
        try:
            payload = loads(line.removeprefix(b"data:").strip())
        except JsonError:
            continue
        if isinstance(payload, dict):
            yield payload


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; nothing for anything else."""
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _camel(name: str) -> str:
    """Gemini takes both spellings of a name."""
    head, *tail = name.split("_")
    return name if not head else head + "".join(word.capitalize() for word in tail)


def _anthropic_request(body: dict[str, Any]) -> Found:
    yield from (("request", name) for name in body)
    yield from (
        ("tool", _VERSION.sub("", tool.get("type") or "function")) for tool in objects(body.get("tools"))
    )
    for message in [*objects(body.get("messages")), {"content": body.get("system")}]:
        yield from _blocks(message.get("content"))


def _blocks(content: Any) -> Found:
    for block in objects(content):
        yield "block", block["type"]
        if block["type"] == "tool_result":
            yield from _blocks(block.get("content"))


def _anthropic_reply(payload: dict[str, Any]) -> Found:
    yield from _blocks(payload.get("content"))
    yield from _blocks([payload.get("content_block")])


def _responses_request(body: dict[str, Any]) -> Found:
    yield from (("request", name) for name in body)
    yield from (("tool", tool["type"]) for tool in objects(body.get("tools")))
    yield from _items(body.get("input"))


def _responses_reply(payload: dict[str, Any]) -> Found:
    yield from _items(payload.get("output"))
    yield from _items([payload.get("item")])
    yield from _items((payload.get("response") or {}).get("output"))


def _items(items: Any) -> Found:
    for item in objects(items):
        yield "item", item.get("type") or "message"
        yield from (("content", part["type"]) for part in objects(item.get("content")) if "type" in part)


def _gemini_request(body: dict[str, Any]) -> Found:
    body = {_camel(name): value for name, value in body.items()}
    yield from (("request", name) for name in body)
    yield from (("generationConfig", _camel(name)) for name in body.get("generationConfig") or {})
    yield from (("tool", _camel(name)) for tool in objects(body.get("tools")) for name in tool)
    yield from _parts(body.get("contents"))


def _gemini_reply(payload: dict[str, Any]) -> Found:
    yield from _parts([candidate.get("content") for candidate in objects(payload.get("candidates"))])


def _parts(contents: Any) -> Found:
    for content in objects(contents):
        yield from (("part", _camel(name)) for part in objects(content.get("parts")) for name in part)


def _ollama_request(body: dict[str, Any]) -> Found:
    yield from (("request", name) for name in body)
    yield from (("options", name) for name in body.get("options") or {})
    yield from (("tool", tool["type"]) for tool in objects(body.get("tools")))
    yield from (("message", name) for message in objects(body.get("messages")) for name in message)


def _ollama_reply(payload: dict[str, Any]) -> Found:
    yield from (("message", name) for name in payload.get("message") or {})


_Reader = Callable[[dict[str, Any]], Found]
_ASKED: Mapping[str, _Reader] = {
    "anthropic": _anthropic_request,
    "gemini": _gemini_request,
    "ollama": _ollama_request,
    "openai_responses": _responses_request,
}
_TOLD: Mapping[str, _Reader] = {
    "anthropic": _anthropic_reply,
    "gemini": _gemini_reply,
    "ollama": _ollama_reply,
    "openai_responses": _responses_reply,
}
