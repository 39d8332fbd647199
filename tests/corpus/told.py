"""What a reply tells, read from a recording's own bytes without any code of the gateway.

The readers are small and liberal: they know the spellings that occur in the recordings, and nothing of how
the gateway understands them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
Call = tuple[str, Any]


@dataclass
class Told:
    """What matters of a reply, whatever protocol told it.

    `spoken` are the runs of words; between two of them stood something that the client's protocol may have no
    word for, and so did before the first or behind the last if these are empty. `read` and `written` are
    tokens, None where the recording does not count.
    """

    spoken: list[str] = field(default_factory=lambda: [""])
    thought: str = ""
    calls: list[Call] = field(default_factory=list)
    stop: str = ""
    read: int | None = None
    written: int | None = None

    def say(self, words: str) -> None:
        """Go on with the present run of words."""
        self.spoken[-1] += words

    def pause(self) -> None:
        """Something stood here that is not words."""
        self.spoken.append("")


def records(stream: bytes) -> list[Any]:
    """The JSON records of an event stream."""
    lines = re.split(r"\r\n|\r|\n", stream.decode("utf-8-sig"))
    said = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [json.loads(record) for record in said if record and record != "[DONE]"]


def by_anthropic(reply: bytes, *, stream: bool) -> Told:
    """What a reply of the Messages API tells."""
    message = _joined_message(records(reply)) if stream else json.loads(reply)
    usage = message.get("usage") or {}
    told = Told(stop=message.get("stop_reason") or "", written=usage.get("output_tokens"))
    kinds = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    told.read = sum(usage.get(kind) or 0 for kind in kinds)
    for block in message["content"]:
        match block["type"]:
            case "text":
                told.say(block["text"])
            case "thinking":
                told.thought += block["thinking"]
            case "tool_use":
                told.calls.append((block["name"], block["input"]))
            case "redacted_thinking":
                pass
            case _:
                told.pause()
    return told


def _joined_message(events: Iterable[Body]) -> Body:
    """The message that a stream of events builds."""
    message: Body = {}
    blocks: dict[int, Body] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                blocks[event["index"]] = {**event["content_block"], "json": ""}
            case "content_block_delta":
                _grow(blocks[event["index"]], event["delta"])
            case "message_delta":
                counts = {name: count for name, count in (event.get("usage") or {}).items() if count}
                usage = {**message["usage"], **counts}
                message = {**message, **event["delta"], "usage": usage}
            case _:
                pass
    content = list(blocks.values())
    for block in content:
        if block["type"] == "tool_use" and block["json"]:
            block["input"] = json.loads(block["json"])
    return {**message, "content": content}


def _grow(block: Body, delta: Body) -> None:
    for name in ("text", "thinking"):
        block[name] = block.get(name, "") + delta.get(name, "")
    block["json"] += delta.get("partial_json", "")


def by_openai_chat(reply: bytes, *, stream: bool) -> Told:
    """What the first choice of a reply of the Chat Completions form tells."""
    chunks = records(reply) if stream else [json.loads(reply)]
    told, pending = Told(), list[Body]()
    for chunk in chunks:
        _count(chunk, told)
        for choice in chunk.get("choices") or []:
            if choice.get("index"):
                continue
            details = choice.get("finish_details") or {}
            told.stop = told.stop or choice.get("finish_reason") or details.get("type") or ""
            said = choice.get("delta") if stream else choice.get("message")
            _hear(said or {"content": choice.get("text")}, told, pending)
    told.calls = [(call["name"], json.loads(call["arguments"] or "{}")) for call in pending]
    return told


def _count(chunk: Body, told: Told) -> None:
    usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    if usage:
        told.read, told.written = usage.get("prompt_tokens"), usage.get("completion_tokens")


def _hear(delta: Body, told: Told, pending: list[Body]) -> None:
    content = delta.get("content") or ""
    for part in [content] if isinstance(content, str) else content:
        if isinstance(part, str):
            told.say(part)
        elif part["type"] == "thinking":
            told.thought += "".join(piece["text"] for piece in part["thinking"])
        else:
            told.say(part["text"])
    told.say(delta.get("refusal") or "")
    told.thought += _reasoning(delta)
    audio = delta.get("audio") or {}
    if audio.get("data") or delta.get("images"):
        told.pause()
        told.say(audio.get("transcript") or "")
    function = delta.get("function_call") or {}
    for call in delta.get("tool_calls") or ([{"function": function}] if any(function.values()) else []):
        _gather(call, pending)


def _reasoning(delta: Body) -> str:
    for said in (delta.get("reasoning_content"), delta.get("reasoning")):
        if said:
            return said if isinstance(said, str) else "".join(piece["text"] for piece in said)
    return "".join(
        entry.get("text") or entry.get("summary") or "" for entry in delta.get("reasoning_details") or []
    )


def _gather(call: Body, pending: list[Body]) -> None:
    """Put a call, or a piece of one, to those that are `pending`. What a free-text tool is given is told as
    the one argument of a function.
    """
    function = call.get("function")
    if function is None:
        function = {"name": call["custom"]["name"], "arguments": {"input": call["custom"]["input"]}}
    arguments = function.get("arguments") or ""
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
    number, call_id = call.get("index"), call.get("id")
    known = call_id and any(one["id"] == call_id for one in pending)
    if function.get("name") and not known:
        pending.append({"id": call_id, "number": number, "name": function["name"], "arguments": arguments})
    else:
        same = [one for one in pending if one["number"] == number] or pending
        same[-1]["arguments"] += arguments


READERS: Mapping[str, Callable[..., Told]] = {"anthropic": by_anthropic, "openai_chat": by_openai_chat}

STOPS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "pause_turn": "stop",
        "compaction": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "content_filter",
    },
    "openai_chat": {
        "": "end_turn",
        "stop": "end_turn",
        "eos": "end_turn",
        "tool_calls": "tool_use",
        "function_call": "tool_use",
        "length": "max_tokens",
        "max_tokens": "max_tokens",
        "content_filter": "refusal",
    },
}
"""How a reply of the one protocol ends in the words of the other. A call that came is always a tool's."""
