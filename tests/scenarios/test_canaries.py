"""A secret of every kind, each planted where such a thing stands: none is ever written down, and none comes
to anybody but whom it is for.
"""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.processes import commanded
from tests.upstreams import FakeUpstream, Play, Reset, completion, playing

pytestmark = pytest.mark.slow

# The gateway's own: from its environment.
KEYS = ("client-one", "client-two", "openai-one", "openai-two", "claude", "gemini", "ollama")
OWN = (*KEYS, "bystander")
# Of a client: in headers that are none of ours, in its query, and all over what it says.
CARRIED = ("bearer", "cookie", "proxy", "access-token", "guess")
SAID = ("system", "prompt", "picture", "arguments", "result", "tool", "user", "field")
# Of an upstream: in what it answers, and in headers that nobody is meant to see.
ANSWERED = ("answer", "set-cookie", "location")
PLANTED: Mapping[str, str] = {
    kind: f"planted-{kind}-{number:08x}"
    for number, kind in enumerate((*OWN, *CARRIED, *SAID, *ANSWERED), 0x5EC2E700)
}
PICTURE = b64encode(PLANTED["picture"].encode()).decode()
HIDDEN = [PLANTED[kind] for kind in (*OWN, *CARRIED, "set-cookie", "location")]
"""What no client is told, whatever goes wrong."""

POOLS = {
    "openai-custom": {"openai-one", "openai-two"},
    "claude-custom": {"claude"},
    "gemini": {"gemini"},
    "ollama": {"ollama"},
}
HEADERS = {
    "x-api-key": PLANTED["client-one"],
    "authorization": f"Bearer {PLANTED['bearer']}",
    "cookie": f"session={PLANTED['cookie']}",
    "proxy-authorization": f"Basic {PLANTED['proxy']}",
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
ARGUMENTS = {"a": PLANTED["arguments"]}

_TURNS: list[dict[str, Any]] = [
    {"role": "system", "content": PLANTED["system"]},
    {"role": "user", "content": PLANTED["prompt"]},
]
_FUNCTION = {"name": "t", "description": PLANTED["tool"], "parameters": SCHEMA}
REQUESTS: Mapping[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": "m",
        "messages": [
            *_TURNS,
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}],
            },
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "t", "arguments": orjson.dumps(ARGUMENTS).decode()},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": PLANTED["result"]},
        ],
        "tools": [{"type": "function", "function": _FUNCTION}],
        "user": PLANTED["user"],
    },
    "/v1/messages": {
        "model": "m",
        "max_tokens": 99,
        "system": PLANTED["system"],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": PLANTED["prompt"]},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "t", "input": ARGUMENTS}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": PLANTED["result"]}],
            },
        ],
        "tools": [{"name": "t", "description": PLANTED["tool"], "input_schema": SCHEMA}],
        "metadata": {"user_id": PLANTED["user"]},
    },
    "/v1beta/models/m:generateContent": {
        "systemInstruction": {"parts": [{"text": PLANTED["system"]}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": PLANTED["prompt"]},
                    {"inlineData": {"mimeType": "image/png", "data": PICTURE}},
                ],
            },
            {"role": "model", "parts": [{"functionCall": {"name": "t", "args": ARGUMENTS}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "t", "response": {"b": PLANTED["result"]}}}],
            },
        ],
        "tools": [{"functionDeclarations": [_FUNCTION]}],
        "labels": {"user": PLANTED["user"]},
    },
    "/ollama/api/chat": {
        "model": "m",
        "stream": False,
        "messages": [
            *_TURNS,
            {"role": "user", "content": "", "images": [PICTURE]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "t", "arguments": ARGUMENTS}}],
            },
            {"role": "tool", "tool_name": "t", "content": PLANTED["result"]},
        ],
        "tools": [{"type": "function", "function": _FUNCTION}],
        "user": PLANTED["user"],
    },
}


def answers() -> list[Play]:
    """One that is well where it is understood, refusals that repeat all keys, a way elsewhere, a break."""
    keys = " ".join(PLANTED[kind] for kind in KEYS)
    told = orjson.dumps({"error": {"message": f"not with {keys}", "type": "no", "code": "no"}})
    shown = {"set-cookie": f"upstream={PLANTED['set-cookie']}"}
    away = {"location": f"http://127.0.0.1:1/{PLANTED['location']}"}
    return [
        Play([completion(PLANTED["answer"])], headers=shown, content_type="application/json"),
        *(Play([told], status, shown, "application/json") for status in (400, 401, 403, 404, 429, 500, 529)),
        Play(status=307, headers={**shown, **away}),
        Play([b'{"id":"', Reset()], headers=shown, content_type="application/json"),
    ]


async def _said(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> tuple[int, str]:
    async with session.request(method, url, allow_redirects=False, **more) as reply:
        return reply.status, repr(reply.headers) + await reply.text()


def _hears_only_its_own(upstream: FakeUpstream, own: set[str]) -> None:
    others = {PLANTED[kind] for kind in (*OWN, *CARRIED) if kind not in own}
    for heard in upstream.heard:
        said = heard.path + repr(dict(heard.headers)) + heard.body.decode()
        assert [secret for secret in others if secret in said] == []


async def test_a_secret_of_any_kind_is_written_nowhere_and_told_to_nobody_else(tmp_path: Path) -> None:
    upstreams = {name: FakeUpstream() for name in POOLS}
    statuses: set[int] = set()
    async with (
        playing(Play()) as chat,
        playing(Play()) as claude,
        playing(Play()) as gemini,
        playing(Play()) as ollama,
        commanded(
            tmp_path,
            LOG_LEVEL="debug",
            API_KEY=f"{PLANTED['client-one']},{PLANTED['client-two']}",
            OPENAI_API_KEY=f"{PLANTED['openai-one']},{PLANTED['openai-two']}",
            OPENAI_BASE_URL=f"{chat.url}/v1",
            ANTHROPIC_API_KEY=PLANTED["claude"],
            ANTHROPIC_BASE_URL=claude.url,
            GEMINI_API_KEY=PLANTED["gemini"],
            GEMINI_BASE_URL=gemini.url,
            OLLAMA_API_KEY=PLANTED["ollama"],
            OLLAMA_HOST=ollama.url,
            SOMEBODY_ELSES_PASSWORD=PLANTED["bystander"],
        ) as served,
        aiohttp.ClientSession() as session,
    ):
        upstreams = dict(zip(POOLS, (chat, claude, gemini, ollama), strict=True))
        for answer in answers():
            for upstream in upstreams.values():
                upstream.script = [answer]
            for name in POOLS:
                for path, body in REQUESTS.items():
                    where = f"{served.url}/{name}{path}?access_token={PLANTED['access-token']}"
                    for wrong in ({}, {"temperature": PLANTED["field"]}):
                        status, said = await _said(
                            session, "POST", where, headers=HEADERS, json={**body, **wrong}
                        )
                        statuses.add(status)
                        assert [secret for secret in HIDDEN if secret in said] == [], (name, path, status)
        for path in ("/livez", "/readyz", "/health", "/metrics", "/v1/models", "/nowhere"):
            for key in (PLANTED["client-two"], PLANTED["guess"]):
                _, said = await _said(session, "GET", served.url + path, headers={"x-api-key": key})
                assert [secret for secret in PLANTED.values() if secret in said] == []
        output = served.output()

    assert len(PLANTED) == 24
    assert {200, 400} < statuses
    assert '"attempt_failed"' in output
    assert [kind for kind, secret in PLANTED.items() if secret in output] == []
    assert PICTURE not in output
    for name, upstream in upstreams.items():
        assert upstream.heard
        _hears_only_its_own(upstream, POOLS[name])
