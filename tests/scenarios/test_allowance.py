"""What an upstream says of its limits is kept to: nobody runs into a refusal that was announced."""

import aiohttp

from tests.gateways import configured, pool, running
from tests.upstreams import Play, completion, playing

SAID = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LAST = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "600s"}


async def ask(session: aiohttp.ClientSession, gateway: str) -> int:
    async with session.post(f"{gateway}/v1/chat/completions", json=SAID) as reply:
        await reply.read()
        return reply.status


async def test_a_key_whose_upstream_has_counted_it_out_is_not_asked_again() -> None:
    last = Play([completion("a")], content_type="application/json", headers=LAST)
    other = Play([completion("b")], content_type="application/json")
    async with playing(last) as spent, playing(other) as free, aiohttp.ClientSession() as session:
        urls = f"{spent.url}/v1", f"{free.url}/v1"
        async with running(configured(pool("p", "openai-custom", *urls))) as gateway:
            assert [await ask(session, gateway) for _ in range(6)] == [200] * 6
    assert (len(spent.heard), len(free.heard)) == (1, 5)
