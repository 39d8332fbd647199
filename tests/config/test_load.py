"""Configuration from files that are sound."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.errors import ConfigError
from gateway.config.load import load
from gateway.config.members import TimeoutOverrides
from gateway.config.schema import GatewayConfig

DEMO = "pools: {demo: [{}]}\n"

CONFIG = """\
server:
  host: 0.0.0.0
  port: 3000
auth:
  api_key: ${API_KEY}            # one or a list; `auth: none` takes any key or none
log:
  level: info
  format: text                   # or json
default_provider: claude-custom  # the pool for names that nothing else claims
provider_pools_file: configs/provider-pools.yaml
health_check:
  enabled: true
  interval: 10m
  max_error_count: 3
models:
  gpt-4: [openai-custom/gpt-4.1, claude-custom/claude-sonnet-5-5]
  o-*: openai-custom
timeouts: {connect: 5s, first_content: 300s, idle: 300s, progress: 600s, total: 3600s, non_stream: 600s}
"""

POOLS = """\
fallback_chains:
  claude-custom: [openai-custom]
pools:
  claude-custom:
    - uuid: claude-1
      name: Primary
      enabled: true
      check_health: true
      check_model: claude-haiku-5-5
      api_key: ${CLAUDE_API_KEY}
      base_url: https://api.anthropic.com
      models: ["claude-*"]
      timeout: 60s               # first_content, idle and non_stream together
  openai-custom:
    - {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(
    text: str, env: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None
) -> GatewayConfig:
    """What `text` describes as config.yaml in the working directory."""
    Path("config.yaml").write_text(text, encoding="utf-8")
    return load(Path("config.yaml"), kinds(), env or {}, options)


def key_from(written: str, env: Mapping[str, str] | None = None) -> str:
    """The key of an entry in which `written` stands for it."""
    api_key = loaded(f"pools:\n  groq:\n    - api_key: {written}\n", env).deployments[0].api_key
    assert api_key is not None
    return api_key.get_secret_value()


def test_the_two_files_are_taken_as_they_are(folder: Path) -> None:
    (folder / "configs").mkdir()
    (folder / "configs" / "provider-pools.yaml").write_text(POOLS)
    config = loaded(CONFIG, {"API_KEY": "client-9f8e", "CLAUDE_API_KEY": "claude-9f8e"})
    assert (config.server.host, config.server.port, config.log.format) == ("0.0.0.0", 3000, "text")  # noqa: S104 - compared
    assert config.secrets == ("client-9f8e", "claude-9f8e")
    assert (config.default_pool, [pool.name for pool in config.pools]) == (
        "claude-custom",
        ["claude-custom", "openai-custom"],
    )
    health = config.health_check
    assert (health.enabled, health.interval, health.max_error_count) == (True, 600, 3)
    targets = {name: tuple(to.target for to in alias.targets) for name, alias in config.models.items()}
    assert targets == {
        "gpt-4": ("openai-custom/gpt-4.1", "claude-custom/claude-sonnet-5-5"),
        "o-*": ("openai-custom",),
    }
    assert config.fallback_chains == {"claude-custom": ("openai-custom",)}
    first, second = config.deployments
    assert (first.id, first.name, first.provider) == ("claude-1", "Primary", "claude-custom")
    assert (first.check_health, first.check_model) == (True, "claude-haiku-5-5")
    assert (first.base_url, first.models) == ("https://api.anthropic.com", ("claude-*",))
    assert first.timeouts == TimeoutOverrides(first_content=60, idle=60, non_stream=60)
    assert (second.id, second.api_key, second.models) == ("openai-custom-1", None, ())
    assert {pool.unknown_models for pool in config.pools} == {"refuse"}


def test_the_least_that_is_a_configuration(folder: Path) -> None:
    config = loaded(DEMO)
    assert (config.server.host, config.auth.open, config.default_pool) == ("127.0.0.1", True, "demo")
    assert (config.timeouts.idle, config.health_check.interval, config.log.level) == (300, 600, "info")


def test_sections_with_nothing_in_them_are_as_good_as_none(folder: Path) -> None:
    empty = "".join(
        f"{name}:\n" for name in ("server", "auth", "log", "models", "timeouts", "fallback_chains")
    )
    assert loaded(empty + DEMO) == loaded(DEMO)


@pytest.mark.parametrize("place", ["pools.yaml", "below/pools.yaml"])
def test_the_pools_file_is_looked_for_here_and_then_beside_the_file_that_names_it(
    folder: Path, place: str
) -> None:
    (folder / "below").mkdir()
    (folder / place).write_text(DEMO)
    (folder / "below" / "config.yaml").write_text("provider_pools_file: pools.yaml\n")
    assert load(Path("below/config.yaml"), kinds(), {}).default_pool == "demo"


def test_the_pools_file_here_wins(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "pools.yaml").write_text(DEMO)
    (folder / "below" / "pools.yaml").write_text("pools: {groq: [{}]}\n")
    (folder / "below" / "config.yaml").write_text("provider_pools_file: pools.yaml\n")
    assert load(folder / "below" / "config.yaml", kinds(), {}).default_pool == "demo"


@pytest.mark.parametrize(
    "value",
    ["a:b", "a#b", "'\"{}[]", "*&!%@`", "- -", "${OTHER}", "null", "true", "0123456789012", "1e9", "~", "<<"],
)
def test_whatever_a_variable_holds_arrives_as_it_is(folder: Path, value: str) -> None:
    value = value.replace(" ", "") + "-9f8e"
    assert key_from("${KEY}", {"KEY": value, "OTHER": "no"}) == value
    assert key_from("'${KEY}'", {"KEY": value}) == value


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("${KEY}", "key-9f8e"),
        ('"${KEY}"', "key-9f8e"),
        ("os.environ/KEY", "key-9f8e"),
        ("env.KEY", "key-9f8e"),
        ("pre-${KEY}-${KEY}", "pre-key-9f8e-key-9f8e"),
        ("${UNSET:-fallback-9f8e}", "fallback-9f8e"),
        ("${EMPTY:-fallback-9f8e}", "fallback-9f8e"),
        ("${KEY:-fallback-9f8e}", "key-9f8e"),
        ("${KEY:-}", "key-9f8e"),
        ("$${KEY}-9f8e", "${KEY}-9f8e"),
        ("a$b", "a$b"),
        ("env.KEY.9f8e", "env.KEY.9f8e"),
        ("0123456789012345678", "0123456789012345678"),
        ("1_000_000_000", "1_000_000_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-20", "2026-11-20"),
        ("9f8e-no", "9f8e-no"),
        ("9f8e#7d6c", "9f8e#7d6c"),
        ("9f8e7d # a comment", "9f8e7d"),
        ("'9f8e: 7d'", None),
    ],
)
def test_a_key_is_what_was_written(folder: Path, written: str, key: str | None) -> None:
    env = {"KEY": "key-9f8e", "EMPTY": ""}
    if key is None:
        with pytest.raises(ConfigError, match="no spaces"):
            key_from(written, env)
    else:
        assert key_from(written, env) == key


def test_a_variable_may_be_kept_in_a_file(folder: Path) -> None:
    (folder / "secret").write_text("key-9f8e\n")
    assert key_from("${KEY}", {"KEY_FILE": "secret"}) == "key-9f8e"


def test_references_in_keys_and_comments_are_left_alone(folder: Path) -> None:
    assert list(loaded("# ${UNSET}\nmodels: {'${UNSET}': demo}\n" + DEMO).models) == ["${UNSET}"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5),
        ("10m", 600),
        ("1h", 3600),
        ("1d", 86400),
        ("1.5h", 5400),
        ("7", 7),
        ('"7 s"', 7),
    ],
)
def test_times_have_units(folder: Path, written: str, seconds: float) -> None:
    assert loaded(f"timeouts: {{idle: {written}}}\n" + DEMO).timeouts.idle == seconds


@pytest.mark.parametrize("word", ["warn", "WARNING", "Warning"])
def test_log_levels_are_taken_as_they_are_meant(folder: Path, word: str) -> None:
    assert loaded(f"log: {{level: {word}}}\n" + DEMO).log.level == "warning"


@pytest.mark.parametrize("written", ["none", "None", "${AUTH:-none}"])
def test_everybody_is_let_in_only_where_it_is_written(folder: Path, written: str) -> None:
    config = loaded(f"server: {{host: 0.0.0.0}}\nauth: '{written}'\n" + DEMO)
    assert (config.auth.open, config.server.host) == (True, "0.0.0.0")  # noqa: S104 - compared


def test_clients_may_have_several_keys(folder: Path) -> None:
    config = loaded("auth:\n  api_key: [one-9f8e, two-9f8e]\n" + DEMO)
    assert config.secrets == ("one-9f8e", "two-9f8e")


def test_a_pool_has_a_long_form(folder: Path) -> None:
    config = loaded(
        "pools:\n"
        "  main:\n"
        "    default_model: m\n"
        "    unknown_models: default\n"
        "    deployments:\n"
        "      - {provider: demo, enabled: no}\n"
        "      - {provider: groq, models: openai/*, timeout: 10m, timeouts: {idle: 1m, connect: 1s}}\n"
    )
    (pool,) = config.pools
    assert (pool.name, pool.default_model, pool.unknown_models) == ("main", "m", "default")
    assert [(member.id, member.provider, member.enabled) for member in pool.deployments] == [
        ("main-1", "demo", False),
        ("main-2", "groq", True),
    ]
    assert pool.deployments[1].models == ("openai/*",)
    assert pool.deployments[1].timeouts == TimeoutOverrides(
        connect=1, first_content=600, idle=60, non_stream=600
    )


def test_a_pool_whose_deployments_are_all_switched_off_is_named(folder: Path) -> None:
    config = loaded("pools: {demo: [{}], groq: [{enabled: false}, {enabled: false}]}\n")
    assert config.idle_pools == ("groq",)


def test_capabilities_are_numbers_switches_and_lists(folder: Path) -> None:
    said = "{max_output: 8192, prefill: false, media: [image], thinking: budget, context: null}"
    (member,) = loaded(f"pools: {{demo: [{{capabilities: {said}}}]}}\n").deployments
    assert member.capabilities == {
        "max_output": 8192,
        "prefill": False,
        "media": ["image"],
        "thinking": "budget",
        "context": None,
    }


def test_what_entries_share_is_said_once(folder: Path) -> None:
    config = loaded(
        "pools:\n"
        "  groq:\n"
        "    - &a {uuid: a, api_key: key-9f8e, timeout: 5s}\n"
        "    - {<<: *a, uuid: b}\n"
        "    - {<<: [{timeout: 9s}, *a], uuid: c}\n"
    )
    assert [member.id for member in config.deployments] == ["a", "b", "c"]
    assert config.secrets == ("key-9f8e",) * 3
    assert [member.timeouts.idle for member in config.deployments] == [5, 5, 9]


def test_options_win_over_the_file(folder: Path) -> None:
    options = {
        "SERVER_HOST": "::1",
        "SERVER_PORT": "8080",
        "LOG_LEVEL": "debug",
        "GATEWAY_CONFIG": "config.yaml",
    }
    config = loaded("server: {host: localhost, port: 1}\nlog: {level: error}\n" + DEMO, options=options)
    assert (config.server.host, config.server.port, config.log.level) == ("::1", 8080, "debug")


def test_an_option_cannot_open_the_gateway_to_the_network(folder: Path) -> None:
    with pytest.raises(ConfigError, match="every caller needs a key"):
        loaded(DEMO, options={"SERVER_HOST": "0.0.0.0"})  # noqa: S104 - refused


def test_variables_that_the_file_does_not_name_change_nothing(folder: Path) -> None:
    env = {"SERVER_PORT": "1", "API_KEY": "x", "OPENAI_API_KEY": "y", "LOG_LEVEL": "debug"}
    assert loaded(DEMO, env) == loaded(DEMO)


def test_a_byte_order_mark_and_lines_of_windows_are_no_obstacle(folder: Path) -> None:
    assert loaded("\ufeffserver:\r\n  port: 81\r\n" + DEMO).server.port == 81


def test_every_provider_can_name_a_pool_and_no_route_can() -> None:
    known = kinds()
    assert known.providers.keys().isdisjoint(known.reserved)
    assert {"v1", "v1beta", "anthropic", "api", "health", "livez", "readyz", "metrics"} <= known.reserved
