"""The conversation of a client's request: `contents` and `systemInstruction`.

Calls without ids are given some by their place, and results find their call by id, by name, or in order: the
same history always yields the same ids. https://ai.google.dev/api/caching#Content
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.canonical.content import Message, Part, Role, Text, Thinking, ToolCall, ToolResult
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import InvalidRequest
from gateway.protocols.call_ids import position_id
from gateway.protocols.fields import Fields, wrong
from gateway.protocols.gemini.media import decode_media
from gateway.protocols.gemini.parts import decode_args, decode_response, kind_of, provider_part
from gateway.protocols.gemini.signatures import FAMILY, unwrap
from gateway.protocols.gemini.spelling import listed
from gateway.protocols.waiting import Waiting

_ROLES: dict[str, Role] = {
    "user": "user",
    "function": "user",
    "model": "assistant",
    "system": "system",
}


def decode_system(body: Fields) -> list[Message]:
    """The `systemInstruction`, whose role means nothing."""
    value, path = body.any("systemInstruction"), body.at("systemInstruction")
    if value is None:
        return []
    content: JsonValue = {"parts": [{"text": value}]} if isinstance(value, str) else value
    return [_Reader().message(Fields(content, path), 0, "system")]


def decode_contents(body: Fields) -> list[Message]:
    """The messages of a request.

    Raises:
        InvalidRequest: there are none, or one is malformed or has an unknown role.
    """
    value, path = body.any("contents"), body.at("contents")
    if isinstance(value, str):
        return [Message("user", [Text(value, origin=path)], origin=path)]
    reader = _Reader()
    messages = []
    for number, content in enumerate(listed(value)):
        fields = Fields(content, f"{path}[{number}]")
        messages.append(reader.message(fields, number, _role(fields)))
    if not messages:
        raise InvalidRequest(f"{path}: at least one content is required", param=path)
    return messages


def _put(parts: list[Part], part: Part, *, thought: bool) -> None:
    """Put `part` behind `parts`. A `thought` goes on until a signature ends it: clients keep the pieces of a
    stream apart, and a signature is worth nothing without all of its words.
    """
    last = parts[-1] if parts and thought and isinstance(part, Thinking) and not part.extras else None
    if isinstance(part, Thinking) and isinstance(last, Thinking) and last.signature is None:
        parts[-1] = replace(last, text=last.text + part.text, signature=part.signature)
    else:
        parts.append(part)


def _role(fields: Fields) -> Role:
    said = fields.text("role") or "user"
    role = _ROLES.get(said)
    if role is None:
        path = fields.at("role")
        raise InvalidRequest(f"{path}: must be user or model", param=path)
    return role


@dataclass(slots=True)
class _Reader:
    """Reads the contents of one conversation.

    `waiting` are the calls that no result has answered yet; of the places of the message at hand all before
    `free` are taken.
    """

    waiting: Waiting = field(default_factory=Waiting)
    ids: set[str] = field(default_factory=set)
    free: int = 0

    def message(self, fields: Fields, number: int, role: Role) -> Message:
        """One content."""
        fields.any("role")
        if role == "assistant":
            self.waiting = Waiting()
        self.free = 0
        parts: list[Part] = []
        path = fields.at("parts")
        for place, raw in enumerate(listed(fields.any("parts"))):
            if not isinstance(raw, dict):
                raise wrong(f"{path}[{place}]", "an object", raw)
            for part in self._part(raw, f"{path}[{place}]", number):
                _put(parts, part, thought=raw.get("thought") is True)
        return Message(role, parts, extras=fields.rest(FAMILY), origin=fields.path)

    def _part(self, raw: JsonObject, path: str, number: int) -> Iterator[Part]:
        fields = Fields(raw, path)
        word, thought = fields.text("thoughtSignature"), fields.boolean("thought")
        signature = unwrap(word) if word else None
        match kind_of(raw):
            case "text":
                text = fields.required_text("text")
                if thought:
                    yield Thinking(text, signature=signature, extras=fields.rest(FAMILY), origin=path)
                    return
                if text:
                    yield Text(text, extras=fields.rest(FAMILY), origin=path)
            case "functionCall":
                call = self._call(fields, number)
                call.signature = signature
                yield call
                return
            case "functionResponse":
                yield self._result(fields)
            case "inlineData" | "fileData":
                media = decode_media(raw, path)
                if media is None:
                    raise InvalidRequest(f"{path}: data or fileUri must be a string", param=path)
                yield media
            case None if word:
                pass
            case _:
                yield provider_part(raw, path)
                return
        if signature is not None:
            redacted = signature.family != FAMILY
            yield Thinking(signature=signature, redacted=redacted, origin=f"{path}.thoughtSignature")

    def _call(self, fields: Fields, number: int) -> ToolCall:
        inner = Fields(fields.any("functionCall"), fields.at("functionCall"))
        call_id = inner.text("id")
        place = max(len(self.waiting), self.free)
        while not call_id or call_id in self.ids:
            # Ids that a client left out, or made of the tool's name and so used twice.
            call_id = position_id(number, place)
            place += 1
        self.free = place
        self.ids.add(call_id)
        call = ToolCall(call_id, inner.required_text("name"), origin=fields.path)
        call.arguments = decode_args(inner.any("args"))
        left: JsonObject = {**fields.rest(FAMILY).get(FAMILY, {})}
        inside = inner.rest(FAMILY).get(FAMILY)
        if inside:
            left["functionCall"] = inside
        call.extras = {FAMILY: left} if left else {}
        self.waiting.add(call)
        return call

    def _result(self, fields: Fields) -> ToolResult:
        inner = Fields(fields.any("functionResponse"), fields.at("functionResponse"))
        call_id, name = inner.text("id"), inner.text("name")
        call = self._answered(call_id, name)
        if call is not None:
            self.waiting.answer(call.id)
        response = inner.any("response")
        shown: Any = response if isinstance(response, dict) else {"output": response}
        texts, is_error = decode_response(shown)
        for text in texts:
            text.origin = inner.at("response")
        content: list[Part] = [*texts, *self._attached(inner)]
        result = ToolResult(
            call.id if call is not None else call_id or "", content, is_error or None, origin=fields.path
        )
        left: JsonObject = {**fields.rest(FAMILY).get(FAMILY, {})}
        inside = inner.rest(FAMILY).get(FAMILY)
        if inside:
            left["functionResponse"] = inside
        result.extras = {FAMILY: left} if left else {}
        return result

    def _attached(self, inner: Fields) -> Iterator[Part]:
        path = inner.at("parts")
        for place, raw in enumerate(listed(inner.any("parts"))):
            media = decode_media(raw, f"{path}[{place}]") if isinstance(raw, dict) else None
            if media is None:
                raise InvalidRequest(f"{path}[{place}]: inlineData or fileData required", param=path)
            yield media

    def _answered(self, call_id: str | None, name: str | None) -> ToolCall | None:
        """The call that a result is for: by its id, else the first that waits of its name, else the first."""
        return self.waiting.of_id(call_id) or self.waiting.named(name) or self.waiting.first()
