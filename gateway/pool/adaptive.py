"""How many requests at once an upstream takes that does not say so: found out as TCP does.

Every answer lets in a little more, a refusal halves it (additive increase, multiplicative decrease).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.timing import Calendar, Clock

MOST = 1000
"""No upstream is asked for more at once unless its configuration says so."""

_REFUSALS = frozenset({429, 529})
_BREATH_S = 1.0
"""Refusals within that time are one: they were all on their way when the first came."""


@dataclass(slots=True)
class Adaptive:
    """A limit of requests at once that follows what the upstream does; never less than one, or more than
    `most`.
    """

    clock: Clock
    most: float = MOST
    begin: float = 10.0
    _allowed: float = field(init=False)
    _open: int = 0
    _cut_at: float = -inf

    def __post_init__(self) -> None:
        self._allowed = min(self.begin, self.most)

    @property
    def allowed(self) -> int:
        """So many requests at once, as far as is known."""
        return int(self._allowed)

    def hear(self, model: str, status: int, headers: Mapping[str, str]) -> None:  # noqa: ARG002 - of the account
        """Take a little more, or half."""
        if status == 200:
            # Where there is room for many, each of them has a smaller say: one more for every round.
            self._allowed = min(self.most, self._allowed + 1 / self._allowed)
        elif status in _REFUSALS and self.clock() - self._cut_at >= _BREATH_S:
            self._cut_at = self.clock()
            self._allowed = max(1.0, self._allowed / 2)

    def opens_at(self, now: float, model: str) -> float:  # noqa: ARG002 - for any model
        """Now, or when another ends."""
        return now if self._open < self.allowed else inf

    def start(self, now: float, model: str) -> None:  # noqa: ARG002 - whenever, for any model
        """Count it in."""
        self._open += 1

    def end(self, now: float, model: str, tokens: int) -> None:  # noqa: ARG002 - however long it was
        """Count it out."""
        self._open -= 1

    def told(self, now: float) -> JsonObject:  # noqa: ARG002 - at any time
        """How many are there, and how many may be as far as is known."""
        return {
            "limit": "requests at once, adaptive",
            "used": self._open,
            "most": self.allowed,
        }

    @property
    def name(self) -> str:
        """What tells it from the other limits of one account."""
        return "adaptive"

    def facts(self, calendar: Calendar) -> JsonValue:  # noqa: ARG002 - no time is in it
        """How much has been found out."""
        return self._allowed

    def recall(self, facts: Any, calendar: Calendar) -> None:  # noqa: ARG002 - no time is in it
        """What was found out before this process began."""
        self._allowed = min(max(1.0, float(facts)), self.most)
