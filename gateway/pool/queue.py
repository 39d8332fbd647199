"""Where requests wait for an account to be below its limits: not many, and not for long."""

import asyncio
from dataclasses import dataclass, field

from gateway import errors

_RETRY_AFTER_S = 1.0


@dataclass(slots=True)
class Queue:
    """At most `most` wait, each for `patience_s` seconds in all. Who comes first is called first."""

    most: int = 100
    patience_s: float = 1.0
    _waiting: dict[asyncio.Future[None], None] = field(default_factory=dict)

    async def wait(self, opens_s: float, left_s: float) -> None:
        """Wait until something has ended, or the `opens_s` seconds are over after which something opens by
        itself.

        Raises:
            Unavailable: too many wait already, or `left_s` seconds were over before.
        """
        if len(self._waiting) >= self.most:
            raise _full("too many requests wait for an account that is below its limits")
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            async with asyncio.timeout(max(0.0, min(opens_s, left_s))):
                await turn
        except TimeoutError:
            if left_s < opens_s:
                raise _full("no account came below its limits in time") from None
        finally:
            self._waiting.pop(turn, None)

    def call(self) -> None:
        """Something has ended: all that wait may look, in their order, whether it was what they wait for."""
        waiting, self._waiting = self._waiting, {}
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)


def _full(why: str) -> errors.Unavailable:
    return errors.Unavailable(why, retry_after_s=_RETRY_AFTER_S)
