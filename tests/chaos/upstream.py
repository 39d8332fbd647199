"""The upstream that breaks in every known way, as a process, and what it noticed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.gateways import free_port
from tests.shared import shared


@dataclass(frozen=True)
class Chaos:
    """A chaos upstream that runs. Beside its main port it has some where connections fail."""

    port: int
    rst_port: int
    silent_port: int
    tls_port: int

    @property
    def url(self) -> str:
        """Its base URL, where it behaves well."""
        return f"http://127.0.0.1:{self.port}"

    def with_fault(self, fault: str) -> str:
        """The base URL below which every request meets `fault`."""
        return f"{self.url}/f/{fault}"

    async def paths(self) -> list[str]:
        """The paths of the requests it has had, each once for every request."""
        return [request["path"] for request in await self._asked("requests?limit=2000")]

    async def canary_hits(self) -> int:
        """How often somebody went where a redirect or an address inside a request led."""
        hits: int = (await self._asked("canary"))["hits"]
        return hits

    async def active(self) -> int:
        """How many requests it is still answering."""
        active: int = (await self._asked("stats"))["active"]
        return active

    async def _asked(self, what: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/__chaos/{what}") as reply:
            return await reply.json()


@asynccontextmanager
async def chaos() -> AsyncIterator[Chaos]:
    """The chaos upstream, for as long as the block lasts."""
    far = Chaos(free_port(), free_port(), free_port(), free_port())
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(shared("chaos", "chaos_upstream.py")),
        *("--port", str(far.port), "--rst-port", str(far.rst_port)),
        *("--silent-port", str(far.silent_port), "--tls-port", str(far.tls_port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(30):
            assert b"chaos upstream on" in await child.stdout.readline(), "the chaos upstream did not start"
        yield far
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
