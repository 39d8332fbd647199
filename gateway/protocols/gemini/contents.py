"""The conversation of a client's request: `contents` and `systemInstruction`.

Calls without ids are given some by their place, and results find their call by id, by name, or in order: the
same history always yields the same ids. https://ai.google.dev/api/caching#Content
"""

from collections.abc import Iterable, Iterator, Sequence
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
    fields = Fields(content, path)
    parts = _joined(_Reader().pieces(fields, 0, "system"))
    return [Message("system", parts, extras=fields.rest(FAMILY), origin=path)]


def decode_contents(body: Fields) -> list[Message]:
    """The messages of a request.

    Raises:
        InvalidRequest: there are none, or one is malformed or has an unknown role.
    """
    value, path = body.any("contents"), body.at("contents")
    if isinstance(value, str):
        return [Message("user", [Text(value, origin=path)], origin=path)]
    reader = _Reader()
    turns: list[tuple[Message, list[_Piece]]] = []
    for number, content in enumerate(listed(value)):
        fields = Fields(content, f"{path}[{number}]")
        role = _role(fields)
        goes_on = role == "assistant" and bool(turns) and turns[-1][0].role == role
        pieces = reader.pieces(fields, number, role, goes_on=goes_on)
        own = fields.rest(FAMILY)
        if goes_on and not own:
            turns[-1][1].extend(pieces)
        else:
            turns.append((Message(role, [], extras=own, origin=fields.path), pieces))
    if not turns:
        raise InvalidRequest(f"{path}: at least one content is required", param=path)
    for message, pieces in turns:
        message.parts = _joined(pieces)
    return [message for message, _ in turns]


@dataclass(slots=True, frozen=True)
class _Piece:
    """A part. `open`: it may go on where another stops, if that is of its kind."""

    part: Part
    open: bool


def _joined(pieces: Iterable[_Piece]) -> list[Part]:
    """The parts, whole: clients keep the pieces of a stream apart. Words go on until something else comes,
    thoughts until a signature ends them, which is worth nothing without all of its words.
    """
    runs: list[list[Part]] = []
    for piece in pieces:
        if piece.open and runs and _goes_on(runs[-1][-1], piece.part):
            runs[-1].append(piece.part)
        else:
            runs.append([piece.part])
    return [_whole(run) for run in runs]


def _goes_on(last: Part, part: Part) -> bool:
    match last, part:
        case Thinking(signature=None), Thinking():
            return not part.extras
        case Text(), Text():
            return not (last.extras or part.extras)
        case _:
            return False


def _whole(run: Sequence[Part]) -> Part:
    first, last = run[0], run[-1]
    if first is last:
        return first
    if isinstance(first, Thinking) and isinstance(last, Thinking):
        return replace(first, text=_words(run), signature=last.signature)
    assert isinstance(first, Text), "nothing but words and thoughts goes on"
    return replace(first, text=_words(run))


def _words(run: Iterable[Part]) -> str:
    return "".join(part.text for part in run if isinstance(part, (Text, Thinking)))


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

    def pieces(self, fields: Fields, number: int, role: Role, *, goes_on: bool = False) -> list[_Piece]:
        """The parts of one content, which may be a turn of the model that `goes_on`."""
        fields.any("role")
        if role == "assistant" and not goes_on:
            self.waiting = Waiting()
        self.free = 0
        pieces: list[_Piece] = []
        path = fields.at("parts")
        for place, raw in enumerate(listed(fields.any("parts"))):
            if not isinstance(raw, dict):
                raise wrong(f"{path}[{place}]", "an object", raw)
            spoken, thought = role == "assistant", raw.get("thought") is True
            pieces += (
                _Piece(part, thought if isinstance(part, Thinking) else spoken)
                for part in self._part(raw, f"{path}[{place}]", number)
            )
        return pieces

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
