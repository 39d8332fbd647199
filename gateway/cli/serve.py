"""`gateway serve`: the configuration, then the server until it is told to stop."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import structlog
import typer

from gateway import app
from gateway.cli.configuration import configuration, refusal
from gateway.cli.environment import environment
from gateway.cli.local import local_models
from gateway.cli.welcome import welcome
from gateway.cli.workers import NoWorkerStartedError, Supervisor
from gateway.config.key_files import is_open
from gateway.config.schema import GatewayConfig, ServerConfig
from gateway.providers import PROVIDERS
from gateway.server import sockets
from gateway.store.state import directory
from gateway.telemetry import logs

log = structlog.stdlib.get_logger()

_FIXED = ("host", "port", "workers")
"""What a running supervisor cannot change."""


def run(options: Mapping[str, str | None]) -> None:
    """Serve as `options` (by variable; None: not given) and the configuration say.

    Raises:
        typer.Exit: with code 2 after an explanation on standard error, if the gateway cannot start; with code
            1, if a worker cannot.
    """
    config = _read(options)
    serve = _serve if config.server.workers == 1 else partial(_serve_together, options)
    serve(config, lambda: typer.echo(welcome(config, PROVIDERS), err=True))


def _read(options: Mapping[str, str | None]) -> GatewayConfig:
    config = configuration(options, local_models)
    logs.configure(config.log.level, config.log.format, sys.stdout, config.secrets)
    for pool in config.idle_pools:
        log.warning("pool_without_deployments", pool=pool)
    for file in filter(is_open, config.key_files):
        log.warning("keys_that_everybody_may_read", file=str(file), remedy="chmod 600")
    return config


def _serve(config: GatewayConfig, announce: Callable[[], None]) -> None:
    ready = False

    def on_ready() -> None:
        nonlocal ready
        ready = True
        announce()

    try:
        app.serve(config, on_ready, _folder())
    except OSError as error:
        if ready:
            raise
        raise _no_port(config.server, error) from error


def _serve_together(
    options: Mapping[str, str | None], config: GatewayConfig, announce: Callable[[], None]
) -> None:
    """In the process that was started, supervise; in the workers that it becomes, serve."""
    try:
        shares = sockets.sharing(config.server.host, config.server.port, config.server.workers)
    except OSError as error:
        raise _no_port(config.server, error) from error
    try:
        post = Supervisor(config, shares, lambda: _reread(options, config.server), announce).run()
    except NoWorkerStartedError as error:
        typer.echo("gateway: the workers end before they serve; their records say why", err=True)
        raise typer.Exit(1) from error
    if post is not None:
        app.work(post.config, post.sockets, post.supervisor, _folder())


def _reread(options: Mapping[str, str | None], server: ServerConfig) -> GatewayConfig | None:
    """What the configuration says now, but for what cannot change; None if it is none any more."""
    try:
        config = _read(options)
    except typer.Exit:
        log.error("configuration_refused", remedy="standard error says what is wrong; the old one holds")  # noqa: TRY400 - no bug
        return None
    fixed = {name: getattr(server, name) for name in _FIXED}
    differing = [name for name in _FIXED if getattr(config.server, name) != fixed[name]]
    if differing:
        log.warning("change_needs_a_restart", settings=differing)
    return config.model_copy(update={"server": config.server.model_copy(update=fixed)})


def _folder() -> Path:
    """Where is kept what survives a restart."""
    return directory(environment({}, os.environ, Path(".env")))


def _no_port(server: ServerConfig, error: OSError) -> typer.Exit:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
    return refusal(
        f"cannot listen on {server.host}:{server.port}: {reason}; "
        "choose another with SERVER_HOST and SERVER_PORT"
    )
