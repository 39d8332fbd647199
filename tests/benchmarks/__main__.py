"""What the gateway costs beside the least that a proxy costs: `python -m tests.benchmarks` prints one table.

Both run on one core, the load and the upstream on another; they take turns, round by round, so that the noise
of a shared machine meets both alike. The figure is the CPU time of the process tree for each request (for
each event, where replies are streams), and what counts is its ratio to the baseline's in the same run. In the
translated half an Anthropic client is served by an OpenAI-like upstream, and the baseline passes on the same
conversation in OpenAI's words.

`--streams` opens many streams at once instead, `--messages` lets a conversation grow, and `--picks` chooses
deployments from pools of 10 to 10,000, in process.
"""

import argparse
import asyncio
import sys
from statistics import median

import uvloop

from tests.benchmarks import picks
from tests.benchmarks.contenders import Contender, contenders
from tests.benchmarks.streams import Stamper, held
from tests.benchmarks.upstream import Upstream
from tests.benchmarks.works import WORKS, Work
from tests.gateways import free_port

_GROWTH = (1, 200, 400, 600, 800, 1000)
_BAR = 60

_HEAD = """\
| work | per | baseline µs | same µs | ratio | limit | aim | translated µs | ratio | limit | aim |
|---|---|---|---|---|---|---|---|---|---|---|"""

_STREAMS_HEAD = """\
| open streams | baseline KB each | p99 ms | same KB each | p99 ms | translated KB each | p99 ms |
|---|---|---|---|---|---|---|"""


async def _measured(work: Work, among: list[Contender], *, rounds: int, seconds: float) -> dict[str, float]:
    """The median cost of `work` for each contender."""
    costs: dict[str, list[float]] = {contender.name: [] for contender in among}
    for _ in range(rounds):
        for contender in among:
            costs[contender.name].append(await contender.cost_us(work, seconds))
    return {name: median(of_one) for name, of_one in costs.items()}


def _row(work: Work, costs: dict[str, float]) -> str:
    base = costs["baseline"]
    cells = [work.name, "event" if work.streaming else "request", f"{base:.0f}"]
    for name, limit, aim in zip(("same", "translated"), work.limits, work.aims, strict=True):
        missed = "" if costs[name] <= limit * base else " missed"
        cells += [f"{costs[name]:.0f}", f"{costs[name] / base:.2f}", f"{limit:g}{missed}", f"{aim:g}"]
    return f"| {' | '.join(cells)} |"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _compare(works: list[Work], rounds: int, seconds: float) -> None:
    upstream, port = Upstream(), free_port()
    async with await upstream.listen(port), contenders(f"http://127.0.0.1:{port}") as among:
        _say(_HEAD)
        for work in works:
            upstream.interval_s = work.interval_s
            _say(_row(work, await _measured(work, among, rounds=rounds, seconds=seconds)))


async def _grow(rounds: int, seconds: float) -> None:
    """A plot in letters: where the cost is linear, the ends of the bars are on a line."""
    port = free_port()
    async with await Upstream().listen(port), contenders(f"http://127.0.0.1:{port}") as among:
        costs = {}
        for count in _GROWTH:
            work = Work(f"{count} messages", "", 4, (0, 0), (0, 0), messages=count)
            costs[count] = await _measured(work, among, rounds=rounds, seconds=seconds)
        for name in ("same", "translated"):
            _say(f"{name}: µs for a request of so many messages of 1 KB")
            most = max(cost[name] for cost in costs.values())
            for count, cost in costs.items():
                _say(f"{count:5} {'#' * round(cost[name] / most * _BAR):{_BAR}} {cost[name]:6.0f}")


async def _hold(counts: list[int]) -> None:
    _say(_STREAMS_HEAD)
    idle_mb = 0.0
    for count in counts:
        cells = [str(count)]
        for place in range(3):
            # Each in a process of its own: memory that others have given back would cost nothing.
            port = free_port()
            async with Stamper().listening(port), contenders(f"http://127.0.0.1:{port}") as among:
                idle_mb = among[1].rss_kb() / 1024
                cost = await held(among[place], count)
            cells += [f"{cost.kb_each:.0f}", f"{cost.p99_ms:.1f}"]
        _say(f"| {' | '.join(cells)} |")
    _say(f"\nThe idle gateway holds {idle_mb:.0f} MB.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each work; the median counts")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of load in each")
    parser.add_argument("--only", default="", help="only works whose name contains this")
    parser.add_argument("--messages", action="store_true", help="plot the cost by the number of messages")
    parser.add_argument(
        "--streams", type=int, nargs="+", help="open so many streams at once, such as 1000 3000"
    )
    parser.add_argument("--picks", action="store_true", help="choose from few and from many")
    asked = parser.parse_args()
    if asked.picks:
        for row in picks.rows():
            _say(row)
        return
    if asked.streams:
        work = _hold(asked.streams)
    elif asked.messages:
        work = _grow(asked.rounds, asked.seconds)
    else:
        works = [work for work in WORKS if asked.only in work.name]
        work = _compare(works, asked.rounds, asked.seconds)
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(work)


if __name__ == "__main__":
    main()
