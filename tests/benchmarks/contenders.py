"""The servers that are measured, each on its core, and what can be read of them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from tests.benchmarks.load import Load
from tests.benchmarks.works import Work
from tests.gateways import free_port
from tests.processes import pool, serving

_SERVED_CORE, _LOAD_CORE = 0, 1
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Contender:
    """A server under load, and the dialect in which it is asked."""

    name: str
    port: int
    pid: int
    dialect: str

    def cpu_us(self) -> float:
        """The CPU time of its process tree so far."""
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in _tree(self.pid)) / 1000

    def rss_kb(self) -> int:
        """The memory that its process has in use; the gateway is one process here."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    async def cost_us(self, work: Work, seconds: float) -> float:
        """CPU for each request, or each event, of `work`."""
        request = work.request(self.dialect)

        def load() -> Load:
            return Load(self.port, request, work.connections, work.streaming)

        await load().run(min(_WARM_UP_S, seconds))
        before = self.cpu_us()
        replies = await load().run(seconds)
        return (self.cpu_us() - before) / (replies * work.events)


def _tree(pid: int) -> Iterator[Path]:
    """The threads of a process and of all processes that it started."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield thread
        for child in (thread / "children").read_text().split():
            yield from _tree(int(child))


@asynccontextmanager
async def contenders(upstream: str) -> AsyncIterator[list[Contender]]:
    """The baseline and the gateway, which translates for Anthropic's clients and passes OpenAI's through."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        # What is started inherits the core it may use.
        os.sched_setaffinity(0, {_SERVED_CORE})
        bare_port = free_port()
        bare = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.bare_proxy", str(bare_port), upstream),
            # It complains of every client that hangs up.
            stderr=asyncio.subprocess.DEVNULL,
        )
        stack.callback(bare.terminate)
        config = {
            "pools": [pool("openai", "openai-custom", f"{upstream}/v1", api_key="sk-benchmark")],
            "default_pool": "openai",
            "auth": {"open": True},
            "server": {"max_in_flight": 10_000},
        }
        gateway = await stack.enter_async_context(serving(folder, **config))
        os.sched_setaffinity(0, {_LOAD_CORE})
        port = urlsplit(gateway.url).port
        assert port is not None, "it was given one"
        pid = gateway.child.pid
        yield [
            Contender("baseline", bare_port, bare.pid, "openai"),
            Contender("same", port, pid, "openai"),
            Contender("translated", port, pid, "anthropic"),
        ]
