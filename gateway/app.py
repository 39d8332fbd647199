"""The composition root: configuration in, a running server out. The only file that knows all classes."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import random
from time import monotonic, time
from typing import TypeAlias
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from gateway.access.guesses import Guesses
from gateway.access.keys import ClientKeys
from gateway.config.checks import is_loopback
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig
from gateway.config.schema import GatewayConfig, HealthCheckConfig, ServerConfig, TimeoutsConfig
from gateway.pool import limits
from gateway.pool.checker import HealthChecker
from gateway.pool.deployment import Deployment, Timeouts
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.pool.strategies import STRATEGIES
from gateway.protocols import CODECS
from gateway.providers import PROVIDERS, capabilities
from gateway.providers.provider import Provider
from gateway.providers.transport import AiohttpTransport, new_session
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.generate import Generator
from gateway.relay.memory import Memory
from gateway.relay.route import Map, Router
from gateway.server import middleware, probes
from gateway.server.background import Background
from gateway.server.browsers import Browsers
from gateway.server.budget import Budget
from gateway.server.http import Limits, Server
from gateway.server.listener import Listener, Manners
from gateway.server.orders import Channel, Orders, Signals
from gateway.server.traffic import Traffic
from gateway.telemetry.redaction import Redactor
from gateway.timing import Day, Window
from gateway.wire.http import Transport

log = structlog.stdlib.get_logger()


_YOUNG_OBJECTS = 50_000
"""New containers before the collector looks for cycles: one large request makes thousands, none of them in
one."""

_LAST_IN_S = 0.1
"""How long a connection has to send its request once the port is closed."""

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
        memory=Budget(config.server.bodies_limit_bytes),
        generator=Generator(pools, router, capabilities.built_in(), config.timeouts.total, Memory(monotonic)),
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

    async def run(
        self, on_ready: Callable[[], None], orders: Orders, sockets: Sequence[socket.socket] = ()
    ) -> None:
        """Serve on `sockets`, or else on a port of its own, until `orders` say to stop."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        orders.on_stop(stop.set)
        try:
            if sockets:
                await self.listener.listen_on(sockets)
            else:
                await self.listener.listen(self.config.host, self.config.port)
            on_ready()
            await stop.wait()
            log.info("draining", seconds=self.config.drain_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.config.drain_s) as patience:
                    orders.on_hurry(lambda: patience.reschedule(loop.time()))
                    await self.drain(relieved=orders.relieved)
            await self.end()
        finally:
            await self.listener.cleanup()

    async def drain(self, *, relieved: bool) -> None:
        """Let the world notice that we are not ready any more, then take no more requests and wait for those
        that are open. Where others listen already (`relieved`), only clients with open connections need
        notice.
        """
        self.readiness.draining = True
        if relieved:
            await self.listener.stop_listening()
        await asyncio.sleep(self.config.accept_while_draining_s)
        await self.listener.stop_listening()
        # Who was let in last has yet to say what for.
        await asyncio.sleep(_LAST_IN_S)
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
    groups = {name: tuple(_limits(said)) for name, said in config.groups.items()}
    return Pools((_pool(entry, config, transport, groups) for entry in config.pools), monotonic)


def router_of(config: GatewayConfig, pools: Pools) -> Router:
    """Who serves which name, as `config` says."""
    chart = Map(models=config.models, chains=config.fallback_chains, default=config.default_pool)
    return Router(pools, chart)


def serve(config: GatewayConfig, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT; `on_ready` is called once the port is open."""
    asyncio.Runner(loop_factory=_new_loop).run(_serve(config, on_ready, Signals()))


def work(config: GatewayConfig, sockets: Sequence[socket.socket], supervisor: socket.socket) -> None:
    """Run on `sockets`, which others share, as the worker of whoever is at the other end of `supervisor`."""
    orders = Channel(supervisor)
    asyncio.Runner(loop_factory=_new_loop).run(_serve(config, orders.ready, orders, sockets))


async def _serve(
    config: GatewayConfig,
    on_ready: Callable[[], None],
    orders: Orders,
    sockets: Sequence[socket.socket] = (),
) -> None:
    async with new_session(config.timeouts.connect) as session:
        gateway = build(config, AiohttpTransport(session))
        # What has been built by now stays for ever; the collector need not look at it again.
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS)
        await gateway.run(on_ready, orders, sockets)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not on Windows, where the standard loop serves
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


Groups: TypeAlias = Mapping[str, tuple[limits.Limit, ...]]
"""The limits that deployments share, by the name of their group."""


def _pool(entry: PoolConfig, config: GatewayConfig, transport: Transport, groups: Groups) -> Pool:
    accounts: dict[str, str] = {}
    members = [
        _deployment(
            member,
            entry.name,
            config,
            transport,
            account=accounts.setdefault(_key(member) or member.id, member.id),
            holding=(*_limits(member.limits), *groups.get(member.group or "", ())),
        )
        for member in entry.deployments
        if member.enabled
    ]
    default = entry.default_model or PROVIDERS[entry.deployments[0].provider].default_model
    takes_unknown = entry.unknown_models == "default"
    kind = STRATEGIES[entry.strategy.name]
    options = kind.options.model_validate(entry.strategy.options)
    return Pool(
        entry.name,
        members,
        default_model=default,
        takes_unknown=takes_unknown,
        strategy=lambda standings: kind.strategy(standings, random, options),
    )


def _limits(said: LimitsConfig) -> Iterator[limits.Limit]:
    if said.max_concurrency is not None:
        yield limits.AtOnce(said.max_concurrency)
    for most, seconds in ((said.qps, 1.0), (said.rpm, 60.0)):
        if most is not None:
            yield limits.Requests(most, partial(Window, seconds))
    if said.tpm is not None:
        yield limits.Tokens(said.tpm, partial(Window, 60.0))
    for quota in said.quotas:
        rolling = partial(Window, quota.period)
        period = rolling if quota.reset is None else partial(Day, ZoneInfo(quota.reset), time)
        if quota.requests is not None:
            yield limits.Requests(quota.requests, period, per_model=quota.per_model)
        if quota.tokens is not None:
            yield limits.Tokens(quota.tokens, period, per_model=quota.per_model)


def _deployment(
    entry: DeploymentConfig,
    pool: str,
    config: GatewayConfig,
    transport: Transport,
    *,
    account: str,
    holding: tuple[limits.Limit, ...],
) -> Deployment:
    provider: Provider = PROVIDERS[entry.provider]
    return Deployment(
        id=entry.id,
        pool=pool,
        provider=provider,
        credential=provider.credential(_key(entry)),
        transport=provider.transport or transport,
        base_url=entry.base_url or provider.base_url,
        models=entry.models,
        timeouts=_timeouts(_patience(entry, config, provider)),
        capabilities=entry.capabilities,
        check_health=entry.check_health,
        check_model=entry.check_model,
        weight=entry.weight,
        priority=entry.priority,
        price=entry.price,
        account=account,
        limits=holding,
        most_at_once=entry.limits.max_concurrency,
    )


def _key(entry: DeploymentConfig) -> str | None:
    return entry.api_key.get_secret_value() if entry.api_key is not None else None


def _patience(entry: DeploymentConfig, config: GatewayConfig, provider: Provider) -> TimeoutsConfig:
    """How long to wait: as the deployment says, or the configuration, or the provider."""
    said = config.timeouts
    if provider.first_content_s is not None and "first_content" not in said.model_fields_set:
        said = said.model_copy(update={"first_content": provider.first_content_s})
    return said.overridden(entry.timeouts)


def _timeouts(entry: TimeoutsConfig) -> Timeouts:
    return Timeouts(
        connect=entry.connect,
        first_content=entry.first_content,
        idle=entry.idle,
        progress=entry.progress,
        total=entry.total,
        non_stream=entry.non_stream,
    )
