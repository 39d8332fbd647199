"""When to leave somebody alone: failures in, rests out, for an account or for one model of it.

serving ── enough failures ──► resting ── time ──► on trial: one request at a time
   ▲                              ▲                   │      │
   └── a success, then twice as much at once each ────┼──────┘
                                  └──── a failure ────┘
"""

from dataclasses import dataclass, field
from math import inf
from typing import Any

from gateway.canonical.json import JsonValue
from gateway.pool.policy import LONGEST_ASKED_S, Rest
from gateway.timing import Calendar

SLOW_START_S = 30.0
"""How long after its first success somebody is held back at most."""

LONGEST_MEMORY_S = 60.0
"""For how long requests are remembered of which a share may have failed."""

_MOST_AT_ONCE = 64
"""Beyond this many requests at once nobody is held back."""

_MOST_DOUBLINGS = 64


class Tally(list[int]):
    """How many requests went well lately and how many did not, by the second: three numbers for each, one
    after the other (which it is, how many did, how many did not), as there may be many thousand tallies.
    """

    __slots__ = ()

    def note(self, now: float, *, well: bool) -> None:
        """Count one."""
        second = int(now)
        if not self or self[-3] != second:
            self.extend((second, 0, 0))
            while self[0] < second - LONGEST_MEMORY_S:
                del self[:3]
        self[-2 if well else -1] += 1

    def mostly_fails(self, rest: Rest, now: float) -> bool:
        """Whether the share of failures is what `rest` takes for too many."""
        if rest.share is None:
            return False
        lately = [at for at in range(0, len(self), 3) if self[at] > now - rest.within_s]
        failed = sum(self[at + 2] for at in lately)
        asked = failed + sum(self[at + 1] for at in lately)
        return asked >= rest.of and failed >= rest.share * asked


@dataclass(slots=True, frozen=True, kw_only=True)
class Failure:
    """One failure: the name of its class, what the upstream asked for, when the account's own period ends
    (both in seconds from now; None: not known), and a number from 0 to 1 that spreads rests.
    """

    name: str
    asked_s: float | None = None
    period_s: float | None = None
    chance: float = 0.5


@dataclass(slots=True)
class Breaker:
    """Of one account, or of one model of an account. Times are in seconds of one monotonic clock.

    `failures` in a row; `rests` since the last success; it rests `until` then because of `last_error`, the
    name of a failure's class.

    What began before a rest says nothing of how it is since, so requests are told apart by how many rests
    had begun when they did: `start` gives that number, and whoever ends or judges a request gives it back.
    """

    failures: int = 0
    rests: int = 0
    until: float = 0.0
    last_error: str = ""
    _tally: Tally = field(default_factory=Tally)
    _begun: int = 0
    _in_flight: int = 0
    _at_once: float = inf
    _held_until: float = 0.0

    @property
    def on_trial(self) -> bool:
        """Whether a request is there that shows how it is since it rests."""
        return bool(self.rests and self._in_flight)

    def opens_at(self, now: float) -> float:
        """From when on it takes another request: `now`, or later, or infinitely late while that hangs on the
        requests in flight or on a reset.
        """
        if self.until > now:
            return self.until
        if not self.rests and now >= self._held_until:
            return now
        return inf if self._in_flight >= self.at_once(now) else now

    def at_once(self, now: float) -> float:
        """How many requests at once it takes, of those that began since it rested."""
        if self.rests:
            return 1
        return self._at_once if now < self._held_until else inf

    def is_quiet(self, now: float) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return not (self.rests or self.failures or self._in_flight) and now >= self._held_until

    def start(self) -> int:
        """A request starts; what tells it apart from those before the last rest."""
        self._in_flight += 1
        return self._begun

    def end(self, begun: int) -> None:
        """A request ended that started when so many rests had begun."""
        if begun == self._begun:
            self._in_flight -= 1

    def succeed(self, now: float, begun: int) -> bool:
        """Note a success; whether it ends a rest."""
        self._tally.note(now, well=True)
        if begun != self._begun:
            return False
        self.failures, self.last_error = 0, ""
        if self.rests:
            self.rests, self.until = 0, 0.0
            self._at_once, self._held_until = 2, now + SLOW_START_S
            return True
        if now < self._held_until:
            self._at_once *= 2
            if self._at_once > _MOST_AT_ONCE:
                self._held_until = 0.0
        return False

    def fail(self, rest: Rest, failure: Failure, now: float, begun: int) -> float | None:
        """Note a failure; for how many seconds it rests because of it, None if it does not."""
        asked_s = (
            min(failure.asked_s, LONGEST_ASKED_S) if rest.obeys and failure.asked_s is not None else None
        )
        if begun != self._begun:
            # Many that failed together are one failure; only what they ask for may be news.
            return None if asked_s is None else self._prolong(now + asked_s, asked_s)
        self.last_error = failure.name
        if rest.counts:
            self._tally.note(now, well=False)
            self.failures += 1
        enough = self.rests or self.failures >= rest.after or self._tally.mostly_fails(rest, now)
        if not rest.counts:
            seconds = self._seconds(rest, failure) if asked_s is None else asked_s
        elif enough:
            seconds = max(self._seconds(rest, failure), asked_s or 0.0)
        elif asked_s is not None:
            seconds = asked_s
        else:
            return None
        self._begin()
        return self._prolong(now + seconds, seconds)

    def rest(self, now: float, seconds: float, name: str) -> None:
        """Rest for `seconds` from `now`, because of what `name` says."""
        self.last_error = name
        self._begin()
        self._prolong(now + seconds, seconds)

    def reset(self) -> None:
        """As if nothing had been, but for the requests that are there."""
        self.failures, self.rests, self.until, self.last_error = 0, 0, 0.0, ""
        self._held_until = 0.0
        self._tally.clear()

    def facts(self, calendar: Calendar) -> JsonValue:
        """Its failures and its rest; what was counted in the last minute is soon counted again."""
        if not (self.rests or self.failures):
            return None
        return {
            "failures": self.failures,
            "rests": self.rests,
            "until": calendar.date(self.until),
            "error": self.last_error,
        }

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """Rest on, or be on trial; no request is there yet."""
        failures, rests = int(facts["failures"]), int(facts["rests"])
        until, error = calendar.moment(facts["until"]), str(facts["error"])
        self.failures, self.rests, self.until, self.last_error = failures, rests, until, error

    def _begin(self) -> None:
        self.rests += 1
        self._begun += 1
        self._in_flight, self._held_until = 0, 0.0
        self._tally.clear()

    def _prolong(self, until: float, seconds: float) -> float:
        self.until = max(self.until, until)
        return seconds

    def _seconds(self, rest: Rest, failure: Failure) -> float:
        if rest.until is rest.until.PERIOD and failure.period_s is not None:
            return failure.period_s
        longer: float = rest.first_s * rest.factor ** min(self.rests, _MOST_DOUBLINGS)
        return min(longer * (1 + rest.jitter * (2 * failure.chance - 1)), rest.longest_s)
