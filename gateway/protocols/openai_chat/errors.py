"""Errors of the OpenAI form, both ways.

We write `{"error": {"message", "type", "param", "code"}}`. Upstreams that call themselves compatible write
that, the error as a bare string, a list of it, `{"detail": …}`, `{"message": …}`, plain text or a page of
HTML.
"""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from gateway.canonical.json import JsonObject
from gateway.errors import ErrorKind, GatewayError, UpstreamError
from gateway.protocols.codec import HttpAnswer
from gateway.protocols.upstream_errors import Said, upstream_error
from gateway.wire.fast_json import JsonError, dumps, loads

_WORDS: Mapping[ErrorKind, tuple[str, str | None]] = {
    ErrorKind.INVALID_REQUEST: ("invalid_request_error", None),
    ErrorKind.CONTEXT_LENGTH: ("invalid_request_error", "context_length_exceeded"),
    ErrorKind.CONTENT_POLICY: ("invalid_request_error", "content_policy_violation"),
    ErrorKind.AUTH: ("invalid_request_error", "invalid_api_key"),
    ErrorKind.BILLING: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.PERMISSION: ("permission_denied", "permission_denied"),
    ErrorKind.NOT_FOUND: ("invalid_request_error", None),
    ErrorKind.NOT_SERVED: ("invalid_request_error", "not_served"),
    ErrorKind.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    ErrorKind.METHOD_NOT_ALLOWED: ("invalid_request_error", "method_not_allowed"),
    ErrorKind.CLIENT_TIMEOUT: ("invalid_request_error", "request_timeout"),
    ErrorKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    ErrorKind.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
    ErrorKind.INTERNAL: ("server_error", "internal_error"),
    ErrorKind.UPSTREAM: ("server_error", "upstream_error"),
    ErrorKind.OVERLOADED: ("server_error", "overloaded"),
    ErrorKind.TIMEOUT: ("server_error", "timeout"),
}

_FAILURE = re.compile("[45][0-9][0-9]")

_STATUS_BY_WORD: Mapping[str, int] = {
    "authentication_error": 401,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "engine_overloaded_error": 503,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "overloaded": 503,
    "overloaded_error": 503,
    "permission_denied": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "timeout": 504,
}


def error_payload(error: GatewayError) -> JsonObject:
    """What a client is told, as a body or inside a stream."""
    type_, code = _WORDS[error.kind]
    return {"error": {"message": error.message, "type": type_, "param": error.param, "code": code}}


def encode_error(error: GatewayError, request_id: str) -> HttpAnswer:
    """The answer that tells a client of `error`."""
    headers = {"x-request-id": request_id}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(0, ceil(error.retry_after_s)))
        headers["retry-after-ms"] = str(max(0, ceil(error.retry_after_s * 1000)))
    should_retry = False if error.kind is ErrorKind.BILLING else error.should_retry
    if should_retry is not None:
        headers["x-should-retry"] = str(should_retry).lower()
    return HttpAnswer(error.status, dumps(error_payload(error)), headers)


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error that an upstream's refusal tells, whatever its body is."""
    try:
        payload = loads(body)
    except JsonError:
        text = body.decode("utf-8", "replace").strip()
        # A proxy's error page says nothing that a client could use.
        return upstream_error(status, headers, body, Said("" if text.startswith("<") else text))
    return upstream_error(status, headers, body, _said(payload))


def error_within(payload: Any, body: bytes) -> UpstreamError | None:
    """The error inside a reply with status 200 or a record of a stream, None if there is none.

    Its status is the one it names, else the one its words mean, else 500.
    """
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict) or not (payload.get("error") or payload.get("object") == "error"):
        return None
    said = _said(payload)
    error = payload.get("error")
    return upstream_error(_status(error if isinstance(error, dict) else payload, said), {}, body, said)


def _status(error: dict[str, Any], said: Said) -> int:
    for name in ("status_code", "status", "code"):
        value = str(error.get(name))
        if _FAILURE.fullmatch(value):
            return int(value)
    return next((_STATUS_BY_WORD[word] for word in said.words.split() if word in _STATUS_BY_WORD), 500)


def _said(payload: Any) -> Said:
    """What an error body says, in any of the forms seen."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict):
        return Said(payload if isinstance(payload, str) else "")
    error = payload.get("error")
    if isinstance(error, str):
        return Said(error, _words(payload))
    if not isinstance(error, dict):
        error = payload
    message = error.get("message") or error.get("detail") or error.get("msg")
    param = error.get("param")
    return Said(_message(message, error), _words(error), param if isinstance(param, str) else None)


def _message(message: Any, error: dict[str, Any]) -> str:
    if isinstance(message, list) and message:
        # FastAPI's form: a list of {"loc", "msg", "type"}.
        message = message[0].get("msg") if isinstance(message[0], dict) else message[0]
    if isinstance(message, dict):
        message = message.get("message")
    text = message if isinstance(message, str) else ""
    # OpenRouter says "Provider returned error" and keeps the provider's own words apart.
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{text}: {raw}" if isinstance(raw, str) and raw else text


def _words(error: dict[str, Any]) -> str:
    words = (error.get(name) for name in ("type", "code", "status"))
    return " ".join(str(word) for word in words if isinstance(word, (str, int)))
