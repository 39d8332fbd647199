"""Members in order of rank, the best found at once however many there are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from gateway.pool.strategies.strategy import Rank, Standing

_Entry: TypeAlias = tuple[Rank, int, Standing]

_SLACK = 64


@dataclass(slots=True, eq=False)
class Ranking:
    """A heap with lazy deletion: an entry counts only while it is its member's latest."""

    _heap: list[_Entry] = field(default_factory=list)
    _latest: dict[Standing, _Entry] = field(default_factory=dict)
    _serial: int = 0

    def place(self, member: Standing, rank: Rank) -> None:
        """Put `member` where `rank` says, wherever it was."""
        self._serial += 1
        entry = self._latest[member] = (rank, self._serial, member)
        heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._latest) + _SLACK:
            self._heap = list(self._latest.values())
            heapify(self._heap)

    def remove(self, member: Standing) -> None:
        """Leave `member` out until it is placed again."""
        self._latest.pop(member, None)

    def __contains__(self, member: Standing) -> bool:
        return member in self._latest

    def first(self, wanted: Callable[[Standing], bool]) -> Standing | None:
        """The best of those that are `wanted`; None if nobody is."""
        passed_over: list[_Entry] = []
        found = None
        while self._heap and found is None:
            entry = self._heap[0]
            if self._latest.get(entry[2]) is not entry:
                heappop(self._heap)
            elif wanted(entry[2]):
                found = entry[2]
            else:
                passed_over.append(heappop(self._heap))
        for entry in passed_over:
            heappush(self._heap, entry)
        return found
