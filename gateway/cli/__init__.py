"""The command line. What a command needs is imported when it runs, so that `--help` answers at once."""

from typing import Annotated

import typer

from gateway import __version__

# Typer's pretty tracebacks print local variables, keys among them.
app = typer.Typer(
    name="gateway",
    help="One gateway between every LLM client protocol and every LLM upstream protocol.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_HOST = "Address to listen on (SERVER_HOST, 127.0.0.1)."
_PORT = "Port to listen on (SERVER_PORT, 3000)."
_LOG_LEVEL = "debug, info, warning or error (LOG_LEVEL, info)."


def main() -> None:
    """Run the command that the arguments name; without any, the server."""
    app(prog_name="gateway")


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """`gateway` alone is `gateway serve`."""
    if version:
        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        serve_clients()


@app.command("serve")
def serve_clients(
    host: Annotated[str | None, typer.Option(help=_HOST)] = None,
    port: Annotated[str | None, typer.Option(help=_PORT)] = None,
    log_level: Annotated[str | None, typer.Option(help=_LOG_LEVEL)] = None,
) -> None:
    """Serve clients until SIGTERM or Ctrl-C.

    Keys and addresses come from the environment and from a file .env in this directory; the environment wins,
    and options win over both.
    """
    from gateway.cli.serve import run  # noqa: PLC0415 - half a second that --help need not wait for

    run({"SERVER_HOST": host, "SERVER_PORT": port, "LOG_LEVEL": log_level})
