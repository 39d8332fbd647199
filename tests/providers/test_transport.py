"""The way to upstreams: what goes out, and what its failures are called."""

import asyncio
import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import randbytes

import pytest
import uvloop

from gateway import errors
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.wire.http import HttpRequest
from tests.upstreams import Play, Reset, playing


async def test_a_request_goes_out_with_its_own_headers_and_no_others() -> None:
    async with playing(Play([b"{}"], content_type="application/json")) as upstream, Connector(1) as connector:
        request = HttpRequest("POST", f"{upstream.url}/v1/x?y=1", {"accept": "text/plain"}, b"body")
        async with AiohttpTransport(connector).send(request) as reply:
            assert b"".join([chunk async for chunk in reply.chunks]) == b"{}"
            assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    (heard,) = upstream.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/v1/x?y=1", b"body")
    assert sorted(name.lower() for name in heard.headers) == ["accept", "content-length", "host"]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_large_reply_comes_whole_and_in_small_pieces(new_loop: Callable[[], AbstractEventLoop]) -> None:
    large = randbytes(1_000_000)

    async def pieces() -> list[bytes]:
        async with playing(Play([large[:700_000], large[700_000:]])) as upstream, Connector(1) as connector:
            async with AiohttpTransport(connector).send(HttpRequest("POST", upstream.url, {}, b"")) as reply:
                return [piece async for piece in reply.chunks]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        came = runner.run(pieces())
    assert b"".join(came) == large
    assert max(map(len, came)) <= 16 * 1024


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_never_followed(status: int) -> None:
    async with playing(Play([b"gold"])) as canary:
        there = {"location": f"{canary.url}/steal"}
        async with playing(Play([b""], status, there)) as upstream, Connector(1) as connector:
            request = HttpRequest("POST", upstream.url, {"x-api-key": "secret-1"}, b"{}")
            async with AiohttpTransport(connector).send(request) as reply:
                assert reply.status == status
    assert canary.heard == []


async def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Connector(1) as connector:
        with pytest.raises(errors.Unreachable, match=r"^127\.0\.0\.1 refuses connections$"):
            async with AiohttpTransport(connector).send(
                HttpRequest("GET", f"http://127.0.0.1:{port}/?key=secret")
            ):
                pass


async def test_a_name_without_an_address_is_unreachable() -> None:
    async with Connector(1) as connector:
        with pytest.raises(errors.Unreachable, match=r"nosuch\.invalid"):
            async with AiohttpTransport(connector).send(HttpRequest("GET", "http://nosuch.invalid/")):
                pass


async def test_a_deployment_may_have_less_patience_with_connections() -> None:
    # A full accept queue: the kernel answers no more connection attempts, so connecting hangs.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            request = HttpRequest("GET", f"http://127.0.0.1:{address[1]}/", connect_timeout_s=0.05)
            async with Connector(60) as connector, asyncio.timeout(10):
                with pytest.raises(errors.UpstreamTimeout, match="connecting to"):
                    async with AiohttpTransport(connector).send(request):
                        pass
        finally:
            for filler in fillers:
                filler.close()


async def test_a_connection_that_breaks_before_an_answer_is_unreachable() -> None:
    async with playing(Play([Reset()])) as upstream, Connector(1) as connector:
        with pytest.raises(errors.Unreachable):
            async with AiohttpTransport(connector).send(HttpRequest("POST", upstream.url, {}, b"{}")):
                pass


async def test_a_body_that_breaks_off_is_a_bad_reply() -> None:
    async with playing(Play([b"half", Reset()])) as upstream, Connector(1) as connector:
        async with AiohttpTransport(connector).send(HttpRequest("POST", upstream.url, {}, b"{}")) as reply:
            with pytest.raises(errors.UpstreamError):
                await anext(aiter(reply.chunks))
                await anext(aiter(reply.chunks))


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"]
)
async def test_what_is_no_http_is_a_bad_reply(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Connector(1) as connector:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(errors.BadUpstreamReply, match="did not answer in HTTP"):
            async with AiohttpTransport(connector).send(HttpRequest("GET", url)):
                pass


@pytest.mark.parametrize(("dated", "told"), [("", True), ("date: Mon, 01 Jan 2024 10:00:00 GMT\r\n", False)])
async def test_a_refusal_without_a_date_is_of_the_time_at_which_it_came(dated: str, *, told: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 429 Too Many\r\n{dated}content-length: 0\r\n\r\n".encode())
        writer.close()

    before = datetime.now(UTC).replace(microsecond=0)
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Connector(1) as connector:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with AiohttpTransport(connector).send(HttpRequest("GET", url)) as reply:
            date = parsedate_to_datetime(reply.headers["date"])
    assert (before <= date <= datetime.now(UTC)) is told


@pytest.mark.parametrize("url", ["", "not a url", "http://", "ftp://127.0.0.1/"])
async def test_an_address_that_is_none_is_unreachable(url: str) -> None:
    async with Connector(1) as connector:
        with pytest.raises(errors.UpstreamError):
            async with AiohttpTransport(connector).send(HttpRequest("GET", url)):
                pass


async def test_what_only_announces_a_reply_is_none() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Connector(1) as connector:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with AiohttpTransport(connector).send(HttpRequest("GET", url)) as reply:
            assert (reply.status, [chunk async for chunk in reply.chunks]) == (200, [b"{}"])


async def test_nobody_asks_behind_a_question_that_was_answered_before_it_was_whole() -> None:
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        # It keeps the connection, and reads no more of it.
        await over.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Connector(1) as connector, asyncio.timeout(10):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            request = HttpRequest("POST", url, {}, b"x" * 64_000_000)
            async with AiohttpTransport(connector).send(request) as reply:
                assert reply.status == 413
        over.set()
