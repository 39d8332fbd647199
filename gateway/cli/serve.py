"""`gateway serve`: the configuration, then the server until it is told to stop."""

import os
import sys
from collections.abc import Mapping

import structlog
import typer

from gateway import app
from gateway.cli.configuration import configuration, refusal
from gateway.cli.welcome import welcome
from gateway.config.schema import GatewayConfig
from gateway.providers import PROVIDERS
from gateway.telemetry import logs

log = structlog.stdlib.get_logger()


def run(options: Mapping[str, str | None]) -> None:
    """Serve as `options` (by variable; None: not given) and the configuration say.

    Raises:
        typer.Exit: with code 2 after an explanation on standard error, if the gateway cannot start.
    """
    config = configuration(options)
    logs.configure(config.log.level, config.log.format, sys.stdout, config.secrets)
    for pool in config.idle_pools:
        log.warning("pool_without_deployments", pool=pool)
    _serve(config)


def _serve(config: GatewayConfig) -> None:
    ready = False

    def announce() -> None:
        nonlocal ready
        ready = True
        typer.echo(welcome(config, PROVIDERS), err=True)

    try:
        app.serve(config, announce)
    except OSError as error:
        if ready:
            raise
        place = f"{config.server.host}:{config.server.port}"
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
        raise refusal(
            f"cannot listen on {place}: {reason}; choose another with SERVER_HOST and SERVER_PORT"
        ) from error
