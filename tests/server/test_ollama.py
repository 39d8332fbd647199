"""The routes of Ollama, and what clients look for that nobody serves."""

import json
from typing import Any

import aiohttp
import pytest

from gateway.config.members import DeploymentConfig, PoolConfig
from tests.gateways import configured, openai, pool, running
from tests.upstreams import Play, completion, playing

SAID = (
    b'{"model":"m","message":{"role":"assistant","content":"a\xe2\x80\xa8b"},"done":false}\n'
    b'{"model":"m","message":{"role":"assistant","content":""},"done":true}\n'
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
        *(("POST", f"/ollama/api/{name}", {}, b'{"error":"') for name in ("pull", "push", "create", "copy")),
        ("DELETE", "/ollama/api/delete", {}, b'{"error":"'),
        ("HEAD", "/ollama/api/blobs/sha256:1f", {}, b""),
        ("POST", "/ollama/api/blobs/sha256:1f", {}, b'{"error":"'),
        ("POST", "/ollama/api/embed", {}, b'{"error":"'),
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
    assert b"is not served here; what is: POST " in body or method == "HEAD"


@pytest.mark.parametrize(("path", "keep", "reason"), [("chat", None, "load"), ("generate", 0, "unload")])
async def test_a_request_that_only_loads_or_unloads_asks_nobody(
    path: str, keep: int | None, reason: str
) -> None:
    async with playing(LINES) as upstream, running(upstream_of(upstream.url)) as gateway:
        status, body = await asked(f"{gateway}/ollama/api/{path}", model="m", keep_alive=keep)
    assert status == 200
    assert json.loads(body)["done_reason"] == reason
    assert upstream.heard == []


async def test_every_model_has_a_digest_of_its_own_that_stays() -> None:
    async with playing(LINES) as upstream:
        digests = []
        for _ in range(2):
            async with running(upstream_of(upstream.url)) as gateway:
                _, body = await asked(f"{gateway}/ollama/api/tags", "GET")
            digests.append({card["model"]: card["digest"] for card in json.loads(body)["models"]})
    assert digests[0] == digests[1]
    assert digests[0].keys() == {"m:latest", "tagged:latest"}
    assert len(set(digests[0].values())) == 2


@pytest.mark.parametrize(("can", "context"), [({}, 32_768), ({"num_ctx": 4096}, 4096)])
async def test_the_size_of_the_context_is_what_the_configuration_says(
    can: dict[str, int], context: int
) -> None:
    async with playing(LINES) as upstream:
        members = {"base_url": upstream.url, "models": ("m",), "capabilities": can}
        member = DeploymentConfig.model_validate({"id": "local-1", "provider": "ollama", **members})
        async with running(configured(PoolConfig(name="local", deployments=(member,)))) as gateway:
            hi = {"role": "user", "content": "hi"}
            status, _ = await asked(f"{gateway}/v1/chat/completions", model="m", messages=[hi], stream=True)
    assert status == 200
    assert upstream.heard[0].json["options"]["num_ctx"] == context


TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


async def test_times_are_whole_numbers_whoever_answered() -> None:
    answer = Play([completion("fine")], content_type="application/json")
    async with playing(answer) as upstream, running(openai(upstream.url)) as gateway:
        hi = {"role": "user", "content": "hi"}
        _, body = await asked(f"{gateway}/ollama/api/chat", model="gpt-test", messages=[hi], stream=False)
    said = json.loads(body)
    assert [type(said[name]) for name in (*TIMES, "prompt_eval_count", "eval_count")] == [int] * 6
    assert (said["prompt_eval_count"], said["eval_count"]) == (7, 2)
