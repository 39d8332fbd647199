"""Gateways in front of one upstream of any protocol."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from tests.corpus.recordings import Recording
from tests.gateways import configured, pool

PROVIDERS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("claude-custom", ""),
    "gemini": ("gemini", ""),
    "ollama": ("ollama", ""),
    "openai_chat": ("openai-custom", "/v1"),
}
"""By protocol: the provider that speaks it, and where its base URL ends."""


def route(recording: Recording) -> str:
    """The path at which a gateway is asked what was recorded."""
    match recording.protocol, recording.endpoint:
        case "anthropic", _:
            return "/v1/messages"
        case "openai_chat", _:
            return "/v1/chat/completions"
        case "gemini", verb:
            framing = "?alt=sse" if recording.stream and recording.framing != "json_array" else ""
            return f"/v1beta/models/{quote(recording.model)}:{verb}{framing}"
        case _, verb:
            return f"/ollama/api/{verb}"


def asked(recording: Recording) -> dict[str, Any]:
    """The recorded body, as a gateway is sent it there."""
    assert recording.request is not None
    named = {} if recording.protocol == "gemini" else {"model": recording.model}
    return {**named, **recording.request}


def any_model(protocol: str, url: str) -> GatewayConfig:
    """In front of the upstream at `url`, which speaks `protocol` and knows whatever model is asked for."""
    provider, suffix = PROVIDERS[protocol]
    return configured(pool("the-pool", provider, url + suffix))


def one_model(protocol: str, url: str, model: str) -> GatewayConfig:
    """In front of the upstream at `url`, which speaks `protocol` and knows `model` alone; whoever asks for
    another is given that one.
    """
    provider, suffix = PROVIDERS[protocol]
    deployment = DeploymentConfig(
        id="the-deployment",
        provider=provider,
        base_url=url + suffix,
        api_key=SecretStr("recordings-key-5e0a"),
        models=(model,),
    )
    only = PoolConfig(
        name="the-pool", deployments=(deployment,), default_model=model, unknown_models="default"
    )
    return configured(only)
