"""A request for a reply: route it, try, and fall back while nothing has been said."""

import asyncio
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.pool.deployment import Deployment
from gateway.pool.policy import Verdict, consequence
from gateway.pool.pool import Pools
from gateway.protocols.target import Target
from gateway.providers.capabilities import CapabilityTable
from gateway.relay.attempt import Attempt
from gateway.relay.exchange import Exchange
from gateway.relay.failures import summary
from gateway.relay.route import Router
from gateway.relay.sink import Said

MAX_ATTEMPTS = 3

_ENDLESS = 2**63

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Generator:
    """Answers requests for replies."""

    pools: Pools
    router: Router
    capabilities: CapabilityTable
    total_timeout_s: float

    async def generate(self, exchange: Exchange) -> None:
        """Answer `exchange`.

        Raises:
            GatewayError: the client is to be told this; the sink knows what it has been told already.
        """
        hops = self.router.route(exchange.asked.model, exchange.pool)
        until = asyncio.get_running_loop().time() + self.total_timeout_s
        failed = exchange.record.failed
        unsayable: errors.Unsayable | None = None
        too_small = 0
        for deployment, model in self.pools.attempts(hops):
            target = self._target(deployment, model)
            if (target.capabilities.context or 0) <= too_small and too_small:
                continue
            try:
                with self.pools.lease(deployment, model):
                    await Attempt(exchange, deployment, target).run(until)
            except errors.Unsayable as error:
                unsayable = error
            except errors.GatewayError as error:
                failed.append(errors.FailedAttempt(deployment.id, error))
                _note(exchange, deployment, error)
                # A conversation that is too long here may fit a model with a larger window, and no other.
                if isinstance(error, errors.ContextTooLong):
                    too_small = target.capabilities.context or _ENDLESS
                if _is_last(exchange, error):
                    break
            else:
                return
        # A stream that broke is told of its own end only.
        raise summary(failed[-1:] if exchange.sink.said is Said.CONTENT else failed, unsayable)

    def _target(self, deployment: Deployment, model: str) -> Target:
        provider = deployment.provider
        can = self.capabilities.of(provider.codec.name, model, provider.capabilities, deployment.capabilities)
        return Target(model, can)


def _is_last(exchange: Exchange, error: errors.GatewayError) -> bool:
    return (
        exchange.sink.said >= Said.CONTENT
        or len(exchange.record.failed) >= MAX_ATTEMPTS
        or consequence(error).verdict is Verdict.GIVE_UP
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
