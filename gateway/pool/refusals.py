"""What those are told whose request nobody may serve now, without asking everybody each time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from gateway import errors
from gateway.errors import ErrorKind
from gateway.pool.pool import Hop

BETWEEN_LAST_RESORTS_S = 1.0
"""How often one of several that all rest is asked all the same."""

_REMEMBERED = 1000
_LOOK_AGAIN_S = 300.0
_SEVERAL = "every account that serves this model rests after failures", ErrorKind.OVERLOADED, 503
_ONE_REASON: Mapping[str, tuple[str, ErrorKind, int]] = {
    errors.CredentialRejected.__name__: (
        "the upstreams accept none of the gateway's credentials; the operator must mend them",
        ErrorKind.UPSTREAM,
        502,
    ),
    errors.ModelUnavailable.__name__: (
        "no upstream has this model for the gateway's credentials",
        ErrorKind.MODEL_NOT_FOUND,
        404,
    ),
    errors.QuotaExhausted.__name__: (
        "no account that serves this model has quota left",
        ErrorKind.BILLING,
        429,
    ),
    errors.RateLimited.__name__: (
        "every account that serves this model is rate-limited",
        ErrorKind.RATE_LIMIT,
        429,
    ),
}
"""What the client is told where all rest for one reason, as it was when they failed."""

_INCURABLE = frozenset(_ONE_REASON) - {errors.RateLimited.__name__}
"""Why some rest whom no client's waiting cures."""


@dataclass(slots=True, frozen=True)
class Refusal:
    """All that could serve rest for these `reasons` (names of errors), the first of them until `opens_at`.

    It holds `until` someone is to be asked all the same.
    """

    until: float
    opens_at: float
    reasons: frozenset[str]

    def error(self, now: float) -> errors.NoDeploymentLeft:
        """What the client is told."""
        reason = next(iter(self.reasons)) if len(self.reasons) == 1 else ""
        what, kind, status = _ONE_REASON.get(reason, _SEVERAL)
        error = errors.NoDeploymentLeft(what)
        error.kind, error.status = kind, status
        if reason in _INCURABLE:
            error.should_retry = False
        else:
            error.retry_after_s = self.opens_at - now if isfinite(self.opens_at) else _LOOK_AGAIN_S
        return error


@dataclass(slots=True)
class Refusals:
    """The refusals in force, by the way that requests would have taken."""

    _by_way: dict[tuple[Hop, ...], Refusal] = field(default_factory=dict)

    def on(self, hops: Sequence[Hop], now: float) -> Refusal | None:
        """The one in force for `hops`."""
        refusal = self._by_way.get(tuple(hops)) if self._by_way else None
        return None if refusal is None or refusal.until <= now else refusal

    def add(self, hops: Sequence[Hop], refusal: Refusal) -> None:
        """Refuse `hops`; the names in them may come from clients, so that not all are remembered."""
        if len(self._by_way) >= _REMEMBERED:
            self._by_way.clear()
        self._by_way[tuple(hops)] = refusal

    def clear(self) -> None:
        """Somebody has woken: look again."""
        self._by_way.clear()


def spent(wait_s: float) -> errors.NoDeploymentLeft:
    """All accounts are at their limits for a while."""
    error = errors.NoDeploymentLeft("every account that serves this model has used what it may for now")
    error.kind, error.status, error.retry_after_s = ErrorKind.RATE_LIMIT, 429, wait_s
    return error
