"""The messages of a request, both ways.

The wire has a message for each tool result and none for the user's turn they belong to: consecutive `tool`
messages and the `user` message behind them are one user turn here. Reasoning, words and calls of an assistant
stand in fields of their own, so their order on the wire is always that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from gateway.canonical.content import (
    FileRef,
    Media,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.fields import Fields
from gateway.protocols.history import calls_of, paired
from gateway.protocols.instructions import leading, without_billing
from gateway.protocols.openai_chat.content import decode_content, encode_parts, plain
from gateway.protocols.openai_chat.media import NAME, merged
from gateway.protocols.openai_chat.reasoning import decode_thinking, encode_details, text_of
from gateway.protocols.openai_chat.tools import (
    Way,
    decode_calls,
    decode_mark,
    encode_call,
    encode_mark,
    sent_id,
)
from gateway.protocols.waiting import Waiting

_ATTACHED = "[attached below]"
_PARTICIPANT = re.compile(r"[^\s<|\\/>]{1,64}")


def decode_messages(body: Fields) -> list[Message]:
    """The conversation of a request.

    Raises:
        InvalidRequest: a message is malformed, has an unknown role, or is a result whose call cannot be told.
    """
    messages: list[Message] = []
    waiting = Waiting()
    answering = False
    for number, wire in enumerate(body.items("messages")):
        role = wire.required_text("role")
        if role in {"tool", "function"}:
            result = _decode_result(wire, role, waiting)
            waiting.answer(result.call_id)
            if answering:
                messages[-1].parts.append(result)
            else:
                messages.append(Message("user", [result], origin=wire.path))
            answering = True
        elif role == "user" and answering:
            said = _decode_said(wire, "user")
            messages[-1].parts += said.parts
            messages[-1].name, messages[-1].extras = said.name, said.extras
            answering = False
        else:
            message = _decode_message(wire, role, number)
            messages.append(message)
            waiting = Waiting(calls_of(message)) if role == "assistant" else waiting
            answering = False
    return messages


def _decode_message(wire: Fields, role: str, number: int) -> Message:
    match role:
        case "system":
            return _decode_said(wire, "system")
        case "developer":
            return _decode_said(wire, "developer")
        case "user":
            return _decode_said(wire, "user")
        case "assistant":
            return _decode_assistant(wire, number)
        case _:
            raise InvalidRequest(f"{wire.at('role')}: no such role", param=wire.at("role"))


def _decode_said(wire: Fields, role: Role) -> Message:
    parts = _marked(decode_content(wire), wire)
    return Message(role, parts, wire.text("name"), extras=wire.rest(NAME), origin=wire.path)


def _decode_assistant(wire: Fields, number: int) -> Message:
    parts: list[Part] = [*decode_thinking(wire), *decode_content(wire)]
    refusal = wire.text("refusal")
    if refusal:
        parts.append(Refusal(refusal, origin=wire.at("refusal")))
    audio = wire.fields("audio")
    if audio is not None:
        # The sound itself stays at the provider that made it.
        source = FileRef(audio.required_text("id"), NAME)
        parts.append(Media("audio", source, origin=audio.path))
    parts += decode_calls(wire, number)
    parts = _marked(parts, wire)
    return Message("assistant", parts, wire.text("name"), extras=wire.rest(NAME), origin=wire.path)


def _marked(parts: list[Part], wire: Fields) -> list[Part]:
    """A vendor's cache breakpoint on a whole message marks its last part."""
    mark = decode_mark(wire)
    if mark is not None and parts and isinstance(parts[-1], (Text, Media, ToolCall)):
        parts[-1] = replace(parts[-1], cache=parts[-1].cache or mark)
    return parts


def _decode_result(wire: Fields, role: str, waiting: Waiting) -> ToolResult:
    content = decode_content(wire)
    name = wire.text("name")
    call_id = wire.text("tool_call_id")
    if call_id:
        call = waiting.of_id(call_id, name)
    elif role == "function" or len(waiting) == 1:
        call = waiting.named(name) or waiting.first()
    else:
        call = None
    if not call_id:
        if call is None:
            path = wire.at("tool_call_id")
            raise InvalidRequest(f"{path}: required, {len(waiting)} calls wait for a result", param=path)
        call_id = call.id
    return ToolResult(
        call_id,
        content,
        name=name,
        kind=call.kind if call is not None else "function",
        cache=decode_mark(wire),
        extras=wire.rest(NAME),
        origin=wire.path,
    )


def encode_messages(messages: Sequence[Message], way: Way) -> list[JsonObject]:
    """The wire's messages for a conversation; all leading instructions become one.

    Raises:
        Unsayable: a part has no word here.
    """
    history = paired(messages, way.losses)
    instructions = leading(history)
    wire = list(_encode_instructions(instructions, way)) if instructions else []
    for message in history[len(instructions) :]:
        wire += _ENCODERS[message.role](message, way)
    return wire


def _encode_instructions(instructions: Sequence[Message], way: Way) -> Iterator[JsonObject]:
    for message in instructions[1:]:
        way.losses.repair(message.origin, "joined to the instructions before it")
        _note_unsaid(message, way, name=True)
    parts = list(without_billing(chain.from_iterable(each.parts for each in instructions), way.losses))
    yield from _encode_said(replace(instructions[0], parts=parts), way)


def _encode_said(message: Message, way: Way) -> Iterator[JsonObject]:
    """Instructions, wherever they stand; instructions without words are no instructions."""
    role = way.capabilities.roles or message.role
    if role != message.role:
        way.losses.repair(message.origin, f"role {role}")
    _note_unsaid(message, way)
    for part in message.parts:
        if isinstance(part, Media):
            raise Unsayable(
                f"{part.origin}: only text may stand in instructions here; move it to a user message",
                param=part.origin,
            )
    content = encode_parts(message.parts, way)
    if content:
        yield _message({"role": role, "content": plain(content)}, message, way)
    else:
        way.losses.repair(message.origin, "left out: it is empty")


def _encode_user(message: Message, way: Way) -> Iterator[JsonObject]:
    _note_unsaid(message, way)
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    attached: list[JsonObject] = []
    for result in results:
        yield _encode_result(result, attached, way)
    rest = message.parts
    if results:
        rest = [part for part in rest if not isinstance(part, ToolResult)]
    content = [*attached, *encode_parts(rest, way)]
    if content or not results:
        yield _message({"role": "user", "content": plain(content)}, message, way)
    else:
        # A turn of nothing but results has no message that these could stand on.
        unsaid = ["name"] if message.name is not None else []
        for name in [*unsaid, *message.extras.get(NAME, {})]:
            way.losses.drop(f"{message.origin}.{name}")


def _encode_result(result: ToolResult, attached: list[JsonObject], way: Way) -> JsonObject:
    """A `tool` message. It holds only text: what else the tool returned goes to `attached`, for the
    user's message.
    """
    content: list[JsonObject] = []
    for part in encode_parts(result.content, way):
        if part.get("type") == "text":
            content.append(part)
        else:
            attached.append(part)
            content.append({"type": "text", "text": _ATTACHED})
            way.losses.repair(result.origin, "what is no text attached below")
    if result.is_error is not None:
        way.losses.repair(result.origin, "error flag said in words" if result.is_error else "no error flag")
    if result.is_error:
        content = _as_error(content)
    if result.item_id is not None:
        way.losses.repair(result.origin, "without its item id")
    said: JsonObject = {
        "role": "tool",
        "tool_call_id": sent_id(result.call_id, result.origin, way),
        "content": plain(content),
    }
    if result.name is not None:
        said["name"] = result.name
    if result.cache is not None:
        said |= encode_mark(result.cache, result.origin, way)
    return merged(result.extras, said) if result.extras else said


def _as_error(content: list[JsonObject]) -> list[JsonObject]:
    if not content:
        return [{"type": "text", "text": "Error"}]
    first, *others = content
    return [{**first, "text": f"Error: {first['text']}"}, *others]


_THOUGHT, _WORDS, _SOUND, _CALL = range(4)
_RANKS: Mapping[type, int] = {Thinking: _THOUGHT, Media: _SOUND, ToolCall: _CALL}
"""Where the wire has the parts of an assistant's message: reasoning, words (and all others), sound, calls."""


def _encode_assistant(message: Message, way: Way) -> Iterator[JsonObject]:
    _note_unsaid(message, way)
    parts = message.parts
    ranks = [_RANKS.get(type(part), _WORDS) for part in parts]
    if ranks != sorted(ranks):
        way.losses.repair(message.origin, "reordered: reasoning, words, calls")
    calls: list[JsonValue] = [encode_call(part, way) for part in parts if isinstance(part, ToolCall)]
    said: JsonObject = {}
    if _THOUGHT in ranks or way.capabilities.reasoning_replay:
        said = _encode_reasoning(message, way, calling=bool(calls))
    if _SOUND in ranks:
        for part in parts:
            said |= _encode_audio(part) if isinstance(part, Media) else {}
    words = [part for part, rank in zip(parts, ranks, strict=True) if rank == _WORDS]
    content = encode_parts(words, way)
    if calls:
        said["tool_calls"] = calls
    elif not content and not said and message.parts:
        # Nothing but reasoning that cannot be said: each part of it is a named loss already.
        return
    words_said = plain(content) if content or not calls else None
    yield _message({"role": "assistant", "content": words_said, **said}, message, way)


def _encode_audio(media: Media) -> JsonObject:
    if media.kind != "audio" or not isinstance(media.source, FileRef) or media.source.family != NAME:
        raise Unsayable(
            f"{media.origin}: no {media.kind} may stand in an assistant's message here; "
            "move it to a user message",
            param=media.origin,
        )
    return {"audio": {"id": media.source.file_id}}


def _encode_reasoning(message: Message, way: Way, *, calling: bool) -> JsonObject:
    """Past reasoning, for models that must have it back; for any other it is a named loss."""
    thoughts = [part for part in message.parts if isinstance(part, Thinking)]
    if not way.capabilities.reasoning_replay:
        for part in thoughts:
            way.losses.drop(part.origin)
        return {}
    kept: list[Thinking] = []
    details: list[JsonValue] = []
    for part in thoughts:
        native = part.signature is not None and part.signature.family == NAME
        if part.signature is not None and not native:
            way.losses.drop(part.origin if part.redacted else f"{part.origin}.signature")
        elif not native and not part.text and not part.summary:
            way.losses.repair(part.origin, "left out: it is empty")
        if part.summary or part.item_id is not None:
            way.losses.repair(part.origin, "said as plain reasoning")
        details += encode_details(part) if native or part.extras.get(NAME) else []
        kept.append(part)
    if len(kept) > 1 and len(details) < len(kept):
        way.losses.repair(message.origin, "reasoning joined")
    text = "\n\n".join(filter(None, map(text_of, kept)))
    said: JsonObject = {way.capabilities.reasoning_field: text} if text or calling else {}
    return {**said, "reasoning_details": details} if details else said


def _message(said: JsonObject, message: Message, way: Way) -> JsonObject:
    if message.name is not None:
        if _PARTICIPANT.fullmatch(message.name):
            said["name"] = message.name
        else:
            way.losses.drop(f"{message.origin}.name")
    return merged(message.extras, said) if message.extras else said


def _note_unsaid(message: Message, way: Way, *, name: bool = False) -> None:
    if message.phase is not None:
        way.losses.drop(f"{message.origin}.phase")
    if message.item_id is not None:
        way.losses.repair(message.origin, "without its item id")
    if name and message.name is not None:
        way.losses.drop(f"{message.origin}.name")


_ENCODERS: Mapping[str, Callable[[Message, Way], Iterator[JsonObject]]] = {
    "system": _encode_said,
    "developer": _encode_said,
    "user": _encode_user,
    "assistant": _encode_assistant,
}
