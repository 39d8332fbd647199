"""Short ways through the codec, for its tests."""

from typing import Any

from gateway.canonical.content import Message, Part, Text
from gateway.canonical.events import Choice, Event, Response, collect
from gateway.canonical.request import Request
from gateway.canonical.usage import Stop, StopReason
from gateway.protocols.codec import Asked, Call, Endpoint, Losses, Operation, Sent
from gateway.protocols.ollama import CODEC
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame

CHAT = Endpoint(Operation.GENERATE, "POST", "/api/chat")
GENERATE = Endpoint(Operation.COMPLETE, "POST", "/api/generate")
CREATED = 1767225600


def called(endpoint: Endpoint = CHAT, **body: Any) -> Call:
    """A client's call."""
    payload = {"model": "m-1", **body}
    return Call(Document.of(payload), endpoint=endpoint, received=CREATED)


def decoded(endpoint: Endpoint = CHAT, **body: Any) -> Request:
    """What a client's body says."""
    return CODEC.decode_request(called(endpoint, **body))


def messages(*wire: dict[str, Any]) -> list[Message]:
    """The conversation that `wire` is."""
    return decoded(messages=list(wire)).messages


def sent(request: Request, **can: Any) -> tuple[dict[str, Any], Losses]:
    """What a model that `can` is sent for a request, and what got lost."""
    losses = Losses()
    body: dict[str, Any] = CODEC.encode_request(request, Target("up-1", Capabilities(**can)), losses).body
    return body, losses


def said(*turns: Message, **can: Any) -> tuple[list[Any], Losses]:
    """The messages that an upstream is sent for `turns`."""
    body, losses = sent(Request("m-1", list(turns)), **can)
    return body["messages"], losses


def user(*parts: Part) -> Message:
    """A user's turn."""
    return Message("user", list(parts), origin="messages[0]")


def asking(**settings: Any) -> Request:
    """A question with `settings`."""
    return Request("m-1", [user(Text("Why?"))], **settings)


def events(*lines: dict[str, Any], sent_as: Sent | None = None) -> list[Event]:
    """What a whole stream of `lines` says."""
    decoder = CODEC.stream_decoder(sent_as or Sent())
    told = [event for line in lines for event in decoder.decode(Frame(dumps(line)))]
    return told + decoder.close()


def heard(*lines: dict[str, Any], sent_as: Sent | None = None) -> Response:
    """The reply that a stream of `lines` tells."""
    return collect(events(*lines, sent_as=sent_as))


def line(said: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    """A line of a stream of `/api/chat`."""
    message = {"role": "assistant", "content": "", **(said or {})}
    return {"model": "m-1", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **beside}


def asked(endpoint: Endpoint = CHAT) -> Asked:
    """What the encoders of a reply know."""
    known = CODEC.asked(called(endpoint))
    known.created = CREATED
    return known


def replied(*parts: Part, reason: StopReason = StopReason.END, **fields: Any) -> Response:
    """A reply of `parts`."""
    return Response([Choice(list(parts), Stop(reason))], model="m-1", **fields)


def whole(response: Response, endpoint: Endpoint = CHAT) -> tuple[dict[str, Any], Losses]:
    """The body that a client is told `response` in."""
    losses = Losses()
    return loads(CODEC.encode_response(response, asked(endpoint), losses)), losses
