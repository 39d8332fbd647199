"""Which deployment next: all pools, the way down them, and the leases that count and judge."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from random import random
from typing import TypeAlias

from gateway import errors
from gateway.pool.account import Account
from gateway.pool.deployment import Deployment
from gateway.pool.health import Health
from gateway.pool.judge import Judge
from gateway.pool.lease import Lease
from gateway.pool.limits import opens_at
from gateway.pool.pool import Hop, Pool
from gateway.pool.queue import Queue
from gateway.pool.refusals import BETWEEN_LAST_RESORTS_S, Refusal, Refusals, spent
from gateway.pool.strategies.strategy import Standing
from gateway.timing import Clock

Candidate: TypeAlias = tuple[Deployment, str]
"""A deployment and the model's name there."""


class Pools:
    """All pools. State changes only between awaits, so nothing here locks. `chance` spreads rests: a number
    from 0 to 1.
    """

    def __init__(
        self,
        pools: Iterable[Pool],
        clock: Clock,
        queue: Queue | None = None,
        chance: Callable[[], float] = random,
    ) -> None:
        self._pools: Mapping[str, Pool] = {pool.name: pool for pool in pools}
        self._clock = clock
        self._queue = queue or Queue()
        self._judge = Judge(self._pools, clock, chance, self._woke)
        self._refusals = Refusals()
        self._watchers: list[Callable[[], None]] = []
        self.touched: set[Deployment] = set()
        """Those of whom something may have changed since somebody took them out."""

    def __getitem__(self, name: str) -> Pool:
        return self._pools[name]

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    def attempts(
        self, hops: Sequence[Hop], conversation: bytes | None = None, *, asking: bool = True
    ) -> Iterator[tuple[Deployment, str]]:
        """The deployments to try and the model's name there, lazily and in order, down each pool, then the
        next. In each comes first who holds the prompt cache of `conversation`.

        One at its limits is passed over. So is one that rests, unless no other could serve the request: then
        it is tried all the same, one request at a time. Of several that all rest that is the one whose rest
        ends first, once in `BETWEEN_LAST_RESORTS_S`.
        Those that are kept back come when all others have been tried.
        Not `asking`: it is only looked who would be.
        """
        tried: set[Candidate] = set()
        reserved: list[Hop] = []
        for hop in hops:
            yield from self._down(hop, tried, reserved, conversation)
        for hop in reserved:
            yield from self._down(hop, tried)
        if not tried and (last := self._last_resort(hops, asking=asking)) is not None:
            yield last

    def learn(self, deployment: Deployment, models: Sequence[str]) -> None:
        """`deployment` says that it has `models`."""
        if self._pools[deployment.pool].learn(deployment, models):
            self._tell()

    def switch(self, deployment: Deployment, *, on: bool) -> None:
        """Let `deployment` be chosen, or not any more."""
        self._pools[deployment.pool].switch(deployment, self._clock(), on=on)
        self._refusals.clear()
        self._queue.call()
        self._tell()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called whenever other models are served than before, or by others."""
        self._watchers.append(changed)

    def kinds(self, hops: Sequence[Hop]) -> Iterable[Candidate]:
        """Of those that may serve `hops` one of each kind: provider, model and configured capabilities."""
        return {
            (deployment.provider.name, repr(deployment.capabilities), model): (deployment, model)
            for deployment, model in self._candidates(hops)
        }.values()

    def allows(self, deployment: Deployment, model: str) -> bool:
        """Whether `deployment` is below its limits and does not rest."""
        now = self._clock()
        return (
            self._pools[deployment.pool].is_on(deployment)
            and self._allowed_at(deployment, model, now) <= now
            and self._rests_not(deployment, model, now)
        )

    async def opening(self, hops: Sequence[Hop]) -> bool:
        """Wait until one of those that may serve `hops` can; False if nobody may serve them.

        Raises:
            NoDeploymentLeft: all of them rest, or have used up what they may, until its `retry_after_s`.
            Unavailable: too many wait already, or have waited in vain.
        """
        began = now = self._clock()
        if (refusal := self._refusals.on(hops, now)) is not None:
            raise refusal.error(now)
        while (opens := self._opens(hops, now)) is not None and opens > now:
            left_s = began + self._queue.patience_s - now
            if now + left_s < opens < inf:
                raise spent(opens - now)
            await self._queue.wait(opens - now, left_s)
            now = self._clock()
        return opens is not None

    def refused(self, hops: Sequence[Hop]) -> errors.NoDeploymentLeft | None:
        """What clients are told while all that may serve `hops` rest or have used up what they may; None
        while somebody can, or soon will.
        """
        now = self._clock()
        try:
            if (refusal := self._refusals.on(hops, now)) is not None:
                return refusal.error(now)
            opens = self._opens(hops, now) or now
        except errors.NoDeploymentLeft as error:
            return error
        return spent(opens - now) if now + self._queue.patience_s < opens < inf else None

    def _opens(self, hops: Sequence[Hop], now: float) -> float | None:
        """As `_opens_at` for all that may serve `hops`, without asking everybody where few will tell; None:
        nobody may serve them.
        """
        if (opens := self._shut_until(hops, now)) > now:
            return opens
        if any(self.allows(*candidate) for candidate in self._candidates(hops)):
            return now
        candidates = list(dict.fromkeys(self._candidates(hops)))
        return self._opens_at(candidates, now) if candidates else None

    def _shut_until(self, hops: Iterable[Hop], now: float) -> float:
        """Until when limits that all share let nobody serve `hops`; `now`: they do not."""
        return min((self._closed_until(hop, now) for hop in hops), default=now)

    def _closed_until(self, hop: Hop, now: float) -> float:
        """The same for one of them."""
        shared = self._pools[hop.pool].shared_limits(hop)
        return opens_at(shared, now, hop.model) if shared else now

    def _opens_at(self, candidates: Sequence[Candidate], now: float) -> float:
        """When one of `candidates` takes a request: `now`, or later, infinitely late where that hangs on
        other requests.

        Raises:
            NoDeploymentLeft: all of them rest.
        """
        if self._is_alone(candidates):
            return inf if self._on_trial(candidates[0]) else self._allowed_at(*candidates[0], now)
        awake = [each for each in candidates if self._rests_until(each) <= now]
        if not awake:
            raise self._refusal(candidates, now, now).error(now)
        return min(
            max(self._allowed_at(deployment, model, now), self._account(deployment).opens_at(now, model))
            for deployment, model in awake
        )

    def _last_resort(self, hops: Sequence[Hop], *, asking: bool) -> Candidate | None:
        """Who is asked although it rests: the only one that could serve `hops`, one request at a time; of
        several that all rest the one whose rest ends first, now and then.
        """
        now = self._clock()
        if self._refusals.on(hops, now) is not None or self._shut_until(hops, now) > now:
            return None
        candidates = list(dict.fromkeys(self._candidates(hops)))
        if not candidates:
            return None
        rests = [self._rests_until(each) for each in candidates]
        first = candidates[rests.index(min(rests))]
        if not self._is_alone(candidates):
            if min(rests) <= now:
                return None
            if asking:
                self._refusals.add(hops, self._refusal(candidates, now, now + BETWEEN_LAST_RESORTS_S))
        return None if self._on_trial(first) or self._allowed_at(*first, now) > now else first

    def _refusal(self, candidates: Sequence[Candidate], now: float, until: float) -> Refusal:
        opens_at = min(map(self._rests_until, candidates))
        reasons = (
            breaker.last_error
            for deployment, model in candidates
            for breaker in self._account(deployment).watching(model)
            if breaker.until > now
        )
        return Refusal(min(until, opens_at), opens_at, frozenset(reasons))

    def _down(
        self,
        hop: Hop,
        tried: set[Candidate],
        reserved: list[Hop] | None = None,
        conversation: bytes | None = None,
    ) -> Iterator[Candidate]:
        """Those of one pool; where there is a list of what is `reserved`, `hop` is put there instead of those
        that are kept back.
        """
        pool, now = self._pools[hop.pool], self._clock()
        if self._closed_until(hop, now) > now:
            return

        def wanted(standing: Standing) -> bool:
            member = pool.members[standing.place]
            model = member.called(hop.model)
            return (
                (member, model) not in tried
                and pool.healths[standing.place].account.opens_at(now, model) <= now
                and self._allowed_at(member, model, now) <= now
            )

        holder = pool.holder(hop, conversation, now) if conversation is not None else None
        if holder is not None:
            standing = pool.health(holder).standing
            if not standing.kept_back and wanted(standing):
                tried.add(held := (holder, holder.called(hop.model)))
                yield held
                now = self._clock()
        while (found := pool.first(hop, now, wanted)) is not None:
            if found.kept_back and reserved is not None:
                reserved.append(hop)
                return
            member = pool.members[found.place]
            tried.add(candidate := (member, member.called(hop.model)))
            yield candidate
            now = self._clock()

    def health(self, deployment: Deployment) -> Health:
        """How `deployment` has been doing."""
        return self._pools[deployment.pool].health(deployment)

    def lease(self, deployment: Deployment, model: str) -> Lease:
        """A request for `model` at `deployment`, to be entered and left."""
        pool = self._pools[deployment.pool]
        if deployment.limits:
            self.touched.add(deployment)
        return Lease(deployment, model, pool, self._judge, self._clock, self._ended)

    def _ended(self, deployment: Deployment) -> None:
        self.touched.add(deployment)
        self._queue.call()

    def _woke(self) -> None:
        self._refusals.clear()
        self._queue.call()

    def settle(self, deployment: Deployment) -> None:
        """What is known of `deployment` was recalled: have it stand where that belongs."""
        self._pools[deployment.pool].settle(deployment, self._clock())

    def probed(self, deployment: Deployment, error: errors.GatewayError) -> None:
        """A probe met `error`: it may say something of the account, but nothing of a model."""
        self._judge.probed(deployment, error)
        self.touched.add(deployment)

    def rest(self, deployment: Deployment, error: errors.GatewayError, rest_s: float) -> None:
        """Leave the account of `deployment` alone for `rest_s` seconds, because of `error`."""
        self._judge.rest(deployment, error, rest_s)
        self.touched.add(deployment)

    def wake(self, deployment: Deployment, models: Sequence[str] = ()) -> None:
        """The account of `deployment` is well, and `models` are: they may be used again."""
        self._judge.wake(deployment, models)
        self.touched.add(deployment)
        self._refusals.clear()
        self._queue.call()

    def warm(self, deployment: Deployment) -> None:
        """The account of `deployment`, which refuses when it is cold, has answered."""
        self._judge.warm(deployment)
        self.touched.add(deployment)
        self._queue.call()

    def reset(self, deployment: Deployment) -> None:
        """As if nothing had been: the account of `deployment` may be used again, for all its models."""
        if deployment.purse is not None:
            deployment.purse.reset()
        account = self._account(deployment)
        self.wake(deployment, tuple(account.models))
        for breaker in (account.whole, *account.models.values()):
            breaker.reset()
        self.health(deployment).reset()

    def complained(self, deployment: Deployment, model: str) -> bool:
        """A client says that an answer of `model` was no good; whether that counts, as one failure. Who rests
        for it already, or is on trial, is left alone.
        """
        account = self._account(deployment)
        if any(breaker.rests for breaker in account.watching(model)):
            return False
        started = account.start(model, self._clock())
        self._judge.failed(deployment, model, errors.BadUpstreamReply("a client complained"), started)
        for breaker, begun in started:
            breaker.end(begun)
        self.touched.add(deployment)
        return True

    def _is_alone(self, candidates: Sequence[Candidate]) -> bool:
        """Whether all that could serve are one account for one model."""
        (one, asked), *others = candidates
        account = self._account(one)
        return all(self._account(other) is account and model == asked for other, model in others)

    def _account(self, deployment: Deployment) -> Account:
        return self._judge.account(deployment)

    def _rests_until(self, candidate: Candidate) -> float:
        deployment, model = candidate
        return self._account(deployment).rests_until(model)

    def _on_trial(self, candidate: Candidate) -> bool:
        deployment, model = candidate
        return any(breaker.on_trial for breaker in self._account(deployment).watching(model))

    def _rests_not(self, deployment: Deployment, model: str, now: float) -> bool:
        return self._account(deployment).opens_at(now, model) <= now

    def _candidates(self, hops: Sequence[Hop]) -> Iterator[tuple[Deployment, str]]:
        return (
            (member, member.called(hop.model)) for hop in hops for member in self[hop.pool].candidates(hop)
        )

    def _allowed_at(self, deployment: Deployment, model: str, now: float) -> float:
        return opens_at(deployment.limits, now, model) if deployment.limits else now
