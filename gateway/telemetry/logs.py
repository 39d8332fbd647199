"""The log: one line an event, for a person on a terminal, as JSON everywhere else.

Records are the service's output and go to standard output, where containers and pipes expect them; what a
person who starts the gateway reads once (the start-up table, errors of the command line) goes to standard
error, so that a pipe carries nothing but records. Tracebacks never show the values of variables, and
redaction comes last before rendering. What libraries say through `logging` takes the same way.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from traceback import TracebackException
from types import MappingProxyType
from typing import Any, Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.canonical.json import JsonValue
from gateway.telemetry.redaction import Redactor
from gateway.wire.fast_json import dumps

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "text", "json"]

Fields: TypeAlias = dict[str, JsonValue]
Render: TypeAlias = Callable[[Fields], str]

_HANDLER = "gateway"
_LEVELS: Mapping[Level, int] = MappingProxyType(
    {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
)
_TEXT_COLUMN = 18


def configure(level: Level, log_format: Format, stream: TextIO, secrets: Iterable[str] = ()) -> None:
    """Set up logging for the whole process; calling it again replaces what was.

    `secrets` are values that must never appear. Libraries are heard from `warning` up, and at `debug` fully.
    """
    on_terminal = stream.isatty()
    as_text = log_format == "text" or (log_format == "auto" and on_terminal)
    render = _in_columns(colors=on_terminal) if as_text else _as_json
    finish = _Finish(Redactor(secrets), render)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, finish],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _take_over_libraries(level, stream, finish)


def _take_over_libraries(level: Level, stream: TextIO, finish: Processor) -> None:
    handler = logging.StreamHandler(stream)
    handler.name = _HANDLER
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.contextvars.merge_contextvars],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, finish],
        )
    )
    root = logging.getLogger()
    for former in [known for known in root.handlers if known.name == _HANDLER]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level] if level == "debug" else max(_LEVELS[level], logging.WARNING))


class _Finish:
    """Turns a record into its line. One step instead of several: every request writes a line."""

    def __init__(self, redactor: Redactor, render: Render) -> None:
        self._redactor = redactor
        self._render = render

    def __call__(self, _logger: WrappedLogger, method: str, record: EventDict) -> str:
        if "exc_info" in record:
            _write_out_exception(record)
        fields = self._redactor.fields(record)
        now = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        # When it was and how grave stand in front, where eyes and cutters of lines look for it. Both are ours
        # and no secrets.
        signs: Fields = {"timestamp": f"{now}Z", "level": method, "event": fields.pop("event", None)}
        return self._render({**signs, **fields})


def _write_out_exception(record: EventDict) -> None:
    """Turn `exc_info` into the text of a traceback: files, lines and messages, never the values of
    variables.
    """
    error = _exception_of(record.pop("exc_info"))
    if error is not None:
        record["exception"] = "".join(TracebackException.from_exception(error).format()).rstrip()


def _exception_of(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case None | False:
            return None
        case _:
            return sys.exc_info()[1]


def _as_json(fields: Fields) -> str:
    return dumps(fields).decode()


def _in_columns(*, colors: bool) -> Render:
    console = structlog.dev.ConsoleRenderer(
        colors=colors,
        sort_keys=False,
        pad_event_to=_TEXT_COLUMN,
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(fields: Fields) -> str:
        # What clients and upstreams wrote must not move the cursor of a terminal, nor begin a line of its
        # own.
        shown = {name: _escaped(value, keep_lines=name == "exception") for name, value in fields.items()}
        return console(None, "", shown)

    return render


def _escaped(value: Any, *, keep_lines: bool) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    if keep_lines:
        return "\n".join(_escaped(line, keep_lines=False) for line in value.split("\n"))
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in value)
