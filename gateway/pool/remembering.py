"""Remembers over restarts how accounts and deployments have been doing: written behind, read at the start.

Facts stand under the name of whom they are about. That name holds a mark of the key, so that nobody inherits
from another key; whoever is not configured any more is forgotten after a while (another gateway may use the
same file).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.canonical.json import JsonObject
from gateway.pool.deployment import Deployment
from gateway.pool.lasting import Estate
from gateway.pool.pools import Pools
from gateway.store.state import StateFile
from gateway.timing import Calendar, Clock

EVERY_S = 1.0
"""How often is written what has changed."""

KEPT_S = 7 * 86_400.0
"""How long facts are kept that are about nobody who is configured."""

_AT_ONCE = 50
"""How many deployments are written down before others get a turn."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Remembering:
    """What is known of `pools`, kept in `file`. `wall` is the time of day in seconds since 1970; `pause`
    waits, given seconds.
    """

    pools: Pools
    file: StateFile
    clock: Clock
    wall: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _written: set[str] = field(default_factory=set)

    def recall(self) -> None:
        """Have all go on where they ended; to be called once, before there are requests."""
        facts, done = self.file.facts, set[str]()
        # Nobody else needs them, and they may be many.
        self.file.facts = {}
        members = (member for pool in self.pools for member in pool.members) if facts else iter(())
        for member in members:
            known = [estate for estate in self._estates(member) if estate.owner in facts]
            for estate in known:
                if estate.owner not in done:
                    done.add(estate.owner)
                    self._recall(estate, facts[estate.owner])
            if known:
                self.pools.settle(member)
        self._written = set(facts)
        self._forget({name: fact for name, fact in facts.items() if name not in done})
        if done:
            log.info("state_recalled", facts=len(done))

    async def run(self) -> None:
        """Write down what changes, for ever."""
        while True:
            await self.pause(EVERY_S)
            for _ in range(0, len(self.pools.touched), _AT_ONCE):
                self._write()
                await self.pause(0)

    def finish(self) -> None:
        """Write down what is left."""
        while self.pools.touched:
            self._write()

    def _write(self) -> None:
        touched, facts = self.pools.touched, JsonObject()
        at = self.wall()
        calendar = Calendar(self.clock(), at)
        for member in [touched.pop() for _ in range(min(_AT_ONCE, len(touched)))]:
            for estate in self._estates(member):
                if estate.owner in facts:
                    continue
                said = estate.facts(calendar)
                if said:
                    facts[estate.owner] = {"at": at, "is": said}
                    self._written.add(estate.owner)
                elif estate.owner in self._written:
                    facts[estate.owner] = None
                    self._written.discard(estate.owner)
        if facts:
            self.file.save(facts)

    def _recall(self, estate: Estate, written: Any) -> None:
        for name, thing in estate.things.items():
            try:
                # The clock may be behind, as where a machine starts without one: no rest ends late for that.
                calendar = Calendar(self.clock(), max(self.wall(), float(written["at"])))
                if (facts := written["is"].get(name)) is not None:
                    thing.recall(facts, calendar)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                log.debug("fact_ignored", owner=estate.owner, fact=name, reason=repr(error))

    def _forget(self, strangers: JsonObject) -> None:
        """Drop what is said of `strangers`, if it was said long ago."""
        before = self.wall() - KEPT_S
        old = [name for name, fact in strangers.items() if not _said_since(fact, before)]
        if old:
            self.file.save(dict.fromkeys(old))
            self._written.difference_update(old)

    def _estates(self, member: Deployment) -> Iterator[Estate]:
        """Whatever is to be remembered that `member` has to do with."""
        health = self.pools.health(member)
        yield Estate(f"health {member.mark}", {"rests": health.account})
        yield Estate(f"deployment {member.mark} {member.id}", {"latency": health.standing})
        yield from member.estates


def _said_since(written: Any, date: float) -> bool:
    try:
        return float(written["at"]) >= date
    except (LookupError, TypeError, ValueError):
        return False
