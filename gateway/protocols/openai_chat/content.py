"""The content of a message: a string, or a list of parts, both ways."""

from collections.abc import Iterator, Sequence

from gateway.canonical.content import (
    Media,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import Unsayable
from gateway.protocols.fields import Fields, wrong
from gateway.protocols.openai_chat.media import NAME, decode_media, encode_media, merged
from gateway.protocols.openai_chat.reasoning import said_text
from gateway.protocols.openai_chat.tools import Way, decode_mark, encode_mark

_MEDIA = frozenset({"image_url", "input_audio", "file", "video_url", "audio_url"})


def decode_content(wire: Fields) -> list[Part]:
    """Content is a string or a list of parts. Empty text says nothing and is refused by other protocols."""
    path = wire.at("content")
    value = wire.any("content")
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [Text(value, origin=path)]
    if not isinstance(value, list):
        raise wrong(path, "a string or a list", value)
    parts = (_decode_part(item, f"{path}[{index}]") for index, item in enumerate(value))
    return [part for part in parts if not (isinstance(part, Text) and part.text == "")]


def _decode_part(raw: JsonValue, path: str) -> Part:
    part = Fields({"type": "text", "text": raw} if isinstance(raw, str) else raw, path)
    kind = part.text("type") or "text"
    if kind in _MEDIA:
        media = decode_media(part, kind)
        media.cache = decode_mark(part)
        beside = part.rest(NAME).get(NAME, {})
        if beside:
            media.extras = {NAME: {**beside, **media.extras.get(NAME, {})}}
        return media
    match kind:
        case "text":
            text = part.required_text("text")
            return Text(text, cache=decode_mark(part), extras=part.rest(NAME), origin=path)
        case "refusal":
            return Refusal(part.required_text("refusal"), extras=part.rest(NAME), origin=path)
        case "thinking":
            return Thinking(said_text(part.any("thinking")), origin=path)
        case _:
            return Opaque(NAME, raw if isinstance(raw, dict) else {}, name=kind, origin=path)


def encode_parts(parts: Sequence[Part], way: Way) -> list[JsonObject]:
    """The content parts that say `parts`.

    Raises:
        Unsayable: there is no word for one of them.
    """
    content: list[JsonObject] = []
    for part in parts:
        # Words are what most of a conversation is.
        content += _encode_text(part, way) if isinstance(part, Text) else _encode_part(part, way)
    return content


def _encode_text(text: Text, way: Way) -> Sequence[JsonObject]:
    if text.citations:
        way.losses.drop(f"{text.origin}.citations")
    if text.text == "":
        way.losses.repair(text.origin, "left out: it is empty")
        return ()
    said: JsonObject = {"type": "text", "text": text.text}
    if text.cache is not None:
        said |= encode_mark(text.cache, text.origin, way)
    return (merged(text.extras, said) if text.extras else said,)


def _encode_part(part: Part, way: Way) -> Iterator[JsonObject]:
    match part:
        case Refusal():
            yield merged(part.extras, {"type": "refusal", "refusal": part.text})
        case Media():
            mark = {} if part.cache is None else encode_mark(part.cache, part.origin, way)
            for piece in encode_media(part, way.capabilities, way.losses):
                yield merged(part.extras, {**piece, **mark})
        case Opaque(protocol, raw) | ServerToolUse(protocol, _, raw) | ServerToolResult(protocol, _, raw) if (
            protocol == NAME
        ):
            yield raw
        case _:
            raise Unsayable(
                f"{part.origin}: this part has no word here; leave it out or choose another model",
                param=part.origin,
            )


def plain(content: list[JsonObject]) -> JsonValue:
    """Content as a string where that says all of it: not every vendor takes lists."""
    if not content:
        return ""
    first = content[0]
    if len(content) == 1 and len(first) == 2 and "type" in first and "text" in first:
        return first["text"]
    return [*content]
