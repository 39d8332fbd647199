"""What is known of accounts and deployments is there again after a restart, and nobody inherits it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway import errors
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig, QuotaConfig
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of
from gateway.pool.limits import Requests
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.remembering import EVERY_S, KEPT_S, Remembering
from gateway.pool.strategies.fastest import Fastest, FastestOptions
from gateway.pool.strategies.strategy import Standing
from gateway.store.state import StateFile
from gateway.timing import Window
from tests.gateways import configured
from tests.pool.clocks import At
from tests.pool.test_rests import FAULTS, MODELS, NOWHERE, STEPS, Going, Step, World

NOON = 1.8e9
BORN = 50.0
ANY = [Hop("main", "m")]


@contextmanager
def remembering(folder: Path, pools: Pools, now: float = BORN, wall: float = NOON) -> Iterator[Remembering]:
    """A process that remembers in `folder`, from its start to its end."""
    state = StateFile(folder)
    try:
        remembers = Remembering(pools, state, At(now), At(wall))
        remembers.recall()
        yield remembers
        remembers.finish()
    finally:
        state.close()


def facts_in(folder: Path) -> dict[str, Any]:
    """What a process that starts now would find."""
    state = StateFile(folder)
    state.close()
    return state.facts


class Marked(World):
    """A world whose accounts have marks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.members = [replace(member, mark=member.account) for member in self.members]
        self.pools = Pools(
            [Pool("main", self.members, default_model="m")], lambda: self.now, chance=lambda: 0.5
        )


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(1, 4), st.lists(st.sampled_from(FAULTS), max_size=4), STEPS)
def test_after_a_restart_all_rest_that_rested_and_nobody_else(
    size: int, faults: list[errors.GatewayError], steps: list[Step]
) -> None:
    world = Marked(size)
    world.begin(faults)
    for step in steps:
        if isinstance(step, str):
            world.ask(step)
        elif isinstance(step, float):
            world.now += step
        else:
            world.end(*step)

    after = Marked(size, now=BORN)
    with TemporaryDirectory() as folder:
        with remembering(Path(folder), world.pools, world.now):
            pass
        with remembering(Path(folder), after.pools):
            pass

    for before, now in zip(world.members, after.members, strict=True):
        for model in MODELS:
            left_s = world.pools.health(before).account.rests_until(model) - world.now
            account = after.pools.health(now).account
            assert account.rests_until(model) - BORN == pytest.approx(left_s, abs=1e-5) or left_s <= 0
            assert (account.opens_at(BORN, model) > BORN) == (left_s > 0)
    for model in MODELS:
        awake = [member for member in after.members if not after.rests(member, model)]
        offered = [member for member, _ in after.pools.attempts([Hop("main", model)])]
        assert not awake or set(offered) == set(awake)


def fault(pools: Pools, deployment: Any, error: errors.GatewayError) -> None:
    Going(pools, deployment, "m").end(error)


def world(*names: str) -> Pools:
    members = [replace(NOWHERE, id=name, mark=f"key-of-{name}") for name in names]
    return Pools([Pool("main", members, default_model="m")], lambda: BORN)


def test_another_key_inherits_no_rest(tmp_path: Path) -> None:
    pools = world("a")
    with remembering(tmp_path, pools):
        fault(pools, pools["main"].members[0], errors.CredentialRejected("who?"))

    new = replace(NOWHERE, id="a", mark="another-key")
    again = Pools([Pool("main", [new], default_model="m")], lambda: BORN)
    with remembering(tmp_path, again):
        assert again.allows(new, "m")


def test_who_is_well_leaves_nothing_in_the_file_and_who_recovers_takes_it_out(tmp_path: Path) -> None:
    pools = world("a", "b")
    a, b = pools["main"].members
    with remembering(tmp_path, pools):
        Going(pools, b, "m").end(None)
        fault(pools, a, errors.CredentialRejected("who?"))
    assert list(facts_in(tmp_path)) == ["health key-of-a"]

    pools = world("a", "b")
    with remembering(tmp_path, pools):
        pools.wake(pools["main"].members[0])
    assert facts_in(tmp_path) == {}


def test_an_account_that_recovers_in_the_same_process_is_taken_out(tmp_path: Path) -> None:
    pools = world("a")
    (a,) = pools["main"].members
    with remembering(tmp_path, pools) as remembers:
        fault(pools, a, errors.CredentialRejected("who?"))
        remembers.finish()
        pools.wake(a)
    assert facts_in(tmp_path) == {}


def test_who_is_gone_is_forgotten_after_a_week(tmp_path: Path) -> None:
    pools = world("a")
    with remembering(tmp_path, pools):
        fault(pools, pools["main"].members[0], errors.CredentialRejected("who?"))
    for wall, known in ((NOON + KEPT_S, ["health key-of-a"]), (NOON + KEPT_S + 1, [])):
        with remembering(tmp_path, world("b"), wall=wall):
            pass
        assert list(facts_in(tmp_path)) == known


def test_what_is_no_fact_is_ignored_with_a_word_and_the_others_are_not(tmp_path: Path) -> None:
    pools = world("a", "b", "c")
    with remembering(tmp_path, pools):
        for member in pools["main"].members:
            fault(pools, member, errors.CredentialRejected("who?"))
    state = StateFile(tmp_path)
    state.save({"health key-of-a": {"at": NOON, "is": {"rests": "for ever"}}, "health key-of-b": [1]})
    state.save({"stranger": "no fact at all"})
    state.close()

    pools = world("a", "b", "c")
    with capture_logs() as logged, remembering(tmp_path, pools):
        pass

    assert [pools.allows(member, "m") for member in pools["main"].members] == [True, True, False]
    ignored = [line for line in logged if line["event"] == "fact_ignored"]
    assert [(line["owner"], line["log_level"]) for line in ignored] == [
        ("health key-of-a", "debug"),
        ("health key-of-b", "debug"),
    ]
    assert list(facts_in(tmp_path)) == ["health key-of-a", "health key-of-b", "health key-of-c"]


def test_a_clock_that_is_behind_makes_no_rest_longer(tmp_path: Path) -> None:
    pools = world("a")
    (a,) = pools["main"].members
    with remembering(tmp_path, pools):
        pools.rest(a, errors.Overloaded("busy"), 60)
    again = world("a")
    (a,) = again["main"].members
    with remembering(tmp_path, again, wall=10.0):
        assert again.health(a).account.rests_until("m") == pytest.approx(BORN + 60, abs=1e-5)


def test_the_fastest_is_known_again(tmp_path: Path) -> None:
    def pools() -> Pools:
        members = [replace(NOWHERE, id=name, mark=name) for name in ("slow", "fast")]

        def strategy(standings: tuple[Standing, ...]) -> Fastest:
            return Fastest(standings, lambda: 0.5, FastestOptions())

        return Pools([Pool("main", members, default_model="m", strategy=strategy)], lambda: BORN)

    before = pools()
    with remembering(tmp_path, before):
        for member, seconds in zip(before["main"].members, (3.0, 1.0), strict=True):
            going = Going(before, member, "m")
            going.lease.answered_s = seconds
            going.end(None)

    after = pools()
    with remembering(tmp_path, after):
        assert [member.id for member, _ in after.attempts(ANY)] == ["fast", "slow"]


async def test_it_writes_what_was_touched_every_moment_and_in_turns_with_others(tmp_path: Path) -> None:
    pools = world(*(f"d{number}" for number in range(250)))
    pauses = list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if seconds and len(pauses) > 1:
            raise asyncio.CancelledError

    state = StateFile(tmp_path)
    for member in pools["main"].members:
        fault(pools, member, errors.CredentialRejected("who?"))
    with pytest.raises(asyncio.CancelledError):
        await Remembering(pools, state, lambda: BORN, lambda: NOON, pause).run()
    state.close()

    assert pauses == [EVERY_S, *[0] * 5, EVERY_S]
    assert len(facts_in(tmp_path)) == 250


async def test_where_nothing_was_touched_nothing_is_written(tmp_path: Path) -> None:
    class Counted(StateFile):
        saved = 0

        def save(self, facts: Any) -> None:
            self.saved += 1
            super().save(facts)

    pauses = list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 3:
            raise asyncio.CancelledError

    state = Counted(tmp_path)
    with pytest.raises(asyncio.CancelledError):
        await Remembering(world("a"), state, lambda: BORN, lambda: NOON, pause).run()
    state.close()
    assert state.saved == 0


def fleet(*keys: str, group: str | None = None, most: int = 3) -> GatewayConfig:
    quota = LimitsConfig(quotas=(QuotaConfig(requests=most, period=86_400.0),))
    members = tuple(
        DeploymentConfig(
            id=f"d{number}",
            provider="openai-custom",
            base_url="http://127.0.0.1/v1",
            models=("*",),
            api_key=SecretStr(key),
            limits=LimitsConfig() if group else quota,
            group=group,
        )
        for number, key in enumerate(keys)
    )
    config = configured(PoolConfig(name="main", deployments=members))
    return config.model_copy(update={"groups": {group: quota}}) if group else config


def test_marks_tell_keys_apart_and_say_nothing_of_them() -> None:
    def marks(*keys: str, salt: bytes = b"salt") -> list[str]:
        return [member.mark for member in pools_of(fleet(*keys), NOWHERE.transport, salt)["main"].members]

    one, two, again = marks("planted-key-1", "planted-key-2", "planted-key-1")
    assert one == again != two
    assert marks("planted-key-1") == [one]
    assert marks("planted-key-1", salt=b"other") != [one]
    assert "planted" not in one


@pytest.mark.parametrize("group", [None, "site"])
def test_a_quota_goes_on_whatever_the_new_configuration_allows(tmp_path: Path, group: str | None) -> None:
    def left(most: int, uses: int) -> int:
        """How many more requests may start, after so many."""
        state = StateFile(tmp_path)
        pools = pools_of(fleet("planted-key-1", group=group, most=most), NOWHERE.transport, state.salt)
        remembers = Remembering(pools, state, lambda: BORN, lambda: NOON)
        remembers.recall()
        (member,) = pools["main"].members
        (quota,) = (limit for limit in member.limits if isinstance(limit, Requests))
        for _ in range(uses):
            Going(pools, member, "m").end(None)
        remembers.finish()
        state.close()
        (period,) = quota._periods.values()  # noqa: SLF001 - how many are left nobody else says
        assert isinstance(period, Window)
        return most - int(period._total)  # noqa: SLF001 - as above

    assert left(most=3, uses=2) == 1
    assert left(most=3, uses=0) == 1
    assert left(most=5, uses=1) == 2
