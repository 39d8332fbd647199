"""Requests that no honest client sends: refused once, in our own words and without a word of theirs."""

import asyncio
import re
import socket
from collections.abc import Callable

import pytest
import uvloop

from gateway.config.schema import AuthConfig, GatewayConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.raw import said_to, until_hung_up
from tests.upstreams import Play, completion, playing

KEY = "client-key-5b2f9c"
MARK = "marked-by-the-attacker"
JSON = Play([completion("fine")], content_type="application/json")
LEAK = re.compile(r"aiohttp|python|traceback|llhttp|/site-packages|0x[0-9a-f]{6}|" + MARK, re.IGNORECASE)

LINE = "POST /v1/chat/completions HTTP/1.1"
HOST = "Host: localhost"
AUTH = f"x-api-key: {KEY}"
BODY = '{"model":"gpt-test","messages":[]}'
LENGTH = f"Content-Length: {len(BODY)}"


def request(*lines: str, body: str = "", end: str = "\r\n") -> bytes:
    return (end.join([*lines, "", ""]) + body).encode("latin-1")


def keyed(url: str, **server: object) -> GatewayConfig:
    return configured(
        pool("openai-custom", "openai-custom", f"{url}/v1", models=("gpt-test",)),
        auth=AuthConfig.model_validate({"api_keys": [KEY]}),
        server=ServerConfig.model_validate({"port": 0, **server}),
    )


NO_REQUEST = {
    "garbage": MARK.encode() + b"\r\n\r\n",
    "zeros": b"\x00" * 64 + b"\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + b"\r\n\r\n",
    "a space in the method": request(f"GE {MARK} /v1/models HTTP/1.1", HOST),
    "no version": request(f"GET /v1/models {MARK}", HOST),
    "version 9.9": request("GET /v1/models HTTP/9.9", HOST),
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a space before the colon": request(LINE, HOST, f"x-mark : {MARK}"),
    "a folded header": request(LINE, HOST, "x-mark: a", f" {MARK}"),
    "a header without a colon": request(LINE, HOST, MARK),
    "a header without a name": request(LINE, HOST, f": {MARK}"),
    "a name that is none": request(LINE, HOST, f"x(mark): {MARK}"),
    "NUL in a value": request(LINE, HOST, f"x-mark: {MARK}\x00"),
    "a bare CR in a value": request(LINE, HOST, f"x-mark: a\r{MARK}: b"),
    "length and chunks": request(
        LINE, HOST, AUTH, "Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "chunks and length": request(
        LINE, HOST, AUTH, "Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n"
    ),
    "two lengths": request(LINE, HOST, AUTH, "Content-Length: 5", "Content-Length: 6", body="hello"),
    "two lengths in one": request(LINE, HOST, AUTH, "Content-Length: 5, 6", body="hello"),
    "a negative length": request(LINE, HOST, AUTH, "Content-Length: -5"),
    "a length with a plus": request(LINE, HOST, AUTH, "Content-Length: +5", body="hello"),
    "a length in hex": request(LINE, HOST, AUTH, "Content-Length: 0x5", body="hello"),
    "an endless length": request(LINE, HOST, AUTH, "Content-Length: " + "9" * 40),
    "a coding behind chunked": request(
        LINE, HOST, AUTH, "Transfer-Encoding: chunked, identity", body="0\r\n\r\n"
    ),
    "an unknown transfer coding": request(LINE, HOST, AUTH, "Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "chunked twice": request(
        LINE, HOST, AUTH, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "two hosts": request("GET /v1/models HTTP/1.1", HOST, f"Host: {MARK}", AUTH),
}


@pytest.mark.parametrize("data", NO_REQUEST.values(), ids=NO_REQUEST)
async def test_what_is_no_request_is_refused_in_our_own_words(data: bytes) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await until_hung_up(gateway, data)

    assert reply.status in (400, 403)
    assert reply.count == 1
    assert reply.json["error"]["type"] in ("invalid_request_error", "permission_denied")
    assert "server: gateway" in reply.head
    assert "content-type: application/json" in reply.head
    assert not LEAK.search(reply.data.decode("latin-1"))
    assert upstream.heard == []


BAD_CHUNKS = {
    "a chunk size that is none": f"{MARK}\r\n",
    "a chunk size with a sign": "+5\r\nhello\r\n0\r\n\r\n",
    "a chunk size over all": "f" * 20 + "\r\n",
    "a chunk longer than it says": "2\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
async def test_broken_chunks_are_refused(body: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await until_hung_up(
            gateway, request(LINE, HOST, AUTH, "Transfer-Encoding: chunked", body=body)
        )

    assert reply.status == 400
    assert not LEAK.search(reply.data.decode("latin-1"))
    assert upstream.heard == []


TOO_LARGE = {
    "a long line": request(f"GET /v1/models?{MARK}={'a' * 9000} HTTP/1.1", HOST, AUTH),
    "a long header": request("GET /v1/models HTTP/1.1", HOST, AUTH, f"x-mark: {MARK * 1000}"),
    "a long name": request("GET /v1/models HTTP/1.1", HOST, AUTH, f"{'x' * 20_000}: {MARK}"),
    "many headers at once": request(
        "GET /v1/models HTTP/1.1", HOST, AUTH, *(f"x-{n}: {MARK}{'a' * 380}" for n in range(100))
    ),
    "a header that never ends": b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    b"x-mark: " + b"a" * 16_000 + b"\r\ny: " * 3,
}


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_header_over_the_limits_is_a_431(data: bytes) -> None:
    pieces = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    async with playing(JSON) as upstream, running(keyed(upstream.url, header_timeout_s=1)) as gateway:
        whole, dribbled = await said_to(gateway, data), await said_to(gateway, *pieces)

    for reply in (whole, dribbled):
        assert reply.status in (431, 408)
        assert "server: gateway" in reply.head
        assert not LEAK.search(reply.data.decode("latin-1"))


async def test_a_header_that_grows_over_the_whole_limit_is_cut_off_before_it_ends() -> None:
    lines = [b"x-%d: %b\r\n" % (n, b"a" * 1000) for n in range(40)]
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await until_hung_up(gateway, b"GET / HTTP/1.1\r\nHost: localhost\r\n", *lines)

    assert reply.status in (431, 0), "the reply may be lost where the client is still sending"
    assert reply.closed


async def test_too_many_headers_are_refused() -> None:
    many = request("GET /v1/models HTTP/1.1", HOST, AUTH, *(f"x-{n}: a" for n in range(200)))
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await said_to(gateway, many)

    assert reply.status in (400, 431)
    assert "server: gateway" in reply.head


STRANGE_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "evil.example:3000",
    "[::1].evil.example",
    "[::1",
    "localhost:80:80",
    "localhost:x",
    "2130706433",
    "0x7f.1",
    "10.0.0.1",
    "[::ffff:10.0.0.1]",
    "",
    "localhost evil.example",
]


@pytest.mark.parametrize("host", STRANGE_HOSTS)
@pytest.mark.parametrize("path", ["/v1/models", "/", "/livez", "/nowhere"])
async def test_on_the_loopback_a_foreign_host_name_is_refused(host: str, path: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await said_to(gateway, request(f"GET {path} HTTP/1.1", f"Host: {host}", AUTH))

    assert reply.status in (400, 403)
    assert "error" in reply.json


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1",
        "127.8.9.1:80",
        "[::1]:3000",
        "[::1]",
        "a.localhost:1",
        "Box.local",
    ],
)
async def test_on_the_loopback_names_of_this_machine_and_allowed_ones_are_served(host: str) -> None:
    async with (
        playing(JSON) as upstream,
        running(keyed(upstream.url, allowed_hosts=["box.LOCAL"])) as gateway,
    ):
        reply = await said_to(gateway, request("GET /v1/models HTTP/1.1", f"Host: {host}", AUTH))

    assert reply.status == 200


async def test_beyond_the_loopback_any_host_name_is_served() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, host="0.0.0.0")) as gateway:  # noqa: S104
        reply = await said_to(gateway, request("GET /v1/models HTTP/1.1", "Host: api.example.com", AUTH))

    assert reply.status == 200


async def test_a_host_name_does_not_open_the_door() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await said_to(gateway, request("GET http://x/livez/../v1/models HTTP/1.1", HOST))
        other = await said_to(gateway, request("GET /v1/models HTTP/1.1", "Host: localhost/livez?"))

    assert reply.status in (400, 401, 404)
    assert other.status in (400, 403)


async def test_two_requests_in_one_breath_are_two_requests() -> None:
    post = request(LINE, HOST, AUTH, LENGTH, body=BODY)
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await until_hung_up(
            gateway, post, request("GET /v1/models HTTP/1.1", HOST, AUTH, "Connection: close")
        )

    assert reply.count == 2
    assert len(upstream.heard) == 1


async def test_a_client_that_asks_for_another_protocol_is_answered_in_this_one() -> None:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await said_to(gateway, request("GET /v1/models HTTP/1.1", HOST, AUTH, *upgrade))

    assert reply.status in (200, 400)
    assert b"101" not in reply.data[:15]


async def test_a_header_that_comes_too_slowly_is_a_408_and_silence_a_hang_up() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, header_timeout_s=0.1)) as gateway:
        slow = await until_hung_up(gateway, b"GET /v1/models HTTP/1.1\r\nHost: loc")
        silent = await until_hung_up(gateway)

    assert (slow.status, slow.count) == (408, 1)
    assert slow.json["error"]["code"] == "request_timeout"
    assert (silent.status, silent.count) == (0, 0)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("header", "status"),
    [("Host: loc", b" 408 "), ("x-a: " + ("b" * 4000 + "\r\nx-a: ") * 9, b" 431 ")],
    ids=["unfinished", "too large"],
)
def test_bytes_that_come_with_the_connection_itself_count_as_header(
    header: str, status: bytes, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def said_in_one_breath(header: bytes) -> bytes:
        async with running(keyed("http://127.0.0.1:1", header_timeout_s=0.1)) as gateway:
            # Nothing is accepted before all this is there, for the loop does not turn meanwhile.
            with socket.create_connection(("127.0.0.1", int(gateway.rpartition(":")[2]))) as client:
                client.sendall(header)
                client.setblocking(False)
                async with asyncio.timeout(5):
                    return await asyncio.get_running_loop().sock_recv(client, 65536)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        reply = runner.run(said_in_one_breath(f"GET /v1/models HTTP/1.1\r\n{header}".encode()))
    assert status in reply[:15]


async def test_the_header_of_a_second_request_has_no_more_time() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, header_timeout_s=0.1)) as gateway:
        host, _, port = gateway.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request("GET /livez HTTP/1.1", HOST))
        assert b" 200 " in await reader.readuntil(b"}")
        writer.write(b"GET /livez HTTP/1.1\r\nx-mark: ")
        async with asyncio.timeout(5):
            rest = await reader.read()
        writer.close()

    assert b" 408 " in rest


async def test_a_slow_body_is_not_mistaken_for_a_slow_header() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, header_timeout_s=0.05)) as gateway:
        host, _, port = gateway.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request(LINE, HOST, AUTH, LENGTH, body=BODY[:5]))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readline()
        writer.write(BODY[5:].encode())
        async with asyncio.timeout(5):
            assert b" 200 " in await reader.readline()
        writer.close()
