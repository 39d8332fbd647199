"""Errors of the Gemini API, both ways.

    {"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": …}]}}

The same object is a body, a list of one such object, and a record inside a stream.
https://google.aip.dev/193
"""

import re
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import ErrorKind, GatewayError, UpstreamError
from gateway.protocols.codec import HttpAnswer
from gateway.protocols.gemini.spelling import listed
from gateway.protocols.upstream_errors import Said, upstream_error
from gateway.wire.fast_json import JsonError, dumps, loads

_SAID_AS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.INVALID_REQUEST: (400, "INVALID_ARGUMENT"),
    ErrorKind.CONTEXT_LENGTH: (400, "INVALID_ARGUMENT"),
    ErrorKind.CONTENT_POLICY: (400, "INVALID_ARGUMENT"),
    ErrorKind.AUTH: (401, "UNAUTHENTICATED"),
    ErrorKind.BILLING: (429, "RESOURCE_EXHAUSTED"),
    ErrorKind.PERMISSION: (403, "PERMISSION_DENIED"),
    ErrorKind.NOT_FOUND: (404, "NOT_FOUND"),
    ErrorKind.MODEL_NOT_FOUND: (404, "NOT_FOUND"),
    ErrorKind.NOT_SERVED: (501, "UNIMPLEMENTED"),
    ErrorKind.METHOD_NOT_ALLOWED: (405, "UNIMPLEMENTED"),
    ErrorKind.CLIENT_TIMEOUT: (408, "DEADLINE_EXCEEDED"),
    ErrorKind.TOO_LARGE: (413, "INVALID_ARGUMENT"),
    ErrorKind.RATE_LIMIT: (429, "RESOURCE_EXHAUSTED"),
    ErrorKind.INTERNAL: (500, "INTERNAL"),
    ErrorKind.UPSTREAM: (502, "UNAVAILABLE"),
    ErrorKind.OVERLOADED: (503, "UNAVAILABLE"),
    ErrorKind.TIMEOUT: (504, "DEADLINE_EXCEEDED"),
}

_STATUS_OF_WORD: Mapping[JsonValue, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_TYPE = "type.googleapis.com/google.rpc."
_WAIT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error that a refusal tells, whatever its body is."""
    try:
        payload: Any = loads(body)
    except JsonError:
        # A page of HTML, as the host answers for a path it does not know.
        return upstream_error(status, headers, body, Said())
    said, refused_key = _said(_error_of(payload))
    # A key that is not valid is refused as a malformed request would be.
    error = upstream_error(401 if refused_key and status == 400 else status, headers, body, said)
    error.upstream_status = status
    return error


def error_within(payload: Any) -> UpstreamError | None:
    """The error that a record of a stream, or a body with status 200, is; None if it is none."""
    error = _error_of(payload)
    if not error:
        return None
    code, word = error.get("code"), error.get("status")
    known = isinstance(code, int) and 400 <= code < 600
    status = code if known and isinstance(code, int) else _STATUS_OF_WORD.get(_word(word), 500)
    said, _ = _said(error)
    found = upstream_error(status, {}, b"", said)
    found.upstream_status, found.upstream_body = None, None
    return found


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _error_of(payload: Any) -> dict[str, Any]:
    if isinstance(payload, list) and payload:
        payload = payload[0]
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _said(error: dict[str, Any]) -> tuple[Said, bool]:
    """What an error says, and whether it says that the key is not valid."""
    details = [detail for detail in listed(error.get("details")) if isinstance(detail, dict)]
    reasons = [_word(detail.get("reason")) for detail in details]
    words = [_word(error.get("status")), _word(error.get("code")), *reasons]
    if any("PerDay" in _word(quota.get("quotaId")) for quota in _within(details, "violations")):
        # Nothing will change before tomorrow.
        words.append("insufficient_quota")
    fields = [_word(violation.get("field")) for violation in _within(details, "fieldViolations")]
    waits = [wait for detail in details if (wait := _wait(detail.get("retryDelay"))) is not None]
    said = Said(
        _word(error.get("message")),
        " ".join(filter(None, words)),
        next(filter(None, fields), None),
        next(iter(waits), None),
    )
    return said, "API_KEY_INVALID" in reasons


def _within(details: list[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    for detail in details:
        yield from (item for item in listed(detail.get(name)) if isinstance(item, dict))


def _wait(delay: Any) -> float | None:
    """Seconds of a duration: `34.4s`, or its parts."""
    if isinstance(delay, dict):
        seconds, nanos = delay.get("seconds", 0), delay.get("nanos", 0)
        delay = f"{seconds}s" if not isinstance(nanos, int) else f"{seconds}.{nanos:09d}s"
    found = _WAIT.fullmatch(_word(delay))
    return float(found[1]) if found else None


def encode_error(error: GatewayError, request_id: str) -> HttpAnswer:
    """The answer that tells a client `error`."""
    headers = {"x-request-id": request_id}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(ceil(error.retry_after_s))
    return HttpAnswer(_SAID_AS[error.kind][0], dumps(error_payload(error)), headers)


def error_payload(error: GatewayError) -> JsonObject:
    """The JSON that tells `error`, in a body or in a stream."""
    code, status = _SAID_AS[error.kind]
    said: JsonObject = {"code": code, "message": error.message, "status": status}
    details: list[JsonValue] = []
    if error.param is not None:
        violation: JsonObject = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{ceil(error.retry_after_s)}s"})
    return {"error": {**said, "details": details} if details else said}
