"""Errors of the Messages API, both ways.

    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_…"}

The same object is an error body, an `error` event inside a stream and, from careless hosts, a body with
status 200. https://platform.claude.com/docs/en/api/errors
"""

from collections.abc import Mapping
from math import ceil

from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply, ErrorKind, GatewayError, UpstreamError
from gateway.protocols.codec import HttpAnswer
from gateway.protocols.upstream_errors import Said, upstream_error
from gateway.wire import fast_json

_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_SAID_AS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.INVALID_REQUEST: (400, "invalid_request_error"),
    ErrorKind.CONTEXT_LENGTH: (400, "invalid_request_error"),
    ErrorKind.CONTENT_POLICY: (400, "invalid_request_error"),
    ErrorKind.AUTH: (401, "authentication_error"),
    ErrorKind.BILLING: (402, "billing_error"),
    ErrorKind.PERMISSION: (403, "permission_error"),
    ErrorKind.NOT_FOUND: (404, "not_found_error"),
    ErrorKind.MODEL_NOT_FOUND: (404, "not_found_error"),
    ErrorKind.NOT_SERVED: (501, "not_found_error"),
    ErrorKind.METHOD_NOT_ALLOWED: (405, "invalid_request_error"),
    ErrorKind.CLIENT_TIMEOUT: (408, "invalid_request_error"),
    ErrorKind.TOO_LARGE: (413, "request_too_large"),
    ErrorKind.RATE_LIMIT: (429, "rate_limit_error"),
    ErrorKind.INTERNAL: (500, "api_error"),
    ErrorKind.UPSTREAM: (502, "api_error"),
    ErrorKind.TIMEOUT: (504, "timeout_error"),
    ErrorKind.OVERLOADED: (529, "overloaded_error"),
}

_TOO_LONG = "prompt is too long"
"""How this API's own message begins; clients know by it that they must compact the conversation."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error that a refusal tells, whatever its body is."""
    try:
        payload: JsonValue = fast_json.loads(body)
    except fast_json.JsonError:
        # A proxy's HTML page or nothing at all: its words help nobody.
        return upstream_error(status, headers, body, Said())
    return upstream_error(status, headers, body, _said(payload))


def decode_told(payload: JsonObject) -> UpstreamError:
    """The error that an `error` event, or a body with status 200, tells; the type stands for the status."""
    said = _said(payload)
    kind = said.words.partition(" ")[0]
    error = upstream_error(_STATUS_OF_TYPE.get(kind, 500), {}, b"", said)
    request_id = payload.get("request_id")
    error.upstream_status, error.upstream_body = None, None
    error.upstream_request_id = request_id if isinstance(request_id, str) else None
    return error


def _said(payload: JsonValue) -> Said:
    """What a body says, in this API's form or in another that a host in front of it may use."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict):
        return Said(payload if isinstance(payload, str) else "")
    error = payload.get("error", payload)
    if not isinstance(error, dict):
        return Said(error if isinstance(error, str) else "")
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else error.get("code")
    message, kind = error.get("message"), error.get("type")
    return Said(
        message if isinstance(message, str) else "",
        " ".join(word for word in (kind, code) if isinstance(word, str)),
    )


def encode_error(error: GatewayError, request_id: str) -> HttpAnswer:
    """The answer that tells a client `error`."""
    status, _ = _SAID_AS[error.kind]
    headers = {"request-id": request_id}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(ceil(error.retry_after_s))
    if error.kind is ErrorKind.BILLING or error.should_retry is not None:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    return HttpAnswer(status, fast_json.dumps({**error_object(error), "request_id": request_id}), headers)


def error_object(error: GatewayError) -> JsonObject:
    """The JSON that tells `error`, in a body or in an `error` event."""
    message = error.message
    if error.kind is ErrorKind.CONTEXT_LENGTH and not message.startswith(_TOO_LONG):
        message = f"{_TOO_LONG}: {message}"
    return {"type": "error", "error": {"type": _SAID_AS[error.kind][1], "message": message}}


def bad_reply(what: str) -> BadUpstreamReply:
    """The error for a reply that is not what the protocol promises."""
    return BadUpstreamReply(f"the upstream's reply is not a Messages API reply: {what}")
