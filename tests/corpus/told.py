"""What a reply tells, read from a recording's own bytes without any code of the gateway.

The readers are small and liberal: they know the spellings that occur in the recordings, and nothing of how
the gateway understands them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Body = dict[str, Any]
Call = tuple[str, Any]


@dataclass
class Told:
    """What matters of a reply, whatever protocol told it.

    `spoken` are the runs of words; between two of them stood something that the client's protocol may have no
    word for, and so did before the first or behind the last if these are empty. `others` is what that was,
    by name, `silent` those of them in which there is nothing to read. `read` and `written` are tokens, None
    where the recording does not count.
    """

    spoken: list[str] = field(default_factory=lambda: [""])
    others: list[str] = field(default_factory=list)
    silent: int = 0
    thought: str = ""
    calls: list[Call] = field(default_factory=list)
    stop: str = ""
    read: int | None = None
    written: int | None = None

    def say(self, words: str) -> None:
        """Go on with the present run of words."""
        self.spoken[-1] += words

    def pause(self, name: str, *, silent: bool = False) -> None:
        """Something stood here that is not words."""
        self.spoken.append("")
        self.others.append(name)
        self.silent += silent


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
            case "server_tool_use" | "mcp_tool_use":
                told.pause(block["name"], silent=True)
            case kind:
                told.pause(kind.removesuffix("_tool_result"), silent=kind == "fallback")
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
        told.pause("audio" if audio.get("data") else "image", silent=bool(audio))
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


def by_gemini(reply: bytes, *, stream: bool) -> Told:
    """What the first candidate of a reply of the Gemini API tells; an array of records is a reply as well."""
    said = records(reply) if stream and not reply.startswith(b"[") else json.loads(reply)
    told = Told()
    for record in said if isinstance(said, list) else [said]:
        usage = record.get("usageMetadata") or {}
        if "promptTokenCount" in usage:
            told.read = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
            told.written = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        if (record.get("promptFeedback") or {}).get("blockReason"):
            told.stop = "SAFETY"
        for candidate in record.get("candidates") or []:
            if not candidate.get("index"):
                told.stop = str(candidate.get("finishReason") or told.stop)
                for part in (candidate.get("content") or {}).get("parts") or []:
                    _hear_part(part, told)
    return told


def _hear_part(part: Body, told: Told) -> None:
    match part:
        case {"text": words, "thought": True}:
            told.thought += words
        case {"text": words}:
            told.say(words)
        case {"functionCall": call}:
            if "name" in call:
                told.calls.append((call["name"], call.get("args") or {}))
            for piece in call.get("partialArgs") or []:
                _fill_in(told.calls[-1][1], piece)
        case {"inlineData": data}:
            kind = data["mimeType"].partition("/")[0]
            told.pause(kind, silent=kind == "audio")
        case {"codeExecutionResult": _}:
            told.pause("code_execution")
        case {"toolCall": tool} | {"toolResponse": tool}:
            told.pause(tool["toolType"].lower(), silent=True)
        case _:
            told.pause("executableCode")


def _fill_in(arguments: Any, piece: Body) -> None:
    """Put in a piece of arguments at its path, such as `$.a[0].b`."""
    steps = re.findall(r"\w+", piece["jsonPath"])
    for step, following in pairwise(steps):
        if step.isdigit() and int(step) == len(arguments):
            arguments.append({})
        elif not step.isdigit():
            arguments.setdefault(step, [] if following.isdigit() else {})
        arguments = arguments[int(step) if step.isdigit() else step]
    value, last = piece.get("stringValue", piece.get("numberValue")), steps[-1]
    arguments[last] = arguments[last] + value if last in arguments else value


def by_ollama(reply: bytes, *, stream: bool) -> Told:
    """What a reply of Ollama tells, be it to a conversation or to a prompt."""
    told = Told()
    for line in reply.splitlines() if stream else [reply]:
        record = json.loads(line)
        message = record.get("message") or {**record, "content": record.get("response")}
        told.say(message.get("content") or "")
        told.thought += message.get("thinking") or ""
        functions = [call["function"] for call in message.get("tool_calls") or []]
        told.calls += [(function["name"], function["arguments"]) for function in functions]
        if record["done"]:
            told.stop = record.get("done_reason") or ""
            told.read, told.written = record.get("prompt_eval_count"), record.get("eval_count")
    return told


READERS: Mapping[str, Callable[..., Told]] = {
    "anthropic": by_anthropic,
    "gemini": by_gemini,
    "ollama": by_ollama,
    "openai_chat": by_openai_chat,
}

REASONS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {
        "end_turn": "end",
        "stop_sequence": "end",
        "pause_turn": "end",
        "compaction": "end",
        "tool_use": "call",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "refusal",
    },
    "gemini": {
        "STOP": "end",
        "1": "end",
        "MAX_TOKENS": "length",
        "2": "length",
        "SAFETY": "refusal",
        "MODEL_ARMOR": "refusal",
        "RECITATION": "recitation",
        "OTHER": "failure",
        "UNEXPECTED_TOOL_CALL": "bad call",
        "FAKE_ENUM": "end",
    },
    "ollama": {"": "end", "stop": "end", "length": "length", "custom": "end"},
    "openai_chat": {
        "": "end",
        "stop": "end",
        "eos": "end",
        "tool_calls": "call",
        "function_call": "call",
        "length": "length",
        "max_tokens": "length",
        "content_filter": "refusal",
    },
}
"""Why a reply ended, by the word of each protocol. An ordinary end behind a call is a call's."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"call": "tool_use", "length": "max_tokens", "refusal": "refusal", "recitation": "refusal"},
    "gemini": {
        "length": "MAX_TOKENS",
        "refusal": "SAFETY",
        "recitation": "RECITATION",
        "failure": "OTHER",
        "bad call": "UNEXPECTED_TOOL_CALL",
    },
    "ollama": {"length": "length"},
    "openai_chat": {
        "call": "tool_calls",
        "length": "length",
        "refusal": "content_filter",
        "recitation": "content_filter",
    },
}
"""What a client is told of each of them; of every other one, the word for an ordinary `END`."""

END: Mapping[str, str] = {
    "anthropic": "end_turn",
    "gemini": "STOP",
    "ollama": "stop",
    "openai_chat": "stop",
}
