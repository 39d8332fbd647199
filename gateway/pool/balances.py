"""Asks vendors what is left of accounts, whenever it is time for one, and has those rest that are spent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway import errors
from gateway.pool.asking import ask, each
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.pool.purse import Purse
from gateway.timing import Clock
from gateway.wire.http import HttpRequest

LOOK_EVERY_S = 5.0
"""How often it is looked whether it is time for one."""

_LEEWAY_S = 30.0
"""How much longer than until the next look an account rests: the vendor needs time to answer."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class BalanceKeeper:
    """Looks into the purses of all accounts for ever. `pause` waits, given seconds."""

    pools: Pools
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.pause(LOOK_EVERY_S)
            await each(self.look, self.due())

    def due(self) -> list[Deployment]:
        """Those to be asked now, one of each account."""
        now = self.clock()
        members = (member for pool in self.pools for member in pool.members)
        due = (member for member in members if member.purse is not None and member.purse.look_at <= now)
        return list({member.account: member for member in due}.values())

    async def look(self, deployment: Deployment) -> None:
        """Ask what is left for `deployment`, which must have a purse, and see to what follows."""
        purse = deployment.purse
        assert purse is not None, "only accounts with a purse are asked"
        reader, base_url = purse.reader, deployment.base_url
        question = HttpRequest("GET", reader.url(base_url), {"accept": "application/json"})
        try:
            grown = purse.tell(reader.read(await ask(deployment, question), reader.currency(base_url)))
        except errors.UpstreamError as error:
            # The answer itself holds names and addresses: it is never logged.
            log.warning("balance_unknown", account=purse.account, kind=type(error).__name__)
            purse.miss()
            return
        self._settle(deployment, purse, grown=grown)

    def _settle(self, deployment: Deployment, purse: Purse, *, grown: bool) -> None:
        """Who is spent rests until the next look; who had no money and was given some may be used at once."""
        if purse.is_spent:
            spent = errors.QuotaExhausted("the balance is below what is to be left of it")
            self.pools.rest(deployment, spent, purse.look_at - self.clock() + _LEEWAY_S)
            return
        why = self.pools.health(deployment).account.whole.last_error
        if grown and why == errors.QuotaExhausted.__name__:
            self.pools.wake(deployment)
