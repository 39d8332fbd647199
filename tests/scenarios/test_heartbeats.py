"""What a client is sent while nothing comes: the form that its SDKs survive, and no promise of content."""

import aiohttp
import pytest

from gateway.canonical.json import JsonObject
from gateway.config.schema import ServerConfig, TimeoutsConfig
from gateway.wire.fast_json import loads
from tests.gateways import configured, pool, running
from tests.upstreams import Play, Silence, chunk, playing, sse

SPEEDY = ServerConfig(port=0, heartbeat_s=0.05)
SAID: JsonObject = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 9,
    "stream": True,
}
ASKED: JsonObject = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
GOOD = Play([sse(chunk({"role": "assistant", "content": "fine"}), chunk({}, "stop"))])
PLACES: dict[str, tuple[str, JsonObject]] = {
    "anthropic": ("/v1/messages", SAID),
    "openai": ("/v1/chat/completions", SAID),
    "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", ASKED),
    "gemini array": ("/v1beta/models/m:streamGenerateContent", ASKED),
    "ollama": ("/ollama/api/chat", SAID),
}
SILENCES = [
    pytest.param(Play([Silence()]), id="behind the status"),
    # The fake upstream says no status but 200 before its first word.
    pytest.param(Play([Silence()], status=503), id="before the status"),
]


def is_heartbeat(client: str, data: bytes) -> bool:
    """Whether `data` is what `client` may be sent when there is nothing to say."""
    if client == "ollama":
        line = loads(data)
        return data.endswith(b"}\n") and (line["done"], line["message"]["content"]) == (False, "")
    told = {"anthropic": b'event: ping\ndata: {"type": "ping"}\n\n', "openai": b": ping\n\n"}
    return data.replace(b'":"', b'": "') == told.get(client, b"\n")


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("client", PLACES)
async def test_a_client_of_a_silent_upstream_hears_that_it_is_not_forgotten(
    client: str, silence: Play
) -> None:
    path, body = PLACES[client]
    async with playing(silence) as silent, aiohttp.ClientSession() as session:
        config = configured(pool("p", "openai-custom", f"{silent.url}/v1"), server=SPEEDY)
        async with running(config) as gateway, session.post(f"{gateway}{path}", json=body) as reply:
            assert reply.status == 200
            for _ in range(2):
                assert is_heartbeat(client, await reply.content.readany())


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("client", PLACES)
async def test_a_heartbeat_leaves_the_next_deployment_possible(client: str, silence: Play) -> None:
    path, body = PLACES[client]
    async with playing(silence) as silent, playing(GOOD) as well, aiohttp.ClientSession() as session:
        pools = pool("p", "openai-custom", f"{silent.url}/v1", f"{well.url}/v1")
        config = configured(pools, server=SPEEDY, timeouts=TimeoutsConfig(first_content=0.2))
        async with running(config) as gateway, session.post(f"{gateway}{path}", json=body) as reply:
            assert b"fine" in await reply.read()


@pytest.mark.parametrize("client", PLACES)
async def test_a_failure_behind_a_heartbeat_is_an_error_of_the_stream(client: str) -> None:
    path, body = PLACES[client]
    async with playing(Play([Silence()])) as silent, aiohttp.ClientSession() as session:
        pools = pool("p", "openai-custom", f"{silent.url}/v1")
        config = configured(pools, server=SPEEDY, timeouts=TimeoutsConfig(first_content=0.2))
        async with running(config) as gateway, session.post(f"{gateway}{path}", json=body) as reply:
            heard = b""
            with pytest.raises(aiohttp.ClientPayloadError):
                while True:
                    heard += await reply.content.readany()
            assert b'"error"' in heard


async def test_who_asked_for_a_whole_reply_is_sent_nothing_before_it() -> None:
    path, body = PLACES["openai"]
    async with playing(Play([Silence()])) as silent, aiohttp.ClientSession() as session:
        pools = pool("p", "openai-custom", f"{silent.url}/v1")
        config = configured(pools, server=SPEEDY, timeouts=TimeoutsConfig(non_stream=0.2))
        async with running(config) as gateway:
            async with session.post(f"{gateway}{path}", json={**body, "stream": False}) as reply:
                assert reply.status == 504
