"""Which deployment next: the pools, their order, and the leases that count and judge."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from gateway import errors
from gateway.pool.deployment import Deployment, Health
from gateway.pool.policy import consequence
from gateway.timing import Clock


class Pool:
    """Deployments that stand in for each other, least recently used first."""

    def __init__(self, name: str, deployments: Iterable[Deployment], default_model: str) -> None:
        self.name = name
        self.default_model = default_model
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

    def attempts(self, names: Iterable[str], model: str | None) -> Iterator[Deployment]:
        """The deployments to try, lazily and in order, down each pool and then to the next one.

        With `model` only those that serve it; None: all of them. One that rests is passed over, unless
        nothing else could serve the request: then the one whose rest ends first is tried all the same.
        """
        tried: set[Deployment] = set()
        candidates = [member for name in names for member in self._candidates(name, model)]
        while ready := [member for member in candidates if member not in tried and self._ready(member)]:
            tried.add(ready[0])
            yield ready[0]
        if not tried and candidates:
            yield min(candidates, key=lambda member: self.health(member).resting_until)

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._pools[deployment.pool].health(deployment)

    @contextmanager
    def lease(self, deployment: Deployment) -> Iterator[None]:
        """Count the deployment in and out, and judge it by how the block ends.

        A client that leaves (cancellation) and faults of the request itself punish nobody.
        """
        health = self.health(deployment)
        health.in_flight += 1
        self._pools[deployment.pool].used(deployment)
        try:
            yield
        except errors.GatewayError as error:
            self._judge(health, error)
            raise
        else:
            health.failures, health.resting_until, health.last_error = 0, 0.0, ""
        finally:
            health.in_flight -= 1

    def _judge(self, health: Health, error: errors.GatewayError) -> None:
        rest_s = consequence(error).rest_s
        if rest_s > 0:
            health.failures += 1
            health.last_error = type(error).__name__
            health.resting_until = max(health.resting_until, self._clock() + rest_s)

    def _candidates(self, name: str, model: str | None) -> list[Deployment]:
        pool = self._pools[name]
        return list(pool.members) if model is None else pool.serving(model)

    def _ready(self, deployment: Deployment) -> bool:
        return self.health(deployment).resting_until <= self._clock()
