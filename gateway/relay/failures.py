"""What the client is told when no attempt succeeded (architecture: the gateway's own keys are never its
business).
"""

from collections.abc import Sequence
from math import isfinite

from gateway import errors
from gateway.errors import ErrorKind, FailedAttempt


def summary(attempts: Sequence[FailedAttempt], unsayable: errors.Unsayable | None) -> errors.GatewayError:
    """The one error for all `attempts`.

    A refusal of the request itself is told as it is; a part that no candidate could say is the client's to
    mend; all rate-limited: 429; all overloaded: 503; all timed out: 504; everything else, our own rejected
    keys included: 502.
    """
    failures = [attempt.error for attempt in attempts]
    for failure in failures:
        if isinstance(failure, (errors.RequestRefused, errors.RequestError)):
            return failure
    if not failures:
        return unsayable or errors.NoDeploymentLeft("no deployment serves this request", attempts=attempts)
    error = errors.NoDeploymentLeft(_message(failures), attempts=attempts)
    error.kind, error.status = _kind(failures)
    waits = [wait for failure in failures if (wait := failure.retry_after_s) is not None and isfinite(wait)]
    error.retry_after_s = min(waits, default=1.0 if error.kind is ErrorKind.OVERLOADED else None)
    error.should_retry = _retry_helps(failures)
    return error


def _kind(failures: Sequence[errors.GatewayError]) -> tuple[ErrorKind, int]:
    for kind, told, status in (
        (errors.RateLimited, ErrorKind.RATE_LIMIT, 429),
        (errors.QuotaExhausted, ErrorKind.BILLING, 429),
        (errors.Overloaded, ErrorKind.OVERLOADED, 503),
        (errors.UpstreamTimeout, ErrorKind.TIMEOUT, 504),
        (errors.ModelUnavailable, ErrorKind.MODEL_NOT_FOUND, 404),
    ):
        if all(isinstance(failure, kind) for failure in failures):
            return told, status
    return ErrorKind.UPSTREAM, 502


def _retry_helps(failures: Sequence[errors.GatewayError]) -> bool | None:
    """False where trying again cannot help, or was tried by us already: the client's own attempts would
    multiply ours. None leaves it to the client, who may wait where an upstream asked for it.
    """
    incurable = (errors.CredentialRejected, errors.QuotaExhausted, errors.ModelUnavailable)
    if all(isinstance(failure, incurable) for failure in failures):
        return False
    busy = any(isinstance(failure, (errors.RateLimited, errors.Overloaded)) for failure in failures)
    return None if busy or len(failures) == 1 else False


def _message(failures: Sequence[errors.GatewayError]) -> str:
    last = failures[-1]
    # What an upstream says about our own key is not for the client.
    words = (
        "the upstream rejected the gateway's credential; the operator must mend it"
        if isinstance(last, errors.CredentialRejected)
        else last.message
    )
    return words if len(failures) == 1 else f"all {len(failures)} attempts failed; the last one: {words}"
