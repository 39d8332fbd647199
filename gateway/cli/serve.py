"""`gateway serve`: configuration from the environment, then the server until it is told to stop."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import typer
from dotenv import dotenv_values

from gateway import app
from gateway.cli.welcome import welcome
from gateway.config.environment import from_environment
from gateway.config.errors import ConfigError
from gateway.config.schema import GatewayConfig
from gateway.providers import PROVIDERS
from gateway.telemetry import logs

_REFUSED = 2


def run(options: Mapping[str, str | None]) -> None:
    """Serve as `options` (by variable; None: not given), the environment and `.env` say, in this order.

    Raises:
        typer.Exit: with code 2 after one line on standard error, if the gateway cannot start.
    """
    try:
        env = environment(options, os.environ, Path(".env"))
        config = from_environment(env, program=program())
    except ConfigError as error:
        raise _refusal(str(error)) from error
    logs.configure(config.log.level, config.log.format, sys.stdout, config.secrets)
    _serve(config)


def environment(options: Mapping[str, str | None], env: Mapping[str, str], file: Path) -> dict[str, str]:
    """The variables as they hold: those in `file`, over them `env`, over them `options`.

    Raises:
        ConfigError: `file` is there but cannot be read.
    """
    try:
        # A key is taken as it stands: what looks like ${…} in it is no reference.
        written = dotenv_values(file, interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text") from error
    return {
        name: value for name, value in (*written.items(), *env.items(), *options.items()) if value is not None
    }


def program() -> str:
    """How the operator calls this program, for commands that can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python3 -m gateway"
    return called.name if shutil.which(called.name) else str(called)


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
        raise _refusal(
            f"cannot listen on {place}: {reason}; choose another with SERVER_HOST and SERVER_PORT"
        ) from error


def _refusal(why: str) -> typer.Exit:
    typer.echo(f"gateway: {why}", err=True)
    return typer.Exit(_REFUSED)
