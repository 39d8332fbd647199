"""Model lists, fetched from upstreams in the background and merged with what is configured."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.pool.asking import ask
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.protocols.codec import Operation
from gateway.wire.http import HttpRequest

_JITTER = 0.1
_AGAIN_S = 60.0
"""After a failure it is tried again so soon, or when it would have been anyway."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class ModelLister:
    """Asks every deployment that wants it for its models, at once and then over and over; while it does not
    answer its last list holds. `pause` waits, given seconds.
    """

    pools: Pools
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Ask for ever."""
        members = [member for pool in self.pools for member in pool.members]
        async with asyncio.TaskGroup() as group:
            for member in members:
                if member.fetch_models_s is not None:
                    group.create_task(self._keep(member, member.fetch_models_s))

    async def fetch(self, deployment: Deployment) -> bool:
        """Ask `deployment` once; False if it told no models, so that its last list holds."""
        provider = deployment.provider
        url = provider.url(Operation.LIST_MODELS, deployment.base_url, "")
        if url is None:
            return False
        headers = {"accept": "application/json", **provider.headers}
        try:
            answer = await ask(deployment, HttpRequest("GET", url + provider.codec.whole_list, headers))
        except errors.UpstreamError as error:
            log.warning("model_list_failed", deployment=deployment.id, kind=type(error).__name__)
            return False
        models = provider.codec.decode_models(answer)
        if models:
            self.pools.learn(deployment, models)
        return bool(models)

    async def _keep(self, deployment: Deployment, interval_s: float) -> None:
        while True:
            known = await self.fetch(deployment)
            wait_s = interval_s if known else min(interval_s, _AGAIN_S)
            await self.pause(wait_s * random.uniform(1 - _JITTER, 1 + _JITTER))
