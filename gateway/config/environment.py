"""Configuration from variables alone: enough for keys of one's own and a local server.

Every key of a provider is a deployment of one pool. Keys are read from `NAME`, `NAME_1` … `NAME_n` and from
comma-separated lists in any of them. Without any key or base URL the built-in demo model answers.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway.config.checks import checked_base_url, checked_host, checked_key, is_loopback
from gateway.config.errors import ConfigError
from gateway.config.schema import (
    AuthConfig,
    DeploymentConfig,
    GatewayConfig,
    LogConfig,
    LogLevel,
    PoolConfig,
    ServerConfig,
)

DEMO = "demo"
"""The pool and the provider that answer where nothing is configured."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SYNONYMS = {"warn": "warning"}
_LEVELS: Mapping[str, LogLevel] = {level: level for level in get_args(LogLevel)}


@dataclass(slots=True, frozen=True)
class Upstream:
    """A provider that variables can configure, and the names under which they do."""

    provider: str
    key_variables: tuple[str, ...]
    base_url_variable: str


UPSTREAMS = (
    Upstream("claude-custom", ("CLAUDE_API_KEY", "ANTHROPIC_API_KEY"), "ANTHROPIC_BASE_URL"),
    Upstream("openai-custom", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
)
"""In order of preference."""


def from_environment(
    env: Mapping[str, str], *, upstreams: Sequence[Upstream] = UPSTREAMS, program: str = "gateway"
) -> GatewayConfig:
    """The configuration that `env` describes; empty variables count as unset.

    `program` is how the operator calls the gateway, for commands in errors.

    Raises:
        ConfigError: a value is unusable, or the gateway would be open to the network.
    """
    said = {name: value.strip() for name, value in env.items() if value.strip()}
    server = _server(said)
    api_keys = tuple(SecretStr(key) for key in _keys(said, "API_KEY"))
    if not api_keys and not is_loopback(server.host):
        raise ConfigError(_exposed(server, program))
    pools = tuple(pool for upstream in upstreams if (pool := _pool(upstream, said, server)) is not None)
    pools = pools or (PoolConfig(name=DEMO, deployments=(DeploymentConfig(id=DEMO, provider=DEMO),)),)
    if len(pools) == 1:
        pools = (_serving_any_name(pools[0]),)
    return GatewayConfig(
        server=server,
        auth=AuthConfig(api_keys=api_keys, open=not api_keys),
        log=LogConfig(level=_level(said)),
        pools=pools,
        default_pool=pools[0].name,
    )


def _server(said: Mapping[str, str]) -> ServerConfig:
    default = ServerConfig()
    host = said.get("SERVER_HOST", default.host)
    port = said.get("SERVER_PORT", str(default.port))
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ConfigError("SERVER_PORT (--port): a whole number from 1 to 65535 is required")
    return ServerConfig(host=_checked(checked_host, "SERVER_HOST (--host)", host), port=int(port))


def _level(said: Mapping[str, str]) -> LogLevel:
    word = said.get("LOG_LEVEL", "info").lower()
    level = _LEVELS.get(_SYNONYMS.get(word, word))
    if level is None:
        raise ConfigError(f"LOG_LEVEL (--log-level): one of {', '.join(_LEVELS)} is required")
    return level


def _pool(upstream: Upstream, said: Mapping[str, str], server: ServerConfig) -> PoolConfig | None:
    """One deployment a key; a base URL without a key is a server that asks for none."""
    keys: list[str | None] = list(
        dict.fromkeys(key for variable in upstream.key_variables for key in _keys(said, variable))
    )
    base_url = said.get(upstream.base_url_variable)
    if base_url is not None:
        base_url = _checked(checked_base_url, upstream.base_url_variable, base_url)
        _refuse_circle(upstream.base_url_variable, base_url, server)
        keys = keys or [None]
    deployments = tuple(
        DeploymentConfig(
            id=f"{upstream.provider}-{number}",
            provider=upstream.provider,
            api_key=None if key is None else SecretStr(key),
            base_url=base_url,
        )
        for number, key in enumerate(keys, start=1)
    )
    return PoolConfig(name=upstream.provider, deployments=deployments) if deployments else None


def _serving_any_name(pool: PoolConfig) -> PoolConfig:
    """A server behind a URL of the operator's own has models whose names only the operator knows: where it is
    the only pool, every name goes there as it is. With several pools that would take the others' names away.
    """
    deployments = tuple(
        member.model_copy(update={"models": ("*",)}) if member.base_url is not None else member
        for member in pool.deployments
    )
    return pool.model_copy(update={"deployments": deployments})


def _keys(said: Mapping[str, str], variable: str) -> Iterator[str]:
    """The keys under `variable` and its numbered siblings, in the order of their numbers."""
    numbered = [name for name in said if re.fullmatch(f"{variable}_[0-9]+", name)]
    numbered.sort(key=lambda name: int(name.rpartition("_")[2]))
    for name in (variable, *numbered):
        for key in filter(None, map(str.strip, said.get(name, "").split(","))):
            yield _checked(checked_key, name, key)


def _checked(check: Callable[[str], str], name: str, value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _refuse_circle(variable: str, base_url: str, server: ServerConfig) -> None:
    """Base URLs set for a client lead back here: with them every request would go round in circles."""
    url = urlsplit(base_url)
    host, port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
    if port == server.port and (is_loopback(host) or host == server.host):
        raise ConfigError(
            f"{variable}: this is the gateway's own address; unset it (clients want it) or name an upstream"
        )


def _exposed(server: ServerConfig, program: str) -> str:
    port = "" if server.port == ServerConfig().port else f" SERVER_PORT={server.port}"
    command = f"export API_KEY=$(openssl rand -hex 32); SERVER_HOST={server.host}{port} {program} serve"
    return (
        "API_KEY: beyond this machine every caller needs a key; leave SERVER_HOST at 127.0.0.1, "
        f"or run: {command}"
    )
