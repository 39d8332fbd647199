"""`gateway check`: the configuration, then one live call to every deployment, and a plain word on each."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

import typer

from gateway import errors, fleet
from gateway.auth.api_key import NoKey
from gateway.cli.configuration import configuration
from gateway.cli.table import table
from gateway.cli.welcome import place_of
from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from gateway.pool.deployment import Deployment
from gateway.pool.probe import probe
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.telemetry.redaction import Redactor
from gateway.wire.http import Transport

_COLUMNS = ("pool", "deployment", "provider", "host", "result")
_AT_ONCE = 8
_MOST_WORDS = 160

_FAILURES: Mapping[type[errors.UpstreamError], str] = {
    errors.CredentialRejected: "key rejected",
    errors.RateLimited: "rate limited",
    errors.QuotaExhausted: "no quota left",
    errors.ModelUnavailable: "not found",
    errors.RequestRefused: "request refused",
    errors.Overloaded: "overloaded",
    errors.UpstreamTimeout: "no answer",
    errors.Unreachable: "no connection",
    errors.BadUpstreamReply: "not the expected API",
    errors.UpstreamError: "failed",
}
_SELF_EXPLAINING = frozenset({401, 429, 503, 529})
"""Statuses to which the words of the upstream add nothing."""


@dataclass(slots=True, frozen=True)
class Result:
    """What came of one call."""

    live: bool
    words: str


def run(options: Mapping[str, str | None], *, offline: bool) -> None:
    """Print what is live; `offline` checks the configuration alone.

    Raises:
        typer.Exit: with code 2 after an explanation, if the configuration is none; with 1 if not all is live.
    """
    config = configuration(options)
    if offline:
        typer.echo(f"The configuration is sound: {_counted(config)}.")
        return
    results = asyncio.run(_live(config))
    typer.echo(report(config, results))
    if not results or not all(result.live for result in results.values()):
        raise typer.Exit(1)


async def results_of(config: GatewayConfig, transport: Transport) -> dict[str, Result]:
    """Call every enabled deployment once, a few at a time; by the ids of their entries."""
    turn = asyncio.Semaphore(_AT_ONCE)
    redactor = Redactor(config.secrets)

    async def called(deployment: Deployment) -> Result:
        async with turn:
            return await _call(deployment, redactor)

    pools = fleet.pools_of(config, transport)
    members = {member.entry: member for pool in pools for member in pool.members}
    results = await asyncio.gather(*map(called, members.values()))
    return dict(zip(members, results, strict=True))


def report(config: GatewayConfig, results: Mapping[str, Result]) -> str:
    """The table for the operator, and the sum of it."""
    rows = (_row(pool, member, results) for pool in config.pools for member in pool.deployments)
    live = sum(result.live for result in results.values())
    return "\n".join((*table(_COLUMNS, rows), "", f"{live} of {len(results)} live"))


def failure(error: errors.UpstreamError, *, keyed: bool) -> str:
    """Why a deployment is not live: in our words, and in the upstream's where ours do not say enough.

    `keyed`: a key was sent.
    """
    ours = next(_FAILURES[kind] for kind in type(error).__mro__ if kind in _FAILURES)
    if isinstance(error, errors.CredentialRejected) and not keyed:
        ours = "key required"
    status = "" if error.upstream_status is None else f" ({error.upstream_status})"
    theirs = "" if error.upstream_status in _SELF_EXPLAINING else f": {error.message}"
    return ours + status + theirs


async def _live(config: GatewayConfig) -> dict[str, Result]:
    async with Connector(config.timeouts.connect) as connector:
        return await results_of(config, AiohttpTransport(connector))


async def _call(deployment: Deployment, redactor: Redactor) -> Result:
    began = monotonic()
    try:
        await probe(deployment)
    except errors.UpstreamError as error:
        keyed = not isinstance(deployment.credential, NoKey)
        return Result(live=False, words=_shown(redactor.text(failure(error, keyed=keyed))))
    return Result(live=True, words=f"ok {(monotonic() - began) * 1000:.0f} ms")


def _shown(words: str) -> str:
    """On one line, and without what would move the cursor of a terminal."""
    line = "".join(sign if sign.isprintable() else " " for sign in words)
    return line if len(line) <= _MOST_WORDS else f"{line[:_MOST_WORDS]}…"


def _row(pool: PoolConfig, member: DeploymentConfig, results: Mapping[str, Result]) -> tuple[str, ...]:
    provider = PROVIDERS[member.provider]
    words = results[member.id].words if member.id in results else "disabled"
    return pool.name, member.id, provider.name, place_of(member, provider), words


def _counted(config: GatewayConfig) -> str:
    enabled = sum(member.enabled for member in config.deployments)
    disabled = len(config.deployments) - enabled
    return ", ".join(
        _named((("pool", len(config.pools)), ("enabled deployment", enabled), ("disabled one", disabled)))
    )


def _named(counts: Iterable[tuple[str, int]]) -> Iterable[str]:
    return (f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts if count)
