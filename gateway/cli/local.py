"""A model server on this machine, used where nothing is configured: a real model is better than the demo."""

import json
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from gateway.config.environment import DEMO
from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from gateway.protocols.codec import Operation
from gateway.providers.ollama import OLLAMA

PATIENCE_S = 0.3
_MOST_BYTES = 4 * 1024 * 1024

Found: TypeAlias = Callable[[], list[str]]
"""Asks a local server for the names of its models; none if there is no server."""


def with_local(config: GatewayConfig, found: Found) -> GatewayConfig:
    """`config`, with the local server's models in place of the demo model where that is all there is."""
    if [pool.name for pool in config.pools] != [DEMO]:
        return config
    names = [name for name in found() if "embed" not in name]
    if not names:
        return config
    member = DeploymentConfig(id=f"{OLLAMA.name}-1", provider=OLLAMA.name, models=("*",))
    pool = PoolConfig(
        name=OLLAMA.name, deployments=(member,), default_model=names[0], unknown_models="default"
    )
    return config.model_copy(update={"pools": (pool,), "default_pool": pool.name})


def local_models(base_url: str = OLLAMA.base_url) -> list[str]:
    """The models of an Ollama, by default at its usual place; none if nothing like it answers, or if it says
    nothing for `PATIENCE_S`.
    """
    place = urlsplit(base_url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", OLLAMA.paths[Operation.LIST_MODELS])
        reply = connection.getresponse()
        return models_in(reply.read(_MOST_BYTES)) if reply.status == 200 else []
    except (OSError, HTTPException):
        return []
    finally:
        connection.close()


def models_in(body: bytes) -> list[str]:
    """The names that an answer to a request for the models tells; none if it is something else."""
    try:
        payload: Any = json.loads(body)
    except ValueError:
        return []
    models = payload.get("models") if isinstance(payload, dict) else None
    entries = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
    return [name for entry in entries if isinstance(name := entry.get("model") or entry.get("name"), str)]
