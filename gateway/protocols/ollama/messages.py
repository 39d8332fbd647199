"""The messages of a request, both ways.

A message has its words, pictures, reasoning and calls in fields of their own. Tool results are messages;
consecutive ones and the `user` message behind them are one user turn here. A result names its call by
`tool_call_id`, by `tool_name` alone, or only by its place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from gateway.canonical.content import (
    Blocks,
    Media,
    Message,
    Part,
    PlainText,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.call_ids import names_of, position_id
from gateway.protocols.fields import Fields
from gateway.protocols.history import calls_of, paired
from gateway.protocols.instructions import leading, without_billing
from gateway.protocols.ollama.media import NAME, decode_images, encode_document, encode_image
from gateway.protocols.ollama.tools import Way, decode_calls, encode_call, own
from gateway.protocols.waiting import Waiting

_GAP = "\n\n"
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}


def decode_messages(body: Fields) -> list[Message]:
    """The conversation of a request.

    Raises:
        InvalidRequest: a message is malformed or has an unknown role.
    """
    messages: list[Message] = []
    waiting = Waiting()
    answering = False
    for number, wire in enumerate(body.items("messages")):
        role = wire.required_text("role")
        if role == "tool":
            result = _decode_result(wire, number, waiting)
            waiting.answer(result.call_id)
            if answering:
                messages[-1].parts.append(result)
            else:
                messages.append(Message("user", [result], origin=wire.path))
            answering = True
            continue
        said = _decode_message(wire, role, number)
        if answering and role == "user":
            messages[-1].parts += said.parts
            messages[-1].extras = said.extras
        else:
            messages.append(said)
        waiting = Waiting(calls_of(said)) if role == "assistant" else waiting
        answering = False
    return messages


def _decode_message(wire: Fields, role: str, number: int) -> Message:
    if role not in _ROLES:
        raise InvalidRequest(
            f"{wire.at('role')}: expected system, user, assistant or tool", param=wire.at("role")
        )
    parts: list[Part] = []
    thinking = wire.text("thinking")
    if thinking:
        parts.append(Thinking(thinking, origin=wire.at("thinking")))
    parts += _decode_content(wire)
    parts += decode_calls(wire, number)
    return Message(_ROLES[role], parts, extras=wire.rest(NAME), origin=wire.path)


def _decode_content(wire: Fields) -> list[Part]:
    """Words, then pictures: the wire has no order among them. Empty words say nothing."""
    text = wire.text("content")
    words: list[Part] = [Text(text, origin=wire.at("content"))] if text else []
    return [*words, *decode_images(wire)]


def _decode_result(wire: Fields, number: int, waiting: Waiting) -> ToolResult:
    call_id, name = wire.text("tool_call_id"), wire.text("tool_name") or wire.text("name")
    # A name that no waiting call has is a slip of the client's: the place tells then.
    call = waiting.of_id(call_id, name) if call_id else waiting.named(name) or waiting.first()
    return ToolResult(
        call_id or (call.id if call is not None else position_id(number, 0)),
        _decode_content(wire),
        name=name if call is None or name != call.name else None,
        extras=wire.rest(NAME),
        origin=wire.path,
    )


def encode_messages(messages: Sequence[Message], way: Way) -> list[JsonObject]:
    """The wire's messages for a conversation; all leading instructions become one.

    Raises:
        Unsayable: a part has no word here.
    """
    history = paired(messages, way.losses)
    names = names_of(history)
    instructions = leading(history)
    wire = list(_encode_instructions(instructions, way))
    for message in history[len(instructions) :]:
        wire += _encode_message(message, names, way)
    return wire


def _encode_instructions(instructions: Sequence[Message], way: Way) -> Iterator[JsonObject]:
    for message in instructions[1:]:
        way.losses.repair(message.origin, "joined to the instructions before it")
        _note_unsaid(message, way)
    if instructions:
        parts = list(without_billing(chain.from_iterable(each.parts for each in instructions), way.losses))
        yield from _encode_message(replace(instructions[0], parts=parts), {}, way)


def _encode_message(message: Message, names: Mapping[str, str], way: Way) -> Iterator[JsonObject]:
    _note_unsaid(message, way)
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield _encode_result(result, names, way)
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    said = _said(rest, message.origin, way)
    instructs = message.role in {"system", "developer"}
    if message.role == "developer":
        way.losses.repair(message.origin, "role system")
    if not said and results:
        # A turn of nothing but results has no message that these could stand on.
        for name in message.extras.get(NAME, {}):
            way.losses.drop(f"{message.origin}.{name}")
    elif not said and (instructs or message.parts):
        way.losses.repair(message.origin, "left out: it is empty")
    else:
        role = "system" if instructs else message.role
        yield own(message.extras, {"role": role, "content": "", **said})


def _note_unsaid(message: Message, way: Way) -> None:
    for name in ("name", "phase"):
        if getattr(message, name) is not None:
            way.losses.drop(f"{message.origin}.{name}")
    if message.item_id is not None:
        way.losses.repair(message.origin, "without its item id")


def _encode_result(result: ToolResult, names: Mapping[str, str], way: Way) -> JsonObject:
    said = _said(result.content, result.origin, way)
    if result.is_error is not None:
        way.losses.repair(result.origin, "error flag said in words" if result.is_error else "no error flag")
    if result.is_error:
        said["content"] = f"Error: {said.get('content', '')}"
    if result.cache is not None:
        way.losses.drop(f"{result.origin}.cache_control")
    if result.item_id is not None:
        way.losses.repair(result.origin, "without its item id")
    name = result.name or names.get(result.call_id, "")
    head: JsonObject = {"role": "tool", "tool_call_id": result.call_id, "tool_name": name}
    return own(result.extras, {**head, "content": "", **said})


@dataclass(slots=True)
class _Fields:
    """The fields of one message being filled."""

    words: list[str] = field(default_factory=list)
    images: list[JsonValue] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[JsonValue] = field(default_factory=list)

    def said(self) -> JsonObject:
        """Those that say something."""
        fields: dict[str, JsonValue] = {
            "content": _GAP.join(self.words),
            "thinking": _GAP.join(self.thoughts),
            "images": self.images,
            "tool_calls": self.calls,
        }
        return {name: value for name, value in fields.items() if value}


_RANKS: Mapping[type, int] = {Thinking: 0, Media: 2, ToolCall: 3}


def _said(parts: Iterable[Part], origin: str, way: Way) -> JsonObject:
    """The fields that say `parts`."""
    plain = [piece for part in parts for piece in _unfolded(part, way)]
    ranks = [_RANKS.get(type(part), 1) for part in plain]
    if ranks != sorted(ranks):
        way.losses.repair(origin, "reordered: reasoning, words, pictures, calls")
    fields = _Fields()
    for part in plain:
        _fill(fields, part, way)
    for name, values in (("words", fields.words), ("reasoning", fields.thoughts)):
        if len(values) > 1:
            way.losses.repair(origin, f"{name} joined")
    return fields.said()


def _unfolded(part: Part, way: Way) -> Iterator[Part]:
    """A document as the parts it is made of, at any depth; any other part as it is."""
    if isinstance(part, Media) and (part.kind == "document" or isinstance(part.source, (PlainText, Blocks))):
        for piece in encode_document(part, way.losses):
            yield from _unfolded(piece, way)
    else:
        yield part


def _fill(fields: _Fields, part: Part, way: Way) -> None:
    losses = way.losses
    match part:
        case Text():
            _note_text(part, way)
            fields.words += [part.text] if part.text else []
        case Refusal(text):
            losses.repair(part.origin, "refusal said as text")
            fields.words += [text] if text else []
        case Thinking():
            fields.thoughts += _thought(part, way)
        case Media():
            fields.images.append(encode_image(part, way.capabilities, losses))
        case ToolCall():
            fields.calls.append(encode_call(part, len(fields.calls), way))
        case _:
            raise Unsayable(
                f"{part.origin}: this part has no word here; leave it out or choose another model",
                param=part.origin,
            )


def _note_text(text: Text, way: Way) -> None:
    if text.citations:
        way.losses.drop(f"{text.origin}.citations")
    if text.cache is not None:
        way.losses.drop(f"{text.origin}.cache_control")
    if not text.text:
        way.losses.repair(text.origin, "left out: it is empty")


def _thought(thinking: Thinking, way: Way) -> list[str]:
    """The words of past reasoning. Only its own issuer could read a signature."""
    text = thinking.text or _GAP.join(thinking.summary)
    if not text:
        way.losses.drop(thinking.origin)
        return []
    if thinking.signature is not None:
        way.losses.drop(f"{thinking.origin}.signature")
    if thinking.summary or thinking.item_id is not None:
        way.losses.repair(thinking.origin, "said as plain reasoning")
    return [text]
