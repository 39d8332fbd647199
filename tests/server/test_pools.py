"""Routes below the name of a pool, and the alias of the Messages API."""

import aiohttp
import pytest

from tests.gateways import configured, pool, running
from tests.upstreams import Play, completion, playing

BODY = {"model": "gpt-test", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
JSON = Play([completion("fine")], content_type="application/json")


async def test_a_pool_in_the_path_serves_the_request() -> None:
    async with playing(JSON) as one, playing(JSON) as two:
        config = configured(
            pool("first", "openai-custom", f"{one.url}/v1", models=("gpt-test", "one")),
            pool("second", "openai-custom", f"{two.url}/v1", models=("gpt-test", "two")),
        )
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            for path in ("/second/v1/chat/completions", "/second/v1/messages"):
                async with session.post(gateway + path, json=BODY) as reply:
                    assert (reply.status, reply.headers["x-gateway-pool"]) == (200, "second")
            async with session.post(f"{gateway}/second/v1/messages/count_tokens", json=BODY) as counted:
                assert counted.status == 200
            async with session.get(f"{gateway}/second/v1/models") as models:
                assert {model["id"] for model in (await models.json())["data"]} == {"gpt-test", "two"}
            async with session.get(f"{gateway}/second/v1/models/two") as model:
                assert model.status == 200
            async with session.get(f"{gateway}/second/v1/models/one") as model:
                assert model.status == 404
        assert (len(one.heard), len(two.heard)) == (0, 2)


@pytest.mark.parametrize(
    ("method", "path", "shape"),
    [
        ("POST", "/nowhere/v1/chat/completions", "openai"),
        ("POST", "/nowhere/v1/messages", "anthropic"),
        ("POST", "/nowhere/v1/messages/count_tokens", "anthropic"),
        ("GET", "/nowhere/v1/models", "openai"),
        ("GET", "/nowhere/v1/models/gpt-test", "openai"),
    ],
)
async def test_an_unknown_pool_is_a_404_that_names_the_pools(method: str, path: str, shape: str) -> None:
    async with playing(JSON) as upstream:
        config = configured(
            pool("first", "openai-custom", f"{upstream.url}/v1"),
            pool("second", "openai-custom", upstream.url),
        )
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            async with session.request(method, gateway + path, json=BODY) as reply:
                body = await reply.json()
    assert reply.status == 404
    assert "first, second" in body["error"]["message"]
    assert (body.get("type") == "error") == (shape == "anthropic")


async def test_the_alias_of_the_messages_api_speaks_it_without_its_header() -> None:
    async with playing(JSON) as upstream:
        config = configured(pool("first", "openai-custom", f"{upstream.url}/v1", models=("gpt-test",)))
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            async with session.get(f"{gateway}/anthropic/v1/models") as models:
                assert [model["type"] for model in (await models.json())["data"]] == ["model"]
            async with session.post(f"{gateway}/anthropic/v1/messages", json=BODY) as reply:
                assert (await reply.json())["type"] == "message"
            async with session.post(f"{gateway}/anthropic/v1/nothing", json=BODY) as nothing:
                assert (nothing.status, (await nothing.json())["type"]) == (404, "error")
