"""Members that the operator takes out of the choice, and puts back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from tests.pool.clocks import At
from tests.pool.test_sticky import ANY, TALK, answered, member, of

FULL = errors.RateLimited("full", retry_after_s=30)


def names(pools: Pools, hops: list[Hop] = ANY) -> list[str]:
    return [deployment.id for deployment, _ in pools.attempts(hops, asking=False)]


def fail(pools: Pools, name: str, model: str = "m") -> None:
    deployment = next(each for each in pools["main"].members if each.id == name)
    with pytest.raises(errors.RateLimited), pools.lease(deployment, model):
        raise FULL


def test_who_is_off_is_chosen_by_no_name_and_still_serves_its_names() -> None:
    a, b = member("a", models=("m",)), member("b", models=("m", "n"))
    pools = of(a, b)
    assert names(pools, [Hop("main", "n", claimed=True)]) == ["b"]
    pools.switch(b, on=False)
    for hops in (ANY, [Hop("main", "m", claimed=True)]):
        assert names(pools, hops) == ["a"]
        assert pools["main"].candidates(hops[0]) == [a]
    assert names(pools, [Hop("main", "n", claimed=True)]) == []
    assert pools["main"].serving("n") == [b]
    pools.switch(b, on=True)
    assert sorted(names(pools)) == ["a", "b"]


def test_who_rests_when_it_is_put_back_comes_once_its_rest_is_over() -> None:
    clock = At(1000.0)
    a, b = member("a"), member("b")
    pools = Pools([Pool("main", (a, b), default_model="m")], clock)
    pools.switch(a, on=False)
    fail(pools, "a")
    pools.switch(a, on=True)
    assert names(pools) == ["b"]
    clock.now += 30
    assert sorted(names(pools)) == ["a", "b"]


def test_a_rest_that_ends_puts_nobody_back() -> None:
    clock = At(1000.0)
    a, b = member("a"), member("b")
    pools = Pools([Pool("main", (a, b), default_model="m")], clock)
    fail(pools, "a")
    pools.switch(a, on=False)
    clock.now += 30
    assert names(pools) == ["b"]
    pools.wake(a, ("m",))
    pools.reset(a)
    assert names(pools) == ["b"]


def test_a_deployment_with_a_name_of_its_own_upstream_is_switched_as_well() -> None:
    a, b = replace(member("a"), upstream="real"), member("b")
    pools = of(a, b)
    pools.switch(a, on=False)
    fail(pools, "a", "real")
    assert names(pools) == ["b"]
    pools.switch(a, on=True)
    pools.reset(a)
    assert sorted(names(pools)) == ["a", "b"]


def test_a_conversation_does_not_stay_with_who_is_off() -> None:
    a, b = member("a"), member("b")
    pools = of(a, b, sticky=True)
    first = answered(pools, ANY, TALK)
    pools.switch(a if first == "a" else b, on=False)
    assert answered(pools, ANY, TALK) != first
    assert not pools.allows(a if first == "a" else b, "m")


def test_whoever_watches_is_told_of_a_switch() -> None:
    told: list[bool] = []
    a = member("a")
    pools = of(a)
    pools.watch(lambda: told.append(True))
    pools.switch(a, on=False)
    assert told == [True]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["off", "on", "fail", "reset", "wait"]))))
def test_exactly_those_are_chosen_that_are_on_and_do_not_rest(steps: list[tuple[str, str]]) -> None:
    clock = At(1000.0)
    members = {name: member(name) for name in "abc"}
    pools = Pools([Pool("main", members.values(), default_model="m")], clock)
    off, rests_until = set[str](), dict.fromkeys("abc", 0.0)
    for name, what in steps:
        match what:
            case "off" | "on":
                pools.switch(members[name], on=what == "on")
                (off.discard if what == "on" else off.add)(name)
            case "fail":
                fail(pools, name)
                rests_until[name] = clock.now + 30
            case "reset":
                pools.reset(members[name])
                rests_until[name] = 0.0
            case _:
                clock.now += 10
        well = {each for each in "abc" if each not in off and rests_until[each] <= clock.now}
        # While all of several rest, the first of those that are on is shown.
        assert set(names(pools)) == well or (not well and len(names(pools)) <= 1)
        assert not off & set(names(pools))
