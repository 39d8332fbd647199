"""A conversation in the form the Messages API takes: system prompt apart, turns that alternate, calls
answered.

Each step is a function from messages to messages that leaves alone what is right already, so a conversation
that came from this protocol goes out as it came.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from operator import is_

from gateway.canonical.content import (
    Message,
    Opaque,
    Part,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import Unsayable
from gateway.protocols.anthropic.blocks import BlockWriter
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.codec import Losses
from gateway.protocols.history import paired
from gateway.protocols.names import fit_id

CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
"""What ids of tool calls are made of."""

_NO_WORDS = "(empty message)"
_NO_BEGINNING = "(the beginning of this conversation is not shown)"

_INSTRUCTIONS = ("system", "developer")


def encode_system(messages: Sequence[Message], writer: BlockWriter) -> list[JsonValue]:
    """The blocks of the system prompt: all instructions that stand in front."""
    blocks: list[JsonValue] = []
    leading = _leading(messages)
    for number, message in enumerate(leading):
        _note_lost(message, writer.marks.losses)
        if number or message.role != "system":
            writer.marks.losses.repair(message.origin, "joined to the system prompt")
        if message.extras.get(FAMILY):
            writer.marks.losses.drop(message.origin, "fields beside its content")
        for part in message.parts:
            if not isinstance(part, Text):
                raise Unsayable(f"{part.origin}: a system prompt holds text only", param=part.origin)
            if part.text.strip():
                blocks.append(writer.block(part))
            else:
                writer.marks.losses.repair(part.origin or message.origin, "empty text left out")
        if not message.parts:
            writer.marks.losses.repair(message.origin, "empty message left out")
    return blocks


def encode_turns(messages: Sequence[Message], writer: BlockWriter) -> list[JsonValue]:
    """The `messages` field: everything behind the system prompt."""
    losses = writer.marks.losses
    history = paired(messages[len(_leading(messages)) :], losses)
    history = list(_with_fitting_ids(history, losses))
    if writer.capabilities.system == "top":
        history = [_as_user(message, losses) for message in history]
    history = [_without_unsayable(message, losses) for message in history]
    history = _starting_with_user(_merged(history, losses), losses)
    history = [_ordered(message, losses) for message in history]
    _check_prefill(history, writer)
    return [_encode_message(message, writer, last=message is history[-1]) for message in history]


def _leading(messages: Sequence[Message]) -> list[Message]:
    return list(takewhile(lambda message: message.role in _INSTRUCTIONS, messages))


def _with_fitting_ids(messages: Iterable[Message], losses: Losses) -> Iterator[Message]:
    """`messages`, which are paired, with ids that the API takes and that no two calls share."""
    taken: dict[str, int] = {}
    sent: list[str] = []
    for message in messages:
        if message.role == "assistant":
            sent = [_fitting_id(part, taken, losses) for part in message.parts if isinstance(part, ToolCall)]
        queue = iter(sent)
        parts = [_with_id(part, queue) for part in message.parts]
        yield message if _are_the_same(parts, message.parts) else replace(message, parts=parts)


def _are_the_same(parts: Sequence[Part], others: Sequence[Part]) -> bool:
    return len(parts) == len(others) and all(map(is_, parts, others))


def _fitting_id(call: ToolCall, taken: dict[str, int], losses: Losses) -> str:
    """The id to send for `call`, none of `taken`, which hold the number to try when they are wanted again."""
    wanted = fitted = fit_id(call.id, CALL_ID)
    number = taken.get(wanted, 2)
    while fitted in taken:
        fitted = fit_id(f"{call.id}#{number}", CALL_ID)
        number += 1
    taken[fitted] = 2
    taken[wanted] = number
    if fitted != call.id:
        losses.repair(call.origin, "id respelled")
    return fitted


def _with_id(part: Part, sent: Iterator[str]) -> Part:
    """A call or its result with the next id; results stand in the order of their calls."""
    if isinstance(part, ToolCall):
        fitted = next(sent, part.id)
        return part if fitted == part.id else replace(part, id=fitted)
    if isinstance(part, ToolResult):
        fitted = next(sent, part.call_id)
        return part if fitted == part.call_id else replace(part, call_id=fitted)
    return part


def _as_user(message: Message, losses: Losses) -> Message:
    """Instructions amid a conversation, for models that read them only in front: a user's words, marked."""
    if message.role not in _INSTRUCTIONS:
        return message
    losses.repair(message.origin, "said as a user's text in <system>")
    words = [part for part in message.parts if isinstance(part, Text)]
    if len(words) < len(message.parts):
        raise Unsayable(
            f"{message.origin}: the model reads only text as instructions amid a conversation",
            param=message.origin,
        )
    text = "\n\n".join(part.text for part in words)
    mark = next((part.cache for part in reversed(words) if part.cache is not None), None)
    wrapped = Text(f"<system>\n{text}\n</system>", cache=mark, origin=message.origin)
    return replace(message, role="user", parts=[wrapped] if text else [])


def _without_unsayable(message: Message, losses: Losses) -> Message:
    """`message` without empty text and without reasoning that Anthropic did not sign."""
    kept: list[Part] = []
    for part in message.parts:
        if isinstance(part, Text) and not part.text.strip():
            losses.repair(part.origin or message.origin, "empty text left out")
        elif isinstance(part, Thinking) and (part.signature is None or part.signature.family != FAMILY):
            losses.drop(part.origin or message.origin, "reasoning of another provider")
        else:
            kept.append(part)
    return message if len(kept) == len(message.parts) else replace(message, parts=kept)


def _merged(messages: Iterable[Message], losses: Losses) -> list[Message]:
    """`messages` without empty turns, and with neighbours of one role in one turn."""
    merged: list[Message] = []
    for message in messages:
        if not message.parts and message.role != "user":
            losses.repair(message.origin, "empty turn left out")
        elif merged and merged[-1].role == message.role:
            losses.repair(message.origin, "joined to the turn before it")
            merged[-1] = replace(merged[-1], parts=[*merged[-1].parts, *message.parts])
        else:
            merged.append(message)
    return [_with_words(message, losses) for message in merged]


def _with_words(message: Message, losses: Losses) -> Message:
    if message.parts:
        return message
    losses.repair(message.origin, "given words: a turn may not be empty")
    return replace(message, parts=[Text(_NO_WORDS)])


def _starting_with_user(messages: list[Message], losses: Losses) -> list[Message]:
    first = next((message for message in messages if message.role != "system"), None)
    if first is not None and first.role == "user":
        return messages
    losses.repair("messages", "a user's turn put in front")
    opening: list[Part] = [Text(_NO_WORDS if first is None else _NO_BEGINNING)]
    return [Message("user", opening), *messages]


def _ordered(message: Message, losses: Losses) -> Message:
    """An assistant's turn with its reasoning first and its calls last, as the API wants them.

    Reasoning between the provider's own tools stays where it is: signed turns must come back unchanged.
    """
    if message.role != "assistant":
        return message
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    others = [part for part in message.parts if not isinstance(part, ToolCall)]
    if not any(isinstance(part, (ServerToolUse, ServerToolResult, Opaque)) for part in others):
        others.sort(key=lambda part: not isinstance(part, Thinking))
    parts = [*others, *calls]
    if _are_the_same(parts, message.parts):
        return message
    losses.repair(message.origin, "reordered: reasoning first, tool calls last")
    return replace(message, parts=parts)


def is_prefill(message: Message) -> bool:
    """Whether `message`, the last one, is the beginning of the answer that the model is to continue.

    A turn that the provider's own tools interrupted is not: it goes back as it came to be resumed.
    """
    return (
        message.role == "assistant"
        and bool(message.parts)
        and isinstance(message.parts[-1], Text)
        and not any(isinstance(part, (ServerToolUse, Opaque)) for part in message.parts)
    )


def _check_prefill(messages: Sequence[Message], writer: BlockWriter) -> None:
    last = messages[-1]
    if is_prefill(last) and not writer.capabilities.prefill:
        raise Unsayable(
            f"{last.origin}: the model does not continue an answer begun for it; end with a user's message",
            param=last.origin,
        )


def _encode_message(message: Message, writer: BlockWriter, *, last: bool) -> JsonObject:
    _note_lost(message, writer.marks.losses)
    role = "system" if message.role == "developer" else message.role
    if role != message.role:
        writer.marks.losses.repair(message.origin, "developer said as system")
    parts = message.parts
    if last and is_prefill(message):
        parts = _without_last_space(message, writer.marks.losses)
    content: list[JsonValue] = [writer.block(_allowed(part, message)) for part in parts]
    return {**message.extras.get(FAMILY, {}), "role": role, "content": content}


def _allowed(part: Part, message: Message) -> Part:
    if isinstance(part, ToolCall) and message.role != "assistant":
        raise Unsayable(f"{part.origin}: only an assistant's turn holds tool calls", param=part.origin)
    if isinstance(part, ToolResult) and message.role != "user":
        raise Unsayable(f"{part.origin}: only a user's turn holds tool results", param=part.origin)
    return part


def _without_last_space(message: Message, losses: Losses) -> list[Part]:
    """The parts of a begun answer, which the API refuses if it ends in white space."""
    *others, last = message.parts
    if not isinstance(last, Text) or last.text == last.text.rstrip():
        return message.parts
    losses.repair(last.origin, "white space at the end left out")
    stripped = last.text.rstrip()
    return [*others, replace(last, text=stripped)] if stripped or not others else others


def _note_lost(message: Message, losses: Losses) -> None:
    if message.name is not None:
        losses.drop(f"{message.origin}.name")
    if message.phase is not None:
        losses.drop(f"{message.origin}.phase")
    if message.item_id is not None:
        losses.repair(message.origin, "item id left out")
