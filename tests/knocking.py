"""Clients that come one after the other, each on a connection of its own, and what became of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

BODY = {"model": "gpt-test", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


@dataclass
class Knocks:
    """How often somebody was served, and what those were told who were not."""

    served: int = 0
    failed: list[str] = field(default_factory=list)

    async def more(self, count: int, patience_s: float = 60.0) -> None:
        """Wait until so many more have been served, or somebody was not."""
        wanted = self.served + count
        async with asyncio.timeout(patience_s):
            while self.served < wanted and not self.failed:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def knocking(url: str, *, at_once: int = 4) -> AsyncIterator[Knocks]:
    """While the block lasts, `at_once` clients ask the gateway at `url` again and again, none of them twice
    over the same connection.
    """
    knocks, leaving = Knocks(), asyncio.Event()

    async def knock(session: aiohttp.ClientSession) -> None:
        while not leaving.is_set():
            try:
                async with session.post(f"{url}/v1/chat/completions", json=BODY) as reply:
                    said = await reply.text()
            except (aiohttp.ClientError, OSError) as error:
                knocks.failed.append(repr(error))
                continue
            if reply.status == 200 and "fine" in said:
                knocks.served += 1
            else:
                knocks.failed.append(f"{reply.status} {said}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(knock(session))
            try:
                yield knocks
            finally:
                leaving.set()
