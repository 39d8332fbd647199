"""Time as a parameter: nothing here reads a clock, whoever needs one is given it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Protocol, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""A clock in seconds; monotonic where nothing else is said."""

_GRAINS = 1000
"""A window tells moments apart that are this share of its length from each other."""


class Period(Protocol):
    """A stretch of time in which something is counted."""

    def add(self, now: float, amount: float = 1) -> None:
        """Note that `amount` was used at `now`."""

    def total(self, now: float) -> float:
        """What counts at `now`."""

    def below(self, most: float, now: float) -> float:
        """When less than `most` counts: `now`, or later."""


@dataclass(slots=True)
class Window:
    """The last `seconds`. Moments that lie close together count as the later of them, so it keeps little and
    never says less than there was.
    """

    seconds: float
    _used: deque[tuple[float, float]] = field(default_factory=deque)
    _total: float = 0.0

    def add(self, now: float, amount: float = 1) -> None:
        """Note that `amount` was used at `now`."""
        self._forget(now)
        self._total += amount
        if self._used and now - self._used[-1][0] < self.seconds / _GRAINS:
            amount += self._used.pop()[1]
        self._used.append((now, amount))

    def total(self, now: float) -> float:
        """What counts at `now`."""
        self._forget(now)
        return self._total

    def below(self, most: float, now: float) -> float:
        """When less than `most` counts: `now`, or when enough of it is too long ago."""
        self._forget(now)
        total, opens = self._total, now
        for at, amount in self._used:
            if total < most:
                break
            total -= amount
            opens = at + self.seconds
        return opens

    def _forget(self, now: float) -> None:
        while self._used and self._used[0][0] + self.seconds <= now:
            self._total -= self._used.popleft()[1]


@dataclass(slots=True)
class Day:
    """The present day in `zone`. `wall` is the time of day, in seconds since 1970."""

    zone: tzinfo
    wall: Clock
    _total: float = 0.0
    _ends: float = 0.0

    def add(self, now: float, amount: float = 1) -> None:
        """Note that `amount` was used today."""
        self._total = self.total(now) + amount

    def total(self, now: float) -> float:  # noqa: ARG002 - what day it is the wall says
        """What was used today."""
        wall = self.wall()
        if wall >= self._ends:
            today = datetime.fromtimestamp(wall, self.zone)
            midnight = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            self._ends, self._total = midnight.timestamp(), 0.0
        return self._total

    def below(self, most: float, now: float) -> float:
        """`now`, or when the next day begins."""
        return now if self.total(now) < most else now + self._ends - self.wall()
