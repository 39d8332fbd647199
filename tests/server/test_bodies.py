"""Request bodies: JSON whatever they claim to be, decoded within limits, refused before they are read."""

import gzip
import zlib
from collections.abc import Callable
from time import process_time

import brotli  # type: ignore[import-untyped] # it has no types
import orjson
import pytest
from backports import zstd

from gateway.config.schema import GatewayConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.raw import said_to, until_hung_up
from tests.upstreams import Play, completion, playing

JSON = Play([completion("fine")], content_type="application/json")
BODY = orjson.dumps({"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]})
LIMIT = 100_000
PATHS = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}


def limited(url: str, **server: float) -> GatewayConfig:
    settings = ServerConfig.model_validate({"port": 0, "body_limit_bytes": LIMIT, **server})
    return configured(pool("openai-custom", "openai-custom", f"{url}/v1"), server=settings)


def post(body: bytes, *headers: str, path: str = "/v1/chat/completions", length: int | None = None) -> bytes:
    said = ["Host: localhost", f"Content-Length: {len(body) if length is None else length}", *headers]
    return (f"POST {path} HTTP/1.1\r\n" + "\r\n".join(said) + "\r\n\r\n").encode() + body


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "GZIP": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "identity": ("identity", bytes),
}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/x-www-form-urlencoded", "x/y; charset=utf-16"],
)
async def test_a_body_is_json_whatever_it_claims_to_be(content_type: str) -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(BODY, f"Content-Type: {content_type}"))

    assert reply.status == 200
    assert [heard.json["model"] for heard in upstream.heard] == ["gpt-test"]


@pytest.mark.parametrize(("name", "encode"), ENCODERS.values(), ids=ENCODERS)
async def test_an_encoded_body_is_decoded(name: str, encode: Callable[[bytes], bytes]) -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(encode(BODY), f"Content-Encoding: {name}"))

    assert reply.status == 200
    assert upstream.heard[0].body == BODY
    assert "content-encoding" not in upstream.heard[0].headers


@pytest.mark.parametrize(("name", "encode"), list(ENCODERS.values())[:-1], ids=list(ENCODERS)[:-1])
@pytest.mark.parametrize("path", PATHS)
async def test_a_bomb_is_a_413_and_not_unpacked(
    name: str, encode: Callable[[bytes], bytes], path: str
) -> None:
    bomb = encode(b'{"model":"' + b"a" * 50_000_000)
    assert len(bomb) < LIMIT
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(bomb, f"Content-Encoding: {name}", path=path))

    assert reply.status == 413
    assert "100000 bytes" in reply.json["error"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/nowhere", *PATHS])
async def test_what_is_left_of_a_refused_bomb_is_not_unpacked_to_be_thrown_away(path: str) -> None:
    bomb = zstd.compress(bytes(2**29))
    began = process_time()
    unpacker = zstd.ZstdDecompressor()
    _ = unpacker.decompress(bomb, 2**18)
    while not unpacker.eof:
        _ = unpacker.decompress(b"", 2**18)
    unpacking_s = process_time() - began
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        began = process_time()
        reply = await until_hung_up(gateway, post(bomb, "Content-Encoding: zstd", path=path))
        refusing_s = process_time() - began

    assert reply.status == (404 if path == "/nowhere" else 413)
    assert reply.count == 1
    assert refusing_s < unpacking_s / 2


@pytest.mark.parametrize("name", ["compress", "gzip, gzip", "x", "gzip;q=1", "chunked"])
@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_encoding_is_refused_with_the_known_ones(name: str, path: str) -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(BODY, f"Content-Encoding: {name}", path=path))

    assert reply.status == 400
    assert "gzip, deflate, br, zstd" in reply.json["error"]["message"]


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("broken", [b"\xff" * 40, BODY], ids=["noise", "plain text"])
async def test_a_corrupt_encoding_is_a_400(name: str, broken: bytes) -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(broken, f"Content-Encoding: {name}"))

    assert reply.status == 400
    assert upstream.heard == []


@pytest.mark.parametrize(("name", "encode"), list(ENCODERS.values())[:-1], ids=list(ENCODERS)[:-1])
async def test_a_truncated_encoding_is_a_400(name: str, encode: Callable[[bytes], bytes]) -> None:
    noise = orjson.dumps({"model": "gpt-test", "messages": [], "user": bytes(range(32, 90)).decode() * 9})
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(encode(noise)[:-30], f"Content-Encoding: {name}"))

    assert reply.status == 400
    assert upstream.heard == []


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_over_the_limit_is_refused_before_a_byte_of_it_is_sent(path: str) -> None:
    head = post(b"", "Expect: 100-continue", path=path, length=10 * 2**30)
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, head)

    assert (reply.status, reply.count) == (413, 1)
    assert "100 continue" not in reply.head


async def test_a_client_that_waits_for_it_is_told_to_go_on() -> None:
    head, body = post(BODY, "Expect: 100-continue")[: -len(BODY)], BODY
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, head, body)
        other = await said_to(gateway, post(b"", "Expect: miracles", length=5))

    assert reply.data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert other.status == 400
    assert "server: gateway" in other.head


async def test_a_body_that_drips_is_a_408() -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url, body_timeout_s=0.1)) as gateway:
        reply = await until_hung_up(gateway, post(BODY[:9], length=5000))

    assert reply.status == 408


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b","messages":[]}',
        b'{"model":"a","x":{"model":1},"mo\\u0064el":"b"}',
        b'{"\\u006dodel":"a","messages":[], "model" : "b"}',
        b'{"model":"a","messages":["\\ud800"],"model":"b"}',
    ],
)
async def test_two_models_in_one_body_are_refused(path: str, body: bytes) -> None:
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(body, path=path))

    assert reply.status == 400
    assert "model: given twice" in reply.json["error"]["message"]
    assert upstream.heard == []


async def test_the_word_model_may_stand_anywhere_else() -> None:
    tool = {"type": "function", "function": {"name": "t", "parameters": {"properties": {"model": {}}}}}
    body = {**orjson.loads(BODY), "tools": [tool], "metadata": {"model": 'say "model"'}}
    async with playing(JSON) as upstream, running(limited(upstream.url)) as gateway:
        reply = await said_to(gateway, post(orjson.dumps(body)))

    assert reply.status == 200
