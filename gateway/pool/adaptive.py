"""How many requests at once an upstream takes that does not say so: found out as TCP does.

Every answer lets in a little more, a refusal halves it (additive increase, multiplicative decrease).
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.pool.limits import AtOnce
from gateway.timing import Calendar, Clock

MOST = 1000
"""No upstream is asked for more at once unless its configuration says so."""

_REFUSALS = frozenset({429, 529})
_BREATH_S = 1.0
"""Refusals within that time are one: they were all on their way when the first came."""


class Adaptive(AtOnce):
    """A limit of requests at once that follows what the upstream does; never less than one, or more than the
    `most` it is made with. Its `most` is what it allows, as far as is known.
    """

    __slots__ = ("_allowed", "_clock", "_cut_at", "_highest")

    def __init__(self, clock: Clock, most: float = MOST, begin: float = 10.0) -> None:
        super().__init__(0)
        self._clock = clock
        self._highest = most
        self._cut_at = -inf
        self._allow(begin)

    def hear(self, model: str, status: int, headers: Mapping[str, str]) -> None:  # noqa: ARG002 - of the account
        """Take a little more, or half."""
        if status == 200:
            # Where there is room for many, each of them has a smaller say: one more for every round.
            self._allow(self._allowed + 1 / self._allowed)
        elif status in _REFUSALS and self._clock() - self._cut_at >= _BREATH_S:
            self._cut_at = self._clock()
            self._allow(self._allowed / 2)

    def told(self, now: float) -> JsonObject:
        """How many are there, and how many may be as far as is known."""
        return {**super().told(now), "limit": "requests at once, adaptive"}

    @property
    def name(self) -> str:
        """What tells it from the other limits of one account."""
        return "adaptive"

    def facts(self, calendar: Calendar) -> JsonValue:  # noqa: ARG002 - no time is in it
        """How much has been found out."""
        return self._allowed

    def recall(self, facts: Any, calendar: Calendar) -> None:  # noqa: ARG002 - no time is in it
        """What was found out before this process began."""
        self._allow(float(facts))

    def _allow(self, wanted: float) -> None:
        self._allowed = min(max(1.0, wanted), self._highest)
        self.most = int(self._allowed)
