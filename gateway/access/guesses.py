"""Wrong keys, counted by who shows them: ten a minute are mistakes, more are guessing."""

from collections import OrderedDict
from dataclasses import dataclass

from gateway.timing import Clock

_FREE = 10
"""Wrong keys a minute before an address has to wait."""
_WINDOW_S = 60.0
_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 900.0
_REMEMBERED = 10_000
"""Addresses that are remembered at most; the one heard of least recently is forgotten first."""


@dataclass(slots=True)
class _Guesser:
    since: float
    guesses: int = 0
    waits: int = 0
    until: float = 0.0


class Guesses:
    """Knows who guesses. Good keys are none of its business: they work from any address at any time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()

    def wrong(self, peer: str) -> float:
        """Note a wrong key of `peer`; how many seconds it has to wait before its next one is looked at, 0 for
        a mere mistake.

        The wait doubles each time, from a minute to a quarter of an hour; as long a silence forgets it all.
        """
        now = self._clock()
        guesser = self._of(peer, now)
        if now < guesser.until:
            return guesser.until - now
        if now - guesser.since >= _WINDOW_S:
            guesser.since, guesser.guesses = now, 0
        guesser.guesses += 1
        if guesser.guesses <= _FREE:
            return 0.0
        wait = min(_FIRST_WAIT_S * 2.0**guesser.waits, _LONGEST_WAIT_S)
        guesser.waits, guesser.guesses, guesser.until = guesser.waits + 1, 0, now + wait
        return wait

    def _of(self, peer: str, now: float) -> _Guesser:
        guesser = self._guessers.get(peer)
        if guesser is None or now - max(guesser.since, guesser.until) > _LONGEST_WAIT_S:
            guesser = self._guessers[peer] = _Guesser(now)
        self._guessers.move_to_end(peer)
        if len(self._guessers) > _REMEMBERED:
            self._guessers.popitem(last=False)
        return guesser
