"""A request for a reply: route it, try, and fall back while nothing has been said."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from gateway import errors
from gateway.pool.deployment import Deployment
from gateway.pool.policy import Verdict, consequence
from gateway.pool.pool import Hop
from gateway.pool.pools import Pools
from gateway.protocols.target import Target
from gateway.providers.capabilities import CapabilityTable
from gateway.relay.attempt import Attempt
from gateway.relay.exchange import Exchange
from gateway.relay.failures import summary
from gateway.relay.memory import Memory
from gateway.relay.retries import RetryBudget, jitter, soonest
from gateway.relay.route import Router
from gateway.relay.sink import Said

MAX_ATTEMPTS = 3

_ENDLESS = 2**63
_REMEMBERED = 1000
"""Targets that are remembered at most: model names may come from clients."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Generator:
    """Answers requests for replies."""

    pools: Pools
    router: Router
    capabilities: CapabilityTable
    total_timeout_s: float
    memory: Memory
    retries: RetryBudget = field(default_factory=RetryBudget)
    _targets: dict[tuple[Deployment, str], Target] = field(default_factory=dict)

    async def generate(self, exchange: Exchange) -> None:
        """Answer `exchange`.

        Raises:
            GatewayError: the client is to be told this; the sink knows what it has been told already.
        """
        hops = self.router.route(exchange.asked.model, exchange.pool)
        course = _Course(exchange, asyncio.get_running_loop().time() + self.total_timeout_s)
        exchange.promise()
        self.retries.earn()
        if await self._served(course, hops):
            return
        failed = exchange.record.failed
        again = (
            None
            if course.is_over
            else soonest([failure.error for failure in failed], course.left_s, jitter())
        )
        if again is not None and self.retries.spend():
            await asyncio.sleep(again.wait_s)
            once_more = course.failed_at[again.place]
            if self.pools.allows(*once_more) and await self._answered(course, *once_more):
                return
        # A stream that broke is told of its own end only.
        raise summary(failed[-1:] if exchange.sink.said is Said.CONTENT else failed, course.unsayable)

    async def _served(self, course: "_Course", hops: Sequence[Hop]) -> bool:
        """Try one after the other until one answers or nothing is to be tried any more."""
        while True:
            found = False
            for deployment, model in self.pools.attempts(hops):
                found = True
                if await self._answered(course, deployment, model):
                    return True
                if course.is_over:
                    break
            if found or not await self.pools.opening(hops):
                return False

    async def _answered(self, course: "_Course", deployment: Deployment, model: str) -> bool:
        """Try the request at `deployment`; what came of it if it failed is noted in `course`."""
        exchange, target = course.exchange, self._target(deployment, model)
        if (target.capabilities.context or 0) <= course.too_small and course.too_small:
            return False
        try:
            with self.pools.lease(deployment, model) as lease:
                try:
                    await Attempt(exchange, deployment, target, self.memory).run(course.until)
                finally:
                    lease.answered_s = exchange.record.first_content_s
                    lease.tokens = exchange.record.tokens
        except errors.Unsayable as error:
            course.unsayable = error
            return False
        except errors.GatewayError as error:
            course.failed_at.append((deployment, model))
            exchange.record.failed.append(errors.FailedAttempt(deployment.id, error))
            _note(exchange, deployment, error)
            # A conversation that is too long here may fit a model with a larger window, and no other.
            if isinstance(error, errors.ContextTooLong):
                course.too_small = target.capabilities.context or _ENDLESS
            return False
        return True

    def _target(self, deployment: Deployment, model: str) -> Target:
        known = self._targets.get((deployment, model))
        if known is not None:
            return known
        provider = deployment.provider
        can = self.capabilities.of(provider.codec.name, model, provider.capabilities, deployment.capabilities)
        target = Target(model, can)
        if len(self._targets) < _REMEMBERED:
            self._targets[deployment, model] = target
        return target


@dataclass(slots=True)
class _Course:
    """One request's way: until when it may go on, where it failed, and what follows for the next try."""

    exchange: Exchange
    until: float
    failed_at: list[tuple[Deployment, str]] = field(default_factory=list)
    unsayable: errors.Unsayable | None = None
    too_small: int = 0

    @property
    def left_s(self) -> float:
        """How long it may still take."""
        return self.until - asyncio.get_running_loop().time()

    @property
    def is_over(self) -> bool:
        """Whether nothing may be tried any more."""
        failed = self.exchange.record.failed
        return bool(failed) and (
            self.exchange.sink.said >= Said.CONTENT
            or len(failed) >= MAX_ATTEMPTS
            or consequence(failed[-1].error).verdict is Verdict.GIVE_UP
            or self.left_s <= 0
        )


def _note(exchange: Exchange, deployment: Deployment, error: errors.GatewayError) -> None:
    log.warning(
        "attempt_failed",
        deployment=deployment.id,
        pool=deployment.pool,
        kind=type(error).__name__,
        upstream_status=error.upstream_status if isinstance(error, errors.UpstreamError) else None,
        reason=error.message[:200],
        rest_s=consequence(error).rest_s,
        said=exchange.sink.said.name.lower(),
    )
