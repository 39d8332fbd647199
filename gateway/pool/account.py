"""Whose key it is: what all deployments with one key know of each other's failures."""

from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

from gateway.canonical.json import JsonObject, JsonValue
from gateway.pool.breaker import Breaker
from gateway.timing import Calendar

_MOST_MODELS = 100
"""Models of which something is remembered: their names may come from clients."""

Started: TypeAlias = tuple[tuple[Breaker, int], ...]
"""A request that is there: the breakers that watch it, the account's first, and what they know it by."""


@dataclass(slots=True)
class Account:
    """How one credential has been doing: as a `whole`, and model by model."""

    whole: Breaker = field(default_factory=Breaker)
    models: dict[str, Breaker] = field(default_factory=dict)

    def breaker(self, model: str, now: float) -> Breaker:
        """The one that watches `model`."""
        breaker = self.models.get(model)
        if breaker is None:
            if len(self.models) >= _MOST_MODELS:
                self._forget_one(now)
            breaker = self.models[model] = Breaker()
        return breaker

    def watching(self, model: str) -> tuple[Breaker, ...]:
        """Those that have a say on whether `model` may be asked."""
        own = self.models.get(model)
        return (self.whole,) if own is None else (self.whole, own)

    def rests_until(self, model: str) -> float:
        """Until when nobody should ask for `model`."""
        own = self.models.get(model)
        return self.whole.until if own is None else max(self.whole.until, own.until)

    def opens_at(self, now: float, model: str) -> float:
        """When a request for `model` may start: `now` or later, infinitely late where that hangs on others or
        on a reset.
        """
        own = self.models.get(model)
        opens = self.whole.opens_at(now)
        return opens if own is None else max(opens, own.opens_at(now))

    def start(self, model: str, now: float) -> Started:
        """A request for `model` starts."""
        own = self.breaker(model, now)
        return (self.whole, self.whole.start()), (own, own.start())

    def facts(self, calendar: Calendar) -> JsonValue:
        """Who of it has failed or rests."""
        whole = self.whole.facts(calendar)
        said = ((model, breaker.facts(calendar)) for model, breaker in self.models.items())
        models: JsonObject = {model: facts for model, facts in said if facts is not None}
        return {"whole": whole, "models": models} if whole or models else None

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """Who of it failed or rested before this process began."""
        whole, models = Breaker(), {str(model): Breaker() for model in facts["models"]}
        if facts["whole"] is not None:
            whole.recall(facts["whole"], calendar)
        for model, breaker in models.items():
            breaker.recall(facts["models"][model], calendar)
        self.whole, self.models = whole, models

    def _forget_one(self, now: float) -> None:
        """Of those that are quiet any, else the one whose rest ends first."""

        def worth(model: str) -> float:
            breaker = self.models[model]
            return -inf if breaker.is_quiet(now) else breaker.until

        del self.models[min(self.models, key=worth)]
