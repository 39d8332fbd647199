"""What a request has in memory goes with it, and does not wait for the collector of circles."""

import gc
from contextlib import suppress

import aiohttp
import pytest

from gateway.relay.exchange import Exchange
from tests.gateways import openai, running
from tests.upstreams import Play, chunk, completion, playing, sse

BODY = {"model": "gpt-test", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
HERE = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)


@pytest.mark.parametrize(
    ("play", "stream", "status"),
    [
        pytest.param(Play([completion("fine")], content_type="application/json"), False, 200, id="whole"),
        pytest.param(Play([HERE, sse(chunk({}, "stop"))]), True, 200, id="stream"),
        pytest.param(Play([b"{}"], 500, content_type="application/json"), False, 502, id="refused"),
        pytest.param(Play([b"{}"], 400, content_type="application/json"), False, 400, id="own fault"),
        pytest.param(Play([HERE]), True, 200, id="broken stream"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_nothing_of_a_request_is_left_in_a_circle(
    path: str, play: Play, stream: bool, status: int
) -> None:
    gc.collect()
    gc.disable()
    try:
        async with playing(play) as upstream, running(openai(upstream.url)) as gateway:
            async with aiohttp.ClientSession() as session:
                async with session.post(gateway + path, json={**BODY, "stream": stream}) as reply:
                    assert reply.status == status
                    with suppress(aiohttp.ClientPayloadError):
                        await reply.read()
        left = [one for one in gc.get_objects() if isinstance(one, Exchange)]
    finally:
        gc.enable()
    assert left == []
