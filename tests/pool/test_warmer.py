"""Keys that refuse for a while after a change are warmed by questions, against real servers; time is a
parameter.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from gateway import errors
from gateway.auth.api_key import ApiKey
from gateway.ledger.balance import READERS
from gateway.pool.checker import HealthChecker
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Habits, Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.purse import Purse
from gateway.pool.warmer import LOOK_EVERY_S, Warmer
from gateway.pool.warmth import Warmth
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from tests.pool.clocks import At
from tests.upstreams import FakeUpstream, Play, completion, playing

HOPS = (Hop("main", "m"),)
ANSWER = Play([completion("h")], content_type="application/json")
COLD = Play([b"{}"], 503, content_type="application/json")
REJECTED = Play([b"{}"], 401, content_type="application/json")
IDLE_S, PROBE_EVERY_S, GIVE_UP_S = 3600.0, 30.0, 600.0


@dataclass
class Greenhouse:
    """Deployments that refuse when they are cold, each with an account and an upstream of its own."""

    clock: At
    pools: Pools
    warmer: Warmer
    members: tuple[Deployment, ...]
    upstreams: tuple[FakeUpstream, ...]

    @property
    def offered(self) -> list[str]:
        return [member.id for member, _ in self.pools.attempts(HOPS)]

    @property
    def due(self) -> list[str]:
        return [member.id for member in self.warmer.due()]

    def serve(self, place: int, model: str = "m") -> None:
        """Let a request go well."""
        with self.pools.lease(self.members[place], model):
            pass

    def rest(self, place: int) -> None:
        """Have somebody rest for a day."""
        self.pools.rest(self.members[place], errors.CredentialRejected("no"), 86_400)

    def spend(self, place: int, left: float) -> None:
        """So much is left of somebody's money, of which ten are to be warned of and one is to be kept."""
        purse = self.members[place].purse
        assert purse is not None
        purse.tell({"USD": left})

    async def wait(self, seconds: float) -> None:
        """Let so much time go by, in which the warmer looks."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now += LOOK_EVERY_S
            for member in self.warmer.due():
                await self.warmer.warm(member)


@asynccontextmanager
async def greenhouse(
    *plays: Play, sticky: bool = False, prices: Sequence[float] = ()
) -> AsyncIterator[Greenhouse]:
    clock = At(1000.0)
    async with AsyncExitStack() as stack:
        transport = AiohttpTransport(await stack.enter_async_context(Connector(1)))
        upstreams = [await stack.enter_async_context(playing(play)) for play in plays]
        members = tuple(
            Deployment(
                id=name,
                pool="main",
                provider=PROVIDERS["siliconflow"],
                credential=ApiKey("authorization", f"key-{name}", "Bearer "),
                transport=transport,
                base_url=f"{upstream.url}/v1",
                account=name,
                purse=Purse(name, READERS["deepseek"], clock, soft=10, hard=1),
                warmth=Warmth(IDLE_S, PROBE_EVERY_S, GIVE_UP_S),
                price=price,
            )
            for name, upstream, price in zip(
                "abcdef", upstreams, prices or [0] * len(upstreams), strict=False
            )
        )
        pools = Pools([Pool("main", members, default_model="m", habits=Habits(sticky))], clock)
        yield Greenhouse(clock, pools, Warmer(pools, clock), members, tuple(upstreams))


async def test_at_the_start_nobody_is_asked_and_users_go_down_the_configuration() -> None:
    async with greenhouse(ANSWER, ANSWER) as here:
        await here.wait(60)
        assert here.offered == ["a", "b"]
        with here.pools.lease(here.members[0], "m"):
            assert here.offered == ["a", "b"]
    assert [upstream.heard for upstream in here.upstreams] == [[], []]


async def test_users_stay_with_those_that_have_answered_and_the_cold_ones_come_last() -> None:
    async with greenhouse(ANSWER, ANSWER, ANSWER) as here:
        here.serve(1)
        assert here.offered == ["b", "a", "c"]
        here.serve(2)
        here.serve(1)
        assert here.offered == ["c", "b", "a"]


async def test_a_pool_that_stands_in_comes_before_a_cold_key() -> None:
    async with greenhouse(ANSWER, ANSWER) as here:
        spare = replace(here.members[0], id="s", pool="spare", account="s", warmth=None)
        pools = Pools(
            [Pool("main", here.members, default_model="m"), Pool("spare", [spare], default_model="m")],
            here.clock,
        )
        with pools.lease(here.members[0], "m"):
            pass
        hops = (*HOPS, Hop("spare", "m"))
        assert [member.id for member, _ in pools.attempts(hops)] == ["a", "s", "b"]


async def test_who_has_not_answered_for_too_long_is_cold_again() -> None:
    async with greenhouse(ANSWER, ANSWER) as here:
        here.serve(1)
        here.clock.now += IDLE_S - 1
        assert (here.due, here.offered) == ([], ["b", "a"])
        here.clock.now += 1
        assert (here.due, here.offered) == ([], ["a", "b"])


async def test_who_is_remembered_to_have_answered_is_warm_from_the_start() -> None:
    async with greenhouse(ANSWER, ANSWER) as here:
        remembered = here.members[1].warmth
        assert remembered is not None
        remembered.answer(here.clock.now - 60)
        assert (here.due, here.offered) == ([], ["b", "a"])


async def test_when_the_one_in_use_rests_the_next_is_asked_for_a_word_until_it_answers() -> None:
    async with greenhouse(ANSWER, COLD, ANSWER) as here:
        here.serve(0)
        here.rest(0)
        await here.wait(4 * PROBE_EVERY_S)
        asked = here.upstreams[1].heard
        assert len(asked) == 4
        assert {(heard.method, heard.path) for heard in asked} == {("POST", "/v1/chat/completions")}
        assert asked[0].headers["authorization"] == "Bearer key-b"
        here.upstreams[1].script[:] = [ANSWER]
        here.serve(2)
        assert here.offered == ["c", "b"]
        await here.wait(60)
        assert len(asked) == 4


async def test_when_the_one_in_use_runs_low_the_next_is_warmed_while_it_serves() -> None:
    async with greenhouse(ANSWER, COLD, ANSWER) as here:
        here.serve(0)
        here.spend(0, 9)
        await here.wait(2 * PROBE_EVERY_S)
        assert here.offered[0] == "a"
        here.upstreams[1].script[:] = [ANSWER]
        await here.wait(PROBE_EVERY_S)
        assert here.offered == ["b", "a", "c"]
        await here.wait(10 * PROBE_EVERY_S)
        assert len(here.upstreams[1].heard) == 3
    assert here.upstreams[2].heard == []


async def test_a_model_that_rests_is_trouble_enough_and_is_well_once_the_next_is_warm() -> None:
    async with greenhouse(ANSWER, ANSWER) as here:
        here.serve(0)
        for _ in range(3):
            with pytest.raises(errors.Overloaded), here.pools.lease(here.members[0], "m"):
                raise errors.Overloaded("busy")
        assert here.due == ["b"]
        await here.wait(5)
        assert (here.due, here.offered) == ([], ["b"])


async def test_a_user_who_finds_a_cold_key_awake_has_warmed_it() -> None:
    async with greenhouse(ANSWER, COLD) as here:
        here.serve(0)
        here.rest(0)
        assert here.due == ["b"]
        here.serve(1)
        assert here.due == []


async def test_who_does_not_answer_for_very_long_gives_way_and_at_last_all_begin_anew() -> None:
    async with greenhouse(ANSWER, COLD, COLD) as here:
        here.serve(0)
        here.rest(0)
        await here.wait(GIVE_UP_S + 10)
        assert [len(upstream.heard) for upstream in here.upstreams] == [0, 20, 1]
        await here.wait(GIVE_UP_S)
        assert here.upstreams[2].heard[-1].json["max_tokens"] == 1
        assert [len(upstream.heard) for upstream in here.upstreams] == [0, 21, 20]


async def test_a_key_that_is_rejected_when_it_is_asked_rests_and_the_next_is_asked() -> None:
    async with greenhouse(ANSWER, REJECTED, ANSWER) as here:
        here.serve(0)
        here.rest(0)
        await here.wait(10)
        assert here.offered == ["c"]
    assert [len(upstream.heard) for upstream in here.upstreams] == [0, 1, 1]


async def test_nobody_is_warmed_whose_own_money_is_short() -> None:
    async with greenhouse(ANSWER, ANSWER, ANSWER) as here:
        here.serve(0)
        here.spend(0, 9)
        here.spend(1, 9)
        here.spend(2, 0.5)
        assert here.due == []


async def test_who_is_switched_off_is_replaced_and_not_warmed() -> None:
    async with greenhouse(ANSWER, ANSWER, ANSWER) as here:
        here.serve(0)
        for member in here.members[:2]:
            here.pools.switch(member, on=False)
        assert here.due == ["c"]


async def test_a_conversation_is_not_kept_with_a_key_that_has_gone_cold() -> None:
    async with greenhouse(ANSWER, ANSWER, sticky=True) as here:
        with here.pools.lease(here.members[1], "m") as lease:
            lease.conversation = b"talk"
        here.clock.now += IDLE_S - 10
        here.serve(0)
        assert [member.id for member, _ in here.pools.attempts(HOPS, b"talk")] == ["b", "a"]
        here.clock.now += 10
        assert here.due == []
        assert [member.id for member, _ in here.pools.attempts(HOPS, b"talk")] == ["a", "b"]


async def test_a_cheaper_key_is_warmed_while_a_dearer_one_serves() -> None:
    async with greenhouse(ANSWER, ANSWER, ANSWER, prices=[80, 50, 50]) as here:
        here.serve(0)
        assert here.due == ["b"]
        await here.wait(5)
        assert (here.due, here.offered) == ([], ["b", "a", "c"])
    assert [len(upstream.heard) for upstream in here.upstreams] == [0, 1, 0]


async def test_the_health_check_leaves_cold_keys_alone_unless_they_rest() -> None:
    async with greenhouse(ANSWER, ANSWER, ANSWER) as here:
        checker = HealthChecker(here.pools, 600.0, 3, here.clock)
        checker.due()
        here.serve(0)
        here.rest(1)
        here.clock.now += 700
        assert [member.id for member in checker.due()] == ["a", "b"]


async def test_it_looks_for_ever() -> None:
    class EnoughError(Exception):
        pass

    async with greenhouse(ANSWER, ANSWER) as here:
        here.serve(0)
        here.rest(0)

        async def pause(seconds: float) -> None:
            assert seconds == LOOK_EVERY_S
            here.clock.now += seconds
            if here.clock.now > 1020:
                raise EnoughError

        here.warmer.pause = pause
        with pytest.raises(EnoughError):
            await here.warmer.run()
    assert len(here.upstreams[1].heard) == 1
