"""Clients that take their time: each part of a request has some, and the rest of the world does not wait."""

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import suppress

import orjson
import pytest

from gateway.config.schema import GatewayConfig
from tests.gateways import running
from tests.hostile.cases import Case, complaints, configuration, post, request, upstreams
from tests.hostile.dialects import DIALECTS
from tests.raw import RawReply, connected, is_whole

pytestmark = pytest.mark.slow

DRIP_S, LIMIT_S = 0.02, 0.3
CHUNKED = "Transfer-Encoding: chunked"


def _dripped() -> Iterator[tuple[Case, bytes]]:
    """What is sent at once, and what follows byte by byte."""
    late = frozenset({408})
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        body, head = orjson.dumps(whole), request(f"POST {path}", CHUNKED)
        for name, sent, rest, speaks in (
            ("a request line", b"P", f"OST {path} HTTP/1.1\r\n".encode(), ""),
            ("a header", request(f"POST {path}")[:-2], b"x-a: b\r\n" * 20, ""),
            ("a body", post(path, body)[: -len(body)], body, dialect.name),
            ("a body behind its beginning", post(path, body)[:-200], body[-200:], dialect.name),
            ("a body of white space", post(path, b" " * 999)[:-998], b" " * 998, dialect.name),
            ("a chunk's size", head, b"0" * 100, dialect.name),
            ("a chunk's extension", head + b"9;", b"a" * 100, dialect.name),
            ("a chunk", head + b"3e8\r\n", b" " * 1000, dialect.name),
            ("chunks", head, b"1\r\n \r\n" * 100, dialect.name),
            ("a trailer", head + b"1\r\n \r\n0\r\n", b"x-a: b\r\n" * 20, dialect.name),
            (
                "a compressed body",
                post(path, b"a" * 500, "Content-Encoding: gzip")[:-500],
                gzip.compress(b" " * 1000, 0)[:500],
                dialect.name,
            ),
        ):
            yield Case("slow", f"{name}, {dialect.name}", (sent,), late, speaks), rest


SLOW = tuple(_dripped())


async def _reply_to_drips(gateway: str, sent: bytes, rest: bytes) -> bytes:
    async with connected(gateway) as (reader, writer):
        writer.write(sent)
        heard, at = b"", 0
        while not is_whole(heard):
            writer.write(rest[at : at + 1])
            at += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(DRIP_S):
                    heard += await reader.read(65536)
        return heard


async def test_whatever_drips_is_given_up_in_time() -> None:
    wrong: dict[str, list[str]] = {}
    async with upstreams() as (openai, claude):
        config = configuration(
            openai.url, claude.url, port=0, header_timeout_s=LIMIT_S, body_timeout_s=LIMIT_S
        )
        async with running(GatewayConfig.model_validate(config)) as gateway:

            async def tried(case: Case, rest: bytes) -> None:
                async with asyncio.timeout(LIMIT_S + 2):
                    heard = await _reply_to_drips(gateway, case.pieces[0], rest)
                found = list(complaints(case, RawReply(heard, closed=True)))
                if found:
                    wrong[case.name] = found

            await asyncio.gather(*(tried(case, rest) for case, rest in SLOW))
        assert openai.heard == claude.heard == []
    assert wrong == {}
    assert len(SLOW) == 44


async def test_a_body_that_is_fast_enough_is_waited_for() -> None:
    path, whole = DIALECTS["openai_chat"].said_to("claude-test")
    said = post(path, orjson.dumps(whole))
    async with upstreams() as (openai, claude):
        config = configuration(openai.url, claude.url, port=0, body_timeout_s=60)
        async with running(GatewayConfig.model_validate(config)) as gateway:
            heard = await _reply_to_drips(gateway, said[:-5], said[-5:])
    assert heard.startswith(b"HTTP/1.1 200 ")
