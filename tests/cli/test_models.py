"""`gateway models`: the names that clients may use, and where they lead."""

import json

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.cli.models import Name, names_of
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, pool


def two_pools(**more: object) -> GatewayConfig:
    """A gateway with pools `a` (models m and x-*) and `b` (model n)."""
    config = configured(
        pool("a", "openai-custom", "https://a.example/v1", models=("m", "x-*")),
        pool("b", "openai-custom", "https://b.example/v1", models=("n",)),
    )
    return GatewayConfig.model_validate({**config.model_dump(), **more})


def test_names_that_pools_list_come_first_and_then_their_patterns() -> None:
    assert list(names_of(two_pools())) == [
        Name("m", "a", "m"),
        Name("n", "b", "n"),
        Name("x-*", "a", None),
    ]


def test_aliases_show_where_they_lead_and_what_is_tried_after_that() -> None:
    models = {"gpt-4": ("b/n", "a/m"), "gpt-*": ("a/m", "b"), "all-*": ("b",)}
    assert list(names_of(two_pools(models=models))) == [
        Name("gpt-4", "b", "n", ("a/m",)),
        Name("m", "a", "m"),
        Name("n", "b", "n"),
        Name("gpt-*", "a", "m", ("b",)),
        Name("all-*", "b", None),
        Name("x-*", "a", None),
    ]


def test_fallback_chains_are_tried_after_a_name() -> None:
    names = {name.name: name.then for name in names_of(two_pools(fallback_chains={"b": ("a",)}))}
    assert names["n"] == ("a/gpt-5.5",)
    assert names["m"] == ()


def test_a_default_pool_that_takes_any_name_is_the_pattern_star() -> None:
    config = two_pools()
    first = config.pools[0].model_copy(update={"unknown_models": "default", "default_model": "m"})
    config = config.model_copy(update={"pools": (first, config.pools[1])})
    assert list(names_of(config))[-1] == Name("*", "a", "m")


def test_where_a_pool_serves_any_name_as_it_is_no_default_is_reached() -> None:
    config = configured(pool("a", "openai-custom", "https://a.example/v1", models=("*",)))
    first = config.pools[0].model_copy(update={"unknown_models": "default"})
    names = list(names_of(config.model_copy(update={"pools": (first,)})))
    assert [name for name in names if name.name == "*"] == [Name("*", "a", None)]


def test_the_table_is_for_people(alone: pytest.MonkeyPatch) -> None:
    ended = CliRunner().invoke(cli.app, ["models"])
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "name  pool  upstream model  then",
        "demo  demo  demo",
        "*     demo  (the same)",
    ]


def test_json_is_for_programs(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("ANTHROPIC_API_KEY", "a-key-in-no-known-form-81c7")
    ended = CliRunner().invoke(cli.app, ["models", "--json"])
    assert ended.exit_code == 0
    names = {entry["name"]: entry for entry in json.loads(ended.stdout)}
    assert names["claude-haiku-5-5"] == {
        "name": "claude-haiku-5-5",
        "pool": "claude-custom",
        "model": "claude-haiku-5-5",
        "then": [],
    }
    assert names["claude-*"]["model"] is None
    assert names["*"]["model"] == "claude-sonnet-5-5"
