"""How a deployment has been doing, as people want to know it: a state and a score."""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.pool.account import Account
from gateway.pool.strategies.strategy import Standing

_WEIGHT = 0.2
"""How much the latest request counts beside all before it."""

_BEST = 100


class State(StrEnum):
    """What users of pool managers are used to see."""

    UNKNOWN = "UNKNOWN"
    AVAILABLE = "AVAILABLE"
    ERROR = "ERROR"
    UNAVAILABLE = "UNAVAILABLE"


def state_of(*, heard: bool, rests: bool, troubled: bool) -> State:
    """Of one that was `heard` of at all, that `rests` with all its models, or has trouble with some."""
    if rests:
        return State.UNAVAILABLE
    if not heard:
        return State.UNKNOWN
    return State.ERROR if troubled else State.AVAILABLE


def score_of(quality: float, *, rests: bool, troubled: bool) -> int:
    """From 0 to 100: the share of requests that go well (`quality`, from 0 to 1), half of it in trouble, none
    of it at rest.
    """
    if rests:
        return 0
    return round(_BEST * quality / (2 if troubled else 1))


@dataclass(slots=True)
class Health:
    """How a deployment has been doing; only the pool writes it. Times are of the pool's monotonic clock.

    What rests is its `account`, or a model of that. `failures` in a row and `last_error`, the name of its
    class, are the deployment's own; `heard_at`: when it last answered or failed to, None: never yet.
    """

    standing: Standing
    account: Account = field(default_factory=Account)
    failures: int = 0
    last_error: str = ""
    heard_at: float | None = None
    quality: float = 1.0

    @property
    def in_flight(self) -> int:
        """Requests that have started there and not ended."""
        return self.standing.in_flight

    def succeeded(self, now: float) -> None:
        """It has answered."""
        self.failures, self.last_error, self.heard_at = 0, "", now
        self.quality += _WEIGHT * (1 - self.quality)

    def failed(self, now: float, error: str) -> None:
        """It has failed."""
        self.failures, self.last_error, self.heard_at = self.failures + 1, error, now
        self.quality -= _WEIGHT * self.quality

    def reset(self) -> None:
        """As if nothing had been."""
        self.failures, self.last_error, self.heard_at, self.quality = 0, "", None, 1.0

    def state(self, now: float) -> State:
        """In a word."""
        return state_of(heard=self.heard_at is not None, rests=self._rests(now), troubled=self._troubled(now))

    def score(self, now: float) -> int:
        """From 0 to 100."""
        return score_of(self.quality, rests=self._rests(now), troubled=self._troubled(now))

    def _rests(self, now: float) -> bool:
        return self.account.whole.until > now

    def _troubled(self, now: float) -> bool:
        return self.failures > 0 or any(model.until > now for model in self.account.models.values())
