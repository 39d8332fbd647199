"""A request for a reply: route it, try, and fall back while nothing has been said."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from gateway import errors
from gateway.pool.deployment import Deployment
from gateway.pool.policy import Verdict
from gateway.pool.pool import Hop
from gateway.pool.pools import Candidate, Pools
from gateway.pool.tuning import Tuning
from gateway.protocols.target import Target
from gateway.providers.capabilities import CapabilityTable
from gateway.relay.attempt import Attempt
from gateway.relay.conversation import Conversation, conversation_of
from gateway.relay.emptiness import Delivery, EmptyReply
from gateway.relay.exchange import Exchange, Record
from gateway.relay.failures import summary
from gateway.relay.memory import Memory
from gateway.relay.needs import Needs, asked_for, needs_of
from gateway.relay.retries import RetryBudget, jitter, soonest
from gateway.relay.route import Router
from gateway.relay.sink import Said

MAX_ATTEMPTS = 3
"""How many attempts one request may cost, over all pools."""

_CHEAP: tuple[type[errors.GatewayError], ...] = (
    errors.CredentialRejected,
    errors.Overloaded,
    errors.RateLimited,
    errors.Unreachable,
)
_CHEAP_WITHIN_S = 1.0
_CHEAP_FACTOR = 2
"""Refusals that cost nobody anything may be followed by more attempts, up to so many times as many."""

_ENDLESS = 2**63
_REMEMBERED = 1000
"""Targets that are remembered at most: model names may come from clients."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Generator:
    """Answers requests for replies."""

    pools: Pools
    router: Router
    capabilities: CapabilityTable
    total_timeout_s: float
    memory: Memory
    retries: RetryBudget = field(default_factory=RetryBudget)
    max_attempts: int = MAX_ATTEMPTS
    _targets: dict[tuple[Deployment, str], Target] = field(default_factory=dict)
    _choices: dict[Sequence[Hop], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pools.watch(self._choices.clear)

    async def generate(self, exchange: Exchange) -> None:
        """Answer `exchange`.

        Raises:
            GatewayError: the client is to be told this; the sink knows what it has been told already.
        """
        course = self.course(exchange, asyncio.get_running_loop().time() + self.total_timeout_s)
        exchange.promise()
        self.retries.earn()
        if await self._served(course, course.hops):
            return
        failed = exchange.record.failed
        again = (
            None
            if course.is_over
            else soonest([failure.error for failure in failed], course.left_s, jitter())
        )
        if again is not None and self.retries.spend():
            await asyncio.sleep(again.wait_s)
            once_more = course.failed_at[again.place]
            if self.pools.allows(*once_more) and await self._answered(course, *once_more):
                return
        if course.empty is not None:
            await course.empty()
            return
        # A stream that broke is told of its own end only.
        raise summary(failed[-1:] if exchange.sink.said is Said.CONTENT else failed, course.unsayable)

    def course(self, exchange: Exchange, until: float) -> "Course":
        """The way of `exchange`, before its first step.

        Raises:
            ModelNotFound: nobody serves its model.
            NotFound: there is no pool of the name that it asks for.
        """
        hops = self.router.route(exchange.asked.model, exchange.pool)
        course = Course(exchange, until, hops, self.max_attempts)
        if any(self.pools[hop.pool].sticky is not None for hop in hops):
            course.conversation = conversation_of(exchange.meaning, exchange.client, exchange.asked.model)
        return course

    def candidates(self, course: "Course", *, asking: bool = True) -> Iterator[Candidate]:
        """Whom to try, lazily and in order. Not `asking`: it is only looked who that would be."""
        attempts = self.pools.attempts(course.hops, course.known_by, asking=asking)
        return self._able(course, attempts) if self.is_choice(course.hops) else attempts

    async def _served(self, course: "Course", hops: Sequence[Hop]) -> bool:
        """Try one after the other until one answers or nothing is to be tried any more."""
        while True:
            found = False
            for deployment, model in self.candidates(course):
                found = True
                if deployment.pool in course.left_pools:
                    continue
                if await self._answered(course, deployment, model):
                    return True
                if course.is_over:
                    break
            if found or not await self.pools.opening(hops):
                return False

    def _able(self, course: "Course", attempts: Iterator[Candidate]) -> Iterator[Candidate]:
        """Of `attempts` those that have what the request needs; if nobody has it, all."""
        unable: list[Candidate] = []
        for candidate in attempts:
            if course.needs.met_by(self.target(*candidate).capabilities):
                yield candidate
            else:
                unable.append(candidate)
        if not course.exchange.record.failed and course.unsayable is None:
            yield from unable[:1]
            yield from (candidate for candidate in unable[1:] if self.pools.allows(*candidate))

    def is_choice(self, hops: Sequence[Hop]) -> bool:
        """Whether those that may serve `hops` can different things."""
        way = tuple(hops)
        known = self._choices.get(way)
        if known is None:
            abilities = {asked_for(self.target(*each).capabilities) for each in self.pools.kinds(hops)}
            known = len(abilities) > 1
            if len(self._choices) < _REMEMBERED:
                self._choices[way] = known
        return known

    async def _answered(self, course: "Course", deployment: Deployment, model: str) -> bool:
        """Try the request at `deployment`; what came of it if it failed is noted in `course`."""
        exchange, target = course.exchange, self.target(deployment, model)
        course.began = asyncio.get_running_loop().time()
        tunings = tuple(course.tunings(deployment, model))
        if (target.capabilities.context or 0) <= course.too_small and course.too_small:
            return False
        try:
            with self.pools.lease(deployment, model) as lease:
                exchange.answers = lease.answers
                lease.conversation = course.conversation.key if course.conversation is not None else None
                try:
                    attempt = Attempt(exchange, deployment, target, self.memory, tunings=tunings)
                    await attempt.run(course.until)
                finally:
                    lease.answered_s = exchange.record.first_content_s
                    lease.tokens = exchange.record.tokens
        except errors.Unsayable as error:
            course.unsayable = error
            return False
        except errors.RequestError:
            # The client's own mistake is no failure of a deployment, and no other could mend it.
            raise
        except errors.GatewayError as error:
            exchange.record.failed.append(errors.FailedAttempt(deployment.id, error))
            course.failed(deployment, model, error)
            if isinstance(error, EmptyReply) and course.empty is None:
                course.empty = partial(_delivered, exchange, replace(exchange.record), error.taken())
            _note(exchange, deployment, error)
            # A conversation that is too long here may fit a model with a larger window, and no other.
            if isinstance(error, errors.ContextTooLong):
                course.too_small = target.capabilities.context or _ENDLESS
            return False
        return True

    def target(self, deployment: Deployment, model: str) -> Target:
        """`model` at `deployment`, and what it can."""
        known = self._targets.get((deployment, model))
        if known is not None:
            return known
        provider = deployment.provider
        can = self.capabilities.of(provider.codec.name, model, provider.capabilities, deployment.capabilities)
        target = Target(model, can)
        if len(self._targets) < _REMEMBERED:
            self._targets[deployment, model] = target
        return target


@dataclass(slots=True)
class Course:
    """One request's way: until when and where it may go on, where it failed, and what follows from
    that for the next try.
    """

    exchange: Exchange
    until: float
    hops: Sequence[Hop]
    max_attempts: int
    began: float = 0.0
    costly: int = 0
    verdict: Verdict = Verdict.NEXT_DEPLOYMENT
    left_pools: set[str] = field(default_factory=set)
    conversation: Conversation | None = None
    _needs: Needs | None = None
    failed_at: list[tuple[Deployment, str]] = field(default_factory=list)
    unsayable: errors.Unsayable | None = None
    too_small: int = 0
    empty: Delivery | None = None

    @property
    def known_by(self) -> bytes | None:
        """What the conversation is known by where an account may have read its beginning."""
        known = self.conversation
        return known.key if known is not None and known.cached else None

    @property
    def needs(self) -> Needs:
        """What the request needs; nothing that is known of where it cannot be read."""
        if self._needs is None:
            try:
                self._needs = needs_of(self.exchange.request)
            except errors.InvalidRequest:
                self._needs = Needs()
        return self._needs

    def tunings(self, deployment: Deployment, model: str) -> Iterator[Tuning]:
        """What is changed of the request on the way that leads to `model` at `deployment`, and there."""
        leading = (
            hop.tuning
            for hop in self.hops
            if hop.pool == deployment.pool and deployment.called(hop.model) == model
        )
        tuning = next(leading, None)
        if tuning is not None:
            yield tuning
        yield from deployment.tunings

    def failed(self, deployment: Deployment, model: str, error: errors.GatewayError) -> None:
        """An attempt has failed that began at `began`."""
        self.failed_at.append((deployment, model))
        took_s = asyncio.get_running_loop().time() - self.began
        self.costly += not (isinstance(error, _CHEAP) and took_s < _CHEAP_WITHIN_S)
        self.verdict = deployment.policy.consequence(error).verdict
        if self.verdict is Verdict.NEXT_POOL:
            self.left_pools.add(deployment.pool)

    @property
    def left_s(self) -> float:
        """How long it may still take."""
        return self.until - asyncio.get_running_loop().time()

    @property
    def is_over(self) -> bool:
        """Whether nothing may be tried any more."""
        failed = self.exchange.record.failed
        return bool(failed) and (
            self.exchange.sink.said >= Said.CONTENT
            or self.costly >= self.max_attempts
            or len(failed) >= _CHEAP_FACTOR * self.max_attempts
            or self.verdict is Verdict.GIVE_UP
            or self.left_s <= 0
        )


async def _delivered(exchange: Exchange, told: Record, deliver: Delivery) -> None:
    """Nobody had a better reply than the empty one of which `told` tells: it is one all the same."""
    exchange.record.restore(told)
    await deliver()


def _note(exchange: Exchange, deployment: Deployment, error: errors.GatewayError) -> None:
    log.warning(
        "attempt_failed",
        deployment=deployment.id,
        pool=deployment.pool,
        kind=type(error).__name__,
        upstream_status=error.upstream_status if isinstance(error, errors.UpstreamError) else None,
        reason=error.message[:200],
        said=exchange.sink.said.name.lower(),
    )
