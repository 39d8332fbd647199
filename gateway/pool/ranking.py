"""Members in order of rank, the best found at once however many there are.

Most strategies place a member behind those that were placed before it, or behind those of its kind: the busy
ones, say, or those of one price. So members stand in a few queues, each in order, and whoever is placed goes
to the end of one; only who fits nowhere goes to a heap. A queue is linked from member to member: to leave it
touches nobody but the neighbours, wherever one stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import TypeAlias

from gateway.pool.strategies.strategy import Rank, Standing

_SLACK = 64
_MOST_QUEUES = 8
_NOBODY = Standing(-1)


class _Place:
    """Where a member stands: between two others of a queue; its own neighbour in the heap, or nowhere.

    A queue is a place of nobody, between the last and the first.
    """

    __slots__ = ("after", "before", "member", "rank")

    def __init__(self, member: Standing = _NOBODY) -> None:
        self.member = member
        self.rank: Rank = ()
        self.before = self.after = self

    def stand_behind(self, other: "_Place") -> None:
        """Be the next after `other`."""
        self.before, self.after = other, other.after
        self.before.after = self.after.before = self

    def step_out(self) -> None:
        """Leave the neighbours to each other."""
        self.before.after, self.after.before = self.after, self.before
        self.before = self.after = self


_Entry: TypeAlias = tuple[Rank, int, _Place]


@dataclass(slots=True, eq=False)
class Ranking:
    """Those that have entered, each where its latest move has put it."""

    _places: dict[Standing, _Place] = field(default_factory=dict)
    _queues: list[_Place] = field(default_factory=list)
    _heap: list[_Entry] = field(default_factory=list)
    _serial: int = 0

    def enter(self, member: Standing) -> None:
        """Let `member` in; it is to be moved to its place."""
        if member not in self._places:
            self._places[member] = _Place(member)

    def move(self, member: Standing, rank: Rank) -> None:
        """Put `member` where `rank` says, unless it is left out."""
        place = self._places.get(member)
        if place is None or place.rank is rank:
            return
        place.before.after, place.after.before = place.after, place.before
        place.rank = rank
        end = empty = None
        for queue in self._queues:
            last = queue.before
            if last is queue:
                empty = queue
            elif last.rank < rank and (end is None or end.rank < last.rank):
                end = last
        end = end or empty or self._another(place)
        place.before, place.after = end, end.after
        end.after = place.after.before = place

    def remove(self, member: Standing) -> None:
        """Leave `member` out until it enters again."""
        place = self._places.pop(member, None)
        if place is not None:
            place.step_out()
            place.rank = ()

    def copy(self) -> "Ranking":
        """Another one with the same members in the same places."""
        other = Ranking()
        for place in sorted(self._places.values(), key=attrgetter("rank")):
            other.enter(place.member)
            other.move(place.member, place.rank)
        return other

    def __contains__(self, member: Standing) -> bool:
        return member in self._places

    def first(self, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that are `wanted`; None if nobody is."""
        passed_over: list[_Place] = []
        while (place := self._head()) is not None and not wanted(place.member):
            passed_over.append(place)
            if self._heap and self._heap[0][2] is place:
                heappop(self._heap)
            place.step_out()
        for passed in reversed(passed_over):
            # They come before all others, so that they may stand before any queue.
            passed.stand_behind(self._queues[0])
        return None if place is None else place.member

    def _head(self) -> _Place | None:
        """The best place of all."""
        best = None
        for queue in self._queues:
            first = queue.after
            if first is not queue and (best is None or first.rank < best.rank):
                best = first
        heap = self._heap
        while heap and heap[0][2].rank is not heap[0][0]:
            heappop(heap)
        return heap[0][2] if heap and (best is None or heap[0][0] < best.rank) else best

    def _another(self, place: _Place) -> _Place:
        """Whom `place` stands behind if it fits into no queue: a new queue, or, in the heap, itself."""
        if len(self._queues) < _MOST_QUEUES:
            self._queues.append(_Place())
            return self._queues[-1]
        self._serial += 1
        heappush(self._heap, (place.rank, self._serial, place))
        if len(self._heap) > 2 * len(self._places) + _SLACK:
            self._heap = [entry for entry in self._heap if entry[2].rank is entry[0]]
            heapify(self._heap)
        place.before = place.after = place
        return place
