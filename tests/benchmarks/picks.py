"""What a choice costs, in process: it must not depend on how many there are to choose from."""

import gc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from random import Random
from statistics import median
from time import perf_counter, process_time

from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.strategies import STRATEGIES
from gateway.pool.strategies.strategy import Standing
from gateway.providers import PROVIDERS
from gateway.relay.aliases import Alias, Destination
from gateway.relay.route import Map, Router

POOLS = (10, 1_000, 10_000)
ALIASES = (10, 1_000)
PICKS = 100_000
_ROUNDS = 20

Pick = Callable[[int], None]
"""So many choices, one after the other."""


def pools_of(count: int, strategy: str = "lru") -> Pools:
    """One pool of so many deployments."""
    kind, demo = STRATEGIES[strategy], PROVIDERS["demo"]
    assert demo.transport is not None
    members = [
        Deployment(
            id=f"d{number}",
            pool="main",
            provider=demo,
            credential=NoKey(),
            transport=demo.transport,
            base_url=demo.base_url,
            models=("m",),
            weight=1 + number % 3,
            priority=number,
            account=f"account-{number}",
        )
        for number in range(count)
    ]
    chance, options = Random(1).random, kind.options()
    pool = Pool(
        "main", members, default_model="m", strategy=lambda those: kind.strategy(those, chance, options)
    )
    return Pools([pool], perf_counter)


_HOP = Hop("main", "m", claimed=True)


def _anybody(_: Standing) -> bool:
    return True


def _choices(pool: Pool, count: int) -> None:
    """Who is next, and that a request started and ended there."""
    for _ in range(count):
        standing = pool.first(_HOP, 0.0, _anybody)
        assert standing is not None
        pool.start(standing, 0.0)
        pool.end(standing, 0.1)


def _requests(pools: Pools, count: int) -> None:
    """The same, with all that is noted of the account and its limits."""
    for _ in range(count):
        deployment, model = next(pools.attempts((_HOP,)))
        with pools.lease(deployment, model):
            pass


def aliases(count: int, name: str = "name-{}") -> Router:
    """So many names, or patterns, for one model."""
    models = {name.format(f"{number:04}"): Alias((Destination("main", "m"),)) for number in range(count)}
    return Router(pools_of(10), Map(models=models))


def _lookups(router: Router, names: Iterator[str], count: int) -> None:
    for name in islice(names, count):
        router.route(name)


def _names(count: int) -> Iterator[str]:
    return cycle([f"name-{number:04}" for number in range(count)])


def _costs_us(picks: Sequence[Pick]) -> list[float]:
    """What one choice costs of each of `picks`, which take turns so that noise meets all alike."""
    costs: list[list[float]] = [[] for _ in picks]
    for pick in picks:
        pick(max(POOLS))
    # As in the gateway: what is there now stays for ever.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    for _ in range(_ROUNDS):
        for pick, of_one in zip(picks, costs, strict=True):
            began = process_time()
            pick(PICKS // _ROUNDS)
            of_one.append((process_time() - began) / (PICKS // _ROUNDS) * 1e6)
    gc.unfreeze()
    return [median(of_one) for of_one in costs]


def _row(what: str, counts: Sequence[int], costs: Sequence[float]) -> str:
    cells = [f"{cost:.2f}" for cost in costs] + [""] * (len(POOLS) - len(counts))
    return f"| {what} | {' | '.join(cells)} | {max(costs) / min(costs):.2f} |"


def rows() -> Iterator[str]:
    """The table, line by line."""
    yield "| µs for each of 100,000 | of 10 | of 1,000 | of 10,000 | most / least |"
    yield "|---|---|---|---|---|"
    for name in STRATEGIES:
        choices = [partial(_choices, pools_of(count, name)["main"]) for count in POOLS]
        yield _row(f"a choice by {name}", POOLS, _costs_us(choices))
    for what, name in (("names", "name-{}"), ("patterns", "prefix:name-{}")):
        lookups = [partial(_lookups, aliases(count, name), _names(count)) for count in ALIASES]
        yield _row(f"a way among {what}", ALIASES, _costs_us(lookups))
    requests = [partial(_requests, pools_of(count)) for count in POOLS]
    yield _row("a choice by lru, and its account", POOLS, _costs_us(requests))
