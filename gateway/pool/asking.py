"""Questions to an upstream that are nobody's request: small, with a deadline, answered in JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from gateway import errors
from gateway.canonical.json import JsonValue
from gateway.pool.deployment import Deployment
from gateway.wire import fast_json
from gateway.wire.http import HttpReply, HttpRequest

PATIENCE_S = 15.0
"""How long an answer may take."""

_MOST_BYTES = 1024 * 1024
_AT_ONCE = 8


async def ask(deployment: Deployment, request: HttpRequest) -> JsonValue:
    """What `deployment` answers to `request`, which is signed with its key.

    Raises:
        UpstreamError: it gave no such answer, for the reason that the error says.
    """
    try:
        answer: JsonValue = fast_json.loads(await asked(deployment, request))
    except fast_json.JsonError as error:
        raise errors.BadUpstreamReply("the answer is not JSON") from error
    return answer


async def asked(deployment: Deployment, request: HttpRequest) -> bytes:
    """The same answer as it came, whatever it is.

    Raises:
        UpstreamError: as above.
    """
    signed = deployment.credential.sign(request)
    try:
        async with asyncio.timeout(PATIENCE_S), deployment.transport.send(signed) as reply:
            body = await _read(reply)
    except TimeoutError as error:
        raise errors.UpstreamTimeout(f"there was no answer in {PATIENCE_S:g} s") from error
    if reply.status != 200:
        raise deployment.provider.codec.decode_error(reply.status, reply.headers, body)
    return body


async def each(ask_one: Callable[[Deployment], Awaitable[object]], deployments: Iterable[Deployment]) -> None:
    """Have all of `deployments` asked, a few at a time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(deployment: Deployment) -> None:
        async with turn:
            await ask_one(deployment)

    async with asyncio.TaskGroup() as group:
        for deployment in deployments:
            group.create_task(one(deployment))


async def _read(reply: HttpReply) -> bytes:
    body = bytearray()
    async for chunk in reply.chunks:
        body += chunk
        if len(body) > _MOST_BYTES:
            raise errors.BadUpstreamReply("the answer does not end")
    return bytes(body)
