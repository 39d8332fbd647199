"""What follows from a failure: where to try next, and how long the deployment rests."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from gateway import errors


class Verdict(Enum):
    """Where to go on after a failed attempt."""

    NEXT_DEPLOYMENT = "next deployment"
    NEXT_POOL = "next pool"
    GIVE_UP = "give up"


@dataclass(slots=True, frozen=True)
class Consequence:
    """The verdict, and how many seconds the deployment rests (infinite: until restart)."""

    verdict: Verdict
    rest_s: float = 0.0


_FAILURE_REST_S = 30.0
_RATE_LIMIT_REST_S = 5.0
LONGEST_RATE_LIMIT_REST_S = 3600.0
"""Then it is worth a look, whatever an upstream says."""

_TABLE: Mapping[type[errors.GatewayError], Consequence] = {
    # The request's own faults punish nobody and would fail everywhere alike.
    errors.RequestError: Consequence(Verdict.GIVE_UP),
    errors.RequestRefused: Consequence(Verdict.GIVE_UP),
    errors.ContextTooLong: Consequence(Verdict.NEXT_POOL),
    errors.ContentRefused: Consequence(Verdict.GIVE_UP),
    errors.Unsayable: Consequence(Verdict.NEXT_DEPLOYMENT),
    errors.RateLimited: Consequence(Verdict.NEXT_DEPLOYMENT, _RATE_LIMIT_REST_S),
    errors.CredentialRejected: Consequence(Verdict.NEXT_DEPLOYMENT, inf),
    errors.UpstreamError: Consequence(Verdict.NEXT_DEPLOYMENT, _FAILURE_REST_S),
    errors.GatewayError: Consequence(Verdict.GIVE_UP),
}


def consequence(error: errors.GatewayError) -> Consequence:
    """What follows from `error`: the row of its nearest class; an upstream's own Retry-After overrides the
    rest.
    """
    row = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
    if isinstance(error, errors.RateLimited) and error.retry_after_s is not None:
        return Consequence(row.verdict, min(error.retry_after_s, LONGEST_RATE_LIMIT_REST_S))
    return row
