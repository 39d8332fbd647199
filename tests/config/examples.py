"""The files in configs/, behind whose upstreams fakes stand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp

from gateway.cli.kinds import kinds
from gateway.config.load import load
from gateway.config.members import DeploymentConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import running
from tests.upstreams import FakeUpstream, Play, completion

Post: TypeAlias = Callable[..., Awaitable[tuple[int, Any]]]

CONFIGS = Path(__file__).parents[2] / "configs"
KEYS = {
    name: f"{name.lower()}-9f8e7d"
    for name in (
        "API_KEY",
        "BAIDU_KEY_1",
        "BAIDU_KEY_2",
        "CLAUDE_API_KEY",
        "GEMINI_API_KEY",
        "GEMINI_API_KEY_1",
        "GEMINI_API_KEY_2",
        "GEMINI_KEY_1",
        "GROQ_API_KEY",
        "MODELSCOPE_KEY_1",
        "MODELSCOPE_KEY_2",
        "MODELSCOPE_KEY_3",
        "OPENAI_API_KEY",
        "OPENAI_API_KEY_1",
        "OPENAI_KEY_A",
        "OPENAI_KEY_B",
        "OPENAI_KEY_C",
        "SILICONFLOW_KEY",
        "SITE_A_KEY",
        "SITE_B_KEY",
        "SITE_C_KEY",
        "ZHIPUAI_API_KEY_1",
        "ZHIPU_BASIC_KEY",
        "ZHIPU_KEY_1",
        "ZHIPU_PRO_KEY",
    )
}
ANSWER = Play([completion("hello")], content_type="application/json")
GEMINI = Play(
    [b'{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP"}]}'],
    content_type="application/json",
)
LIMITED = Play(
    [b'{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}'],
    status=429,
    content_type="application/json",
)
BROKEN = Play([b'{"error":{"message":"broken"}}'], status=500, content_type="application/json")
OVERLOADED = Play(
    [b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'],
    status=529,
    content_type="application/json",
)


def example(name: str, **more: str) -> GatewayConfig:
    """The file `name`, with all keys that it may want and `more` variables."""
    return load(CONFIGS / name, kinds(), {**KEYS, **more})


def redirected(config: GatewayConfig, urls: Mapping[str, str]) -> GatewayConfig:
    """`config` with the fakes at `urls` (by the id of a deployment, or a provider) for its upstreams."""

    def member(entry: DeploymentConfig) -> DeploymentConfig:
        url = urls.get(entry.id) or urls.get(entry.provider)
        return entry if url is None else entry.model_copy(update={"base_url": url})

    pools = tuple(
        pool.model_copy(update={"deployments": tuple(map(member, pool.deployments))}) for pool in config.pools
    )
    return config.model_copy(update={"pools": pools})


@asynccontextmanager
async def posting(config: GatewayConfig, **fakes: FakeUpstream) -> AsyncIterator[Post]:
    """A function that posts to a gateway which `config` describes, `fakes` standing for its deployments or
    providers.
    """
    urls = {name.replace("_", "-"): fake.url for name, fake in fakes.items()}
    async with running(redirected(config, urls)) as gateway, aiohttp.ClientSession(gateway) as session:

        async def post(path: str, model: str, key: str | None = None, **more: object) -> tuple[int, Any]:
            messages = [{"role": "user", "content": "hi"}]
            body = {"model": model, "max_tokens": 9, "messages": messages, **more}
            headers = {} if key is None else {"authorization": f"Bearer {key}"}
            async with session.post(path, json=body, headers=headers) as reply:
                return reply.status, await reply.json()

        yield post


def names(fake: FakeUpstream) -> list[str]:
    """The models that a fake was asked for."""
    return [heard.json["model"] for heard in fake.heard]
