"""Members in order of rank, the best found at once however many there are.

Most strategies place a member behind those that were placed before it, or behind those of its kind: the busy
ones, say, or those of one price. So members wait in a few queues, each in order, and whoever is placed goes
to the end of one; only who fits nowhere goes to a heap. What is done is done at the ends of queues, mostly.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from gateway.pool.strategies.strategy import Rank, Standing

_Entry: TypeAlias = tuple[Rank, int, Standing]

_SLACK = 64
_MOST_QUEUES = 8


@dataclass(slots=True, eq=False)
class Ranking:
    """Deletion is lazy: an entry counts only while it is its member's latest."""

    _queues: list[deque[_Entry]] = field(default_factory=list)
    _heap: list[_Entry] = field(default_factory=list)
    _latest: dict[Standing, _Entry] = field(default_factory=dict)
    _serial: int = 0
    _tidy_at: int = _SLACK

    def place(self, member: Standing, rank: Rank) -> None:
        """Put `member` where `rank` says, wherever it was."""
        self._serial += 1
        entry = self._latest[member] = (rank, self._serial, member)
        nearest, end = None, None
        for queue in self._queues:
            last = queue[-1] if queue else None
            if last is None:
                nearest = nearest or queue
            elif last < entry and (end is None or end < last):
                nearest, end = queue, last
        if nearest is not None:
            nearest.append(entry)
        elif len(self._queues) < _MOST_QUEUES:
            self._queues.append(deque((entry,)))
        else:
            heappush(self._heap, entry)
        if self._serial >= self._tidy_at:
            self._tidy()

    def remove(self, member: Standing) -> None:
        """Leave `member` out until it is placed again."""
        self._latest.pop(member, None)

    def copy(self) -> "Ranking":
        """Another one with the same members in the same places."""
        in_order = deque(sorted(self._latest.values()))
        return Ranking([in_order], [], dict(self._latest), self._serial, self._tidy_at)

    def __contains__(self, member: Standing) -> bool:
        return member in self._latest

    def first(self, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that are `wanted`; None if nobody is."""
        passed_over: list[_Entry] = []
        while (entry := self._head()) is not None and not wanted(entry[2]):
            passed_over.append(entry)
            self._take(entry)
        if passed_over:
            # They come before all others, so that they may stand before any queue.
            self._queues[0].extendleft(reversed(passed_over))
        return None if entry is None else entry[2]

    def _head(self) -> _Entry | None:
        """The best entry of all."""
        latest, heap, best = self._latest, self._heap, None
        for queue in self._queues:
            while queue and latest.get(queue[0][2]) is not queue[0]:
                queue.popleft()
            if queue and (best is None or queue[0] < best):
                best = queue[0]
        while heap and latest.get(heap[0][2]) is not heap[0]:
            heappop(heap)
        return heap[0] if heap and (best is None or heap[0] < best) else best

    def _take(self, best: _Entry) -> None:
        for queue in self._queues:
            if queue and queue[0] is best:
                queue.popleft()
                return
        heappop(self._heap)

    def _tidy(self) -> None:
        """Forget the entries that do not count any more, once there may be as many of them as others."""
        latest = self._latest
        for queue in self._queues:
            counting = [entry for entry in queue if latest.get(entry[2]) is entry]
            queue.clear()
            queue.extend(counting)
        self._heap = [entry for entry in self._heap if latest.get(entry[2]) is entry]
        heapify(self._heap)
        self._tidy_at = self._serial + len(latest) + _SLACK
