"""The health check, against real upstreams on the loopback; time is a parameter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from gateway import errors
from gateway.auth.api_key import ApiKey
from gateway.pool.checker import HealthChecker, probe
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, new_session
from tests.upstreams import FakeUpstream, Play, completion, playing

LIST = Play([b'{"object":"list","data":[]}'], content_type="application/json")
ANSWER = Play([completion("h")], content_type="application/json")
BROKEN = Play([b"{}"], 500, content_type="application/json")
ANY = [Hop("main", "m")]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def member(upstream: FakeUpstream, **more: object) -> AsyncIterator[Deployment]:
    async with new_session(1) as session:
        yield Deployment(
            id="a",
            pool="main",
            provider=PROVIDERS["openai-custom"],
            credential=ApiKey("authorization", "the-key", "Bearer "),
            transport=AiohttpTransport(session),
            base_url=f"{upstream.url}/v1",
            **more,  # type: ignore[arg-type]  # fields of Deployment
        )


async def test_the_cheapest_probe_is_the_model_list() -> None:
    async with playing(LIST) as upstream, member(upstream) as deployment:
        await probe(deployment)
    assert [(heard.method, heard.path) for heard in upstream.heard] == [("GET", "/v1/models")]
    assert upstream.heard[0].headers["authorization"] == "Bearer the-key"


async def test_a_check_model_is_asked_for_one_token() -> None:
    async with playing(ANSWER) as upstream, member(upstream, check_model="gpt-4.1-nano") as deployment:
        await probe(deployment)
    (heard,) = upstream.heard
    assert (heard.method, heard.path) == ("POST", "/v1/chat/completions")
    assert (heard.json["model"], heard.json["max_tokens"]) == ("gpt-4.1-nano", 1)


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (BROKEN, errors.UpstreamFailed),
        (Play([b"{}"], 401, content_type="application/json"), errors.CredentialRejected),
        (Play([b"<html>hello</html>"], content_type="text/html"), errors.BadUpstreamReply),
    ],
)
async def test_a_probe_says_why_there_is_no_life(play: Play, kind: type[errors.UpstreamError]) -> None:
    async with playing(play) as upstream, member(upstream) as deployment:
        with pytest.raises(kind):
            await probe(deployment)


async def test_a_deployment_that_answers_is_woken() -> None:
    async with playing(LIST) as upstream, member(upstream) as deployment:
        pools = Pools([Pool("main", [deployment], default_model="m")], Clock())
        pools.rest(deployment, errors.CredentialRejected("who?"), float("inf"))

        await HealthChecker(pools, 600, 3).check(deployment)

        assert pools.health(deployment).resting_until == 0.0


async def test_only_failures_in_a_row_put_a_deployment_to_rest() -> None:
    script = [BROKEN, BROKEN, LIST, BROKEN, BROKEN, BROKEN]
    async with playing(*script) as upstream, member(upstream) as deployment:
        pools = Pools([Pool("main", [deployment], default_model="m")], Clock())
        checker = HealthChecker(pools, 600, 3)
        rested = []
        for _ in script:
            await checker.check(deployment)
            rested.append(pools.health(deployment).resting_until > 0)

    assert rested == [False, False, False, False, False, True]


async def test_every_deployment_is_checked_once_an_interval_and_the_first_check_waits() -> None:
    waits: list[float] = []
    rounds = asyncio.Event()

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 4:
            rounds.set()
            await asyncio.Event().wait()

    async with playing(LIST) as upstream, member(upstream) as deployment:
        pools = Pools([Pool("main", [deployment], default_model="m")], Clock())
        task = asyncio.ensure_future(HealthChecker(pools, 600, 3, pause).run())
        await rounds.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert len(upstream.heard) == 3
    assert all(540 <= wait <= 660 for wait in waits)


async def test_a_deployment_that_wants_no_checks_is_left_alone() -> None:
    turns = 0

    async def pause(_: float) -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            raise TimeoutError

    async with playing(LIST) as upstream, member(upstream, check_health=False) as deployment:
        pools = Pools([Pool("main", [deployment], default_model="m")], Clock())
        with pytest.raises(TimeoutError):
            await HealthChecker(pools, 600, 3, pause).run()

    assert upstream.heard == []
