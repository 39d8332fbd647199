"""How deployments stand, for people: what is configured, how they have been doing, and what keeps requests
away.

Nothing here changes anything, and nothing shows a secret. Times are given twice: as a date, and in seconds
from now; neither where nobody knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from urllib.parse import urlsplit

from gateway.canonical.json import JsonObject, JsonValue
from gateway.pool.breaker import Breaker
from gateway.pool.deployment import Deployment
from gateway.pool.health import Health
from gateway.pool.pools import Pools
from gateway.timing import Clock


@dataclass(slots=True, frozen=True)
class Moment:
    """One moment of the pools' clock, and what the time of day is then, in seconds since 1970."""

    now: float
    wall: float

    def told(self, moment: float) -> JsonObject:
        """`moment`, of the pools' clock; an infinite one is not known."""
        if moment in (inf, -inf):
            return {"until": None, "seconds": None}
        return {"until": self.date(moment), "seconds": round(moment - self.now, 3)}

    def date(self, moment: float) -> str:
        """`moment`, of the pools' clock, as a date (ISO 8601)."""
        return datetime.fromtimestamp(self.wall + moment - self.now, UTC).isoformat(timespec="seconds")


@dataclass(slots=True, frozen=True)
class Reporter:
    """Tells of the deployments of `pools`, whose clock is `clock`. `wall` is the time of day in seconds since
    1970.
    """

    pools: Pools
    clock: Clock
    wall: Clock

    def moment(self) -> Moment:
        """This one."""
        return Moment(self.clock(), self.wall())

    def deployment(self, deployment: Deployment) -> JsonObject:
        """All of one deployment."""
        at, health, pool = self.moment(), self.pools.health(deployment), self.pools[deployment.pool]
        return {
            "id": deployment.id,
            "entry": deployment.entry or deployment.id,
            "pool": deployment.pool,
            "provider": deployment.provider.name,
            "host": urlsplit(deployment.base_url).netloc,
            "key": deployment.credential.hint or None,
            "account": deployment.account or deployment.id,
            "models": [*deployment.models, *pool.fetched(deployment)] or [*deployment.provider.claims],
            "exclude": [*deployment.exclude],
            "upstream_model": deployment.upstream,
            "enabled": pool.is_on(deployment),
            **_doing(health, at),
            "rests": [*_rests(health, at)],
            "in_flight": health.in_flight,
            "most_in_flight": deployment.most_at_once,
            "limits": [limit.told(at.now) for limit in deployment.limits if limit is not deployment.purse],
            "balance": None if deployment.purse is None else deployment.purse.told(at.now),
            "warm": None if deployment.warmth is None else deployment.warmth.is_warm(at.now),
            "weight": deployment.weight,
            "priority": deployment.priority,
            "price": deployment.price,
        }

    def obstacles(self, deployment: Deployment, model: str) -> Iterator[JsonObject]:
        """Whatever keeps requests for `model` from `deployment` at this moment."""
        at, account = self.moment(), self.pools.health(deployment).account
        if not self.pools[deployment.pool].is_on(deployment):
            yield {"by": "switch", "why": "it is switched off", **at.told(inf)}
        for breaker in account.watching(model):
            if (opens := breaker.opens_at(at.now)) > at.now:
                whom = "the key" if breaker is account.whole else "this model of the key"
                yield {"by": "rest", "why": _why(breaker, at, whom), **at.told(opens)}
        for limit in deployment.limits:
            if (opens := limit.opens_at(at.now, model)) > at.now:
                told = limit.told(at.now)
                yield {"by": "limit", "why": f"{told['limit']}: nothing left", **at.told(opens), **told}


def _doing(health: Health, at: Moment) -> JsonObject:
    heard_at = health.heard_at
    return {
        "state": health.state(at.now).value,
        "score": health.score(at.now),
        "failures": health.failures,
        "last_error": health.last_error or health.account.whole.last_error or None,
        "heard": None if heard_at is None else at.date(heard_at),
    }


def _rests(health: Health, at: Moment) -> Iterator[JsonValue]:
    """The whole account's, then those of single models."""
    breakers: list[tuple[str | None, Breaker]] = [
        (None, health.account.whole),
        *health.account.models.items(),
    ]
    for model, breaker in breakers:
        if breaker.until > at.now:
            yield {"model": model, "why": breaker.last_error, **at.told(breaker.until)}


def _why(breaker: Breaker, at: Moment, whom: str) -> str:
    """Why it takes no request now."""
    if breaker.until > at.now:
        until = " until it is reset, or a probe succeeds" if breaker.until == inf else ""
        return f"{whom} rests after {breaker.last_error or 'failures'}{until}"
    if breaker.rests:
        return f"{whom} rested after {breaker.last_error or 'failures'}; a request shows whether that is over"
    return f"{whom} has just rested; it takes {breaker.at_once(at.now):g} requests at once"
