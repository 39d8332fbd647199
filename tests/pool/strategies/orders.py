"""Who is chosen, request by request, when a strategy has its way."""

from collections.abc import Iterable
from random import Random
from typing import Any

from gateway.pool.line import Line
from gateway.pool.strategies import STRATEGIES
from gateway.pool.strategies.strategy import Standing


class Choosing:
    """A line of `members` by the strategy `name`, and the requests that they have."""

    def __init__(self, name: str, members: Iterable[Standing], **options: Any) -> None:
        kind = STRATEGIES[name]
        self.members = tuple(members)
        self.line = Line(
            self.members,
            lambda standings: kind.strategy(standings, Random(3).random, kind.options(**options)),
        )
        self.requests = 0

    def start(self, *but: Standing) -> Standing:
        """The next one, `but` not these; a request starts there."""
        member = self.line.first("m", lambda standing: standing not in but)
        assert member is not None
        self.requests += 1
        member.used = self.requests
        member.in_flight += 1
        self.line.start(member)
        return member

    def end(self, member: Standing, seconds: float | None = 1.0) -> None:
        """A request ends there."""
        member.in_flight -= 1
        self.line.end(member, seconds)

    def one(self, *but: Standing, seconds: float | None = 1.0) -> int:
        """A request from its start to its end; the place of whom it went to."""
        member = self.start(*but)
        self.end(member, seconds)
        return member.place

    def many(self, count: int) -> list[int]:
        """Requests one after the other."""
        return [self.one() for _ in range(count)]


def standings(count: int) -> list[Standing]:
    """So many, of equal rights."""
    return [Standing(place) for place in range(count)]
