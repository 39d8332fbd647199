"""A local model server in place of the demo model."""

import pytest

from gateway.cli.configuration import configuration
from gateway.cli.kinds import kinds
from gateway.cli.local import models_in, with_local
from gateway.config.environment import from_environment

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
