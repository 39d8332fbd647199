"""Clients that leave, against the real process: aiohttp's test server would hide what production does."""

import asyncio

import orjson
import pytest

from tests.gateways import process
from tests.upstreams import FakeUpstream, Play, Silence, chunk, playing, sse

pytestmark = pytest.mark.slow

HERE = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)
LEAVERS = 10
LIMIT_S = 2.0


async def connect(gateway: str, *, stream: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has sent its request."""
    host, _, port = gateway.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps(
        {"model": "gpt-test", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    )
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return reader, writer


async def until_called(upstream: FakeUpstream, times: int) -> None:
    async with asyncio.timeout(10):
        while upstream.active < times:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("play", "stream", "reads"),
    [
        pytest.param(Play([Silence()], status=201), True, False, id="before headers"),
        pytest.param(Play([HERE, Silence()]), True, True, id="mid-stream"),
        pytest.param(Play([Silence()]), True, False, id="in silence"),
        pytest.param(Play([Silence()], content_type="application/json"), False, False, id="not streaming"),
    ],
)
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_a_client_that_leaves_cancels_its_upstream_call(
    play: Play, stream: bool, reads: bool, reset: bool
) -> None:
    async with playing(play) as upstream, process(OPENAI_BASE_URL=upstream.url + "/v1") as gateway:
        clients = [await connect(gateway, stream=stream) for _ in range(LEAVERS)]
        await until_called(upstream, LEAVERS)
        for reader, writer in clients:
            if reads:
                await reader.readuntil(b"Hello")
            if reset:
                writer.transport.abort()
            else:
                writer.close()

        async with asyncio.timeout(LIMIT_S):
            await upstream.idle.wait()

        assert upstream.active == 0
