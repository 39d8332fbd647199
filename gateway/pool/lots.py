"""Members of whom lots say who is next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from gateway.pool.ranking import Ranking
from gateway.pool.strategies.strategy import Chance, Rank, Standing


@dataclass(slots=True, eq=False)
class Lots:
    """Like a `Ranking`, but the order is drawn by lot, as far as somebody looks, and anew after every move. A
    rank says no more than who comes behind all others: where it is infinite, and then in its order.

    Who was drawn and passed over stands at the end of `_members`, behind those who are `_left`; `_next` is
    the seat of the one that was drawn and not passed over.
    """

    _chance: Chance
    _members: list[Standing] = field(default_factory=list)
    _seats: dict[Standing, int] = field(default_factory=dict)
    _behind: Ranking = field(default_factory=Ranking)
    _left: int = 0
    _next: int | None = None

    def enter(self, member: Standing) -> None:
        """Let `member` in; it is to be moved to its place."""
        if member not in self:
            self._behind.enter(member)

    def move(self, member: Standing, rank: Rank) -> None:
        """Put `member` where `rank` says, unless it is left out."""
        if rank[0] == inf and member in self:
            self.remove(member)
            self._behind.enter(member)
            self._behind.move(member, rank)
        elif member in self._behind:
            self._behind.remove(member)
            self._seats[member] = len(self._members)
            self._members.append(member)
        self._left, self._next = len(self._members), None

    def remove(self, member: Standing) -> None:
        """Leave `member` out until it enters again."""
        self._behind.remove(member)
        if member in self._seats:
            self._swap(self._seats[member], len(self._members) - 1)
            self._members.pop()
            del self._seats[member]
        self._left, self._next = len(self._members), None

    def copy(self) -> "Lots":
        """Another one with the same members."""
        members, seats = self._members.copy(), self._seats.copy()
        return Lots(self._chance, members, seats, self._behind.copy(), len(members))

    def __contains__(self, member: Standing) -> bool:
        return member in self._seats or member in self._behind

    def first(self, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The first of those that are `wanted`; None if nobody is."""
        for member in reversed(self._members[self._left :]):
            if wanted(member):
                return member
        while self._left:
            if self._next is None:
                self._next = int(self._chance() * self._left)
            member = self._members[self._next]
            if wanted(member):
                return member
            self._left -= 1
            self._swap(self._next, self._left)
            self._next = None
        return self._behind.first(wanted)

    def _swap(self, seat: int, other: int) -> None:
        members = self._members
        members[seat], members[other] = members[other], members[seat]
        self._seats[members[seat]], self._seats[members[other]] = seat, other
