"""How much the gateway itself may add to what clients ask: one more try where an upstream says when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gateway import errors

LONGEST_WAIT_S = 10.0
"""For longer nobody waits here: the client is told, and may."""

_JITTER = 0.2
_MOST_SAVED = 10.0
_EARNED = 0.2


@dataclass(slots=True)
class RetryBudget:
    """One retry for five requests, and ten at most at once: retries must not double the load of an upstream
    that has too much already.
    """

    saved: float = _MOST_SAVED

    def earn(self) -> None:
        """A client has asked."""
        self.saved = min(_MOST_SAVED, self.saved + _EARNED)

    def spend(self) -> bool:
        """Whether there is a retry left, which is then used."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True


@dataclass(slots=True, frozen=True)
class Again:
    """Which of several failures is worth another try, and in how many seconds."""

    place: int
    wait_s: float


def soonest(failures: Sequence[errors.GatewayError], left_s: float, jitter: float) -> Again | None:
    """What to try once more with `left_s` seconds left; None unless all `failures` are rate limits that say
    how long they last.

    An upstream's own word is kept to, never anticipated; `jitter` from 0 to 1 spreads those who wait for the
    same moment.
    """
    waits = [
        (failure.retry_after_s, place)
        for place, failure in enumerate(failures)
        if isinstance(failure, errors.RateLimited) and failure.retry_after_s is not None
    ]
    if not waits or len(waits) < len(failures):
        return None
    wait_s, place = min(waits)
    longest = min(LONGEST_WAIT_S, left_s)
    return Again(place, min(longest, wait_s * (1 + jitter * _JITTER))) if wait_s <= longest else None


def jitter() -> float:
    """A number from 0 to 1."""
    return random.random()
