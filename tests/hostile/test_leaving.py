"""Clients that leave at every point of a request, politely or not, against the real process: nothing of them
stays behind.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.hostile.cases import configuration, post
from tests.hostile.dialects import DIALECTS
from tests.processes import serving
from tests.raw import connected, said_to
from tests.upstreams import FakeUpstream, Play, Silence, chunk, completion, playing, sse

pytestmark = pytest.mark.slow

LEAVERS = 10
LIMIT_S = 2.0
WORD = "Hello"
HERE = sse(chunk({"role": "assistant", "content": WORD}), done=False)
FINE = Play([completion("fine")], content_type="application/json")
STREAMS: Mapping[str, tuple[str, dict[str, Any]]] = {
    name: DIALECTS[name].said_to("gpt-test", stream=True) for name in ("openai_chat", "anthropic", "ollama")
} | {"gemini": ("/v1beta/models/gpt-test:streamGenerateContent", dict(DIALECTS["gemini"].body))}


async def _called(upstream: FakeUpstream) -> None:
    async with asyncio.timeout(10):
        while upstream.active < LEAVERS:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_a_client_that_leaves_takes_its_upstream_call_and_its_place_with_it(
    name: str, reset: bool, tmp_path: Path
) -> None:
    path, whole = STREAMS[name]
    stream = post(path, orjson.dumps(whole))
    plain_path, plain = DIALECTS[name].said_to("gpt-test")
    said = post(plain_path, orjson.dumps(plain))
    points: tuple[tuple[bytes, Play | None, bytes], ...] = (
        (said[:9], None, b""),
        (said[:-50], None, b""),
        (said, Play([Silence()], status=201, content_type="application/json"), b""),
        (said, Play([b'{"id":', Silence()], content_type="application/json"), b""),
        (stream, Play([Silence()], status=201), b""),
        (stream, Play([Silence()]), b""),
        (stream, Play([HERE, Silence()]), WORD.encode()),
        (stream, Play([HERE * 100, Silence()]), b""),
    )
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(playing(FINE))
        patience = {"header_timeout_s": 60, "body_timeout_s": 60}
        config = configuration(upstream.url, upstream.url, max_in_flight=LEAVERS, **patience)
        served = await stack.enter_async_context(serving(tmp_path, **config))
        for sent, play, awaited in points:
            async with AsyncExitStack() as clients:
                upstream.script = [play or FINE]
                ends = [await clients.enter_async_context(connected(served.url)) for _ in range(LEAVERS)]
                for _, writer in ends:
                    writer.write(sent)
                    await writer.drain()
                if play is not None:
                    await _called(upstream)
                for reader, writer in ends:
                    if awaited:
                        await reader.readuntil(awaited)
                    if reset:
                        writer.transport.abort()
            async with asyncio.timeout(LIMIT_S):
                await upstream.idle.wait()
            upstream.script = [FINE]
            # All places are free again, or the gateway would be too busy for these.
            async with asyncio.timeout(LIMIT_S):
                while {reply.status for reply in await _as_many_as_may(served.url, said)} != {200}:
                    await asyncio.sleep(0.01)
        output = served.output()

    assert "unexpected_error" not in output
    assert "Traceback" not in output


async def _as_many_as_may(gateway: str, said: bytes) -> list[Any]:
    return await asyncio.gather(*(said_to(gateway, said) for _ in range(LEAVERS)))
