"""What is left of an account's money, asked for in time: the nearer its end, the sooner again.

Below `hard` nothing is asked of the account any more until there is more on it; below `soft` somebody should
know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import structlog

from gateway.canonical.json import JsonObject, JsonValue
from gateway.ledger.balance import Amounts, BalanceReader
from gateway.timing import Calendar, Clock

FIRST_LOOK_S = 30.0
"""When a balance is asked for the first time: not while the gateway starts."""

_SHARE = 0.2
_SOONEST_S, _LATEST_S = 30.0, 1800.0
_UNTOLD_S = 300.0
_LOOK_S = 1.0
_NO_MONEY = 402

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Purse:
    """The balance of one account, which `reader` knows how to ask for: a limit that is closed below `hard`.

    `currency` says which of several amounts is meant; None: the vendor's only one, or its largest. `look_at`
    is when to ask again, in seconds of `clock`.
    """

    account: str
    reader: BalanceReader
    clock: Clock
    soft: float = 0.0
    hard: float = 0.0
    currency: str | None = None
    left: float | None = None
    look_at: float = field(init=False)
    _told_at: float = 0.0
    _used: bool = False

    def __post_init__(self) -> None:
        self.look_at = self.clock() + FIRST_LOOK_S

    @property
    def is_spent(self) -> bool:
        """Whether the account may not be used."""
        return self.left is not None and self.left < self.hard

    @property
    def is_low(self) -> bool:
        """Whether it soon may not be."""
        return self.left is not None and self.left < self.soft

    def tell(self, amounts: Amounts) -> bool:
        """Note what the vendor says is left; whether that is more than before."""
        left = amounts.get(self.currency) if self.currency else max(amounts.values(), default=None)
        if left is None:
            log.warning("balance_in_other_currency", account=self.account, wanted=self.currency)
            self.miss()
            return False
        was, now = (self.left, self.is_spent, self.is_low), self.clock()
        self.look_at = now + self._pause_s(left, now)
        self.left, self._told_at, self._used = left, now, False
        if (self.is_spent, self.is_low) != was[1:]:
            state = "spent" if self.is_spent else "low" if self.is_low else "fine"
            log.warning("balance", account=self.account, left=left, state=state, was=was[0])
        return was[0] is not None and left > was[0]

    def miss(self) -> None:
        """The vendor did not tell: what was known stays."""
        self.look_at = self.clock() + _UNTOLD_S

    def reset(self) -> None:
        """Forget what is left, so that the account may be used until the vendor has been asked anew."""
        self.left, self.look_at = None, self.clock()

    def hear(self, model: str, status: int, headers: Mapping[str, str]) -> None:  # noqa: ARG002 - for any model
        """Where money is said to be missing, it is worth a look."""
        if status == _NO_MONEY:
            self.look_at = min(self.look_at, max(self.clock(), self._told_at + _SOONEST_S))

    def opens_at(self, now: float, model: str) -> float:  # noqa: ARG002 - money is for any model
        """Now, or when another look at it will have been taken."""
        return max(now + _LOOK_S, self.look_at) if self.is_spent else now

    def start(self, now: float, model: str) -> None:  # noqa: ARG002 - whenever, for any model
        """It is being used."""
        self._used = True

    def end(self, now: float, model: str, tokens: int) -> None:
        """What it came to, the vendor knows."""

    def told(self, now: float) -> JsonObject:  # noqa: ARG002 - at any time
        """What the vendor said is left; None: nothing yet."""
        return {
            "limit": "balance",
            "left": self.left,
            "currency": self.currency,
            "low_below": self.soft,
            "spent_below": self.hard,
        }

    def facts(self, calendar: Calendar) -> JsonValue:
        """What was left when; its currency, too."""
        if self.left is None:
            return None
        return {"left": self.left, "currency": self.currency, "at": calendar.date(self._told_at)}

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """What was left before this process began, until the vendor is asked: soon."""
        if facts["currency"] != self.currency:
            raise ValueError("an amount in another currency")
        self.left, self._told_at, self._used = float(facts["left"]), calendar.moment(facts["at"]), True

    def _pause_s(self, left: float, now: float) -> float:
        """When to look again: after a fifth of the time that what is left will last."""
        if left < self.hard:
            return _UNTOLD_S
        if self.left is None or left >= self.left or left == inf:
            return _LATEST_S if self.left is not None and not self._used else _UNTOLD_S
        rate = (self.left - left) / max(now - self._told_at, 1.0)
        return min(max(_SHARE * (left - self.hard) / rate, _SOONEST_S), _LATEST_S)
