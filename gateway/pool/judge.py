"""What the pools make of successes and failures: who rests, and who may be used again."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import structlog

from gateway import errors
from gateway.pool.account import Account, Started
from gateway.pool.breaker import Failure
from gateway.pool.deployment import Deployment
from gateway.pool.health import Health
from gateway.pool.line import EVERY
from gateway.pool.policy import Scope
from gateway.pool.pool import Pool
from gateway.timing import Clock

log = structlog.stdlib.get_logger()


class Judge:
    """Keeps accounts, and the pools' lines with them. Deployments with one key have one account.

    `chance` spreads rests: a number from 0 to 1. `woke` is called when a success has ended a rest.
    """

    def __init__(
        self,
        pools: Mapping[str, Pool],
        clock: Clock,
        chance: Callable[[], float],
        woke: Callable[[], None],
    ) -> None:
        self._pools = pools
        self._clock = clock
        self._chance = chance
        self._woke = woke
        self._holders: defaultdict[int, list[Deployment]] = defaultdict(list)
        self._share_accounts(pools.values())

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._pools[deployment.pool].health(deployment)

    def account(self, deployment: Deployment) -> Account:
        """Whose key `deployment` uses."""
        return self.health(deployment).account

    def failed(
        self, deployment: Deployment, model: str, error: errors.GatewayError, started: Started
    ) -> None:
        """A request for `model` that had `started` met `error`."""
        rest, now = deployment.policy.consequence(error).rest, self._clock()
        if rest is None:
            return
        name = type(error).__name__
        if rest.counts:
            self.health(deployment).failed(now, name)
        whole = rest.scope is Scope.CREDENTIAL
        breaker, begun = started[0 if whole else -1]
        period_s = None if deployment.period is None else deployment.period.below(0, now) - now
        failure = Failure(name=name, asked_s=error.retry_after_s, period_s=period_s, chance=self._chance())
        rest_s = breaker.fail(rest, failure, now, begun)
        if rest_s is not None:
            asked = EVERY if whole else model
            self._leave(deployment, asked)
            _note(deployment, asked, name, rest_s)

    def succeeded(self, deployment: Deployment, model: str, started: Started, now: float) -> None:
        """A request for `model` that had `started` was answered."""
        self._pools[deployment.pool].health(deployment).succeeded(now)
        if deployment.warmth is not None:
            self.warm(deployment)
        woken = False
        for breaker, begun in started:
            woken = breaker.succeed(now, begun) or woken
        if woken:
            self._join(deployment, model)
            self._woke()

    def warm(self, deployment: Deployment) -> None:
        """The account of `deployment`, which refuses when it is cold, has answered."""
        assert deployment.warmth is not None
        deployment.warmth.answer(self._clock())
        if self._pools[deployment.pool].is_kept_back(deployment):
            for holder in self._holders[id(self.account(deployment))]:
                self._pools[holder.pool].keep_back(holder, back=False)

    def probed(self, deployment: Deployment, error: errors.GatewayError) -> None:
        """A probe met `error`: it may say something of the account, but nothing of a model."""
        rest = deployment.policy.consequence(error).rest
        if rest is not None and rest.scope is Scope.CREDENTIAL:
            whole = self.account(deployment).whole
            begun = whole.start()
            self.failed(deployment, EVERY, error, ((whole, begun),))
            whole.end(begun)

    def rest(self, deployment: Deployment, error: errors.GatewayError, rest_s: float) -> None:
        """Leave the account of `deployment` alone for `rest_s` seconds, because of `error`."""
        name, now, whole = type(error).__name__, self._clock(), self.account(deployment).whole
        known = whole.until > now and whole.last_error == name
        self.health(deployment).failed(now, name)
        whole.rest(now, rest_s, name)
        self._leave(deployment, EVERY)
        if not known:
            _note(deployment, EVERY, name, rest_s)

    def wake(self, deployment: Deployment, models: Iterable[str] = ()) -> None:
        """The account of `deployment` is well, and `models` are: they may be used again."""
        health = self.health(deployment)
        account, health.heard_at = health.account, self._clock()
        watching = {EVERY: account.whole, **{model: account.models.get(model) for model in models}}
        for model, breaker in watching.items():
            if breaker is not None and breaker.rests:
                breaker.reset()
                health.failures, health.last_error = 0, ""
                self._join(deployment, model)

    def _leave(self, deployment: Deployment, model: str) -> None:
        for holder in self._holders[id(self.account(deployment))]:
            self._pools[holder.pool].leave(holder, model)

    def _join(self, deployment: Deployment, model: str) -> None:
        now = self._clock()
        for holder in self._holders[id(self.account(deployment))]:
            for name in dict.fromkeys((EVERY, model)):
                self._pools[holder.pool].join(holder, name, now)
        log.info("woke", deployment=deployment.id, pool=deployment.pool, model=model)

    def _share_accounts(self, pools: Iterable[Pool]) -> None:
        accounts: dict[str, Account] = {}
        for pool in pools:
            for member in pool.members:
                health = pool.health(member)
                health.account = accounts.setdefault(member.account or member.id, health.account)
                self._holders[id(health.account)].append(member)


def _note(deployment: Deployment, model: str, reason: str, rest_s: float) -> None:
    log.warning(
        "rested",
        deployment=deployment.id,
        pool=deployment.pool,
        model=model,
        kind=reason,
        rest_s=round(rest_s, 3),
    )
