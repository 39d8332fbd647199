"""Clients that do not read while an upstream pours: the pressure goes back to it, nothing piles up here."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from tests.hostile.cases import configuration, post
from tests.hostile.dialects import DIALECTS
from tests.processes import serving
from tests.upstreams import chunk, sse

pytestmark = pytest.mark.slow

READERS = 100
MOST_BYTES_EACH = 256 * 1024
FLOOD_BYTES = 512 * 2**20
"""What each client would be sent if it read."""


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


class _Flood:
    """An upstream that says more than anybody wants to hear, as fast as it is let; `said` counts bytes."""

    def __init__(self) -> None:
        self.said: list[int] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        _ = await request.read()
        place = len(self.said)
        self.said.append(0)
        words = sse(*[chunk({"content": "word " * 200})] * 16, done=False)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while self.said[place] < FLOOD_BYTES:
            await response.write(words)
            self.said[place] += len(words)
        return response


@asynccontextmanager
async def _flooding() -> AsyncIterator[tuple[_Flood, str]]:
    flood, app = _Flood(), web.Application()
    app.router.add_post("/{path:.*}", flood.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield flood, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _at_rest(flood: _Flood) -> None:
    """Until the pressure has reached the upstream: nothing more goes out for a while."""
    before: list[int] = []
    async with asyncio.timeout(60):
        while len(flood.said) < READERS or flood.said != before:
            before = list(flood.said)
            await asyncio.sleep(1)


@pytest.mark.parametrize("name", ["openai_chat", "anthropic"], ids=["passed on", "translated"])
async def test_a_stalled_reader_costs_less_than_256_kib(name: str, tmp_path: Path) -> None:
    path, body = DIALECTS[name].said_to("gpt-test", stream=True)
    said = post(path, orjson.dumps(body))
    async with AsyncExitStack() as stack:
        flood, url = await stack.enter_async_context(_flooding())
        served = await stack.enter_async_context(serving(tmp_path, **configuration(url, url)))

        async def stalled(count: int) -> None:
            for _ in range(count):
                client = stack.enter_context(socket.socket())
                # What the kernel holds for a client has gone by, and a translated reply is remembered to its
                # end: the less it holds, the less of that is measured.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", int(served.url.rpartition(":")[2])))
                client.sendall(said)

        await stalled(1)
        before = _resident_bytes(served.child.pid)
        await stalled(READERS - 1)
        await _at_rest(flood)
        after = _resident_bytes(served.child.pid)

    assert max(flood.said) < FLOOD_BYTES
    assert (after - before) / (READERS - 1) < MOST_BYTES_EACH
