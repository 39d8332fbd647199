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
_WORKERS = "Processes that share the port (SERVER_WORKERS, 1)."
_LOG_LEVEL = "debug, info, warning or error (LOG_LEVEL, info)."
_URL = "The gateway's address; without it SERVER_HOST and SERVER_PORT, or the configuration, say it."

ConfigFile = Annotated[
    str | None,
    typer.Option("--config", "-config", metavar="FILE", help="Configuration file (GATEWAY_CONFIG)."),
]


def main() -> None:
    """Run the command that the arguments name; without any, the server."""
    app(prog_name="gateway")


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    config: ConfigFile = None,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """`gateway` alone is `gateway serve`."""
    if version:
        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        serve_clients(config)
    else:
        # In front of a command the option means the same as behind it.
        context.default_map = {context.invoked_subcommand: {"config": config}}


@app.command("serve")
def serve_clients(
    config: ConfigFile = None,
    *,
    host: Annotated[str | None, typer.Option(help=_HOST)] = None,
    port: Annotated[str | None, typer.Option(help=_PORT)] = None,
    workers: Annotated[str | None, typer.Option(help=_WORKERS)] = None,
    log_level: Annotated[str | None, typer.Option(help=_LOG_LEVEL)] = None,
) -> None:
    """Serve clients until SIGTERM or Ctrl-C.

    Without a configuration file, keys and addresses come from the environment. A file .env in this directory
    counts as environment, which wins over it; options win over everything.
    """
    from gateway.cli.serve import run  # noqa: PLC0415 - half a second that --help need not wait for

    run(
        {
            "GATEWAY_CONFIG": config,
            "SERVER_HOST": host,
            "SERVER_PORT": port,
            "SERVER_WORKERS": workers,
            "LOG_LEVEL": log_level,
        }
    )


@app.command("check")
def check_deployments(
    config: ConfigFile = None,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Check the configuration only.")] = False,
) -> None:
    """Check the configuration, then call every deployment once.

    Code 0: all live. 1: at least one is not. 2: the configuration is none.
    """
    from gateway.cli.check import run  # noqa: PLC0415 - as above

    run({"GATEWAY_CONFIG": config}, offline=offline)


@app.command("models")
def list_models(
    config: ConfigFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the names that clients may use and where they lead, from the configuration alone."""
    from gateway.cli.models import run  # noqa: PLC0415 - as above

    run({"GATEWAY_CONFIG": config}, as_json=as_json)


@app.command("healthcheck")
def ask_for_health(
    config: ConfigFile = None, url: Annotated[str | None, typer.Option(help=_URL)] = None
) -> None:
    """Ask a running gateway whether it is ready. Code 0: it is. 1: it is not."""
    from gateway.cli.healthcheck import run  # noqa: PLC0415 - as above

    run({"GATEWAY_CONFIG": config}, url)


@app.command("translate")
def translate_file(
    file: Annotated[str, typer.Argument(help="The body; - is standard input.")],
    client: Annotated[str, typer.Option("--from", help="The client's protocol.")],
    upstream: Annotated[str, typer.Option("--to", help="The upstream's protocol.")],
    *,
    model: Annotated[str | None, typer.Option(help="The upstream's model (the one in the body).")] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="FILE is a stream of the upstream's: show it to the client.")
    ] = False,
) -> None:
    """Show what an upstream would be sent for a client's request, and what gets lost or changed on the way.

    Code 0: it can be said. 1: it cannot. Needs no configuration and calls nobody.
    """
    from gateway.cli.translate import run  # noqa: PLC0415 - as above

    run(client, upstream, model, file, stream=stream)


@app.command("explain")
def explain_request(
    file: Annotated[str, typer.Argument(help="The body; - is standard input.")],
    config: ConfigFile = None,
    *,
    path: Annotated[str, typer.Option(help="Where a client sends the body.")] = "/v1/chat/completions",
    url: Annotated[str | None, typer.Option(help=_URL)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask a running gateway who could serve a request, who is passed over and why, and what would be sent.

    Nothing is sent anywhere. Code 0: somebody would be tried. 1: nobody. 2: it cannot be asked.
    """
    from gateway.cli.explain import run  # noqa: PLC0415 - as above

    run({"GATEWAY_CONFIG": config}, file, path=path, url=url, as_json=as_json)
