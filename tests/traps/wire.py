"""Short ways to state a trap: what a client sends and what reaches the upstream; what that says and what is
read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.protocols import anthropic, gemini, ollama, openai_chat
from gateway.protocols.codec import Asked, Call, Codec, Losses, Sent, foreign_fields
from gateway.protocols.target import Capabilities, Target
from gateway.providers.capabilities import built_in
from gateway.relay.lanes import Ends, EventsLane, Lane, PassingLane
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads

CHAT, CLAUDE = openai_chat.CODEC, anthropic.CODEC
GEMINI, OLLAMA = gemini.CODEC, ollama.CODEC
MODELS = {
    CHAT.name: "gpt-4.1",
    CLAUDE.name: "claude-sonnet-4-5",
    GEMINI.name: "gemini-3.5-flash",
    OLLAMA.name: "qwen3:8b",
}
HI: dict[str, Any] = {"role": "user", "content": "hi"}
OBJECT: dict[str, Any] = {"type": "object", "properties": {"q": {"type": "string"}}}

_TABLE = built_in()


@dataclass
class Crossing:
    """A request on its way from a client of one protocol to an upstream of another, or of its own."""

    sent: Sent
    losses: Losses

    @property
    def body(self) -> Any:
        """What the upstream gets."""
        return loads(dumps(self.sent.body))

    @property
    def messages(self) -> Any:
        """The conversation it gets."""
        return self.body["messages"]

    @property
    def dropped(self) -> list[str]:
        """What the client is told it lost."""
        return self.losses.dropped


def cross(payload: dict[str, Any], client: Codec, upstream: Codec, model: str = "", **can: Any) -> Crossing:
    """`payload` for the upstream's `model`, as the built-in table knows it; `can` overrides that."""
    model = model or MODELS[upstream.name]
    payload = {"model": "alias", **payload}
    request = client.decode_request(Call(Document.of(payload), params={"model": "alias"}))
    losses = Losses()
    capabilities: Capabilities = _TABLE.of(upstream.name, model, can)
    sent = upstream.encode_request(request, Target(model, capabilities), losses)
    for path in foreign_fields(request, upstream.name):
        losses.drop(path)
    return Crossing(sent, losses)


def claude(*messages: Any, **fields: Any) -> dict[str, Any]:
    """A Messages API request."""
    return {"max_tokens": 9000, "messages": [*messages] or [HI], **fields}


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    """A Chat Completions request."""
    return {"messages": [*messages] or [HI], **fields}


def from_claude(*messages: Any, model: str = "", can: Any = None, **fields: Any) -> Crossing:
    """A Messages API request for a Chat Completions upstream."""
    return cross(claude(*messages, **fields), CLAUDE, CHAT, model, **(can or {}))


def from_chat(*messages: Any, model: str = "", can: Any = None, **fields: Any) -> Crossing:
    """A Chat Completions request for a Messages API upstream."""
    return cross(chat(*messages, **fields), CHAT, CLAUDE, model, **(can or {}))


def generate(*contents: Any, **fields: Any) -> dict[str, Any]:
    """A Gemini request."""
    return {"contents": [*contents] or [turn({"text": "hi"})], **fields}


def turn(*parts: Any, role: str = "user") -> dict[str, Any]:
    """One of a Gemini request's contents."""
    return {"role": role, "parts": [*parts]}


def use(call_id: str, name: str = "run", **more: Any) -> dict[str, Any]:
    """A `tool_use` block."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}, **more}


def result(call_id: str, content: Any = "ok", **more: Any) -> dict[str, Any]:
    """A `tool_result` block."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def call(call_id: str, name: str = "run", arguments: str | None = "{}") -> dict[str, Any]:
    """One of a Chat message's `tool_calls`."""
    function = {"name": name} if arguments is None else {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def calling(*calls: Any, content: Any = None, **more: Any) -> dict[str, Any]:
    """A Chat message that calls."""
    return {"role": "assistant", "content": content, "tool_calls": [*calls], **more}


def tool(call_id: str, content: Any = "ok") -> dict[str, Any]:
    """A Chat message with a tool's result."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def function(name: str = "run", parameters: Any = None, **more: Any) -> dict[str, Any]:
    """One of a Chat request's `tools`."""
    return {"type": "function", "function": {"name": name, "parameters": parameters or OBJECT, **more}}


def kinds(message: Any) -> list[str]:
    """The types of a message's blocks."""
    return [block["type"] for block in message["content"]]


def asked(**fields: Any) -> Asked:
    """What the client of a reply asked for."""
    known: dict[str, Any] = {"stream": True, "reply_id": "r1", "created": 100, "estimate": lambda: 7}
    return Asked("alias", **{**known, **fields})


def reply(body: Any, upstream: Codec, client: Codec, sent: Sent | None = None) -> Any:
    """What a client reads of an upstream's whole reply."""
    response = upstream.decode_response(dumps(body), sent or Sent())
    return loads(client.encode_response(response, asked(), Losses()))


def completion(message: Any, finish: str = "stop", **fields: Any) -> dict[str, Any]:
    """A whole Chat reply."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c1", "model": "up", "choices": [choice], **fields}


def message(*content: Any, stop: str = "end_turn", **fields: Any) -> dict[str, Any]:
    """A whole Messages API reply."""
    usage = {"input_tokens": 3, "output_tokens": 4}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "usage": usage}
    return {**head, "content": [*content], "stop_reason": stop, **fields}


def candidate(*parts: Any, finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """A whole Gemini reply, or a record of a stream."""
    said: dict[str, Any] = {"content": turn(*parts, role="model"), "index": 0}
    said |= {"finishReason": finish} if finish is not None else {}
    return {"candidates": [said], "responseId": "g1", "modelVersion": "up", **fields}


def lane(upstream: Codec, client: Codec, sent: Sent | None = None, **wishes: Any) -> Lane:
    """A stream's way: record by record where the protocols are the same, event by event where not."""
    ends = Ends(upstream, client, sent or Sent(), asked(**wishes), Losses())
    return PassingLane(ends, usage_is_ours=False) if upstream is client else EventsLane(ends)


def carried(way: Lane, *reads: bytes) -> bytes:
    """All bytes a client gets of a stream that comes in `reads`, an error told as in a broken stream."""
    out = b""
    for piece in (*(way.feed(read) for read in reads if read), way.close() if not way.complete else None):
        if piece is None:
            continue
        out += piece.data
        if piece.error is not None:
            return out + way.fail(piece.error)
    return out


def stream(payloads: Sequence[Any], upstream: Codec, client: Codec, **wishes: Any) -> list[Any]:
    """The records a client gets of an upstream's stream, parsed, in order; a terminator is left out."""
    sent = wishes.pop("sent", None)
    return parsed(carried(lane(upstream, client, sent, **wishes), records(payloads, upstream)))


def records(payloads: Iterable[Any], upstream: Codec) -> bytes:
    """`payloads` as the upstream writes them; strings go as they are."""
    out = b""
    for payload in payloads:
        data = payload.encode() if isinstance(payload, str) else dumps(payload)
        if upstream is OLLAMA:
            out += data + b"\n"
            continue
        event = b"event: %b\n" % payload["type"].encode() if upstream is CLAUDE else b""
        out += event + b"data: " + data + b"\n\n"
    return out


def parsed(data: bytes) -> list[Any]:
    """The payloads of a stream's records, the `[DONE]` left out."""
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n")]
    return [loads(line) for line in lines if line.startswith(b"{")]


def delta(fields: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a Chat stream."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {"id": "c1", "model": "up", "created": 5, "choices": [choice], **more}


def fragments(*calls: Any) -> dict[str, Any]:
    """A chunk with fragments of calls."""
    return delta({"tool_calls": [*calls]})


def fragment(index: int | None, call_id: str | None, name: str | None, piece: str) -> dict[str, Any]:
    """One fragment of a call; what is None is left out."""
    inner = {"name": name, "arguments": piece} if name is not None else {"arguments": piece}
    said: dict[str, Any] = {"type": "function", "function": inner}
    said |= {"index": index} if index is not None else {}
    return said | ({"id": call_id} if call_id is not None else {})


def begin(**message: Any) -> dict[str, Any]:
    """The `message_start` of a Messages API stream."""
    usage = {"input_tokens": 10, "output_tokens": 1}
    return {"type": "message_start", "message": {"id": "msg_1", "model": "up", "usage": usage, **message}}


def block(index: int, start: Any, *deltas: Any) -> list[Any]:
    """The events of one block."""
    inner = [{"type": "content_block_delta", "index": index, "delta": one} for one in deltas]
    opened = {"type": "content_block_start", "index": index, "content_block": start}
    return [opened, *inner, {"type": "content_block_stop", "index": index}]


def words(index: int, text: str) -> list[Any]:
    """The events of a text block."""
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})


def finish(reason: str = "end_turn", **usage: Any) -> list[Any]:
    """The events that end a Messages API stream."""
    counted = usage or {"output_tokens": 5}
    last = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
    return [{**last, "usage": counted}, {"type": "message_stop"}]


def blocks_of(events: Sequence[Any]) -> list[Any]:
    """The blocks that a Messages API stream builds, as an SDK would; fails where one is out of turn."""
    blocks: list[Any] = []
    open_at = -1
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert (event["index"], open_at) == (len(blocks), -1), "blocks are dense and never overlap"
                blocks.append(dict(event["content_block"]))
                open_at = event["index"]
            case "content_block_delta":
                assert event["index"] == open_at
                _grow(blocks[open_at], event["delta"])
            case "content_block_stop":
                assert event["index"] == open_at
                open_at = -1
            case _:
                pass
    for made in blocks:
        made.update({"input": loads((made.pop("json", "") or "{}").encode())} if "input" in made else {})
    return blocks


def _grow(block: dict[str, Any], change: Any) -> None:
    for name in ("text", "thinking", "signature"):
        if name in change:
            block[name] = block.get(name, "") + change[name]
    if "partial_json" in change:
        block["json"] = block.get("json", "") + change["partial_json"]


def calls_of(chunks: Sequence[Any]) -> list[tuple[str, str, str]]:
    """The id, name and arguments of the calls that a Chat stream builds, by index."""
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls", ()):
                made = calls.setdefault(piece["index"], ["", "", ""])
                inner = piece.get("function", {})
                found = (piece.get("id"), inner.get("name"), inner.get("arguments"))
                calls[piece["index"]] = [old + (new or "") for old, new in zip(made, found, strict=True)]
    assert sorted(calls) == list(range(len(calls))), "indices are dense from 0"
    return [(made[0], made[1], made[2]) for _, made in sorted(calls.items())]
