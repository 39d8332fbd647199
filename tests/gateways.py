"""Gateways to test against: in this process on a free port, or as the real process users run."""

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.app import build
from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import AuthConfig, GatewayConfig, ServerConfig, TimeoutsConfig
from gateway.providers.transport import AiohttpTransport, Connector


def pool(name: str, provider: str, *base_urls: str, models: tuple[str, ...] = ("*",)) -> PoolConfig:
    """A pool with one keyless deployment per base URL."""
    return PoolConfig(
        name=name,
        deployments=tuple(
            DeploymentConfig(id=f"{name}-{n}", provider=provider, base_url=url, models=models)
            for n, url in enumerate(base_urls, 1)
        ),
    )


def openai(*base_urls: str) -> GatewayConfig:
    """An open gateway in front of OpenAI-like upstreams at `base_urls`."""
    return configured(pool("openai-custom", "openai-custom", *(f"{url}/v1" for url in base_urls)))


def anthropic(*base_urls: str) -> GatewayConfig:
    """An open gateway in front of Anthropic-like upstreams at `base_urls`."""
    return configured(pool("claude-custom", "claude-custom", *base_urls))


def configured(
    *pools: PoolConfig,
    auth: AuthConfig | None = None,
    server: ServerConfig | None = None,
    timeouts: TimeoutsConfig | None = None,
) -> GatewayConfig:
    """A gateway with `pools`, open unless `auth` says otherwise."""
    return GatewayConfig(
        auth=auth or AuthConfig(open=True),
        server=server or ServerConfig(port=0),
        timeouts=timeouts or TimeoutsConfig(),
        pools=pools,
        default_pool=pools[0].name,
    )


@asynccontextmanager
async def running(config: GatewayConfig) -> AsyncIterator[str]:
    """The gateway that `config` describes, on a free port of this process; yields its base URL."""
    async with Connector(config.timeouts.connect) as connector:
        listener = build(config, AiohttpTransport(connector)).listener
        try:
            await listener.listen("127.0.0.1", 0)
            yield f"http://127.0.0.1:{listener.addresses[0][1]}"
        finally:
            await listener.cleanup()


@asynccontextmanager
async def process(*arguments: str, **env: str) -> AsyncIterator[str]:
    """`gateway serve` as a process of its own, configured by `env` and `arguments`; yields its base URL.

    It is expected on `SERVER_PORT`, by default a free one, and keeps its state to itself.
    """
    port = env.pop("SERVER_PORT", "") or str(free_port())
    with tempfile.TemporaryDirectory(prefix="state-") as state:
        env = {"GATEWAY_STATE_DIR": state, "SERVER_PORT": port, **env}
        async with _process(port, *arguments, **env) as url:
            yield url


@asynccontextmanager
async def _process(port: str, *arguments: str, **env: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "serve",
        *arguments,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listening(int(port), child)
        yield f"http://127.0.0.1:{port}"
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _listening(port: int, child: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                assert child.returncode is None, "the gateway did not start"
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return


_PORTS = range(20_000, 32_768)
"""No system takes the near end of a connection from here, as it might between the choice and the use."""


def free_port() -> int:
    """A port that nobody has at this moment."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
