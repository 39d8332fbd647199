"""Members of a pool in the order of its strategy: all of them, or those that serve certain names."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.pool.ranking import Ranking
from gateway.pool.strategies.strategy import Standing, Strategy

StrategyMaker: TypeAlias = Callable[[tuple[Standing, ...]], Strategy[Any]]
"""Makes a strategy for these members."""


class Line:
    """Keeps every member where its rank says, and leaves out those that rest."""

    def __init__(self, members: tuple[Standing, ...], make: StrategyMaker) -> None:
        self._strategy = make(members)
        self._ranking = Ranking()
        for member in members:
            self._place(member)

    def first(self, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that are `wanted`; None if nobody is."""
        return self._ranking.first(wanted)

    def start(self, member: Standing) -> None:
        """A request starts at `member`."""
        self._strategy.start(member)
        self._move(member)

    def end(self, member: Standing, seconds: float | None) -> None:
        """A request ended at `member` after so many `seconds`, None if it failed."""
        self._strategy.end(member, seconds)
        self._move(member)

    def leave(self, member: Standing) -> None:
        """`member` is not to be chosen until it joins again."""
        self._ranking.remove(member)

    def join(self, member: Standing) -> None:
        """`member` may be chosen again."""
        if member not in self._ranking:
            self._strategy.join(member)
            self._place(member)

    def _move(self, member: Standing) -> None:
        if member in self._ranking:
            self._place(member)

    def _place(self, member: Standing) -> None:
        self._ranking.place(member, self._strategy.rank(member))
