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
    blackhole_port: int

    @property
    def url(self) -> str:
        """Its base URL, where it behaves well."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def nowhere(self) -> str:
        """The base URL of a place where nobody takes a connection, nor refuses it."""
        return f"http://127.0.0.1:{self.blackhole_port}"

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

    async def categories(self) -> dict[str, str]:
        """The names of all faults, and what kind of fault each is."""
        faults = await self._asked("list")
        return {name: fault["category"] for name, fault in faults.items()}

    async def active(self) -> int:
        """How many requests it is still answering."""
        active: int = (await self._asked("stats"))["active"]
        return active

    async def _asked(self, what: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/__chaos/{what}") as reply:
            return await reply.json()


_STARTS = 5
"""A port may be taken by another process between its choice and its use: then others are chosen."""


@asynccontextmanager
async def chaos() -> AsyncIterator[Chaos]:
    """The chaos upstream, for as long as the block lasts."""
    for _ in range(_STARTS):
        far = Chaos(*(free_port() for _ in range(5)))
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(shared("chaos", "chaos_upstream.py")),
            *("--port", str(far.port), "--rst-port", str(far.rst_port)),
            *("--silent-port", str(far.silent_port), "--tls-port", str(far.tls_port)),
            *("--blackhole-port", str(far.blackhole_port)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert child.stdout is not None
            async with asyncio.timeout(30):
                ready = b"chaos upstream on" in await child.stdout.readline()
            if ready:
                yield far
                return
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()
    raise AssertionError("the chaos upstream did not start")
