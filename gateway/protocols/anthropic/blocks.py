"""Content blocks of the Messages API, of requests and of replies, both ways.

https://platform.claude.com/docs/en/api/messages; what a block's fields are is in the vendor's SDK types 2.10.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gateway.canonical.content import (
    Citation,
    Media,
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
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols import carry
from gateway.protocols.anthropic.caching import CacheMarks, settle
from gateway.protocols.anthropic.media import (
    FAMILY,
    decode_document,
    decode_image,
    decode_search_result,
    encode_media,
)
from gateway.protocols.fields import Fields
from gateway.protocols.target import Capabilities
from gateway.wire import fast_json

_READABLE = 4000
"""How many characters of a block without a canonical word are shown to clients of other protocols."""

_CITATION_KINDS: Mapping[str, Literal["url", "file", "char", "page", "block", "search_result"]] = {
    "web_search_result_location": "url",
    "char_location": "char",
    "page_location": "page",
    "content_block_location": "block",
    "search_result_location": "search_result",
}


def decode_block(value: JsonValue, path: str) -> Part:
    """The part that a content block says; unknown types become opaque parts.

    Raises:
        InvalidRequest: a field is malformed.
    """
    plain = _decode_plain(value, path) if isinstance(value, dict) else None
    if plain is not None:
        return plain
    fields = Fields(value, path)
    kind = fields.required_text("type")
    decode = _DECODERS.get(kind)
    if decode is not None:
        return decode(fields)
    return decode_raw(kind, dict(value) if isinstance(value, dict) else {}, path)


def _decode_plain(block: JsonObject, path: str) -> Part | None:
    """The part that a block says which has no field more than it must, as nearly all are that a conversation
    is made of; None for any other.
    """
    match block.get("type"), len(block):
        case "text", 2:
            text = block.get("text")
            return Text(text, origin=path) if isinstance(text, str) else None
        case "tool_use", 4:
            call_id, name, said = block.get("id"), block.get("name"), block.get("input")
            if isinstance(call_id, str) and isinstance(name, str) and isinstance(said, dict):
                return ToolCall(call_id, name, fast_json.dumps(said).decode(), origin=path)
        case "tool_result", 3:
            call_id = block.get("tool_use_id")
            if isinstance(call_id, str) and "content" in block:
                content = decode_content(block["content"], f"{path}.content")
                return ToolResult(call_id, content, origin=path)
        case _:
            pass
    return None


def _decode_text(fields: Fields) -> Text:
    citations = [decode_citation(citation) for citation in fields.array("citations") or ()]
    text = Text(fields.required_text("text"), citations, origin=fields.path)
    text.cache, text.extras = settle(fields)
    return text


def _decode_thinking(fields: Fields) -> Thinking:
    signature = carry.unwrap(fields.text("signature") or "", FAMILY)
    text = fields.text("thinking") or ""
    return Thinking(text, signature=signature, extras=fields.rest(FAMILY), origin=fields.path)


def _decode_redacted_thinking(fields: Fields) -> Thinking:
    signature = carry.unwrap(fields.required_text("data"), FAMILY)
    return Thinking(redacted=True, signature=signature, extras=fields.rest(FAMILY), origin=fields.path)


def _decode_tool_use(fields: Fields) -> ToolCall:
    call = ToolCall(fields.required_text("id"), fields.required_text("name"), origin=fields.path)
    call.arguments = fast_json.dumps(fields.object("input") or {}).decode()
    call.cache, call.extras = settle(fields)
    return call


def _decode_tool_result(fields: Fields) -> ToolResult:
    result = ToolResult(fields.required_text("tool_use_id"), origin=fields.path)
    result.content = decode_content(fields.any("content"), fields.at("content"))
    result.is_error = fields.boolean("is_error")
    result.cache, result.extras = settle(fields)
    return result


def decode_content(content: JsonValue, path: str) -> list[Part]:
    """The parts of a `content` field: a string, a list of blocks, or nothing."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content, origin=path)]
    if not isinstance(content, list):
        raise InvalidRequest(f"{path}: expected a string or a list of blocks", param=path)
    return [decode_block(block, f"{path}[{index}]") for index, block in enumerate(content)]


def with_call_signatures(parts: list[Part]) -> list[Part]:
    """`parts` with the signatures of calls put back where they came from.

    A call's foreign signature goes to the client as reasoning without words in front of the call.
    """
    settled: list[Part] = []
    before: Part | None = None
    for part in parts:
        if isinstance(before, Thinking) and isinstance(part, ToolCall) and is_carrier(before):
            settled[-1] = replace(part, signature=before.signature)
        else:
            settled.append(part)
        before = part
    return settled


def is_carrier(part: Thinking) -> bool:
    """Whether `part` holds nothing but the foreign state of the call behind it."""
    signature = part.signature
    return not part.text and not part.redacted and signature is not None and signature.family != FAMILY


_DECODERS: Mapping[str, Callable[[Fields], Part]] = {
    "text": _decode_text,
    "thinking": _decode_thinking,
    "redacted_thinking": _decode_redacted_thinking,
    "tool_use": _decode_tool_use,
    "tool_result": _decode_tool_result,
    "image": lambda fields: decode_image(fields, decode_block),
    "document": lambda fields: decode_document(fields, decode_block),
    "search_result": lambda fields: decode_search_result(fields, decode_block),
}


def decode_citation(value: JsonValue) -> Citation:
    """A citation. Its offsets count in the source, not in the answer, so they stay in `raw` only."""
    raw = value if isinstance(value, dict) else {}

    def text(*names: str) -> str | None:
        return next((said for name in names if isinstance(said := raw.get(name), str)), None)

    document = raw.get("document_index")
    return Citation(
        _CITATION_KINDS.get(text("type") or "", "file"),
        url=text("url", "source"),
        title=text("title", "document_title"),
        cited_text=text("cited_text"),
        document=document if isinstance(document, int) else None,
        raw={FAMILY: raw},
    )


def decode_raw(kind: str, raw: JsonObject, path: str) -> ServerToolUse | ServerToolResult | Opaque:
    """A block that only this protocol can write back: the provider's own tools, and whatever is new."""
    if kind in ("server_tool_use", "mcp_tool_use"):
        return ServerToolUse(FAMILY, _text(raw, "name"), raw, _text(raw, "id"), origin=path)
    if kind.endswith("_tool_result"):
        name = kind.removesuffix("_tool_result")
        shown = readable(raw.get("content"))
        return ServerToolResult(FAMILY, name, raw, _text(raw, "tool_use_id"), shown, origin=path)
    # What is new may hold anything: of that, only what it calls words or content is for people to read.
    shown = _text(raw, "text") or readable(raw.get("content"))
    return Opaque(FAMILY, raw, shown, kind, origin=path)


def _text(raw: JsonObject, name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


_TOLD = ("title", "url", "text", "stdout", "stderr", "error_code", "content")
"""The fields whose words tell a reader what a block says, in the order in which they read best."""


def readable(value: JsonValue) -> str:
    """`value` for a reader: the words of its telling fields, or its JSON."""
    words = "\n".join(_words(value))
    if not words and value:
        words = fast_json.dumps(value).decode()
    return words[:_READABLE]


def _words(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [word for item in value for word in _words(item)]
    if isinstance(value, dict):
        return [word for name in _TOLD for word in _words(value.get(name))]
    return []


def input_of(call: ToolCall) -> tuple[JsonObject, str]:
    """The `input` object that says the arguments of `call`, and what had to be done to them, if anything.

    Text that is no JSON is kept under `_raw`, JSON that is no object under `value`: an upstream reads a
    history, it does not run it, so a call that a model wrote badly must not fail the request.
    """
    if call.kind == "custom":
        return {"input": call.arguments}, "custom tool's text put into an object"
    if not call.arguments.strip():
        return {}, "empty arguments said as {}"
    try:
        value: JsonValue = fast_json.loads(call.arguments.encode())
    except fast_json.JsonError:
        return {"_raw": call.arguments}, "arguments that are not JSON put into an object"
    if not isinstance(value, dict):
        return {"value": value}, "arguments that are no object put into one"
    return value, "" if fast_json.dumps(value).decode() == call.arguments else "arguments respelled"


@dataclass(slots=True)
class BlockWriter:
    """Writes the parts of one request for an upstream. `names` maps tools' names to the names sent."""

    capabilities: Capabilities
    marks: CacheMarks
    names: Mapping[tuple[str | None, str], str]

    def block(self, part: Part) -> JsonObject:
        """The block that says `part`.

        Raises:
            Unsayable: there is none.
        """
        match part:
            case Text():
                return self._text(part)
            case Refusal():
                self.marks.losses.repair(part.origin, "refusal said as text")
                return {"type": "text", "text": part.text, **_own(part.extras)}
            case Thinking(signature=Signature() as signature):
                return self._thinking(part, signature)
            case Media():
                return encode_media(part, self.capabilities, self.marks, self.block)
            case ToolCall():
                return self._tool_use(part)
            case ToolResult():
                return self._tool_result(part)
            case ServerToolUse() | ServerToolResult() | Opaque() if part.protocol == FAMILY:
                return dict(part.raw)
            case _:
                raise Unsayable(
                    f"{part.origin}: only the provider that wrote this part can read it; leave it out",
                    param=part.origin,
                )

    def _text(self, part: Text) -> JsonObject:
        block: JsonObject = {**_own(part.extras), "type": "text", "text": part.text}
        citations = encode_citations(part.citations)
        if len(citations) < len(part.citations):
            self.marks.losses.drop(f"{part.origin}.citations")
        if citations:
            block["citations"] = citations
        self.marks.put(block, part.cache, part.origin)
        return block

    def _thinking(self, part: Thinking, signature: Signature) -> JsonObject:
        extras = _own(part.extras)
        if "cache_control" in extras:
            # Refused by the API; the breakpoint before it serves as well.
            self.marks.losses.drop(f"{part.origin}.cache_control")
            extras.pop("cache_control")
        if part.redacted:
            return {**extras, "type": "redacted_thinking", "data": signature.payload}
        text = thinking_text(part)
        if text != part.text:
            self.marks.losses.repair(part.origin, "summary said as thinking")
        return {**extras, "type": "thinking", "thinking": text, "signature": signature.payload}

    def _tool_use(self, call: ToolCall) -> JsonObject:
        losses = self.marks.losses
        arguments, change = input_of(call)
        if change:
            losses.repair(call.origin, change)
        if call.signature is not None:
            losses.drop(f"{call.origin}.signature")
        if call.item_id is not None:
            losses.repair(call.origin, "item id left out")
        name = self.names.get((call.namespace, call.name), call.name)
        if name != call.name:
            losses.repair(call.origin, f"name said as {name}")
        block: JsonObject = {
            **_own(call.extras), "type": "tool_use", "id": call.id, "name": name, "input": arguments
        }  # fmt: skip
        self.marks.put(block, call.cache, call.origin)
        return block

    def _tool_result(self, result: ToolResult) -> JsonObject:
        losses = self.marks.losses
        if result.name is not None or result.item_id is not None or result.kind != "function":
            losses.repair(result.origin, "told by its call's id alone")
        block: JsonObject = {**_own(result.extras), "type": "tool_result", "tool_use_id": result.call_id}
        content: list[JsonValue] = [self.block(part) for part in self._said(result.content)]
        if not content and result.is_error:
            # An error without words is refused by the API.
            losses.repair(result.origin, "given words: an error may not be empty")
            content = [{"type": "text", "text": "(the tool failed without a message)"}]
        if content:
            block["content"] = content
        if result.is_error is not None:
            block["is_error"] = result.is_error
        self.marks.put(block, result.cache, result.origin)
        return block

    def _said(self, parts: Sequence[Part]) -> list[Part]:
        """`parts` without empty text, which the API refuses, and reasoning, which no result holds."""
        said: list[Part] = []
        for part in parts:
            if isinstance(part, Text) and not part.text.strip():
                self.marks.losses.repair(part.origin, "empty text left out")
            elif isinstance(part, Thinking):
                self.marks.losses.drop(part.origin)
            elif isinstance(part, (ToolCall, ToolResult)):
                raise Unsayable(f"{part.origin}: cannot stand in a tool's result", param=part.origin)
            else:
                said.append(part)
        return said


def thinking_text(part: Thinking) -> str:
    """The words of reasoning: its text, then the paragraphs of its summary."""
    return "\n\n".join([*([part.text] if part.text else []), *part.summary])


def encode_citations(citations: Sequence[Citation]) -> list[JsonValue]:
    """The citations that this protocol wrote itself.

    Others cannot be said: a web citation must hold an index that the provider encrypted.
    """
    return [dict(citation.raw[FAMILY]) for citation in citations if FAMILY in citation.raw]


def _own(extras: Extras) -> JsonObject:
    return dict(extras.get(FAMILY, {}))
