"""What a strategy is: a rank for every member of a pool, the smallest first.

A rank changes only when its own member starts or ends a request, so whoever keeps the members in order has
one of them to move each time, be they ten or ten thousand.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from gateway.canonical.json import JsonValue
from gateway.timing import Calendar

Rank: TypeAlias = tuple[float, ...]

Chance: TypeAlias = Callable[[], float]
"""A number from 0 up to, but not including, 1; each as likely as any other."""


class Order(Protocol):
    """An order in which members stand; it is told what happens to them."""

    def start(self, member: "Standing") -> None:
        """A request starts at `member`."""

    def end(self, member: "Standing", seconds: float | None) -> None:
        """A request ended at `member` after so many `seconds`, None if it failed."""

    def move(self, member: "Standing") -> None:
        """Put `member` where it belongs now, wherever it is not left out."""

    def leave(self, member: "Standing", model: str) -> None:
        """`member` is not to be chosen for `model` until it joins again."""

    def join(self, member: "Standing", model: str) -> None:
        """`member` may be chosen for `model` again."""


@dataclass(slots=True, eq=False)
class Standing:
    """What strategies know of one member, and the `orders` in which it stands.

    `place` is where it stands in the configuration, `account` whose key it uses. `priority`: the smaller, the
    sooner; `price` likewise, in whatever unit the pool compares. `used` numbers the pool's requests: the last
    one that started here, 0 for none yet. `kept_back`: it comes after all others, whatever the strategy.
    `latency_s` is how long it takes for an answer, as far as a strategy has found that out; 0: not at all.
    """

    place: int
    account: str = ""
    weight: float = 1.0
    priority: float = 0
    price: float = 0
    in_flight: int = 0
    used: int = 0
    most_in_flight: int | None = None
    kept_back: bool = False
    latency_s: float = 0.0
    orders: tuple[Order, ...] = ()

    @property
    def load(self) -> float:
        """How busy it is: the share of what it may have in flight, or the number where nothing limits it."""
        return self.in_flight / self.most_in_flight if self.most_in_flight else float(self.in_flight)

    def facts(self, calendar: Calendar) -> JsonValue:  # noqa: ARG002 - no time is in it
        """How long it takes for an answer."""
        return self.latency_s or None

    def recall(self, facts: Any, calendar: Calendar) -> None:  # noqa: ARG002 - no time is in it
        """How long it took before this process began."""
        self.latency_s = float(facts)


class NoOptions(BaseModel):
    """A strategy that has nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


OptionsT = TypeVar("OptionsT", bound=BaseModel)


@dataclass(slots=True, eq=False)
class Strategy(ABC, Generic[OptionsT]):
    """An order of preference. `chance` is for those that leave something to it; `by_lot`: all of it, so that
    ranks say nothing.
    """

    by_lot: ClassVar[bool] = False
    members: tuple[Standing, ...]
    chance: Chance
    options: OptionsT

    @abstractmethod
    def rank(self, member: Standing) -> Rank:
        """Where `member` stands at this moment; no two members have the same rank, unless lots decide."""

    def start(self, member: Standing) -> None:
        """Note that a request starts at `member`, which is counted in `in_flight` and `used` already."""

    def end(self, member: Standing, seconds: float | None) -> None:
        """Note that a request ended at `member`, counted out already, after so many `seconds`; None if it
        failed.
        """

    def join(self, member: Standing) -> None:
        """Note that `member` is back after it could not be chosen for a time."""
