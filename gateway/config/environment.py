"""Configuration from variables alone: enough for keys of one's own and a local server.

Every key of a provider is a deployment of one pool. Keys are read from `NAME`, `NAME_1` … `NAME_n` and from
comma-separated lists in any of them; `NAME_FILE` names a file that holds what `NAME` would. Without any key
or base URL the built-in demo model answers. `PROVIDER_POOLS_FILE` describes the pools in place of the keys.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from gateway.config.checks import checked_base_url, checked_key, completed, is_loopback, leads_back
from gateway.config.errors import ConfigError
from gateway.config.kinds import Kinds, ProviderFacts
from gateway.config.load import load_pools
from gateway.config.members import DeploymentConfig, PoolConfig, PoolsConfig
from gateway.config.problems import guess
from gateway.config.schema import AdminConfig, AuthConfig, GatewayConfig, LogConfig, ServerConfig
from gateway.config.variables import checked, level_said, server_said, value_of

DEMO = "demo"
"""The pool and the provider that answer where nothing is configured."""

SETTINGS = (
    "ADMIN_KEY",
    "API_KEY",
    "LOG_LEVEL",
    "MODEL_PROVIDER",
    "PROVIDER_POOLS_FILE",
    "SERVER_HOST",
    "SERVER_PORT",
    "SERVER_WORKERS",
)
"""The variables that no provider brings along."""

_FILE = "_FILE"


def from_environment(env: Mapping[str, str], kinds: Kinds, *, program: str = "gateway") -> GatewayConfig:
    """The configuration that `env` describes; empty variables count as unset.

    `program` is how the operator calls the gateway, for commands in errors.

    Raises:
        ConfigError: a value is unusable, or the gateway would be open to the network.
    """
    said = _said(env, kinds)
    server = server_said(said, ServerConfig())
    api_keys = tuple(SecretStr(key) for key in _keys(said, "API_KEY"))
    if not api_keys and not is_loopback(server.host):
        raise ConfigError(_exposed(server, program))
    pools = _pools(said, env, kinds, server)
    return GatewayConfig(
        server=server,
        auth=AuthConfig(api_keys=api_keys, open=not api_keys),
        admin=AdminConfig(key=_admin_key(said)),
        log=LogConfig(level=level_said(said, LogConfig().level)),
        pools=pools.pools,
        default_pool=_default(said, [pool.name for pool in pools.pools]),
        fallback_chains=pools.fallback_chains,
        groups=pools.groups,
    )


def _said(env: Mapping[str, str], kinds: Kinds) -> dict[str, str]:
    """The variables that mean something here and are not empty, files read."""
    keys = ["API_KEY", *(name for facts in kinds.providers.values() for name in facts.key_variables)]
    numbered = re.compile(rf"({'|'.join(map(re.escape, keys))})_[0-9]+")
    urls = (facts.base_url_variable for facts in kinds.providers.values())
    names = {*SETTINGS, *keys, *filter(None, urls)}
    names |= {name for name in (given.removesuffix(_FILE) for given in env) if numbered.fullmatch(name)}
    return {name: value for name in names if (value := value_of(env, name)) is not None}


def _pools(
    said: Mapping[str, str], env: Mapping[str, str], kinds: Kinds, server: ServerConfig
) -> PoolsConfig:
    """The pools: of the file that describes them, or else one pool a provider."""
    if (file := said.get("PROVIDER_POOLS_FILE")) is not None:
        described = load_pools(Path(file), kinds, env, server)
        if not described.pools:
            raise ConfigError("PROVIDER_POOLS_FILE: there are no pools in this file; write them below pools:")
        return described
    made = (_pool(provider, facts, said, server) for provider, facts in kinds.providers.items())
    pools = tuple(pool for pool in made if pool is not None)
    pools = pools or (PoolConfig(name=DEMO, deployments=(DeploymentConfig(id=DEMO, provider=DEMO),)),)
    return PoolsConfig(pools=(_serving_any_name(pools[0]),) if len(pools) == 1 else pools)


def _default(said: Mapping[str, str], pools: list[str]) -> str:
    name = said.get("MODEL_PROVIDER", pools[0])
    if name not in pools:
        raise ConfigError(f"MODEL_PROVIDER: there is no pool of this name{guess(name, pools, 'pools')}")
    return name


def _pool(
    provider: str, facts: ProviderFacts, said: Mapping[str, str], server: ServerConfig
) -> PoolConfig | None:
    """One deployment a key; a base URL without a key is a server that asks for none."""
    keys: list[str | None] = list(
        dict.fromkeys(key for variable in facts.key_variables for key in _keys(said, variable))
    )
    base_url = said.get(facts.base_url_variable) if facts.base_url_variable is not None else None
    if base_url is not None and facts.base_url_variable is not None:
        base_url = base_url if facts.default_port is None else completed(base_url, facts.default_port)
        base_url = checked(checked_base_url, facts.base_url_variable, base_url)
        _refuse_circle(facts.base_url_variable, base_url, server)
        keys = keys or [None]
    deployments = tuple(
        DeploymentConfig(
            id=f"{provider}-{number}",
            provider=provider,
            api_key=None if key is None else SecretStr(key),
            base_url=base_url,
        )
        for number, key in enumerate(keys, start=1)
    )
    if not deployments:
        return None
    return PoolConfig(name=provider, deployments=deployments, unknown_models="default")


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
        for key in filter(None, map(str.strip, re.split(r"[,\n]", said.get(name, "")))):
            yield checked(checked_key, name, key)


def _admin_key(said: Mapping[str, str]) -> SecretStr | None:
    key = said.get("ADMIN_KEY")
    return None if key is None else SecretStr(checked(checked_key, "ADMIN_KEY", key))


def _refuse_circle(variable: str, base_url: str, server: ServerConfig) -> None:
    """Base URLs set for a client lead back here: with them every request would go round in circles."""
    if leads_back(base_url, server.host, server.port):
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
