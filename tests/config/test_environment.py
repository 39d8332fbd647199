"""Configuration from variables."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config import environment
from gateway.config.errors import ConfigError
from gateway.config.members import PoolConfig
from gateway.config.schema import GatewayConfig

CLAUDE = "sk-ant-REDACTED"
OPENAI = "sk-proj-1a2b3c4d5e6f7a8b"
CLIENT = "9f3c5b7a1e2d4c6b8a0f"


def from_environment(env: Mapping[str, str], *, program: str = "gateway") -> GatewayConfig:
    return environment.from_environment(env, kinds(), program=program)


def keys_of(pool: PoolConfig) -> list[str | None]:
    return [
        member.api_key.get_secret_value() if member.api_key is not None else None
        for member in pool.deployments
    ]


def pool_names(config: GatewayConfig) -> list[str]:
    return [pool.name for pool in config.pools]


def test_without_any_variable_the_demo_model_answers_this_machine_only() -> None:
    config = from_environment({})
    assert pool_names(config) == ["demo"]
    assert config.default_pool == "demo"
    (member,) = config.deployments
    assert (member.id, member.provider, member.api_key, member.models) == ("demo", "demo", None, ())
    assert (config.server.host, config.server.port, config.auth.open) == ("127.0.0.1", 3000, True)


def test_a_key_makes_a_pool_of_its_provider_and_no_demo() -> None:
    config = from_environment({"OPENAI_API_KEY": OPENAI})
    assert pool_names(config) == ["openai-custom"]
    assert keys_of(config.pools[0]) == [OPENAI]
    assert config.deployments[0].base_url is None
    assert config.deployments[0].models == ()


def test_claude_comes_first_where_both_have_keys() -> None:
    config = from_environment({"OPENAI_API_KEY": OPENAI, "ANTHROPIC_API_KEY": CLAUDE})
    assert pool_names(config) == ["claude-custom", "openai-custom"]
    assert config.default_pool == "claude-custom"


@pytest.mark.parametrize("name", ["CLAUDE_API_KEY", "ANTHROPIC_API_KEY"])
def test_both_names_of_the_claude_key_count(name: str) -> None:
    assert keys_of(from_environment({name: CLAUDE}).pools[0]) == [CLAUDE]


def test_numbered_keys_and_lists_are_one_pool_in_the_order_of_their_numbers() -> None:
    config = from_environment(
        {
            "OPENAI_API_KEY_10": "key-j0",
            "OPENAI_API_KEY_2": "key-b0, key-c0 ,",
            "OPENAI_API_KEY_1": "key-a0",
            "OPENAI_API_KEY": "key-00",
            "OPENAI_API_KEY_X": "no-key",
        }
    )
    assert keys_of(config.pools[0]) == ["key-00", "key-a0", "key-b0", "key-c0", "key-j0"]
    assert [member.id for member in config.deployments] == [f"openai-custom-{n}" for n in range(1, 6)]


def test_the_same_key_under_two_names_is_one_deployment() -> None:
    config = from_environment(
        {"CLAUDE_API_KEY": CLAUDE, "ANTHROPIC_API_KEY": CLAUDE, "CLAUDE_API_KEY_1": CLAUDE}
    )
    assert keys_of(config.pools[0]) == [CLAUDE]


def test_a_base_url_without_a_key_is_a_server_that_asks_for_none() -> None:
    config = from_environment({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1/"})
    (member,) = config.deployments
    assert (member.provider, member.base_url, member.api_key) == (
        "openai-custom",
        "http://127.0.0.1:11434/v1",
        None,
    )


def test_a_lone_server_of_ones_own_is_asked_for_any_model() -> None:
    config = from_environment({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"})
    assert config.deployments[0].models == ("*",)


def test_beside_another_pool_a_server_of_ones_own_takes_no_names_from_it() -> None:
    config = from_environment(
        {
            "ANTHROPIC_BASE_URL": "https://claude.example.com",
            "ANTHROPIC_API_KEY": CLAUDE,
            "OPENAI_API_KEY": OPENAI,
        }
    )
    assert [member.models for member in config.deployments] == [(), ()]
    assert [member.base_url for member in config.deployments] == ["https://claude.example.com", None]


@pytest.mark.parametrize("blank", ["", "   "])
def test_empty_variables_count_as_unset(blank: str) -> None:
    names = ("API_KEY", "SERVER_HOST", "SERVER_PORT", "LOG_LEVEL", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    assert from_environment(dict.fromkeys(names, blank)) == from_environment({})


def test_client_keys_close_the_gateway() -> None:
    config = from_environment({"API_KEY": f" {CLIENT} ", "API_KEY_1": "second-9f3c,third-9f3c"})
    assert [key.get_secret_value() for key in config.auth.api_keys] == [CLIENT, "second-9f3c", "third-9f3c"]
    assert not config.auth.open


def test_host_port_and_level_are_taken() -> None:
    config = from_environment(
        {"SERVER_HOST": "[::1]", "SERVER_PORT": "8080", "LOG_LEVEL": "Warn", "API_KEY": CLIENT}
    )
    assert (config.server.host, config.server.port, config.log.level) == ("::1", 8080, "warning")


def test_the_number_of_workers_is_taken() -> None:
    assert from_environment({}).server.workers == 1
    assert from_environment({"SERVER_WORKERS": "4"}).server.workers == 4


@pytest.mark.parametrize("workers", ["0", "65", "-1", "2.0", "two"])
def test_a_number_of_workers_that_is_none_is_refused(workers: str) -> None:
    with pytest.raises(ConfigError, match=r"^SERVER_WORKERS .*from 1 to 64"):
        from_environment({"SERVER_WORKERS": workers})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "gateway.internal"])  # noqa: S104 - not bound
def test_beyond_this_machine_a_client_key_is_required(host: str) -> None:
    with pytest.raises(ConfigError, match=r"^API_KEY: "):
        from_environment({"SERVER_HOST": host, "OPENAI_API_KEY": OPENAI})
    assert from_environment({"SERVER_HOST": host, "API_KEY": CLIENT}).server.host == host


def test_the_command_in_that_refusal_would_do() -> None:
    env = {"SERVER_HOST": "0.0.0.0", "SERVER_PORT": "8080"}  # noqa: S104 - not bound
    with pytest.raises(ConfigError) as refusal:
        from_environment(env, program="true")
    command = str(refusal.value).partition("run: ")[2]
    shown = subprocess.run(  # noqa: S602 - the shell is what an operator pastes it into
        f"{command}; echo $API_KEY", shell=True, capture_output=True, text=True, check=True
    )
    assert "SERVER_HOST=0.0.0.0 SERVER_PORT=8080 true serve" in command
    assert not from_environment({**env, "API_KEY": shown.stdout.strip()}).auth.open


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "3000.0", "1e3", "٣٠٠٠", "0x10"])
def test_a_port_is_a_number_in_range(port: str) -> None:
    with pytest.raises(ConfigError, match=r"^SERVER_PORT .*from 1 to 65535"):
        from_environment({"SERVER_PORT": port})


def test_an_unknown_log_level_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"^LOG_LEVEL .*debug, info, warning, error"):
        from_environment({"LOG_LEVEL": "loud"})


def test_a_bad_host_is_named_by_its_variable() -> None:
    with pytest.raises(ConfigError, match=r"^SERVER_HOST .*host name or an IP address"):
        from_environment({"SERVER_HOST": "http://localhost"})


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"])
def test_a_bad_base_url_is_named_by_its_variable_and_not_echoed(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: ") as refusal:
        from_environment({name: "https://user:planted@example.com"})
    assert "planted" not in str(refusal.value)


@pytest.mark.parametrize(
    "name",
    ["API_KEY", "API_KEY_3", "OPENAI_API_KEY", "CLAUDE_API_KEY_2", "ANTHROPIC_API_KEY"],
)
def test_an_example_key_is_refused_by_the_name_of_its_variable(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: this is an example key"):
        from_environment({name: "sk-your-key"})


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("OPENAI_BASE_URL", "http://127.0.0.1:3000/v1"),
        ("OPENAI_BASE_URL", "http://localhost:3000"),
        ("ANTHROPIC_BASE_URL", "http://[::1]:3000"),
    ],
)
def test_a_base_url_that_leads_back_here_is_refused(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: this is the gateway's own address"):
        from_environment({name: url})
    assert from_environment({name: url, "SERVER_PORT": "3001"}).deployments[0].base_url == url


def test_variables_of_others_are_left_alone() -> None:
    assert from_environment({"HOME": "/root", "API_KEYS": "x", "MY_OPENAI_API_KEY": "y"}) == from_environment(
        {}
    )


def test_every_provider_has_variables_of_its_own() -> None:
    facts = kinds().providers.values()
    names = [name for fact in facts for name in (*fact.key_variables, fact.base_url_variable) if name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "provider", ["cerebras", "deepseek", "groq", "mistral", "openrouter", "siliconflow", "xai"]
)
def test_a_key_of_a_compatible_host_makes_its_pool(provider: str) -> None:
    config = from_environment(
        {f"{provider.upper()}_API_KEY_2": "key-b0", f"{provider.upper()}_API_KEY": "key-a0"}
    )
    assert pool_names(config) == [provider]
    assert keys_of(config.pools[0]) == ["key-a0", "key-b0"]
    assert {member.provider for member in config.deployments} == {provider}


def test_pools_of_the_environment_serve_unknown_names_by_their_default() -> None:
    assert from_environment({"GROQ_API_KEY": "key-a0"}).pools[0].unknown_models == "default"


def test_the_default_pool_can_be_chosen() -> None:
    env = {"OPENAI_API_KEY": OPENAI, "ANTHROPIC_API_KEY": CLAUDE, "MODEL_PROVIDER": "openai-custom"}
    assert from_environment(env).default_pool == "openai-custom"


def test_a_default_pool_that_is_not_there_is_answered_with_the_nearest() -> None:
    env = {"OPENAI_API_KEY": OPENAI, "MODEL_PROVIDER": "openai-costum"}
    with pytest.raises(ConfigError, match=r"^MODEL_PROVIDER: .*did you mean openai-custom\?") as refusal:
        from_environment(env)
    assert "costum" not in str(refusal.value)


def test_a_value_may_be_kept_in_a_file(tmp_path: Path) -> None:
    several, one = tmp_path / "several", tmp_path / "one"
    several.write_text("key-a0\nkey-b0\n")
    one.write_text(f"  {CLIENT}\r\n")
    config = from_environment(
        {"OPENAI_API_KEY_FILE": str(several), "OPENAI_API_KEY_7_FILE": str(one), "API_KEY_FILE": str(one)}
    )
    assert keys_of(config.pools[0]) == ["key-a0", "key-b0", CLIENT]
    assert [key.get_secret_value() for key in config.auth.api_keys] == [CLIENT]


def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"a" * 100_000)
    for file in ("binary", "large", "missing", "."):
        with pytest.raises(ConfigError, match=r"^API_KEY_FILE: the file "):
            from_environment({"API_KEY_FILE": str(tmp_path / file)})


def test_a_value_and_a_file_for_it_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^API_KEY: API_KEY_FILE is set as well"):
        from_environment({"API_KEY": CLIENT, "API_KEY_FILE": str(tmp_path)})


def test_a_pools_file_takes_the_place_of_keys(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(
        "fallback_chains: {one: two}\n"
        "pools:\n"
        "  one: [{provider: openai-custom, api_key: env.OPENAI_API_KEY}]\n"
        "  two: [{provider: demo}]\n"
    )
    config = from_environment(
        {"PROVIDER_POOLS_FILE": str(file), "OPENAI_API_KEY": OPENAI, "GROQ_API_KEY": CLAUDE}
    )
    assert pool_names(config) == ["one", "two"]
    assert keys_of(config.pools[0]) == [OPENAI]
    assert config.fallback_chains == {"one": ("two",)}
    assert config.default_pool == "one"


def test_a_pools_file_without_pools_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools:\n")
    with pytest.raises(ConfigError, match=r"^PROVIDER_POOLS_FILE: there are no pools"):
        from_environment({"PROVIDER_POOLS_FILE": str(file)})


def test_mistakes_in_a_pools_file_are_told_by_place(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools:\n  main: [{base_url: http://localhost:3000}]\nchains: {}\n")
    with pytest.raises(ConfigError, match=r"pools\.yaml:3:1: .*unknown key"):
        from_environment({"PROVIDER_POOLS_FILE": str(file)})
    file.write_text("pools:\n  main: [{provider: groq, base_url: http://localhost:3000}]\n")
    with pytest.raises(ConfigError, match=r"pools\.yaml:2:37: .*own address"):
        from_environment({"PROVIDER_POOLS_FILE": str(file)})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:8080/ollama/", "http://gpu-box:8080/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - a place to reach
        (":11435", "http://127.0.0.1:11435"),
        ("[::]:11435", "http://[::1]:11435"),
        ("https://ollama.example", "https://ollama.example"),
    ],
)
def test_ollamas_host_is_taken_as_ollama_takes_it(said: str, meant: str) -> None:
    (pool,) = from_environment({"OLLAMA_HOST": said}).pools
    assert (pool.name, pool.deployments[0].base_url, pool.deployments[0].models) == ("ollama", meant, ("*",))


@pytest.mark.parametrize("said", ["gpu-box:many", "me:word@gpu-box", "http://localhost:3000/ollama"])
def test_a_host_that_is_none_is_refused_by_name(said: str) -> None:
    with pytest.raises(ConfigError, match=r"^OLLAMA_HOST: "):
        from_environment({"OLLAMA_HOST": said})
