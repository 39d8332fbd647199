"""`gateway healthcheck`: asks the gateway that runs here whether it is ready.

Containers call it every few seconds, so it imports next to nothing: no HTTP library, no provider.
"""

import os
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import typer

from gateway.cli.address import address_of
from gateway.cli.environment import environment
from gateway.config.schema import ServerConfig

_PATIENCE_S = 3.0
_CONNECTIONS: Mapping[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


def run(options: Mapping[str, str | None], url: str | None) -> None:
    """Ask the gateway at `url`, or else the one that `options` and the environment describe.

    Raises:
        typer.Exit: with code 1 after a line on standard error, if it is not ready or cannot be asked. (What
            runs containers keeps code 2 for itself.)
    """
    try:
        address = url or _configured(options)
        status = _status(address)
    except OSError as error:
        raise _unready(f"no answer: {error.strerror or error}") from error
    except HTTPException as error:
        raise _unready("the answer is not HTTP") from error
    except ValueError as error:
        raise _unready(str(error)) from error
    if status != 200:
        raise _unready(f"/readyz answers with HTTP status {status}")
    typer.echo("ready")


def _status(address: str) -> int:
    """What `/readyz` answers. Proxies are for upstreams: none is used here."""
    url = urlsplit(address)
    if url.scheme not in _CONNECTIONS or not url.hostname:
        raise ValueError("--url takes the address of a gateway, like http://127.0.0.1:3000")
    connection = _CONNECTIONS[url.scheme](url.hostname, url.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{url.path.rstrip('/')}/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


def _configured(options: Mapping[str, str | None]) -> str:
    """Where a gateway listens that was started with the same variables."""
    env = environment(options, os.environ, Path(".env"))
    server = _from_file(options) if env.get("GATEWAY_CONFIG", "").strip() else _from_variables(env)
    return address_of(server.host, server.port)


def _from_variables(env: Mapping[str, str]) -> ServerConfig:
    said = {"host": env.get("SERVER_HOST", "").strip(), "port": env.get("SERVER_PORT", "").strip()}
    try:
        return ServerConfig.model_validate({name: value for name, value in said.items() if value})
    except ValueError as error:
        raise ValueError("SERVER_HOST or SERVER_PORT is not what a server can listen on") from error


def _from_file(options: Mapping[str, str | None]) -> ServerConfig:
    from gateway.cli.configuration import configuration  # noqa: PLC0415 - only a file needs all of it

    try:
        return configuration(options).server
    except typer.Exit as error:
        raise ValueError("the configuration cannot be read") from error


def _unready(why: str) -> typer.Exit:
    typer.echo(f"not ready: {why}", err=True)
    return typer.Exit(1)
