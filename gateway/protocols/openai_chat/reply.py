"""The vocabulary of replies, whole or streamed: finish reasons, usage, citations, and what has no word."""

from collections.abc import Mapping
from typing import Any

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
    ServerToolResult,
    ServerToolUse,
    Url,
)
from gateway.canonical.events import complete_stop
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.protocols.codec import Asked
from gateway.protocols.fields import token_count
from gateway.protocols.openai_chat.media import NAME

_STOPS: Mapping[str, StopReason] = {
    "stop": StopReason.END,
    "length": StopReason.LENGTH,
    "tool_calls": StopReason.TOOL_CALL,
    "function_call": StopReason.TOOL_CALL,
    "content_filter": StopReason.CONTENT_FILTER,
    # Vendors' own words: Mistral, Anthropic shims, DeepSeek, OpenRouter.
    "model_length": StopReason.LENGTH,
    "max_tokens": StopReason.LENGTH,
    "tool_use": StopReason.TOOL_CALL,
    "insufficient_system_resource": StopReason.ERROR,
    "error": StopReason.ERROR,
}

_FINISHES: Mapping[StopReason, str] = {
    StopReason.TOOL_CALL: "tool_calls",
    StopReason.LENGTH: "length",
    StopReason.CONTEXT_WINDOW: "length",
    StopReason.CONTENT_FILTER: "content_filter",
    StopReason.REFUSAL: "content_filter",
    StopReason.RECITATION: "content_filter",
}
"""Every other reason is an ordinary `stop`."""

_SUMS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_USAGE_FIELDS = _SUMS | {"prompt_tokens_details", "completion_tokens_details"}
_HEAD_FIELDS = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "obfuscation", "p", "x_groq"}
)


def decode_stop(raw: str, *, called: bool, refused: bool) -> Stop:
    """Why a choice ended. A word nobody knows is an ordinary end, and kept."""
    reason = _STOPS.get(raw, StopReason.END)
    if refused and reason is StopReason.CONTENT_FILTER:
        reason = StopReason.REFUSAL
    return complete_stop(reason, raw, called=called)


def encode_stop(stop: Stop) -> str:
    """The finish reason that tells `stop`."""
    return _FINISHES.get(stop.reason, "stop")


def decode_head_extras(payload: Mapping[str, Any]) -> dict[str, JsonObject]:
    """The fields of a reply that only this protocol knows."""
    left: JsonObject = {
        name: value for name, value in payload.items() if name not in _HEAD_FIELDS and value is not None
    }
    return {NAME: left} if left else {}


def decode_usage(payload: dict[str, Any]) -> Usage | None:
    """The counts of a reply or record, None if it has none. Groq puts them in a corner of its own."""
    value = payload.get("usage")
    if value is None and "x_groq" not in payload:
        return None
    if not isinstance(value, dict):
        groq = payload.get("x_groq")
        value = groq.get("usage") if isinstance(groq, dict) else None
    if not isinstance(value, dict):
        return None
    usage = Usage(
        input_tokens=_count(value, "prompt_tokens"), output_tokens=_count(value, "completion_tokens")
    )
    if not value.keys() <= _SUMS:
        _decode_details(value, usage)
    return usage


def _decode_details(value: dict[str, Any], usage: Usage) -> None:
    """What the counts are made of, and what only this protocol knows."""
    read, written = _details(value, "prompt"), _details(value, "completion")
    usage.cache_read = _first(
        _count(read, "cached_tokens"),
        _count(value, "prompt_cache_hit_tokens"),
        _count(value, "cached_tokens"),
    )
    usage.cache_write = _first(
        _count(read, "cache_write_tokens"), _count(value, "cache_creation_input_tokens")
    )
    usage.audio_input = _count(read, "audio_tokens")
    usage.reasoning = _count(written, "reasoning_tokens")
    if usage.reasoning is not None and usage.output_tokens is not None:
        # Some count the reasoning with another tokenizer and get more of it than of everything.
        usage.reasoning = min(usage.reasoning, usage.output_tokens)
    usage.audio_output = _count(written, "audio_tokens")
    usage.accepted_prediction = _count(written, "accepted_prediction_tokens")
    usage.rejected_prediction = _count(written, "rejected_prediction_tokens")
    extras: JsonObject = {
        name: count for name, count in value.items() if name not in _USAGE_FIELDS and count is not None
    }
    if extras:
        usage.extras = {NAME: extras}


def _details(usage: dict[str, Any], side: str) -> dict[str, Any]:
    details = usage.get(f"{side}_tokens_details")
    return details if isinstance(details, dict) else {}


def _count(counts: dict[str, Any], name: str) -> int | None:
    value = counts.get(name)
    return None if value is None else token_count(value)


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def encode_usage(usage: Usage | None, asked: Asked) -> JsonObject:
    """The `usage` of a reply; an estimate for an upstream that said nothing."""
    usage = usage or Usage(input_tokens=asked.input_tokens)
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    read_details = {
        "cached_tokens": usage.cache_read or 0,
        "cache_write_tokens": usage.cache_write,
        "audio_tokens": usage.audio_input,
    }
    written_details = {
        "reasoning_tokens": usage.reasoning or 0,
        "audio_tokens": usage.audio_output,
        "accepted_prediction_tokens": usage.accepted_prediction,
        "rejected_prediction_tokens": usage.rejected_prediction,
    }
    return {
        **usage.extras.get(NAME, {}),
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {name: count for name, count in read_details.items() if count is not None},
        "completion_tokens_details": {
            name: count for name, count in written_details.items() if count is not None
        },
    }


def decode_citation(annotation: JsonValue) -> Citation | None:
    """The citation that an annotation of a message is, None for what is no object."""
    if not isinstance(annotation, dict):
        return None
    inner = annotation.get("url_citation")
    bare: JsonObject = {name: value for name, value in annotation.items() if name != "index"}
    if not isinstance(inner, dict):
        return Citation("file", raw={NAME: bare})
    url, title, content = inner.get("url"), inner.get("title"), inner.get("content")
    start, end = inner.get("start_index"), inner.get("end_index")
    # OpenRouter says 0 to 0 for "somewhere", which must not become "all of it" on the way back.
    spans = isinstance(start, int) and isinstance(end, int) and end > start
    return Citation(
        "url",
        url if isinstance(url, str) else None,
        title if isinstance(title, str) else None,
        content if isinstance(content, str) else None,
        start if spans and isinstance(start, int) else None,
        end if spans and isinstance(end, int) else None,
        raw={} if spans else {NAME: bare},
    )


def encode_citation(citation: Citation, before: int, length: int) -> JsonObject | None:
    """The annotation for `citation` of a text of `length` code points that begins `before` into the message.

    None for a source without an address, which this protocol cannot name.
    """
    if NAME in citation.raw:
        return citation.raw[NAME]
    if citation.url is None:
        return None
    start = citation.start if citation.start is not None else 0
    end = citation.end if citation.end is not None else length
    inner: JsonObject = {
        "url": citation.url,
        "title": citation.title or "",
        "start_index": before + start,
        "end_index": before + end,
    }
    if citation.cited_text is not None:
        inner["content"] = citation.cited_text
    return {"type": "url_citation", "url_citation": inner}


def render(part: Part) -> str:
    """In words, a part of a reply that this protocol has no word for; empty if there is nothing to read."""
    match part:
        case Media(kind="image", source=Base64(data)):
            return f"![image](data:{part.mime or 'image/png'};base64,{data})"
        case Media(source=Url(url)):
            return f"![{part.kind}]({url})"
        case ServerToolResult() | Opaque():
            return part.text
        case _:
            return ""


def described(part: Part) -> str:
    """What a part without a word is called in a list of losses."""
    match part:
        case Media():
            return f"content.{part.kind}"
        case ServerToolUse() | ServerToolResult() | Opaque():
            return f"content.{part.name}"
        case _:
            return f"content.{type(part).__name__.lower()}"
