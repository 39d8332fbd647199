"""The calls of a turn that wait for their results, for protocols that tell call and result apart by place or
name.
"""

from collections import OrderedDict
from collections.abc import Iterable

from gateway.canonical.content import ToolCall


class Waiting:
    """Calls in their order, each found at once by id or name: a hostile history holds thousands."""

    __slots__ = ("_ids", "_names", "_size")

    def __init__(self, calls: Iterable[ToolCall] = ()) -> None:
        self._ids: OrderedDict[str, list[ToolCall]] = OrderedDict()
        self._names: dict[str, OrderedDict[str, ToolCall]] = {}
        self._size = 0
        for call in calls:
            self.add(call)

    def __len__(self) -> int:
        return self._size

    def add(self, call: ToolCall) -> None:
        """One more waits."""
        self._ids.setdefault(call.id, []).append(call)
        self._names.setdefault(call.name, OrderedDict()).setdefault(call.id, call)
        self._size += 1

    def answer(self, call_id: str) -> None:
        """The calls with that id, if there are any, wait no more."""
        for call in self._ids.pop(call_id, ()):
            self._names[call.name].pop(call_id, None)
            self._size -= 1

    def first(self) -> ToolCall | None:
        """The one that waits longest."""
        return next((calls[0] for calls in self._ids.values()), None)

    def named(self, name: str | None) -> ToolCall | None:
        """The first of that name."""
        return next(iter(self._names.get(name or "", {}).values()), None)

    def of_id(self, call_id: str | None, name: str | None = None) -> ToolCall | None:
        """The first with that id; of several the one of that name, if there is one."""
        calls = self._ids.get(call_id or "", ())
        return next((call for call in calls if call.name == name), next(iter(calls), None))
