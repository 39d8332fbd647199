"""Conversations that stay where their prompt cache is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.auth.api_key import NoKey
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Habits, Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.sticky import LIFE_S, Sticky, sticky_for
from gateway.providers import PROVIDERS

TALK, OTHER = b"talk", b"other"


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def member(name: str, provider: str = "openai-custom", **more: Any) -> Deployment:
    return Deployment(
        id=name,
        pool="main",
        provider=PROVIDERS[provider],
        credential=NoKey(),
        transport=PROVIDERS["demo"].transport,  # type: ignore[arg-type]  # never called here
        base_url="http://127.0.0.1",
        account=name,
        **more,
    )


def answered(pools: Pools, hops: list[Hop], talk: bytes) -> str:
    """Who answers the next request of `talk`."""
    chosen, model = next(pools.attempts(hops, talk))
    with pools.lease(chosen, model) as lease:
        lease.conversation = talk
    return chosen.id


def of(*members: Deployment, clock: Clock | None = None, sticky: bool | None = None) -> Pools:
    pool = Pool("main", members, default_model="m", habits=Habits(sticky=sticky))
    return Pools([pool], clock or Clock())


ANY = [Hop("main", "m")]


def test_a_conversation_stays_and_others_take_turns() -> None:
    pools = of(*map(member, "abc"))

    assert [answered(pools, ANY, TALK) for _ in range(4)] == ["a"] * 4
    assert answered(pools, ANY, OTHER) == "b"
    assert answered(pools, ANY, TALK) == "a"


def test_it_moves_when_its_holder_rests_and_stays_with_the_new_one() -> None:
    clock = Clock()
    a, b = member("a"), member("b")
    pools = of(a, b, clock=clock)
    assert answered(pools, ANY, TALK) == "a"

    with pytest.raises(errors.RateLimited), pools.lease(a, "m"):
        raise errors.RateLimited("slow down", retry_after_s=20.0)
    assert answered(pools, ANY, TALK) == "b"
    clock.now += 60

    assert answered(pools, ANY, TALK) == "b"


def test_who_holds_it_is_tried_once_and_the_others_after_that() -> None:
    pools = of(*map(member, "abc"))
    assert answered(pools, ANY, TALK) == "a"
    assert answered(pools, ANY, OTHER) == "b"

    assert [found.id for found, _ in pools.attempts(ANY, TALK)] == ["a", "c", "b"]


def test_a_holder_that_does_not_serve_the_model_is_no_holder() -> None:
    pools = of(member("a", models=("x",)), member("b", models=("x", "y")))
    assert answered(pools, [Hop("main", "x", claimed=True)], TALK) == "a"

    assert [found.id for found, _ in pools.attempts([Hop("main", "y", claimed=True)], TALK)] == ["b"]


def test_a_conversation_is_forgotten_when_no_cache_can_hold_it_any_more() -> None:
    clock = Clock()
    pools = of(*map(member, "ab"), clock=clock)
    assert answered(pools, ANY, TALK) == "a"
    clock.now += LIFE_S

    assert answered(pools, ANY, TALK) == "b"


def test_of_too_many_conversations_the_longest_unused_are_forgotten() -> None:
    sticky, a = Sticky(most=2), member("a")
    for talk in (TALK, OTHER, TALK, b"third"):
        sticky.hold(talk, a, 0.0)

    assert [sticky.holder(talk, 1.0) for talk in (TALK, OTHER, b"third")] == [a, None, a]


def test_a_provider_without_a_cache_for_each_account_holds_nothing_unless_it_is_told_to() -> None:
    pools = of(member("a", "groq"), member("b", "groq"), sticky=True)
    assert [answered(pools, ANY, TALK) for _ in range(3)] == ["a"] * 3

    mixed = of(member("a", "groq"), member("b"))
    assert [answered(mixed, ANY, TALK) for _ in range(4)] == ["a", "b", "b", "b"]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12), st.sets(st.integers(0, 4), max_size=4))
def test_all_are_tried_once_each_and_only_the_holder_comes_before_its_turn(
    talks: list[str], resting: set[int]
) -> None:
    members = list(map(member, "vwxyz"))
    pools = of(*members)
    for talk in talks:
        answered(pools, ANY, talk.encode())
    for place in resting:
        pools.rest(members[place], errors.Overloaded("busy"), 30.0)

    plain = [found.id for found, _ in pools.attempts(ANY)]
    for talk in set(talks):
        order = [found.id for found, _ in pools.attempts(ANY, talk.encode())]
        assert sorted(order) == sorted(plain)
        assert [name for name in plain if name != order[0]] == order[1:]


@pytest.mark.parametrize(
    ("wanted", "providers", "remembers"),
    [
        (None, ("openai-custom", "openai-custom"), True),
        (None, ("claude-custom", "groq"), True),
        (None, ("groq", "groq"), False),
        (None, ("openai-custom",), False),
        (True, ("groq", "groq"), True),
        (False, ("openai-custom", "openai-custom"), False),
    ],
)
def test_a_pool_remembers_where_that_helps(
    wanted: bool | None,
    providers: tuple[str, ...],
    remembers: bool,
) -> None:
    members = tuple(member(str(place), provider) for place, provider in enumerate(providers))
    assert (sticky_for(wanted, members) is not None) is remembers
