"""Short ways to put a stream together and to see what is made of it."""

from typing import Any

from gateway.canonical.content import Part, ToolCall
from gateway.canonical.events import Choice, Event, Response, collect, explode
from gateway.canonical.usage import Stop, StopReason
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.wire import fast_json
from gateway.wire.frames import Frame

START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 10}}}
DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
STOP = {"type": "message_stop"}
CALL = ToolCall("toolu_1", "run", '{"a":1}')


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any], stop: bool = True) -> list[Any]:
    """The events of one block."""
    events: list[Any] = [{"type": "content_block_start", "index": index, "content_block": start}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [*events, *([{"type": "content_block_stop", "index": index}] if stop else [])]


def text(index: int, words: str, *, stop: bool = True) -> list[Any]:
    """The events of a block of text."""
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": words}, stop=stop)


def use(index: int, *pieces: str, name: str = "run", stop: bool = True) -> list[Any]:
    """The events of a call."""
    start = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block(index, start, *deltas, stop=stop)


def events_of(*payloads: Any, sent: Sent | None = None) -> list[Event]:
    """What a stream of `payloads` says, to its end."""
    decoder = CODEC.stream_decoder(sent or Sent())
    frames = [Frame(fast_json.dumps(payload)) for payload in payloads]
    return [*(event for frame in frames for event in decoder.decode(frame)), *decoder.close()]


def decoded(*payloads: Any, sent: Sent | None = None) -> Response:
    """The reply that a stream of `payloads` tells."""
    return collect(events_of(*payloads, sent=sent))


def written(*parts: Part, stop: StopReason = StopReason.END, **reply: Any) -> list[Any]:
    """What a client is told of a reply of `parts`."""
    response = Response([Choice(list(parts), Stop(stop))], "msg_1", "m", **reply)
    encoder = CODEC.stream_encoder(Asked("m", estimate=lambda: 7), Losses())
    return [fast_json.loads(frame.data) for event in explode(response) for frame in encoder.encode(event)]
