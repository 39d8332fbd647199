"""`gateway explain`: a question to the gateway that runs, and its answer for people."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from gateway import cli
from gateway.cli.explain import lines_of
from gateway.config.members import LimitsConfig, QuotaConfig
from gateway.config.schema import AdminConfig, GatewayConfig
from tests.gateways import configured, free_port, pool, running
from tests.upstreams import Play, completion, playing

KEY = "admin-key-90cc17"
BODY = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}], "logit_bias": {"1": 2}}
UNLIMITED = LimitsConfig()
FULL = Play([b'{"error":{"message":"full"}}'], 429, {"retry-after": "30"}, "application/json")
FINE = Play([completion("fine")], content_type="application/json")


async def explained(file: Path | str, *options: str, data: str = "") -> Result:
    """Run the command beside whatever runs in this loop."""
    return await asyncio.to_thread(CliRunner().invoke, cli.app, ["explain", *options, str(file)], input=data)


def written(folder: Path, content: object = BODY) -> Path:
    file = folder / "request.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def two_pools(url: str, limits: LimitsConfig = UNLIMITED) -> GatewayConfig:
    pools = [pool("main", "openai-custom", f"{url}/v1"), pool("spare", "claude-custom", url)]
    limited = [
        each.model_copy(update={"deployments": (each.deployments[0].model_copy(update={"limits": limits}),)})
        for each in pools
    ]
    return configured(*limited).model_copy(update={"fallback_chains": {"main": ("spare",)}})


async def test_it_shows_who_would_be_tried_and_what_gets_lost(
    alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with playing(FINE) as upstream, running(two_pools(upstream.url)) as gateway:
        await explained(written(tmp_path), "--url", gateway)
        shown = await explained(written(tmp_path), "--url", gateway)
    assert (shown.exit_code, shown.stderr, upstream.heard) == (0, "", [])
    first, _, *lines = shown.stdout.splitlines()
    assert first == "gpt-test (openai_chat) leads to main/gpt-test, then spare/gpt-test"
    assert [line.split() for line in lines[1:3]] == [
        ["1", "main-1", "main", "gpt-test", "bytes"],
        ["2", "spare-1", "spare", "gpt-test", "events"],
    ]
    assert "dropped for spare-1: logit_bias" in lines


async def test_it_shows_why_somebody_is_passed_over_and_until_when(
    alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {"path": "/v1/messages", "body": {**BODY, "max_tokens": 9}}
    once = LimitsConfig(quotas=(QuotaConfig(requests=1),))
    async with playing(FULL) as upstream, running(two_pools(upstream.url, once)) as gateway:
        await _ask(gateway)
        shown = await explained("-", "--url", gateway, data=json.dumps(asked))
        told = await explained("-", "--url", gateway, "--json", data=json.dumps(asked))
    assert "this model of the key rests after RateLimited (until 20" in shown.stdout
    assert "; requests 86400 s: nothing left (until 20" in shown.stdout
    assert "refused with 429: every account that serves this model " in shown.stdout
    assert (shown.exit_code, json.loads(told.stdout)["protocol"]) == (1, "anthropic")


async def test_it_shows_the_admin_key_of_its_configuration(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with playing(FINE) as upstream:
        config = two_pools(upstream.url).model_copy(update={"admin": AdminConfig(key=SecretStr(KEY))})
        async with running(config) as gateway:
            refused = await explained(written(tmp_path), "--url", gateway)
            alone.setenv("ADMIN_KEY", KEY)
            alone.setenv("SERVER_PORT", gateway.rpartition(":")[2])
            taken = await explained(written(tmp_path))
    assert (refused.exit_code, "401: invalid or missing admin key" in refused.stderr) == (2, True)
    assert (taken.exit_code, KEY in taken.output) == (0, False)


async def test_what_the_gateway_answers_by_itself_is_said(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with playing(FINE) as upstream, running(two_pools(upstream.url)) as gateway:
        file = written(tmp_path, {"model": "gpt-test"})
        shown = await explained(file, "--path", "/ollama/api/generate", "--url", gateway)
    assert (shown.exit_code, shown.stdout) == (0, "ollama: answered by the gateway itself\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "the request is not JSON"), ("[]", "the request is not a JSON object")],
)
async def test_what_is_no_request_is_code_2(
    alone: pytest.MonkeyPatch, tmp_path: Path, content: str, said: str
) -> None:
    shown = await explained(written(tmp_path, content))
    assert (shown.exit_code, said in shown.stderr) == (2, True)


async def test_whom_it_cannot_ask_is_told_with_code_2(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = written(tmp_path)
    async with playing(Play([b"<html>"])) as stranger, playing(Play([b"[]"], 500)) as broken:
        shown: list[Any] = [
            await explained(tmp_path / "nowhere"),
            await explained(file, "--url", "ftp://127.0.0.1"),
            await explained(file, "--url", f"http://127.0.0.1:{free_port()}"),
            await explained(file, "--url", stranger.url),
            await explained(file, "--url", broken.url),
        ]
    words = ("No such file", "--url takes", "no gateway answers", "is no gateway", "500: it does not say why")
    assert [each.exit_code for each in shown] == [2] * 5
    assert [word in each.stderr for word, each in zip(words, shown, strict=True)] == [True] * 5


def test_of_many_candidates_and_of_a_conversation_it_says_so() -> None:
    told = {
        "protocol": "anthropic",
        "model": "m",
        "stream": True,
        "way": [{"pool": "main", "model": "m"}],
        "sticky": {"goes_on": True, "holder": "main-1"},
        "order": [],
        "candidates": [],
        "not_shown": 7,
        "refused": None,
    }
    lines = list(lines_of(told))
    assert lines[0] == "m (anthropic, streamed) leads to main/m"
    assert lines[1] == "the conversation's prompt cache is at main-1"
    assert lines[-1] == "and 7 more"


async def _ask(gateway: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{gateway}/v1/chat/completions", json=BODY):
            pass
