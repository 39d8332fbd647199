"""The listener: routes, keys, limits, and errors in the client's own words."""

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.config.schema import AuthConfig, GatewayConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.upstreams import Play, Silence, completion, playing

KEY = "client-key-5b2f9c"
MESSAGE = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]}
JSON = Play([completion("fine")], content_type="application/json", headers={"x-request-id": "up-1"})


def keyed(url: str, **server: Any) -> GatewayConfig:
    return configured(
        pool("openai-custom", "openai-custom", f"{url}/v1", models=("gpt-test",)),
        auth=AuthConfig.model_validate({"api_keys": [KEY]}),
        server=ServerConfig(**server),
    )


async def call(method: str, url: str, **more: Any) -> tuple[int, Any, Any]:
    headers = {"authorization": f"Bearer {KEY}", **more.pop("headers", {})}
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, headers=headers, **more) as reply:
            body = await reply.json() if "json" in reply.content_type else await reply.text()
            return reply.status, body, reply.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"x-api-key": KEY, "authorization": "Bearer something-else"},
        {"x-goog-api-key": KEY},
    ],
)
async def test_a_key_is_taken_in_each_form(headers: dict[str, str]) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{gateway}/v1/chat/completions", json=MESSAGE, headers=headers) as reply:
                assert reply.status == 200


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("POST", "/v1/messages"),
        ("GET", "/v1/models/x"),
    ],
)
async def test_without_the_right_key_nothing_is_served(
    headers: dict[str, str], method: str, path: str
) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.request(method, gateway + path, json=MESSAGE, headers=headers) as reply:
                body = await reply.json()
    assert reply.status == 401
    assert KEY not in str(body)
    assert "message" in body["error"]
    assert upstream.heard == []


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/"])
async def test_probes_need_no_key_and_call_nobody(path: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.get(gateway + path) as got, session.head(gateway + path) as head:
                assert (got.status, head.status) == (200, 200)
    assert upstream.heard == []


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/messages/nothing", "anthropic"),
        ("/v1/chat/nothing", "openai"),
        ("/nowhere", "openai"),
    ],
)
async def test_an_unknown_path_is_a_404_in_the_nearest_protocol(path: str, shape: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        status, body, _ = await call("POST", gateway + path, json={})
    assert status == 404
    assert (body.get("type") == "error") == (shape == "anthropic")


async def test_a_wrong_method_is_a_405_that_names_the_right_one() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        status, body, headers = await call("GET", f"{gateway}/v1/messages")
    assert (status, headers["allow"], body["type"]) == (405, "POST", "error")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"model": NaN}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"model": 1}',
        b"{}",
    ],
)
async def test_a_body_that_is_no_request_is_a_400(path: str, body: bytes) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        status, told, _ = await call("POST", gateway + path, data=body)
    assert status == 400
    assert told["error"]["type"] == "invalid_request_error"
    assert upstream.heard == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_a_413(path: str, chunked: bool) -> None:
    async def trickle() -> Any:
        for _ in range(4):
            yield b"x" * 500

    async with playing(JSON) as upstream, running(keyed(upstream.url, body_limit_bytes=1000)) as gateway:
        data = trickle() if chunked else b"x" * 2000
        status, told, _ = await call("POST", gateway + path, data=data)
    assert status == 413
    assert "1000 bytes" in told["error"]["message"]


async def test_a_body_that_comes_too_slowly_is_a_408() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, body_timeout_s=0.05)) as gateway:
        host, _, port = gateway.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %b\r\nContent-Length: 9\r\n\r\n{"
            % KEY.encode()
        )
        assert b" 408 " in await reader.readline()
        writer.close()


async def test_the_models_list_speaks_the_clients_protocol() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        _, openai_list, _ = await call("GET", f"{gateway}/v1/models")
        _, claude_list, _ = await call(
            "GET", f"{gateway}/v1/models", headers={"anthropic-version": "2023-06-01"}
        )
        _, one, _ = await call("GET", f"{gateway}/v1/models/gpt-test")
        missing, told, _ = await call("GET", f"{gateway}/v1/models/gpt-9")
    assert [model["id"] for model in openai_list["data"]] == ["gpt-test"]
    assert openai_list["object"] == "list"
    assert [model["type"] for model in claude_list["data"]] == ["model"]
    assert one["id"] == "gpt-test"
    assert missing == 404
    assert told["error"]["code"] == "model_not_found"


async def test_a_reply_says_which_way_it_took() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        _, _, headers = await call(
            "POST", f"{gateway}/v1/chat/completions", json=MESSAGE, headers={"x-request-id": "my-id_1.2"}
        )
    assert {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-")} == {
        "x-request-id": "my-id_1.2",
        "x-gateway-provider": "openai-custom",
        "x-gateway-pool": "openai-custom",
        "x-gateway-deployment": "openai-custom-1",
        "x-gateway-model": "gpt-test",
        "x-gateway-lane": "bytes",
        "x-gateway-attempts": "1",
        "x-gateway-upstream-request-id": "up-1",
    }
    assert headers["server"] == "gateway"


async def test_headers_of_ours_can_be_switched_off() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url, expose_headers=False)) as gateway:
        _, _, headers = await call("POST", f"{gateway}/v1/chat/completions", json=MESSAGE)
        _, _, counted = await call(
            "POST", f"{gateway}/v1/messages/count_tokens", json={**MESSAGE, "max_tokens": 5}
        )
    assert [name for name in (*headers, *counted) if name.lower().startswith("x-gateway")] == []
    assert "x-request-id" in headers


@pytest.mark.parametrize("said", ["", "x" * 65, "a b", "a\tb", "é"])
async def test_a_request_id_that_is_not_harmless_is_replaced(said: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        _, _, headers = await call(
            "POST", f"{gateway}/v1/chat/completions", json=MESSAGE, headers={"x-request-id": said}
        )
    assert headers["x-request-id"] != said
    assert headers["x-request-id"].startswith("req_")


async def test_a_bug_of_ours_is_a_plain_500_without_a_traceback() -> None:
    # A reply that claims to be JSON but nests its choices wrongly must never surface as a traceback.
    broken = Play([b'{"choices": {"0": 1}}'], content_type="application/json")
    async with playing(broken) as upstream, running(keyed(upstream.url)) as gateway:
        status, told, _ = await call("POST", f"{gateway}/v1/chat/completions", json=MESSAGE)
    assert status == 502
    assert "Traceback" not in str(told)


async def test_an_upstream_that_says_nothing_is_kept_alive_for_the_client() -> None:
    async with playing(Play([Silence()])) as upstream:
        async with (
            running(keyed(upstream.url, heartbeat_s=0.02)) as gateway,
            aiohttp.ClientSession() as session,
        ):
            for path, ping in (("/v1/chat/completions", b": ping\n\n"), ("/v1/messages", b"event: ping\n")):
                body = {**MESSAGE, "stream": True, "max_tokens": 9}
                headers = {"x-api-key": KEY}
                async with session.post(gateway + path, json=body, headers=headers) as reply:
                    first = await reply.content.readuntil(b"\n\n")
                    assert first.startswith(ping)
                    assert reply.headers["content-type"].startswith("text/event-stream")
