"""`gateway translate`: what would become of a request or of a streamed reply, with the codecs alone.

No configuration, no key, no connection: a body goes in, the body for an upstream of another protocol comes
out on standard output, and on standard error what got lost or was said differently, by the client's own path.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from gateway.cli.configuration import refusal
from gateway.errors import GatewayError
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Call, Codec, Losses, Operation, Sent, foreign_fields
from gateway.protocols.target import Target
from gateway.providers.capabilities import built_in
from gateway.relay.lanes import Ends, EventsLane, PassingLane, Piece
from gateway.relay.veil import unveiled
from gateway.wire import fast_json
from gateway.wire.document import Document, NoObjectError

_REPLY_ID = "0" * 24
_REASONS: Mapping[str, str] = {
    "dropped": "the upstream's protocol or model has no word for it",
    "repaired": "said differently, with the same meaning",
}


@dataclass(slots=True, frozen=True)
class Outcome:
    """What comes out, what got lost on the way, and the error that ended it (empty: none did)."""

    data: bytes
    losses: Losses
    error: str = ""


def run(client: str, upstream: str, model: str | None, place: str, *, stream: bool) -> None:
    """Print what becomes of the body, or with `stream` of the upstream's stream, at `place` (`-`: standard
    input).

    Raises:
        typer.Exit: with code 2 if it cannot be read, with code 1 if it cannot be translated.
    """
    ends = _codec(client, "--from"), _codec(upstream, "--to")
    data = _read(place)
    outcome = reply(*ends, model or "", data) if stream else request(*ends, model, data)
    sys.stdout.write(outcome.data.decode("utf-8", "replace"))
    for word, paths in (("dropped", outcome.losses.dropped), ("repaired", outcome.losses.repaired)):
        if paths:
            typer.echo(f"{word} ({_REASONS[word]}):", err=True)
            typer.echo("".join(f"  {path}\n" for path in paths), err=True, nl=False)
    if outcome.error:
        typer.echo(f"gateway: {outcome.error}", err=True)
        raise typer.Exit(1)


def request(client: Codec, upstream: Codec, model: str | None, data: bytes) -> Outcome:
    """The body that an upstream would be sent for a client's, to the model that is named or asked for."""
    losses = Losses()
    try:
        document = Document(data)
    except NoObjectError:
        return Outcome(b"", losses, "the request is not a JSON object")
    except fast_json.JsonError as error:
        return Outcome(b"", losses, f"the request is not JSON: {error}")
    try:
        call = _call(client, document, model)
        body = _sent((client, upstream), call, model or client.asked(call).model, losses)
    except GatewayError as error:
        # What is not sent loses nothing on the way.
        return Outcome(b"", Losses(), error.message)
    return Outcome(body + b"\n", losses)


def _call(client: Codec, document: Document, model: str | None) -> Call:
    """The call that a file stands for. Where a protocol names the model in the path, that is `model`; where
    there is a path for a prompt alone, what has no messages is one.
    """
    routes = {point.operation: point for point in reversed(client.endpoints)}
    route = routes[Operation.GENERATE]
    if "messages" not in document.names:
        route = routes.get(Operation.COMPLETE, route)
    return Call(document, params={"model": model} if model else {}, endpoint=route)


def _sent(ends: tuple[Codec, Codec], call: Call, model: str, losses: Losses) -> bytes:
    client, upstream = ends
    target = Target(model, built_in().of(upstream.name, model))
    if client is upstream:
        return client.redirect(call, target, losses)[0]
    asked = client.decode_request(call)
    asked.messages = unveiled(asked.messages)
    sent = upstream.encode_request(asked, target, losses)
    for path in foreign_fields(asked, upstream.name):
        losses.drop(path)
    return fast_json.dumps(sent.body)


def reply(client: Codec, upstream: Codec, model: str, data: bytes) -> Outcome:
    """The stream that a client would be sent for an upstream's."""
    losses = Losses()
    asked = Asked(model, stream=True, include_usage=True, reply_id=_REPLY_ID)
    ends = Ends(upstream, client, Sent(), asked, losses)
    lane = PassingLane(ends, usage_is_ours=False) if client is upstream else EventsLane(ends)
    said = lane.feed(data)
    last = lane.close() if said.error is None and not lane.complete else Piece()
    error = said.error or last.error
    if error is None:
        return Outcome(said.data + last.data, losses)
    return Outcome(said.data + last.data + lane.fail(error), losses, error.message)


def _codec(name: str, option: str) -> Codec:
    if name not in CODECS:
        raise refusal(f"{option}: there is no protocol {name!r}; there are {', '.join(CODECS)}")
    return CODECS[name]


def _read(place: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    except OSError as error:
        raise refusal(f"{place}: {error.strerror}") from error
