"""The OpenAI Chat Completions protocol, and what the vendors of compatible endpoints make of it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply, InvalidRequest
from gateway.protocols import carry
from gateway.protocols.codec import Asked, Call, Codec, Endpoint, Losses, ModelCard, Operation, required_model
from gateway.protocols.model_lists import in_data
from gateway.protocols.openai_chat.errors import decode_error, encode_error
from gateway.protocols.openai_chat.media import NAME
from gateway.protocols.openai_chat.reasoning import is_foreign
from gateway.protocols.openai_chat.request import decode_request, encode_request
from gateway.protocols.openai_chat.response import decode_response, encode_response
from gateway.protocols.openai_chat.stream import ChatMender, ChatStreamDecoder, ChatStreamEncoder
from gateway.protocols.openai_chat.tools import decode_signature
from gateway.protocols.target import Target
from gateway.wire.fast_json import JsonError, dumps, loads
from gateway.wire.sse import SSE

_SIGNATURE = b'"thought_signature"'


def _asked(call: Call) -> Asked:
    options, reasoning = call.said("stream_options"), call.said("reasoning")
    stream = call.said("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("stream: expected true or false", param="stream")
    return Asked(
        required_model(call.said("model")),
        stream=bool(stream),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        thoughts=not (isinstance(reasoning, dict) and reasoning.get("exclude") is True),
    )


def _redirect(call: Call, target: Target, losses: Losses) -> tuple[bytes, bool]:
    changes: JsonObject = {}
    if call.said("model") != target.model:
        changes["model"] = target.model
    messages = _without_state_of_others(call, target, losses)
    if messages is not None:
        changes["messages"] = messages
    asked = _asked(call)
    usage_is_ours = asked.stream and not asked.include_usage and target.capabilities.stream_usage
    if usage_is_ours:
        options = call.said("stream_options")
        changes["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return call.document.edited(changes), usage_is_ours


def _without_state_of_others(call: Call, target: Target, losses: Losses) -> list[JsonValue] | None:
    """The messages without what the target's provider did not issue; None where nothing goes: an equal value
    may be spelled differently.
    """
    mentions = partial(call.document.mentions, "messages")
    # The bytes are searched first: most conversations hold nothing of the kind.
    signed = not target.capabilities.signatures and mentions(_SIGNATURE)
    messages = call.said("messages") if signed or mentions(carry.MARK) else None
    if not isinstance(messages, list):
        return None
    replay = target.capabilities.reasoning_replay
    kept: list[JsonValue] = [
        _without_foreign(message, f"messages[{number}]", losses, replay=replay)
        for number, message in enumerate(messages)
    ]
    if signed:
        kept = [
            _without_signatures(message, f"messages[{number}]", losses) for number, message in enumerate(kept)
        ]
    return kept if kept != messages else None


def _without_foreign(message: JsonValue, path: str, losses: Losses, *, replay: bool) -> JsonValue:
    """`message` without reasoning that another provider signed.

    The gateway gave the client its words in `reasoning_content` too; only models that want reasoning back
    (`replay`) are shown them.
    """
    details = message.get("reasoning_details") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(details, list):
        return message
    kept = [entry for entry in details if not is_foreign(entry)]
    if len(kept) == len(details):
        return message
    for index, entry in enumerate(details):
        if is_foreign(entry):
            losses.drop(f"{path}.reasoning_details[{index}]")
    gone = {"reasoning_details"} if replay or kept else {"reasoning_details", "reasoning_content"}
    rest: JsonObject = {name: value for name, value in message.items() if name not in gone}
    return {**rest, "reasoning_details": kept} if kept else rest


def _without_signatures(message: JsonValue, path: str, losses: Losses) -> JsonValue:
    """`message` without the signatures of calls that only Gemini's models give."""
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(calls, list):
        return message
    kept: list[JsonValue] = []
    for index, call in enumerate(calls):
        if isinstance(call, dict) and decode_signature(call.get("extra_content")) is not None:
            losses.drop(f"{path}.tool_calls[{index}].extra_content")
            kept.append({name: value for name, value in call.items() if name != "extra_content"})
        else:
            kept.append(call)
    return {**message, "tool_calls": kept}


def _encode_count(tokens: int) -> bytes:
    """The protocol has no count of its own; this is the form of its sister, Responses."""
    return dumps({"object": "response.input_tokens", "input_tokens": tokens})


def _decode_count(body: bytes) -> int:
    try:
        payload: Any = loads(body)
    except JsonError as error:
        raise BadUpstreamReply(f"the upstream's count is not JSON: {error}") from error
    tokens = payload.get("input_tokens") if isinstance(payload, dict) else None
    if not isinstance(tokens, int):
        raise BadUpstreamReply("the upstream's count has no input_tokens")
    return tokens


def _card(card: ModelCard) -> JsonObject:
    return {"id": card.id, "object": "model", "created": card.created, "owned_by": card.owned_by}


def _encode_models(cards: Sequence[ModelCard]) -> bytes:
    return dumps({"object": "list", "data": [_card(card) for card in cards]})


def _encode_model(card: ModelCard) -> bytes:
    return dumps(_card(card))


CODEC = Codec(
    name=NAME,
    framing=SSE,
    endpoints=(
        Endpoint(Operation.GENERATE, "POST", "/v1/chat/completions"),
        Endpoint(Operation.LIST_MODELS, "GET", "/v1/models"),
        Endpoint(Operation.SHOW_MODEL, "GET", "/v1/models/{id}"),
        *(
            Endpoint(Operation.ABSENT, "*", path)
            for name in ("files", "batches", "uploads")
            for path in (f"/v1/{name}", f"/v1/{name}/{{rest:.*}}")
        ),
    ),
    asked=_asked,
    redirect=_redirect,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    stream_decoder=ChatStreamDecoder,
    stream_encoder=ChatStreamEncoder,
    mender=ChatMender,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_count=_encode_count,
    decode_count=_decode_count,
    encode_models=_encode_models,
    encode_model=_encode_model,
    decode_models=in_data,
)
