"""The composition root: configuration in, a running server out. The only file that knows all classes."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import structlog
from aiohttp import web

from gateway.access.guesses import Guesses
from gateway.access.keys import ClientKeys
from gateway.config.checks import is_loopback
from gateway.config.schema import (
    DeploymentConfig,
    GatewayConfig,
    HealthCheckConfig,
    PoolConfig,
    ServerConfig,
    TimeoutsConfig,
)
from gateway.pool.checker import HealthChecker
from gateway.pool.deployment import Deployment, Timeouts
from gateway.pool.pool import Pool, Pools
from gateway.protocols import CODECS
from gateway.providers import PROVIDERS, capabilities
from gateway.providers.provider import Provider
from gateway.providers.transport import AiohttpTransport, new_session
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.generate import Generator
from gateway.relay.route import Map, Router
from gateway.server import middleware, probes
from gateway.server.background import Background
from gateway.server.browsers import Browsers
from gateway.server.http import Limits, Server
from gateway.server.listener import Listener, Manners
from gateway.server.traffic import Traffic
from gateway.telemetry.redaction import Redactor
from gateway.wire.http import Transport

log = structlog.stdlib.get_logger()


_END_S = 1.0
"""How long requests have to tell their clients that their time is up."""


def build(config: GatewayConfig, transport: Transport) -> "Gateway":
    """The gateway that `config` describes, talking to upstreams through `transport`."""
    pools = pools_of(config, transport)
    router = router_of(config, pools)
    background, traffic, readiness = Background(), Traffic(config.server.max_in_flight), probes.Readiness()
    server = Server(
        codecs=CODECS,
        mother_tongue=CODECS["openai_chat"],
        keys=ClientKeys(key.get_secret_value() for key in config.auth.api_keys),
        guesses=Guesses(monotonic),
        traffic=traffic,
        generator=Generator(pools, router, capabilities.built_in(), config.timeouts.total),
        counter=TokenCounter(pools, router, monotonic),
        router=router,
        limits=Limits(
            body_bytes=config.server.body_limit_bytes,
            body_timeout_s=config.server.body_timeout_s,
            heartbeat_s=config.server.heartbeat_s,
            expose_headers=config.server.expose_headers,
        ),
        background=background,
        hide=Redactor(config.secrets).text,
    )
    browsers = Browsers(
        local=is_loopback(config.server.host),
        hosts=frozenset(name.lower() for name in config.server.allowed_hosts),
        origins=frozenset(config.server.cors_origins),
    )
    app = web.Application(middlewares=[middleware.at_the_door(server, browsers)])
    app.add_routes([*probes.routes(readiness), *server.routes()])
    app.on_response_prepare.append(middleware.signature(browsers, readiness))
    app.on_startup.append(_checks(pools, config.health_check, background))
    app.on_cleanup.append(lambda _: background.close())
    listener = Listener(app, Manners(config.server.header_timeout_s, server.said_to_anybody))
    return Gateway(listener, traffic, readiness, config.server)


@dataclass(slots=True, frozen=True)
class Gateway:
    """A gateway, from its first request to its last."""

    listener: Listener
    traffic: Traffic
    readiness: probes.Readiness
    config: ServerConfig

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until the first SIGTERM or SIGINT; a second one does not wait for open requests."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        _on_signal(stop.set)
        try:
            await self.listener.listen(self.config.host, self.config.port)
            on_ready()
            await stop.wait()
            log.info("draining", seconds=self.config.drain_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.config.drain_s) as patience:
                    _on_signal(lambda: patience.reschedule(loop.time()))
                    await self.drain()
            await self.end()
        finally:
            await self.listener.cleanup()

    async def drain(self) -> None:
        """Let the world notice that we are not ready any more, then take no more requests and wait for those
        that are open.
        """
        self.readiness.draining = True
        await asyncio.sleep(self.config.accept_while_draining_s)
        await self.listener.stop_listening()
        self.traffic.close()
        await self.traffic.ended()

    async def end(self) -> None:
        """Have open requests tell their clients that their time is up."""
        if not self.traffic.in_flight:
            return
        log.warning("drain_time_is_up", open_requests=self.traffic.in_flight)
        self.traffic.close()
        self.traffic.interrupt()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self.traffic.ended()


def _checks(
    pools: Pools, config: HealthCheckConfig, background: Background
) -> Callable[..., Awaitable[None]]:
    """What starts the periodic health check, where it is wanted."""

    async def start(_app: web.Application) -> None:
        if config.enabled:
            checker = HealthChecker(pools, config.interval, config.max_error_count)
            _ = background.run("health_check", checker.run())

    return start


def pools_of(config: GatewayConfig, transport: Transport) -> Pools:
    """The enabled deployments of `config` in their pools, talking to upstreams through `transport`."""
    return Pools((_pool(entry, config, transport) for entry in config.pools), monotonic)


def router_of(config: GatewayConfig, pools: Pools) -> Router:
    """Who serves which name, as `config` says."""
    chart = Map(models=config.models, chains=config.fallback_chains, default=config.default_pool)
    return Router(pools, chart)


def serve(config: GatewayConfig, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT; `on_ready` is called once the port is open."""
    asyncio.Runner(loop_factory=_new_loop).run(_serve(config, on_ready))


async def _serve(config: GatewayConfig, on_ready: Callable[[], None]) -> None:
    async with new_session(config.timeouts.connect) as session:
        await build(config, AiohttpTransport(session)).run(on_ready)


def _on_signal(act: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not on Windows, where the standard loop serves
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _pool(entry: PoolConfig, config: GatewayConfig, transport: Transport) -> Pool:
    members = [
        _deployment(member, entry.name, config, transport) for member in entry.deployments if member.enabled
    ]
    default = entry.default_model or PROVIDERS[entry.deployments[0].provider].default_model
    takes_unknown = entry.unknown_models == "default"
    return Pool(entry.name, members, default_model=default, takes_unknown=takes_unknown)


def _deployment(
    entry: DeploymentConfig, pool: str, config: GatewayConfig, transport: Transport
) -> Deployment:
    provider: Provider = PROVIDERS[entry.provider]
    key = entry.api_key.get_secret_value() if entry.api_key is not None else None
    return Deployment(
        id=entry.id,
        pool=pool,
        provider=provider,
        credential=provider.credential(key),
        transport=provider.transport or transport,
        base_url=entry.base_url or provider.base_url,
        models=entry.models,
        timeouts=_timeouts(config.timeouts.overridden(entry.timeouts)),
        capabilities=entry.capabilities,
        check_health=entry.check_health,
        check_model=entry.check_model,
    )


def _timeouts(entry: TimeoutsConfig) -> Timeouts:
    return Timeouts(
        connect=entry.connect,
        first_content=entry.first_content,
        idle=entry.idle,
        progress=entry.progress,
        total=entry.total,
        non_stream=entry.non_stream,
    )
