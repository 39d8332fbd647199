"""No limit is ever exceeded, whatever the schedule: two hundred requests at once, counted a second time."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth.api_key import NoKey
from gateway.canonical.json import JsonObject
from gateway.pool.deployment import Deployment
from gateway.pool.limits import AtOnce, Limit, Requests, Tokens
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.timing import Day, Window
from tests.pool.clocks import At

ZONE = ZoneInfo("Asia/Shanghai")
MOST_AT_ONCE, QPS, RPM, TPM, A_DAY, GROUP_AT_ONCE, GROUP_RPM = 50, 8, 120, 40_000, 300, 70, 150
WANTED = 200


@dataclass
class Book:
    """Everything that started and ended at one account, or at the accounts of a group."""

    clock: At
    started: list[float] = field(default_factory=list)
    days: Counter[tuple[str, date]] = field(default_factory=Counter)
    spent: list[tuple[float, int]] = field(default_factory=list)
    open: int = 0
    most: int = 0

    def opens_at(self, now: float, model: str) -> float:  # noqa: ARG002 - it only counts
        return now

    def start(self, now: float, model: str) -> None:
        self.started.append(now)
        self.days[model, self._today()] += 1
        self.open += 1
        self.most = max(self.most, self.open)

    def end(self, now: float, model: str, tokens: int) -> None:  # noqa: ARG002 - for any model
        self.spent.append((now, tokens))
        self.open -= 1

    def told(self, now: float) -> JsonObject:  # noqa: ARG002 - nobody asks
        return {}

    def within(self, seconds: float) -> int:
        """How many started lately."""
        return len(self.started) - bisect_right(self.started, self.clock.now - seconds)

    def tokens(self, seconds: float) -> int:
        """What those came to that ended lately."""
        return sum(tokens for at, tokens in self.spent if at > self.clock.now - seconds)

    def today(self, model: str) -> int:
        """How many started since midnight for `model`."""
        return self.days[model, self._today()]

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock.now, ZONE).date()


def limits(clock: At) -> tuple[Limit, ...]:
    minute = partial(Window, 60.0)
    return (
        AtOnce(MOST_AT_ONCE),
        Requests(QPS, partial(Window, 1.0)),
        Requests(RPM, minute),
        Tokens(TPM, minute),
        Requests(A_DAY, partial(Day, ZONE, clock), per_model=True),
    )


@dataclass
class Site:
    """Three accounts, of which the first two belong to a group."""

    clock: At
    group: Book
    books: dict[str, Book]
    pools: Pools
    open: list[ExitStack] = field(default_factory=list)

    def start(self, model: str) -> bool:
        """Start a request where that is allowed, and have the books say that it was."""
        found = next(self.pools.attempts([Hop("main", model)]), None)
        if found is None:
            return False
        member, _ = found
        book = self.books[member.id]
        assert book.open < MOST_AT_ONCE
        assert book.within(1.0) < QPS
        assert book.within(60.0) < RPM
        assert book.tokens(60.0) < TPM
        assert book.today(model) < A_DAY
        if member.id != "c":
            assert self.group.open < GROUP_AT_ONCE
            assert self.group.within(60.0) < GROUP_RPM
        self.open.append(ExitStack())
        lease = self.open[-1].enter_context(self.pools.lease(member, model))
        lease.tokens = 100 + len(self.open)
        return True

    def end(self, which: int) -> None:
        """End a request that is there."""
        self.open.pop(which).close()


@contextmanager
def site(now: float) -> Iterator[Site]:
    clock = At(now)
    group, books = Book(clock), {name: Book(clock) for name in "abc"}
    shared = (AtOnce(GROUP_AT_ONCE), Requests(GROUP_RPM, partial(Window, 60.0)), group)
    nowhere = PROVIDERS["demo"].transport
    assert nowhere is not None
    members = [
        Deployment(
            id=name,
            pool="main",
            provider=PROVIDERS["demo"],
            credential=NoKey(),
            transport=nowhere,
            base_url="http://demo",
            limits=(*limits(clock), *(shared if name != "c" else ()), book),
        )
        for name, book in books.items()
    ]
    here = Site(clock, group, books, Pools([Pool("main", members, default_model="m")], clock))
    yield here
    while here.open:
        here.end(0)


@pytest.mark.slow
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), pauses=st.sampled_from([(0,), (0, 0, 0, 1), (0, 1, 4), (0, 40, 4000)]))
def test_no_limit_is_exceeded_in_any_schedule(seed: int, pauses: tuple[int, ...]) -> None:
    chance = Random(seed)
    with site(1_780_000_000.0) as here:
        for _ in range(1000):
            here.clock.now += chance.choice(pauses) / 4
            if len(here.open) < WANTED and chance.random() < 0.7:
                here.start(chance.choice("mn"))
            elif here.open:
                here.end(chance.randrange(len(here.open)))
        assert all(book.started for book in here.books.values())


@pytest.mark.slow
def test_each_of_them_is_reached_and_no_other_is_asked_for_more() -> None:
    with site(1_780_000_000.0) as here:
        assert sum(here.start("m") for _ in range(WANTED)) == 3 * QPS
        for _ in range(100):
            here.clock.now += 1.0
            while here.start("m"):
                pass
        assert (here.books["c"].most, here.group.most) == (MOST_AT_ONCE, GROUP_AT_ONCE)
        while here.open:
            here.end(0)
        for _ in range(4000):
            here.clock.now += 1.0
            while here.start("n"):
                here.end(0)
        assert [here.books[name].today("n") for name in "abc"] == [A_DAY] * 3
