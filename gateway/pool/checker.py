"""The periodic health check: asks each deployment for the cheapest sign of life and wakes those that give
it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway import errors
from gateway.canonical.content import Message, Text
from gateway.canonical.request import Request
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.protocols.codec import Losses, Operation
from gateway.protocols.target import Target
from gateway.wire import fast_json
from gateway.wire.http import HttpReply, HttpRequest

PATIENCE_S = 15.0
"""How long a probe may take."""

_MOST_BYTES = 1024 * 1024
_JITTER = 0.1

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class HealthChecker:
    """Checks every deployment that wants it once an `interval_s`, a tenth more or less.

    A deployment that answers is woken, whatever its rest was for; one that fails `max_errors` checks in a row
    rests until it answers one. `pause` waits, given seconds.
    """

    pools: Pools
    interval_s: float
    max_errors: int
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _failures: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Check for ever; the first time after a whole interval, so that a start costs nothing."""
        while True:
            await self.pause(self.interval_s * random.uniform(1 - _JITTER, 1 + _JITTER))
            members = [member for pool in self.pools for member in pool.members if member.check_health]
            for deployment in members:
                await self.check(deployment)

    async def check(self, deployment: Deployment) -> None:
        """Probe one deployment and tell the pool what came of it."""
        try:
            await probe(deployment)
        except errors.UpstreamError as error:
            failures = self._failures[deployment.id] = self._failures.get(deployment.id, 0) + 1
            log.warning("health_check_failed", deployment=deployment.id, kind=type(error).__name__)
            if failures >= self.max_errors:
                self.pools.rest(deployment, error, self.interval_s * (1 + _JITTER))
        else:
            self._failures.pop(deployment.id, None)
            self.pools.wake(deployment)


async def probe(deployment: Deployment) -> None:
    """Ask `deployment` for a sign of life.

    Raises:
        UpstreamError: it gave none, for the reason that the error says.
    """
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            deployment.transport.send(deployment.credential.sign(probe_request(deployment))) as reply,
        ):
            body = await _read(reply)
    except TimeoutError as error:
        raise errors.UpstreamTimeout(f"the probe had no answer in {PATIENCE_S:g} s") from error
    if reply.status != 200:
        raise deployment.provider.codec.decode_error(reply.status, reply.headers, body)
    try:
        fast_json.loads(body)
    except fast_json.JsonError as error:
        raise errors.BadUpstreamReply("the probe was not answered in JSON") from error


async def _read(reply: HttpReply) -> bytes:
    body = bytearray()
    async for chunk in reply.chunks:
        body += chunk
        if len(body) > _MOST_BYTES:
            raise errors.BadUpstreamReply("the answer to the probe does not end")
    return bytes(body)


def probe_request(deployment: Deployment) -> HttpRequest:
    """The cheapest request that shows it lives: its model list, or one token of `check_model` where that
    is set.
    """
    provider, model = deployment.provider, deployment.check_model
    headers = {"accept": "application/json", **provider.headers}
    listing = provider.url(Operation.LIST_MODELS, deployment.base_url, "")
    if model is None and listing is not None:
        return HttpRequest("GET", listing, headers)
    model = model or provider.small_model
    hello = Request(model, [Message("user", [Text("hi")])], max_tokens=1)
    sent = provider.codec.encode_request(hello, Target(model), Losses())
    url = provider.url(Operation.GENERATE, deployment.base_url, model)
    assert url is not None, "every provider generates"
    said = {**headers, **sent.headers, "content-type": "application/json"}
    return HttpRequest("POST", url, said, fast_json.dumps(sent.body))
