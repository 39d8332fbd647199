"""Tasks that run beside requests: referenced, so that they are not collected; logged, should they crash."""

import asyncio
from collections.abc import Coroutine

import structlog

log = structlog.stdlib.get_logger()


class Background:
    """The tasks of one server."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start `work`; a crash is logged under `name`."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_task_crashed", task=task.get_name(), exc_info=error)
