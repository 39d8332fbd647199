"""Short ways to ask for something and to see what goes to an upstream."""

from typing import Any

from gateway.canonical.content import Message, Part, Text, ToolCall, ToolResult
from gateway.canonical.json import JsonObject
from gateway.canonical.request import Request
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Call, Losses, Sent
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document

HELLO = Message("user", [Text("hello")], origin="messages[0]")
SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}


def decoded(**body: Any) -> Request:
    """The request that a body with these fields says."""
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return CODEC.decode_request(Call(Document.of(said)))


def said(*blocks: Any) -> list[Part]:
    """The parts of a user's turn of `blocks`."""
    return decoded(messages=[{"role": "user", "content": list(blocks)}]).messages[0].parts


def encoded(request: Request, capabilities: Capabilities | None = None) -> tuple[Sent, Losses]:
    """What goes to an upstream, and what could not be said."""
    losses = Losses()
    target = Target("up", capabilities or Capabilities(cache_marks=True))
    return CODEC.encode_request(request, target, losses), losses


def asked_of(*messages: Message, **settings: Any) -> Request:
    """A request that says `messages`, or a greeting."""
    return Request("m", list(messages) or [HELLO], max_tokens=settings.pop("max_tokens", 9000), **settings)


def body_of(*messages: Message, capabilities: Capabilities | None = None, **settings: Any) -> dict[str, Any]:
    """The body for a request that says `messages`."""
    return dict(encoded(asked_of(*messages, **settings), capabilities)[0].body)


def blocks_of(*parts: Part, capabilities: Capabilities | None = None) -> tuple[list[Any], Losses]:
    """The blocks of a user's turn that holds `parts`, and what could not be said."""
    sent, losses = encoded(asked_of(Message("user", list(parts), origin="messages[0]")), capabilities)
    turns: Any = sent.body["messages"]
    return list(turns[0]["content"]), losses


def call(call_id: str, **fields: Any) -> ToolCall:
    """A call of the tool `run`, unless `fields` name another."""
    return ToolCall(call_id, fields.pop("name", "run"), origin=f"call {call_id}", **fields)


def answered(*parts: Part) -> list[Message]:
    """A conversation in which the assistant says `parts`, whose calls are answered."""
    results: list[Part] = [ToolResult(part.id, [Text("ok")]) for part in parts if isinstance(part, ToolCall)]
    return [HELLO, Message("assistant", list(parts), origin="messages[1]"), Message("user", results)]
