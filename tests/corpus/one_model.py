"""A gateway that has one model, at an upstream of either protocol, and gives it to whoever asks for any."""

from collections.abc import Mapping

from pydantic import SecretStr

from gateway.config.schema import DeploymentConfig, GatewayConfig, PoolConfig
from tests.gateways import configured

PROVIDERS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("claude-custom", ""),
    "openai_chat": ("openai-custom", "/v1"),
}
"""By protocol: the provider that speaks it, and where its base URL ends."""


def one_model(protocol: str, url: str, model: str) -> GatewayConfig:
    """In front of the upstream at `url`, which speaks `protocol` and knows `model` alone."""
    provider, suffix = PROVIDERS[protocol]
    deployment = DeploymentConfig(
        id="the-deployment",
        provider=provider,
        base_url=url + suffix,
        api_key=SecretStr("recordings-key-5e0a"),
        models=(model,),
    )
    pool = PoolConfig(
        name="the-pool", deployments=(deployment,), default_model=model, unknown_models="default"
    )
    return configured(pool)
