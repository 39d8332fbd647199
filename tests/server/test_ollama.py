"""The routes of Ollama, and what clients look for that nobody serves."""

from typing import Any

import aiohttp
import pytest

from tests.gateways import configured, pool, running
from tests.upstreams import Play, playing

SAID = (
    b'{"model":"m","message":{"role":"assistant","content":"a\xe2\x80\xa8b"},"done":false}\n{"done":true}\n'
)
LINES = Play([SAID], content_type="application/x-ndjson")


async def asked(url: str, method: str = "POST", **body: Any) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, json=body or None) as reply:
            return reply.status, await reply.read()


def upstream_of(url: str) -> Any:
    return configured(pool("local", "ollama", url, models=("m", "tagged:latest")))


@pytest.mark.parametrize("path", ["/ollama/api/chat", "/local/api/chat"])
async def test_a_chat_passes_but_for_what_breaks_lines(path: str) -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        status, body = await asked(gateway + path, model="m:latest", messages=[{"role": "user"}])
    assert status == 200
    assert body == SAID.replace(b"\xe2\x80\xa8", b"\\u2028")
    assert upstream.heard[0].path == "/api/chat"


async def test_a_prompt_goes_to_the_path_for_prompts() -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        await asked(f"{gateway}/ollama/api/generate", model="m", prompt="x", raw=True)
    assert upstream.heard[0].path == "/api/generate"


async def test_a_name_without_its_tag_is_known() -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        await asked(f"{gateway}/ollama/api/chat", model="tagged:latest", messages=[{"role": "user"}])
        status, _ = await asked(f"{gateway}/ollama/api/show", model="tagged:latest")
    assert b'"model": "tagged:latest"' in upstream.heard[0].body
    assert status == 200


async def test_an_unknown_model_is_told_in_words() -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        status, body = await asked(f"{gateway}/ollama/api/chat", model="x", messages=[{"role": "user"}])
    assert status == 404
    assert body.startswith(b'{"error":"')


@pytest.mark.parametrize("path", ["/ollama/", "/ollama/api/tags", "/ollama/api/version", "/ollama/api/ps"])
async def test_what_needs_no_upstream_is_answered_to_both_methods(path: str) -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        got, head = await asked(gateway + path, "GET"), await asked(gateway + path, "HEAD")
        nowhere, _ = await asked(f"{gateway}/local/", "GET")
    assert (got[0], head, nowhere) == (200, (200, b""), 404)
    assert upstream.heard == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "shape"),
    [
        ("POST", "/ollama/api/pull", {}, b'{"error":"'),
        ("DELETE", "/ollama/api/delete", {}, b'{"error":"'),
        ("POST", "/v1/files", {}, b'{"error":{"'),
        ("GET", "/v1/files/f1/content", {"anthropic-version": "1"}, b'{"type":"error"'),
        ("POST", "/v1/messages/batches", {}, b'{"type":"error"'),
    ],
)
async def test_what_nobody_serves_is_told_in_the_clients_shape_with_what_is(
    method: str, path: str, headers: dict[str, str], shape: bytes
) -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.request(method, gateway + path, data=b"no json") as reply:
                body = await reply.read()
    assert reply.status == 501
    assert body.startswith(shape)
    assert b"is not served here; what is: POST " in body
