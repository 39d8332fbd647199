"""The bytes that bodies may hold together: counted as they come, given back however a request ends."""

import asyncio

import pytest

from gateway.errors import Unavailable
from gateway.server.budget import Budget
from tests.gateways import running
from tests.raw import RawReply, connected, said_to, until_hung_up
from tests.server.test_bodies import BODY, JSON, limited, post
from tests.upstreams import FakeUpstream, Play, Silence, playing

ROOM = 10_000
LARGE = BODY[:-1] + b',"user":"' + b"a" * 6_000 + b'"}'
PATHS = {"/v1/chat/completions": 503, "/v1/messages": 529, "/ollama/api/chat": 503}
SILENT = Play([Silence()], content_type="application/json")


def test_shares_hold_no_more_together_than_the_budget() -> None:
    budget = Budget(10)
    one, other = budget.share(), budget.share()
    one.grow(4)
    other.grow(6)
    with pytest.raises(Unavailable):
        one.grow(1)
    assert budget.held == 10
    other.release()
    one.grow(6)
    one.release()
    one.release()
    assert budget.held == 0


def test_what_is_only_announced_is_not_put_aside() -> None:
    budget = Budget(10)
    budget.share().expect(10)
    budget.share().expect(10)
    assert budget.held == 0
    with pytest.raises(Unavailable) as refusal:
        budget.share().expect(11)
    assert refusal.value.retry_after_s


async def until_called(upstream: FakeUpstream) -> None:
    async with asyncio.timeout(5):
        while not upstream.active:
            await asyncio.sleep(0.001)


def is_refusal(reply: RawReply, status: int) -> bool:
    return (
        reply.status == status
        and "retry-after: 1" in reply.head
        and "10000 bytes" in str(reply.json["error"])
    )


@pytest.mark.parametrize(("path", "status"), PATHS.items())
async def test_over_the_budget_a_request_is_told_in_its_protocol_to_come_back(path: str, status: int) -> None:
    async with (
        playing(SILENT) as upstream,
        running(limited(upstream.url, body_limit_bytes=ROOM, bodies_limit_bytes=ROOM)) as gateway,
    ):
        async with connected(gateway) as (_, writer):
            writer.write(post(LARGE))
            await until_called(upstream)
            announced = await said_to(
                gateway, post(b"", "Expect: 100-continue", path=path, length=len(LARGE))
            )
            chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE), LARGE)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            counted = await said_to(gateway, head.encode() + chunked)
            upstream.script = [JSON]
            small = await said_to(gateway, post(BODY[:-1] + b',"stream":false}', path=path))

        assert is_refusal(announced, status)
        assert is_refusal(counted, status)
        assert small.status == 200


@pytest.mark.parametrize(
    "said",
    [
        post(LARGE),
        post(LARGE[:-1]),
        post(LARGE, length=len(LARGE) + 9),
        post(LARGE, path="/v1/messages/count_tokens"),
    ],
    ids=["answered", "no JSON", "cut short", "counted"],
)
async def test_every_end_of_a_request_gives_back_what_it_held(said: bytes) -> None:
    async with (
        playing(JSON) as upstream,
        running(
            limited(upstream.url, body_limit_bytes=ROOM, bodies_limit_bytes=ROOM, body_timeout_s=0.05)
        ) as gateway,
    ):
        for _ in range(3):
            assert (await said_to(gateway, said)).status in (200, 400, 408)
        last = await said_to(gateway, post(LARGE))

    assert last.status == 200


async def test_a_client_that_leaves_gives_back_what_it_held() -> None:
    async with (
        playing(SILENT) as upstream,
        running(limited(upstream.url, body_limit_bytes=ROOM, bodies_limit_bytes=ROOM)) as gateway,
    ):
        for _ in range(3):
            async with connected(gateway) as (_, writer):
                writer.write(post(LARGE))
                await until_called(upstream)
            async with asyncio.timeout(5):
                await upstream.idle.wait()
        upstream.script = [JSON]
        last = await until_hung_up(gateway, post(LARGE, "Connection: close"))

    assert last.status == 200
