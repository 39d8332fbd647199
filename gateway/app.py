"""The composition root: configuration in, a running server out. The only file that knows all classes."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import TypeAlias

import structlog
from aiohttp import web

from gateway.access.complaints import Complaints
from gateway.access.guesses import Guesses
from gateway.access.keys import ClientKeys
from gateway.config.checks import is_loopback
from gateway.config.schema import GatewayConfig, ServerConfig
from gateway.fleet import pools_of, router_of
from gateway.pool.balances import BalanceKeeper
from gateway.pool.checker import HealthChecker
from gateway.pool.lister import ModelLister
from gateway.pool.pools import Pools
from gateway.pool.remembering import Remembering
from gateway.pool.report import Reporter
from gateway.pool.warmer import Warmer
from gateway.protocols import CODECS
from gateway.providers import capabilities
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.explain import Explainer
from gateway.relay.generate import Generator
from gateway.relay.memory import Memory
from gateway.server import middleware, probes
from gateway.server.admin import Admin
from gateway.server.background import Background
from gateway.server.browsers import Browsers
from gateway.server.budget import Budget
from gateway.server.feedback import Feedback
from gateway.server.http import Limits, Server
from gateway.server.listener import Listener, Manners
from gateway.server.orders import Channel, Orders, Signals
from gateway.server.traffic import Traffic
from gateway.store.state import StateFile, opened
from gateway.telemetry.redaction import Redactor
from gateway.wire.http import Transport

log = structlog.stdlib.get_logger()


_YOUNG_OBJECTS = 50_000
"""New containers before the collector looks for cycles: one large request makes thousands, none of them in
one."""

_LOOK_S, _LOOKS = 0.1, 20
"""How often, and how many times, connections that have sent nothing are looked at once the port is closed:
they may be slow, or be kept in reserve.
"""

Work: TypeAlias = Callable[[], Coroutine[None, None, None]]
"""Something that goes on until it is cancelled."""

_END_S = 1.0
"""How long requests have to tell their clients that their time is up."""


def build(config: GatewayConfig, transport: Transport, state: StateFile | None = None) -> "Gateway":
    """The gateway that `config` describes, talking to upstreams through `transport`. `state` is what it
    remembers; None: nothing.
    """
    pools = pools_of(config, transport, b"" if state is None else state.salt)
    background, traffic, readiness = Background(), Traffic(config.server.max_in_flight), probes.Readiness()
    server = _server(config, pools, background, traffic)
    browsers = Browsers(
        local=is_loopback(config.server.host),
        hosts=frozenset(name.lower() for name in config.server.allowed_hosts),
        origins=frozenset(config.server.cors_origins),
    )
    check = config.health_check
    checker = HealthChecker(pools, check.interval, check.max_error_count, monotonic)
    admin = _admin(config, server, browsers, checker)
    app = web.Application(middlewares=[middleware.at_the_door(server, browsers)])
    app.add_routes([*probes.routes(readiness), *server.routes(), *Feedback(server).routes(), *admin.routes()])
    app.on_response_prepare.append(middleware.signature(browsers, readiness))
    _start(app, background, list(_beside(config, pools, checker)))
    app.on_cleanup.append(lambda _: background.close())
    if state is not None:
        _remember(app, Remembering(pools, state, monotonic, time), background)
    listener = Listener(app, Manners(config.server.header_timeout_s, server.said_to_anybody))
    return Gateway(listener, traffic, readiness, config.server)


def _server(config: GatewayConfig, pools: Pools, background: Background, traffic: Traffic) -> Server:
    """What answers clients."""
    router = router_of(config, pools)
    return Server(
        codecs=CODECS,
        mother_tongue=CODECS["openai_chat"],
        keys=ClientKeys(key.get_secret_value() for key in config.auth.api_keys),
        guesses=Guesses(monotonic),
        complaints=Complaints(monotonic),
        traffic=traffic,
        memory=Budget(config.server.bodies_limit_bytes),
        generator=Generator(
            pools,
            router,
            capabilities.built_in(),
            config.timeouts.total,
            Memory(monotonic),
            max_attempts=config.max_attempts,
        ),
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


def _admin(config: GatewayConfig, server: Server, browsers: Browsers, checker: HealthChecker) -> Admin:
    """What answers operators."""
    key = config.admin.key
    return Admin(
        server=server,
        keys=ClientKeys(() if key is None else (key.get_secret_value(),)),
        browsers=browsers,
        explainer=Explainer(server.generator, Reporter(server.generator.pools, monotonic, time)),
        check=checker.check,
        started=monotonic(),
        absent={
            member.id: {"id": member.id, "pool": pool.name, "provider": member.provider, "enabled": False}
            for pool in config.pools
            for member in pool.deployments
            if not member.enabled
        },
    )


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
        # Who was let in last has yet to say what for, and what was said a moment ago does not count yet.
        for _ in range(_LOOKS):
            expecting = self.listener.expecting
            await asyncio.sleep(_LOOK_S)
            if not expecting:
                break
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


def _beside(config: GatewayConfig, pools: Pools, checker: HealthChecker) -> Iterator[tuple[str, Work]]:
    """What runs beside requests for as long as there is somebody to do it for, by its name."""
    members = [member for pool in pools for member in pool.members]
    if config.health_check.enabled:
        yield "health_check", checker.run
    if any(member.fetch_models_s is not None for member in members):
        yield "model_lists", ModelLister(pools).run
    if any(member.purse is not None for member in members):
        yield "balances", BalanceKeeper(pools, monotonic).run
    if any(member.warmth is not None for member in members):
        yield "warming", Warmer(pools, monotonic).run


def _start(app: web.Application, background: Background, works: Iterable[tuple[str, Work]]) -> None:
    """Have `works` begin with the server."""

    async def start(_app: web.Application) -> None:
        for name, work in works:
            _ = background.run(name, work())

    app.on_startup.append(start)


def _remember(app: web.Application, remembering: Remembering, background: Background) -> None:
    """Go on where the last process ended, and have the next one do so."""
    remembering.recall()

    async def finish(_app: web.Application) -> None:
        remembering.finish()

    _start(app, background, [("state", remembering.run)])
    app.on_cleanup.append(finish)


def serve(config: GatewayConfig, on_ready: Callable[[], None], folder: Path | None = None) -> None:
    """Run until SIGTERM or SIGINT; `on_ready` is called once the port is open. What is to be remembered is
    kept in `folder`; None: nothing is.
    """
    with opened(folder) as state:
        asyncio.Runner(loop_factory=_new_loop).run(_serve(config, on_ready, Signals(), state=state))


def work(
    config: GatewayConfig,
    sockets: Sequence[socket.socket],
    supervisor: socket.socket,
    folder: Path | None = None,
) -> None:
    """Run on `sockets`, which others share, as the worker of whoever is at the other end of `supervisor`.
    `folder` is as for `serve`, and shared as well.
    """
    orders = Channel(supervisor)
    with opened(folder) as state:
        run = _serve(config, orders.ready, orders, sockets, state=state)
        asyncio.Runner(loop_factory=_new_loop).run(run)


async def _serve(
    config: GatewayConfig,
    on_ready: Callable[[], None],
    orders: Orders,
    sockets: Sequence[socket.socket] = (),
    *,
    state: StateFile | None,
) -> None:
    async with Connector(config.timeouts.connect) as connector:
        gateway = build(config, AiohttpTransport(connector), state)
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
