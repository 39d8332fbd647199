"""Where every command gets its configuration from, and how a refusal to go on is said."""

import os
from collections.abc import Mapping
from pathlib import Path

import typer

from gateway.cli.environment import environment, program
from gateway.cli.kinds import kinds
from gateway.cli.local import Found, with_local
from gateway.config.environment import from_environment
from gateway.config.errors import ConfigError
from gateway.config.load import load
from gateway.config.schema import GatewayConfig

_REFUSED = 2


def configuration(options: Mapping[str, str | None], found: Found | None = None) -> GatewayConfig:
    """What the file at GATEWAY_CONFIG says, or without one the environment and `.env`, and over both of them
    `options` (by variable; None: not given). Where all of them say nothing, a server of one's own that
    `found` knows of takes the demo model's place.

    Raises:
        typer.Exit: with code 2 after an explanation on standard error, if that is no configuration.
    """
    try:
        env = environment(options, os.environ, Path(".env"))
        if file := env.get("GATEWAY_CONFIG", "").strip():
            given = {name: value for name, value in options.items() if value}
            return load(Path(file), kinds(), env, given)
        config = from_environment(env, kinds(), program=program())
    except ConfigError as error:
        raise refusal(str(error)) from error
    return config if found is None or "MODEL_PROVIDER" in env else with_local(config, found)


def refusal(why: str) -> typer.Exit:
    """Say on standard error why the command does not go on; raise what is returned."""
    typer.echo(f"gateway: {why}", err=True)
    return typer.Exit(_REFUSED)
