"""How many tokens a request would read: the upstream's own counter where it has one, else our estimate."""

import asyncio
from dataclasses import dataclass, field

from gateway import errors
from gateway.canonical.tokens import estimate
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.protocols.codec import Asked, Call, Codec, HttpAnswer, Losses, Operation
from gateway.protocols.target import Target
from gateway.relay.attempt import read_whole
from gateway.relay.route import Router
from gateway.timing import Clock
from gateway.wire.http import HttpRequest

_ABSENT = frozenset({404, 405, 501})
_ABSENT_FOR_S = 3600.0
_PATIENCE_S = 10.0


@dataclass(slots=True)
class TokenCounter:
    """Counts; remembers for an hour which deployments have no counter."""

    pools: Pools
    router: Router
    clock: Clock
    _absent_until: dict[str, float] = field(default_factory=dict)

    async def count(self, codec: Codec, call: Call, asked: Asked, pool: str | None = None) -> HttpAnswer:
        """The input tokens of `call`, in the client's protocol; a header says who counted.

        Raises:
            InvalidRequest: a field is malformed.
            ModelNotFound: nobody serves the model.
            NotFound: there is no such `pool`.
        """
        for deployment, model in self.pools.attempts(self.router.route(asked.model, pool)):
            if self._has_counter(deployment, codec):
                count = await self._ask(deployment, call, Target(model))
                if count is not None:
                    return _answer(codec, count, "upstream")
            break
        return _answer(codec, estimate(codec.decode_request(call)), "estimated")

    def _has_counter(self, deployment: Deployment, codec: Codec) -> bool:
        return (
            deployment.provider.codec is codec
            and Operation.COUNT_TOKENS in deployment.provider.paths
            and self._absent_until.get(deployment.id, 0.0) <= self.clock()
        )

    async def _ask(self, deployment: Deployment, call: Call, target: Target) -> int | None:
        """What the upstream counts; None if it does not, for whatever reason: an estimate is better than an
        error.

        Raises:
            RequestRefused: the upstream says that the request is wrong.
        """
        provider = deployment.provider
        url = provider.url(Operation.COUNT_TOKENS, deployment.base_url, target.model)
        assert url is not None, "whoever asks has checked that there is a counter"
        body, _ = provider.codec.redirect(call, target, Losses())
        said = {name: call.headers[name] for name in provider.forward if name in call.headers}
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            **provider.headers,
            **said,
        }
        request = deployment.credential.sign(HttpRequest("POST", url, headers, body))
        try:
            async with asyncio.timeout(_PATIENCE_S), deployment.transport.send(request) as reply:
                answer = await read_whole(reply)
                if reply.status == 200:
                    return provider.codec.decode_count(answer)
                if reply.status in _ABSENT:
                    self._absent_until[deployment.id] = self.clock() + _ABSENT_FOR_S
                    return None
                error = provider.codec.decode_error(reply.status, reply.headers, answer)
        except (errors.UpstreamError, TimeoutError):
            return None
        if isinstance(error, errors.RequestRefused):
            error.verbatim = True
            raise error
        return None


def _answer(codec: Codec, count: int, source: str) -> HttpAnswer:
    return HttpAnswer(200, codec.encode_count(count), {"x-gateway-token-count": source})
