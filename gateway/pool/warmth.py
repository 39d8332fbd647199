"""Whether an account has answered lately, where one that has not refuses for a while.

Some upstreams answer 503 for minutes or hours after requests have come with another key. So a key that is
cold is left to the warmer, which asks it until it answers, while others serve.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

from gateway.canonical.json import JsonValue
from gateway.timing import Calendar


@dataclass(slots=True)
class Warmth:
    """Of one account: it is warm for `idle_s` after its latest answer. Times are of the pool's clock.

    A cold one is asked every `probe_every_s`, and for `give_up_s` in a row. `asked_since` is when that began;
    None: it has answered since, or was never asked.
    """

    idle_s: float
    probe_every_s: float
    give_up_s: float
    answered_at: float = -inf
    asked_since: float | None = None
    asked_at: float = -inf

    def is_warm(self, now: float) -> bool:
        """Whether it may be used like any other."""
        return now < self.answered_at + self.idle_s

    def answer(self, now: float) -> None:
        """It has answered."""
        self.answered_at, self.asked_since = now, None

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask it."""
        return now >= self.asked_at + self.probe_every_s

    def ask(self, now: float) -> None:
        """It is asked."""
        self.asked_at = now
        if self.asked_since is None:
            self.asked_since = now

    def is_hopeless(self, now: float) -> bool:
        """Whether it was asked for long enough."""
        return self.asked_since is not None and now >= self.asked_since + self.give_up_s

    def hope(self) -> None:
        """Begin anew: the others are no better."""
        self.asked_since = None

    def facts(self, calendar: Calendar) -> JsonValue:
        """When it answered last."""
        return None if self.answered_at == -inf else calendar.date(self.answered_at)

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """When it answered last, before this process began."""
        self.answered_at = calendar.moment(facts)
