"""What is told of deployments, at a time of one's choosing."""

from math import inf
from typing import Any

import pytest

from gateway import errors
from gateway.ledger.balance import READERS
from gateway.pool.adaptive import Adaptive
from gateway.pool.allowance import Allowance
from gateway.pool.breaker import SLOW_START_S
from gateway.pool.limits import Requests
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.pool.purse import Purse
from gateway.pool.report import Moment, Reporter
from gateway.pool.warmth import Warmth
from gateway.timing import Window
from tests.pool.clocks import At
from tests.pool.test_sticky import member

WALL = 1_800_000_000.0
REJECTED = errors.CredentialRejected("no")
FULL = errors.RateLimited("full", retry_after_s=30)


def reported(**more: Any) -> tuple[Reporter, At]:
    clock = At(1000.0)
    pools = Pools([Pool("main", [member("a", **more)], default_model="m")], clock)
    return Reporter(pools, clock, lambda: WALL + clock.now - 1000.0), clock


def fail(reporter: Reporter, error: errors.GatewayError) -> None:
    (deployment,) = reporter.pools["main"].members
    with pytest.raises(type(error)), reporter.pools.lease(deployment, "m"):
        raise error


def obstacles(reporter: Reporter) -> list[tuple[object, object, object]]:
    (deployment,) = reporter.pools["main"].members
    found = reporter.obstacles(deployment, "m")
    return [(each["why"], each["until"], each["seconds"]) for each in found]


def told(reporter: Reporter) -> dict[str, object]:
    (deployment,) = reporter.pools["main"].members
    return {**reporter.deployment(deployment)}


def test_a_moment_is_told_as_a_date_and_in_seconds() -> None:
    at = Moment(1000.0, WALL)
    assert at.told(1030.5) == {"until": "2027-01-15T08:00:30+00:00", "seconds": 30.5}
    assert at.told(inf) == {"until": None, "seconds": None}


def test_a_rest_is_told_until_its_end_then_its_trial_and_then_that_it_begins_slowly() -> None:
    reporter, clock = reported()
    (deployment,) = reporter.pools["main"].members
    fail(reporter, FULL)
    until = "2027-01-15T08:00:30+00:00"
    assert obstacles(reporter) == [("this model of the key rests after RateLimited", until, 30.0)]
    clock.now += 30
    assert obstacles(reporter) == []
    with reporter.pools.lease(deployment, "m"):
        (why, *_), *none = obstacles(reporter)
        assert (why, none) == (
            "this model of the key rested after RateLimited; a request shows whether that is over",
            [],
        )
    with reporter.pools.lease(deployment, "m"), reporter.pools.lease(deployment, "m"):
        assert obstacles(reporter) == [
            ("this model of the key has just rested; it takes 2 requests at once", None, None)
        ]
    clock.now += SLOW_START_S
    assert obstacles(reporter) == []


def test_a_rest_without_end_is_told_with_what_ends_it() -> None:
    reporter, _ = reported()
    fail(reporter, REJECTED)
    why = "the key rests after CredentialRejected until it is reset, or a probe succeeds"
    assert obstacles(reporter) == [(why, None, None)]
    assert told(reporter)["rests"] == [
        {"model": None, "why": "CredentialRejected", "until": None, "seconds": None}
    ]
    assert (told(reporter)["state"], told(reporter)["last_error"]) == ("UNAVAILABLE", "CredentialRejected")


def test_every_kind_of_limit_tells_what_is_used_or_left() -> None:
    clock = At(1000.0)
    allowance = Allowance(clock, clock)
    allowance.hear("m", 200, {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "60s"})
    adaptive = Adaptive(clock, begin=8)
    each = Requests(5, lambda: Window(60.0), per_model=True)
    for limit in (adaptive, each):
        limit.start(1000.0, "m")
    reporter, later = reported(limits=(allowance, adaptive, each))
    assert told(reporter)["limits"] == [
        {"limit": "what the upstream says is left", "left": {"m x-ratelimit-remaining-requests": 7.0}},
        {"limit": "requests at once, adaptive", "used": 1, "most": 8},
        {"limit": "requests 60 s per model", "used": {"m": 1.0}, "most": 5},
    ]
    later.now += 60
    limits = told(reporter)["limits"]
    assert isinstance(limits, list)
    assert limits[0] == {"limit": "what the upstream says is left", "left": {}}


def test_a_balance_and_the_warmth_of_a_key_are_told() -> None:
    clock = At(1000.0)
    purse = Purse("a", READERS["deepseek"], clock, soft=10, hard=2, currency="USD")
    purse.tell({"USD": 1.5})
    reporter, _ = reported(purse=purse, limits=(purse,), warmth=Warmth(60, 5, 60))
    said = told(reporter)
    assert (said["limits"], said["warm"]) == ([], False)
    assert said["balance"] == {
        "limit": "balance",
        "left": 1.5,
        "currency": "USD",
        "low_below": 10,
        "spent_below": 2,
    }
    ((why, *_),) = obstacles(reporter)
    assert why == "balance: nothing left"
