"""The routes of Gemini, and its streams that are one JSON array."""

import json
from typing import Any

import aiohttp
import pytest

from gateway.config.schema import GatewayConfig, ServerConfig, TimeoutsConfig
from tests.gateways import configured, openai, pool, running
from tests.traps.wire import CHAT, candidate, delta, records
from tests.upstreams import Play, Reset, Silence, playing, sse

ASKED: dict[str, Any] = {"contents": [{"parts": [{"text": "hi"}]}]}
HALF = sse(candidate({"text": "half"}, finish=None), done=False)
REST = sse(candidate({"text": " done"}), done=False)
ARRAY = "/v1beta/models/m:streamGenerateContent"


def gemini(url: str, **more: Any) -> GatewayConfig:
    return configured(pool("gemini", "gemini", url), **more)


async def asked(url: str) -> tuple[bytes, bool]:
    """What a client is sent, and whether the connection broke before the end of it."""
    body = b""
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=ASKED) as reply:
            assert (reply.status, reply.content_type) == (200, "application/json")
            try:
                async for chunk in reply.content.iter_any():
                    body += chunk
            except aiohttp.ClientPayloadError:
                return body, True
    return body, False


def said(answers: Any) -> str:
    """The words of the records of an array."""
    return "".join(one["candidates"][0]["content"]["parts"][0]["text"] for one in answers)


async def test_without_sse_a_stream_is_one_array_that_is_closed_when_it_is_whole() -> None:
    async with playing(Play([HALF, REST])) as upstream, running(gemini(upstream.url)) as gateway:
        body, broke = await asked(gateway + ARRAY)
    assert not broke
    assert said(json.loads(body)) == "half done"


async def test_an_array_is_closed_behind_a_translated_reply_as_well() -> None:
    chunks = records(
        [delta({"content": "half"}), delta({"content": " done"}), delta({}, "stop"), "[DONE]"], CHAT
    )
    async with playing(Play([chunks])) as upstream, running(openai(upstream.url)) as gateway:
        body, broke = await asked(gateway + ARRAY)
    assert not broke
    assert said(json.loads(body)) == "half done"


@pytest.mark.parametrize("translated", [False, True])
async def test_an_array_that_broke_off_is_left_open_behind_the_error(*, translated: bool) -> None:
    half = records([delta({"content": "half"})], CHAT) if translated else HALF
    async with playing(Play([half, Reset()])) as upstream:
        config = openai(upstream.url) if translated else gemini(upstream.url)
        async with running(config) as gateway:
            body, broke = await asked(gateway + ARRAY)
    assert broke
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    first, last = json.loads(body + b"]")
    assert said([first]) == "half"
    assert last["error"]["code"] == 502


@pytest.mark.slow
async def test_an_array_that_was_only_promised_is_left_open_behind_the_error() -> None:
    hasty = {"server": ServerConfig(port=0, heartbeat_s=0.02), "timeouts": TimeoutsConfig(first_content=0.2)}
    async with playing(Play([Silence()])) as upstream, running(gemini(upstream.url, **hasty)) as gateway:
        body, broke = await asked(gateway + ARRAY)
    assert broke
    assert body.startswith(b"\n")
    (error,) = json.loads(body + b"]")
    assert error["error"]["code"] == 504


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1beta/cachedContents"),
        ("POST", "/v1beta/cachedContents"),
        ("PATCH", "/v1beta/cachedContents/c1"),
        ("DELETE", "/v1alpha/cachedContents/c1"),
        ("GET", "/v1/cachedContents"),
        ("GET", "/v1beta/files"),
        ("GET", "/v1beta/files/f1"),
        ("POST", "/v1beta/files:register"),
        ("GET", "/v1/files?key=k"),
        ("POST", "/upload/v1beta/files"),
        ("PUT", "/upload/v1beta/files?upload_id=1"),
        ("POST", "/v1beta/models/m:embedContent"),
        ("POST", "/v1alpha/models/m:batchEmbedContents"),
        ("POST", "/v1/models/org/m:free:predict"),
        ("POST", "/gemini/v1beta/models/m:batchGenerateContent"),
        ("POST", "/v1beta/interactions"),
    ],
)
async def test_what_nobody_serves_is_told_in_the_words_of_gemini_with_what_is(method: str, path: str) -> None:
    async with playing(Play()) as upstream, running(gemini(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.request(method, gateway + path, data=b"no json") as reply:
                error = (await reply.json())["error"]
    assert (reply.status, error["code"], error["status"]) == (501, 501, "UNIMPLEMENTED")
    assert "is not served here; what is: POST /v1beta/models/{model}:generateContent, " in error["message"]
    assert upstream.heard == []


async def test_files_belong_to_the_client_whose_header_says_so() -> None:
    async with playing(Play()) as upstream, running(gemini(upstream.url)) as gateway:
        told = {}
        async with aiohttp.ClientSession() as session:
            for header in ("x-goog-api-key", "anthropic-version", "authorization"):
                async with session.get(f"{gateway}/v1/files", headers={header: "k"}) as reply:
                    told[header] = await reply.json()
    assert told["x-goog-api-key"]["error"]["status"] == "UNIMPLEMENTED"
    assert told["anthropic-version"]["type"] == "error"
    assert "param" in told["authorization"]["error"]


@pytest.mark.parametrize("version", ["v1beta", "v1alpha"])
async def test_models_are_listed_and_shown_at_every_version_of_its_own(version: str) -> None:
    async with playing(Play()) as upstream:
        config = configured(pool("gemini", "gemini", upstream.url, models=("org/m:free",)))
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            async with session.get(f"{gateway}/{version}/models") as listed:
                names = [card["name"] for card in (await listed.json())["models"]]
            async with session.get(f"{gateway}/{version}/{names[0]}") as shown:
                assert (await shown.json())["name"] == names[0] == "models/org/m:free"
