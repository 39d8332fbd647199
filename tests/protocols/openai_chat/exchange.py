"""Short ways to put words on the wire and to read what came of them."""

from collections.abc import Sequence

from gateway.canonical.content import Message, Part
from gateway.canonical.events import Collector, Event, Response, explode
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request
from gateway.protocols.codec import Asked, Call, Losses, Sent
from gateway.protocols.openai_chat import CODEC
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame

ASKED = Asked("alias", stream=True, include_usage=True, reply_id="r1", created=100, estimate=lambda: 7)


def decoded(messages: list[JsonValue] | None = None, /, **settings: JsonValue) -> Request:
    """The request that a body with these fields tells."""
    said: JsonValue = messages if messages is not None else [{"role": "user", "content": "hi"}]
    payload: JsonObject = {"model": "m", "messages": said, **settings}
    return CODEC.decode_request(Call(Document.of(payload)))


def sent(request: Request, losses: Losses | None = None, **can: object) -> Sent:
    """What goes to an upstream whose model can `can`."""
    capabilities = Capabilities(**can)  # type: ignore[arg-type]  # a test names fields of any type
    return CODEC.encode_request(
        request, Target("up", capabilities), losses if losses is not None else Losses()
    )


def asking(*messages: Message) -> Request:
    """A request that only speaks."""
    return Request("m", list(messages))


def user(*parts: Part) -> Message:
    """What a user says."""
    return Message("user", list(parts), origin="messages[0]")


def assistant(*parts: Part) -> Message:
    """What a model said."""
    return Message("assistant", list(parts), origin="messages[1]")


def wire_messages(request: Request, losses: Losses | None = None, **can: object) -> JsonValue:
    """The messages an upstream gets."""
    return sent(request, losses, **can).body["messages"]


def delta(fields: JsonObject, finish: str | None = None, index: int = 0) -> JsonObject:
    """A chunk with one delta."""
    return {
        "id": "c1",
        "model": "up",
        "created": 5,
        "choices": [{"index": index, "delta": fields, "finish_reason": finish}],
    }


def calling(*calls: JsonValue) -> JsonObject:
    """A chunk with fragments of calls."""
    return delta({"tool_calls": list(calls)})


def events_of(chunks: Sequence["JsonValue | bytes"], request: Sent | None = None) -> list[Event]:
    """The events of a stream of chunks, to its end."""
    decoder = CODEC.stream_decoder(request or Sent())
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.decode(Frame(chunk if isinstance(chunk, bytes) else dumps(chunk)))
    return events + decoder.close()


def heard(*chunks: "JsonValue | bytes", request: Sent | None = None) -> Response:
    """The reply that a stream of chunks tells."""
    collector = Collector()
    for event in events_of(chunks, request):
        collector.feed(event)
    return collector.response()


def answered(message: JsonObject, finish: str | None = "stop", **fields: JsonValue) -> Response:
    """The reply that a whole body tells."""
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": finish}
    return CODEC.decode_response(dumps({"id": "c1", "model": "up", "choices": [choice], **fields}), Sent())


def told(response: Response, losses: Losses | None = None) -> JsonObject:
    """The body a client gets."""
    body = loads(CODEC.encode_response(response, ASKED, losses if losses is not None else Losses()))
    assert isinstance(body, dict)
    return body


def frames_of(response: Response, asked: Asked = ASKED, losses: Losses | None = None) -> list[bytes]:
    """The records a client gets."""
    encoder = CODEC.stream_encoder(asked, losses if losses is not None else Losses())
    return [frame.data for event in explode(response) for frame in encoder.encode(event)]


def chunks_of(response: Response, asked: Asked = ASKED, losses: Losses | None = None) -> list[JsonObject]:
    """The records a client gets, parsed, without the terminator."""
    *frames, done = frames_of(response, asked, losses)
    assert done == b"[DONE]"
    return [loads(frame) for frame in frames]


def deltas_of(response: Response, losses: Losses | None = None) -> list[JsonValue]:
    """What the deltas of all choices say, in order; the empty ones of the finish left out."""
    return [
        choice["delta"]
        for chunk in chunks_of(response, losses=losses)
        for choice in _choices(chunk)
        if choice["delta"]
    ]


def _choices(chunk: JsonObject) -> list[JsonObject]:
    choices = chunk["choices"]
    assert isinstance(choices, list)
    return [choice for choice in choices if isinstance(choice, dict)]
