"""Names that the operator gives to models: exact ones, and patterns in their order. Compiled once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.config.patterns import is_exact, is_rule, matches
from gateway.pool.tuning import Tuning


@dataclass(slots=True, frozen=True)
class Destination:
    """A place that a name leads to: a pool, and the model there; empty: the one that was asked for, or else
    the pool's default; a pattern with its kind: all listed ones that it means. `tuning` is changed of
    requests that go there.
    """

    pool: str
    model: str = ""
    tuning: Tuning | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether it means several models."""
        return is_rule(self.model)


@dataclass(slots=True, frozen=True)
class Alias:
    """Where a name leads, in order. What `exclude` matches is not meant, neither as a name nor as a model."""

    destinations: Sequence[Destination]
    exclude: Sequence[str] = ()


NOWHERE = Alias(())


class Aliases:
    """All of them."""

    def __init__(self, aliases: Mapping[str, Alias]) -> None:
        self.exact = {name: alias for name, alias in aliases.items() if is_exact(name)}
        self._patterns = [(name, alias) for name, alias in aliases.items() if not is_exact(name)]

    def of(self, model: str) -> Alias:
        """Where `model` leads: by its own name, or else by the first pattern that means it."""
        exact = self.exact.get(model)
        if exact is not None:
            return exact
        found = (alias for name, alias in self._patterns if matches(model, (name,), alias.exclude))
        return next(found, NOWHERE)
