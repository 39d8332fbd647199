"""Who of several workers serves in which place, and when the next one starts: times in, decisions out."""

from dataclasses import dataclass

STEADY_S = 10.0
"""A worker that lived as long is followed at once by the next."""

PAUSES_S = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
"""How long a place stays empty after that many short lives in a row; the last holds for more."""


@dataclass(slots=True, eq=False)
class Worker:
    """One who serves in a place, or is about to."""

    place: int
    started: float
    ready: bool = False


class Crew:
    """`size` places, in each of which somebody shall serve."""

    def __init__(self, size: int, now: float) -> None:
        self._size = size
        self._due = dict.fromkeys(range(size), now)
        self._serving: dict[int, Worker] = {}
        self._short_lives = dict.fromkeys(range(size), 0)
        self._dismissed = False

    @property
    def complete(self) -> bool:
        """Whether every place is served."""
        return len(self._serving) == self._size

    def due(self, now: float) -> list[int]:
        """The places where a worker shall be started."""
        return [place for place, due in self._due.items() if due <= now]

    def wait_s(self, now: float) -> float | None:
        """How long until that is so of another place; None: not before something happens."""
        return max(0.0, min(self._due.values()) - now) if self._due else None

    def start(self, place: int, now: float) -> Worker:
        """Somebody starts in `place`. Who serves there goes on until the newcomer is ready."""
        del self._due[place]
        return Worker(place, now)

    def ready(self, worker: Worker) -> Worker | None:
        """`worker` serves; returns whom that makes one too many: the older of two in a place."""
        worker.ready = True
        other = self._serving.get(worker.place)
        if other is not None and other.started > worker.started:
            return worker
        self._serving[worker.place] = worker
        return other

    def gone(self, worker: Worker, now: float) -> None:
        """`worker` takes no more connections, or never did; another one starts, the later the more often."""
        if self._serving.get(worker.place) is worker:
            del self._serving[worker.place]
        if self._dismissed:
            return
        if now - worker.started >= STEADY_S:
            self._short_lives[worker.place] = 0
        self._due[worker.place] = now + PAUSES_S[min(self._short_lives[worker.place], len(PAUSES_S) - 1)]
        self._short_lives[worker.place] += 1

    def renew(self, now: float) -> None:
        """Have a new worker in every place."""
        self._due = dict.fromkeys(range(self._size), now)

    def dismiss(self) -> None:
        """Start nobody any more."""
        self._dismissed = True
        self._due = {}
