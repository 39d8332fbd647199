"""Members of a pool in the order of its strategy: all of them, or those that serve certain names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

from gateway.pool.lots import Lots
from gateway.pool.ranking import Ranking
from gateway.pool.strategies.strategy import Standing, Strategy

StrategyMaker: TypeAlias = Callable[[tuple[Standing, ...]], Strategy[Any]]
"""Makes a strategy for these members."""

EVERY = ""
"""In place of a model's name: all of them."""

_MOST_VIEWS = 32


@dataclass(slots=True)
class _View:
    """The line as it is for a model for which some rest (`away`)."""

    order: Ranking | Lots
    away: set[Standing] = field(default_factory=set)


class Line:
    """Keeps every member where its rank says, and leaves out those that rest.

    Who rests for one model alone is left out of that model's view: whoever asks for it then need not pass
    over them all. Of too many such models the rest are not kept apart, so that their users do pass over them.
    """

    def __init__(self, members: tuple[Standing, ...], make: StrategyMaker) -> None:
        self.members = members
        self._strategy = make(members)
        self._order = Lots(self._strategy.chance) if self._strategy.by_lot else Ranking()
        self._views: dict[str, _View] = {}
        for member in members:
            self._enter(member)

    def first(self, model: str, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that are `wanted` for `model`; None if nobody is."""
        view = self._views.get(model)
        return (self._order if view is None else view.order).first(wanted)

    def start(self, member: Standing) -> None:
        """A request starts at `member`."""
        self._strategy.start(member)
        self.move(member)

    def end(self, member: Standing, seconds: float | None) -> None:
        """A request ended at `member` after so many `seconds`, None if it failed."""
        self._strategy.end(member, seconds)
        self.move(member)

    def move(self, member: Standing) -> None:
        """Put `member` where it belongs now, wherever it is not left out."""
        rank = (inf, member.place) if member.kept_back else self._strategy.rank(member)
        self._order.move(member, rank)
        for view in self._views.values():
            view.order.move(member, rank)

    def leave(self, member: Standing, model: str = EVERY) -> None:
        """`member` is not to be chosen for `model` until it joins again."""
        if model == EVERY:
            self._order.remove(member)
            for view in self._views.values():
                view.order.remove(member)
            return
        if model not in self._views and len(self._views) < _MOST_VIEWS:
            self._views[model] = _View(self._order.copy())
        if model in self._views:
            self._views[model].away.add(member)
            self._views[model].order.remove(member)

    def join(self, member: Standing, model: str = EVERY) -> None:
        """`member` may be chosen for `model` again."""
        if model == EVERY:
            if member not in self._order:
                self._strategy.join(member)
                self._enter(member)
            return
        view = self._views.get(model)
        if view is None or member not in view.away:
            return
        view.away.discard(member)
        if not view.away:
            del self._views[model]
        self._strategy.join(member)
        if member in self._order:
            self._enter(member)

    def _enter(self, member: Standing) -> None:
        """Let `member` in wherever it does not rest."""
        self._order.enter(member)
        for view in self._views.values():
            if member not in view.away:
                view.order.enter(member)
        self.move(member)
