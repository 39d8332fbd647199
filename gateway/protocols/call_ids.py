"""Ids of tool calls for protocols that have none, or whose speakers leave them out, and names for ids.

By position, never by chance: the same history sent twice must give the same bytes, or prompt caches miss.
"""

from collections.abc import Iterable
from hashlib import sha256

from gateway.canonical.content import Message, ToolCall


def position_id(message: int, call: int) -> str:
    """The id of call number `call` of message number `message` of a request, unique in it."""
    return f"call_{message}_{call}"


def reply_id(*place: str | int) -> str:
    """An id for a call of a reply that came without one.

    `place` tells the call from every other one of the conversation: the reply's own id, how long the history
    was, the choice and the number of the call in it.
    """
    digest = sha256("\0".join(map(str, place)).encode("utf-8", "replace")).hexdigest()
    return f"call_{digest[:24]}"


def names_of(messages: Iterable[Message]) -> dict[str, str]:
    """The name of the tool that each call in a history is for, by the call's id; of two, the later one."""
    return {
        part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)
    }
