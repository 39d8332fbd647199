"""The periodic health check: asks those of whom nothing was heard for a sign of life, and wakes those that
give it.

What requests show comes first: whoever is busy, or has answered lately, is not asked, and a list of models
proves that a key is taken, not that a model answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import random
from typing import TypeAlias

import structlog

from gateway import errors
from gateway.pool.asking import each
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.pool.probe import asked_model, probe
from gateway.timing import Clock

LOOK_EVERY_S = 10.0
"""How often it is looked who is to be asked."""

RESET_EVERY_S = 300.0
"""How often one is asked whose key was not accepted."""

FIRST_EARLY_S = 30.0
"""After how long one that rests is asked first; then after twice as long each time."""

_JITTER = 0.1
_MOST_DOUBLINGS = 16
_SAYS_NOTHING = (errors.RateLimited, errors.RequestRefused, errors.ModelUnavailable)
"""Answers of somebody who lives, but limits requests, or has no list of models or other ones."""

Subject: TypeAlias = tuple[str, str | None]
"""What is checked: an account, and the model that it is asked for."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class _Check:
    """How the checks of one have been going: when the last was, how many failed in a row, and how many of
    those came `early` because it rested. `chance` spreads checks: from 0 to 1.
    """

    at: float
    failures: int = 0
    early: int = 0
    chance: float = field(default_factory=random)


@dataclass(slots=True)
class HealthChecker:
    """Checks every deployment that wants it and was silent for `interval_s`, a tenth more or less; the first
    time after a whole interval, so that a start costs nothing.

    A deployment that answers is woken; one that fails `max_errors` checks in a row rests until it answers
    one, or until the next check would be. `pause` waits, given seconds.
    """

    pools: Pools
    interval_s: float
    max_errors: int
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _checks: dict[Subject, _Check] = field(default_factory=dict)

    async def run(self) -> None:
        """Check for ever."""
        self.due()
        while True:
            await self.pause(min(LOOK_EVERY_S, self.interval_s))
            await self.check_all(self.due())

    def due(self) -> list[Deployment]:
        """Those to be asked now, one of each account and model."""
        now = self.clock()
        members = (
            member
            for pool in self.pools
            for member in pool.members
            if member.check_health and pool.is_on(member)
        )
        return list({_subject(member): member for member in members if self._is_due(member, now)}.values())

    async def check_all(self, deployments: list[Deployment]) -> None:
        """Check `deployments`, a few at a time."""
        await each(self.check, deployments)

    async def check(self, deployment: Deployment) -> errors.UpstreamError | None:
        """Probe one deployment and tell the pool what came of it; the failure, if it was one."""
        check = self._check(deployment)
        check.early += self._rests(deployment, self.clock())
        try:
            await probe(deployment)
        except errors.UpstreamError as error:
            log.warning("health_check_failed", deployment=deployment.id, kind=type(error).__name__)
            self._failed(deployment, check, error)
            return error
        else:
            check.failures = check.early = 0
            self._succeeded(deployment)
            return None
        finally:
            check.at, check.chance = self.clock(), random()

    def _failed(self, deployment: Deployment, check: _Check, error: errors.UpstreamError) -> None:
        if isinstance(error, _SAYS_NOTHING):
            return
        check.failures += 1
        self.pools.probed(deployment, error)
        if check.failures >= self.max_errors:
            self.pools.rest(deployment, error, self.interval_s * (1 + _JITTER))

    def _succeeded(self, deployment: Deployment) -> None:
        model = asked_model(deployment)
        # Whose money is spent may still list its models.
        broke = self.pools.health(deployment).account.whole.last_error == errors.QuotaExhausted.__name__
        if model is not None:
            self.pools.wake(deployment, (model,))
        elif not broke:
            self.pools.wake(deployment)

    def _is_due(self, deployment: Deployment, now: float) -> bool:
        health, check = self.pools.health(deployment), self._check(deployment)
        # Who is kept back, the warmer asks once it is needed.
        if health.in_flight or (health.standing.kept_back and not self._rests(deployment, now)):
            return False
        heard_at = check.at if health.heard_at is None else max(check.at, health.heard_at)
        return now >= heard_at + self._wait_s(deployment, check, now)

    def _wait_s(self, deployment: Deployment, check: _Check, now: float) -> float:
        interval_s = self.interval_s * (1 + _JITTER * (2 * check.chance - 1))
        if not self._rests(deployment, now):
            return interval_s
        rejected = errors.CredentialRejected.__name__
        if self.pools.health(deployment).account.whole.last_error == rejected:
            return RESET_EVERY_S
        return min(interval_s, FIRST_EARLY_S * float(1 << min(check.early, _MOST_DOUBLINGS)))

    def _rests(self, deployment: Deployment, now: float) -> bool:
        """Whether it does, with all of its models or the one that is asked for."""
        return self.pools.health(deployment).account.rests_until(asked_model(deployment) or "") > now

    def _check(self, deployment: Deployment) -> _Check:
        check = self._checks.get(_subject(deployment))
        if check is None:
            check = self._checks[_subject(deployment)] = _Check(self.clock())
        return check


def _subject(deployment: Deployment) -> Subject:
    return deployment.account or deployment.id, asked_model(deployment)
