"""Whole replies of the Chat Completions form, both ways."""

from collections.abc import Mapping
from typing import Any

from gateway.canonical.content import Base64, Media, Part, Refusal, Text, Thinking, ToolCall
from gateway.canonical.events import Choice, End, Event, Response, Start, collect
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.openai_chat.choice import ChoiceDecoder
from gateway.protocols.openai_chat.errors import error_within
from gateway.protocols.openai_chat.media import NAME
from gateway.protocols.openai_chat.reasoning import encode_details, text_of
from gateway.protocols.openai_chat.reply import (
    decode_head_extras,
    decode_stop,
    decode_usage,
    described,
    encode_citation,
    encode_stop,
    encode_usage,
    render,
)
from gateway.protocols.openai_chat.tools import encode_signature
from gateway.wire.fast_json import JsonError, dumps, loads

_AUDIO_LIFE_S = 3600
_WORDS = frozenset({"role", "content"})


def decode_start(payload: Mapping[str, Any]) -> Start:
    """The head of a reply, or of a stream's first record that says something."""
    id_, model, created = payload.get("id"), payload.get("model"), payload.get("created")
    return Start(
        id_ if isinstance(id_, str) else "",
        model if isinstance(model, str) else "",
        int(created) if isinstance(created, (int, float)) and not isinstance(created, bool) else None,
        extras=decode_head_extras(payload),
    )


def seed_of(start: Start, sent: Sent) -> str:
    """What makes ids of our own unique in the conversation: the reply, and how long the history was."""
    messages = sent.body.get("messages")
    return f"{start.id}|{start.created}|{len(messages) if isinstance(messages, list) else 0}"


def decode_response(body: bytes, sent: Sent) -> Response:
    """The reply that an upstream's body tells.

    Raises:
        UpstreamError: it is an error in spite of its status.
        BadUpstreamReply: it is not JSON, or has no choices.
    """
    try:
        payload = loads(body)
    except JsonError as error:
        raise BadUpstreamReply(f"the upstream's reply is not JSON: {error}") from error
    error_said = error_within(payload, body)
    if error_said is not None:
        raise error_said
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices:
        raise BadUpstreamReply("the upstream's reply has no choices")
    start = decode_start(payload)
    told = [_told_in_words(choice) for choice in choices]
    plain = [choice for choice in told if choice is not None]
    if len(plain) == len(choices):
        usage = decode_usage(payload)
        return Response(plain, start.id, start.model, start.created, usage, start.extras)
    events: list[Event] = [start]
    stops = []
    for number, choice in enumerate(choice for choice in choices if isinstance(choice, dict)):
        decoder = ChoiceDecoder(number, sent, seed_of(start, sent), whole=True)
        events += decoder.take(choice, ("message", "delta"))
        events += decoder.close()
        stops.append(decoder.stop())
    if not stops:
        raise BadUpstreamReply("the upstream's reply has no choices")
    events.append(End(stops, decode_usage(payload)))
    return collect(events)


def _told_in_words(choice: JsonValue) -> Choice | None:
    """A choice that is text and nothing else, as most are; None for any other."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict) or choice.get("logprobs"):
        return None
    words, finish = message.get("content"), choice.get("finish_reason")
    if not isinstance(words, str) or not isinstance(finish, str):
        return None
    if any(value for name, value in message.items() if name not in _WORDS):
        return None
    return Choice([Text(words)] if words else [], decode_stop(finish, called=False, refused=False))


def encode_response(response: Response, asked: Asked, losses: Losses) -> bytes:
    """The body that tells a client `response`."""
    choices: list[JsonValue] = [
        _encode_choice(number, choice, asked, losses) for number, choice in enumerate(response.choices)
    ]
    return dumps(
        {
            **response.extras.get(NAME, {}),
            "id": response.id or f"chatcmpl-{asked.reply_id}",
            "object": "chat.completion",
            "created": response.created if response.created is not None else asked.created,
            "model": asked.model or response.model,
            "choices": choices,
            "usage": encode_usage(response.usage, asked),
        }
    )


def _encode_choice(number: int, choice: Choice, asked: Asked, losses: Losses) -> JsonObject:
    logprobs: JsonValue = None
    if choice.logprobs is not None:
        logprobs = {"content": choice.logprobs, "refusal": None}
    return {
        "index": number,
        "message": _Speech(asked, losses).message(choice.parts),
        "logprobs": logprobs,
        "finish_reason": encode_stop(choice.stop),
    }


class _Speech:
    """One message being put together from parts."""

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._words: list[str] = []
        self._refusal: list[str] = []
        self._thoughts: list[str] = []
        self._details: list[JsonValue] = []
        self._annotations: list[JsonValue] = []
        self._calls: list[JsonValue] = []
        self._audio: JsonObject | None = None

    def message(self, parts: list[Part]) -> JsonObject:
        """The message that says `parts`; a field without words is left out, but for content and refusal."""
        for part in parts:
            self._add(part)
        content = "".join(self._words)
        silent = not content and bool(self._calls or self._refusal or self._audio)
        message: JsonObject = {
            "role": "assistant",
            "content": None if silent else content,
            "refusal": "".join(self._refusal) or None,
        }
        optional: dict[str, JsonValue] = {
            "reasoning_content": "".join(self._thoughts),
            "reasoning_details": self._details,
            "annotations": self._annotations,
            "audio": self._audio,
            "tool_calls": self._calls,
        }
        return message | {name: value for name, value in optional.items() if value}

    def _add(self, part: Part) -> None:
        match part:
            case Text():
                self._cite(part)
                self._words.append(part.text)
            case Refusal(text):
                self._refusal.append(text)
            case Thinking():
                self._thoughts.extend(filter(None, [text_of(part)]))
                self._details += encode_details(part)
            case ToolCall():
                self._calls.append(encode_reply_call(part))
            case Media(kind="audio", source=Base64()) if self._audio is None:
                self._audio = encode_audio(part, self._asked)
            case _:
                self._losses.drop(described(part))
                self._words.append(render(part))

    def _cite(self, part: Text) -> None:
        before = sum(map(len, self._words))
        for citation in part.citations:
            annotation = encode_citation(citation, before, len(part.text))
            if annotation is None:
                self._losses.drop("content.citations")
            else:
                self._annotations.append(annotation)


def encode_reply_call(call: ToolCall) -> JsonObject:
    """A call as a client sees it."""
    inner: JsonObject = {"name": call.name}
    inner |= {"input": call.arguments} if call.kind == "custom" else {"arguments": call.arguments or "{}"}
    said: JsonObject = {"id": call.id, "type": call.kind, call.kind: inner}
    return said | encode_signature(call.signature) if call.signature is not None else said


def encode_audio(audio: Media, asked: Asked) -> JsonObject:
    """The `audio` of a message; what OpenAI said beside the sound is kept."""
    data = audio.source.data if isinstance(audio.source, Base64) else ""
    return {
        "id": f"audio_{asked.reply_id}",
        "transcript": audio.context or "",
        "expires_at": asked.created + _AUDIO_LIFE_S,
        **audio.extras.get(NAME, {}),
        "data": data,
    }
