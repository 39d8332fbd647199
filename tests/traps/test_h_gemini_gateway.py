"""Traps of Gemini, by their numbers: paths, keys and connections, with the official SDK against a gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import orjson
import pytest
from google import genai
from google.genai import errors
from google.genai.types import HttpOptions

from gateway.config.schema import AuthConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.traps.wire import candidate
from tests.upstreams import Play, Silence, playing, sse

KEY = "gateway-key-1c9e"
HALF = sse(candidate({"text": "half"}, finish=None), done=False)
REST = sse(candidate({"text": " done"}), done=False)
WHOLE = Play([orjson.dumps(candidate({"text": "fine"}))], content_type="application/json")
LINES = Play(
    [b'{"model":"up","message":{"role":"assistant","content":"fine"},"done":true}\n'],
    content_type="application/x-ndjson",
)


@asynccontextmanager
async def speaking(
    gateway: str, version: str = "v1beta", key: str = "k"
) -> AsyncIterator[genai.client.AsyncClient]:
    """The official client, on httpx: its way on aiohttp subclasses what aiohttp warns of subclassing."""
    transport = {"transport": httpx.AsyncHTTPTransport()}
    options = HttpOptions(base_url=gateway, api_version=version, async_client_args=transport)
    async with genai.Client(api_key=key, http_options=options).aio as client:
        yield client


async def heard(client: genai.client.AsyncClient, model: str = "gemini-x") -> str:
    """What the official client makes of a stream."""
    records = await client.models.generate_content_stream(model=model, contents="hi")
    return "".join([record.text or "" async for record in records])


async def posted(url: str, **body: object) -> tuple[int, str, bytes]:
    """Status, `retry-after` and body of what the gateway answers."""
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=body) as answer:
            return answer.status, answer.headers.get("retry-after", ""), await answer.read()


@pytest.mark.parametrize(("query", "begun"), [("?alt=sse", b""), ("", b"[")])
async def test_t107_a_silent_gemini_stream_is_kept_alive_by_bare_line_ends(query: str, begun: bytes) -> None:
    quick = ServerConfig(port=0, heartbeat_s=0.02)
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    async with playing(Play([HALF, Silence()])) as upstream:
        async with running(configured(pool("p", "gemini", upstream.url), server=quick)) as gateway:
            async with aiohttp.ClientSession() as session:
                url = f"{gateway}/v1beta/models/m:streamGenerateContent{query}"
                async with session.post(url, json=body) as stream:
                    first = await stream.content.readuntil(b"half")
                    rest = await stream.content.readuntil(b"\n\n\n\n")
    assert first.startswith(begun or b"data: ")
    # What is left of the record, and nothing but line ends behind it.
    assert not [line for line in rest.split(b"\n")[1:] if line]
    assert b"DONE" not in rest


async def test_t126_the_python_sdk_finds_gemini_at_its_version_of_the_path() -> None:
    auth = AuthConfig.model_validate({"api_keys": [KEY]})
    async with playing(WHOLE, Play([HALF, REST])) as upstream:
        config = configured(pool("p", "gemini", upstream.url, models=("gemini-x",)), auth=auth)
        async with running(config) as gateway, speaking(gateway, "v1", KEY) as client:
            whole = await client.models.generate_content(model="gemini-x", contents="hi")
            assert whole.text == "fine"
            assert await heard(client) == "half done"
            assert [model.name async for model in await client.models.list()] == ["models/gemini-x"]
            assert (await client.models.get(model="gemini-x")).name == "models/gemini-x"
        async with running(config) as gateway, speaking(gateway, "v1", "wrong") as client:
            with pytest.raises(errors.ClientError) as caught:
                await heard(client)
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
    assert [one.path for one in upstream.heard] == [
        "/v1beta/models/gemini-x:generateContent",
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
    ]


@pytest.mark.parametrize("model", ["org/model:free", "model:free", "a/b/c:1:2"])
async def test_t127_names_with_slashes_and_colons_arrive_whole(model: str) -> None:
    async with playing(LINES) as upstream:
        config = configured(pool("p", "ollama", upstream.url, models=(model,)))
        async with running(config) as gateway, speaking(gateway) as client:
            assert await heard(client, model) == "fine"
            assert (await client.models.get(model=model)).name == f"models/{model}"
            said = [{"role": "user", "content": "hi"}]
            status, _, _ = await posted(f"{gateway}/ollama/api/chat", model=model, messages=said)
            assert status == 200
            shown, _, _ = await posted(f"{gateway}/ollama/api/show", model=model)
            assert shown == 200
    assert [one.json["model"] for one in upstream.heard] == [model] * 2


CLIENTS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1beta/models/m:generateContent": {"contents": [{"parts": [{"text": "hi"}]}]},
    "/ollama/api/chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
}


@pytest.mark.parametrize("path", CLIENTS)
async def test_t130_how_long_gemini_says_to_wait_is_told_to_every_client(path: str) -> None:
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    error = {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": [wait]}
    busy = Play([orjson.dumps({"error": error})], 429, content_type="application/json")
    async with playing(busy) as upstream, running(configured(pool("p", "gemini", upstream.url))) as gateway:
        for _ in range(2):
            status, after, _ = await posted(gateway + path, **CLIENTS[path])
            assert (status, after) == (429, "35")
