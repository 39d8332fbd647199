import pytest

from gateway import errors
from gateway.protocols.anthropic import CODEC
from gateway.wire import fast_json


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (
            529,
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            errors.Overloaded,
        ),
        (400, b'{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}', errors.ContextTooLong),
        (401, b'[{"error":"no"}]', errors.CredentialRejected),
        (502, b"<html>bad gateway</html>", errors.UpstreamFailed),
        (429, b'"slow down"', errors.RateLimited),
    ],
)
def test_a_refusal_is_understood_whatever_its_body(
    status: int, body: bytes, kind: type[errors.UpstreamError]
) -> None:
    assert type(CODEC.decode_error(status, {}, body)) is kind


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.Overloaded("busy"), 529, "overloaded_error"),
        (errors.CredentialRejected("no"), 502, "api_error"),
        (errors.Unauthenticated("no key"), 401, "authentication_error"),
        (errors.UpstreamTimeout("late"), 504, "timeout_error"),
        (errors.TooLarge("big"), 413, "request_too_large"),
    ],
)
def test_an_error_is_told_in_the_apis_own_words(error: errors.GatewayError, status: int, kind: str) -> None:
    answer = CODEC.encode_error(error, "req_1")
    payload = fast_json.loads(answer.body)
    assert (answer.status, payload["error"]["type"], payload["request_id"]) == (status, kind, "req_1")
    assert answer.headers["request-id"] == "req_1"


def test_every_kind_of_error_has_its_words() -> None:
    for kind in errors.ErrorKind:
        error = errors.GatewayError("x")
        error.kind = kind
        assert CODEC.encode_error(error, "r").status >= 400


def test_a_wait_is_told_in_whole_seconds_rounded_up() -> None:
    error = errors.RateLimited("slow", retry_after_s=34.2)
    assert CODEC.encode_error(error, "r").headers["retry-after"] == "35"


def test_a_context_that_is_too_long_begins_as_clients_expect() -> None:
    payload = fast_json.loads(CODEC.encode_error(errors.ContextTooLong("9 > 8"), "r").body)
    assert payload["error"]["message"] == "prompt is too long: 9 > 8"
