"""A local model server in place of the demo model."""

import asyncio
from time import monotonic

import pytest

from gateway.cli.configuration import configuration
from gateway.cli.kinds import kinds
from gateway.cli.local import PATIENCE_S, local_models, models_in, with_local
from gateway.config.environment import from_environment
from tests.gateways import free_port
from tests.upstreams import Play, Silence, playing

NAMES = ["nomic-embed-text:latest", "qwen3:8b", "llama3.2:3b"]


def test_a_local_server_is_used_before_the_demo_model() -> None:
    config = with_local(from_environment({}, kinds()), lambda: NAMES)
    (pool,) = config.pools
    assert (pool.name, config.default_pool, pool.default_model) == ("ollama", "ollama", "qwen3:8b")
    (member,) = pool.deployments
    assert (member.provider, member.models, member.api_key) == ("ollama", ("*",), None)


@pytest.mark.parametrize("names", [[], ["nomic-embed-text"]])
def test_without_a_model_that_talks_the_demo_stays(names: list[str]) -> None:
    config = from_environment({}, kinds())
    assert with_local(config, lambda: names) == config


def test_where_a_key_is_set_nobody_looks_for_a_server() -> None:
    config = from_environment({"OPENAI_API_KEY": "sk-proj-1a2b3c4d5e6f"}, kinds())

    def found() -> list[str]:
        raise AssertionError

    assert with_local(config, found) == config


def test_who_asks_for_the_demo_by_name_gets_it(alone: pytest.MonkeyPatch) -> None:
    assert configuration({}, lambda: NAMES).default_pool == "ollama"
    alone.setenv("MODEL_PROVIDER", "demo")
    assert configuration({}, lambda: NAMES).default_pool == "demo"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"models":[{"name":"a","model":"b"},{"name":"c"},{"name":1},7]}', ["b", "c"]),
        (b'{"models":7}', []),
        (b"[]", []),
        (b"<html>", []),
        (b"\xff", []),
    ],
)
def test_the_names_are_read_from_whatever_answers(body: bytes, names: list[str]) -> None:
    assert models_in(body) == names


async def test_a_server_is_asked_for_its_models() -> None:
    tags = Play([b'{"models":[{"name":"qwen3:8b","model":"qwen3:8b"}]}'], content_type="application/json")
    async with playing(tags) as server:
        assert await asyncio.to_thread(local_models, server.url) == ["qwen3:8b"]
    assert [(one.method, one.path) for one in server.heard] == [("GET", "/api/tags")]


async def test_what_refuses_or_is_not_there_has_no_models() -> None:
    async with playing(Play([b'{"models":[{"name":"m"}]}'], status=500)) as server:
        assert await asyncio.to_thread(local_models, server.url) == []
    assert local_models(f"http://127.0.0.1:{free_port()}") == []


@pytest.mark.slow
async def test_the_start_does_not_wait_for_a_server_that_says_nothing() -> None:
    async with playing(Play([Silence()], status=500)) as server:
        began = monotonic()
        assert await asyncio.to_thread(local_models, server.url) == []
    assert PATIENCE_S == 0.3
    assert 0.3 <= monotonic() - began < 3
