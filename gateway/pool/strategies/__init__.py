"""Orders of preference: the table of what exists."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gateway.pool.strategies.at_random import AtRandom
from gateway.pool.strategies.cheapest import Cheapest
from gateway.pool.strategies.fastest import Fastest, FastestOptions
from gateway.pool.strategies.least_busy import LeastBusy
from gateway.pool.strategies.lru import Lru
from gateway.pool.strategies.rotate import Rotate, RotateOptions
from gateway.pool.strategies.sequential import Sequential
from gateway.pool.strategies.strategy import NoOptions, Strategy
from gateway.pool.strategies.weighted import Weighted


@dataclass(slots=True, frozen=True)
class Kind:
    """A strategy that can be chosen, and what can be chosen about it."""

    strategy: type[Strategy[Any]]
    options: type[BaseModel] = NoOptions


STRATEGIES: Mapping[str, Kind] = {
    "cheapest": Kind(Cheapest),
    "fastest": Kind(Fastest, FastestOptions),
    "least_busy": Kind(LeastBusy),
    "lru": Kind(Lru),
    "random": Kind(AtRandom),
    "rotate": Kind(Rotate, RotateOptions),
    "sequential": Kind(Sequential),
    "weighted": Kind(Weighted),
}
