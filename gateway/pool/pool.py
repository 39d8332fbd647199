"""Deployments that stand in for each other, in the order of a strategy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import isfinite
from random import random
from typing import Any

from gateway.pool.deployment import Deployment, Health
from gateway.pool.line import Line, StrategyMaker
from gateway.pool.strategies.lru import Lru
from gateway.pool.strategies.strategy import NoOptions, Standing, Strategy

_REMEMBERED = 1000
"""Names whose line is remembered at most: they may come from clients."""


@dataclass(slots=True, frozen=True)
class Hop:
    """A pool to try and what the model is called there. `claimed`: only by deployments that serve the
    name.
    """

    pool: str
    model: str
    claimed: bool = False


def _least_recently_used(members: tuple[Standing, ...]) -> Strategy[Any]:
    return Lru(members, random, NoOptions())


class Pool:
    """Its members, how they have been doing, and who is next.

    `default_model` stands in for names that the pool does not serve; `takes_unknown`: it may do so for any
    name.
    """

    def __init__(
        self,
        name: str,
        deployments: Iterable[Deployment],
        *,
        default_model: str,
        takes_unknown: bool = False,
        strategy: StrategyMaker = _least_recently_used,
    ) -> None:
        self.name = name
        self.default_model = default_model
        self.takes_unknown = takes_unknown
        self._strategy = strategy
        self._health = {member: Health(_standing(member, place)) for place, member in enumerate(deployments)}
        self._deployments = {health.standing: member for member, health in self._health.items()}
        self._standings = tuple(self._deployments)
        self._requests = 0
        self._resting: list[tuple[float, int]] = []
        self._away: set[Standing] = set()
        self._lines: dict[tuple[Standing, ...], Line] = {}
        self._lines_by_name: dict[str, Line] = {}
        self._lines_with: dict[Standing, list[Line]] = {standing: [] for standing in self._standings}
        self._all = self._line_of(self._standings)

    @property
    def members(self) -> tuple[Deployment, ...]:
        """All deployments, as they are configured."""
        return tuple(self._health)

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._health[deployment]

    def serving(self, model: str) -> list[Deployment]:
        """Those that serve `model`, as they are configured."""
        return [member for member in self._health if member.serves(model)]

    def candidates(self, hop: Hop) -> Sequence[Deployment]:
        """Those that may serve `hop`, resting or not."""
        return self.serving(hop.model) if hop.claimed else self.members

    def first(self, hop: Hop, now: float, wanted: Callable[[Deployment], bool]) -> Deployment | None:
        """The best of those that may serve `hop`, do not rest and are `wanted`; None if nobody is."""
        while self._resting and self._resting[0][0] <= now:
            self.join(self._deployments[self._standings[heappop(self._resting)[1]]], now)
        line = self._line(hop.model) if hop.claimed else self._all
        found = line.first(lambda standing: wanted(self._deployments[standing]))
        return None if found is None else self._deployments[found]

    def start(self, deployment: Deployment) -> None:
        """Count a request in."""
        standing = self._health[deployment].standing
        self._requests += 1
        standing.used = self._requests
        standing.in_flight += 1
        for line in self._lines_with[standing]:
            line.start(standing)

    def end(self, deployment: Deployment, seconds: float | None) -> None:
        """Count a request out that took so many `seconds`, None if it failed."""
        standing = self._health[deployment].standing
        standing.in_flight -= 1
        for line in self._lines_with[standing]:
            line.end(standing, seconds)

    def leave(self, deployment: Deployment) -> None:
        """Choose `deployment` no more until its rest is over."""
        health = self._health[deployment]
        self._away.add(health.standing)
        for line in self._lines_with[health.standing]:
            line.leave(health.standing)
        if isfinite(health.resting_until):
            heappush(self._resting, (health.resting_until, health.standing.place))

    def join(self, deployment: Deployment, now: float) -> None:
        """Choose `deployment` again, unless it still rests."""
        health = self._health[deployment]
        if health.resting_until <= now:
            self._away.discard(health.standing)
            for line in self._lines_with[health.standing]:
                line.join(health.standing)

    def _line(self, model: str) -> Line:
        """Those who serve `model`."""
        line = self._lines_by_name.get(model)
        if line is None:
            line = self._line_of(tuple(self._health[member].standing for member in self.serving(model)))
            if len(self._lines_by_name) < _REMEMBERED:
                self._lines_by_name[model] = line
        return line

    def _line_of(self, standings: tuple[Standing, ...]) -> Line:
        """These, in one line however many names they serve."""
        line = self._lines.get(standings)
        if line is None:
            line = self._lines[standings] = Line(standings, self._strategy)
            for standing in standings:
                self._lines_with[standing].append(line)
            for standing in self._away.intersection(standings):
                line.leave(standing)
        return line


def _standing(member: Deployment, place: int) -> Standing:
    return Standing(
        place,
        account=member.account or member.id,
        weight=member.weight,
        priority=member.priority,
        price=member.price,
        most_in_flight=member.most_at_once,
    )
