"""What is printed when the gateway is ready: what it serves, and lines to paste for the first clients.

Never a key: `$API_KEY` stands for one.
"""

from collections.abc import Mapping, Sequence
from shlex import quote
from urllib.parse import urlsplit

from gateway.config.schema import DeploymentConfig, GatewayConfig, PoolConfig
from gateway.providers.provider import Provider

_COLUMNS = ("pool", "deployment", "provider", "host", "models")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound to


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
            *_table(config.pools, providers),
            "",
            "Claude Code:",
            f"  {claude_code}",
            "OpenAI SDK:",
            f"  {openai}",
            *_notes(config, pool, provider),
        )
    )


def address_of(host: str, port: int) -> str:
    """The URL under which this machine reaches a server that listens on `host`."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _table(pools: Sequence[PoolConfig], providers: Mapping[str, Provider]) -> list[str]:
    rows = [
        _COLUMNS,
        *(_row(pool, deployment, providers) for pool in pools for deployment in pool.deployments),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _row(
    pool: PoolConfig, deployment: DeploymentConfig, providers: Mapping[str, Provider]
) -> tuple[str, ...]:
    provider = providers[deployment.provider]
    models = ", ".join(deployment.models or provider.claims) or "any"
    host = "this process" if provider.transport else _host(deployment.base_url or provider.base_url)
    state = "" if deployment.enabled else " (disabled)"
    return pool.name, deployment.id + state, provider.name, host, models


def _host(url: str) -> str:
    # Never the path or the query: where people keep keys in URLs, they keep them there.
    split = urlsplit(url)
    host = split.hostname or ""
    return f"{host}:{split.port}" if split.port else host


def _notes(config: GatewayConfig, pool: PoolConfig, provider: Provider) -> list[str]:
    notes = []
    if not config.auth.open:
        notes.append("$API_KEY stands for a key of yours: the value of API_KEY, or one of them.")
    base_url = pool.deployments[0].base_url
    if base_url is not None and _host(base_url) != _host(provider.base_url):
        notes.append(
            f"The models named are {provider.name}'s own: put the names that {_host(base_url)} serves."
        )
    if provider.transport is not None:
        notes.append(
            "No key is configured, so the built-in demo model answers. For a real one set ANTHROPIC_API_KEY, "
            "OPENAI_API_KEY or OPENAI_BASE_URL."
        )
    return ["", *notes] if notes else []
