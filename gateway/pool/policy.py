"""What follows from a failure: where to try next, and how long who rests."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from gateway import errors

LONGEST_ASKED_S = 3600.0
"""Then it is worth a look, whatever an upstream asks for."""


class Verdict(StrEnum):
    """Where to go on after a failed attempt."""

    NEXT_DEPLOYMENT = "next_deployment"
    NEXT_POOL = "next_pool"
    GIVE_UP = "give_up"


class Scope(StrEnum):
    """Who rests: the account with all of its models, or the one model of it."""

    CREDENTIAL = "credential"
    MODEL = "model"


class Until(StrEnum):
    """What ends a rest: time alone, or the end of the account's own period where that is known."""

    TIME = "time"
    PERIOD = "period"


@dataclass(slots=True, frozen=True, kw_only=True)
class Rest:
    """How long who rests.

    The first rest lasts `first_s` seconds (infinite: until it is reset, or a probe succeeds), each further
    one without a success between `factor` times as long, more or less by the share `jitter`, and at most
    `longest_s`. It begins after so many failures in a row (`after`), or when a `share` of at least `of`
    requests in `within_s` seconds failed. `obeys`: what the upstream asks for comes first, and at once.
    `counts`: it is a failure at all, and not a request to wait.
    """

    first_s: float
    scope: Scope = Scope.MODEL
    factor: float = 1.0
    longest_s: float = inf
    jitter: float = 0.0
    after: int = 1
    share: float | None = None
    of: int = 20
    within_s: float = 30.0
    obeys: bool = False
    counts: bool = True
    until: Until = Until.TIME


@dataclass(slots=True, frozen=True)
class Consequence:
    """The verdict, and who rests; None: nobody."""

    verdict: Verdict
    rest: Rest | None = None


KINDS: Mapping[str, type[errors.UpstreamError]] = {
    "bad_reply": errors.BadUpstreamReply,
    "billing": errors.QuotaExhausted,
    "credential": errors.CredentialRejected,
    "model": errors.ModelUnavailable,
    "network": errors.Unreachable,
    "overloaded": errors.Overloaded,
    "rate_limit": errors.RateLimited,
    "server_error": errors.UpstreamFailed,
    "timeout": errors.UpstreamTimeout,
}
"""What the rows of a failure policy are called, and what they are about."""

_NOBODYS: Mapping[type[errors.GatewayError], Consequence] = {
    # The request's own faults punish nobody and would fail everywhere alike,
    errors.RequestError: Consequence(Verdict.GIVE_UP),
    errors.RequestRefused: Consequence(Verdict.GIVE_UP),
    errors.GatewayError: Consequence(Verdict.GIVE_UP),
    # but where a window is larger, or a protocol has a word for it.
    errors.ContextTooLong: Consequence(Verdict.NEXT_DEPLOYMENT),
    errors.Unsayable: Consequence(Verdict.NEXT_DEPLOYMENT),
}


class Policy:
    """A table from kinds of failures to their consequences. `rows` go by the names of `KINDS`, all of them;
    what an upstream does that has no row of its own counts as its `server_error`.
    """

    def __init__(self, rows: Mapping[str, Consequence]) -> None:
        self.rows = rows
        judged: Mapping[type[errors.GatewayError], Consequence] = {
            kind: rows[name] for name, kind in KINDS.items()
        }
        table: dict[type[errors.GatewayError], Consequence] = {errors.UpstreamError: rows["server_error"]}
        self._table = {**table, **judged, **_NOBODYS}

    def consequence(self, error: errors.GatewayError) -> Consequence:
        """What follows from `error`: the row of its nearest class."""
        return next(self._table[kind] for kind in type(error).__mro__ if kind in self._table)
