"""A gateway that is told to stop: whoever is being served is served, whoever cannot be is told so."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config.schema import ServerConfig
from tests.gateways import configured, running
from tests.gateways import pool as in_process_pool
from tests.knocking import knocking
from tests.processes import Served, kept_waiting_s, pool, serving
from tests.upstreams import Play, Silence, chunk, completion, playing, sse

pytestmark = pytest.mark.slow

HERE = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)
REST = sse(chunk({"content": " world"}), chunk({}, "stop"))
BODY = {"model": "gpt-test", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
JSON = Play([completion("fine")], content_type="application/json")
STREAMS = 100
ERRORS = {"/v1/chat/completions": b'data: {"error":', "/v1/messages": b"event: error\n"}


def config(url: str, **server: float) -> dict[str, Any]:
    return {
        "auth": {"open": True},
        "server": {"accept_while_draining_s": 0.3, "drain_s": 1.5, **server},
        "pools": [pool("openai-custom", "openai-custom", f"{url}/v1")],
        "default_pool": "openai-custom",
    }


async def post(session: aiohttp.ClientSession, url: str, **more: Any) -> aiohttp.ClientResponse:
    return await session.post(url, json={**BODY, **more})


async def refuses_connections(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionError:
                return
            writer.close()
            await asyncio.sleep(0.02)


async def draining(session: aiohttp.ClientSession, served: Served) -> None:
    loop = asyncio.get_running_loop()
    told, waited = loop.time(), served.kept_waiting_s()
    while True:
        async with session.get(f"{served.url}/readyz") as ready:
            took = loop.time() - told
            if ready.status == 503:
                break
    assert took - (served.kept_waiting_s() - waited) < 1
    assert ready.headers["connection"] == "close"


async def exit_code(served: Served) -> int:
    async with asyncio.timeout(60):
        return await served.child.wait()


async def test_an_idle_gateway_stops_with_code_0_when_its_time_to_accept_is_over(tmp_path: Path) -> None:
    async with playing(JSON) as upstream:
        settings = config(upstream.url, accept_while_draining_s=2, drain_s=600)
        async with serving(tmp_path, **settings) as served:
            async with aiohttp.ClientSession() as session:
                served.child.send_signal(signal.SIGTERM)
                await draining(session, served)
                async with await post(session, f"{served.url}/v1/messages") as still:
                    assert still.status == 200
            assert await exit_code(served) == 0


@pytest.mark.parametrize("path", ERRORS)
async def test_an_open_stream_is_told_when_its_time_is_up(tmp_path: Path, path: str) -> None:
    async with (
        playing(Play([HERE, Silence()])) as upstream,
        serving(tmp_path, **config(upstream.url)) as served,
    ):
        async with aiohttp.ClientSession() as session:
            stream = await post(session, served.url + path, stream=True)
            await stream.content.readuntil(b"Hello")
            served.child.send_signal(signal.SIGTERM)
            rest = b""
            with pytest.raises(aiohttp.ClientPayloadError):
                while True:
                    rest += await stream.content.readany()
            stream.close()
        assert await exit_code(served) == 0
        assert ERRORS[path] in rest
        assert b"shutting down" in rest
        assert b"[DONE]" not in rest
        assert b"message_stop" not in rest
        assert '"outcome":"broken"' in served.output().replace(": ", ":")


async def test_a_stream_that_ends_in_time_is_whole_and_nothing_new_is_begun(tmp_path: Path) -> None:
    release = asyncio.Event()

    async with playing(Play([HERE, release, REST])) as upstream:
        settings = config(upstream.url, accept_while_draining_s=0.2, drain_s=10)
        async with serving(tmp_path, **settings) as served, aiohttp.ClientSession() as session:
            stream = await post(session, f"{served.url}/v1/chat/completions", stream=True)
            await stream.content.readuntil(b"Hello")
            served.child.send_signal(signal.SIGTERM)
            await refuses_connections(served.url)
            release.set()
            rest = await stream.content.read()
            stream.close()
            assert await exit_code(served) == 0
    assert b" world" in rest
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_who_was_let_in_last_may_still_say_what_for(tmp_path: Path) -> None:
    async with playing(JSON) as upstream:
        settings = config(upstream.url, accept_while_draining_s=0.2, drain_s=30)
        async with serving(tmp_path, **settings) as served:
            host, _, port = served.url.removeprefix("http://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            served.child.send_signal(signal.SIGTERM)
            await refuses_connections(served.url)
            # Longer than it takes where nobody is expected.
            await asyncio.sleep(0.3)
            body = json.dumps(BODY).encode()
            head = f"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            assert await exit_code(served) == 0


async def test_under_load_no_request_is_lost_that_fits_in_the_drain(tmp_path: Path) -> None:
    release = asyncio.Event()
    streams = [Play([HERE, release, REST])] * STREAMS

    async with playing(*streams, JSON) as upstream:
        settings = config(upstream.url, accept_while_draining_s=3, drain_s=30)
        async with (
            serving(tmp_path, **settings) as served,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            path = f"{served.url}/v1/chat/completions"
            begun = await asyncio.gather(*(post(session, path, stream=True) for _ in range(STREAMS)))
            await asyncio.gather(*(stream.content.readuntil(b"Hello") for stream in begun))
            async with knocking(served.url) as knocks:
                await knocks.more(20)
                served.child.send_signal(signal.SIGTERM)
                await draining(session, served)
                await knocks.more(20)
            # Whoever balances the load has seen it by now, and sends the next to somebody else.
            await refuses_connections(served.url)
            release.set()
            rests = await asyncio.gather(*(stream.content.read() for stream in begun))
            for stream in begun:
                stream.close()
            assert await exit_code(served) == 0
        records = [line for line in served.output().splitlines() if '"event":"request"' in line]
    assert knocks.failed == []
    assert [rest for rest in rests if not rest.endswith(b"data: [DONE]\n\n")] == []
    assert len(records) == STREAMS + knocks.served
    assert [line for line in records if '"outcome":"ok"' not in line] == []


async def test_a_request_for_a_whole_reply_is_told_when_its_time_is_up(tmp_path: Path) -> None:
    silent = Play([Silence()], content_type="application/json")
    async with playing(silent) as upstream, serving(tmp_path, **config(upstream.url)) as served:
        async with aiohttp.ClientSession() as session:
            asked = asyncio.ensure_future(post(session, f"{served.url}/v1/messages"))
            async with asyncio.timeout(30):
                while not upstream.active:
                    await asyncio.sleep(0.01)
            served.child.send_signal(signal.SIGTERM)
            async with await asked as reply:
                told = await reply.json()
        assert reply.status == 529
        assert "retry-after" in reply.headers
        assert told["error"]["type"] == "overloaded_error"
        assert await exit_code(served) == 0


async def test_a_second_signal_waits_for_nobody(tmp_path: Path) -> None:
    async with playing(Play([HERE, Silence()])) as upstream:
        patient = config(upstream.url, accept_while_draining_s=500, drain_s=600)
        async with serving(tmp_path, **patient) as served, aiohttp.ClientSession() as session:
            stream = await post(session, f"{served.url}/v1/messages", stream=True)
            await stream.content.readuntil(b"Hello")
            served.child.send_signal(signal.SIGTERM)
            await draining(session, served)
            served.child.send_signal(signal.SIGINT)
            assert await exit_code(served) == 0
            stream.close()


@pytest.mark.parametrize(("path", "status"), [("/v1/chat/completions", 503), ("/v1/messages", 529)])
async def test_over_the_limit_a_request_is_refused_at_once(path: str, status: int) -> None:
    async with playing(Play([HERE, Silence()]), JSON) as upstream:
        limited = configured(
            in_process_pool("openai-custom", "openai-custom", f"{upstream.url}/v1"),
            server=ServerConfig(port=0, max_in_flight=1),
        )
        async with running(limited) as gateway, aiohttp.ClientSession() as session:
            stream = await post(session, gateway + path, stream=True)
            await stream.content.readuntil(b"Hello")
            started, waited = asyncio.get_running_loop().time(), kept_waiting_s(os.getpid())
            async with await post(session, gateway + path) as refused:
                assert (refused.status, refused.headers["retry-after"]) == (status, "1")
            took = asyncio.get_running_loop().time() - started
            assert took - (kept_waiting_s(os.getpid()) - waited) < 0.05
            async with session.get(f"{gateway}/livez") as live:
                assert live.status == 200
            stream.close()
            async with asyncio.timeout(30):
                await upstream.idle.wait()
            async with await post(session, gateway + path) as served:
                assert served.status == 200
