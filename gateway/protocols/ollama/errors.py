"""Errors, both ways: `{"error": "words"}`, as a body and as a line of a stream.

Nothing but a string: objects break the Go, JavaScript and Python clients.
"""

from collections.abc import Mapping
from math import ceil

from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import GatewayError, UpstreamError
from gateway.protocols.codec import HttpAnswer
from gateway.protocols.upstream_errors import Said, upstream_error
from gateway.wire.fast_json import JsonError, dumps, loads


def error_payload(error: GatewayError) -> JsonObject:
    """What a client is told, as a body or as a line."""
    return {"error": error.message}


def encode_error(error: GatewayError, request_id: str) -> HttpAnswer:
    """The answer that tells a client of `error`."""
    headers = {"x-request-id": request_id}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(0, ceil(error.retry_after_s)))
    return HttpAnswer(error.status, dumps(error_payload(error)), headers)


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error that an upstream's refusal tells, whatever its body is."""
    try:
        payload: JsonValue = loads(body)
    except JsonError:
        text = body.decode("utf-8", "replace").strip()
        # A proxy's error page says nothing that a client could use.
        return upstream_error(status, headers, body, Said("" if text.startswith("<") else text))
    return upstream_error(status, headers, body, Said(_message(payload)))


def error_within(payload: JsonValue, body: bytes) -> UpstreamError | None:
    """The error that a reply with status 200 or a line of a stream is, None if it is none."""
    if not isinstance(payload, dict) or not payload.get("error"):
        return None
    return upstream_error(500, {}, body, Said(_message(payload)))


def _message(payload: JsonValue) -> str:
    """The words of an error. Proxies in front put an object in place of the string."""
    error = payload.get("error") if isinstance(payload, dict) else payload
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""
