"""The requests in flight: how many there may be, and how they end when the gateway stops."""

import asyncio
from contextlib import AbstractContextManager
from types import TracebackType

from gateway.errors import Unavailable

_RETRY_AFTER_S = 1.0
"""Long enough for another instance to be found, or for one of many requests to end."""


class Traffic:
    """Counts the requests of one server; refuses those over `limit` and those that come too late."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[object]] = set()
        self.in_flight = 0

    def enter(self) -> None:
        """A request begins; `leave` must follow.

        Raises:
            Unavailable: there are too many, or the gateway is stopping: this one was not counted.
        """
        if self._closed:
            raise _stopping()
        if self.in_flight >= self._limit:
            raise Unavailable(
                f"the gateway is busy with {self._limit} requests, its limit; try again in a moment",
                retry_after_s=_RETRY_AFTER_S,
            )
        self.in_flight += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request has ended."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    def interruptible(self) -> AbstractContextManager[None]:
        """The part of a request's life that `interrupt` may cut short.

        Raises:
            Unavailable: it was.
        """
        return _Interruptible(self._tasks)

    def close(self) -> None:
        """Take no more requests."""
        self._closed = True

    async def ended(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()

    def interrupt(self) -> None:
        """Let everything interruptible end now, with an error that its client is told."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()


class _Interruptible:
    """A scope whose task is among `tasks` until it ends or is interrupted; lighter than a generator's
    context.
    """

    __slots__ = ("_cancelling", "_task", "_tasks")

    _task: asyncio.Task[object]
    _cancelling: int

    def __init__(self, tasks: set[asyncio.Task[object]]) -> None:
        self._tasks = tasks

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "whoever waits is a task"
        self._task, self._cancelling = task, task.cancelling()
        self._tasks.add(task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task in self._tasks:
            self._tasks.remove(self._task)
        # A client that left meanwhile has cancelled it too.
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise _stopping() from error


def _stopping() -> Unavailable:
    return Unavailable("the gateway is shutting down; try again", retry_after_s=_RETRY_AFTER_S)
