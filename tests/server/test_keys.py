"""Client keys: every form on every route, by every client; guesses wait, good keys never do."""

import aiohttp
import anthropic
import openai
import pytest

from gateway.config.schema import AuthConfig, GatewayConfig, ServerConfig
from tests.gateways import configured, pool, running
from tests.raw import said_to
from tests.upstreams import Play, completion, playing

KEY, OTHER = "client-key-5b2f9c", "client-key-77aa01"
BODY = {"model": "gpt-test", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
JSON = Play([completion("fine")], content_type="application/json")

ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/gpt-test"),
    ("POST", "/openai-custom/v1/chat/completions"),
    ("POST", "/openai-custom/v1/messages"),
    ("GET", "/openai-custom/v1/models"),
    ("POST", "/anthropic/v1/messages"),
    ("GET", "/anthropic/v1/models"),
]
FORMS = [
    ({"x-api-key": KEY}, ""),
    ({"authorization": f"Bearer {KEY}"}, ""),
    ({"authorization": f"BEARER  {KEY} "}, ""),
    ({"x-goog-api-key": KEY}, ""),
    ({}, f"?key={KEY}"),
    ({}, f"?alt=sse&key={KEY}"),
]


def keyed(url: str, **server: object) -> GatewayConfig:
    return configured(
        pool("openai-custom", "openai-custom", f"{url}/v1", models=("gpt-test",)),
        auth=AuthConfig.model_validate({"api_keys": [KEY, OTHER]}),
        server=ServerConfig.model_validate({"port": 0, **server}),
    )


async def status_of(method: str, url: str, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, headers=headers, json=BODY) as reply:
            return reply.status


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_takes_a_key_in_every_form_and_nothing_else(method: str, path: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        for headers, query in FORMS:
            assert await status_of(method, gateway + path + query, headers) == 200
        for headers, query in FORMS[:5]:
            wrong = {name: value.replace(KEY, "wrong") for name, value in headers.items()}
            assert await status_of(method, gateway + path + query.replace(KEY, "wrong"), wrong) == 401
        assert await status_of(method, gateway + path, {}) == 401


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"x-api-key": KEY, "authorization": "Bearer wrong"}, "", 200),
        ({"x-api-key": "wrong", "authorization": f"Bearer {KEY}"}, "", 401),
        ({"authorization": f"Bearer {KEY}", "x-goog-api-key": "wrong"}, "?key=wrong", 200),
        ({"authorization": "Bearer wrong", "x-goog-api-key": KEY}, f"?key={KEY}", 401),
        ({"x-goog-api-key": KEY}, "?key=wrong", 200),
        ({"authorization": "Basic dXNlcjpwYXNz", "x-goog-api-key": KEY}, "", 200),
        ({"x-api-key": "", "authorization": f"Bearer {KEY}"}, "", 200),
    ],
)
async def test_of_several_keys_the_first_in_rank_counts(
    headers: dict[str, str], query: str, status: int
) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        assert await status_of("POST", f"{gateway}/v1/messages{query}", headers) == status


@pytest.mark.parametrize(
    ("lines", "query", "status"),
    [
        ([f"x-api-key: {KEY}", "x-api-key: wrong"], "", 400),
        (["x-api-key: wrong", f"X-Api-Key: {KEY}"], "", 400),
        ([f"x-api-key: {KEY}", f"x-api-key: {OTHER}"], "", 400),
        ([f"Authorization: Bearer {KEY}", "authorization: Bearer wrong"], "", 400),
        ([f"x-goog-api-key: {KEY}", "x-goog-api-key: wrong"], "", 400),
        ([], f"?key={KEY}&key=wrong", 400),
        ([f"x-api-key: {KEY}", f"x-api-key: {KEY}"], "", 200),
    ],
)
async def test_a_doubled_key_is_refused_unless_both_are_the_same(
    lines: list[str], query: str, status: int
) -> None:
    said = "\r\n".join([f"GET /v1/models{query} HTTP/1.1", "Host: localhost", *lines, "", ""])
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        reply = await said_to(gateway, said.encode())

    assert reply.status == status
    assert KEY.encode() not in reply.data


async def test_the_openai_sdk_shows_its_key() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key=KEY, max_retries=0) as client:
            reply = await client.chat.completions.create(
                model="gpt-test", messages=[{"role": "user", "content": "x"}]
            )
            assert reply.choices[0].message.content == "fine"
        async with openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()


async def test_the_anthropic_sdk_shows_its_key_in_both_of_its_forms() -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        for base_url in (gateway, f"{gateway}/anthropic", f"{gateway}/openai-custom"):
            for client in (
                anthropic.AsyncAnthropic(base_url=base_url, api_key=KEY, max_retries=0),
                anthropic.AsyncAnthropic(base_url=base_url, auth_token=KEY, max_retries=0),
            ):
                async with client:
                    reply = await client.messages.create(
                        model="gpt-test", max_tokens=5, messages=[{"role": "user", "content": "x"}]
                    )
                assert reply.content[0].type == "text"
        async with anthropic.AsyncAnthropic(base_url=gateway, api_key="wrong", max_retries=0) as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.models.list()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_who_guesses_has_to_wait_and_good_keys_do_not(path: str) -> None:
    async with playing(JSON) as upstream, running(keyed(upstream.url)) as gateway:
        spoofed = [{"x-api-key": f"guess-{n}", "x-forwarded-for": f"10.0.0.{n}"} for n in range(12)]
        statuses = [await status_of("POST", gateway + path, headers) for headers in spoofed]
        async with aiohttp.ClientSession() as session:
            async with session.post(gateway + path, headers={"x-api-key": "guess"}, json=BODY) as reply:
                wait = int(reply.headers["retry-after"])
        good = await status_of("POST", gateway + path, {"x-api-key": KEY})
        keyless = await status_of("POST", gateway + path, {})

    assert statuses == [401] * 10 + [429] * 2
    assert 50 <= wait <= 60
    assert (good, keyless) == (200, 401)
