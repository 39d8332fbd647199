"""Pages in a browser: those of listed origins may call, no other may."""

from typing import Any

import aiohttp
import pytest

from gateway.config.schema import AuthConfig, GatewayConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.upstreams import Play, chunk, completion, playing, sse

KEY = "client-key-5b2f9c"
PAGE = "https://app.example.com"
BODY = {"model": "gpt-test", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
JSON = Play([completion("fine")], content_type="application/json")
STREAM = Play([sse(chunk({"content": "fine"}), chunk({}, "stop"))])


def keyed(url: str, *origins: str) -> GatewayConfig:
    return configured(
        pool("openai-custom", "openai-custom", f"{url}/v1"),
        auth=AuthConfig.model_validate({"api_keys": [KEY]}),
        server=ServerConfig(port=0, cors_origins=origins),
    )


async def ask(method: str, url: str, headers: dict[str, str], json: Any = None) -> tuple[int, Any, bytes]:
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, headers=headers, json=json) as reply:
            return reply.status, reply.headers, await reply.read()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/openai-custom/v1/messages"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{PAGE}.evil.example"},
        {"origin": PAGE.upper()},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_a_page_of_another_origin_is_refused_even_with_a_key(
    path: str, headers: dict[str, str]
) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, PAGE)) as gateway:
        status, said, body = await ask("POST", gateway + path, {"x-api-key": KEY, **headers}, BODY)

    assert status == 403
    assert b"error" in body
    assert "access-control-allow-origin" not in said
    assert upstream.heard == []


async def test_a_page_of_another_origin_is_not_even_told_what_it_might_send() -> None:
    asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        status, said, _ = await ask("OPTIONS", f"{gateway}/v1/messages", asks)

    assert status == 403
    assert [name for name in said if name.lower().startswith("access-control")] == []


async def test_a_listed_origin_may_ask_and_call() -> None:
    asks = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type, x-stainless-os",
    }
    async with playing(STREAM) as upstream, running(keyed(upstream.url, PAGE)) as gateway:
        status, said, _ = await ask("OPTIONS", f"{gateway}/v1/messages", asks)
        assert status == 204
        assert said["access-control-allow-origin"] == PAGE
        assert said["access-control-allow-headers"] == asks["access-control-request-headers"]

        for stream, key, expected in ((False, KEY, 200), (True, KEY, 200), (False, "wrong", 401)):
            status, said, _ = await ask(
                "POST",
                f"{gateway}/v1/messages",
                {"origin": PAGE, "x-api-key": key},
                {**BODY, "stream": stream},
            )
            assert (status, said["access-control-allow-origin"], said["vary"]) == (expected, PAGE, "Origin")


@pytest.mark.parametrize("names", ["x" * 2000, "a\tb", "a;b", ",", "é"])
async def test_what_a_page_wants_to_send_is_not_repeated_blindly(names: str) -> None:
    asks = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": names,
    }
    async with playing(JSON) as upstream, running(keyed(upstream.url, PAGE)) as gateway:
        _, said, _ = await ask("OPTIONS", f"{gateway}/v1/messages", asks)

    assert said["access-control-allow-headers"] == "content-type"


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}])
async def test_what_no_page_did_is_served(headers: dict[str, str]) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        headers = {**headers, "x-api-key": KEY}
        status, said, _ = await ask("POST", f"{gateway}/v1/chat/completions", headers, BODY)
        same, _, _ = await ask("POST", f"{gateway}/v1/chat/completions", {**headers, "origin": gateway}, BODY)

    assert (status, same) == (200, 200)
    assert [name for name in said if name.lower() in ("vary", "access-control-allow-origin")] == []


async def test_an_ordinary_options_request_is_a_wrong_method() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        status, _, _ = await ask("OPTIONS", f"{gateway}/v1/messages", {})

    assert status == 405


def test_a_star_for_all_origins_is_refused() -> None:
    with pytest.raises(ValueError, match="list those that may"):
        ServerConfig(cors_origins=("*",))
