"""Everything is down and comes back, as clients of a running gateway see it."""

import asyncio

import aiohttp
import pytest

from tests.gateways import openai, running
from tests.upstreams import Play, completion, playing

ANSWER = Play([completion("back")], content_type="application/json")
DOWN = Play([b'{"error":{"message":"down"}}'], status=503, content_type="application/json")
CLIENTS, REQUESTS, LATE_S = 20, 40, 10.0
BODY = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.slow
async def test_an_outage_is_not_made_worse_and_its_end_is_noticed_within_seconds() -> None:
    async with playing(DOWN) as upstream, running(openai(*[upstream.url] * 3)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:

            async def ask() -> int:
                async with session.post("/v1/chat/completions", json=BODY) as reply:
                    await reply.read()
                    assert reply.status == 200 or int(reply.headers["retry-after"]) > 0
                    return reply.status

            async def client() -> None:
                assert {await ask() for _ in range(REQUESTS)} == {503}

            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(client())
            assert len(upstream.heard) <= 1.2 * CLIENTS * REQUESTS

            upstream.script[:] = [ANSWER]
            async with asyncio.timeout(LATE_S):
                while await ask() != 200:
                    pass
