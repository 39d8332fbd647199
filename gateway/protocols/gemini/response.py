"""Whole replies, both ways, and the parts of replies on their way out."""

from dataclasses import dataclass, field, replace

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolCall,
    Url,
)
from gateway.canonical.events import Choice, Event, Response, collect
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason
from gateway.errors import BadUpstreamReply, Unsayable
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.gemini.candidate import ReplyDecoder
from gateway.protocols.gemini.errors import error_within
from gateway.protocols.gemini.media import encode_media
from gateway.protocols.gemini.parts import args_of
from gateway.protocols.gemini.reply import (
    MALFORMED,
    described,
    encode_grounding,
    encode_logprobs,
    encode_stop,
    encode_usage,
    rendered,
)
from gateway.protocols.gemini.signatures import FAMILY, wrap
from gateway.protocols.gemini.spelling import listed
from gateway.protocols.target import Capabilities
from gateway.wire.fast_json import JsonError, dumps_for_line_splitters, loads


def decode_response(body: bytes, sent: Sent) -> Response:
    """The reply that an upstream's body tells; a list of records is one as well.

    Raises:
        UpstreamError: it is an error in spite of its status.
        BadUpstreamReply: it is not JSON, or has no finished candidate.
    """
    try:
        payload = loads(body)
    except JsonError as error:
        raise BadUpstreamReply(f"the upstream's reply is not JSON: {error}") from error
    decoder = ReplyDecoder(sent)
    events: list[Event] = []
    for record in listed(payload):
        said = error_within(record)
        if said is not None:
            raise said
        if not isinstance(record, dict):
            raise BadUpstreamReply("the upstream's reply is not an object")
        events += decoder.take(record)
    return collect([*events, *decoder.close(whole=not isinstance(payload, list))])


def encode_response(response: Response, asked: Asked, losses: Losses) -> bytes:
    """The body that tells a client `response`."""
    own, beside = own_fields(response.extras)
    candidates: list[JsonValue] = [
        _encode_candidate(number, choice, beside, losses) for number, choice in enumerate(response.choices)
    ]
    return dumps_for_line_splitters(
        {
            **own,
            "candidates": candidates,
            "usageMetadata": encode_usage(response.usage, asked),
            "modelVersion": asked.model or response.model,
            "responseId": response.id or asked.reply_id,
        }
    )


def own_fields(extras: Extras) -> tuple[JsonObject, list[JsonValue]]:
    """What only this protocol knows of a reply, and of each of its candidates."""
    own = dict(extras.get(FAMILY, {}))
    return own, listed(own.pop("candidates", None))


def _encode_candidate(number: int, choice: Choice, beside: list[JsonValue], losses: Losses) -> JsonObject:
    parts: list[JsonObject] = []
    told = Told(logprobs=choice.logprobs or [])
    for part in choice.parts:
        wire = encode_part(part, losses)
        parts += wire
        told.note(part, wire, losses)
    content: JsonObject = {"role": "model", "parts": _joined(parts) or [{"text": ""}]}
    return {"content": content, **told.ending(number, choice.stop, beside)}


def _joined(parts: list[JsonObject]) -> list[JsonValue]:
    """Words and thoughts that go on are one part, as they are in a stream; a signature ends them."""
    joined: list[JsonValue] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(last, dict) and _goes_on(last, part):
            joined[-1] = {**part, "text": f"{last['text']}{part['text']}"}
        else:
            joined.append(part)
    return joined


def _goes_on(last: JsonObject, part: JsonObject) -> bool:
    if last.keys() == {"text"}:
        return part.keys() == {"text"}
    return last.keys() == {"text", "thought"} and part.keys() >= {"text", "thought"}


@dataclass(slots=True)
class Told:
    """What was told of one answer that its end must speak of.

    `cited` are citations, each with its text and where that begins, in bytes; `lost` says that a call could
    not be told.
    """

    cited: list[tuple[Citation, str, int]] = field(default_factory=list)
    logprobs: list[JsonValue] = field(default_factory=list)
    lost: bool = False
    written: int = 0

    def note(self, part: Part, wire: list[JsonObject], losses: Losses) -> None:
        """That `part` was told as `wire`; only what has an address can be cited."""
        self.lost = self.lost or (isinstance(part, ToolCall) and not wire)
        if not isinstance(part, Text):
            return
        cited = [(one, part.text, self.written) for one in part.citations if one.url is not None]
        if len(cited) < len(part.citations):
            losses.drop("content.citations")
        self.cited += cited
        self.written += len(part.text.encode("utf-8", "replace"))

    def ending(self, number: int, stop: Stop, beside: list[JsonValue]) -> JsonObject:
        """The fields of a finished candidate beside its content."""
        own = beside[number] if number < len(beside) else None
        said: JsonObject = dict(own) if isinstance(own, dict) else {}
        if self.cited and "groundingMetadata" not in said:
            said["groundingMetadata"] = encode_grounding(self.cited)
        if self.logprobs:
            said["logprobsResult"] = encode_logprobs(self.logprobs)
        finish = encode_stop(stop)
        if self.lost and stop.reason is not StopReason.LENGTH:
            finish = MALFORMED
            said["finishMessage"] = "the model wrote a function call that is not valid JSON"
        return {**said, "finishReason": finish, "index": number}


def encode_part(part: Part, losses: Losses) -> list[JsonObject]:
    """The parts that say a finished part of a reply, none for a call whose arguments are no JSON."""
    match part:
        case Text(text) | Refusal(text):
            return [{"text": text}] if text else []
        case Thinking():
            return encode_thinking(part, losses)
        case ToolCall():
            return _encode_call(part, losses)
        case Media(source=Base64() | Url()):
            return _encode_media(part, losses)
        case ServerToolUse() | ServerToolResult() | Opaque() if part.protocol == FAMILY:
            return [dict(part.raw)]
        case _:
            losses.drop(described(part))
            words = rendered(part)
            return [{"text": words}] if words else []


def encode_thinking(part: Thinking, losses: Losses, *, said: bool = False) -> list[JsonObject]:
    """Reasoning with its signature; `said`: its words have gone out already.

    A signature of this family without words belongs to the words before it, and a redacted one to none.
    """
    text = "" if said else "\n\n".join([*filter(None, [part.text]), *part.summary])
    word = wrap(part.signature) if part.signature is not None else None
    if part.signature is not None and word is None:
        losses.drop("content.signature")
    bare = not said and not text and (part.redacted or _is_native(part))
    wire: JsonObject = {"text": text} if bare else {"text": text, "thought": True}
    if word is not None:
        return [{**wire, "thoughtSignature": word}]
    return [wire] if text else []


def _is_native(part: Thinking) -> bool:
    return part.signature is not None and part.signature.family == FAMILY


def _encode_call(call: ToolCall, losses: Losses) -> list[JsonObject]:
    args, _ = args_of(call)
    if args is None:
        losses.drop(f"content.{call.name}")
        return []
    wire: JsonObject = {"functionCall": {"id": call.id, "name": call.name, "args": args}}
    if call.signature is not None:
        word = wrap(call.signature)
        if word is None:
            losses.drop("content.signature")
        else:
            wire["thoughtSignature"] = word
    return [wire]


def _encode_media(media: Media, losses: Losses) -> list[JsonObject]:
    """A part of its own, and behind it the words that were spoken."""
    spoken: list[JsonObject] = [{"text": media.context}] if media.context else []
    try:
        return [*encode_media(replace(media, context=None), Capabilities(), losses), *spoken]
    except Unsayable:
        losses.drop(described(media))
        return spoken
