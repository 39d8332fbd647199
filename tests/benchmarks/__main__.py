"""What the gateway costs beside the least that a proxy costs: `python -m tests.benchmarks` prints one table.

Both run on one core, the load and the upstream on another; they take turns, round by round, so that the noise
of a shared machine meets both alike. The figure is the CPU time of the process tree for each request (for
each event, where replies are streams), and what counts is its ratio to the baseline's in the same run. In the
translated half an Anthropic client is served by an OpenAI-like upstream, and the baseline passes on the same
conversation in OpenAI's words.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import uvloop

from tests.benchmarks.load import Load
from tests.benchmarks.upstream import Upstream
from tests.benchmarks.works import WORKS, Work
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


def _tree(pid: int) -> Iterator[Path]:
    """The threads of a process and of all processes that it started."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield thread
        for child in (thread / "children").read_text().split():
            yield from _tree(int(child))


def _cpu_us(pid: int) -> float:
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in _tree(pid)) / 1000


@asynccontextmanager
async def _contenders(upstream: str) -> AsyncIterator[list[Contender]]:
    """The gateway, which translates for Anthropic's clients and passes OpenAI's through, and the baseline."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        # What is started inherits the core it may use.
        os.sched_setaffinity(0, {_SERVED_CORE})
        bare_port = free_port()
        bare = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.bare_proxy", str(bare_port), upstream
        )
        stack.callback(bare.terminate)
        config = {
            "pools": [pool("openai", "openai-custom", f"{upstream}/v1", api_key="sk-benchmark")],
            "default_pool": "openai",
            "auth": {"open": True},
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


async def _cost(contender: Contender, work: Work, seconds: float) -> float:
    """CPU microseconds for each request, or each event."""
    request = work.request(contender.dialect)

    def load(connections: int) -> Load:
        return Load(contender.port, request, connections, work.streaming)

    await load(work.connections).run(min(_WARM_UP_S, seconds))
    before = _cpu_us(contender.pid)
    replies = await load(work.connections).run(seconds)
    return (_cpu_us(contender.pid) - before) / (replies * work.events)


async def _measured(
    work: Work, contenders: list[Contender], *, rounds: int, seconds: float
) -> dict[str, float]:
    """The median cost of `work` for each contender."""
    costs: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            costs[contender.name].append(await _cost(contender, work, seconds))
    return {name: median(of_one) for name, of_one in costs.items()}


def _row(work: Work, costs: dict[str, float]) -> str:
    base = costs["baseline"]
    cells = [work.name, "event" if work.streaming else "request", f"{base:.0f}"]
    for name, limit, aim in zip(("same", "translated"), work.limits, work.aims, strict=True):
        missed = "" if costs[name] <= limit * base else " missed"
        cells += [f"{costs[name]:.0f}", f"{costs[name] / base:.2f}", f"{limit:g}{missed}", f"{aim:g}"]
    return f"| {' | '.join(cells)} |"


_HEAD = """\
| work | per | baseline µs | same µs | ratio | limit | aim | translated µs | ratio | limit | aim |
|---|---|---|---|---|---|---|---|---|---|---|"""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _run(works: list[Work], rounds: int, seconds: float) -> None:
    upstream, port = Upstream(), free_port()
    async with await upstream.listen(port), _contenders(f"http://127.0.0.1:{port}") as contenders:
        _say(_HEAD)
        for work in works:
            upstream.interval_s = work.interval_s
            _say(_row(work, await _measured(work, contenders, rounds=rounds, seconds=seconds)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each work; the median counts")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of load in each")
    parser.add_argument("--only", default="", help="only works whose name contains this")
    asked = parser.parse_args()
    works = [work for work in WORKS if asked.only in work.name]
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_run(works, asked.rounds, asked.seconds))


if __name__ == "__main__":
    main()
