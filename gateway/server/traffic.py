"""The requests in flight: how many there may be, and how they end when the gateway stops."""

import asyncio
from contextlib import AbstractAsyncContextManager
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
        self._scopes: set[asyncio.Timeout] = set()
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

    def interruptible(self) -> AbstractAsyncContextManager[None]:
        """The part of a request's life that `interrupt` may cut short.

        Raises:
            Unavailable: it was.
        """
        return _Interruptible(self._scopes)

    def close(self) -> None:
        """Take no more requests."""
        self._closed = True

    async def ended(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()

    def interrupt(self) -> None:
        """Let everything interruptible end now, with an error that its client is told."""
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            scope.reschedule(now)


class _Interruptible:
    """A scope that is among `scopes` while it lasts; lighter than a generator's context."""

    __slots__ = ("_scope", "_scopes")

    def __init__(self, scopes: set[asyncio.Timeout]) -> None:
        self._scopes = scopes
        self._scope = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()
        self._scopes.add(self._scope)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scopes.discard(self._scope)
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            raise _stopping() from timeout


def _stopping() -> Unavailable:
    return Unavailable("the gateway is shutting down; try again", retry_after_s=_RETRY_AFTER_S)
