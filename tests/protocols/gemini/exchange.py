"""Short ways to put words on the wire and to read what came of them."""

from typing import Any

from gateway.canonical.content import Message, Part
from gateway.canonical.events import Collector, Event, Response, explode
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request
from gateway.protocols.codec import Asked, Call, Endpoint, Losses, Operation, Sent
from gateway.protocols.gemini import CODEC
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame

ASKED = Asked("alias", stream=True, include_usage=True, reply_id="r1", created=100, estimate=lambda: 7)


def call(payload: JsonObject, *, stream: bool = False, model: str = "m") -> Call:
    """A client's request."""
    endpoint = Endpoint(Operation.GENERATE, "POST", "/", stream=stream)
    return Call(Document.of(payload), params={"model": model}, endpoint=endpoint)


def decoded(*contents: JsonValue, **settings: JsonValue) -> Request:
    """The request that a body with these contents tells."""
    said: list[JsonValue] = [*contents] or [{"parts": [{"text": "hi"}]}]
    return CODEC.decode_request(call({"contents": said, **settings}))


def sent(request: Request, losses: Losses | None = None, **can: object) -> dict[str, Any]:
    """The body for an upstream whose model can `can`."""
    capabilities = Capabilities(**can)  # type: ignore[arg-type]  # a test names fields of any type
    found = losses if losses is not None else Losses()
    return CODEC.encode_request(request, Target("up", capabilities), found).body


def asking(*messages: Message) -> Request:
    """A request that only speaks."""
    return Request("m", list(messages))


def user(*parts: Part) -> Message:
    """What a user says."""
    return Message("user", list(parts), origin="messages[0]")


def assistant(*parts: Part) -> Message:
    """What a model said."""
    return Message("assistant", list(parts), origin="messages[1]")


def reply(*parts: JsonValue, finish: str | None = "STOP", **more: JsonValue) -> JsonObject:
    """One record of a stream, or a whole reply."""
    candidate: JsonObject = {"content": {"role": "model", "parts": [*parts]}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "g1", "modelVersion": "up", **more}


def read(*records: JsonValue, request: Sent | None = None) -> Response:
    """The reply that a stream of records tells."""
    collector = Collector()
    for event in events_of(*records, request=request):
        collector.feed(event)
    return collector.response()


def events_of(*records: JsonValue, request: Sent | None = None) -> list[Event]:
    """The events of a stream of records, to its end."""
    decoder = CODEC.stream_decoder(request or Sent())
    events = [event for record in records for event in decoder.decode(Frame(dumps(record)))]
    return events + decoder.close()


def whole(response: Response, losses: Losses | None = None) -> dict[str, Any]:
    """The body that tells a client `response`."""
    body: dict[str, Any] = loads(
        CODEC.encode_response(response, ASKED, losses if losses is not None else Losses())
    )
    return body


def streamed(response: Response, losses: Losses | None = None) -> list[dict[str, Any]]:
    """The records that tell a client `response`."""
    encoder = CODEC.stream_encoder(ASKED, losses if losses is not None else Losses())
    return [loads(frame.data) for event in explode(response) for frame in encoder.encode(event)]
