"""Every recorded request, shown by `gateway translate` as an upstream of every other protocol would get it:
the command and a running gateway send the same, name the same losses and refuse the same.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from typer.testing import CliRunner

from gateway import cli
from gateway.canonical.content import Text
from gateway.canonical.events import Choice, Response
from gateway.canonical.usage import Stop, StopReason
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Losses
from gateway.wire.fast_json import dumps, loads
from tests.corpus.conftest import Report, request_line, words_of
from tests.corpus.one_model import PROVIDERS, asked, one_model, route
from tests.corpus.recordings import Recording, recordings
from tests.gateways import running
from tests.upstreams import FakeUpstream, Play, playing

pytestmark = [pytest.mark.shared, pytest.mark.slow]

MODEL = "probe-1"
PAIRS = [(client, upstream) for client in PROVIDERS for upstream in PROVIDERS if client != upstream]

STREAMS = frozenset({"stream", "stream_options", "include_usage"})
"""What asks for a stream. A file does not say at which path it was sent, and so not whether a client of
Gemini asked for one.
"""


@dataclass(frozen=True)
class Shown:
    """What the command printed."""

    sent: Any
    dropped: list[str]
    repaired: list[str]
    error: str


@dataclass(frozen=True)
class Served:
    """What came of the same request at a running gateway."""

    sent: Any
    header: str
    line: EventDict
    error: str


def shown(recording: Recording, upstream: str) -> Shown:
    """The recorded request as the command shows it."""
    options = ("--from", recording.protocol, "--to", upstream, "--model", MODEL)
    result = CliRunner().invoke(cli.app, ["translate", *options, "-"], input=dumps(asked(recording)))
    assert isinstance(result.exception, SystemExit | None), recording.name
    sections = dict(re.findall(r"^(\w+) \([^\n]*\):\n((?:  [^\n]*\n)+)", result.stderr, re.MULTILINE))
    losses = {name: [path[2:] for path in paths.splitlines()] for name, paths in sections.items()}
    error = result.stderr.partition("gateway: ")[2].removesuffix("\n")
    assert (result.exit_code, result.stdout == "") == ((1, True) if error else (0, False)), recording.name
    sent = loads(result.stdout.encode()) if result.stdout else None
    return Shown(sent, losses.get("dropped", []), losses.get("repaired", []), error)


async def served(session: aiohttp.ClientSession, recording: Recording, upstream: FakeUpstream) -> Served:
    """The recorded request through the gateway behind `session`."""
    upstream.heard.clear()
    with capture_logs() as log:
        async with session.post(route(recording), json=asked(recording)) as reply:
            said = await reply.read()
        line = await request_line(log)
    error = words_of(loads(said)) if reply.status != 200 else ""
    sent = upstream.heard[0].json if upstream.heard else None
    return Served(sent, reply.headers.get("x-gateway-dropped", ""), line, error)


def reply_of(upstream: str) -> Play:
    """A reply that loses nothing on its way to any client."""
    response = Response(model=MODEL, choices=[Choice([Text("Fine.")], Stop(StopReason.END))])
    body = CODECS[upstream].encode_response(response, Asked(MODEL, reply_id="0" * 24), Losses())
    return Play([body], content_type="application/json")


def in_header(lost: Sequence[str], header: str) -> bool:
    """Whether a header names all that was `lost`, or, where that is too long for one, counts the rest."""
    said = [re.sub(r"[^ -~]", "?", path) for path in lost]
    if len(", ".join(said)) <= 1024:
        return header == ", ".join(said)
    kept, _, rest = header.rpartition(", +")
    number = int(rest.removesuffix(" more"))
    return kept == ", ".join(said[:-number])


def differences(shown: Shown, served: Served, *, stream_in_path: bool) -> Iterator[str]:
    """Where the command and the gateway do not agree."""
    if shown.error != served.error:
        yield f"refused with {shown.error!r}, and by the gateway with {served.error!r}"
    if not in_header(shown.dropped, served.header):
        yield f"{shown.dropped} are lost, and in the header {served.header!r}"
    if served.error:
        return
    if shown.dropped != served.line["losses"]:
        yield f"{shown.dropped} are lost, and in the log {served.line['losses']}"
    hidden = STREAMS if stream_in_path else frozenset()
    repaired = [note for note in served.line["repairs"] if note.partition(" ")[0] not in hidden]
    if shown.repaired != repaired:
        yield f"{shown.repaired} are repaired, and in the log {repaired}"
    sent = [
        {name: value for name, value in body.items() if name not in hidden}
        for body in (shown.sent, served.sent)
    ]
    if sent[0] != sent[1]:
        yield f"{sent[0]} is not what was sent: {sent[1]}"


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_translate_names_the_losses_that_a_gateway_names(
    client: str, upstream: str, report: Report
) -> None:
    requests = [one for one in recordings(client) if one.request is not None]
    wrong: dict[str, list[str]] = {}
    async with (
        playing(reply_of(upstream)) as far,
        running(one_model(upstream, far.url, MODEL)) as gateway,
        aiohttp.ClientSession(gateway) as session,
    ):
        for recording in requests:
            seen = await served(session, recording, far)
            found = [*differences(shown(recording, upstream), seen, stream_in_path=client == "gemini")]
            if found:
                wrong[recording.name] = found
    same = len(requests) - len(wrong)
    report(f"translate from {client} to {upstream}: {same} of {len(requests)} as through a gateway")
    assert wrong == {}
    assert requests
