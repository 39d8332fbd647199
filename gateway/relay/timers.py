"""Timers by phase: how long an attempt may be silent, and what to say when it was for too long."""

import asyncio
from types import TracebackType
from typing import Self

from gateway.errors import UpstreamTimeout
from gateway.pool.deployment import Timeouts


class Watch:
    """The timers of one attempt, which run while its context lasts. Tell it what arrives; it ends the attempt
    when too little does. To hear something moves no timer: one that goes off looks at what was heard last.

    Raises (on leaving):
        UpstreamTimeout: one of the timers ran out.
    """

    __slots__ = (
        "_cancelling",
        "_content",
        "_limits",
        "_loop",
        "_ran_out",
        "_read",
        "_start",
        "_task",
        "_timer",
        "_until",
        "_whole",
    )

    _task: asyncio.Task[object]
    _timer: asyncio.TimerHandle
    _cancelling: int

    def __init__(self, limits: Timeouts, until: float, *, streaming: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._start = self._read = self._loop.time()
        self._content: float | None = None
        self._whole = not streaming
        self._until = min(until, self._start + limits.total)
        self._ran_out = ""

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "whoever waits is a task"
        self._task, self._cancelling = task, task.cancelling()
        self._set()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Whoever else wants the task to end is obeyed.
        if self._ran_out and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise UpstreamTimeout(f"the upstream {self._ran_out}") from error

    def heard(self, *, content: bool) -> None:
        """Something came; `content` says whether it was more than a sign of life."""
        self._read = self._loop.time()
        if content:
            is_first = self._content is None
            self._content = self._read
            if is_first:
                self._timer.cancel()
                self._set()

    @property
    def elapsed_s(self) -> float:
        """How long the attempt has taken up to the latest read."""
        return self._read - self._start

    def _set(self) -> None:
        self._timer = self._loop.call_at(min(self._deadlines()), self._go_off)

    def _go_off(self) -> None:
        deadlines = self._deadlines()
        when = min(deadlines)
        if when > self._loop.time():
            self._set()
        else:
            self._ran_out = deadlines[when].format(self._limits)
            self._task.cancel()

    def _deadlines(self) -> dict[float, str]:
        """When to go off, and what to say then."""
        limits, until = self._limits, {self._until: "did not finish before the request's deadline"}
        if self._whole:
            until[self._start + limits.non_stream] = "did not answer in {.non_stream:g} s"
        elif self._content is None:
            until[self._start + limits.first_content] = "said nothing for {.first_content:g} s"
        else:
            until[self._read + limits.idle] = "fell silent for {.idle:g} s"
            until[self._content + limits.progress] = "sent nothing but signs of life for {.progress:g} s"
        return until
