"""The vocabulary of replies, whole or streamed: finish reasons, usage, citations, token probabilities.

https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.canonical.content import Citation, Media, Opaque, Part, ServerToolResult
from gateway.canonical.events import complete_stop
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.protocols.codec import Asked
from gateway.protocols.fields import token_count
from gateway.protocols.gemini.signatures import FAMILY
from gateway.protocols.gemini.spelling import listed

MALFORMED = "MALFORMED_FUNCTION_CALL"

_STOPS: Mapping[str, StopReason] = {
    "STOP": StopReason.END,
    "MAX_TOKENS": StopReason.LENGTH,
    "SAFETY": StopReason.CONTENT_FILTER,
    "BLOCKLIST": StopReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "SPII": StopReason.CONTENT_FILTER,
    "MODEL_ARMOR": StopReason.CONTENT_FILTER,
    "IMAGE_SAFETY": StopReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "RECITATION": StopReason.RECITATION,
    "IMAGE_RECITATION": StopReason.RECITATION,
    "CONTINUATION": StopReason.PAUSE,
    MALFORMED: StopReason.ERROR,
    "UNEXPECTED_TOOL_CALL": StopReason.ERROR,
    "TOO_MANY_TOOL_CALLS": StopReason.ERROR,
    "MISSING_THOUGHT_SIGNATURE": StopReason.ERROR,
    "MALFORMED_RESPONSE": StopReason.ERROR,
    "LANGUAGE": StopReason.ERROR,
    "NO_IMAGE": StopReason.ERROR,
    "IMAGE_OTHER": StopReason.ERROR,
    "OTHER": StopReason.ERROR,
}
_NUMBERS = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""Clients that ask for numbered enums get these by their place."""

_FINISHES: Mapping[StopReason, str] = {
    StopReason.LENGTH: "MAX_TOKENS",
    StopReason.CONTEXT_WINDOW: "MAX_TOKENS",
    StopReason.CONTENT_FILTER: "SAFETY",
    StopReason.REFUSAL: "SAFETY",
    StopReason.RECITATION: "RECITATION",
    StopReason.ERROR: "OTHER",
}
"""Every other reason is an ordinary `STOP`."""

_COUNTS = frozenset(
    {
        "promptTokenCount",
        "cachedContentTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "totalTokenCount",
    }
)


def finish_of(candidate: Mapping[str, Any]) -> str:
    """The finish reason of a candidate, empty while it has none."""
    value = candidate.get("finishReason")
    if isinstance(value, int) and 0 < value < len(_NUMBERS):
        return _NUMBERS[value]
    known = isinstance(value, str) and value != _NUMBERS[0]
    return value if known and isinstance(value, str) else ""


def decode_stop(raw: str, *, called: bool) -> Stop:
    """Why a candidate ended. A word nobody knows is an ordinary end, and kept."""
    return complete_stop(_STOPS.get(raw.upper(), StopReason.END), raw, called=called)


def encode_stop(stop: Stop) -> str:
    """The finish reason that tells `stop`; an upstream's own word for a failure is passed on."""
    if stop.reason is StopReason.ERROR and _STOPS.get(stop.raw) is StopReason.ERROR:
        return stop.raw
    return _FINISHES.get(stop.reason, "STOP")


def decode_usage(value: Any) -> Usage | None:
    """The counts of a reply or record; None for none, and for the zeros that stand for none."""
    if not isinstance(value, dict) or not any(value.get(name) for name in _COUNTS):
        return None
    prompt, searched = _count(value, "promptTokenCount"), _count(value, "toolUsePromptTokenCount")
    written, thought = _count(value, "candidatesTokenCount"), _count(value, "thoughtsTokenCount")
    extras: JsonObject = {name: count for name, count in value.items() if name not in _COUNTS}
    return Usage(
        input_tokens=_sum(prompt, searched),
        cache_read=_count(value, "cachedContentTokenCount"),
        audio_input=_sound(value, "promptTokensDetails"),
        tool_input=searched,
        output_tokens=_sum(written, thought),
        reasoning=thought,
        audio_output=_sound(value, "candidatesTokensDetails"),
        extras={FAMILY: extras} if extras else {},
    )


def _count(counts: dict[str, Any], name: str) -> int | None:
    return token_count(counts.get(name))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _sound(counts: dict[str, Any], name: str) -> int | None:
    for detail in listed(counts.get(name)):
        if isinstance(detail, dict) and detail.get("modality") == "AUDIO":
            return _count(detail, "tokenCount")
    return None


def encode_usage(usage: Usage | None, asked: Asked) -> JsonObject:
    """The `usageMetadata` of a reply; an estimate for an upstream that said nothing."""
    usage = usage or Usage(input_tokens=asked.input_tokens)
    read, written, thought = usage.input_tokens or 0, usage.output_tokens or 0, usage.reasoning or 0
    searched = usage.tool_input or 0
    counts: JsonObject = {
        **usage.extras.get(FAMILY, {}),
        "promptTokenCount": max(0, read - searched),
        "candidatesTokenCount": max(0, written - thought),
        "totalTokenCount": read + written,
    }
    optional = {
        "cachedContentTokenCount": usage.cache_read,
        "toolUsePromptTokenCount": searched,
        "thoughtsTokenCount": thought,
    }
    return counts | {name: count for name, count in optional.items() if count}


def decode_logprobs(value: Any) -> list[JsonValue] | None:
    """The token entries of a `logprobsResult`, in OpenAI's form; None for none."""
    if not isinstance(value, dict):
        return None
    tops = listed(value.get("topCandidates"))
    entries: list[JsonValue] = []
    for place, chosen in enumerate(listed(value.get("chosenCandidates"))):
        others = (
            tops[place].get("candidates") if place < len(tops) and isinstance(tops[place], dict) else None
        )
        entries.append({**_entry(chosen), "top_logprobs": [_entry(other) for other in listed(others)]})
    return entries or None


def _entry(candidate: Any) -> JsonObject:
    token = candidate.get("token") if isinstance(candidate, dict) else None
    word = token if isinstance(token, str) else ""
    value = candidate.get("logProbability") if isinstance(candidate, dict) else None
    return {
        "token": word,
        "logprob": value if isinstance(value, (int, float)) else 0.0,
        "bytes": [*word.encode()],
    }


def encode_logprobs(entries: list[JsonValue]) -> JsonObject:
    """The `logprobsResult` for token entries in OpenAI's form."""
    known = [entry for entry in entries if isinstance(entry, dict)]
    tops: list[JsonValue] = [
        {"candidates": [_candidate(top) for top in listed(entry.get("top_logprobs"))]} for entry in known
    ]
    return {"chosenCandidates": [_candidate(entry) for entry in known], "topCandidates": tops}


def _candidate(entry: Any) -> JsonObject:
    return {"token": entry.get("token"), "logProbability": entry.get("logprob")}


def decode_grounding(metadata: Any, text: str) -> Iterator[Citation]:
    """The citations that a `groundingMetadata` makes in `text`, whose places it counts in bytes of UTF-8."""
    if not isinstance(metadata, dict):
        return
    chunks = listed(metadata.get("groundingChunks"))
    written = text.encode("utf-8", "replace")
    for support in listed(metadata.get("groundingSupports")):
        segment = support.get("segment") if isinstance(support, dict) else None
        if not isinstance(segment, dict):
            continue
        start, end = segment.get("startIndex") or 0, segment.get("endIndex")
        for place in listed(support.get("groundingChunkIndices")):
            source = _source(chunks[place]) if isinstance(place, int) and 0 <= place < len(chunks) else {}
            if isinstance(source.get("uri"), str) and isinstance(start, int) and isinstance(end, int):
                cited = segment.get("text")
                yield Citation(
                    "url",
                    source["uri"],
                    source.get("title") if isinstance(source.get("title"), str) else None,
                    cited if isinstance(cited, str) else None,
                    _points(written[:start]),
                    _points(written[:end]),
                )


def _points(written: bytes) -> int:
    return len(written.decode("utf-8", "ignore"))


def _source(chunk: Any) -> dict[str, Any]:
    """A chunk is one of `web`, `retrievedContext` and `maps`."""
    inner = next(iter(chunk.values()), None) if isinstance(chunk, dict) else None
    return inner if isinstance(inner, dict) else {}


def encode_grounding(cited: list[tuple[Citation, str, int]]) -> JsonObject:
    """The `groundingMetadata` for citations, each with its text and where that begins, in bytes."""
    chunks: list[JsonValue] = []
    supports: list[JsonValue] = []
    for citation, text, before in cited:
        web: JsonObject = {"uri": citation.url, "title": citation.title or citation.url}
        chunk: JsonObject = {"web": web}
        if chunk not in chunks:
            chunks.append(chunk)
        start = _bytes(text[: citation.start or 0])
        end = _bytes(text if citation.end is None else text[: citation.end])
        segment: JsonObject = {"startIndex": before + start, "endIndex": before + end}
        if citation.cited_text is not None:
            segment["text"] = citation.cited_text
        supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    return {"groundingChunks": chunks, "groundingSupports": supports}


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def described(part: Part) -> str:
    """What a part without a word is called in a list of losses."""
    name = part.kind if isinstance(part, Media) else getattr(part, "name", "part")
    return f"content.{name}"


def rendered(part: Part) -> str:
    """In words, a part of a reply that this protocol has no word for; empty if there is nothing to read."""
    return part.text if isinstance(part, (ServerToolResult, Opaque)) else ""
