"""What an account allows at most: requests at once, and requests and tokens in a time.

A limit says when it opens; whoever starts something tells it so, and tells it again when that ended. Times
are in seconds of one monotonic clock; infinitely late means: when something that is under way ends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from gateway.canonical.json import JsonObject, JsonValue
from gateway.timing import Calendar, Period


class Limit(Protocol):
    """One limit, of one account or shared by several."""

    def opens_at(self, now: float, model: str) -> float:
        """When a request for `model` may start: `now` or later."""

    def start(self, now: float, model: str) -> None:
        """A request for `model` starts."""

    def end(self, now: float, model: str, tokens: int) -> None:
        """A request for `model` ended that came to so many `tokens`, read and written."""

    def told(self, now: float) -> JsonObject:
        """How it stands, for people: what it limits, and what is used or left."""


MOST_MODELS = 1000
"""Models that are counted each for itself."""


class Observer(Protocol):
    """Learns from every answer of an upstream what it will take."""

    def hear(self, model: str, status: int, headers: Mapping[str, str]) -> None:
        """The head of an answer for `model`; `headers` have lower-case names."""


@dataclass(slots=True)
class AtOnce:
    """So many requests at the same time."""

    most: int
    _open: int = 0

    def opens_at(self, now: float, model: str) -> float:  # noqa: ARG002 - for any model
        """Now, or when another ends."""
        return now if self._open < self.most else inf

    def start(self, now: float, model: str) -> None:  # noqa: ARG002 - whenever, for any model
        """Count it in."""
        self._open += 1

    def end(self, now: float, model: str, tokens: int) -> None:  # noqa: ARG002 - however long it was
        """Count it out."""
        self._open -= 1

    def told(self, now: float) -> JsonObject:  # noqa: ARG002 - at any time
        """How many are there."""
        return {"limit": "requests at once", "used": self._open, "most": self.most}


@dataclass(slots=True)
class Spending:
    """So much in a time, of all models together or of each (`per_model`); `period` begins to count."""

    most: float
    period: Callable[[], Period]
    per_model: bool = False
    _periods: dict[str, Period] = field(default_factory=dict)

    def opens_at(self, now: float, model: str) -> float:
        """Now, or when less counts than at most may."""
        period = self._periods.get(self._counted_under(model))
        return now if period is None else period.below(self.most, now)

    def spend(self, now: float, model: str, amount: float) -> None:
        """Count `amount`."""
        name = self._counted_under(model)
        if name not in self._periods:
            self._periods[name] = self.period()
        self._periods[name].add(now, amount)

    def _counted_under(self, model: str) -> str:
        """The model itself where each has its own count; names may come from clients, and beyond so many of
        them the others count together.
        """
        known = model in self._periods or len(self._periods) < MOST_MODELS
        return model if self.per_model and known else ""

    def told(self, now: float) -> JsonObject:
        """What has been used: of all models together, or of each."""
        used: JsonValue = {name: period.total(now) for name, period in self._periods.items()}
        if not self.per_model:
            used = self._periods[""].total(now) if self._periods else 0
        return {"limit": self.name, "used": used, "most": self.most}

    @property
    def name(self) -> str:
        """What tells it from the other limits of one account."""
        per_model = " per model" if self.per_model else ""
        return f"{type(self).__name__.lower()} {self.period().name}{per_model}"

    def facts(self, calendar: Calendar) -> JsonValue:
        """What has been used that still counts."""
        counted = {name: period for name, period in self._periods.items() if period.total(calendar.present)}
        return {name: period.facts(calendar) for name, period in counted.items()} or None

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """What was used before this process began."""
        periods = {str(name): self.period() for name in facts}
        for name, period in periods.items():
            period.recall(facts[name], calendar)
        self._periods = periods


class Requests(Spending):
    """So many requests; each counts when it starts."""

    def start(self, now: float, model: str) -> None:
        """Count it."""
        self.spend(now, model, 1)

    def end(self, now: float, model: str, tokens: int) -> None:
        """It has been counted."""


class Tokens(Spending):
    """So many tokens, read and written. What a request comes to nobody knows before its end: the last ones
    may go over the limit.
    """

    def start(self, now: float, model: str) -> None:
        """Nobody knows yet what it comes to."""

    def end(self, now: float, model: str, tokens: int) -> None:
        """Count what it came to."""
        self.spend(now, model, tokens)


def common(each: Iterable[Sequence[Limit]]) -> tuple[Limit, ...]:
    """Those limits of the first that all others have as well, and that are the same for every model."""
    first, *others = each
    shared = {id(limit): limit for limit in first if _holds_for_all_models(limit)}
    for limits in others:
        shared = {id(limit): limit for limit in limits if id(limit) in shared}
    return tuple(shared.values())


def _holds_for_all_models(limit: Limit) -> bool:
    return isinstance(limit, AtOnce) or (isinstance(limit, Spending) and not limit.per_model)


def opens_at(limits: Iterable[Limit], now: float, model: str) -> float:
    """When all of `limits` are open."""
    return max((limit.opens_at(now, model) for limit in limits), default=now)
