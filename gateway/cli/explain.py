"""`gateway explain`: asks the gateway that runs here what would become of a request, and why."""

import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from gateway.canonical.json import JsonObject
from gateway.cli.address import address_of
from gateway.cli.configuration import configuration, refusal
from gateway.cli.table import table
from gateway.wire import fast_json

_PATIENCE_S = 30.0
_CONNECTIONS: Mapping[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}
_COLUMNS = ("place", "deployment", "pool", "model", "lane", "passed over because")
_NOT_TRIED = "-"


def run(
    options: Mapping[str, str | None], file: str, *, path: str, url: str | None = None, as_json: bool = False
) -> None:
    """Print what would become of the request in `file` (`-`: standard input): a client's body for `path`, or
    an object with `path`, `body` and perhaps `headers`.

    Raises:
        typer.Exit: with code 2 if it cannot be read or asked about, with code 1 if nobody would be tried.
    """
    question = _question(_read(file), path)
    config = configuration(options)
    key = config.admin.key
    address = url or address_of(config.server.host, config.server.port)
    told = _asked(address, question, key.get_secret_value() if key is not None else None)
    typer.echo(fast_json.dumps(told).decode() if as_json else "\n".join(lines_of(told)))
    if not told.get("order") and "answered_by" not in told:
        raise typer.Exit(1)


def lines_of(told: Mapping[str, Any]) -> Iterator[str]:
    """What `/api/explain` has `told`, for people."""
    if "answered_by" in told:
        yield f"{told['protocol']}: answered by {told['answered_by']}"
        return
    way = ", then ".join(f"{hop['pool']}/{hop['model']}" for hop in told["way"])
    yield f"{told['model']} ({told['protocol']}{', streamed' if told['stream'] else ''}) leads to {way}"
    sticky = told["sticky"]
    if sticky is not None and sticky["holder"] is not None:
        yield f"the conversation's prompt cache is at {sticky['holder']}"
    yield ""
    yield from table(_COLUMNS, map(_row, told["candidates"]))
    if told["not_shown"]:
        yield f"and {told['not_shown']} more"
    yield from _notes(told["candidates"])
    if told["refused"] is not None:
        yield ""
        yield f"refused with {told['refused']['status']}: {told['refused']['message']}"


def _row(candidate: Mapping[str, Any]) -> list[str]:
    reasons = "; ".join(map(_reason, candidate["passed_over"]))
    return [*(str(candidate[column] or _NOT_TRIED) for column in _COLUMNS[:-1]), reasons]


def _reason(obstacle: Mapping[str, Any]) -> str:
    if obstacle["until"] is None:
        return str(obstacle["why"])
    return f"{obstacle['why']} (until {obstacle['until']}, {obstacle['seconds']:.0f} s)"


def _notes(candidates: list[Mapping[str, Any]]) -> Iterator[str]:
    """What is lost or said differently, and by whom, each way once."""
    by_way: dict[tuple[str, str], list[str]] = {}
    for each in candidates:
        for word in ("dropped", "repaired"):
            if each[word]:
                by_way.setdefault((word, ", ".join(each[word])), []).append(each["deployment"])
    for (word, paths), names in by_way.items():
        yield ""
        yield f"{word} for {', '.join(names)}: {paths}"


def _question(data: bytes, path: str) -> JsonObject:
    try:
        said = fast_json.loads_strict(data)
    except fast_json.JsonError as error:
        raise refusal(f"the request is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise refusal("the request is not a JSON object")
    return said if {"path", "body"} <= said.keys() else {"path": path, "body": said}


def _asked(address: str, question: JsonObject, key: str | None) -> dict[str, Any]:
    """What the gateway at `address` answers. Proxies are for upstreams: none is used here."""
    url = urlsplit(address)
    if url.scheme not in _CONNECTIONS or not url.hostname:
        raise refusal("--url takes the address of a gateway, like http://127.0.0.1:3000")
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    connection = _CONNECTIONS[url.scheme](url.hostname, url.port, timeout=_PATIENCE_S)
    try:
        connection.request(
            "POST", f"{url.path.rstrip('/')}/api/explain", fast_json.dumps(question), headers=headers
        )
        reply = connection.getresponse()
        answer: Any = fast_json.loads(reply.read())
    except OSError as error:
        raise refusal(f"no gateway answers at {url.netloc}: {error.strerror or error}") from error
    except (HTTPException, fast_json.JsonError) as error:
        raise refusal(f"what answers at {url.netloc} is no gateway") from error
    finally:
        connection.close()
    if reply.status != 200:
        raise refusal(f"{url.netloc} answers {reply.status}: {_message(answer)}")
    return dict(answer)


def _message(answer: Any) -> str:
    try:
        return str(answer["error"]["message"])
    except (LookupError, TypeError):
        return "it does not say why"


def _read(place: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    except OSError as error:
        raise refusal(f"{place}: {error.strerror}") from error
