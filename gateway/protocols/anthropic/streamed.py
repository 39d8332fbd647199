"""One block of an upstream's stream while it comes."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from gateway.canonical.content import Part, Signature, ToolCall
from gateway.canonical.events import Delta, DeltaKind
from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.anthropic.blocks import decode_block, decode_citation
from gateway.protocols.anthropic.errors import bad_reply
from gateway.wire import fast_json

JsonScalar: TypeAlias = int | str | None
"""What numbers a block on the wire: an index, or whatever a careless host puts there."""

_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})

_WORDS = ("text", "thinking", "partial_json", "content")
"""Where the kinds of deltas keep their words."""


@dataclass(slots=True)
class StreamedBlock:
    """A block on its way: what its start said, the pieces since, and what of it has not been told.

    `told_as` is the kind of delta its pieces make; `signed` the state of a call that came in front of it.
    """

    raw: JsonObject
    kind: str
    pieces: list[str] = field(default_factory=list)
    citations: list[JsonValue] = field(default_factory=list)
    signature: str = ""
    signed: Signature | None = None
    told_as: DeltaKind | None = None
    untold: list[Delta] = field(default_factory=list)
    opened: bool = False
    closed: bool = False

    @property
    def is_tellable(self) -> bool:
        """Whether its beginning can be told: a call's at once, another block's with its first piece."""
        return self.told_as == "arguments" or (self.told_as is not None and bool(self.untold))

    def add(self, delta: JsonObject) -> None:
        """Take one delta."""
        piece = next((said for name in _WORDS if isinstance(said := delta.get(name), str)), "")
        if "citation" in delta:
            self.citations.append(delta["citation"])
            self.untold.append(Delta(0, "citation", decode_citation(delta["citation"])))
        elif isinstance(delta.get("signature"), str):
            self.signature += str(delta["signature"])
        elif piece:
            self.pieces.append(piece)
            if self.told_as is not None:
                self.untold.append(Delta(0, self.told_as, piece))

    def part(self, path: str) -> Part:
        """The finished part, exactly as a reply that is not streamed would hold it.

        Raises:
            InvalidRequest: a field of the block is malformed.
        """
        raw, said = dict(self.raw), "".join(self.pieces)
        if self.citations:
            raw["citations"] = self.citations
        if self.kind in ("text", "thinking"):
            raw[self.kind] = f"{raw.get(self.kind) or ''}{said}"
        elif self.kind in _CALLS:
            return self._call(raw, said, path)
        elif said:
            raw["content"] = said
        if self.signature:
            raw["signature"] = self.signature
        return decode_block(raw, path)

    def _call(self, raw: JsonObject, said: str, path: str) -> Part:
        """A call of the client's or of the provider's tools; the client's keeps the spelling of its input."""
        if self.kind == "tool_use":
            call = decode_block(raw, path)
            return replace(call, arguments=said) if said and isinstance(call, ToolCall) else call
        if said:
            try:
                raw["input"] = fast_json.loads(said.encode())
            except fast_json.JsonError:
                raw["input"] = {"_raw": said}
        return decode_block(raw, path)


def number_of(payload: JsonObject) -> JsonScalar:
    """What numbers the block that an event is about."""
    number = payload.get("index")
    return number if isinstance(number, (int, str)) else None


def object_of(payload: JsonObject, name: str) -> JsonObject:
    """The object `name` of an event.

    Raises:
        BadUpstreamReply: there is none.
    """
    value = payload.get(name)
    if not isinstance(value, dict):
        raise bad_reply(f"{payload.get('type')} without {name}")
    return value


def taken_apart(raw: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """A whole block as a stream tells it: how it starts, and its fields that come as deltas."""
    start, deltas = dict(raw), list[JsonObject]()
    kind = raw.get("type")
    if kind in ("server_tool_use", "mcp_tool_use"):
        start["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": fast_json.dumps(raw.get("input")).decode()}]
    elif kind == "thinking":
        # Its words, if it has any, were told as they came; then it is not whole but open.
        start["signature"] = ""
        deltas = [{"type": "signature_delta", "signature": raw["signature"]}]
    elif kind == "compaction":
        start["content"] = None
        deltas = [{"type": "compaction_delta", "content": raw.get("content")}]
    return start, deltas
