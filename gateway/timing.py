"""Time as a parameter: nothing here reads a clock, whoever needs one is given it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from math import inf
from typing import Any, Protocol, TypeAlias

from gateway.canonical.json import JsonValue

Clock: TypeAlias = Callable[[], float]
"""A clock in seconds; monotonic where nothing else is said."""


@dataclass(slots=True, frozen=True)
class Clocks:
    """What time it is: `now` is monotonic, `wall` is the time of day, in seconds since 1970."""

    now: Clock
    wall: Clock


_GRAINS = 1000
"""A window tells moments apart that are this share of its length from each other."""


@dataclass(slots=True, frozen=True)
class Calendar:
    """Moments of a monotonic clock are dates (seconds since 1970) for whoever comes after this process, and
    None for what never comes. At present it is `present` by that clock, and `wall` by the calendar.
    """

    present: float
    wall: float

    def date(self, moment: float) -> float | None:
        """When `moment` is."""
        return None if moment == inf else moment - self.present + self.wall

    def moment(self, date: Any) -> float:
        """The moment that was written down as `date`.

        Raises:
            TypeError, ValueError: that is no date.
        """
        return inf if date is None else float(date) - self.wall + self.present


class Period(Protocol):
    """A stretch of time in which something is counted."""

    @property
    def name(self) -> str:
        """What tells it from others."""

    def add(self, now: float, amount: float = 1) -> None:
        """Note that `amount` was used at `now`."""

    def total(self, now: float) -> float:
        """What counts at `now`."""

    def below(self, most: float, now: float) -> float:
        """When less than `most` counts: `now`, or later."""

    def facts(self, calendar: Calendar) -> JsonValue:
        """What it has counted, for `recall`."""

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """Go on from `facts`.

        Raises:
            LookupError, TypeError, ValueError: they are none; nothing has changed.
        """


@dataclass(slots=True)
class Window:
    """The last `seconds`. Moments that lie close together count as the later of them, so it keeps little and
    never says less than there was.
    """

    seconds: float
    _used: deque[tuple[float, float]] = field(default_factory=deque)
    _total: float = 0.0

    @property
    def name(self) -> str:
        """How long it is."""
        return f"{self.seconds:g} s"

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

    def facts(self, calendar: Calendar) -> JsonValue:
        """What was used when."""
        return [[calendar.date(at), amount] for at, amount in self._used]

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """What was used before this process began."""
        used = deque(sorted((calendar.moment(at), float(amount)) for at, amount in facts))
        self._used, self._total = used, sum(amount for _, amount in used)

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

    @property
    def name(self) -> str:
        """Whose day it is."""
        return str(self.zone)

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

    def facts(self, calendar: Calendar) -> JsonValue:  # noqa: ARG002 - the wall says dates
        """What was used on the day that ends when."""
        return {"used": self._total, "ends": self._ends}

    def recall(self, facts: Any, calendar: Calendar) -> None:  # noqa: ARG002 - the wall says dates
        """What was used earlier that day."""
        self._total, self._ends = float(facts["used"]), float(facts["ends"])
