import pytest

from gateway import errors
from gateway.errors import ErrorKind, FailedAttempt
from gateway.relay.failures import summary


def attempts(*failures: errors.GatewayError) -> list[FailedAttempt]:
    return [FailedAttempt(f"d{number}", failure) for number, failure in enumerate(failures)]


def test_all_rate_limited_is_429_with_the_smallest_wait() -> None:
    error = summary(
        attempts(errors.RateLimited("a", retry_after_s=30), errors.RateLimited("b", retry_after_s=12)), None
    )

    assert (error.status, error.kind, error.retry_after_s) == (429, ErrorKind.RATE_LIMIT, 12)
    assert error.should_retry is None


@pytest.mark.parametrize(
    ("failure", "status", "kind"),
    [
        (errors.Overloaded("busy"), 503, ErrorKind.OVERLOADED),
        (errors.UpstreamTimeout("silent"), 504, ErrorKind.TIMEOUT),
        (errors.QuotaExhausted("broke"), 429, ErrorKind.BILLING),
        (errors.ModelUnavailable("gpt-9"), 404, ErrorKind.MODEL_NOT_FOUND),
        (errors.CredentialRejected("who?"), 502, ErrorKind.UPSTREAM),
        (errors.Unreachable("gone"), 502, ErrorKind.UPSTREAM),
    ],
)
def test_attempts_that_failed_alike_are_told_as_what_they_were(
    failure: errors.UpstreamError, status: int, kind: ErrorKind
) -> None:
    error = summary(attempts(failure, failure), None)

    assert (error.status, error.kind) == (status, kind)


def test_attempts_that_failed_differently_are_a_bad_gateway() -> None:
    error = summary(attempts(errors.RateLimited("a"), errors.Overloaded("b")), None)

    assert error.status == 502


def test_a_refusal_of_the_request_itself_is_told_as_it_is() -> None:
    refusal = errors.RequestRefused("messages[0]: bad")

    assert summary(attempts(errors.Overloaded("busy"), refusal), None) is refusal


def test_a_part_that_no_candidate_could_say_is_the_clients_to_mend() -> None:
    unsayable = errors.Unsayable("messages[0].content[1]: a film", param="messages[0].content[1]")

    assert summary([], unsayable) is unsayable


def test_what_the_upstream_says_of_our_own_key_is_not_for_the_client() -> None:
    error = summary(attempts(errors.CredentialRejected("Incorrect API key provided: sk-abc")), None)

    assert "sk-abc" not in error.message
    assert error.should_retry is False


def test_an_overload_without_a_hint_still_says_when_to_come_back() -> None:
    assert summary(attempts(errors.Overloaded("busy")), None).retry_after_s == 1.0


@pytest.mark.parametrize(
    ("failures", "should_retry"),
    [
        ([errors.UpstreamFailed("500")], None),
        ([errors.UpstreamFailed("500"), errors.Unreachable("gone")], False),
        ([errors.UpstreamFailed("500"), errors.RateLimited("busy")], None),
        ([errors.Overloaded("busy"), errors.Overloaded("busy")], None),
        ([errors.QuotaExhausted("broke")], False),
    ],
)
def test_what_was_tried_in_vain_is_not_for_the_client_to_try_again(
    failures: list[errors.UpstreamError], should_retry: bool | None
) -> None:
    assert summary(attempts(*failures), None).should_retry is should_retry
