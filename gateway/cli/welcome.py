"""What is printed when the gateway is ready: what it serves, and lines to paste for the first clients.

Never a key: `$API_KEY` stands for one.
"""

from collections.abc import Mapping, Sequence
from shlex import quote

from gateway.cli.address import address_of, host_of
from gateway.cli.table import table
from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from gateway.protocols import CODECS
from gateway.providers.provider import Provider

_COLUMNS = ("pool", "deployment", "provider", "host", "models")


def welcome(config: GatewayConfig, providers: Mapping[str, Provider]) -> str:
    """The text for the operator of a gateway that runs as `config` says."""
    address = address_of(config.server.host, config.server.port)
    pool = next(pool for pool in config.pools if pool.name == config.default_pool)
    provider = providers[pool.deployments[0].provider]
    model = quote(pool.default_model or provider.default_model)
    small = quote(pool.default_model or provider.small_model)
    key = "any-word" if config.auth.open else "$API_KEY"
    claude_code = (
        f"ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN={key} "
        f"ANTHROPIC_MODEL={model} ANTHROPIC_SMALL_FAST_MODEL={small} claude"
    )
    openai = f"export OPENAI_BASE_URL={address}/v1 OPENAI_API_KEY={key}    # model: {model}"
    return "\n".join(
        (
            f"Gateway ready on {address}",
            "",
            *table(_COLUMNS, _rows(config.pools, providers)),
            "",
            "Claude Code:",
            f"  {claude_code}",
            "OpenAI SDK:",
            f"  {openai}",
            *_others(address, key, model),
            *_notes(config, pool, provider),
        )
    )


def _others(address: str, key: str, model: str) -> list[str]:
    """Lines for the clients of the protocols that are served beside the first two."""
    lines = {
        "gemini": ("Gemini SDK:", f"export GOOGLE_GEMINI_BASE_URL={address} GEMINI_API_KEY={key}"),
        "ollama": ("Ollama:", f"export OLLAMA_HOST={address}/ollama OLLAMA_API_KEY={key}"),
    }
    served = [line for protocol, line in lines.items() if protocol in CODECS]
    return [text for title, line in served for text in (title, f"  {line}    # model: {model}")]


def place_of(deployment: DeploymentConfig, provider: Provider) -> str:
    """Where requests for `deployment` go, in a word."""
    return "this process" if provider.transport else host_of(deployment.base_url or provider.base_url)


def _rows(pools: Sequence[PoolConfig], providers: Mapping[str, Provider]) -> list[tuple[str, ...]]:
    return [_row(pool, member, providers) for pool in pools for member in pool.deployments]


def _row(
    pool: PoolConfig, deployment: DeploymentConfig, providers: Mapping[str, Provider]
) -> tuple[str, ...]:
    provider = providers[deployment.provider]
    models = ", ".join(deployment.models or provider.claims) or "any"
    name = f" ({deployment.name})" if deployment.name is not None else ""
    state = "" if deployment.enabled else " (disabled)"
    return pool.name, deployment.id + name + state, provider.name, place_of(deployment, provider), models


def _notes(config: GatewayConfig, pool: PoolConfig, provider: Provider) -> list[str]:
    notes = []
    if not config.auth.open:
        notes.append("$API_KEY stands for a key of yours: the value of API_KEY, or one of them.")
    base_url = pool.deployments[0].base_url
    if base_url is not None and host_of(base_url) != host_of(provider.base_url):
        notes.append(
            f"The models named are {provider.name}'s own: put the names that {host_of(base_url)} serves."
        )
    if provider.transport is not None:
        notes.append(
            "No key is configured, so the built-in demo model answers. For a real one set ANTHROPIC_API_KEY, "
            "OPENAI_API_KEY or OPENAI_BASE_URL, or start Ollama."
        )
    return ["", *notes] if notes else []
