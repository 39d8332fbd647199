"""A request at a deployment, from its start to its end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from gateway import errors
from gateway.pool.account import Started
from gateway.pool.deployment import Deployment
from gateway.pool.health import Health
from gateway.pool.judge import Judge
from gateway.pool.pool import Pool
from gateway.timing import Clock


@dataclass(slots=True, eq=False)
class Lease:
    """Counts `deployment` in and out, and has it judged by how the block ends. A client that leaves
    (cancellation) and faults of the request itself punish nobody.

    The block notes `answered_s`: after how many seconds the answer began; None: at the end. `tokens`: what it
    came to, read and written. `conversation`: what it is a part of; None: nobody knows. `ended` is called
    when it is over.
    """

    deployment: Deployment
    model: str
    pool: Pool
    judge: Judge
    clock: Clock
    ended: Callable[[Deployment], None]
    answered_s: float | None = None
    tokens: int = 0
    conversation: bytes | None = None
    _health: Health = field(init=False)
    _began: float = 0.0
    _started: Started = ()

    def __enter__(self) -> Self:
        self._began = now = self.clock()
        self._health = self.pool.health(self.deployment)
        for limit in self.deployment.limits:
            limit.start(now, self.model)
        self.pool.start(self._health.standing, now)
        self._started = self._health.account.start(self.model, now)
        return self

    def answers(self) -> None:
        """To be called when the answer has begun: whoever was on trial has passed."""
        for breaker, _ in self._started:
            if breaker.on_trial:
                self.judge.succeeded(self.deployment, self.model, self._started, self.clock())
                return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        now, seconds = self.clock(), None
        try:
            if error is None:
                seconds = now - self._began if self.answered_s is None else self.answered_s
                self.judge.succeeded(self.deployment, self.model, self._started, now)
                if self.conversation is not None:
                    self.pool.hold(self.conversation, self.deployment, now)
            elif isinstance(error, errors.GatewayError):
                self.judge.failed(self.deployment, self.model, error, self._started)
        finally:
            for limit in self.deployment.limits:
                limit.end(now, self.model, self.tokens)
            for breaker, begun in self._started:
                breaker.end(begun)
            self.pool.end(self._health.standing, seconds)
            self.ended(self.deployment)
