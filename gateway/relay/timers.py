"""Timers by phase: how long an attempt may be silent, and what to say when it was for too long."""

import asyncio
from types import TracebackType

from gateway.errors import UpstreamTimeout
from gateway.pool.deployment import Timeouts

GRACE_S = 0.5
"""Timers are moved at most this often, and fire at most this late: moving one for every read would cost more.
"""


class Watch:
    """The timers of one attempt, which run while its context lasts. Tell it what arrives; it ends the attempt
    when too little does.

    Raises (on leaving):
        UpstreamTimeout: one of the timers ran out.
    """

    __slots__ = ("_content", "_limits", "_loop", "_moved", "_read", "_start", "_timer", "_until", "_whole")

    def __init__(self, limits: Timeouts, until: float, *, streaming: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._start = self._moved = self._read = self._loop.time()
        self._content: float | None = None
        self._whole = not streaming
        self._until = min(until, self._start + limits.total)
        self._timer = asyncio.timeout_at(self._deadline()[0])

    async def __aenter__(self) -> None:
        await self._timer.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timer.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            raise UpstreamTimeout(f"the upstream {self._deadline()[1]}") from timeout

    def heard(self, *, content: bool) -> None:
        """Something came; `content` says whether it was more than a sign of life."""
        now = self._loop.time()
        self._read = now
        if content:
            first = self._content is None
            self._content = now
            if first:
                self._move(now)
        if now - self._moved > GRACE_S and self._content is not None:
            self._move(now)

    @property
    def elapsed_s(self) -> float:
        """How long the attempt has taken up to the latest read."""
        return self._read - self._start

    def _move(self, now: float) -> None:
        self._moved = now
        self._timer.reschedule(self._deadline()[0])

    def _deadline(self) -> tuple[float, str]:
        limits = self._limits
        deadlines = [(self._until, "did not finish before the request's deadline")]
        if self._whole:
            deadlines.append((self._start + limits.non_stream, f"did not answer in {limits.non_stream:g} s"))
        elif self._content is None:
            deadlines.append(
                (self._start + limits.first_content, f"said nothing for {limits.first_content:g} s")
            )
        else:
            deadlines.append((self._read + limits.idle + GRACE_S, f"fell silent for {limits.idle:g} s"))
            deadlines.append(
                (
                    self._content + limits.progress + GRACE_S,
                    f"sent nothing but signs of life for {limits.progress:g} s",
                )
            )
        return min(deadlines)
