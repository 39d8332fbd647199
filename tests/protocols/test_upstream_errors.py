"""From an upstream's refusal to the error that policy and clients understand."""

import pytest

from gateway import errors
from gateway.protocols.upstream_errors import MAX_MESSAGE, Said, clean, retry_after, upstream_error


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, Said("bad"), errors.RequestRefused),
        (400, Said("prompt is too long: 2 tokens > 1 maximum"), errors.ContextTooLong),
        (400, Said("x", "invalid_request_error context_length_exceeded"), errors.ContextTooLong),
        (400, Said("Your credit balance is too low"), errors.QuotaExhausted),
        (400, Said("x", "content_policy_violation"), errors.ContentRefused),
        (401, Said("no"), errors.CredentialRejected),
        (402, Said("no"), errors.QuotaExhausted),
        (403, Said("no"), errors.CredentialRejected),
        (404, Said("no"), errors.ModelUnavailable),
        (409, Said("no"), errors.UpstreamFailed),
        (413, Said("no"), errors.RequestTooLarge),
        (422, Said("context window"), errors.RequestRefused),
        (429, Said("slow down"), errors.RateLimited),
        (429, Said("x", "insufficient_quota"), errors.QuotaExhausted),
        (429, Said("Monthly spend limit reached"), errors.QuotaExhausted),
        (429, Said("x", "enforced_spend_limit_reached"), errors.QuotaExhausted),
        (503, Said("no"), errors.Overloaded),
        (504, Said("no"), errors.UpstreamTimeout),
        (529, Said("no"), errors.Overloaded),
        (500, Said("no"), errors.UpstreamFailed),
        (418, Said("no"), errors.UpstreamFailed),
    ],
)
def test_status_and_words_decide_the_error(
    status: int, said: Said, expected: type[errors.UpstreamError]
) -> None:
    error = upstream_error(status, {"x-request-id": "r1"}, b"body", said)
    assert type(error) is expected
    assert (error.upstream_status, error.upstream_body, error.upstream_request_id) == (status, b"body", "r1")


def test_a_page_in_place_of_an_answer_says_nothing_of_the_key() -> None:
    page = b"\n<!DOCTYPE html><html><body>Attention required</body></html>"
    assert type(upstream_error(403, {}, page, Said())) is errors.UpstreamFailed


def test_an_upstream_that_said_nothing_is_quoted_by_its_status() -> None:
    error = upstream_error(500, {"request-id": "r2"}, b"", Said(param="messages"))
    assert error.message == "the upstream answered with HTTP status 500"
    assert (error.upstream_request_id, error.param) == ("r2", "messages")


@pytest.mark.parametrize(
    ("headers", "said", "expected"),
    [
        ({}, Said(), None),
        ({"retry-after": "30"}, Said(), 30.0),
        ({"retry-after": "1.5"}, Said(), 1.5),
        ({"retry-after-ms": "250", "retry-after": "30"}, Said(), 0.25),
        ({"retry-after-ms": "soon", "retry-after": "30"}, Said(), 30.0),
        ({"retry-after": "soon"}, Said(), None),
        ({"retry-after": "soon"}, Said(retry_after_s=4.0), 4.0),
        ({"retry-after": "9" * 5000}, Said(), None),
        ({"retry-after-ms": "9" * 5000}, Said(), None),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            Said(),
            30.0,
        ),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:28:30 GMT"},
            Said(),
            0.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, Said(), None),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 -0000"},
            Said(),
            None,
        ),
        ({}, Said("Please try again in 20s."), 20.0),
        ({}, Said("Please try again in 500ms."), 0.5),
        ({}, Said("Please try again in 6m0s."), 360.0),
        ({}, Said("Please try again in 1m"), 60.0),
        ({}, Said("Please try again in 1h2m3.5s"), 3723.5),
        ({}, Said("Please retry in 54.28 s"), 54.28),
        ({}, Said("Please try again in a while"), None),
        ({}, Said("Please try again in 5 minutes"), None),
        ({}, Said("Please try again in " + "9" * 5000 + "s"), None),
        ({}, Said("Please try again in 20s.", retry_after_s=0.0), 0.0),
    ],
)
def test_how_long_to_wait_is_read_wherever_it_was_said(
    headers: dict[str, str], said: Said, expected: float | None
) -> None:
    assert retry_after(headers, said) == expected


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Incorrect API key provided: sk-abc12***xyz.", "Incorrect API key provided: [redacted]"),
        ("key AIzaSyD4x9Q is bad", "key [redacted] is bad"),
        ("token ya29.a0AfH6SM", "token [redacted]"),
        ("Bearer abc123 refused", "Bearer [redacted] refused"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.e30.x", "jwt [redacted]"),
        ("at ?key=abc&x=1", "at ?key=[redacted]&x=1"),
        ("see https://docs.example/errors for more", "see [url] for more"),
        ("skipping sketches, rkhunter, hfstore", "skipping sketches, rkhunter, hfstore"),
    ],
)
def test_keys_and_addresses_do_not_reach_a_client(message: str, shown: str) -> None:
    assert clean(message) == shown


def test_a_long_message_is_cut() -> None:
    assert len(clean("a " * MAX_MESSAGE)) == MAX_MESSAGE
