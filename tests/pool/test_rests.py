"""Laws of rests, over schedules that nobody would think of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.refusals import BETWEEN_LAST_RESORTS_S
from gateway.providers import PROVIDERS
from gateway.wire.http import HttpReply, HttpRequest

FAULTS: tuple[errors.GatewayError, ...] = (
    errors.Overloaded("busy"),
    errors.Overloaded("busy", retry_after_s=9),
    errors.RateLimited("slow down"),
    errors.RateLimited("slow down", retry_after_s=70),
    errors.CredentialRejected("who?"),
    errors.QuotaExhausted("broke"),
    errors.ModelUnavailable("gone"),
    errors.Unreachable("gone"),
    errors.RequestRefused("bad field"),
)
MODELS = ("m", "n")


class Nowhere:
    """Where these requests go."""

    def send(self, request: HttpRequest) -> HttpReply:
        raise AssertionError(request)


NOWHERE = Deployment(
    id="",
    pool="main",
    provider=PROVIDERS["openai-custom"],
    credential=NoKey(),
    transport=Nowhere(),  # type: ignore[arg-type]  # nothing is sent
    base_url="http://127.0.0.1",
)


@dataclass
class World:
    """A pool, its time, and the requests that are there."""

    size: int
    now: float = 0.0
    open: list[tuple["Going", Deployment, str]] = field(default_factory=list)
    last_resorts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The last two have one key.
        accounts = [str(min(number, max(0, self.size - 2))) for number in range(self.size)]
        self.members = [
            replace(NOWHERE, id=f"d{number}", account=account) for number, account in enumerate(accounts)
        ]
        self.pools = Pools(
            [Pool("main", self.members, default_model="m")], lambda: self.now, chance=lambda: 0.5
        )
        self.alone = len(set(accounts)) == 1

    def rests(self, deployment: Deployment, model: str) -> bool:
        return self.pools.health(deployment).account.rests_until(model) > self.now

    def ask(self, model: str) -> None:
        """A request for `model`, as far as somebody takes it."""
        found = next(self.pools.attempts([Hop("main", model)]), None)
        awake = [member for member in self.members if not self.rests(member, model)]
        if found is None:
            # Nobody, because all rest or are on trial, never for nothing.
            held = [self.pools.health(member).account.watching(model) for member in awake]
            assert all(any(each.at_once(self.now) < inf for each in one) for one in held)
            return
        deployment, model = found
        # Who rests, or has rested, is tried by one request at a time.
        watching = self.pools.health(deployment).account.watching(model)
        assert not any(breaker.on_trial for breaker in watching)
        if self.rests(deployment, model):
            assert awake == []
            if not self.alone:
                assert self.now >= self.last_resorts.get(model, -inf) + BETWEEN_LAST_RESORTS_S
                self.last_resorts[model] = self.now
        self.open.append((Going(self.pools, deployment, model), deployment, model))

    def end(self, place: int, fault: errors.GatewayError | None) -> None:
        """One of the requests that are there ends, well where there is no `fault`."""
        if self.open:
            going, *_ = self.open.pop(place % len(self.open))
            going.end(fault)
            if fault is None:
                self.last_resorts.clear()

    def begin(self, faults: Sequence[errors.GatewayError]) -> None:
        """As many failures of each member as any of them needs to rest."""
        for member, fault in zip(self.members, faults, strict=False):
            for _ in range(3):
                Going(self.pools, member, "m").end(fault)


class Going:
    """A request that is there."""

    def __init__(self, pools: Pools, deployment: Deployment, model: str) -> None:
        self.lease = pools.lease(deployment, model).__enter__()

    def end(self, fault: errors.GatewayError | None) -> None:
        self.lease.__exit__(None if fault is None else type(fault), fault, None)


Step: TypeAlias = str | float | tuple[int, errors.GatewayError | None]
"""A request for a model; so many seconds pass; one of those that are there ends."""

STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.sampled_from(MODELS),
        st.sampled_from([0.3, 1.0, 5.0, 30.0, 400.0]),
        st.tuples(st.integers(0, 9), st.sampled_from([None, None, *FAULTS])),
    ),
    min_size=10,
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.integers(1, 4), st.lists(st.sampled_from(FAULTS), max_size=4), STEPS)
def test_no_rest_is_ignored_but_the_only_ones_and_nobody_is_refused_for_nothing(
    size: int, faults: list[errors.GatewayError], steps: list[Step]
) -> None:
    world = World(size)
    world.begin(faults)
    for step in steps:
        match step:
            case str(model):
                world.ask(model)
            case float(seconds):
                world.now += seconds
            case (place, fault):
                world.end(place, fault)
    for going, *_ in world.open:
        going.end(None)
    assert all(world.pools.health(member).in_flight == 0 for member in world.members)
    assert all(
        not breaker.on_trial
        for member in world.members
        for model in MODELS
        for breaker in world.pools.health(member).account.watching(model)
    )
