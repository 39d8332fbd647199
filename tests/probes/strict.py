"""The strict scripted upstreams as processes, and what they found wrong with the requests they were sent."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.gateways import free_port
from tests.shared import shared


@dataclass
class Strict:
    """A strict upstream that runs."""

    url: str

    async def complaints(self) -> list[Any]:
        """Every violation and warning of every request so far; the real service would refuse or frown at
        each.
        """
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/__log") as reply:
            log = await reply.json()
        requests = log["requests"]
        assert requests, "the upstream was never called"
        return [found for request in requests for found in request["violations"] + request["warnings"]]

    async def reset(self) -> None:
        """Forget what was sent."""
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/__reset"):
            pass

    async def fault(self, kind: str, times: int = 1) -> None:
        """Answer the next request, or so many, with a fault: a status, or one of the kinds its help lists."""
        spec = {"kind": kind, "times": times}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/__fault", json=spec) as reply,
        ):
            assert reply.status == 200

    async def requests(self) -> list[Any]:
        """What it was sent."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/__log") as reply:
            log = await reply.json()
        found: list[Any] = log["requests"]
        return found


@asynccontextmanager
async def strict(protocol: str) -> AsyncIterator[Strict]:
    """The strict upstream of `protocol`, for as long as the block lasts."""
    script = shared("clients", "upstream", "fake_upstream.py")
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        "--protocol",
        protocol,
        "--port",
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    assert child.returncode is None, "the strict upstream did not start"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield Strict(f"http://127.0.0.1:{port}")
    finally:
        child.kill()
        await child.wait()
