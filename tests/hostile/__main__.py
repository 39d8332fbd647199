"""As many bodies nobody thought of as there is time for: `python -m tests.hostile --bodies 100000`."""

import argparse
import logging
import sys
from collections import Counter
from time import monotonic

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.hostile.fuzz import Gateway, sendings

_AT_ONCE = 1000
"""Bodies to a seed: what hypothesis remembers of them all would fill the memory."""


def _tried(gateway: Gateway, number: int, bodies: int) -> Counter[str]:
    """Try `bodies` of seed `number`; how many there were, by protocol. A wrong answer is raised with the
    smallest body that gets it.
    """
    tried: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=bodies,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(sendings())
    def attempt(sent: tuple[str, str, bytes]) -> None:
        tried[sent[0]] += 1
        found = gateway.complaints(*sent)
        assert not found, (found, sent)

    attempt()
    return tried


def main() -> int:
    """Try, and say how it went; 1 if any answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="where to begin; each thousand has the next one")
    asked = parser.parse_args()
    # An error of ours shows in the answer; its traceback would bury everything else.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    started, tried, wrong = monotonic(), Counter[str](), 0
    with Gateway() as gateway:
        for number in range(-(-asked.bodies // _AT_ONCE)):
            bodies = min(_AT_ONCE, asked.bodies - number * _AT_ONCE)
            try:
                tried += _tried(gateway, asked.seed + number, bodies)
            except AssertionError as error:
                wrong += 1
                sys.stdout.write(f"seed {asked.seed + number}: {str(error)[:2000]}\n")
                sys.stdout.flush()
    took = monotonic() - started
    sys.stdout.write(f"{tried.total()} bodies in {took:.0f} s, {wrong} seeds with a wrong answer: {tried}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
