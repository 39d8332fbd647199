"""The samples that other pool managers ship, said in our words: each loads, and does as they do."""

from collections import Counter
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.errors import ConfigError
from gateway.config.load import load
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of
from gateway.providers.transport import AiohttpTransport, Connector
from tests.config.examples import (
    ANSWER,
    BROKEN,
    CONFIGS,
    GEMINI,
    KEYS,
    LIMITED,
    OVERLOADED,
    Post,
    example,
    names,
    posting,
)
from tests.upstreams import FakeUpstream, playing

CHAT = "/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


async def chats(
    post: Post, model: str, count: int = 1, key: str | None = KEYS["API_KEY"], **more: object
) -> None:
    """So many requests for `model`, one after the other, all answered."""
    for _ in range(count):
        status, reply = await post(CHAT, model, key, **more)
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "hello")


def bearers(fake: FakeUpstream) -> Counter[str]:
    """How often each key was shown."""
    return Counter(heard.headers["authorization"].removeprefix("Bearer ") for heard in fake.heard)


def tried(fake: FakeUpstream) -> list[tuple[str, str]]:
    """What a fake was asked of Gemini's models, by which key."""
    return [
        (heard.path.rpartition("/")[2].partition(":")[0], heard.headers["x-goog-api-key"])
        for heard in fake.heard
    ]


async def deployments(config: GatewayConfig, pool: str) -> list[str]:
    """Those of `pool`, made."""
    async with Connector(1) as connector:
        return [member.id for member in pools_of(config, AiohttpTransport(connector))[pool].members]


def test_two_files_say_all_that_aipool_says_in_them() -> None:
    config = example("gemini-first.yaml")
    assert (config.server.host, config.server.port) == ("0.0.0.0", 3000)  # noqa: S104 - as the sample has it
    assert (config.log.level, config.log.format) == ("info", "text")
    assert (config.health_check.interval, config.health_check.max_error_count) == (600, 3)
    assert [key.get_secret_value() for key in config.auth.api_keys] == [KEYS["API_KEY"]]
    assert config.default_pool == "gemini"
    assert config.fallback_chains == {"gemini": ("claude-custom", "openai-custom")}
    first = config.pools[0].deployments[0]
    assert (first.id, first.name, first.check_model) == ("gemini-1", "First account", "gemini-2.5-flash")
    assert [(entry.check_health, entry.enabled) for entry in config.deployments] == [(True, True)] * 3 + [
        (False, True)
    ]


async def test_the_least_recently_used_account_serves_names_that_nobody_claims() -> None:
    async with playing(GEMINI) as gemini:
        async with posting(example("gemini-first.yaml"), gemini=gemini) as post:
            await chats(post, "any-model", 4)
            refused, _ = await post(CHAT, "any-model", "another-key")
    assert refused == 401
    first, second = KEYS["GEMINI_API_KEY_1"], KEYS["GEMINI_API_KEY_2"]
    assert tried(gemini) == [("gemini-2.5-flash", key) for key in (first, second, first, second)]


async def test_claude_and_then_openai_stand_in_for_gemini() -> None:
    async with playing(LIMITED) as gemini, playing(OVERLOADED) as claude, playing(ANSWER) as openai:
        config = example("gemini-first.yaml")
        async with posting(config, gemini=gemini, claude_custom=claude, openai_custom=openai) as post:
            await chats(post, "gemini-2.5-pro")
    assert (len(gemini.heard), len(claude.heard), len(openai.heard)) == (2, 1, 1)


async def test_sites_share_a_model_by_their_weights() -> None:
    async with playing(ANSWER) as a, playing(ANSWER) as b, playing(ANSWER) as c:
        async with posting(example("weighted-sites.yaml"), site_a=a, site_b=b, site_c=c) as post:
            await chats(post, "gpt-4", 15)
            assert (len(a.heard), len(b.heard), len(c.heard)) == (10, 5, 0)
            await chats(post, "gpt-3.5", 11)
    assert (len(a.heard), len(b.heard), len(c.heard)) == (20, 5, 1)
    assert names(c) == ["gpt-3.5-turbo"]


async def test_a_site_that_fails_is_left_alone_and_the_other_names_of_a_model_are_tried() -> None:
    async with playing(BROKEN, ANSWER) as a, playing(BROKEN) as b:
        async with posting(example("weighted-sites.yaml"), site_a=a, site_b=b) as post:
            await chats(post, "gpt-4", 3)
    assert names(a) == ["gpt-4", *["gpt-4-turbo"] * 3]
    assert names(b) == ["gpt-4"]


async def test_a_site_that_is_broken_is_asked_once_and_another_has_its_share() -> None:
    async with playing(BROKEN) as a, playing(ANSWER) as b:
        async with posting(example("weighted-sites.yaml"), site_a=a, site_b=b) as post:
            await chats(post, "gpt-4", 6)
            await chats(post, "claude-3-opus")
    assert names(a) == ["gpt-4"]
    assert names(b) == [*["gpt-4"] * 6, "claude-3-opus-20240229"]


async def test_keys_and_vendors_have_the_shares_of_their_weights() -> None:
    async with playing(ANSWER) as zhipu, playing(ANSWER) as baidu:
        fakes = {"zhipu_pro": zhipu, "zhipu_basic": zhipu, "baidu_1": baidu, "baidu_2": baidu}
        async with posting(example("weighted-keys.yaml"), **fakes) as post:
            await chats(post, "chat", 38, None)
    shares = {**bearers(zhipu), **bearers(baidu)}
    weights = {"ZHIPU_PRO_KEY": 3, "ZHIPU_BASIC_KEY": 2, "BAIDU_KEY_1": 3, "BAIDU_KEY_2": 1.5}
    assert shares == {KEYS[name]: 4 * weight for name, weight in weights.items()}
    assert (set(names(zhipu)), set(names(baidu))) == ({"glm-4-flash"}, {"ernie-4.5-turbo-128k"})
    assert {heard.json["temperature"] for heard in baidu.heard} == {0.7}
    assert {heard.json["disable_search"] for heard in baidu.heard} == {False}


async def test_of_the_keys_of_one_model_sixty_percent_go_to_the_better_one() -> None:
    async with playing(ANSWER) as zhipu, playing(ANSWER) as baidu:
        fakes = {"zhipu_pro": zhipu, "zhipu_basic": zhipu, "baidu_1": baidu, "baidu_2": baidu}
        async with posting(example("weighted-keys.yaml"), **fakes) as post:
            await chats(post, "glm-4-flash", 10, None)
            assert bearers(zhipu) == {KEYS["ZHIPU_PRO_KEY"]: 6, KEYS["ZHIPU_BASIC_KEY"]: 4}
            await chats(post, "chat", 5, None, tools=[TOOL])
    assert (len(zhipu.heard), len(baidu.heard)) == (15, 0)


async def test_every_numbered_key_is_as_many_deployments_as_it_has_models() -> None:
    made = Counter(
        name.partition(":")[0] for name in await deployments(example("numbered-keys.yaml"), "free")
    )
    assert made == {"gemini-1": 3, "gemini-2": 3, "openai-1": 1, "zhipu-1": 2}


async def test_numbered_keys_and_their_models_are_tried_by_priority_to_the_last() -> None:
    async with playing(LIMITED) as gemini, playing(LIMITED) as openai, playing(LIMITED, ANSWER) as zhipu:
        fakes = {"gemini": gemini, "openai_1": openai, "zhipu_1": zhipu}
        async with posting(example("numbered-keys.yaml"), **fakes) as post:
            await chats(post, "gpt-4o", key=None)
            asked = (len(gemini.heard), len(openai.heard), len(zhipu.heard))
            await chats(post, "free", key=None)
    keys = KEYS["GEMINI_API_KEY_1"], KEYS["GEMINI_API_KEY_2"]
    models = "gemma-3-27b-it", "gemini-2.5-flash-lite", "gemini-2.5-flash"
    assert tried(gemini) == [(model, key) for model in models for key in keys]
    assert names(openai) == ["gpt-4o"]
    assert names(zhipu) == ["glm-4.5-flash", "glm-4.5", "glm-4.5"]
    assert zhipu.heard[0].json["thinking"] == {"type": "disabled"}
    assert asked == (6, 1, 2)


def test_a_numbered_key_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match="GEMINI_API_KEY_2"):
        load(CONFIGS / "numbered-keys.yaml", kinds(), {**KEYS, "GEMINI_API_KEY_2": ""})


@pytest.fixture
def siliconflow_keys(tmp_path: Path) -> str:
    """A file with two keys."""
    file = tmp_path / "keys.txt"
    file.write_text("# bought in May\nsiliconflow-key-a-9f8e7d\nsiliconflow-key-b-9f8e7d\n")
    file.chmod(0o600)
    return str(file)


async def test_what_is_free_is_used_before_what_costs(siliconflow_keys: str) -> None:
    config = example("free-first.yaml", SILICONFLOW_KEYS=siliconflow_keys)
    assert len(await deployments(config, "modelscope")) == 9
    assert len(await deployments(config, "siliconflow")) == 3
    async with (
        playing(*[ANSWER] * 20, LIMITED) as modelscope,
        playing(ANSWER, BROKEN) as zhipu,
        playing(GEMINI, LIMITED) as gemini,
        playing(ANSWER) as siliconflow,
    ):
        fakes = {f"modelscope_{number}": modelscope for number in (1, 2, 3)}
        fakes |= {"zhipu_1": zhipu, "gemini_1": gemini, "siliconflow": siliconflow}
        async with posting(config, **fakes) as post:
            await chats(post, "big", 20, None)
            assert bearers(modelscope) == {KEYS["MODELSCOPE_KEY_1"]: 15, KEYS["MODELSCOPE_KEY_2"]: 5}
            assert list(Counter(names(modelscope)).values()) == [10, 5, 5]
            await chats(post, "big", 3, None)
    assert len(modelscope.heard) == 20 + 9
    assert (len(zhipu.heard), len(gemini.heard), len(siliconflow.heard)) == (2, 2, 1)
    assert bearers(siliconflow) == {"siliconflow-key-a-9f8e7d": 1}
