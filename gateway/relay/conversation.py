"""By what a conversation is known again, so that it can stay where its prompt cache is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import takewhile

from gateway.canonical.content import Message, Text
from gateway.canonical.request import Request
from gateway.errors import InvalidRequest
from gateway.protocols.codec import Call
from gateway.relay.exchange import Meaning

_HEADERS = (
    "x-claude-code-session-id",
    "thread-id",
    "session-id",
    "session_id",
    "conversation_id",
    "x-session-id",
    "x-session-affinity",
    "x-opencode-session",
)
"""In which coding agents name their session: Claude Code, Codex (a thread is a part of its session; the words
with an underscore are those of older versions), opencode and its kin.
"""

_FIELDS = (("prompt_cache_key",), ("metadata", "user_id"))


@dataclass(slots=True, frozen=True)
class Conversation:
    """`key` tells it from all others. `cached`: an account may have read its beginning already."""

    key: bytes
    cached: bool


def conversation_of(meaning: Meaning, client: bytes, model: str) -> Conversation | None:
    """The conversation of `client` with `model` that a request begins or goes on with: known by what its
    client calls it, or else by how it begins; None if it cannot be read.
    """
    said = _header(meaning.call.headers) or _field(meaning.call)
    digest = blake2b(client + model.encode("utf-8", "replace"), digest_size=16)
    if said:
        digest.update(said.encode("utf-8", "replace"))
        return Conversation(digest.digest(), cached=True)
    try:
        request = meaning.request
    except InvalidRequest:
        return None
    for word in _beginning(request):
        digest.update(b"%d:" % len(word) + word)
    # One that only begins goes where the strategy says: many begin alike.
    return Conversation(digest.digest(), any(message.role == "assistant" for message in request.messages))


def _header(headers: Mapping[str, str]) -> str:
    return next((value for name in _HEADERS if (value := headers.get(name))), "")


def _field(call: Call) -> str:
    for name, *path in _FIELDS:
        found = call.said(name)
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return found
    return ""


def _beginning(request: Request) -> list[bytes]:
    """What stays the same from turn to turn: instructions, tools, and the first that a user said."""
    instructions = list(takewhile(lambda message: message.role != "user", request.messages))
    first = request.messages[len(instructions) : len(instructions) + 1]
    words = [*_texts(instructions), *(tool.name for tool in request.tools), *_texts(first)]
    return [word.encode("utf-8", "replace") for word in words]


def _texts(messages: Sequence[Message]) -> list[str]:
    return [part.text for message in messages for part in message.parts if isinstance(part, Text)]
