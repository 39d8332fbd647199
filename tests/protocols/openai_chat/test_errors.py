"""Errors both ways, in all the forms that vendors give them."""

import json

import pytest

from gateway import errors
from gateway.protocols.openai_chat import CODEC
from gateway.protocols.openai_chat.errors import error_within


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"error": {"message": "no", "code": 400}}, errors.RequestRefused, "no"),
        (400, [{"error": {"message": "listed"}}], errors.RequestRefused, "listed"),
        (400, {"error": "bare"}, errors.RequestRefused, "bare"),
        (401, {"detail": "Invalid API Key"}, errors.CredentialRejected, "Invalid API Key"),
        (422, {"detail": [{"loc": ["x"], "msg": "too small"}]}, errors.RequestRefused, "too small"),
        (422, {"detail": ["odd"]}, errors.RequestRefused, "odd"),
        (422, {"detail": {"message": "deep"}}, errors.RequestRefused, "deep"),
        (500, {"message": "flat"}, errors.UpstreamFailed, "flat"),
        (429, {"error": {"message": "x", "code": "insufficient_quota"}}, errors.QuotaExhausted, "x"),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, errors.ContextTooLong, "x"),
        (400, {"error": {"message": "x", "code": "content_filter"}}, errors.ContentRefused, "x"),
        (
            502,
            {"error": {"message": "Provider", "metadata": {"raw": "own words"}}},
            errors.UpstreamFailed,
            "Provider: own words",
        ),
        (404, "plain", errors.ModelUnavailable, "plain"),
        (404, 7, errors.ModelUnavailable, "the upstream answered with HTTP status 404"),
    ],
)
def test_an_error_body_of_any_form_is_understood(
    status: int, body: object, kind: type[errors.UpstreamError], message: str
) -> None:
    error = CODEC.decode_error(status, {}, json.dumps(body).encode())
    assert type(error) is kind
    assert error.message == message
    assert error.upstream_status == status


def test_text_is_the_message_and_a_page_of_html_is_none() -> None:
    assert CODEC.decode_error(503, {}, b"upstream down").message == "upstream down"
    page = CODEC.decode_error(502, {}, b"<html><h1>Bad gateway</h1></html>")
    assert page.message == "the upstream answered with HTTP status 502"
    assert isinstance(CODEC.decode_error(529, {}, b"\xff\xfe"), errors.Overloaded)


def test_a_parameter_and_the_wait_are_kept() -> None:
    body = b'{"error":{"message":"Please try again in 1.5s","param":"messages","type":"tokens"}}'
    error = CODEC.decode_error(429, {"x-request-id": "u1"}, body)
    assert (error.param, error.retry_after_s, error.upstream_request_id) == ("messages", 1.5, "u1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "m"}, errors.RateLimited),
        ({"code": "503", "message": "m"}, errors.Overloaded),
        ({"status_code": 400, "message": "m"}, errors.RequestRefused),
        ({"type": "invalid_request_error", "message": "m"}, errors.RequestRefused),
        ({"type": "server_error", "message": "m"}, errors.UpstreamFailed),
        ({"code": "rate_limit_exceeded", "message": "m"}, errors.RateLimited),
        ({"message": "m"}, errors.UpstreamFailed),
        ("m", errors.UpstreamFailed),
    ],
)
def test_an_error_with_status_200_has_the_status_it_names_or_means(
    error: object, kind: type[errors.UpstreamError]
) -> None:
    within = error_within({"error": error}, b"{}")
    assert type(within) is kind
    assert within.message == "m"


def test_an_error_may_be_the_record_itself_or_stand_in_a_list_and_null_is_none() -> None:
    assert isinstance(
        error_within({"object": "error", "message": "m", "code": 404}, b""), errors.ModelUnavailable
    )
    assert isinstance(error_within([{"error": {"message": "m"}}], b""), errors.UpstreamFailed)
    assert error_within({"error": None}, b"") is None
    assert error_within([], b"") is None


@pytest.mark.parametrize(
    ("error", "status", "type_", "code"),
    [
        (errors.InvalidRequest("m", param="n"), 400, "invalid_request_error", None),
        (errors.ContextTooLong("m"), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.ContentRefused("m"), 400, "invalid_request_error", "content_policy_violation"),
        (errors.Unauthenticated("m"), 401, "invalid_request_error", "invalid_api_key"),
        (errors.ModelNotFound("m"), 404, "invalid_request_error", "model_not_found"),
        (errors.MethodNotAllowed("m"), 405, "invalid_request_error", "method_not_allowed"),
        (errors.TooLarge("m"), 413, "invalid_request_error", "request_too_large"),
        (errors.RateLimited("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (errors.QuotaExhausted("m"), 429, "insufficient_quota", "insufficient_quota"),
        (errors.CredentialRejected("m"), 502, "server_error", "upstream_error"),
        (errors.Unavailable("m"), 503, "server_error", "overloaded"),
        (errors.UpstreamTimeout("m"), 504, "server_error", "timeout"),
        (errors.GatewayError("m"), 500, "server_error", "internal_error"),
    ],
)
def test_a_client_is_told_an_error_in_openais_words(
    error: errors.GatewayError, status: int, type_: str, code: str | None
) -> None:
    answer = CODEC.encode_error(error, "q1")
    assert answer.status == status
    assert json.loads(answer.body) == {
        "error": {"message": "m", "type": type_, "param": error.param, "code": code}
    }
    assert answer.headers["x-request-id"] == "q1"


def test_every_kind_of_error_has_words() -> None:
    for kind in errors.ErrorKind:
        error = errors.GatewayError("m")
        error.kind = kind
        assert json.loads(CODEC.encode_error(error, "q").body)["error"]["type"]


def test_waits_are_rounded_up_and_hopeless_retries_forbidden() -> None:
    limited = CODEC.encode_error(errors.RateLimited("m", retry_after_s=1.2), "q").headers
    assert (limited["retry-after"], limited["retry-after-ms"]) == ("2", "1200")
    assert "x-should-retry" not in limited
    assert CODEC.encode_error(errors.QuotaExhausted("m"), "q").headers["x-should-retry"] == "false"
    assert (
        CODEC.encode_error(errors.GatewayError("m", should_retry=True), "q").headers["x-should-retry"]
        == "true"
    )


def test_what_we_tell_is_understood_as_the_same_kind_of_error() -> None:
    for error in (errors.RateLimited("m"), errors.ContextTooLong("m"), errors.Overloaded("m")):
        answer = CODEC.encode_error(error, "q")
        assert type(CODEC.decode_error(answer.status, {}, answer.body)) is type(error)
