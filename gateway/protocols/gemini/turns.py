"""A conversation in the form the API takes: instructions apart, turns that alternate, calls answered.

A turn of the model keeps the order of its parts, because signatures belong to their places; of several calls
only the first carries one. https://ai.google.dev/gemini-api/docs/function-calling
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.canonical.content import (
    Media,
    Message,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.gemini.media import encode_media
from gateway.protocols.gemini.parts import args_of, response_of
from gateway.protocols.gemini.signatures import FAMILY, SENTINEL, is_base64
from gateway.protocols.history import calls_of, paired
from gateway.protocols.instructions import leading, without_billing
from gateway.protocols.target import Capabilities

_INSTRUCTIONS = ("system", "developer")
_NO_WORDS = "(empty message)"
_NO_BEGINNING = "(the beginning of this conversation is not shown)"
_ATTACHED = "[attached below]"


@dataclass(slots=True)
class TurnWriter:
    """Writes the conversation of one request. `names` maps tools' names to the names sent."""

    capabilities: Capabilities
    losses: Losses
    names: Mapping[tuple[str | None, str], str]

    def system(self, messages: Sequence[Message]) -> JsonObject | None:
        """The `systemInstruction`: all instructions that stand in front, a part for each block."""
        instructions = leading(messages)
        wire: list[JsonValue] = []
        for number, message in enumerate(instructions):
            self._note_unsaid(message)
            if number or message.role != "system":
                self.losses.repair(message.origin, "joined to the system instruction")
            wire += self._instructions(message)
        own = instructions[0].extras.get(FAMILY, {}) if instructions else {}
        return {**own, "parts": wire} if wire else None

    def _instructions(self, message: Message) -> Iterator[JsonObject]:
        if not message.parts:
            self.losses.repair(message.origin, "empty message left out")
        for part in without_billing(message.parts, self.losses):
            if not isinstance(part, Text):
                raise Unsayable(
                    f"{part.origin}: only text may stand in instructions; move it to a user message",
                    param=part.origin,
                )
            if part.text:
                yield self._text(part)
            else:
                self.losses.repair(part.origin or message.origin, "empty text left out")

    def contents(self, messages: Sequence[Message]) -> list[JsonValue]:
        """The `contents`: everything behind the instructions.

        Raises:
            Unsayable: a part has no word here.
        """
        history = paired(messages[len(leading(messages)) :], self.losses)
        history = [self._sayable(self._as_user(message)) for message in history]
        history = self._starting_with_user(self._merged(history))
        last = history[-1]
        if last.role == "assistant" and not self.capabilities.prefill:
            raise Unsayable(
                f"{last.origin}: the model does not continue an answer begun for it; end with a user's",
                param=last.origin,
            )
        return [
            self._content(message, before) for message, before in zip(history, [None, *history], strict=False)
        ]

    def _as_user(self, message: Message) -> Message:
        """Instructions amid a conversation: a user's words, marked."""
        if message.role not in _INSTRUCTIONS:
            return message
        self.losses.repair(message.origin, "said as a user's text in <system>")
        words = [part for part in message.parts if isinstance(part, Text)]
        if len(words) < len(message.parts):
            raise Unsayable(f"{message.origin}: only text may stand in instructions", param=message.origin)
        for part in words:
            if part.cache is not None:
                self.losses.drop(f"{part.origin}.cache_control")
        text = "\n\n".join(part.text for part in words)
        wrapped = Text(f"<system>\n{text}\n</system>", origin=message.origin)
        return replace(message, role="user", parts=[wrapped] if text else [])

    def _sayable(self, message: Message) -> Message:
        """`message` without empty text and without reasoning that this provider did not sign."""
        kept: list[Part] = []
        for part in message.parts:
            if isinstance(part, Text) and not part.text:
                self.losses.repair(part.origin or message.origin, "empty text left out")
            elif isinstance(part, Thinking) and _native(part.signature) is None:
                self.losses.drop(part.origin or message.origin, "reasoning of another provider")
            else:
                kept.append(part)
        return replace(message, parts=kept)

    def _merged(self, messages: Iterable[Message]) -> list[Message]:
        """`messages` without empty turns, and with neighbours of one role in one turn."""
        merged: list[Message] = []
        for message in messages:
            self._note_unsaid(message)
            if not message.parts and message.role != "user":
                self.losses.repair(message.origin, "empty turn left out")
            elif merged and merged[-1].role == message.role:
                self.losses.repair(message.origin, "joined to the turn before it")
                merged[-1] = replace(merged[-1], parts=[*merged[-1].parts, *message.parts])
            else:
                merged.append(message)
        return [self._with_words(message) for message in merged]

    def _with_words(self, message: Message) -> Message:
        if message.parts:
            return message
        self.losses.repair(message.origin, "given words: a turn may not be empty")
        return replace(message, parts=[Text(_NO_WORDS)])

    def _starting_with_user(self, messages: list[Message]) -> list[Message]:
        if messages and messages[0].role == "user":
            return messages
        self.losses.repair("messages", "a user's turn put in front")
        return [Message("user", [Text(_NO_BEGINNING if messages else _NO_WORDS)]), *messages]

    def _note_unsaid(self, message: Message) -> None:
        for name in ("name", "phase"):
            if getattr(message, name) is not None:
                self.losses.drop(f"{message.origin}.{name}")
        if message.item_id is not None:
            self.losses.repair(message.origin, "without its item id")

    def _content(self, message: Message, before: Message | None) -> JsonObject:
        own = message.extras.get(FAMILY, {})
        if message.role == "user":
            return {**own, "role": "user", "parts": [*self._user(message, before)]}
        return {**own, "role": "model", "parts": [*self._model(message)]}

    def _user(self, message: Message, before: Message | None) -> Iterator[JsonObject]:
        calls = iter(calls_of(before) if before is not None else [])
        for part in message.parts:
            match part:
                case ToolResult():
                    yield from self._result(part, next(calls, None))
                case ToolCall():
                    raise Unsayable(
                        f"{part.origin}: only an assistant's turn holds tool calls", param=part.origin
                    )
                case _:
                    yield from self._said(part)

    def _model(self, message: Message) -> Iterator[JsonObject]:
        first = True
        for before, part in zip([None, *message.parts], message.parts, strict=False):
            match part:
                case ToolCall():
                    yield self._call(part, first=first)
                    first = False
                case Text() if isinstance(before, Text):
                    self.losses.repair(part.origin or message.origin, "goes on with the text before it")
                    yield self._text(part)
                case ToolResult():
                    raise Unsayable(
                        f"{part.origin}: only a user's turn holds tool results", param=part.origin
                    )
                case _:
                    yield from self._said(part)

    def _said(self, part: Part) -> Iterator[JsonObject]:
        match part:
            case Text():
                yield self._text(part)
            case Refusal():
                self.losses.repair(part.origin, "refusal said as text")
                yield {"text": part.text}
            case Thinking(signature=Signature(payload=word)):
                thought: JsonObject = {"text": part.text, "thought": True} if part.text else {"text": ""}
                if part.summary or part.item_id is not None:
                    self.losses.repair(part.origin, "told by its signature alone")
                yield {**part.extras.get(FAMILY, {}), **thought, "thoughtSignature": word}
            case Media():
                yield from encode_media(part, self.capabilities, self.losses)
            case ServerToolUse() | ServerToolResult() | Opaque() if part.protocol == FAMILY:
                yield dict(part.raw)
            case _:
                raise Unsayable(
                    f"{part.origin}: only the provider that wrote this part can read it; leave it out",
                    param=part.origin,
                )

    def _text(self, part: Text) -> JsonObject:
        if part.citations:
            self.losses.drop(f"{part.origin}.citations")
        if part.cache is not None:
            self.losses.drop(f"{part.origin}.cache_control")
        return {**part.extras.get(FAMILY, {}), "text": part.text}

    def _call(self, call: ToolCall, *, first: bool) -> JsonObject:
        args, change = args_of(call)
        if change:
            self.losses.repair(call.origin, change)
        if call.cache is not None:
            self.losses.drop(f"{call.origin}.cache_control")
        if call.item_id is not None:
            self.losses.repair(call.origin, "without its item id")
        name = self.names[call.namespace, call.name]
        if name != call.name or call.namespace is not None:
            self.losses.repair(call.origin, f"name said as {name}")
        own = dict(call.extras.get(FAMILY, {}))
        inside = own.pop("functionCall", None)
        said: JsonObject = {**(inside if isinstance(inside, dict) else {}), **self._id(call.id)}
        said |= {"name": name, "args": {"_raw": call.arguments} if args is None else args}
        return {**own, "functionCall": said, **self._signature(call, first=first)}

    def _signature(self, call: ToolCall, *, first: bool) -> JsonObject:
        """The signature of a call; only the first one of a turn needs any."""
        native = _native(call.signature)
        if native is not None:
            return {"thoughtSignature": native}
        if call.signature is not None:
            self.losses.drop(f"{call.origin}.signature")
        if not first or not self.capabilities.signatures:
            return {}
        self.losses.repair(call.origin, "without a signature: the vendor's stand-in")
        return {"thoughtSignature": SENTINEL}

    def _id(self, call_id: str) -> JsonObject:
        return {"id": call_id} if self.capabilities.call_ids else {}

    def _result(self, result: ToolResult, call: ToolCall | None) -> Iterator[JsonObject]:
        """The response to a call, followed by the media that the model does not read inside one."""
        if result.cache is not None:
            self.losses.drop(f"{result.origin}.cache_control")
        if result.item_id is not None or (result.is_error is False):
            self.losses.repair(result.origin, "told by its call and its content alone")
        asked = call or ToolCall(result.call_id, result.name or "tool")
        if result.name not in (None, asked.name):
            self.losses.repair(result.origin, f"name said as {asked.name}")
        texts, media = self._content_of(result)
        said: JsonObject = {"name": self.names.get((asked.namespace, asked.name), asked.name)}
        own = dict(result.extras.get(FAMILY, {}))
        inside = own.pop("functionResponse", None)
        said = {**(inside if isinstance(inside, dict) else {}), **self._id(result.call_id), **said}
        if not self.capabilities.call_ids:
            self.losses.repair(result.origin, "without its id")
        beside = bool(media) and not self.capabilities.result_media
        if beside:
            self.losses.repair(result.origin, "media put behind it")
            texts = texts or [_ATTACHED]
        said["response"] = response_of(texts, is_error=result.is_error is True)
        if media and not beside:
            said["parts"] = [*media]
        yield {**own, "functionResponse": said}
        yield from media if beside else ()

    def _content_of(self, result: ToolResult) -> tuple[list[str], list[JsonObject]]:
        texts: list[str] = []
        media: list[JsonObject] = []
        for part in result.content:
            for wire in self._said(part):
                text = wire.get("text")
                if isinstance(text, str):
                    texts.append(text)
                else:
                    media.append(wire)
        if len(texts) > 1:
            self.losses.repair(result.origin, "texts joined")
        return texts, media


def _native(signature: Signature | None) -> str | None:
    """The word of a signature that this provider issued, and will be able to read."""
    if signature is None or signature.family != FAMILY or not is_base64(signature.payload):
        return None
    return signature.payload
