"""One record a request, however it ended."""

import asyncio
import json
from pathlib import Path

import orjson
import pytest

from tests.processes import pool, serving
from tests.upstreams import FakeUpstream, Play, Silence, chunk, playing, sse

pytestmark = pytest.mark.slow

HERE = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)
BODY = orjson.dumps({"model": "gpt-test", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
HEAD = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
)
LEAVERS = 300
AT_ONCE = 50


async def leave_mid_stream(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + BODY)
    await reader.readuntil(b"Hello")
    writer.transport.abort()


async def all_gone(upstream: FakeUpstream) -> None:
    async with asyncio.timeout(30):
        await upstream.idle.wait()


async def test_clients_that_reset_a_stream_leave_one_record_each(tmp_path: Path) -> None:
    async with playing(Play([HERE, Silence()])) as upstream:
        pools = [pool("openai-custom", "openai-custom", f"{upstream.url}/v1")]
        config = {"auth": {"open": True}, "pools": pools, "default_pool": "openai-custom"}
        async with serving(tmp_path, **config) as served:
            port = int(served.url.rpartition(":")[2])
            for _ in range(LEAVERS // AT_ONCE):
                await asyncio.gather(*(leave_mid_stream(port) for _ in range(AT_ONCE)))
                await all_gone(upstream)
            async with asyncio.timeout(30):
                while served.output().count("\n") < LEAVERS + 1:
                    await asyncio.sleep(0.02)
            lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert len(upstream.heard) == LEAVERS
    assert [line["event"] for line in lines] == ["request"] * LEAVERS
    assert len({line["request_id"] for line in lines}) == LEAVERS
    assert {line["outcome"] for line in lines} == {"cancelled"}
    # What the client had read by then was paid for.
    assert all(line["input_tokens"] > 0 for line in lines)
