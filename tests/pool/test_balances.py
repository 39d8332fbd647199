"""What is left of accounts is asked of real servers on the loopback; time is a parameter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest

from gateway import errors
from gateway.auth.api_key import ApiKey
from gateway.ledger.balance import READERS
from gateway.pool.balances import LOOK_EVERY_S, BalanceKeeper
from gateway.pool.deployment import Deployment
from gateway.pool.health import State
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.pool.purse import FIRST_LOOK_S, Purse
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from tests.pool.clocks import At
from tests.upstreams import FakeUpstream, Play, playing

HOPS = (Hop("main", "m"),)
BROKEN = Play([b"{}"], 500, content_type="application/json")
RIDDLE = Play([b'{"data": {}}'], content_type="application/json")


def left(amount: float) -> Play:
    said = {"data": {"totalBalance": str(amount)}}
    return Play([orjson.dumps(said)], content_type="application/json")


@dataclass
class House:
    """Two deployments of one account, and who looks after its money."""

    clock: At
    pools: Pools
    keeper: BalanceKeeper
    members: tuple[Deployment, ...]
    upstream: FakeUpstream

    @property
    def purse(self) -> Purse:
        held = self.members[0].purse
        assert held is not None
        return held

    @property
    def rests(self) -> bool:
        return self.pools.health(self.members[1]).account.whole.until > self.clock.now

    @property
    def offered(self) -> list[str]:
        return [member.id for member, _ in self.pools.attempts(HOPS)]

    async def look(self, after_s: float | None = None) -> None:
        """Look once it is time, or `after_s` later."""
        self.clock.now = self.purse.look_at if after_s is None else self.clock.now + after_s
        (member,) = self.keeper.due()
        await self.keeper.look(member)


@asynccontextmanager
async def house(*script: Play) -> AsyncIterator[House]:
    clock = At(1000.0)
    purse = Purse("a", READERS["siliconflow"], clock, soft=10, hard=2)
    async with playing(*script) as upstream, Connector(1) as connector:
        members = tuple(
            Deployment(
                id=name,
                pool="main",
                provider=PROVIDERS["siliconflow"],
                credential=ApiKey("authorization", "the-key", "Bearer "),
                transport=AiohttpTransport(connector),
                base_url=f"{upstream.url}/v1",
                account="a",
                limits=(purse,),
                observers=(purse,),
                purse=purse,
            )
            for name in ("a", "b")
        )
        pools = Pools([Pool("main", members, default_model="m")], clock)
        yield House(clock, pools, BalanceKeeper(pools, clock), members, upstream)


async def test_each_account_is_asked_once_with_its_key_and_not_at_the_start() -> None:
    async with house(left(100)) as here:
        assert here.keeper.due() == []
        await here.look(FIRST_LOOK_S)
        assert (here.purse.left, here.keeper.due()) == (100.0, [])
    (heard,) = here.upstream.heard
    assert (heard.path, heard.headers["authorization"]) == ("/v1/user/info", "Bearer the-key")


async def test_who_is_spent_rests_with_all_its_deployments_and_says_why() -> None:
    async with house(left(1)) as here:
        await here.look()
        assert here.offered == []
        health = here.pools.health(here.members[1])
        assert health.state(here.clock.now) is State.UNAVAILABLE
        assert health.account.whole.last_error == "QuotaExhausted"
        with pytest.raises(errors.NoDeploymentLeft, match="has used what it may"):
            await here.pools.opening(HOPS)


async def test_it_rests_for_as_long_as_it_is_spent_and_is_used_at_once_when_there_is_more() -> None:
    async with house(left(1), left(0.5), left(50)) as here:
        await here.look()
        here.clock.now = here.purse.look_at
        assert here.offered == []
        await here.look()
        assert here.offered == []
        await here.look()
        assert here.offered == ["a", "b"]


async def test_who_refused_for_want_of_money_is_looked_at_soon_and_used_once_there_is_more() -> None:
    async with house(left(20), left(20), left(90)) as here:
        await here.look()
        with pytest.raises(errors.QuotaExhausted), here.pools.lease(here.members[0], "m"):
            here.purse.hear("m", 402, {})
            raise errors.QuotaExhausted("no money")
        await here.look(30)
        assert here.rests
        await here.look()
        assert not here.rests


async def test_an_answer_that_is_no_balance_changes_nothing() -> None:
    async with house(left(1), BROKEN, RIDDLE) as here:
        await here.look()
        for _ in range(2):
            await here.look()
            assert here.purse.left == 1.0
        assert here.keeper.due() == []


async def test_a_reset_revives_at_once_and_has_the_vendor_asked_anew() -> None:
    async with house(left(1)) as here:
        await here.look()
        here.pools.reset(here.members[0])
        assert here.offered == ["a", "b"]
        assert len(here.keeper.due()) == 1


async def test_it_looks_for_ever() -> None:
    class EnoughError(Exception):
        pass

    async with house(left(100)) as here:

        async def pause(seconds: float) -> None:
            assert seconds == LOOK_EVERY_S
            here.clock.now += seconds
            if here.clock.now > 1000 + 2 * FIRST_LOOK_S:
                raise EnoughError

        here.keeper.pause = pause
        with pytest.raises(EnoughError):
            await here.keeper.run()
    assert len(here.upstream.heard) == 1
