"""The composition root: configuration in, a running server out. The only file that knows all classes."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import structlog
from aiohttp import web

from gateway.access.keys import ClientKeys
from gateway.config.schema import DeploymentConfig, GatewayConfig, PoolConfig, TimeoutsConfig
from gateway.pool.deployment import Deployment, Timeouts
from gateway.pool.pool import Pool, Pools
from gateway.protocols import CODECS
from gateway.providers import PROVIDERS, capabilities
from gateway.providers.provider import Provider
from gateway.providers.transport import AiohttpTransport, new_session
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.generate import Generator
from gateway.relay.route import Router
from gateway.server import middleware, probes
from gateway.server.background import Background
from gateway.server.http import Limits, Server
from gateway.wire.http import Transport

log = structlog.stdlib.get_logger()


def build(config: GatewayConfig, transport: Transport, readiness: probes.Readiness) -> web.Application:
    """The application that `config` describes, talking to upstreams through `transport`."""
    pools = Pools((_pool(entry, config, transport) for entry in config.pools), monotonic)
    router = Router(pools, config.default_pool)
    background = Background()
    server = Server(
        codecs=CODECS,
        mother_tongue=CODECS["openai_chat"],
        keys=ClientKeys(key.get_secret_value() for key in config.auth.api_keys),
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
    )
    app = web.Application(
        client_max_size=config.server.body_limit_bytes,
        middlewares=[middleware.errors_in_the_clients_words(server)],
    )
    app.add_routes([*probes.routes(readiness), *server.routes()])
    app.on_response_prepare.append(middleware.anonymous)
    app.on_cleanup.append(lambda _: background.close())
    return app


def serve(config: GatewayConfig, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT; `on_ready` is called once the port is open."""
    asyncio.Runner(loop_factory=_new_loop).run(_serve(config, on_ready))


async def _serve(config: GatewayConfig, on_ready: Callable[[], None]) -> None:
    readiness = probes.Readiness()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        new_session(config.timeouts.connect) as session,
        _listening(build(config, AiohttpTransport(session), readiness), config),
    ):
        on_ready()
        await stop.wait()
        readiness.draining = True
        log.info("draining", seconds=config.server.drain_s)
        # Load balancers need a moment to notice that we are not ready any more.
        await asyncio.sleep(config.server.accept_while_draining_s)


@asynccontextmanager
async def _listening(app: web.Application, config: GatewayConfig) -> AsyncIterator[None]:
    """The open port; on leaving, requests in flight have the drain time to finish."""
    runner = web.AppRunner(
        app,
        access_log=None,
        # Without this a client that leaves is never noticed while its upstream is silent.
        handler_cancellation=True,
        keepalive_timeout=75,
        shutdown_timeout=config.server.drain_s - config.server.accept_while_draining_s,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, config.server.host, config.server.port, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


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
    return Pool(entry.name, members, default)


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
    )


def _timeouts(entry: TimeoutsConfig) -> Timeouts:
    return Timeouts(
        first_content=entry.first_content,
        idle=entry.idle,
        progress=entry.progress,
        total=entry.total,
        non_stream=entry.non_stream,
    )
