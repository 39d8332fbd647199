"""The files in configs/ are true: each loads, does what it says, and nothing that can be set is left out."""

import re
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.document import DeploymentDocument, GatewayDocument, PoolDocument
from gateway.config.environment import from_environment
from gateway.config.load import load
from gateway.config.schema import HealthCheckConfig, LogConfig, ServerConfig, TimeoutsConfig
from tests.config.examples import ANSWER, BROKEN, CONFIGS, KEYS, OVERLOADED, example, names, posting
from tests.upstreams import playing


def uncommented(text: str) -> str:
    """What stands behind a # without a space, or with an indentation, is configuration too."""
    return re.sub(r"^#(?=\S|  )", "", text, flags=re.MULTILINE)


def test_every_file_is_tried_here_or_among_the_samples() -> None:
    here = Path(__file__)
    tests = "".join(file.read_text("utf-8") for file in (here, here.with_name("test_samples.py")))
    tried = set(re.findall(r'example\("([a-z-]+\.yaml)"', tests))
    read_by_others = {"provider-pools.yaml", "gemini-first-pools.yaml"}
    assert {file.name for file in CONFIGS.glob("*.yaml")} == tried | read_by_others


def test_the_configuration_file_as_it_stands_changes_nothing() -> None:
    config = example("config.yaml")
    assert (config.server, config.log, config.health_check, config.timeouts) == (
        ServerConfig(),
        LogConfig(),
        HealthCheckConfig(),
        TimeoutsConfig(),
    )
    assert config.auth.open


def test_the_configuration_file_names_every_setting() -> None:
    written = (CONFIGS / "config.yaml").read_text("utf-8")
    elsewhere = {"pools", "fallback_chains"}
    top = GatewayDocument.model_fields.keys() - elsewhere
    server = {name.removesuffix("_s") for name in ServerConfig.model_fields}
    below = {*server, *LogConfig.model_fields, *HealthCheckConfig.model_fields, *TimeoutsConfig.model_fields}
    for name in {*top, *below, "api_key"}:
        assert re.search(rf"^[# ]*(timeouts: {{.*)?{name}: ?", written, re.MULTILINE), name


def test_the_pools_file_names_every_setting() -> None:
    written = (CONFIGS / "provider-pools.yaml").read_text("utf-8")
    for name in {*DeploymentDocument.model_fields, *PoolDocument.model_fields, "fallback_chains", "pools"}:
        assert re.search(rf"\b{name}: ?", written), name
    for name in kinds().providers:
        assert re.search(rf"\b{name}\b", written), name


def test_the_lines_in_the_pools_file_work_once_they_are_wanted(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(uncommented((CONFIGS / "provider-pools.yaml").read_text("utf-8")))
    (tmp_path / "siliconflow-keys.txt").write_text("# both of them\n\nkey-9f4c\nkey-1b7d\n")
    config = from_environment({**KEYS, "PROVIDER_POOLS_FILE": str(file)}, kinds())
    assert [pool.name for pool in config.pools] == [
        "demo",
        "claude-custom",
        "siliconflow",
        "everyday",
        "free",
    ]
    assert [member.id for member in config.pools[2].deployments] == ["siliconflow-1-1", "siliconflow-1-2"]
    assert config.fallback_chains == {"claude-custom": ("everyday",)}


def test_the_mappings_in_the_configuration_file_work_once_they_are_wanted(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    written = uncommented((CONFIGS / "config.yaml").read_text("utf-8")).partition("timeouts:")[0]
    mappings = written[written.index("\nmodels:") :]
    file.write_text(f"{mappings}\npools: {{claude-custom: [{{}}], openai-custom: [{{}}]}}\n")
    config = load(file, kinds(), KEYS)
    assert list(config.models) == ["gpt-4", "claude-*", "keyword:gpt", "careful"]
    [careful] = config.models["careful"].targets
    assert (careful.defaults.temperature, careful.force.reasoning_effort) == (0.2, "high")
    assert (careful.remove, careful.extras) == (("top_k", "tools", "store"), {"disable_search": True})
    assert careful.system is not None
    assert careful.system.before == "Answer in English."


async def test_the_configuration_file_serves_the_demo_model() -> None:
    async with posting(example("config.yaml")) as post:
        status, reply = await post("/v1/messages", "demo")
    assert (status, reply["type"]) == (200, "message")


async def test_the_pools_file_alone_serves_the_demo_model() -> None:
    env = {"PROVIDER_POOLS_FILE": str(CONFIGS / "provider-pools.yaml")}
    async with posting(from_environment(env, kinds())) as post:
        status, reply = await post("/v1/chat/completions", "demo")
    assert (status, reply["object"]) == (200, "chat.completion")


async def test_claude_code_gets_models_of_openai() -> None:
    async with playing(ANSWER) as fake:
        config = example("claude-code-on-openai.yaml")
        async with posting(config, openai_custom=fake) as post:
            status, reply = await post("/v1/messages", "claude-sonnet-5-5")
            await post("/v1/messages", "claude-haiku-5-5")
    assert (status, reply["type"], reply["content"][0]["text"]) == (200, "message", "hello")
    assert names(fake) == ["gpt-5.5", "gpt-5.4-mini"]
    assert {heard.headers["Authorization"] for heard in fake.heard} == {f"Bearer {KEYS['OPENAI_API_KEY']}"}


async def test_many_keys_take_turns_behind_the_gateways_own() -> None:
    async with playing(ANSWER) as fake:
        async with posting(example("many-keys.yaml"), openai_custom=fake) as post:
            statuses = [(await post("/v1/chat/completions", "gpt-5.5", KEYS["API_KEY"]))[0] for _ in range(3)]
            unknown = await post("/v1/chat/completions", "llama-9", KEYS["API_KEY"])
            refused, _ = await post("/v1/chat/completions", "gpt-5.5", "another-key")
    assert (statuses, unknown[0], refused) == ([200, 200, 200], 200, 401)
    sent = [heard.headers["Authorization"] for heard in fake.heard[:3]]
    assert sorted(sent) == [f"Bearer {KEYS[f'OPENAI_KEY_{letter}']}" for letter in "ABC"]
    assert names(fake)[3] == "gpt-5.4-mini"


async def test_local_models_answer_to_any_name_and_get_no_key() -> None:
    asked = {
        "claude-sonnet-5-5": "qwen3-coder:30b",
        "gpt-4": "qwen3-coder:30b",
        "llama3.3": "llama3.3",
        "desk/gemma3": "gemma3",
        "anything": "qwen3-coder:30b",
    }
    async with playing(ANSWER) as fake:
        async with posting(example("local-models.yaml"), openai_custom=fake) as post:
            statuses = [(await post("/v1/chat/completions", model))[0] for model in asked]
    assert statuses == [200] * len(asked)
    assert names(fake) == list(asked.values())
    assert all("Authorization" not in heard.headers for heard in fake.heard)


async def test_chains_lead_on_when_a_pool_fails() -> None:
    async with playing(OVERLOADED) as claude, playing(ANSWER, BROKEN) as openai, playing(ANSWER) as groq:
        async with posting(
            example("chains.yaml"), claude_custom=claude, openai_custom=openai, groq=groq
        ) as post:
            replies = [await post("/v1/messages", "claude-sonnet-5-5") for _ in range(2)]
            quick, _ = await post("/v1/chat/completions", "quick")
    assert [(status, reply["type"]) for status, reply in replies] == [(200, "message")] * 2
    assert quick == 200
    assert names(claude)[0] == "claude-sonnet-5-5"
    assert names(openai) == ["gpt-5.5", "gpt-5.5"]
    assert names(groq) == ["openai/gpt-oss-120b"] * 2


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.name)
def test_no_key_stands_in_a_file(file: Path) -> None:
    keys = re.findall(r"api_key: *([^\s}#,]+)", file.read_text("utf-8"))
    assert all("${" in key for key in keys)
