"""Questions that are nobody's request, against a real server on the loopback."""

import asyncio
from dataclasses import replace

import pytest

from gateway import errors
from gateway.pool.asking import ask, asked, each
from gateway.pool.deployment import Deployment
from gateway.wire.http import HttpRequest
from tests.pool.test_probe import member
from tests.upstreams import Play, Silence, playing


async def test_an_answer_is_read_as_json_or_taken_as_it_came() -> None:
    async with playing(Play([b'{"a": 1}'])) as upstream, member(upstream) as deployment:
        question = HttpRequest("GET", f"{upstream.url}/x", {})
        assert await ask(deployment, question) == {"a": 1}
        assert await asked(deployment, question) == b'{"a": 1}'
    assert upstream.heard[0].headers["authorization"] == "Bearer the-key"


async def test_who_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.pool.asking.PATIENCE_S", 0.02)
    async with playing(Play([Silence()])) as upstream, member(upstream) as deployment:
        with pytest.raises(errors.UpstreamTimeout, match="no answer"):
            await ask(deployment, HttpRequest("GET", f"{upstream.url}/x", {}))


async def test_not_too_many_are_asked_at_a_time_and_nobody_is_left_out() -> None:
    there, most, done = 0, 0, list[str]()

    async def one(deployment: Deployment) -> None:
        nonlocal there, most
        there += 1
        most = max(most, there)
        await asyncio.sleep(0)
        there -= 1
        done.append(deployment.id)

    async with playing(Play([b"{}"])) as upstream, member(upstream) as deployment:
        names = [f"d-{number}" for number in range(30)]
        await each(one, [replace(deployment, id=name) for name in names])
    assert sorted(done) == sorted(names)
    assert 1 < most <= 8
