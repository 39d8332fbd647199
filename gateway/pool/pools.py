"""Which deployment next: all pools, the way down them, and the leases that count and judge."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

import structlog

from gateway import errors
from gateway.pool.deployment import Deployment, Health
from gateway.pool.limits import opens_at
from gateway.pool.policy import consequence
from gateway.pool.pool import Hop, Pool
from gateway.pool.queue import Queue
from gateway.timing import Clock

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Lease:
    """A request at a deployment. `answered_s`: after how many seconds its answer began; None: at the end.
    `tokens`: what it came to, read and written.
    """

    answered_s: float | None = None
    tokens: int = 0


class Pools:
    """All pools. State changes only between awaits, so nothing here locks."""

    def __init__(self, pools: Iterable[Pool], clock: Clock, queue: Queue | None = None) -> None:
        self._pools: Mapping[str, Pool] = {pool.name: pool for pool in pools}
        self._clock = clock
        self._queue = queue or Queue()

    def __getitem__(self, name: str) -> Pool:
        return self._pools[name]

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    def attempts(self, hops: Sequence[Hop]) -> Iterator[tuple[Deployment, str]]:
        """The deployments to try and the model's name there, lazily and in order, down each pool, then the
        next.

        One at its limits is passed over. So is one that rests, unless nothing else could serve the request:
        then the one whose rest ends first is tried all the same.
        """
        tried: set[tuple[Deployment, str]] = set()
        for hop in hops:
            yield from self._down(hop, tried)
        if not tried:
            now = self._clock()
            open_ones = [each for each in self._candidates(hops) if self._allowed_at(*each, now) <= now]
            if open_ones:
                yield min(open_ones, key=lambda candidate: self._resting_until(*candidate))

    def allows(self, deployment: Deployment, model: str) -> bool:
        """Whether `deployment` is below its limits."""
        now = self._clock()
        return self._allowed_at(deployment, model, now) <= now

    async def opening(self, hops: Sequence[Hop]) -> bool:
        """Wait until one of those that may serve `hops` is below its limits; False if nobody may serve them.

        Raises:
            NoDeploymentLeft: all of them have used up what they may, until its `retry_after_s`.
            Unavailable: too many wait already, or have waited in vain.
        """
        candidates = list(self._candidates(hops))
        began = now = self._clock()
        while candidates and (opens := min(self._allowed_at(*each, now) for each in candidates)) > now:
            left_s = began + self._queue.patience_s - now
            if now + left_s < opens < inf:
                raise _spent(opens - now)
            await self._queue.wait(opens - now, left_s)
            now = self._clock()
        return bool(candidates)

    def _down(self, hop: Hop, tried: set[tuple[Deployment, str]]) -> Iterator[tuple[Deployment, str]]:
        pool, model = self._pools[hop.pool], hop.model

        def wanted(member: Deployment) -> bool:
            now = self._clock()
            return (
                (member, model) not in tried
                and self._resting_until(member, model) <= now
                and self._allowed_at(member, model, now) <= now
            )

        while (member := pool.first(hop, self._clock(), wanted)) is not None:
            tried.add((member, model))
            yield member, model

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._pools[deployment.pool].health(deployment)

    @contextmanager
    def lease(self, deployment: Deployment, model: str) -> Iterator[Lease]:
        """Count the deployment in and out, and judge it by how the block ends.

        A client that leaves (cancellation) and faults of the request itself punish nobody; a rate limit is
        `model`'s alone.
        """
        pool, health, lease = self._pools[deployment.pool], self.health(deployment), Lease()
        began, seconds = self._clock(), None
        for limit in deployment.limits:
            limit.start(began, model)
        pool.start(deployment)
        try:
            yield lease
        except errors.RateLimited as error:
            self._limit(deployment, model, consequence(error).rest_s)
            raise
        except errors.GatewayError as error:
            rest_s = consequence(error).rest_s
            if rest_s > 0:
                self.rest(deployment, error, rest_s)
            raise
        else:
            seconds = self._clock() - began if lease.answered_s is None else lease.answered_s
            health.limited.pop(model, None)
            self.wake(deployment)
        finally:
            for limit in deployment.limits:
                limit.end(self._clock(), model, lease.tokens)
            pool.end(deployment, seconds)
            self._queue.call()

    def wake(self, deployment: Deployment) -> None:
        """`deployment` has answered: it may be used again."""
        health = self.health(deployment)
        if not health.failures:
            return
        log.info("woke", deployment=deployment.id, pool=deployment.pool)
        health.failures, health.resting_until, health.last_error = 0, 0.0, ""
        self._pools[deployment.pool].join(deployment, self._clock())

    def rest(self, deployment: Deployment, error: errors.GatewayError, rest_s: float) -> None:
        """Leave `deployment` alone for `rest_s` seconds, because of `error`."""
        health = self.health(deployment)
        health.failures += 1
        health.last_error = type(error).__name__
        health.resting_until = max(health.resting_until, self._clock() + rest_s)
        self._pools[deployment.pool].leave(deployment)
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

    def _resting_until(self, deployment: Deployment, model: str) -> float:
        health = self.health(deployment)
        return max(health.resting_until, health.limited.get(model, 0.0))

    def _candidates(self, hops: Sequence[Hop]) -> Iterator[tuple[Deployment, str]]:
        return ((member, hop.model) for hop in hops for member in self[hop.pool].candidates(hop))

    def _allowed_at(self, deployment: Deployment, model: str, now: float) -> float:
        return opens_at(deployment.limits, now, model) if deployment.limits else now


def _spent(wait_s: float) -> errors.NoDeploymentLeft:
    error = errors.NoDeploymentLeft("every account that serves this model has used what it may for now")
    error.kind, error.status, error.retry_after_s = errors.ErrorKind.RATE_LIMIT, 429, wait_s
    return error
