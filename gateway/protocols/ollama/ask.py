"""What routing needs of a request, and the client's own body for an upstream of this protocol."""

from dataclasses import dataclass

from gateway.errors import InvalidRequest
from gateway.protocols.codec import Asked, Call, Losses, Operation, required_model
from gateway.protocols.target import Target

LATEST = ":latest"
"""The tag that a name without one means."""


@dataclass(slots=True)
class AskedHere(Asked):
    """What the encoders of this protocol must know besides: `continues` tells a reply to `/api/generate`."""

    continues: bool = False


def asked(call: Call) -> AskedHere:
    """The little that routing needs. Replies are streamed unless the client says otherwise.

    Raises:
        InvalidRequest: the body names no model, or `stream` is no boolean.
    """
    # `name` is what the model was called in requests to `/api/show` of early clients.
    model = call.said("model") or call.said("name")
    stream = call.said("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("stream: expected true or false", param="stream")
    operation = call.endpoint.operation if call.endpoint is not None else None
    return AskedHere(
        required_model(model).removesuffix(LATEST),
        stream=stream is not False,
        include_usage=True,
        continues=operation is Operation.COMPLETE,
    )


def redirect(call: Call, target: Target, _: Losses) -> tuple[bytes, bool]:
    """The client's own body for the model `target`; usage is always told."""
    if call.said("model") == target.model:
        return call.body, False
    return call.document.edited({"model": target.model}), False
