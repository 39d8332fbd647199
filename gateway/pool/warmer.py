"""Warms accounts that refuse for a while after a change of keys: by its own questions, in time for users."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from math import inf

import structlog

from gateway import errors
from gateway.pool.asking import each
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.pool.probe import probe
from gateway.pool.warmth import Warmth
from gateway.timing import Clock

LOOK_EVERY_S = 5.0
"""How often it is looked who has gone cold, and who is to be asked."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Warmer:
    """Once one of a pool rests, or has little money left, and none of the others is ready for more, asks the
    next in the order of the configuration until it answers; also where all that are ready cost more than it
    does. One at a time: to ask is a change of keys, too.

    `pause` waits, given seconds.
    """

    pools: Pools
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await each(self.warm, self.due())
            await self.pause(LOOK_EVERY_S)

    def due(self) -> list[Deployment]:
        """Those to be asked now, at most one of each pool; who has gone cold is kept back."""
        now = self.clock()
        following = (self._next(pool, now) for pool in self.pools)
        return [member for member in following if member is not None and _warmth(member).is_due(now)]

    async def warm(self, deployment: Deployment) -> None:
        """Ask `deployment`, which must have a warmth, for a word: a list of models would not do."""
        warmth, now = _warmth(deployment), self.clock()
        if warmth.asked_since is None:
            log.info("warming", deployment=deployment.id, pool=deployment.pool)
        warmth.ask(now)
        model = deployment.check_model or deployment.upstream or deployment.provider.small_model
        try:
            await probe(replace(deployment, check_model=model))
        except errors.UpstreamError as error:
            log.debug("still_cold", deployment=deployment.id, kind=type(error).__name__)
            self.pools.probed(deployment, error)
        else:
            log.info("warm", deployment=deployment.id, pool=deployment.pool)
            self.pools.wake(deployment, (model,))
            self.pools.warm(deployment)

    def _next(self, pool: Pool, now: float) -> Deployment | None:
        """Who is to be warmed; None: nobody has to."""
        members = [member for member in pool.members if member.warmth is not None]
        for member in members:
            if _warmth(member).is_warm(now) is pool.is_kept_back(member):
                pool.keep_back(member, back=not pool.is_kept_back(member))
        ready = [member for member in members if not self._is_troubled(member, now)]
        warm = [member for member in ready if _warmth(member).is_warm(now)]
        if len(ready) == len(members) and not warm:
            return None
        enough = min((member.price for member in warm), default=inf)
        cold = [member for member in members if not _warmth(member).is_warm(now)]
        usable = [member for member in cold if member.price < enough and not self._is_closed(member, now)]
        hopeful = [member for member in usable if not _warmth(member).is_hopeless(now)]
        if usable and not hopeful:
            log.warning("warming_begins_anew", pool=pool.name, deployments=len(usable))
            for member in usable:
                _warmth(member).hope()
        return next(iter(hopeful or usable), None)

    def _is_troubled(self, member: Deployment, now: float) -> bool:
        """Whether somebody should be ready to take its place."""
        models = self.pools.health(member).account.models.values()
        return self._is_closed(member, now) or any(model.until > now for model in models)

    def _is_closed(self, member: Deployment, now: float) -> bool:
        """Whether it could not take anybody's place for long."""
        if member.purse is not None and (member.purse.is_low or member.purse.is_spent):
            return True
        is_on = self.pools[member.pool].is_on(member)
        return not is_on or self.pools.health(member).account.whole.until > now


def _warmth(deployment: Deployment) -> Warmth:
    assert deployment.warmth is not None, "only those are asked that refuse when they are cold"
    return deployment.warmth
