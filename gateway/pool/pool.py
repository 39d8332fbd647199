"""Which deployment next: the pools, their order, and the leases that count and judge."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.pool.deployment import Deployment, Health
from gateway.pool.policy import consequence
from gateway.timing import Clock

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Hop:
    """A pool to try and what the model is called there. `claimed`: only by deployments that serve the
    name.
    """

    pool: str
    model: str
    claimed: bool = False


class Pool:
    """Deployments that stand in for each other, least recently used first.

    `default_model` stands in for names that the pool does not serve; `takes_unknown`: it may do so for any
    name.
    """

    def __init__(
        self,
        name: str,
        deployments: Iterable[Deployment],
        *,
        default_model: str,
        takes_unknown: bool = False,
    ) -> None:
        self.name = name
        self.default_model = default_model
        self.takes_unknown = takes_unknown
        self._ring: OrderedDict[Deployment, Health] = OrderedDict(
            (member, Health()) for member in deployments
        )

    @property
    def members(self) -> tuple[Deployment, ...]:
        """All deployments, in no promised order."""
        return tuple(self._ring)

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._ring[deployment]

    def used(self, deployment: Deployment) -> None:
        """Move `deployment` to the end of the line."""
        self._ring.move_to_end(deployment)

    def serving(self, model: str) -> list[Deployment]:
        """Those that serve `model`, least recently used first."""
        return [member for member in self._ring if member.serves(model)]


class Pools:
    """All pools. State changes only between awaits, so nothing here locks."""

    def __init__(self, pools: Iterable[Pool], clock: Clock) -> None:
        self._pools: Mapping[str, Pool] = {pool.name: pool for pool in pools}
        self._clock = clock

    def __getitem__(self, name: str) -> Pool:
        return self._pools[name]

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    def attempts(self, hops: Sequence[Hop]) -> Iterator[tuple[Deployment, str]]:
        """The deployments to try and the model's name there, lazily and in order, down each pool, then the
        next.

        One that rests is passed over, unless nothing else could serve the request: then the one whose rest
        ends first is tried all the same.
        """
        tried: set[tuple[Deployment, str]] = set()
        candidates = [(member, hop.model) for hop in hops for member in self._candidates(hop)]
        while ready := next((c for c in candidates if c not in tried and self._ready(*c)), None):
            tried.add(ready)
            yield ready
        if not tried and candidates:
            yield min(candidates, key=lambda candidate: self._resting_until(*candidate))

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._pools[deployment.pool].health(deployment)

    @contextmanager
    def lease(self, deployment: Deployment, model: str) -> Iterator[None]:
        """Count the deployment in and out, and judge it by how the block ends.

        A client that leaves (cancellation) and faults of the request itself punish nobody; a rate limit is
        `model`'s alone.
        """
        health = self.health(deployment)
        health.in_flight += 1
        self._pools[deployment.pool].used(deployment)
        try:
            yield
        except errors.RateLimited as error:
            self._limit(deployment, model, consequence(error).rest_s)
            raise
        except errors.GatewayError as error:
            rest_s = consequence(error).rest_s
            if rest_s > 0:
                self.rest(deployment, error, rest_s)
            raise
        else:
            health.limited.pop(model, None)
            self.wake(deployment)
        finally:
            health.in_flight -= 1

    def wake(self, deployment: Deployment) -> None:
        """`deployment` has answered: it may be used again."""
        health = self.health(deployment)
        if health.failures:
            log.info("woke", deployment=deployment.id, pool=deployment.pool)
        health.failures, health.resting_until, health.last_error = 0, 0.0, ""

    def rest(self, deployment: Deployment, error: errors.GatewayError, rest_s: float) -> None:
        """Leave `deployment` alone for `rest_s` seconds, because of `error`."""
        health = self.health(deployment)
        health.failures += 1
        health.last_error = type(error).__name__
        health.resting_until = max(health.resting_until, self._clock() + rest_s)
        log.warning(
            "rested", deployment=deployment.id, pool=deployment.pool, kind=health.last_error, rest_s=rest_s
        )

    def _limit(self, deployment: Deployment, model: str, rest_s: float) -> None:
        """Ask `deployment` nothing for `model` for `rest_s` seconds."""
        health, now = self.health(deployment), self._clock()
        # Model names may come from clients: what is over is forgotten.
        health.limited = {name: until for name, until in health.limited.items() if until > now}
        health.limited[model] = now + rest_s
        log.warning("limited", deployment=deployment.id, pool=deployment.pool, model=model, rest_s=rest_s)

    def _candidates(self, hop: Hop) -> Sequence[Deployment]:
        pool = self._pools[hop.pool]
        return pool.serving(hop.model) if hop.claimed else pool.members

    def _ready(self, deployment: Deployment, model: str) -> bool:
        return self._resting_until(deployment, model) <= self._clock()

    def _resting_until(self, deployment: Deployment, model: str) -> float:
        health = self.health(deployment)
        return max(health.resting_until, health.limited.get(model, 0.0))
