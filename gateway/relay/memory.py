"""Signed reasoning of late replies, for clients that do not bring it back.

What a client carries itself comes first (`protocols/carry.py`) and survives a restart. But some clients drop
the fields it travels in, and Ollama's protocol has none. So what was signed in a reply that calls tools is
kept for a while, and put back where the same client sends these calls again without it.

A call is known again by its id, name and arguments; where its client leaves ids out, by the conversation
before it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import takewhile

from gateway.canonical.content import Message, Part, Signature, Text, Thinking, ToolCall, ToolResult
from gateway.wire.fast_json import JsonError, loads

_LIFE_S = 3600.0
"""How long a call is remembered after it was last seen: tools may take their time, and so may people."""

_MOST_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 512
"""About what an entry takes beside its signatures."""


@dataclass(slots=True, frozen=True)
class _Kept:
    """What belongs to one call: the thoughts in front of it, and its own signature."""

    family: str
    thoughts: tuple[Thinking, ...]
    signature: Signature | None
    until: float

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        words = sum(len(part.text) + len(_payload(part.signature)) for part in self.thoughts)
        return _ENTRY_BYTES + words + len(_payload(self.signature))


@dataclass(slots=True)
class Memory:
    """What each client was told, by client and call; the longest unused goes first. `clock` is monotonic."""

    clock: Callable[[], float]
    most_bytes: int = _MOST_BYTES
    _kept: dict[bytes, _Kept] = field(default_factory=dict)
    _families: set[str] = field(default_factory=set)
    _bytes: int = 0

    def keep(
        self, client: bytes, history: Callable[[], Sequence[Message]], reply: Sequence[Part], family: str
    ) -> None:
        """Remember what upstreams of `family` signed in `reply`, which `client` is told after `history`: that
        is asked for only if something was signed.
        """
        calls = [part for part in reply if isinstance(part, ToolCall)]
        leading = takewhile(lambda part: isinstance(part, Thinking), reply)
        thoughts = tuple(
            part for part in leading if isinstance(part, Thinking) and _is_of(part.signature, family)
        )
        if not calls or not (thoughts or any(_is_of(call.signature, family) for call in calls)):
            return
        until, before = self.clock() + _LIFE_S, _Conversation(client)
        before.hear(history())
        for place, call in enumerate(calls):
            signature = call.signature if _is_of(call.signature, family) else None
            kept = _Kept(family, () if place else thoughts, signature, until)
            self._put(_by_id(client, call), kept)
            self._put(before.key(place, call), kept)

    def recalled(self, client: bytes, messages: list[Message], family: str) -> list[Message]:
        """`messages` of `client`, with what upstreams of `family` had signed put back where it is missing;
        themselves where nothing was ever signed.
        """
        if family not in self._families:
            return messages
        before, heard = _Conversation(client), 0
        recalled: list[Message] = []
        for number, message in enumerate(messages):
            found: dict[int, _Kept] = {}
            calls = [part for part in message.parts if isinstance(part, ToolCall)]
            if calls and not _is_signed(message, family):
                before.hear(messages[heard:number])
                heard = number
                found = self._found(client, before, calls, family)
            recalled.append(_restored(message, found) if found else message)
        return recalled

    def _found(
        self, client: bytes, before: "_Conversation", calls: Sequence[ToolCall], family: str
    ) -> dict[int, _Kept]:
        """What is remembered of `calls`, by their places."""
        found: dict[int, _Kept] = {}
        for place, call in enumerate(calls):
            for key in (_by_id(client, call), before.key(place, call)):
                kept = self._take(key)
                if kept is not None and kept.family == family:
                    found[place] = kept
                    break
        return found

    def _put(self, key: bytes, kept: _Kept) -> None:
        self._forget(key)
        self._kept[key] = kept
        self._bytes += kept.size
        self._families.add(kept.family)
        while self._bytes > self.most_bytes:
            self._forget(next(iter(self._kept)))

    def _take(self, key: bytes) -> _Kept | None:
        """What is kept under `key`, from now on the last to be forgotten."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._forget(key)
        now = self.clock()
        if kept.until < now:
            return None
        self._put(key, replace(kept, until=now + _LIFE_S))
        return kept

    def _forget(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size


class _Conversation:
    """What tells one conversation of a client from another: all words so far, but no reasoning."""

    def __init__(self, client: bytes) -> None:
        self._digest = blake2b(client, digest_size=16)

    def hear(self, messages: Sequence[Message]) -> None:
        """The conversation goes on."""
        for message in messages:
            if message.role in {"user", "assistant"}:
                for word in _words(message.parts):
                    self._digest.update(b"%d:" % len(word) + word)

    def key(self, place: int, call: ToolCall) -> bytes:
        """What call number `place` of the next message is known by."""
        digest = self._digest.copy()
        digest.update(b"|%d|" % place + _said(call))
        return digest.digest()


def _words(parts: Sequence[Part]) -> Iterator[bytes]:
    for part in parts:
        match part:
            case Text(text):
                yield text.encode("utf-8", "replace")
            case ToolCall():
                yield _said(part)
            case ToolResult():
                yield from _words(part.content)
            case _:
                pass


def _by_id(client: bytes, call: ToolCall) -> bytes:
    known = b"%b|%b|%b" % (client, call.id.encode("utf-8", "replace"), _said(call))
    return blake2b(known, digest_size=16).digest()


def _said(call: ToolCall) -> bytes:
    """The name and the arguments, however the client spells their JSON."""
    arguments = call.arguments
    with suppress(JsonError):
        arguments = json.dumps(loads(arguments.encode("utf-8", "replace")), sort_keys=True)
    return f"{call.name}|{arguments}".encode("utf-8", "replace")


def _restored(message: Message, found: dict[int, _Kept]) -> Message:
    """`message` with what was `found` of its calls. Thoughts that come back signed are not said twice."""
    thoughts = [thought for kept in found.values() for thought in kept.thoughts]
    parts: list[Part] = [*thoughts]
    place = 0
    for part in message.parts:
        if isinstance(part, ToolCall):
            kept = found.get(place)
            place += 1
            signature = kept.signature if kept is not None else None
            parts.append(part if signature is None else replace(part, signature=signature))
        elif not (thoughts and isinstance(part, Thinking) and part.signature is None):
            parts.append(part)
    return replace(message, parts=parts)


def _is_signed(message: Message, family: str) -> bool:
    return any(
        _is_of(part.signature, family) for part in message.parts if isinstance(part, (Thinking, ToolCall))
    )


def _is_of(signature: Signature | None, family: str) -> bool:
    return signature is not None and signature.family == family


def _payload(signature: Signature | None) -> str:
    return "" if signature is None else signature.payload
