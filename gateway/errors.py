"""Every failure, by whose fault it is.

GatewayError
├── RequestError               the client's: told at once, never retried, no deployment blamed
│   ├── InvalidRequest         400  a field is malformed (names its path)
│   │   └── Unsayable          400  a well-formed part that a target protocol has no word for
│   ├── Unauthenticated        401  no or a wrong client key
│   ├── Forbidden              403  a page or a host name that may not use the gateway
│   ├── NotFound               404  no such route, model or item
│   ├── MethodNotAllowed       405
│   ├── RequestTimeout         408  the client was too slow to say what it wants
│   ├── TooLarge               413  body over the limit
│   ├── NotServed              501  a part of the client's protocol that no upstream is asked for
│   └── TooManyRequests        429  over a limit of the gateway's own
├── UpstreamError              an upstream's: judged by pool/policy, maybe tried elsewhere
│   ├── RequestRefused         4xx  the request itself is at fault
│   │   ├── ContextTooLong
│   │   ├── RequestTooLarge    413
│   │   └── ContentRefused          a content policy
│   ├── RateLimited            429
│   ├── QuotaExhausted         402, 429 without hope
│   ├── CredentialRejected     401, 403
│   ├── ModelUnavailable       404
│   ├── Overloaded             503, 529
│   ├── UpstreamFailed         other 5xx and statuses nobody expects
│   ├── UpstreamTimeout
│   ├── Unreachable            no connection
│   └── BadUpstreamReply       not what the protocol promises, a cut stream included
│       └── BrokenOff              the connection ended within the reply
├── NoDeploymentLeft           every attempt failed
└── Unavailable          503   the gateway itself: draining or overloaded
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    """The vocabulary in which every protocol renders errors; codecs map it to their own words."""

    INVALID_REQUEST = "invalid_request"
    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    AUTH = "auth"
    BILLING = "billing"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    NOT_SERVED = "not_served"
    MODEL_NOT_FOUND = "model_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CLIENT_TIMEOUT = "client_timeout"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    INTERNAL = "internal"
    UPSTREAM = "upstream"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"


class GatewayError(Exception):
    """Something that the client is told in its own protocol's shape.

    `retry_after_s` is how long the client should wait; `should_retry` False tells SDKs that trying again
    cannot help.
    """

    kind = ErrorKind.INTERNAL
    status = 500

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.should_retry = should_retry


class RequestError(GatewayError):
    """The client's fault."""

    kind = ErrorKind.INVALID_REQUEST
    status = 400


class InvalidRequest(RequestError):
    """A field is malformed; `param` is its path in the client's body."""


class Unsayable(InvalidRequest):
    """A part (`param`) for which a target protocol has no word: skip that deployment, blame nobody."""


class Unauthenticated(RequestError):
    """No client key, or a wrong one."""

    kind = ErrorKind.AUTH
    status = 401


class Forbidden(RequestError):
    """A browser's page, or a host name, that may not use the gateway."""

    kind = ErrorKind.PERMISSION
    status = 403


class NotFound(RequestError):
    """No such route or item."""

    kind = ErrorKind.NOT_FOUND
    status = 404


class ModelNotFound(NotFound):
    """No deployment serves that model name."""

    kind = ErrorKind.MODEL_NOT_FOUND


class NotServed(RequestError):
    """A part of the client's protocol that the gateway does not serve."""

    kind = ErrorKind.NOT_SERVED
    status = 501


class MethodNotAllowed(RequestError):
    """The route exists, with other methods."""

    kind = ErrorKind.METHOD_NOT_ALLOWED
    status = 405


class RequestTimeout(RequestError):
    """The client took too long to send its request."""

    kind = ErrorKind.CLIENT_TIMEOUT
    status = 408


class TooLarge(RequestError):
    """The body is over the limit."""

    kind = ErrorKind.TOO_LARGE
    status = 413


class TooManyRequests(RequestError):
    """Over a limit of the gateway's own."""

    kind = ErrorKind.RATE_LIMIT
    status = 429


class UpstreamError(GatewayError):
    """An upstream's fault, or its refusal.

    `upstream_status` is the HTTP status it gave (None when there was none), `upstream_body` its body as sent,
    for the lane that passes refusals through, `upstream_request_id` its own name for the request.
    """

    kind = ErrorKind.UPSTREAM
    status = 502

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
        upstream_body: bytes | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.upstream_status = upstream_status
        self.upstream_body = upstream_body
        self.upstream_request_id = upstream_request_id


class RequestRefused(UpstreamError):
    """The upstream says that the request itself is wrong; another deployment would say the same.

    `verbatim`: the client speaks the upstream's protocol, so that the upstream's own body may be passed on.
    """

    kind = ErrorKind.INVALID_REQUEST
    status = 400
    verbatim = False


class ContextTooLong(RequestRefused):
    """The conversation does not fit the model's window."""

    kind = ErrorKind.CONTEXT_LENGTH


class ContentRefused(RequestRefused):
    """A content policy refused the request."""

    kind = ErrorKind.CONTENT_POLICY


class RequestTooLarge(RequestRefused):
    """The upstream takes no request of that many bytes."""

    kind = ErrorKind.TOO_LARGE
    status = 413


class RateLimited(UpstreamError):
    """Too many requests for this credential; `retry_after_s` says how long, where the upstream did."""

    kind = ErrorKind.RATE_LIMIT
    status = 429


class QuotaExhausted(UpstreamError):
    """The account has no money or quota left."""

    kind = ErrorKind.BILLING
    status = 429


class CredentialRejected(UpstreamError):
    """The upstream does not accept our key: never told to a client as its own 401."""


class ModelUnavailable(UpstreamError):
    """The upstream does not know the model, or does not let this key use it."""

    kind = ErrorKind.MODEL_NOT_FOUND
    status = 404


class Overloaded(UpstreamError):
    """The upstream has no capacity now."""

    kind = ErrorKind.OVERLOADED
    status = 503


class UpstreamFailed(UpstreamError):
    """The upstream broke: 5xx, or a status nobody expects."""


class UpstreamTimeout(UpstreamError):
    """The upstream was silent too long."""

    kind = ErrorKind.TIMEOUT
    status = 504


class Unreachable(UpstreamError):
    """No connection to the upstream, or it broke before an answer came."""


class BadUpstreamReply(UpstreamError):
    """The reply is not what the protocol promises; a stream that ends without a finish is one of these."""


class BrokenOff(BadUpstreamReply):
    """The connection ended within the reply."""


@dataclass(slots=True, frozen=True)
class FailedAttempt:
    """One try at one deployment, and how it failed."""

    deployment: str
    error: GatewayError


class NoDeploymentLeft(GatewayError):
    """Every candidate failed, rests, or could not say the request; `kind` and `status` follow from how."""

    def __init__(self, message: str, *, attempts: Sequence[FailedAttempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)
        self.kind = ErrorKind.UPSTREAM
        self.status = 502


class Unavailable(GatewayError):
    """The gateway itself cannot take the request now."""

    kind = ErrorKind.OVERLOADED
    status = 503
