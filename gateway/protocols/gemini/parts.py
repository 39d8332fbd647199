"""Parts that only this provider writes, and the objects inside calls and results."""

from collections.abc import Mapping, Sequence

from gateway.canonical.content import Opaque, Part, ServerToolResult, ServerToolUse, Text, ToolCall
from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.gemini.signatures import FAMILY
from gateway.wire.fast_json import JsonError, dumps, loads

DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""The fields of which each part has one."""


def kind_of(part: Mapping[str, JsonValue]) -> str | None:
    """Which of them `part` has."""
    return next((name for name in DATA if part.get(name) is not None), None)


def provider_part(part: JsonObject, origin: str = "") -> Part:
    """A part for which only this protocol has a word, its signature included, with a rendering for readers of
    the others.
    """
    kind = kind_of(part)
    value = part.get(kind) if kind is not None else None
    fields = value if isinstance(value, dict) else {}
    raw = dict(part)
    match kind:
        case "executableCode":
            fence = f"```{_text(fields.get('language')).lower()}\n{_text(fields.get('code'))}\n```"
            return Opaque(FAMILY, raw, fence, "executableCode", origin=origin)
        case "codeExecutionResult":
            shown = f"```\n{_text(fields.get('output'))}\n```"
            call_id = _text(fields.get("id"))
            return ServerToolResult(FAMILY, "code_execution", raw, call_id, shown, origin=origin)
        case "toolCall":
            name, call_id = _text(fields.get("toolType")).lower(), _text(fields.get("id"))
            return ServerToolUse(FAMILY, name, raw, call_id, origin=origin)
        case "toolResponse":
            name, call_id = _text(fields.get("toolType")).lower(), _text(fields.get("id"))
            return ServerToolResult(FAMILY, name, raw, call_id, origin=origin)
        case _:
            return Opaque(FAMILY, raw, name=next(iter(raw), "part"), origin=origin)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def args_of(call: ToolCall) -> tuple[JsonObject | None, str]:
    """The `args` object that says the arguments of `call`, and what had to be done to them, if anything.

    None for text that is not JSON.
    """
    if call.kind == "custom":
        return {"input": call.arguments}, "custom tool's text put into an object"
    if not call.arguments.strip():
        return {}, "empty arguments said as {}"
    try:
        value: JsonValue = loads(call.arguments.encode("utf-8", "replace"))
    except JsonError:
        return None, "arguments that are not JSON put into an object"
    if not isinstance(value, dict):
        return {"value": value}, "arguments that are no object put into one"
    return value, "" if dumps(value).decode() == call.arguments else "arguments respelled"


def decode_args(value: JsonValue) -> str:
    """The arguments of a call as text; none at all are no arguments."""
    if isinstance(value, str):
        return value or "{}"
    return "{}" if value is None else dumps(value).decode()


def response_of(texts: Sequence[str], *, is_error: bool) -> JsonObject:
    """The `response` object that says a result: JSON as it is, words under a name the API documents."""
    text = "\n".join(texts)
    if is_error:
        return {"error": text}
    if text.startswith("{"):
        try:
            value: JsonValue = loads(text.encode("utf-8", "replace"))
        except JsonError:
            value = None
        if isinstance(value, dict):
            return value
    return {"output": text}


def decode_response(response: JsonObject) -> tuple[list[Text], bool]:
    """The content of a result, and whether it is an error."""
    match response:
        case {"error": said, **rest} if not rest:
            return _said(said), True
        case {"output": said, **rest} if not rest:
            return _said(said), False
        case _:
            return _said(response or ""), False


def _said(value: JsonValue) -> list[Text]:
    if isinstance(value, str):
        return [Text(value)] if value else []
    return [] if value is None else [Text(dumps(value).decode())]
