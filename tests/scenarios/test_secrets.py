"""Planted secrets: whatever goes wrong, wherever they stand, nobody reads them and no stranger gets them."""

from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.processes import pool, serving
from tests.raw import until_hung_up
from tests.upstreams import FakeUpstream, Play, Reset, chunk, completion, playing, sse

pytestmark = pytest.mark.slow

CLIENT_KEY = "planted-client-0f3b77c1"
OPENAI_KEY = "planted-openai-91d2aa40"
CLAUDE_KEY = "planted-claude-6c5e18f9"
SECRETS = (CLIENT_KEY, OPENAI_KEY, CLAUDE_KEY)

MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
PATHS = ("/v1/chat/completions", "/v1/messages", "/openai/v1/messages", "/claude/v1/chat/completions")
FORMS: tuple[tuple[dict[str, str], str], ...] = (
    ({"x-api-key": CLIENT_KEY}, ""),
    ({"authorization": f"Bearer {CLIENT_KEY}"}, ""),
    ({"x-goog-api-key": CLIENT_KEY}, ""),
    ({}, f"?key={CLIENT_KEY}"),
)
TOLD = f"bad request with keys {OPENAI_KEY} and {CLAUDE_KEY}, header Authorization: Bearer {OPENAI_KEY}"


def error(status: int, shape: dict[str, Any]) -> Play:
    return Play([orjson.dumps(shape)], status, content_type="application/json")


HALF = sse(chunk({"role": "assistant", "content": "half"}), done=False)
FAULTS = {
    **{
        f"{status} in the {name} shape": error(status, shape)
        for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529)
        for name, shape in (
            ("openai", {"error": {"message": TOLD, "type": "invalid_request_error", "code": OPENAI_KEY}}),
            ("anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": TOLD}}),
        )
    },
    "a page": Play([f"<html>{TOLD}</html>".encode()], 500, content_type="text/html"),
    "no JSON": Play([TOLD.encode()], content_type="application/json"),
    "an error in a stream": Play([HALF, sse({"error": {"message": TOLD}}, done=False)]),
    "an error that begins a stream": Play([sse({"error": {"message": TOLD}}, done=False)]),
    "a stream that breaks": Play([HALF, b"data: {" + TOLD.encode() + b"}\n\n"]),
    "a reset": Play([HALF, Reset()]),
}


def config(openai_url: str, claude_url: str) -> dict[str, Any]:
    return {
        "auth": {"api_keys": [CLIENT_KEY]},
        "log": {"level": "debug"},
        "pools": [
            pool("openai", "openai-custom", f"{openai_url}/v1", api_key=OPENAI_KEY, models=["gpt-*"]),
            pool("claude", "claude-custom", claude_url, api_key=CLAUDE_KEY, models=["gpt-*"]),
        ],
        "default_pool": "openai",
    }


async def reply_to(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> bytes:
    """All of a reply, headers too; what came before a break counts as well."""
    async with session.request(method, url, allow_redirects=False, **more) as reply:
        said = repr(reply.headers).encode()
        try:
            async for data in reply.content.iter_any():
                said += data
        except aiohttp.ClientPayloadError:
            pass
        return said


def body(*, stream: bool, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-test", "max_tokens": 9, "messages": MESSAGES, "stream": stream, **more}


def assert_clean(text: bytes | str, where: str) -> None:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    assert [secret for secret in SECRETS if secret in said] == [], where


async def test_no_fault_of_an_upstream_shows_a_secret(tmp_path: Path) -> None:
    async with playing(Play()) as upstream, serving(tmp_path, **config(upstream.url, upstream.url)) as served:
        async with aiohttp.ClientSession() as session:
            for number, (fault, play) in enumerate(FAULTS.items()):
                upstream.script = [play]
                headers, query = FORMS[number % len(FORMS)]
                for path in PATHS:
                    for stream in (False, True):
                        said = await reply_to(
                            session,
                            "POST",
                            served.url + path + query,
                            headers=headers,
                            json=body(stream=stream),
                        )
                        assert_clean(said, f"{fault} at {path}")
        output = served.output()
    assert output.count('"request"') >= len(FAULTS) * len(PATHS)
    assert_clean(output, "output")


async def test_no_mistake_of_a_client_shows_a_secret(tmp_path: Path) -> None:
    good = Play([completion("fine")], content_type="application/json")
    async with playing(good) as upstream, serving(tmp_path, **config(upstream.url, upstream.url)) as served:
        async with aiohttp.ClientSession() as session:
            for headers, query in FORMS:
                for method, path in (
                    ("POST", "/nowhere"),
                    ("GET", "/v1/messages"),
                    ("GET", "/v1/models"),
                    ("GET", f"/v1/models/{CLIENT_KEY}"),
                    ("GET", f"/{OPENAI_KEY}/v1/models"),
                    ("GET", f"/{CLIENT_KEY}/nowhere"),
                ):
                    said = await reply_to(session, method, served.url + path + query, headers=headers)
                    assert_clean(said, path)
                for wrong in (
                    body(stream=False, model=CLIENT_KEY),
                    body(stream=False, temperature=CLIENT_KEY, api_key=OPENAI_KEY),
                    body(stream=False, metadata={"user_id": CLAUDE_KEY}, messages=CLAUDE_KEY),
                    [CLIENT_KEY],
                ):
                    for path in PATHS:
                        said = await reply_to(
                            session, "POST", served.url + path + query, headers=headers, json=wrong
                        )
                        assert_clean(said, path)
        for line in (
            f"x-api-key : {CLIENT_KEY}",
            f"authorization: Bearer {CLIENT_KEY}\x00",
            f": {OPENAI_KEY}",
        ):
            raw = f"GET /v1/models?key={CLIENT_KEY} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n"
            assert_clean((await until_hung_up(served.url, raw.encode())).data, line)
        assert_clean(served.output(), "output")


def overrides(canary: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """What has made other gateways send their keys to strangers."""
    host = canary.removeprefix("http://")
    names = ("api_base", "base_url", "apiBase", "api_url", "endpoint", "host", "url", "custom_llm_provider")
    headers = (
        "x-api-base",
        "x-base-url",
        "x-portkey-custom-host",
        "x-forwarded-host",
        "x-original-url",
        "x-rewrite-url",
        "forwarded",
        "x-upstream-url",
    )
    return [
        *(({}, {name: canary}) for name in names),
        ({}, {"extra_body": {"api_base": canary}, "metadata": {"api_base": canary}}),
        *(({name: canary if "url" in name or "base" in name else host}, {}) for name in headers),
        ({}, {"model": f"gpt-test@{host}"}),
        ({}, {"model": f"gpt-../../..//{host}/v1"}),
        ({}, {"model": f"gpt-test?x={canary}#"}),
    ]


def keys_heard(upstream: FakeUpstream, name: str) -> set[str]:
    return {heard.headers.get(name, "") for heard in upstream.heard}


async def test_no_key_goes_to_another_origin(tmp_path: Path) -> None:
    good = Play([completion("fine")], content_type="application/json")
    async with playing(good) as canary, playing(good) as chat, playing(good) as claude:
        async with serving(tmp_path, **config(chat.url, claude.url)) as served:
            async with aiohttp.ClientSession() as session:
                for path in PATHS:
                    for headers, more in overrides(canary.url):
                        said = {**headers, "x-api-key": CLIENT_KEY}
                        request = body(stream=False, **more)
                        await reply_to(session, "POST", served.url + path, headers=said, json=request)
                for status in (301, 302, 303, 307, 308):
                    away = Play(status=status, headers={"location": f"{canary.url}/v1/chat/completions"})
                    chat.script = claude.script = [away]
                    for path in PATHS:
                        for stream in (False, True):
                            said = {"x-api-key": CLIENT_KEY}
                            request = body(stream=stream)
                            reply = await reply_to(
                                session, "POST", served.url + path, headers=said, json=request
                            )
                            assert canary.url.encode() not in reply
            assert_clean(served.output(), "output")

        assert canary.heard == []
        assert chat.heard
        assert claude.heard
        assert keys_heard(chat, "authorization") == {f"Bearer {OPENAI_KEY}"}
        assert keys_heard(claude, "x-api-key") == {CLAUDE_KEY}
        for upstream, own in ((chat, OPENAI_KEY), (claude, CLAUDE_KEY)):
            others = [secret for secret in SECRETS if secret != own]
            for heard in upstream.heard:
                said_upstream = heard.path + repr(dict(heard.headers)) + heard.body.decode()
                assert [secret for secret in others if secret in said_upstream] == []
