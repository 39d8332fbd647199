"""What would become of a request at this moment: who could serve it, who is passed over and why, in which
order the others would be tried, and what each would be sent.

The request takes the way of every other, up to the moment before it is sent: nothing is, nobody is counted
in, and nothing is remembered.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from gateway import errors
from gateway.canonical.json import JsonObject, JsonValue
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Hop
from gateway.pool.pools import Candidate
from gateway.pool.report import Reporter
from gateway.pool.tuning import Tuning
from gateway.protocols.codec import Call, Codec, HttpAnswer
from gateway.protocols.target import Target
from gateway.relay.attempt import Attempt
from gateway.relay.exchange import Exchange, Record
from gateway.relay.generate import Course, Generator
from gateway.relay.memory import Memory
from gateway.relay.sink import Said

MOST_SHOWN = 1000
"""Candidates of one answer; of a larger pool the first are shown."""

_MOST_IN_ORDER = 100


class _Nobody:
    """A client that is told nothing."""

    said = Said.NOTHING

    async def answer(self, answer: HttpAnswer) -> None:
        """There is none."""

    def keep_alive(
        self, content_type: str, headers: Callable[[], Mapping[str, str]], ping: Callable[[], bytes]
    ) -> None:
        """Nobody waits."""

    async def write(self, data: bytes) -> None:
        """Nothing is said."""

    async def close(self) -> None:
        """Nothing has begun."""

    async def break_off(self, data: bytes) -> None:
        """Nothing has begun."""


@dataclass(slots=True, frozen=True)
class Explainer:
    """Explains requests by the `generator` that would answer them."""

    generator: Generator
    reporter: Reporter

    def explain(self, codec: Codec, call: Call, client: bytes, pool: str | None = None) -> JsonObject:
        """All that decides what becomes of `call`, which `client` would make.

        Raises:
            InvalidRequest: it is none.
            ModelNotFound: nobody serves its model.
            NotFound: there is no such `pool`.
        """
        exchange = Exchange(codec, call, codec.asked(call), _Nobody(), "", Record())
        exchange.pool, exchange.client = pool, client
        course = self.generator.course(exchange, until=0.0)
        view, generator = _View(self, course, {}), self.generator
        first = islice(generator.candidates(course, asking=False), _MOST_IN_ORDER)
        sayable = [candidate for candidate in first if view.sent(*candidate)["lane"] is not None]
        # Who lacks something is tried only where nobody else is.
        order = [candidate for candidate in sayable if not view.lacks(*candidate)] or sayable
        refused = None if order else generator.pools.refused(course.hops)
        candidates = list(dict.fromkeys([*order, *self._candidates(course)]))
        shown, places = candidates[:MOST_SHOWN], {each: place for place, each in enumerate(order, start=1)}
        return {
            "protocol": codec.name,
            "model": exchange.asked.model,
            "stream": exchange.asked.stream,
            "way": [_way(hop) for hop in course.hops],
            "needs": _needs(course),
            "sticky": self._sticky(course),
            "order": [deployment.id for deployment, _ in order],
            "most_attempts": course.max_attempts,
            "refused": None if refused is None else _refusal(refused),
            "candidates": [{"place": places.get(each), **view.of(each)} for each in shown],
            "not_shown": len(candidates) - len(shown),
        }

    def _candidates(self, course: Course) -> Iterator[Candidate]:
        """All members of the pools on the way, for every model that is meant there."""
        return (
            (member, member.called(hop.model))
            for hop in course.hops
            for member in self.generator.pools[hop.pool].members
        )

    def _sticky(self, course: Course) -> JsonObject | None:
        """Who holds the conversation's prompt cache, where conversations stay with somebody."""
        if course.conversation is None:
            return None
        now, pools = self.reporter.clock(), self.generator.pools
        holders = (
            None if course.known_by is None else pools[hop.pool].holder(hop, course.known_by, now)
            for hop in course.hops
        )
        held = next((holder.id for holder in holders if holder is not None), None)
        return {"goes_on": course.conversation.cached, "holder": held}


@dataclass(slots=True, frozen=True)
class _View:
    """The candidates of one request. What would be sent is found out once for all of a kind."""

    explainer: Explainer
    course: Course
    known: dict[tuple[str, str, tuple[Tuning, ...]], JsonObject]

    def of(self, candidate: Candidate) -> JsonObject:
        """One of them."""
        deployment, model = candidate
        health = self.explainer.generator.pools.health(deployment)
        return {
            "deployment": deployment.id,
            "pool": deployment.pool,
            "provider": deployment.provider.name,
            "model": model,
            "state": health.state(self.explainer.reporter.clock()).value,
            "passed_over": [*self._obstacles(deployment, model)],
            **self.sent(deployment, model),
        }

    def _obstacles(self, deployment: Deployment, model: str) -> Iterator[JsonValue]:
        generator, course = self.explainer.generator, self.course
        pool = generator.pools[deployment.pool]
        here = (hop for hop in course.hops if hop.pool == deployment.pool)
        hops = [hop for hop in here if deployment.called(hop.model) == model]
        never: JsonObject = {"until": None, "seconds": None}
        if not any(not hop.claimed or pool.serves(deployment, hop.model) for hop in hops):
            yield {"by": "model", "why": f"it does not serve {hops[0].model}", **never}
        yield from self.explainer.reporter.obstacles(deployment, model)
        if lacks := self.lacks(deployment, model):
            yield {"by": "needs", "why": f"its model lacks {', '.join(lacks)}", **never}
        unsayable = self.sent(deployment, model)["unsayable"]
        if unsayable is not None:
            yield {"by": "protocol", "why": unsayable, **never}

    def lacks(self, deployment: Deployment, model: str) -> list[str]:
        """What the request needs and it has not, where there is a choice."""
        generator, course = self.explainer.generator, self.course
        can = generator.target(deployment, model).capabilities
        return course.needs.unmet_by(can) if generator.is_choice(course.hops) else []

    def sent(self, deployment: Deployment, model: str) -> JsonObject:
        """The lane, and what would be lost on the way; no lane where the request cannot be said."""
        course, target = self.course, self.explainer.generator.target(deployment, model)
        tunings = tuple(course.tunings(deployment, model))
        kind = deployment.provider.name, repr(target), tunings
        if kind not in self.known:
            self.known[kind] = _bound(course.exchange, deployment, target, tunings)
        return self.known[kind]


def _bound(
    exchange: Exchange, deployment: Deployment, target: Target, tunings: tuple[Tuning, ...]
) -> JsonObject:
    # Its own memory: to recall is to change what is forgotten next.
    memory = Memory(lambda: 0.0)
    try:
        Attempt(exchange, deployment, target, memory, tunings=tunings)
    except errors.GatewayError as error:
        return {"lane": None, "dropped": [], "repaired": [], "unsayable": error.message}
    record = exchange.record
    dropped: list[JsonValue] = [*record.losses.dropped]
    repaired: list[JsonValue] = [*record.losses.repaired]
    return {"lane": record.lane, "dropped": dropped, "repaired": repaired, "unsayable": None}


def _way(hop: Hop) -> JsonObject:
    return {"pool": hop.pool, "model": hop.model, "only_who_serves_it": hop.claimed}


def _needs(course: Course) -> JsonObject:
    needs = course.needs
    return {"tools": needs.tools, "media": [*sorted(needs.media)], "tokens": needs.tokens}


def _refusal(error: errors.NoDeploymentLeft) -> JsonObject:
    return {"status": error.status, "message": error.message, "retry_after_s": error.retry_after_s}
