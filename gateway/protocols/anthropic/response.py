"""Replies of the Messages API, both ways: the message, what it cost, why it ended.

https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from gateway.canonical.content import (
    Base64,
    FileRef,
    Media,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.events import Choice, Response, complete_stop
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import InvalidRequest
from gateway.protocols import carry
from gateway.protocols.anthropic.blocks import (
    decode_block,
    encode_citations,
    input_of,
    thinking_text,
    with_call_signatures,
)
from gateway.protocols.anthropic.errors import bad_reply, decode_told
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.anthropic.turns import CALL_ID
from gateway.protocols.codec import Asked, Losses, ModelCard, Sent
from gateway.protocols.fields import Fields
from gateway.protocols.names import fit_id
from gateway.wire import fast_json

_REASONS: Mapping[str, StopReason] = {
    "end_turn": StopReason.END,
    "tool_use": StopReason.TOOL_CALL,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.CONTEXT_WINDOW,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "refusal": StopReason.REFUSAL,
    "pause_turn": StopReason.PAUSE,
    "compaction": StopReason.COMPACTION,
}

_WORDS: Mapping[StopReason, str] = {
    **{reason: word for word, reason in _REASONS.items()},
    StopReason.CONTENT_FILTER: "refusal",
    StopReason.RECITATION: "refusal",
}

_TIERS = frozenset({"standard", "priority", "batch"})
Wordless: TypeAlias = Refusal | Media | ToolResult | ServerToolUse | ServerToolResult | Opaque
"""The parts that this protocol has no block for, or only for its own."""

_ENVELOPE = ("type", "role", "content")


def decode_response(body: bytes, sent: Sent) -> Response:
    """The reply that a body says.

    Raises:
        BadUpstreamReply: it is not a message.
        UpstreamError: it is an error, whatever its status was.
    """
    try:
        payload: JsonValue = fast_json.loads(body)
    except fast_json.JsonError as error:
        raise bad_reply("not JSON") from error
    if not isinstance(payload, dict):
        raise bad_reply("no object")
    if payload.get("type") == "error" or "error" in payload:
        raise decode_told(payload)
    content = payload.get("content")
    if not isinstance(content, list):
        raise bad_reply("it has no content")
    try:
        parts = with_call_signatures(
            [decode_block(block, f"content[{i}]") for i, block in enumerate(content)]
        )
        told = [restored(part, sent) if isinstance(part, ToolCall) else part for part in parts]
        return _decode_message(Fields(payload), [part for part in told if not _is_empty(part)])
    except InvalidRequest as error:
        raise bad_reply(error.message) from error


def restored(call: ToolCall, sent: Sent) -> Text | ToolCall:
    """A call in the client's terms: its own name for the tool, a free-text tool's text, a structured
    answer.
    """
    if call.name == sent.json_tool:
        return Text(call.arguments, origin=call.origin)
    if call.name in sent.custom_tools:
        call.kind, call.arguments = "custom", free_text(call.arguments)
    call.name = sent.tool_names.get(call.name, call.name)
    return call


def free_text(arguments: str) -> str:
    """The text inside the one argument of a function that stands for a free-text tool."""
    try:
        value: JsonValue = fast_json.loads(arguments.encode())
    except fast_json.JsonError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments


def _is_empty(part: Part) -> bool:
    return isinstance(part, Text) and not part.text and not part.citations


def _decode_message(fields: Fields, parts: list[Part]) -> Response:
    for name in _ENVELOPE:
        fields.any(name)
    stop = decode_stop(fields, called=any(isinstance(part, ToolCall) for part in parts))
    usage = fields.object("usage")
    return Response(
        [Choice(parts, stop)],
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        usage=None if usage is None else decode_usage(usage),
        extras=fields.rest(FAMILY),
    )


def decode_stop(fields: Fields, *, called: bool) -> Stop:
    """Why a reply ended, from the fields of a message or of a `message_delta`."""
    raw = fields.text("stop_reason") or ""
    stop = complete_stop(_REASONS.get(raw, StopReason.OTHER if raw else StopReason.END), raw, called=called)
    stop.sequence = fields.text("stop_sequence")
    stop.details = fields.any("stop_details")
    return stop


def decode_usage(payload: JsonObject) -> Usage:
    """What a reply cost. This protocol alone counts what was cached beside `input_tokens`, not within."""
    fields = Fields(payload, "usage")
    fresh = fields.count("input_tokens")
    usage = Usage(
        cache_read=fields.count("cache_read_input_tokens"),
        cache_write=fields.count("cache_creation_input_tokens"),
        output_tokens=fields.count("output_tokens"),
        service_tier=fields.text("service_tier"),
    )
    if fresh is not None:
        usage.input_tokens = fresh + (usage.cache_read or 0) + (usage.cache_write or 0)
    written = fields.fields("cache_creation")
    if written is not None:
        usage.cache_write_5m = written.count("ephemeral_5m_input_tokens")
        usage.cache_write_1h = written.count("ephemeral_1h_input_tokens")
    details = fields.fields("output_tokens_details")
    if details is not None:
        usage.reasoning = details.count("thinking_tokens")
    usage.extras = fields.rest(FAMILY)
    return usage


def encode_usage(usage: Usage) -> JsonObject:
    """The `usage` object, whole: SDKs fail on one without counts."""
    read, written = usage.cache_read or 0, usage.cache_write or 0
    payload: JsonObject = {
        **usage.extras.get(FAMILY, {}),
        "input_tokens": max(0, (usage.input_tokens or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.output_tokens or 0,
    }
    if usage.cache_write_5m is not None or usage.cache_write_1h is not None:
        payload["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h or 0,
        }
    if usage.reasoning is not None:
        payload["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.service_tier in _TIERS:
        payload["service_tier"] = usage.service_tier
    return payload


def note_tier(usage: Usage, losses: Losses) -> None:
    """Name a service tier that `encode_usage` has no word for."""
    if usage.service_tier is not None and usage.service_tier not in _TIERS:
        losses.drop("usage.service_tier")


def encode_stop(stop: Stop) -> JsonObject:
    """The fields that say why a reply ended; reasons without a word here are ordinary ends."""
    said: JsonObject = {"stop_reason": _WORDS.get(stop.reason, "end_turn"), "stop_sequence": stop.sequence}
    if isinstance(stop.details, dict) and "type" in stop.details:
        said["stop_details"] = stop.details
    return said


def encode_response(response: Response, asked: Asked, losses: Losses) -> bytes:
    """The body that tells a client `response`; of several answers, the first."""
    for number in range(1, len(response.choices)):
        losses.drop(f"choices[{number}]")
    content: list[JsonValue] = [
        block for part in response.parts for block in encode_reply_blocks(part, losses)
    ]
    usage = response.usage or Usage(input_tokens=asked.input_tokens)
    note_tier(usage, losses)
    return fast_json.dumps(
        {
            **response.extras.get(FAMILY, {}),
            **envelope(response.id, response.model, asked),
            "content": content or [{"type": "text", "text": ""}],
            **encode_stop(response.stop),
            "usage": encode_usage(usage),
        }
    )


def envelope(reply_id: str, model: str, asked: Asked) -> JsonObject:
    """The fields that every message begins with; the model is the one that the client named."""
    return {
        "id": reply_id or f"msg_{asked.reply_id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model or model,
    }


def encode_reply_blocks(part: Part, losses: Losses) -> list[JsonObject]:
    """The blocks that tell a client `part`: one, for a call with foreign state two, for empty text none."""
    match part:
        case Text():
            return [_encode_text(part, losses)] if part.text or part.citations else []
        case Thinking():
            return encode_thinking(part)
        case ToolCall():
            arguments, change = input_of(part)
            if change:
                losses.repair(part.origin, change)
            return [*call_carrier(part), {**tool_use(part), "input": arguments}]
        case ServerToolUse() | ServerToolResult() | Opaque() if part.protocol == FAMILY:
            return [dict(part.raw)]
        case _:
            text = rendered(part, losses)
            return [{"type": "text", "text": text}] if text else []


def _encode_text(part: Text, losses: Losses) -> JsonObject:
    block: JsonObject = {**part.extras.get(FAMILY, {}), "type": "text", "text": part.text}
    citations = encode_citations(part.citations)
    if citations:
        block["citations"] = citations
    if len(citations) < len(part.citations):
        losses.drop("citations")
    return block


def encode_thinking(part: Thinking) -> list[JsonObject]:
    """The block of reasoning that is whole. State without words that another provider issued is said as
    redacted, so that it is not taken for the state of a call.
    """
    text = thinking_text(part)
    word = carry.wrap(part.signature, FAMILY)
    if part.signature is None and not text:
        return []
    extras = part.extras.get(FAMILY, {})
    if part.redacted or (not text and part.signature is not None and part.signature.family != FAMILY):
        return [{**extras, "type": "redacted_thinking", "data": word}]
    return [{**extras, "type": "thinking", "thinking": text, "signature": word}]


def call_carrier(call: ToolCall) -> list[JsonObject]:
    """The block in front of a call that carries the call's foreign state through the client and back."""
    if call.signature is None:
        return []
    return [{"type": "thinking", "thinking": "", "signature": carry.wrap(call.signature, FAMILY)}]


def tool_use(call: ToolCall) -> JsonObject:
    """The block of a call, without its arguments. Its id is one that Anthropic would take back."""
    own = call.extras.get(FAMILY, {})
    return {**own, "type": "tool_use", "id": fit_id(call.id, CALL_ID), "name": call.name, "input": {}}


def rendered(part: Wordless, losses: Losses) -> str:
    """A part that this protocol has no block for, in words; a change that the client is told of."""
    match part:
        case Refusal(text):
            losses.repair("refusal", "said as text")
            return text
        case Media():
            losses.drop(part.kind, "->text")
            return _rendered_media(part)
        case ServerToolUse(name=name):
            # Words of our own amid a structured answer would spoil it.
            losses.drop(name)
            return ""
        case ServerToolResult(name=name, text=text):
            losses.drop(name, "->text" if text else "")
            return text
        case Opaque(text=text):
            losses.drop(part.name, "->text" if text else "")
            return text
        case _:
            losses.drop("tool result", "->text")
            return _joined(part.content)


def _rendered_media(media: Media) -> str:
    name = media.filename or media.title or media.kind
    match media.source:
        case Url(url):
            return f"![{name}]({url})" if media.kind == "image" else f"[{name}]({url})"
        case Base64(data):
            words = f"\n{media.context}" if media.context else ""
            return f"[{name}: {media.mime or 'unknown type'}, {len(data) * 3 // 4} bytes]{words}"
        case PlainText(text):
            return text
        case FileRef(file_id):
            return f"[{name}: file {file_id}]"
        case _:
            return _joined(media.source.parts)


def _joined(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def encode_count(tokens: int) -> bytes:
    """The answer to a token count."""
    return fast_json.dumps({"input_tokens": tokens})


def decode_count(body: bytes) -> int:
    """The number in the answer to a token count.

    Raises:
        BadUpstreamReply: there is none.
    """
    try:
        payload: JsonValue = fast_json.loads(body)
    except fast_json.JsonError as error:
        raise bad_reply("not JSON") from error
    tokens = payload.get("input_tokens") if isinstance(payload, dict) else None
    if not isinstance(tokens, int):
        raise bad_reply("it has no input_tokens")
    return tokens


def encode_models(cards: Sequence[ModelCard]) -> bytes:
    """The list of models, in one page."""
    data: list[JsonValue] = [_model(card) for card in cards]
    page: JsonObject = {"data": data, "has_more": False}
    page["first_id"] = cards[0].id if cards else None
    page["last_id"] = cards[-1].id if cards else None
    return fast_json.dumps(page)


def encode_model(card: ModelCard) -> bytes:
    """One model."""
    return fast_json.dumps(_model(card))


def _model(card: ModelCard) -> JsonObject:
    created = datetime.fromtimestamp(card.created, UTC)
    return {
        "type": "model",
        "id": card.id,
        "display_name": card.id,
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "max_input_tokens": card.context,
        "max_tokens": card.max_output,
        "capabilities": None,
        "lifecycle": "active",
    }
