"""A gateway under mixed traffic for a while: what it holds at the end that it did not hold before."""

import asyncio
import json
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.upstream import Chaos, chaos
from tests.processes import Served, serving
from tests.soak.traffic import Traffic, pools

WARM_UP = 1 / 3
"""The share of the time after which memory may grow no more."""

MOST_GROWTH_MIB = 20.0
MOST_LEFT = 5
QUIET_S = 10.0
"""How long after the last request something may still be held."""


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    mib: float
    files: int
    tasks: int


@dataclass(frozen=True)
class Report:
    """What was held at first, after the warm-up and at the end; how requests ended, which of them wrongly."""

    first: Held
    warm: Held
    last: Held
    ended: Counter[str]
    wrong: list[str]

    def __str__(self) -> str:
        lines = [f"{name:6} {held}" for name, held in vars(self).items() if isinstance(held, Held)]
        ended = ", ".join(f"{how} {times}" for how, times in self.ended.most_common())
        growth = self.last.mib - self.warm.mib
        return "\n".join((*lines, f"growth {growth:+.1f} MiB", f"{self.ended.total()} requests: {ended}"))

    def failures(self) -> list[str]:
        """What is not as promised, one line each."""
        found = list(self.wrong)
        if self.last.mib - self.warm.mib > MOST_GROWTH_MIB:
            found.append(f"memory grew from {self.warm.mib:.1f} to {self.last.mib:.1f} MiB")
        for what in ("files", "tasks"):
            before, after = getattr(self.first, what), getattr(self.last, what)
            if abs(after - before) > MOST_LEFT:
                found.append(f"{what}: {before} at first, {after} at the end")
        return found


async def soak(folder: Path, minutes: float, rate: float) -> Report:
    """Send `rate` requests a second through a gateway for `minutes`; its output stays in `folder`."""
    async with AsyncExitStack() as upstream:
        far = await upstream.enter_async_context(chaos())
        made = pools(far.url, rate)
        config = {
            "auth": {"open": True},
            "health_check": {"enabled": False},
            "pools": made,
            "default_pool": made[0]["name"],
        }
        async with serving(folder, **config) as served:
            first = await held(served)
            traffic = Traffic(served.url, [pool["name"] for pool in made], rate, random.Random(1))
            await traffic.flow(minutes * 60 * WARM_UP)
            warm = await held(served)
            await traffic.flow(minutes * 60 * (1 - WARM_UP))
            abandoned = await still_asked(far)
            # With it go the connections that wait to be used again.
            await upstream.aclose()
            last = await quiet(served, first)
        wrong = [*traffic.wrong, *abandoned, *complaints(served)]
        return Report(first, warm, last, traffic.ended, wrong)


async def held(served: Served) -> Held:
    return Held(served.resident_mib(), served.open_files(), await served.tasks())


async def quiet(served: Served, first: Held) -> Held:
    """What is held once nobody asks any more: as much as at `first`, or whatever it is after `QUIET_S`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + QUIET_S
    while True:
        now = await held(served)
        if (now.files <= first.files and now.tasks <= first.tasks) or loop.time() > until:
            return now
        await asyncio.sleep(1)


async def still_asked(far: Chaos) -> list[str]:
    """Requests to the upstream that nobody waits for any more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + QUIET_S
    while active := await far.active():
        if loop.time() > until:
            return [f"{active} requests to the upstream were left open"]
        await asyncio.sleep(0.1)
    return []


def complaints(served: Served) -> list[str]:
    """What the gateway itself calls an error."""
    with (served.folder / "out").open() as lines:
        records = [json.loads(line) for line in lines if '"level":"error"' in line or '"exception"' in line]
    errors = (served.folder / "err").read_text()
    traceback = ["standard error has a traceback"] if "Traceback" in errors else []
    return [*(f"{record['event']}: {record}"[:2000] for record in records), *traceback]
