"""Deployments that stand in for each other, in the order of a strategy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf, isfinite
from random import random
from typing import Any

from gateway.pool.auto_weight import AutoWeight
from gateway.pool.deployment import Deployment
from gateway.pool.health import Health
from gateway.pool.limits import Limit, common
from gateway.pool.line import EVERY, Line, StrategyMaker
from gateway.pool.sticky import sticky_for
from gateway.pool.strategies.lru import Lru
from gateway.pool.strategies.strategy import NoOptions, Order, Standing, Strategy
from gateway.pool.tuning import Tuning

_REMEMBERED = 1000
"""Names whose line is remembered at most: they may come from clients."""


@dataclass(slots=True, frozen=True)
class Hop:
    """A pool to try and what the model is called there. `claimed`: only by deployments that serve the
    name. `tuning` is changed of requests that take it.
    """

    pool: str
    model: str
    claimed: bool = False
    tuning: Tuning | None = None


@dataclass(slots=True, frozen=True)
class Habits:
    """What a pool does around its strategy. `sticky`: conversations stay where their prompt cache is; None:
    where that helps. `auto_weight`: the busier a member is, the less it weighs.
    """

    sticky: bool | None = False
    auto_weight: bool = False


def _least_recently_used(members: tuple[Standing, ...]) -> Strategy[Any]:
    return Lru(members, random, NoOptions())


class Pool:
    """Its `members` as they are configured, how they have been doing, and who is next.

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
        habits: Habits = Habits(),
    ) -> None:
        self.name = name
        self.default_model = default_model
        self.takes_unknown = takes_unknown
        self._strategy = strategy
        self.members = tuple(deployments)
        standings = tuple(_standing(member, place) for place, member in enumerate(self.members))
        self.healths = tuple(map(Health, standings))
        """By their places."""
        self._health = dict(zip(self.members, self.healths, strict=True))
        self._off = set[Deployment]()
        self._requests = 0
        self._fetched: dict[Deployment, dict[str, None]] = {}
        self._resting: list[tuple[float, int, str]] = []
        self._away: set[tuple[Standing, str]] = set()
        self._lines: dict[tuple[Standing, ...], Line] = {}
        self._lines_by_name: dict[str, Line] = {}
        self._shared_limits: dict[Line, Sequence[Limit]] = {}
        self._all = self._line_of(standings)
        self.sticky = sticky_for(habits.sticky, self.members)
        self._auto_weight = AutoWeight() if habits.auto_weight else None

    def is_on(self, deployment: Deployment) -> bool:
        """Whether `deployment` may be chosen at all."""
        return deployment not in self._off

    def switch(self, deployment: Deployment, now: float, *, on: bool) -> None:
        """Let `deployment` be chosen, or not any more; what is served stays the same."""
        if on:
            self._off.discard(deployment)
        else:
            self._off.add(deployment)
        self.leave(deployment)
        self.join(deployment, EVERY, now)

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._health[deployment]

    def serving(self, model: str) -> list[Deployment]:
        """Those that serve `model`, as they are configured."""
        return [member for member in self._health if self.serves(member, model)]

    def serves(self, member: Deployment, model: str) -> bool:
        """Whether `member` serves `model`: as it is configured, or as it has said."""
        return member.serves(model) or model in self._fetched.get(member, ())

    def fetched(self, deployment: Deployment) -> Sequence[str]:
        """The models that `deployment` has said it has and may serve."""
        return tuple(self._fetched.get(deployment, ()))

    def learn(self, deployment: Deployment, models: Iterable[str]) -> bool:
        """`deployment` says that it has `models`; whether that is anything new."""
        admitted = dict.fromkeys(model for model in models if deployment.admits(model))
        if list(admitted) == list(self._fetched.get(deployment, ())):
            return False
        self._fetched[deployment] = admitted
        self._lines_by_name.clear()
        return True

    def candidates(self, hop: Hop) -> Sequence[Deployment]:
        """Those that may serve `hop`, resting or not."""
        line = self._line(hop.model) if hop.claimed else self._all
        members = (self.members[standing.place] for standing in line.members)
        return [member for member in members if member not in self._off]

    def shared_limits(self, hop: Hop) -> Sequence[Limit]:
        """Those of all who may serve `hop`: while they are closed there is nobody to look for."""
        line = self._line(hop.model) if hop.claimed else self._all
        shared = self._shared_limits.get(line)
        if shared is None:
            limits = (self.members[each.place].limits for each in line.members)
            shared = self._shared_limits[line] = common(limits) if line.members else ()
        return shared

    def first(self, hop: Hop, now: float, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that may serve `hop`, do not rest and are `wanted`; None if nobody is."""
        while self._resting and self._resting[0][0] <= now:
            _, place, model = heappop(self._resting)
            self.join(self.members[place], model, now)
        line = self._line(hop.model) if hop.claimed else self._all
        return line.first(hop.model, wanted)

    def holder(self, hop: Hop, conversation: bytes, now: float) -> Deployment | None:
        """Who of those that may serve `hop` holds the prompt cache of `conversation`; None if nobody does."""
        held = self.sticky.holder(conversation, now) if self.sticky is not None else None
        if held is None or held in self._off or (hop.claimed and not self.serves(held, hop.model)):
            return None
        return held

    def hold(self, conversation: bytes, deployment: Deployment, now: float) -> None:
        """`deployment` has answered `conversation`."""
        if self.sticky is not None:
            self.sticky.hold(conversation, deployment, now)

    def start(self, standing: Standing, now: float) -> None:
        """Count a request in, at one of the members."""
        self._requests += 1
        if self._auto_weight is not None:
            self._auto_weight.weigh(standing, now)
        standing.used = self._requests
        standing.in_flight += 1
        for order in standing.orders:
            order.start(standing)

    def end(self, standing: Standing, seconds: float | None) -> None:
        """Count a request out that took so many `seconds`, None if it failed."""
        standing.in_flight -= 1
        for order in standing.orders:
            order.end(standing, seconds)

    def is_kept_back(self, deployment: Deployment) -> bool:
        """Whether `deployment` comes after all others, in the order of the configuration."""
        return self._health[deployment].standing.kept_back

    def keep_back(self, deployment: Deployment, *, back: bool = True) -> None:
        """Have `deployment` come after all others, or no longer."""
        health = self._health[deployment]
        health.standing.kept_back = back
        for order in health.standing.orders:
            order.move(health.standing)

    def leave(self, deployment: Deployment, model: str = EVERY) -> None:
        """Choose `deployment` no more for `model` until its rest is over."""
        health, name = self._health[deployment], _asked_for(deployment, model)
        if name is None:
            return
        self._away.add((health.standing, name))
        for order in health.standing.orders:
            order.leave(health.standing, name)
        until = self._until(deployment, health, name)
        if isfinite(until):
            heappush(self._resting, (until, health.standing.place, name))

    def join(self, deployment: Deployment, model: str, now: float) -> None:
        """Choose `deployment` for `model` again, unless it still rests."""
        health, name = self._health[deployment], _asked_for(deployment, model)
        if name is None or (health.standing, name) not in self._away:
            return
        if self._until(deployment, health, name) <= now:
            self._away.discard((health.standing, name))
            for order in health.standing.orders:
                order.join(health.standing, name)

    def settle(self, deployment: Deployment, now: float) -> None:
        """What is known of `deployment` was recalled: have it stand where that belongs."""
        health = self._health[deployment]
        for order in health.standing.orders:
            order.move(health.standing)
        for model in (EVERY, *health.account.models):
            name = _asked_for(deployment, model)
            if name is not None and self._until(deployment, health, name) > now:
                self.leave(deployment, model)

    def _until(self, deployment: Deployment, health: Health, name: str) -> float:
        """Until when `deployment` is not to be chosen for `name`."""
        if name == EVERY:
            away = deployment in self._off
            return inf if away else health.account.rests_until(deployment.upstream or EVERY)
        breaker = health.account.models.get(name)
        return 0.0 if breaker is None else breaker.until

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
            # Whoever stands in the same lines shares what tells so: with ten thousand it must be at hand.
            shared: dict[tuple[Order, ...], tuple[Order, ...]] = {}
            for standing in standings:
                standing.orders = shared.setdefault(standing.orders, (*standing.orders, line))
            members = frozenset(standings)
            for standing, model in self._away:
                if standing in members:
                    line.leave(standing, model)
        return line


def _asked_for(deployment: Deployment, model: str) -> str | None:
    """The name that requests have that would ask it for `model`; None: there are none."""
    if model == EVERY or deployment.upstream is None:
        return model
    return EVERY if model == deployment.upstream else None


def _standing(member: Deployment, place: int) -> Standing:
    return Standing(
        place,
        account=member.account or member.id,
        weight=member.weight,
        priority=member.priority,
        price=member.price,
        most_in_flight=member.most_at_once,
        kept_back=member.warmth is not None,
    )
